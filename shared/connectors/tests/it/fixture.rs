//! The fixtures of a CRM, and the connections and replies they are made of.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use hub_connectors::{Connector, Operation, Reply};
use hub_domain::{Connection, ConnectionState, Timestamp, Verdict};
use serde_json::Value;

/// When every reply arrives.
pub(crate) const NOW: &str = "2026-11-20T16:00:00Z";

/// One file.
pub(crate) struct Fixture {
    /// Its name, for messages.
    pub(crate) name: String,
    /// What stands in it.
    pub(crate) json: Value,
}

impl Fixture {
    /// All files of a CRM.
    pub(crate) fn all(crm: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(crm);
        let mut found: Vec<Self> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = format!("{crm}/{}", path.file_name().unwrap().display());
                let json = serde_json::from_slice(&std::fs::read(&path).unwrap())
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                Self { name, json }
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(!found.is_empty(), "{crm} has no fixtures");
        found
    }

    /// The operation.
    pub(crate) fn operation(&self) -> Operation {
        let (kind, what) = self.json["operation"]
            .as_object()
            .and_then(|o| o.iter().next())
            .expect("one operation");
        match kind.as_str() {
            "find_people" => Operation::FindPeople { emails: read(what) },
            "write" => Operation::Write { plans: read(what) },
            "describe" => Operation::Describe { object: read(what) },
            "read_back" => Operation::ReadBack {
                kind: read(&what["kind"]),
                object: read(&what["object"]),
                keys: read(&what["keys"]),
                writes: what.get("writes").map_or_else(Vec::new, read),
                since: what.get("since").map(read),
                cursor: what.get("cursor").map(read),
            },
            other => panic!("{}: unknown operation {other}", self.name),
        }
    }

    /// The connection.
    pub(crate) fn connection(&self, crm: &str) -> Connection {
        let settings = self.json.get("settings").map_or_else(BTreeMap::new, read);
        Connection {
            settings,
            ..connection(crm)
        }
    }

    /// The replies.
    pub(crate) fn replies(&self) -> &[Value] {
        self.json["replies"]
            .as_array()
            .unwrap_or_else(|| panic!("{}: no replies", self.name))
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error} in {value}"))
}

/// A CRM's connector.
pub(crate) fn connector(crm: &str) -> Arc<dyn Connector> {
    hub_connectors::connector(crm)
        .expect("it is in the registry")
        .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

/// A connection without settings.
pub(crate) fn connection(crm: &str) -> Connection {
    let new = Connection::new(
        "conn_1".parse().unwrap(),
        "org_1".parse().unwrap(),
        crm.parse().unwrap(),
        "Acme".to_owned(),
        Timestamp::UNIX_EPOCH,
        "user".to_owned(),
    );
    Connection {
        state: ConnectionState::Active,
        reason: String::new(),
        approved: true,
        base_url: Some("https://acme.crm.example".to_owned()),
        ..new
    }
}

/// A reply.
pub(crate) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply {
        status: http::StatusCode::from_u16(status).unwrap(),
        headers: http::HeaderMap::new(),
        body: body.into().into(),
        at: NOW.parse().unwrap(),
    }
}

/// A verdict in one line.
pub(crate) fn tell(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Done { id } => format!("done {id}"),
        Verdict::Skip(reason) => format!("skip {reason:?}"),
        Verdict::Retry {
            after: None,
            reason,
        } => format!("retry: {reason}"),
        Verdict::Retry {
            after: Some(after),
            reason,
        } => format!("retry after {}s: {reason}", after.as_secs()),
        Verdict::Throttle { until, scope } => {
            let wait = until.duration_since(NOW.parse().unwrap()).as_secs();
            format!(
                "throttle {} {wait}s",
                serde_json::to_value(scope).unwrap().as_str().unwrap()
            )
        }
        Verdict::Refresh => "refresh".to_owned(),
        Verdict::Reauthorize { reason, .. } => format!("reauthorize: {reason}"),
        Verdict::Reject(faults) => {
            let faults: Vec<String> = faults
                .iter()
                .map(|f| format!("{} {} {}", f.field, f.code, f.message))
                .collect();
            format!("reject {}", faults.join("; "))
        }
        Verdict::Misconfigured { reason } => format!("misconfigured: {reason}"),
        Verdict::Bug { reason } => format!("bug: {reason}"),
    }
}

/// How many verdicts an operation has.
pub(crate) fn verdicts(operation: &Operation) -> usize {
    match operation {
        Operation::Write { plans } => plans.iter().map(|plan| plan.writes.len()).sum(),
        Operation::FindPeople { .. } | Operation::Describe { .. } | Operation::ReadBack { .. } => 1,
    }
}
