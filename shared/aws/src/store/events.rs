//! Organizations, and the events that were accepted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use hub_domain::{EventId, Organization, OrganizationId, SessionId, Timestamp};

use super::{
    Store, as_document,
    attributes::{bytes, bytes_of, must, number, text, text_of},
    document,
    keys::{Class, Key, partition_number},
};
use crate::error::{AwsError, classify};

/// Accepted events are remembered this long: a month covers every redelivery of the sender's and a
/// replay by hand.
const EVENT_DAYS: i64 = 30;

/// That an organization has webhooks, or had.
const HAS_WEBHOOKS: &str = "wh";

/// An accepted event, as far as idempotency needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventItem {
    /// Whose.
    pub organization: OrganizationId,
    /// Its id.
    pub event: EventId,
    /// Its session, if it has one.
    pub session: Option<SessionId>,
    /// Keyed hashes of its fields by JSON pointer: enough to name what differs, useless to read.
    pub fields: BTreeMap<String, String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The event itself, sealed, where nothing else keeps it.
    pub sealed: Option<Vec<u8>>,
}

/// An event that was kept whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its id.
    pub id: EventId,
    /// What was kept, sealed.
    pub sealed: Vec<u8>,
}

/// A page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptEvents {
    /// The events.
    pub events: Vec<KeptEvent>,
    /// How many events were looked at, those that are too old or were not kept included.
    pub looked_at: usize,
    /// Where the next page begins: the last event read, as `shard/id`; `None` at the end.
    pub next: Option<String>,
}

/// Where a cursor points.
fn position(cursor: &str) -> Option<(u32, String)> {
    let (shard, event) = cursor.split_once('/')?;
    let shard = shard
        .parse()
        .ok()
        .filter(|shard| *shard < Class::Event.shards())?;
    event.parse::<EventId>().ok()?;
    Some((shard, event.to_owned()))
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutEvent {
    /// It is new.
    New,
    /// The same event was accepted before.
    Same,
    /// Another event with this id was accepted before; these fields differ, by JSON pointer.
    Different(Vec<String>),
}

impl Store {
    /// One organization.
    pub async fn organization(
        &self,
        id: &OrganizationId,
    ) -> Result<Option<Organization>, AwsError> {
        let Some(item) = self.get(&Key::organization(id), false).await? else {
            return Ok(None);
        };
        let has_webhooks = item.contains_key(HAS_WEBHOOKS);
        let organization: Organization = document(&item)?;
        Ok(Some(Organization {
            has_webhooks,
            ..organization
        }))
    }

    /// Notes that an organization, which is there, has webhooks: from now on its events are kept whole.
    pub async fn note_webhooks(&self, organization: &OrganizationId) -> Result<(), AwsError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::organization(organization).attributes()))
            .condition_expression("attribute_exists(pk)")
            .update_expression(format!("SET {HAS_WEBHOOKS} = :one"))
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .map(drop)
            .map_err(|error| classify("dynamodb:UpdateItem", error))
    }

    /// Writes an organization unless a newer change stands. `false` means one does.
    pub async fn put_organization(&self, organization: &Organization) -> Result<bool, AwsError> {
        let order = format!(
            "{:020}#{}",
            organization.changed_at.as_millisecond(),
            organization.changed_by
        );
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::organization(&organization.id).attributes()))
            .condition_expression("attribute_not_exists(pk) OR o <= :o")
            // What stands beside it stays.
            .update_expression("SET d = :d, o = :o")
            .expression_attribute_values(":d", as_document(organization)?)
            .expression_attribute_values(":o", text(order))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error));
        match written {
            Ok(_) => Ok(true),
            Err(AwsError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What was kept whole of an event, sealed; `None` where the event is not there, or was not kept.
    pub async fn kept_event(
        &self,
        organization: &OrganizationId,
        event: &EventId,
    ) -> Result<Option<Vec<u8>>, AwsError> {
        let item = self.get(&Key::event(organization, event), true).await?;
        Ok(item.and_then(|item| bytes_of(&item, "b").map(<[u8]>::to_vec)))
    }

    /// Events that were kept whole and accepted at or after a moment, and where the rest begins: of about
    /// `most` events that are looked at. They are ordered by partition and id, not by time.
    pub async fn kept_events(
        &self,
        organization: &OrganizationId,
        since: Timestamp,
        cursor: Option<&str>,
        most: usize,
    ) -> Result<KeptEvents, AwsError> {
        let (first, mut after) = match cursor.and_then(position) {
            Some((shard, event)) => (shard, Some(event)),
            None => (0, None),
        };
        let mut page = KeptEvents::default();
        for shard in first..Class::Event.shards() {
            let pk = partition_number(organization.as_str(), Class::Event, shard);
            loop {
                let left = most.saturating_sub(page.looked_at).max(1);
                let start = after.take().map(|event: String| {
                    let (pk, sk) = (pk.clone(), event);
                    Key { pk, sk }.attributes()
                });
                let reply = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .key_condition_expression("pk = :pk")
                    .filter_expression("#at >= :since AND attribute_exists(b)")
                    .expression_attribute_names("#at", "at")
                    .expression_attribute_values(":pk", text(&pk))
                    .expression_attribute_values(":since", number(since.as_millisecond()))
                    .limit(i32::try_from(left).unwrap_or(i32::MAX))
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(|error| classify("dynamodb:Query", error))?;
                page.looked_at += usize::try_from(reply.scanned_count).unwrap_or_default();
                for item in reply.items.unwrap_or_default() {
                    const WHAT: &str = "an event that was kept";
                    page.events.push(KeptEvent {
                        id: must(text_of(&item, "sk").and_then(|id| id.parse().ok()), WHAT)?,
                        sealed: must(bytes_of(&item, "b"), WHAT)?.to_vec(),
                    });
                }
                let last = reply.last_evaluated_key;
                let last = last.and_then(|key| text_of(&key, "sk").map(str::to_owned));
                let Some(event) = last else { break };
                if page.looked_at >= most {
                    page.next = Some(format!("{shard}/{event}"));
                    return Ok(page);
                }
                after = Some(event);
            }
        }
        Ok(page)
    }

    /// Remembers an event, or says how it stands to the one that was accepted under its id before.
    pub async fn put_event(&self, event: &EventItem) -> Result<PutEvent, AwsError> {
        let mut item = Key::event(&event.organization, &event.event).attributes();
        item.insert("d".to_owned(), as_document(&event.fields)?);
        if let Some(session) = &event.session {
            item.insert("s".to_owned(), text(session.as_str()));
        }
        if let Some(sealed) = &event.sealed {
            item.insert("b".to_owned(), bytes(sealed.clone()));
        }
        item.insert("at".to_owned(), number(event.accepted_at.as_millisecond()));
        item.insert(
            "ttl".to_owned(),
            number(event.accepted_at.as_second() + EVENT_DAYS * 86_400),
        );
        let outcome = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = outcome else {
            return Ok(PutEvent::New);
        };
        let standing = match error.as_service_error() {
            Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed)) => {
                failed.item().cloned()
            }
            _ => return Err(classify("dynamodb:PutItem", error)),
        };
        // An emulator may send no item along; then it is read.
        let standing = match standing.filter(|item| !item.is_empty()) {
            Some(item) => item,
            None => match self
                .get(&Key::event(&event.organization, &event.event), true)
                .await?
            {
                Some(item) => item,
                None => {
                    return Err(AwsError::Conflict {
                        operation: "dynamodb:PutItem",
                    });
                }
            },
        };
        Ok(compared(&document(&standing)?, &event.fields))
    }
}

/// How the fields of an event stand to those that were accepted under its id before.
pub(super) fn compared(
    before: &BTreeMap<String, String>,
    fields: &BTreeMap<String, String>,
) -> PutEvent {
    let differs = before
        .keys()
        .chain(fields.keys())
        .filter(|pointer| before.get(*pointer) != fields.get(*pointer))
        .cloned()
        .collect::<std::collections::BTreeSet<_>>();
    if differs.is_empty() {
        PutEvent::Same
    } else {
        PutEvent::Different(differs.into_iter().collect())
    }
}
