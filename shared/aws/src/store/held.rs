//! Held work: deliveries that wait longer than a queue should hide a message.
//!
//! A hold is a mark on the delivery's item: until when, up to which revision, which events, why. It
//! touches nothing that claims and outcomes look at. The index `held` has the marked items alone, by
//! CRM and time; it is as old as DynamoDB makes it, so whoever finds something there reads the item.

use aws_sdk_dynamodb::types::AttributeValue;
use hub_domain::{
    CrmId, DeliveryId, EventId, OrganizationId, Subject,
    ledger::{Held, HeldFor, LedgerEntry},
    text::cut,
};

use super::{
    Store,
    attributes::{Item, must, number, number_of, text, text_of},
    keys::{Class, Key, held_partition, shard},
};
use crate::error::{AwsError, classify};

/// The index.
pub(super) const INDEX: &str = "held";
/// The condition for what is due: every place before one that [`by`] makes.
pub(super) const DUE: &str = "hp = :hp AND hs < :hs";
const UPDATE: &str = "dynamodb:UpdateItem";
/// That the mark is still the one that was read.
const THIS: &str = "he = :before AND hr = :rev AND hu = :until AND (hn = :mark OR (:mark = :none AND attribute_not_exists(hn)))";
/// Takes a mark away.
const UNMARK: &str = "REMOVE hu, hr, hx, hk, hn, hp, hs, he";

fn this(mark: &Held) -> Item {
    let values = [
        (":before", set(&mark.events)),
        (":rev", number(mark.revision)),
        (":until", number(mark.until)),
        (":mark", text(&mark.mark)),
        (":none", text("")),
    ];
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Something to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub organization: OrganizationId,
    /// Of what, and where to.
    pub subject: Subject,
    /// Whose queues it goes through.
    pub crm: CrmId,
    /// The mark: until when, at which revision, because of which events, why.
    pub held: Held,
    /// Now, in milliseconds since 1970.
    pub now: i64,
}

/// What of a delivery is marked with one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// All of it, unless a later revision is held or something else than a plan's limit holds it.
    AllForPlan,
    /// All of it, unless a later revision is held.
    All,
    /// All but the revision: a later one is held.
    AllButRevision,
    /// The events and the revision: what is held already says until when.
    Newer,
    /// The events alone.
    Events,
}

/// Which held work is asked for.
#[derive(Debug, Clone, Copy)]
pub enum HeldWhen<'a> {
    /// Whose time has come by this moment, in milliseconds since 1970.
    Due(i64),
    /// The same, of about this organization: some others' may be among it.
    DueOf(&'a OrganizationId, i64),
    /// An organization's that is held until exactly this moment.
    Until(&'a OrganizationId, i64),
}

/// A delivery that is probably held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldDelivery {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub delivery: DeliveryId,
}

/// The mark of an item.
pub(super) fn mark(item: &Item) -> Option<Held> {
    let events = item.get("he")?.as_ss().ok()?;
    Some(Held {
        until: number_of(item, "hu")?,
        revision: number_of(item, "hr")?,
        events: events.iter().filter_map(|id| id.parse().ok()).collect(),
        reason: text_of(item, "hx").unwrap_or_default().to_owned(),
        why: match text_of(item, "hk") {
            Some("time") => HeldFor::Time,
            Some("connection") => HeldFor::Connection,
            _ => HeldFor::Plan,
        },
        mark: text_of(item, "hn").unwrap_or_default().to_owned(),
    })
}

/// What a mark says of why; what waits for a plan says nothing.
fn why(held: &Held) -> &'static str {
    match held.why {
        HeldFor::Plan => "plan",
        HeldFor::Time => "time",
        HeldFor::Connection => "connection",
    }
}

/// The attributes of a mark, for a statement or an expression.
pub(super) fn marks(
    held: &Held,
    crm: &CrmId,
    organization: &OrganizationId,
) -> [(&'static str, AttributeValue); 8] {
    [
        ("hu", number(held.until)),
        ("hr", number(held.revision)),
        ("hx", text(cut(&held.reason, 300))),
        ("hk", text(why(held))),
        ("hn", text(&held.mark)),
        ("hp", text(partition_of(crm, organization))),
        ("hs", text(place(held.until, organization))),
        ("he", set(&held.events)),
    ]
}

fn partition_of(crm: &CrmId, organization: &OrganizationId) -> String {
    held_partition(crm, shard(organization.as_str(), Class::Held.shards()))
}

fn place(until: i64, organization: &OrganizationId) -> String {
    format!("{until:013}#{organization}")
}

fn set<'a>(events: impl IntoIterator<Item = &'a EventId>) -> AttributeValue {
    AttributeValue::Ss(events.into_iter().map(ToString::to_string).collect())
}

impl Store {
    /// Marks a delivery as held; one that nobody has begun is made. It may be repeated.
    ///
    /// What is held already stays held: events are added, and of the two moments that count the one of
    /// what is no plan's limit, since at a release each event is counted by itself.
    pub async fn hold(&self, hold: &Hold) -> Result<(), AwsError> {
        let tries: &[Marks] = match hold.held.why {
            HeldFor::Plan => &[Marks::AllForPlan, Marks::Newer, Marks::Events],
            HeldFor::Time | HeldFor::Connection => &[Marks::All, Marks::AllButRevision],
        };
        let mut last = Ok(());
        // Twice, since what stands there may be taken away in between.
        for marks in tries.iter().chain(tries) {
            last = self.mark_held(hold, *marks).await;
            if !matches!(last, Err(AwsError::Conflict { .. })) {
                break;
            }
        }
        last
    }

    async fn mark_held(&self, hold: &Hold, which: Marks) -> Result<(), AwsError> {
        let key = Key::delivery(&hold.organization, &hold.subject);
        let mark = &hold.held;
        let names: &[&str] = match which {
            Marks::AllForPlan | Marks::All => &["hu", "hr", "hx", "hk", "hn", "hp", "hs"],
            Marks::AllButRevision => &["hu", "hx", "hk", "hn", "hp", "hs"],
            Marks::Newer => &["hr", "hn"],
            Marks::Events => &["hn"],
        };
        let condition = match which {
            Marks::AllForPlan => {
                "(attribute_not_exists(hr) OR hr <= :hr) AND (attribute_not_exists(hk) OR hk = :hk)"
            }
            Marks::All => "attribute_not_exists(hr) OR hr <= :hr",
            Marks::AllButRevision => "hr > :hr",
            Marks::Newer => "hr <= :hr",
            Marks::Events => "attribute_exists(hr)",
        };
        // What an entry must have; `waiting` at revision 0 is one that nobody has begun.
        let mut update = "SET ev = if_not_exists(ev, :ev), st = if_not_exists(st, :st), rev = if_not_exists(rev, :zero), \
             sd = if_not_exists(sd, :zero), lu = if_not_exists(lu, :zero), fl = if_not_exists(fl, :zero), \
             ct = if_not_exists(ct, :none), ca = if_not_exists(ca, :now), ua = :now"
            .to_owned();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .expression_attribute_values(
                ":ev",
                text(mark.events.last().map_or("", EventId::as_str)),
            )
            .expression_attribute_values(":st", text("waiting"))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":none", text(""))
            .expression_attribute_values(":now", number(hold.now));
        for (name, value) in marks(mark, &hold.crm, &hold.organization) {
            let is_set = names.contains(&name);
            if is_set {
                update.extend([", ", name, " = :", name]);
            }
            if is_set || name == "he" || condition.contains(&format!(":{name}")) {
                request = request.expression_attribute_values(format!(":{name}"), value);
            }
        }
        let sent = request
            .update_expression(update + " ADD he :he")
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| classify(UPDATE, error))
    }

    /// Takes the mark away, or leaves it for `rest`: those events, until then, for that reason.
    /// [`AwsError::Conflict`]: it was changed since `entry` was read.
    pub async fn unhold(
        &self,
        entry: &LedgerEntry,
        rest: Option<(&CrmId, &Held)>,
    ) -> Result<(), AwsError> {
        let Some(before) = &entry.held else {
            return Ok(());
        };
        let key = Key::delivery(&entry.organization, &entry.subject);
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression(THIS)
            .set_expression_attribute_values(Some(this(before)));
        request = match rest {
            None => request.update_expression(UNMARK),
            Some((crm, rest)) => request
                .update_expression(
                    "SET hu = :next, hx = :reason, hk = :why, hp = :hp, hs = :hs, he = :rest",
                )
                .expression_attribute_values(":next", number(rest.until))
                .expression_attribute_values(":reason", text(cut(&rest.reason, 300)))
                .expression_attribute_values(":why", text(why(rest)))
                .expression_attribute_values(":hp", text(partition_of(crm, &entry.organization)))
                .expression_attribute_values(":hs", text(place(rest.until, &entry.organization)))
                .expression_attribute_values(":rest", set(&rest.events)),
        };
        let sent = request.send().await;
        sent.map(|_| ()).map_err(|error| classify(UPDATE, error))
    }

    /// Ends what is held of a delivery without an attempt: it is skipped, because of `reason`.
    /// [`AwsError::Conflict`]: it was changed since `entry` was read, or a worker is at it.
    pub async fn end_held(
        &self,
        entry: &LedgerEntry,
        reason: &str,
        now: i64,
    ) -> Result<(), AwsError> {
        let Some(before) = &entry.held else {
            return Ok(());
        };
        let key = Key::delivery(&entry.organization, &entry.subject);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression(format!("{THIS} AND (lu <= :now OR st <> :claimed)"))
            .set_expression_attribute_values(Some(this(before)))
            .update_expression(format!(
                "SET st = :st, vd = :vd, rs = :rs, sd = :sd, lu = :zero, ua = :now {UNMARK}, ff"
            ))
            .expression_attribute_values(":claimed", text("claimed"))
            .expression_attribute_values(":st", text("skipped"))
            .expression_attribute_values(":vd", text("skip"))
            .expression_attribute_values(":rs", text(cut(reason, 300)))
            .expression_attribute_values(":sd", number(before.revision.max(entry.settled)))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":now", number(now))
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| classify(UPDATE, error))
    }

    /// Held deliveries of a CRM, the longest held first, at most `most` of each partition.
    pub async fn held(
        &self,
        crm: &CrmId,
        when: HeldWhen<'_>,
        most: usize,
    ) -> Result<Vec<HeldDelivery>, AwsError> {
        let (partitions, condition, value) = match when {
            HeldWhen::Due(now) => {
                let shards = 0..Class::Held.shards();
                let all = shards.map(|shard| held_partition(crm, shard));
                (all.collect(), DUE, by(now))
            }
            HeldWhen::DueOf(organization, now) => {
                (vec![partition_of(crm, organization)], DUE, by(now))
            }
            HeldWhen::Until(organization, until) => (
                vec![partition_of(crm, organization)],
                "hp = :hp AND hs = :hs",
                place(until, organization),
            ),
        };
        let mut found = Vec::new();
        for partition in partitions {
            let mut start = None;
            let before = found.len();
            loop {
                // Of each by itself: one that is full takes nothing from the others.
                let left = (before + most).saturating_sub(found.len());
                if left == 0 {
                    break;
                }
                let place = (partition.as_str(), value.as_str());
                let (items, rest) = self.indexed(condition, place, left, start).await?;
                for item in items {
                    found.push(must(delivery(&item), "a place in the index of held work")?);
                }
                start = rest;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}

/// Right after every place up to a moment, whatever follows the moment.
pub(super) fn by(now: i64) -> String {
    format!("{:013}", now + 1)
}

fn delivery(item: &Item) -> Option<HeldDelivery> {
    let organization = text_of(item, "pk")?.split('#').next()?.parse().ok()?;
    let (destination, matter) = text_of(item, "sk")?.split_once('#')?;
    let delivery = Subject::read(destination, matter)?.delivery();
    Some(HeldDelivery {
        organization,
        delivery,
    })
}
