//! Events of the hub itself, and which organization is to be looked at when.
//!
//! The look of a day is a mark per organization in the sparse index, by time, as held work is: so a
//! tick finds what is due without asking for every organization there is. Whoever moves the mark
//! from where it was has the look.

use std::time::Duration;

use hub_domain::{OrganizationId, notice::Notice};

use super::{
    Store, as_document,
    attributes::{must, number, text, text_of},
    document,
    held::{DUE, by},
    keys::{Class, Key, partition_number, shard},
};
use crate::error::{AwsError, classify};

/// How long an event of the hub itself is kept, in days: a webhook that was down for a quarter of a
/// year can still be told.
const KEPT_DAYS: u64 = 90;

/// The look of a day at an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyLook {
    /// Whose.
    pub organization: OrganizationId,
    /// When it is due, in milliseconds since 1970.
    pub due: i64,
}

fn partition_of(organization: &OrganizationId) -> String {
    let shard = shard(organization.as_str(), Class::Daily.shards());
    partition_number("-", Class::Daily, shard)
}

fn place(due: i64, organization: &OrganizationId) -> String {
    format!("{due:013}#{organization}")
}

impl Store {
    /// Keeps an event of the hub itself. One that is there stays as it is.
    pub async fn put_notice(&self, notice: &Notice) -> Result<(), AwsError> {
        let mut item = Key::notice(&notice.organization, notice.timestamp, &notice.id).attributes();
        item.insert("d".to_owned(), as_document(notice)?);
        let ends = notice.timestamp + Duration::from_hours(24 * KEPT_DAYS);
        item.insert("ttl".to_owned(), number(ends.as_second()));
        self.keep(item).await
    }

    /// The events of the hub itself about an organization, in the order of their times.
    pub async fn notices(&self, organization: &OrganizationId) -> Result<Vec<Notice>, AwsError> {
        let pk = Key::notices(organization);
        let items = self.query(&pk, "").await?;
        items.iter().map(document).collect()
    }

    /// Sees to it that an organization is looked at each day, first at `due` (milliseconds since
    /// 1970). It may be repeated.
    pub async fn watch(&self, organization: &OrganizationId, due: i64) -> Result<(), AwsError> {
        let mut item = Key::daily(organization).attributes();
        item.insert("hp".to_owned(), text(partition_of(organization)));
        item.insert("hs".to_owned(), text(place(due, organization)));
        self.keep(item).await
    }

    /// Which looks are due by now (milliseconds since 1970), at most `most`, those that wait longest
    /// first in each shard.
    pub async fn due_looks(&self, now: i64, most: usize) -> Result<Vec<DailyLook>, AwsError> {
        const WHAT: &str = "a place in the index of daily looks";
        let mut found = Vec::new();
        for shard in 0..Class::Daily.shards() {
            let left = most - found.len();
            if left == 0 {
                break;
            }
            let partition = partition_number("-", Class::Daily, shard);
            let (items, _) = self
                .indexed(DUE, (&partition, &by(now)), left, None)
                .await?;
            for item in items {
                let place = text_of(&item, "hs").and_then(|place| place.split_once('#'));
                let (due, organization) = must(place, WHAT)?;
                found.push(DailyLook {
                    organization: must(organization.parse().ok(), WHAT)?,
                    due: must(due.parse().ok(), WHAT)?,
                });
            }
        }
        Ok(found)
    }

    /// Moves a look to another time. `false`: somebody else has moved it.
    pub async fn move_look(&self, look: &DailyLook, due: i64) -> Result<bool, AwsError> {
        let organization = &look.organization;
        let moved = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::daily(organization).attributes()))
            .update_expression("SET hs = :hs")
            .condition_expression("hs = :was")
            .expression_attribute_values(":hs", text(place(due, organization)))
            .expression_attribute_values(":was", text(place(look.due, organization)))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error));
        match moved {
            Ok(_) => Ok(true),
            Err(AwsError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
