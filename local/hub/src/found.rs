//! What a delivery wrote, found again by reading the CRM; and what it cost.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use hub_connectors::ReadBack;
use hub_domain::{ConnectionId, Timestamp, Verdict, mapping::RecordKind};
use hub_engine::{
    EngineError, Hub,
    deliveries::read_back,
    identity::{Caller, Role},
};
use serde_json::Value;

use crate::{demo::text, surroundings::Surroundings};

/// The sandbox that receives webhooks.
pub(crate) const RECEIVER: &str = "receiver";

/// One line of the table: the records of one kind of one session, or an event.
pub(crate) struct Row {
    crm: String,
    session: String,
    record: String,
    written: usize,
    found: usize,
    latency_ms: i64,
    note: String,
    /// Whether exactly what should be there is there.
    pub(crate) good: bool,
}

impl Row {
    /// The cells of the table.
    pub(crate) fn cells(&self) -> Vec<String> {
        vec![
            self.crm.clone(),
            self.session.clone(),
            self.record.clone(),
            self.written.to_string(),
            self.found.to_string(),
            format!("{} ms", self.latency_ms),
            if self.good {
                self.note.clone()
            } else {
                format!("✗ {}", self.note)
            },
        ]
    }
}

/// The lines of one delivery.
pub(crate) async fn rows(
    around: &Surroundings,
    organization: &str,
    crm: &str,
    detail: &Value,
    sent: &BTreeMap<String, Timestamp>,
) -> anyhow::Result<Vec<Row>> {
    let status = text(detail, "/status");
    let updated: Timestamp = text(detail, "/updated_at")
        .parse()
        .context("a delivery without a time")?;
    let is_event = !text(detail, "/webhook").is_empty();
    let of = text(detail, if is_event { "/event" } else { "/session" });
    let sent = sent
        .get(of)
        .context("a delivery of something that was not sent")?;
    let row = |record: String, written, found, note: String, good| Row {
        crm: crm.to_owned(),
        session: of.to_owned(),
        record,
        written,
        found,
        latency_ms: updated.as_millisecond() - sent.as_millisecond(),
        note,
        good,
    };
    if status != "delivered" {
        let note = format!("{status}: {}", text(detail, "/reason"));
        return Ok(vec![row("–".to_owned(), 0, 0, note, status == "skipped")]);
    }
    if is_event {
        let (kind, taken) = received(around, of)?;
        let note = if taken == 1 {
            "once, signed"
        } else {
            "missing or twice"
        };
        return Ok(vec![row(kind, 1, taken, note.to_owned(), taken == 1)]);
    }
    let caller = Caller {
        organization: organization.parse()?,
        role: Role::Admin,
        subject: "demo".to_owned(),
        email: None,
    };
    let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for write in detail
        .pointer("/plan/writes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let group = (
            text(write, "/kind").to_owned(),
            text(write, "/object").to_owned(),
        );
        groups
            .entry(group)
            .or_default()
            .push(text(write, "/key").to_owned());
    }
    let mut rows = Vec::new();
    for ((kind, object), keys) in groups {
        let record_kind: RecordKind = serde_json::from_value(Value::String(kind.clone()))?;
        let connection = text(detail, "/connection").parse()?;
        let hub = &around.hub;
        let found = read(
            hub,
            &caller,
            &connection,
            record_kind,
            &object,
            keys.clone(),
        )
        .await?;
        let once = keys
            .iter()
            .all(|key| found.iter().filter(|record| record.key == *key).count() == 1);
        let note = if once {
            "each once"
        } else {
            "missing or twice"
        };
        rows.push(row(
            format!("{kind} → {object}"),
            keys.len(),
            found.len(),
            note.to_owned(),
            once,
        ));
    }
    Ok(rows)
}

/// The type of an event, and how often the receiver took it: it tells one message from another by its id, so
/// twice would be under two ids.
fn received(around: &Surroundings, event: &str) -> anyhow::Result<(String, usize)> {
    let receiver = around.sandboxes.get(RECEIVER).context("no receiver")?;
    let state = receiver.state();
    let messages = state.get("messages").and_then(Value::as_object);
    let of = messages.into_iter().flatten().map(|(_, message)| message);
    let of: Vec<&Value> = of
        .filter(|message| text(message, "/body/id") == event)
        .collect();
    let kind = of.first().map_or("–", |message| text(message, "/type"));
    Ok((kind.to_owned(), of.len()))
}

/// The records that carry these keys, as the CRM has them. Where the deliveries have used its limit up for now,
/// who reads waits, as a delivery does.
async fn read(
    hub: &Hub,
    caller: &Caller,
    connection: &ConnectionId,
    kind: RecordKind,
    object: &str,
    keys: Vec<String>,
) -> Result<Vec<ReadBack>, EngineError> {
    loop {
        match read_back(hub, caller, connection, kind, object, keys.clone()).await {
            Err(EngineError::Crm(Verdict::Throttle { until, .. })) => {
                let left = until.duration_since(hub.clock().now());
                let left = Duration::try_from(left).unwrap_or_default();
                tokio::time::sleep(left.max(Duration::from_millis(10))).await;
            }
            found => return found,
        }
    }
}

/// What was spent so far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    aws_calls: u64,
    write_units: f64,
    read_units: f64,
    crm_calls: u64,
}

impl Counts {
    /// As it stands.
    pub(crate) fn now(around: &Surroundings) -> Self {
        let counts = around.aws.counts();
        Self {
            // The poller's calls are Lambda's own.
            aws_calls: counts.calls.values().sum::<u64>() - counts.poller_calls,
            write_units: counts.write_units,
            read_units: counts.read_units,
            crm_calls: around
                .sandboxes
                .values()
                .map(hub_sandbox::Sandbox::calls)
                .sum(),
        }
    }

    /// What came since.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            aws_calls: self.aws_calls - before.aws_calls,
            write_units: self.write_units - before.write_units,
            read_units: self.read_units - before.read_units,
            crm_calls: self.crm_calls - before.crm_calls,
        }
    }

    /// Per delivery that was made.
    pub(crate) fn line(&self, sessions: u32) -> String {
        let per = f64::from(sessions);
        let each = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / per;
        format!(
            "Per delivery, from ingest to outcome: {:.1} AWS calls, {:.1} write units, {:.1} read units, {:.1} CRM calls.",
            each(self.aws_calls),
            self.write_units / per,
            self.read_units / per,
            each(self.crm_calls),
        )
    }
}
