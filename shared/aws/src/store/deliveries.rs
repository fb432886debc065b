//! Reading the ledger, for people.

use hub_domain::{
    DeliveryId, OrganizationId, Subject, filter::DeliveryFilter, ledger::LedgerEntry,
};

use super::{
    Store,
    attributes::{Item, text},
    entry::entry,
    keys::{Class, Key, partition_number},
};
use crate::error::{AwsError, classify};

/// How many deliveries one page looks at, of which a filter may leave few: four megabytes at most.
const LOOKED_AT: usize = 4_000;
/// How many one call asks for where a filter leaves few.
const AT_ONCE: usize = 1_000;

/// One page.
#[derive(Debug, Clone, Default)]
pub struct DeliveryPage {
    /// The deliveries, by partition and key.
    pub deliveries: Vec<LedgerEntry>,
    /// Where the next page begins: the last key read, as `shard/sk`; `None` at the end.
    pub next: Option<String>,
}

impl Store {
    /// One delivery.
    pub async fn delivery(
        &self,
        organization: &OrganizationId,
        id: &DeliveryId,
    ) -> Result<Option<LedgerEntry>, AwsError> {
        let Some(subject) = id.subject() else {
            return Ok(None);
        };
        let item = self
            .get(&Key::delivery(organization, &subject), true)
            .await?;
        item.as_ref().map(entry).transpose()
    }

    /// A page of at most `most` deliveries. They are ordered by partition and key, not by time:
    /// an order by time would cost every delivery an index write.
    ///
    /// A cursor that is not of such a list begins at its start. A page looks at so many deliveries that it
    /// cannot take too long: where a filter leaves few of them it may hold less than `most`, or nothing,
    /// and there is more as long as it names a next one.
    pub async fn deliveries(
        &self,
        organization: &OrganizationId,
        filter: &DeliveryFilter,
        cursor: Option<&str>,
        most: usize,
    ) -> Result<DeliveryPage, AwsError> {
        let (first, mut after) = match cursor.and_then(|cursor| position(cursor, filter)) {
            Some((shard, sk)) => (shard, Some(sk)),
            None => (0, None),
        };
        let mut page = DeliveryPage::default();
        let (mut looked, at_once) = (0, if filter.is_narrow() { AT_ONCE } else { most });
        for shard in first..Class::Delivery.shards() {
            let pk = partition_number(organization.as_str(), Class::Delivery, shard);
            loop {
                let (items, last) = self
                    .delivery_items(&pk, filter, after.take(), at_once)
                    .await?;
                for item in &items {
                    let found = entry(item)?;
                    let sk = found.subject.to_string();
                    if filter.fits(&found) {
                        page.deliveries.push(found);
                    }
                    if page.deliveries.len() == most {
                        page.next = Some(format!("{shard}/{sk}"));
                        return Ok(page);
                    }
                }
                looked += items.len();
                let Some(sk) = last else { break };
                if looked >= LOOKED_AT {
                    page.next = Some(format!("{shard}/{sk}"));
                    return Ok(page);
                }
                after = Some(sk);
            }
        }
        Ok(page)
    }

    async fn delivery_items(
        &self,
        pk: &str,
        filter: &DeliveryFilter,
        after: Option<String>,
        most: usize,
    ) -> Result<(Vec<Item>, Option<String>), AwsError> {
        let start = after.map(|sk| {
            Key {
                pk: pk.to_owned(),
                sk,
            }
            .attributes()
        });
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .expression_attribute_values(":pk", text(pk))
            .limit(i32::try_from(most).unwrap_or(100))
            .set_exclusive_start_key(start);
        request = match filter.destination() {
            Some(destination) => request
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", text(format!("{destination}#"))),
            None => request.key_condition_expression("pk = :pk"),
        };
        let reply = request
            .send()
            .await
            .map_err(|error| classify("dynamodb:Query", error))?;
        let last = reply
            .last_evaluated_key
            .and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok().cloned()));
        Ok((reply.items.unwrap_or_default(), last))
    }
}

/// Where a cursor points. DynamoDB refuses a key that lies outside of what is queried.
fn position(cursor: &str, filter: &DeliveryFilter) -> Option<(u32, String)> {
    let (shard, sk) = cursor.split_once('/')?;
    let shard = shard.parse().ok()?;
    let (destination, matter) = sk.split_once('#')?;
    Subject::read(destination, matter)?;
    let listed = filter.destination().is_none_or(|only| only == destination);
    (shard < Class::Delivery.shards() && listed).then(|| (shard, sk.to_owned()))
}
