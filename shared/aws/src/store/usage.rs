//! What an organization uses of what its plan allows, exact however many ask at the same time: the
//! thing that is counted and its counter are written by one transaction, conditional on the limit.
//!
//! DynamoDB cancels a transaction that meets another on the same item: that is
//! [`AwsError::Throttled`] here, since it may be repeated at once and nothing was written.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use hub_domain::{
    Connection, ConnectionId, EventId, OrganizationId, Timestamp, subscription::Month,
};

use super::{
    Store, as_document,
    attributes::{Item, must, number, number_of, text, text_of},
    keys::Key,
};
use crate::error::{AwsError, classify};

const OPERATION: &str = "dynamodb:TransactWriteItems";
/// Markers of counted syncs outlive what may bring the same event again: an event is remembered for
/// 30 days, and a message lives for 14.
const MARKER_DAYS: i64 = 45;
/// Counters of months are kept for a year and a month.
const COUNTER_DAYS: i64 = 400;

/// What became of something that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// It is counted.
    New,
    /// It was counted before; it is not counted again.
    Before,
    /// There is no room for it.
    Full {
        /// How many are counted.
        used: u64,
    },
}

impl Store {
    /// Writes a new connection if fewer than `most` are there.
    pub async fn add_connection(
        &self,
        connection: &Connection,
        most: Option<u64>,
    ) -> Result<Count, AwsError> {
        let mut item = Key::connection(&connection.organization, &connection.id).attributes();
        item.insert("d".to_owned(), as_document(connection)?);
        item.insert("v".to_owned(), number(connection.version));
        let one = ids([connection.id.as_str()]);
        let mut counter = Update::builder()
            .table_name(&self.table)
            .set_key(Some(
                Key::connections_in_use(&connection.organization).attributes(),
            ))
            .update_expression("ADD ids :one")
            .expression_attribute_values(":one", one);
        if let Some(most) = most {
            counter = counter
                .condition_expression("attribute_not_exists(ids) OR size(ids) < :most")
                .expression_attribute_values(":most", number(most));
        }
        let done = self.transact(self.put_once(item), counter).await?;
        Ok(match done {
            Transacted::Done => Count::New,
            Transacted::Exists => Count::Before,
            Transacted::Full(item) => {
                let ids = item.get("ids").and_then(|ids| ids.as_ss().ok());
                Count::Full {
                    used: ids.map_or(0, |ids| ids.len() as u64),
                }
            }
        })
    }

    /// Makes room for another connection: this one has ended, and its item stays. It may be repeated.
    pub async fn uncount_connection(
        &self,
        organization: &OrganizationId,
        connection: &ConnectionId,
    ) -> Result<(), AwsError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::connections_in_use(organization).attributes()))
            .update_expression("DELETE ids :one")
            .expression_attribute_values(":one", ids([connection.as_str()]))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error))?;
        Ok(())
    }

    /// Notes when a connection delivered last; an earlier time changes nothing. The caller folds the
    /// deliveries of a batch first: this costs a write each time.
    pub async fn note_sync(
        &self,
        organization: &OrganizationId,
        connection: &ConnectionId,
        at: Timestamp,
    ) -> Result<(), AwsError> {
        let mut item = Key::last_sync(organization, connection).attributes();
        item.insert("t".to_owned(), number(at.as_millisecond()));
        let values = Item::from([(":at".to_owned(), number(at.as_millisecond()))]);
        let condition = "attribute_not_exists(pk) OR t < :at";
        match self.put(item, Some(condition), values).await {
            Ok(()) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// When each connection of an organization delivered last.
    pub async fn last_syncs(
        &self,
        organization: &OrganizationId,
    ) -> Result<BTreeMap<ConnectionId, Timestamp>, AwsError> {
        let (pk, prefix) = Key::last_syncs(organization);
        let items = self.query(&pk, &prefix).await?;
        Ok(items
            .iter()
            .filter_map(|item| {
                let connection = text_of(item, "sk")?.strip_prefix(&prefix)?.parse().ok()?;
                let at = Timestamp::from_millisecond(number_of(item, "t")?).ok()?;
                Some((connection, at))
            })
            .collect())
    }

    /// How many connections are counted.
    pub async fn connections_in_use(&self, organization: &OrganizationId) -> Result<u64, AwsError> {
        let item = self
            .get(&Key::connections_in_use(organization), true)
            .await?;
        let ids = item.as_ref().and_then(|item| item.get("ids")?.as_ss().ok());
        Ok(ids.map_or(0, |ids| ids.len() as u64))
    }

    /// Counts an event of a connection as a sync of a month, once, if fewer than `most` are counted.
    /// `now` is in milliseconds since 1970.
    pub async fn count_sync(
        &self,
        organization: &OrganizationId,
        event: &EventId,
        connection: &ConnectionId,
        month: &Month,
        most: u64,
        now: i64,
    ) -> Result<Count, AwsError> {
        let mut marker = Key::sync(organization, event, connection).attributes();
        marker.insert("m".to_owned(), text(&month.name));
        marker.insert("ttl".to_owned(), number(now / 1_000 + MARKER_DAYS * 86_400));
        let counter = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::syncs(organization, &month.name).attributes()))
            .update_expression("ADD n :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(n) OR n < :most")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":ttl", number(now / 1_000 + COUNTER_DAYS * 86_400));
        let done = self.transact(self.put_once(marker), counter).await?;
        Ok(match done {
            Transacted::Done => Count::New,
            Transacted::Exists => Count::Before,
            Transacted::Full(item) => Count::Full {
                used: number_of(&item, "n").unwrap_or(most),
            },
        })
    }

    /// Notes that something came of a sync: it is not given back any more.
    pub async fn keep_sync(
        &self,
        organization: &OrganizationId,
        event: &EventId,
        connection: &ConnectionId,
    ) -> Result<(), AwsError> {
        let key = Key::sync(organization, event, connection);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET w = :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        match sent.map_err(|error| classify("dynamodb:UpdateItem", error)) {
            // It came before the plan had a limit.
            Ok(_) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes a sync that nothing came of back out of its month. Once, and the event does not count
    /// again if it comes again. `now` is in milliseconds since 1970.
    pub async fn return_sync(
        &self,
        organization: &OrganizationId,
        event: &EventId,
        connection: &ConnectionId,
        now: i64,
    ) -> Result<(), AwsError> {
        let wrong = |_| AwsError::Corrupt {
            what: "a transaction to run",
        };
        let key = Key::sync(organization, event, connection);
        let Some(item) = self.get(&key, true).await? else {
            return Ok(());
        };
        let month = must(text_of(&item, "m"), "the marker of a sync")?;
        if item.contains_key("g") || item.contains_key("w") {
            return Ok(());
        }
        let marker = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET g = :now")
            .condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(g) AND attribute_not_exists(w)",
            )
            .expression_attribute_values(":now", number(now))
            .build()
            .map_err(wrong)?;
        let counter = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::syncs(organization, month).attributes()))
            .update_expression("ADD n :minus")
            .condition_expression("n > :zero")
            .expression_attribute_values(":minus", number(-1))
            .expression_attribute_values(":zero", number(0))
            .build()
            .map_err(wrong)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(marker).build())
            .transact_items(TransactWriteItem::builder().update(counter).build())
            .send()
            .await;
        match sent.map_err(refused) {
            Ok(_) | Err((_, AwsError::Conflict { .. })) => Ok(()),
            Err((_, error)) => Err(error),
        }
    }

    /// The syncs that are counted of a month.
    pub async fn syncs(
        &self,
        organization: &OrganizationId,
        month: &Month,
    ) -> Result<u64, AwsError> {
        let item = self
            .get(&Key::syncs(organization, &month.name), true)
            .await?;
        Ok(item
            .and_then(|item| number_of(&item, "n"))
            .unwrap_or_default())
    }

    /// The part of a transaction that writes an item which is not there yet.
    pub(super) fn put_once(&self, item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
    }

    /// Both or none.
    async fn transact(
        &self,
        thing: aws_sdk_dynamodb::types::builders::PutBuilder,
        counter: aws_sdk_dynamodb::types::builders::UpdateBuilder,
    ) -> Result<Transacted, AwsError> {
        let wrong = |_| AwsError::Corrupt {
            what: "a transaction to run",
        };
        let thing = thing.build().map_err(wrong)?;
        let counter = counter
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(wrong)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(thing).build())
            .transact_items(TransactWriteItem::builder().update(counter).build())
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Transacted::Done);
        };
        let (reasons, error) = refused(error);
        let failed = |place: usize| {
            let reason = reasons.get(place)?;
            (reason.code() == Some("ConditionalCheckFailed")).then_some(reason)
        };
        // What is there already needs no room.
        match (failed(0), failed(1)) {
            (Some(_), _) => Ok(Transacted::Exists),
            (None, Some(reason)) => {
                let standing = reason.item().cloned();
                Ok(Transacted::Full(standing.unwrap_or_default()))
            }
            (None, None) => Err(error),
        }
    }
}

enum Transacted {
    Done,
    Exists,
    Full(Item),
}

fn ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> AttributeValue {
    AttributeValue::Ss(ids.into_iter().map(str::to_owned).collect())
}

/// Why each part of a transaction was refused, and what that means as a whole.
fn refused(
    error: SdkError<
        TransactWriteItemsError,
        aws_smithy_runtime_api::client::orchestrator::HttpResponse,
    >,
) -> (Vec<CancellationReason>, AwsError) {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons().to_vec()
        }
        _ => Vec::new(),
    };
    let busy = |reason: &CancellationReason| {
        matches!(
            reason.code(),
            Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
        )
    };
    let error = if reasons.iter().any(busy) {
        AwsError::Throttled {
            operation: OPERATION,
        }
    } else {
        classify(OPERATION, error)
    };
    (reasons, error)
}
