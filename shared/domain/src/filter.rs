//! Which deliveries somebody means: the same for a list and for what is tried again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    id::{ConnectionId, CrmId, SessionId, WebhookId},
    ledger::{DeliveryStatus, LedgerEntry},
};

/// The names of statuses, as people write them.
pub const STATUSES: [(&str, DeliveryStatus); 8] = [
    ("claimed", DeliveryStatus::Claimed),
    ("delivered", DeliveryStatus::Delivered),
    ("skipped", DeliveryStatus::Skipped),
    ("retrying", DeliveryStatus::Retrying),
    ("waiting", DeliveryStatus::Waiting),
    ("held", DeliveryStatus::Held),
    ("parked", DeliveryStatus::Parked),
    ("dead_lettered", DeliveryStatus::DeadLettered),
];

/// The names of verdicts that a delivery can have.
pub const VERDICTS: [&str; 9] = [
    "done",
    "skip",
    "retry",
    "throttle",
    "refresh",
    "reauthorize",
    "reject",
    "misconfigured",
    "bug",
];

/// Which deliveries are meant: those that fit everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// Of the connections to this CRM.
    pub crm: Option<CrmId>,
    /// Which connections those are; whoever knows them fills it in.
    pub of_crm: Option<BTreeSet<ConnectionId>>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// In this state.
    pub status: Option<DeliveryStatus>,
    /// With this verdict.
    pub verdict: Option<String>,
    /// With a refused field of this name, or an error code of it.
    pub field: Option<String>,
    /// Changed last at or after this moment.
    pub since: Option<Timestamp>,
    /// Changed last before this moment.
    pub until: Option<Timestamp>,
}

impl DeliveryFilter {
    /// Whether a delivery is one of them.
    pub fn fits(&self, entry: &LedgerEntry) -> bool {
        let changed = |moment: &Timestamp| entry.updated_at >= moment.as_millisecond();
        let subject = &entry.subject;
        let is = |id: &ConnectionId| subject.connection() == Some(id);
        let refused = |name: &String| {
            let mut faults = entry.faults.iter();
            faults.any(|fault| fault.field == *name || fault.code == *name)
        };
        self.connection.as_ref().is_none_or(is)
            && self
                .of_crm
                .as_ref()
                .is_none_or(|known| subject.connection().is_some_and(|id| known.contains(id)))
            && self
                .session
                .as_ref()
                .is_none_or(|id| subject.session() == Some(id))
            && self
                .webhook
                .as_ref()
                .is_none_or(|id| subject.webhook() == Some(id))
            && self.status.is_none_or(|status| status == entry.status)
            && self
                .verdict
                .as_ref()
                .is_none_or(|name| *name == entry.verdict)
            && self.field.as_ref().is_none_or(refused)
            && self.since.as_ref().is_none_or(changed)
            && self.until.as_ref().is_none_or(|moment| !changed(moment))
    }

    /// Whether it leaves anything out of a connection, so that a page of the table may hold few.
    pub fn is_narrow(&self) -> bool {
        let Self {
            connection: _,
            webhook: _,
            crm: _,
            of_crm,
            session,
            status,
            verdict,
            field,
            since,
            until,
        } = self;
        of_crm.is_some()
            || session.is_some()
            || status.is_some()
            || verdict.is_some()
            || field.is_some()
            || since.is_some()
            || until.is_some()
    }

    /// The one destination that it names, if it does.
    pub fn destination(&self) -> Option<&str> {
        let webhook = self.webhook.as_ref().map(WebhookId::as_str);
        self.connection
            .as_ref()
            .map_or(webhook, |id| Some(id.as_str()))
    }

    /// Its name, for a cursor: a place in one list means nothing in another.
    pub fn name(&self) -> String {
        let id = |id: Option<&str>| id.unwrap_or_default().to_owned();
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let status = STATUSES
            .iter()
            .find(|(_, known)| Some(*known) == self.status);
        [
            // One of the two at most.
            id(self.destination()),
            id(self.crm.as_ref().map(CrmId::as_str)),
            id(self.session.as_ref().map(SessionId::as_str)),
            id(status.map(|(name, _)| *name)),
            id(self.verdict.as_deref()),
            // What somebody else calls a field may hold anything.
            id(self.field.as_deref()).replace([',', '%'], "%"),
            time(self.since),
            time(self.until),
        ]
        .join(",")
            + ","
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::FieldFault;

    fn entry() -> LedgerEntry {
        serde_json::from_value(serde_json::json!({
            "organization": "org_1", "connection": "conn_1", "session": "ses_1", "event": "evt_1",
            "status": "parked", "revision": 2, "worker": "w", "verdict": "reject",
            "faults": [FieldFault { field: "Stage".into(), code: "BAD_VALUE".into(), message: String::new() }],
            "created_at": 0, "updated_at": 1_000,
        }))
        .unwrap()
    }

    #[test]
    fn everything_that_is_given_has_to_fit() {
        let at = |ms: i64| Some(Timestamp::from_millisecond(ms).unwrap());
        let text = |text: &str| Some(text.to_owned());
        let every = DeliveryFilter::default();
        let entry = entry();
        for (filter, fits) in [
            (every.clone(), true),
            (
                DeliveryFilter {
                    connection: "conn_2".parse().ok(),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    of_crm: Some(["conn_1".parse().unwrap()].into()),
                    ..every.clone()
                },
                true,
            ),
            (
                DeliveryFilter {
                    of_crm: Some(BTreeSet::new()),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    webhook: "whk_1".parse().ok(),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    session: "ses_1".parse().ok(),
                    ..every.clone()
                },
                true,
            ),
            (
                DeliveryFilter {
                    status: Some(DeliveryStatus::Held),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    verdict: text("reject"),
                    ..every.clone()
                },
                true,
            ),
            (
                DeliveryFilter {
                    verdict: text("bug"),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    field: text("Stage"),
                    ..every.clone()
                },
                true,
            ),
            (
                DeliveryFilter {
                    field: text("BAD_VALUE"),
                    ..every.clone()
                },
                true,
            ),
            (
                DeliveryFilter {
                    field: text("stage"),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    since: at(1_000),
                    ..every.clone()
                },
                true,
            ),
            (
                DeliveryFilter {
                    since: at(1_001),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    until: at(1_000),
                    ..every.clone()
                },
                false,
            ),
            (
                DeliveryFilter {
                    until: at(1_001),
                    ..every.clone()
                },
                true,
            ),
        ] {
            assert_eq!(filter.fits(&entry), fits, "{filter:?}");
        }
    }

    #[test]
    fn names_tell_filters_apart() {
        let every = DeliveryFilter::default();
        let of = |field: &str| DeliveryFilter {
            field: Some(field.to_owned()),
            ..DeliveryFilter::default()
        };
        assert_eq!(every.name(), ",,,,,,,,");
        assert_eq!(of("a,b").name(), ",,,,,a%b,,,");
        assert!(!every.is_narrow() && of("a").is_narrow());
    }

    #[test]
    fn every_status_and_verdict_has_its_name() {
        for (name, status) in STATUSES {
            assert_eq!(serde_json::to_value(status).unwrap(), name);
        }
        let made = crate::Verdict::Refresh;
        assert!(VERDICTS.contains(&made.name()));
    }
}
