//! Organizations, and the events that were accepted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use hub_domain::{EventId, Organization, OrganizationId, SessionId, Timestamp};

use super::{
    Store, as_document,
    attributes::{Item, bytes, number, text},
    document,
    keys::Key,
};
use crate::error::{AwsError, classify};

/// Accepted events are remembered this long: a month covers every redelivery of the sender's and a
/// replay by hand.
const EVENT_DAYS: i64 = 30;

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
        self.document(&Key::organization(id), false).await
    }

    /// Writes an organization unless a newer change stands. `false` means one does.
    pub async fn put_organization(&self, organization: &Organization) -> Result<bool, AwsError> {
        let order = format!(
            "{:020}#{}",
            organization.changed_at.as_millisecond(),
            organization.changed_by
        );
        let mut item = Key::organization(&organization.id).attributes();
        item.insert("d".to_owned(), as_document(organization)?);
        item.insert("o".to_owned(), text(&order));
        let values = Item::from([(":o".to_owned(), text(order))]);
        match self
            .put(item, Some("attribute_not_exists(pk) OR o <= :o"), values)
            .await
        {
            Ok(()) => Ok(true),
            Err(AwsError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
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
