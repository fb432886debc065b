//! What sets held work free: a note that a connection's or webhook's held work goes on, and a delivery that
//! somebody wants tried again.
//!
//! A note has a place in the index of held work beside the deliveries, so a tick finds it without a
//! table of its own. It stays until a tick finds nothing left to do, so nothing is forgotten, however
//! much there is and whoever dies meanwhile.

use aws_sdk_dynamodb::types::AttributeValue;
use hub_domain::{
    CrmId, OrganizationId,
    ledger::{DeliveryStatus, Held, LedgerEntry, Retried},
};

use super::{
    Store,
    attributes::{Item, must, number, text, text_of},
    held::{DUE, by, marks},
    keys::{Key, notes_partition},
};
use crate::error::{AwsError, classify};

/// A note outlives any pause of the schedule, and ends by itself.
const NOTE_DAYS: i64 = 30;

/// That the held work of a connection or webhook goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseNote {
    /// Whose.
    pub organization: OrganizationId,
    /// Which connection or webhook.
    pub destination: String,
    /// Which note it is, among those there were of the connection.
    place: String,
}

impl Store {
    /// Notes that the held work of a connection or webhook goes on, to be looked at from `at` on, in milliseconds
    /// since 1970. It takes the place of an earlier note.
    pub async fn note_release(
        &self,
        crm: &CrmId,
        organization: &OrganizationId,
        destination: &str,
        at: i64,
    ) -> Result<(), AwsError> {
        let mut item = Key::release(organization, destination).attributes();
        item.extend([
            ("hp".to_owned(), text(notes_partition(crm))),
            ("hs".to_owned(), text(format!("{at:013}#{organization}"))),
            (
                "ttl".to_owned(),
                number(at / 1_000 + NOTE_DAYS * 24 * 60 * 60),
            ),
        ]);
        self.put(item, None, Item::new()).await
    }

    /// The notes that are to be looked at by now, the oldest first.
    pub async fn releases(
        &self,
        crm: &CrmId,
        now: i64,
        most: usize,
    ) -> Result<Vec<ReleaseNote>, AwsError> {
        let (items, _) = self
            .indexed(DUE, (&notes_partition(crm), &by(now)), most, None)
            .await?;
        items
            .iter()
            .map(|item| must(note(item), "a note of a release"))
            .collect()
    }

    /// Nothing is left to do of a note; one that took its place stays.
    pub async fn forget_release(&self, note: &ReleaseNote) -> Result<(), AwsError> {
        let sent = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(
                Key::release(&note.organization, &note.destination).attributes(),
            ))
            .condition_expression("hs = :hs")
            .expression_attribute_values(":hs", text(&note.place))
            .send()
            .await
            .map_err(|error| classify("dynamodb:DeleteItem", error));
        match sent {
            Ok(_) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens a delivery for another attempt: its failures are forgotten, nothing keeps a worker from
    /// claiming it, and a revision that was given up counts as open again. What is left of its attempts is
    /// written as `entry` has it, where somebody asked for another. With a mark it is held from
    /// now on, so that whoever sends its message may die. [`AwsError::Conflict`]: it was changed since
    /// `entry` was read.
    pub async fn reopen(
        &self,
        entry: &LedgerEntry,
        asked: Option<&Retried>,
        mark: Option<(&CrmId, &Held)>,
        now: i64,
    ) -> Result<(), AwsError> {
        let key = Key::delivery(&entry.organization, &entry.subject);
        let mut sets = vec!["fl = :zero", "lu = :zero", "ua = :now"];
        let mut values: Vec<(String, AttributeValue)> = vec![
            (":zero".to_owned(), number(0)),
            (":now".to_owned(), number(now)),
            (":before".to_owned(), number(entry.updated_at)),
            (":rev".to_owned(), number(entry.revision)),
            (":lease".to_owned(), number(entry.lease_until)),
        ];
        let mut remove = "";
        let mut set = |name: &'static str, value: (&str, AttributeValue)| {
            sets.push(name);
            values.push((value.0.to_owned(), value.1));
        };
        // One that nobody has begun, or whose revision was written, stands as it does; and so does one
        // whose worker died, because the next claim has to see that.
        let has_died = entry.status == DeliveryStatus::Claimed;
        if entry.was_given_up() || (entry.is_open() && !has_died) {
            set("st = :st", (":st", text("waiting")));
            let settled = entry.settled.min(entry.revision.saturating_sub(1));
            set("sd = :sd", (":sd", number(settled)));
        }
        if let Some(Retried { by, at }) = asked {
            set("rb = :rb", (":rb", text(by)));
            set("ra = :ra", (":ra", number(*at)));
            match entry.unfinished.stored(entry.subject.matter()) {
                Some(left) => set("uf = :uf", (":uf", text(left))),
                None => remove = " REMOVE uf",
            }
        }
        if let Some((crm, held)) = mark {
            let names = [
                "hu = :hu", "hr = :hr", "hx = :hx", "hk = :hk", "hn = :hn", "hp = :hp", "hs = :hs",
                "he = :he",
            ];
            for (assign, (name, value)) in
                names.into_iter().zip(marks(held, crm, &entry.organization))
            {
                set(assign, (&format!(":{name}"), value));
            }
        }
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression("ua = :before AND rev = :rev AND lu = :lease")
            .update_expression(format!("SET {}{remove}", sets.join(", ")))
            .set_expression_attribute_values(Some(values.into_iter().collect()))
            .send()
            .await;
        written
            .map(|_| ())
            .map_err(|error| classify("dynamodb:UpdateItem", error))
    }
}

fn note(item: &Item) -> Option<ReleaseNote> {
    let organization = text_of(item, "pk")?.split('#').next()?.parse().ok()?;
    let (_, destination) = text_of(item, "sk")?.split_once('#')?;
    Some(ReleaseNote {
        organization,
        destination: destination.to_owned(),
        place: text_of(item, "hs")?.to_owned(),
    })
}
