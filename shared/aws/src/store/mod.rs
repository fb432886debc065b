//! The store: one DynamoDB table, with the keys and conditions of every access in one place.
//!
//! `docs/ARCHITECTURE.md` lists each access pattern with its cost. Items that are only ever read
//! and written whole keep their content as JSON in `d`; what a condition looks at is an attribute
//! of its own. It refuses to retry: the engine owns that.

mod attributes;
mod audit;
mod audit_read;
mod authorizations;
mod changes;
mod connections;
mod deliveries;
mod entry;
mod events;
mod first;
mod held;
mod keys;
mod leases;
mod ledger;
mod limiter;
mod notices;
mod releases;
mod sessions;
mod table;
mod tokens;
mod usage;
mod webhooks;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::{AwsError, classify};
use attributes::{Item, text};
pub use audit::{Append, Appended, AuditHead, NewEntry, SealedAt, Unsealed};
pub use audit_read::AuditPage;
pub use authorizations::{Handoff, OAuthState};
pub use changes::{Changed, changed};
pub use deliveries::DeliveryPage;
pub use events::{EventItem, KeptEvent, KeptEvents, PutEvent};
pub use held::{HeldDelivery, HeldWhen, Hold};
pub use keys::{Class, GLOBAL_CLASSES, Key, TENANT_CLASSES};
pub use leases::Lease;
pub use limiter::{LimiterItem, LimiterOf};
pub use notices::DailyLook;
pub use releases::ReleaseNote;
pub use sessions::SealedSession;
pub use tokens::{TokenItem, Tokens};
pub use usage::Count;

/// The table.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// A store on a table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// One item by its key.
    async fn get(&self, key: &Key, consistent: bool) -> Result<Option<Item>, AwsError> {
        let reply = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .consistent_read(consistent)
            .send()
            .await
            .map_err(|error| classify("dynamodb:GetItem", error))?;
        Ok(reply.item)
    }

    /// The document of one item.
    async fn document<T: DeserializeOwned>(
        &self,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<T>, AwsError> {
        self.get(key, consistent)
            .await?
            .map(|item| document(&item))
            .transpose()
    }

    /// Writes a whole item if `condition` holds.
    async fn put(&self, item: Item, condition: Option<&str>, values: Item) -> Result<(), AwsError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .send()
            .await
            .map_err(|error| classify("dynamodb:PutItem", error))?;
        Ok(())
    }

    /// Writes an item that is not there yet; one that is stays as it is.
    async fn keep(&self, item: Item) -> Result<(), AwsError> {
        let absent = Some("attribute_not_exists(pk)");
        match self.put(item, absent, Item::new()).await {
            Ok(()) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Items of a partition of the sparse index, by a condition on `:hp` and `:hs`, and where the rest
    /// begins.
    async fn indexed(
        &self,
        condition: &str,
        (partition, place): (&str, &str),
        most: usize,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), AwsError> {
        let reply = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(held::INDEX)
            .key_condition_expression(condition)
            .expression_attribute_values(":hp", text(partition))
            .expression_attribute_values(":hs", text(place))
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| classify("dynamodb:Query", error))?;
        let rest = reply.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((reply.items.unwrap_or_default(), rest))
    }

    /// Deletes an item and returns what it was.
    async fn take(&self, key: &Key) -> Result<Option<Item>, AwsError> {
        let reply = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| classify("dynamodb:DeleteItem", error))?;
        Ok(reply.attributes)
    }

    /// All items of a partition whose sort key begins with `prefix`, in order.
    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, AwsError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let condition = if prefix.is_empty() {
                "pk = :pk"
            } else {
                "pk = :pk AND begins_with(sk, :sk)"
            };
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression(condition)
                .expression_attribute_values(":pk", text(pk))
                .set_exclusive_start_key(start);
            let request = if prefix.is_empty() {
                request
            } else {
                request.expression_attribute_values(":sk", text(prefix))
            };
            let reply = request
                .send()
                .await
                .map_err(|error| classify("dynamodb:Query", error))?;
            found.extend(reply.items.unwrap_or_default());
            start = reply.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}

fn document<T: DeserializeOwned>(item: &Item) -> Result<T, AwsError> {
    let json = item.get("d").and_then(|value| value.as_s().ok());
    json.and_then(|json| serde_json::from_str(json).ok())
        .ok_or(AwsError::Corrupt {
            what: "a stored document",
        })
}

fn as_document<T: Serialize>(value: &T) -> Result<AttributeValue, AwsError> {
    serde_json::to_string(value)
        .map(AttributeValue::S)
        .map_err(|_| AwsError::Corrupt {
            what: "a document to store",
        })
}
