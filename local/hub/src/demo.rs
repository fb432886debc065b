//! The main job, once: connect every destination, feed the sample events, wait, and look into the
//! CRMs whether everything is there, once.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use http::{Method, StatusCode};
use hub_connectors::CRMS;
use hub_domain::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    found::{self, Row},
    ports::Place,
    stack::Stack,
    surroundings::Surroundings,
    terminal,
    visitor::Visitor,
};

/// How long the demo waits for its deliveries, an outage aside.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);

/// The organization's beginning.
const ORGANIZATION: &str = include_str!("../../../events/payloads/organization.changed.json");
/// What happens to it, in two halves: an outage strikes between them.
const EVENTS: [&[&str]; 2] = [
    &[
        include_str!("../../../events/payloads/session.completed.meeting.json"),
        include_str!("../../../events/payloads/session.completed.internal.json"),
    ],
    &[
        include_str!("../../../events/payloads/session.completed.call.json"),
        include_str!("../../../events/payloads/summary.generated.json"),
        include_str!("../../../events/payloads/action_item.created.json"),
        include_str!("../../../events/payloads/insight.detected.json"),
    ],
];

/// A CRM that is gone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Which.
    pub crm: String,
    /// For how long.
    pub seconds: u64,
}

impl std::str::FromStr for Outage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "a CRM and a time, like {}=10s",
                CRMS.first().copied().unwrap_or("crm")
            )
        };
        let (crm, time) = text.split_once('=').ok_or_else(wrong)?;
        let seconds = time
            .strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok())
            .ok_or_else(wrong)?;
        if !CRMS.contains(&crm) {
            return Err(format!("the CRM is one of {}", CRMS.join(", ")));
        }
        Ok(Self {
            crm: crm.to_owned(),
            seconds,
        })
    }
}

/// Runs the demo. `true` means that all of it is there, once.
///
/// # Errors
/// A step failed, or the deliveries did not end in time.
pub async fn run(place: Place, outage: Option<Outage>) -> anyhow::Result<bool> {
    terminal::heading("Starting the hub on this machine");
    let stack = Stack::start(place).await?;
    let outcome = on(&stack.surroundings, outage).await;
    stack.stop().await;
    outcome
}

async fn on(around: &Surroundings, outage: Option<Outage>) -> anyhow::Result<bool> {
    let organization: Value =
        serde_json::from_str(ORGANIZATION).context("the sample organization is not JSON")?;
    let id = organization
        .get("organizationId")
        .and_then(Value::as_str)
        .context("the sample organization has no id")?;
    let visitor = Visitor::admin(around, id)?;
    terminal::heading("Connecting");
    visitor
        .send_events("msg_demo_organization", &organization)
        .await?;
    terminal::step(&format!("organization {id} announced, its keys made"));
    let mut connections = BTreeMap::new();
    for crm in CRMS {
        let connection = visitor
            .connect(crm)
            .await
            .with_context(|| format!("connecting {crm}"))?;
        terminal::step(&format!(
            "{crm}: authorized, approved by an admin ({connection})"
        ));
        connections.insert(connection, *crm);
    }
    let webhook = visitor.receive().await.context("setting up the webhook")?;
    terminal::step(&format!(
        "a customer's own receiver of webhooks, signed messages to {} ({webhook})",
        found::RECEIVER
    ));
    connections.insert(webhook, found::RECEIVER);
    let quiet = found::Counts::now(around);

    terminal::heading("Feeding the sample events");
    // By session for the CRMs, by event for the webhook.
    let (mut sent, mut of_events) = (BTreeMap::new(), BTreeMap::new());
    for (half, events) in EVENTS.iter().enumerate() {
        if let Some(outage) = outage.as_ref().filter(|_| half == 1) {
            let sandbox = around
                .sandboxes
                .get(outage.crm.as_str())
                .context("no such sandbox")?;
            let fault = json!({ "fault": "outage", "seconds": outage.seconds });
            sandbox.add_fault(fault).map_err(|error| {
                anyhow::anyhow!("the sandbox refused the outage: {}", error.detail)
            })?;
            terminal::step(&format!(
                "{} is gone for {} seconds",
                outage.crm, outage.seconds
            ));
        }
        let events: Vec<Value> = events
            .iter()
            .map(|text| serde_json::from_str(text))
            .collect::<Result<_, _>>()
            .context("a sample event is not JSON")?;
        for event in &events {
            // Latency counts from the last word on a session.
            let now = around.hub.clock().now();
            sent.insert(text(event, "/payload/sessionId").to_owned(), now);
            of_events.insert(text(event, "/id").to_owned(), now);
        }
        visitor
            .send_events(&format!("msg_demo_{half}"), &Value::Array(events.clone()))
            .await?;
        terminal::step(&format!("{} events accepted", events.len()));
    }

    let patience = PATIENCE + Duration::from_secs(outage.map_or(0, |outage| outage.seconds * 4));
    drained(around, patience).await?;
    let cost = found::Counts::now(around).since(&quiet);
    let expected = CRMS.len() * sent.len() + of_events.len();
    let deliveries = ended(&visitor, expected).await?;
    sent.append(&mut of_events);
    terminal::heading("What the CRMs and the receiver hold now");
    report(
        around,
        id,
        &visitor,
        &connections,
        &deliveries,
        &sent,
        &cost,
    )
    .await
}

/// Waits until every queue is empty: nothing is under way any more. Looking costs no AWS call.
async fn drained(around: &Surroundings, patience: Duration) -> anyhow::Result<()> {
    let until = Instant::now() + patience;
    loop {
        let queues = around.aws.queues();
        let waiting: usize = queues
            .iter()
            .filter(|(name, _)| !name.ends_with("-dlq"))
            .map(|(_, depth)| depth.total())
            .sum();
        if waiting == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            bail!(
                "after {} seconds {waiting} messages still wait: {queues:?}",
                patience.as_secs()
            );
        }
        sleep(LOOK).await;
    }
}

/// The deliveries, all of which have ended.
async fn ended(visitor: &Visitor<'_>, expected: usize) -> anyhow::Result<Vec<Value>> {
    let page = visitor
        .api(
            Method::GET,
            "/api/deliveries?limit=100",
            None,
            StatusCode::OK,
        )
        .await?;
    let items = page
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let ended = items
        .iter()
        .filter(|item| {
            matches!(
                text(item, "/status"),
                "delivered" | "skipped" | "parked" | "dead_lettered"
            )
        })
        .count();
    if ended != expected {
        bail!("{ended} of {expected} deliveries have ended: {items:#?}");
    }
    Ok(items)
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

async fn report(
    around: &Surroundings,
    organization: &str,
    visitor: &Visitor<'_>,
    connections: &BTreeMap<String, &str>,
    deliveries: &[Value],
    sent: &BTreeMap<String, Timestamp>,
    cost: &found::Counts,
) -> anyhow::Result<bool> {
    let mut rows = Vec::new();
    let mut good = true;
    let mut written = 0;
    for delivery in deliveries {
        let destination = ["/connection", "/webhook"].map(|place| text(delivery, place));
        let destination = destination.into_iter().find(|id| !id.is_empty());
        let crm = destination
            .and_then(|id| connections.get(id))
            .copied()
            .unwrap_or("?");
        let detail = visitor
            .api(
                Method::GET,
                &format!("/api/deliveries/{}", text(delivery, "/id")),
                None,
                StatusCode::OK,
            )
            .await?;
        let found = found::rows(around, organization, crm, &detail, sent).await?;
        good &= found.iter().all(|row| row.good);
        written += usize::from(text(delivery, "/status") == "delivered");
        rows.extend(found);
    }
    let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    terminal::table(
        &[
            "destination",
            "session or event",
            "record",
            "written",
            "found again",
            "latency",
            "",
        ],
        &cells,
    );
    let sessions = u32::try_from(written).unwrap_or(1).max(1);
    terminal::line(&cost.line(sessions));
    terminal::line(if good {
        "All of it is there, once."
    } else {
        "NOT all of it is there, once."
    });
    Ok(good && written > 0)
}
