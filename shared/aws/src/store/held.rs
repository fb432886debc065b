//! Held work: deliveries that wait longer than a queue should hide a message.
//!
//! A hold is a mark on the delivery's item: until when, up to which revision, which events, why. It
//! touches nothing that claims and outcomes look at. The index `held` has the marked items alone, by
//! CRM and time; it is as old as DynamoDB makes it, so whoever finds something there reads the item.

use aws_sdk_dynamodb::types::AttributeValue;
use hub_domain::{
    ConnectionId, CrmId, DeliveryId, EventId, OrganizationId, SessionId,
    ledger::{Held, LedgerEntry},
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
const UPDATE: &str = "dynamodb:UpdateItem";

/// Something to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub organization: OrganizationId,
    /// To which connection.
    pub connection: ConnectionId,
    /// Of which CRM.
    pub crm: CrmId,
    /// Which session.
    pub session: SessionId,
    /// Because of which event.
    pub event: EventId,
    /// At which revision.
    pub revision: u64,
    /// Until when, in milliseconds since 1970.
    pub until: i64,
    /// Why, for a person.
    pub reason: String,
    /// Now, in milliseconds since 1970.
    pub now: i64,
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
    })
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
    pub async fn hold(&self, hold: &Hold) -> Result<(), AwsError> {
        match self.mark_held(hold, true).await {
            // A later revision is held already: only the event is added.
            Err(AwsError::Conflict { .. }) => self.mark_held(hold, false).await,
            other => other,
        }
    }

    async fn mark_held(&self, hold: &Hold, newest: bool) -> Result<(), AwsError> {
        let key = Key::delivery(&hold.organization, &hold.connection, &hold.session);
        let revision = if newest { ", hr = :rev" } else { "" };
        // What an entry must have; `waiting` at revision 0 is one that nobody has begun.
        let update = format!(
            "SET ev = if_not_exists(ev, :ev), st = if_not_exists(st, :st), rev = if_not_exists(rev, :zero), \
             sd = if_not_exists(sd, :zero), lu = if_not_exists(lu, :zero), fl = if_not_exists(fl, :zero), \
             ct = if_not_exists(ct, :none), ca = if_not_exists(ca, :now), ua = :now, \
             hu = :until, hx = :reason, hp = :hp, hs = :hs{revision} ADD he :events"
        );
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .expression_attribute_values(":ev", text(hold.event.as_str()))
            .expression_attribute_values(":st", text("waiting"))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":none", text(""))
            .expression_attribute_values(":now", number(hold.now))
            .expression_attribute_values(":until", number(hold.until))
            .expression_attribute_values(":reason", text(cut(&hold.reason, 300)))
            .expression_attribute_values(":hp", text(partition_of(&hold.crm, &hold.organization)))
            .expression_attribute_values(":hs", text(place(hold.until, &hold.organization)))
            .expression_attribute_values(":events", set([&hold.event]));
        if newest {
            request = request
                .condition_expression("attribute_not_exists(hr) OR hr <= :rev")
                .expression_attribute_values(":rev", number(hold.revision));
        }
        let sent = request.send().await;
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
        let key = Key::delivery(&entry.organization, &entry.connection, &entry.session);
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression("he = :before AND hr = :rev AND hu = :until")
            .expression_attribute_values(":before", set(&before.events))
            .expression_attribute_values(":rev", number(before.revision))
            .expression_attribute_values(":until", number(before.until));
        request = match rest {
            None => request.update_expression("REMOVE hu, hr, hx, hp, hs, he"),
            Some((crm, rest)) => request
                .update_expression("SET hu = :next, hx = :reason, hp = :hp, hs = :hs, he = :rest")
                .expression_attribute_values(":next", number(rest.until))
                .expression_attribute_values(":reason", text(cut(&rest.reason, 300)))
                .expression_attribute_values(":hp", text(partition_of(crm, &entry.organization)))
                .expression_attribute_values(":hs", text(place(rest.until, &entry.organization)))
                .expression_attribute_values(":rest", set(&rest.events)),
        };
        let sent = request.send().await;
        sent.map(|_| ()).map_err(|error| classify(UPDATE, error))
    }

    /// Held deliveries of a CRM, the longest held first, at most about `most`.
    pub async fn held(
        &self,
        crm: &CrmId,
        when: HeldWhen<'_>,
        most: usize,
    ) -> Result<Vec<HeldDelivery>, AwsError> {
        const DUE: &str = "hp = :hp AND hs < :hs";
        // Every place up to the moment, whatever organization follows it.
        let by = |now: i64| format!("{:013}", now + 1);
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
            loop {
                let left = most.saturating_sub(found.len());
                if left == 0 {
                    return Ok(found);
                }
                let reply = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .index_name(INDEX)
                    .key_condition_expression(condition)
                    .expression_attribute_values(":hp", text(&partition))
                    .expression_attribute_values(":hs", text(&value))
                    .limit(i32::try_from(left).unwrap_or(i32::MAX))
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(|error| classify("dynamodb:Query", error))?;
                for item in reply.items.unwrap_or_default() {
                    found.push(must(delivery(&item), "a place in the index of held work")?);
                }
                start = reply.last_evaluated_key.filter(|key| !key.is_empty());
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn delivery(item: &Item) -> Option<HeldDelivery> {
    let organization = text_of(item, "pk")?.split('#').next()?.parse().ok()?;
    let (connection, session) = text_of(item, "sk")?.split_once('#')?;
    let delivery = DeliveryId::of(&connection.parse().ok()?, &session.parse().ok()?);
    Some(HeldDelivery {
        organization,
        delivery,
    })
}
