//! What the store holds of a session, and how events change it.
//!
//! A session is made of parts: the session itself, its summary, each action item, each insight. Of
//! each part the newest by (timestamp, event id) stands, so events may arrive in any order. Each
//! change raises the revision; the ledger compares revisions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{ActionItem, Envelope, Insight, Payload, Segment, Session, Summary},
    id::{EventId, OrganizationId, PartId, SessionId},
    limits::MAX_ITEMS,
};

/// One part and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part<T> {
    /// The event's time.
    pub at: Timestamp,
    /// The event.
    pub event: EventId,
    /// What it said.
    pub value: T,
}

impl<T> Part<T> {
    fn is_older_than(&self, at: Timestamp, event: &EventId) -> bool {
        (self.at, &self.event) < (at, event)
    }
}

/// Everything known of a session, its transcript aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its id.
    pub id: SessionId,
    /// How often it has changed; 0 before the first event.
    pub revision: u64,
    /// The conversation, once `session.completed` has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Part<Session>>,
    /// The summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Part<Summary>>,
    /// The action items by id.
    #[serde(default)]
    pub action_items: BTreeMap<PartId, Part<ActionItem>>,
    /// The insights by id.
    #[serde(default)]
    pub insights: BTreeMap<PartId, Part<Insight>>,
    /// Which version of the transcript stands, by the event that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<EventId>,
}

/// What an event did to a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Merge {
    /// Something is newer now; the revision was raised. A new transcript comes along.
    Changed {
        /// The transcript to store, if the event brought a newer one.
        transcript: Option<Vec<Segment>>,
    },
    /// All it says is known already, or older than what stands.
    Unchanged,
    /// It brings one action item or insight more than a session may have; nothing was taken in.
    Full,
}

fn put<T: PartialEq>(slot: &mut Option<Part<T>>, at: Timestamp, event: &EventId, value: T) -> bool {
    if slot
        .as_ref()
        .is_some_and(|part| !part.is_older_than(at, event))
    {
        return false;
    }
    *slot = Some(Part {
        at,
        event: event.clone(),
        value,
    });
    true
}

fn put_in<T: PartialEq>(
    map: &mut BTreeMap<PartId, Part<T>>,
    id: PartId,
    at: Timestamp,
    event: &EventId,
    value: T,
) -> bool {
    if map
        .get(&id)
        .is_some_and(|part| !part.is_older_than(at, event))
    {
        return false;
    }
    map.insert(
        id,
        Part {
            at,
            event: event.clone(),
            value,
        },
    );
    true
}

impl SessionRecord {
    /// A session of which nothing is known yet.
    pub fn new(organization: OrganizationId, id: SessionId) -> Self {
        Self {
            organization,
            id,
            revision: 0,
            session: None,
            summary: None,
            action_items: BTreeMap::new(),
            insights: BTreeMap::new(),
            transcript: None,
        }
    }

    fn would_overflow(&self, payload: &Payload) -> bool {
        fn beyond<'a, T>(
            known: &BTreeMap<PartId, T>,
            ids: impl Iterator<Item = &'a PartId>,
        ) -> bool {
            known.len() + ids.filter(|id| !known.contains_key(*id)).count() > MAX_ITEMS
        }
        match payload {
            Payload::SessionCompleted {
                action_items,
                insights,
                ..
            } => {
                beyond(&self.action_items, action_items.iter().map(|item| &item.id))
                    || beyond(&self.insights, insights.iter().map(|insight| &insight.id))
            }
            Payload::ActionItemCreated { action_item, .. } => {
                beyond(&self.action_items, std::iter::once(&action_item.id))
            }
            Payload::InsightDetected { insight, .. } => {
                beyond(&self.insights, std::iter::once(&insight.id))
            }
            Payload::SummaryGenerated { .. }
            | Payload::MeetingScheduled(_)
            | Payload::OrganizationChanged(_) => false,
        }
    }

    /// Takes an event in. An event of another type, or of another session, changes nothing.
    pub fn merge(&mut self, event: &Envelope) -> Merge {
        let (at, id) = (event.timestamp, &event.id);
        if event.session() != Some(&self.id) {
            return Merge::Unchanged;
        }
        if self.would_overflow(&event.payload) {
            return Merge::Full;
        }
        let mut transcript = None;
        let changed = match &event.payload {
            Payload::SessionCompleted {
                session,
                segments,
                summary,
                action_items,
                insights,
            } => {
                let mut changed = put(&mut self.session, at, id, (**session).clone());
                if changed && !segments.is_empty() {
                    self.transcript = Some(id.clone());
                    transcript = Some(segments.clone());
                }
                if let Some(summary) = summary {
                    changed |= put(&mut self.summary, at, id, summary.clone());
                }
                for item in action_items {
                    changed |= put_in(
                        &mut self.action_items,
                        item.id.clone(),
                        at,
                        id,
                        item.clone(),
                    );
                }
                for insight in insights {
                    changed |= put_in(
                        &mut self.insights,
                        insight.id.clone(),
                        at,
                        id,
                        insight.clone(),
                    );
                }
                changed
            }
            Payload::SummaryGenerated { summary, .. } => {
                put(&mut self.summary, at, id, summary.clone())
            }
            Payload::ActionItemCreated { action_item, .. } => put_in(
                &mut self.action_items,
                action_item.id.clone(),
                at,
                id,
                action_item.clone(),
            ),
            Payload::InsightDetected { insight, .. } => put_in(
                &mut self.insights,
                insight.id.clone(),
                at,
                id,
                insight.clone(),
            ),
            Payload::MeetingScheduled(_) | Payload::OrganizationChanged(_) => false,
        };
        if !changed {
            return Merge::Unchanged;
        }
        self.revision += 1;
        Merge::Changed { transcript }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "json! reads best at the call"
    )]
    fn event(id: &str, time: &str, kind: &str, payload: serde_json::Value) -> Envelope {
        let value = json!({ "id": id, "type": kind, "organizationId": "org_1", "timestamp": time, "payload": payload });
        Envelope::parse(&value, "").unwrap()
    }

    fn session(id: &str, time: &str, title: &str) -> Envelope {
        event(
            id,
            time,
            "session.completed",
            json!({ "sessionId": "ses_1", "session": {
            "id": "ses_1", "title": title, "kind": "meeting", "created_at": "2026-11-20T15:00:00Z", "duration_seconds": 60,
            "host": { "name": "Hana", "email": "hana@seller.example" }, "participants": [],
            "action_items": [{ "id": "a1", "title": format!("do {title}"), "status": "open" }] } }),
        )
    }

    fn summary(id: &str, time: &str, text: &str) -> Envelope {
        event(
            id,
            time,
            "summary.generated",
            json!({ "sessionId": "ses_1", "summary": { "text": text, "format": "text" } }),
        )
    }

    #[test]
    fn any_order_of_events_ends_in_the_same_parts() {
        let events = [
            session("evt_1", "2026-11-20T16:00:00Z", "first"),
            summary("evt_2", "2026-11-20T16:01:00Z", "old words"),
            summary("evt_4", "2026-11-20T16:02:00Z", "new words"),
            summary("evt_3", "2026-11-20T16:02:00Z", "same time, smaller id"),
            session("evt_5", "2026-11-20T16:03:00Z", "second"),
        ];
        let orders = [
            [0, 1, 2, 3, 4],
            [4, 3, 2, 1, 0],
            [2, 0, 4, 1, 3],
            [3, 2, 4, 0, 1],
        ];
        for order in orders {
            let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_1".parse().unwrap());
            for index in order {
                record.merge(&events[index]);
            }
            assert_eq!(
                record.session.as_ref().unwrap().value.title,
                "second",
                "{order:?}"
            );
            assert_eq!(
                record.summary.as_ref().unwrap().value.text,
                "new words",
                "{order:?}"
            );
            assert_eq!(
                record.action_items.values().next().unwrap().value.title,
                "do second",
                "{order:?}"
            );
        }
    }

    #[test]
    fn a_repeated_event_changes_nothing() {
        let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_1".parse().unwrap());
        let first = session("evt_1", "2026-11-20T16:00:00Z", "first");
        assert_ne!(record.merge(&first), Merge::Unchanged);
        assert_eq!(record.revision, 1);
        assert_eq!(record.merge(&first), Merge::Unchanged);
        assert_eq!(record.revision, 1);
    }

    #[test]
    fn a_session_has_room_for_so_many_items_and_says_so() {
        let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_1".parse().unwrap());
        let item = |n: usize| {
            event(
                &format!("evt_{n}"),
                "2026-11-20T16:00:00Z",
                "action_item.created",
                json!({ "sessionId": "ses_1", "action_item": { "id": format!("a{n}"), "title": "t" } }),
            )
        };
        for n in 0..MAX_ITEMS {
            assert_ne!(record.merge(&item(n)), Merge::Full);
        }
        assert_eq!(record.merge(&item(MAX_ITEMS)), Merge::Full);
        assert_eq!(record.action_items.len(), MAX_ITEMS);
        // One that is known may still change.
        let mut again = item(7);
        again.timestamp = "2026-11-20T17:00:00Z".parse().unwrap();
        assert_ne!(record.merge(&again), Merge::Full);
    }
}
