//! An event from either door: verified, checked, stored; then a reference to it is queued.
//!
//! Nothing is accepted before it is stored and queued, so nothing accepted can be lost. The same
//! event again is queued again, and the ledger makes it nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hub_aws::{
    AwsError, KeyRing, Outgoing,
    store::{EventItem, PutEvent},
};
use hub_domain::{
    Envelope, EventId, Faults, Organization, Payload, SessionRecord,
    event::{OrganizationChange, OrganizationStatus},
    limits::MAX_EVENTS,
    session::Merge,
};
use serde_json::Value;

use crate::{
    error::EngineError,
    hub::Hub,
    reference::{EventReference, VERSION},
    webhook::{Refusal, Signed, Verified, verify},
};

/// The queue of accepted events.
pub const EVENTS: &str = "events";
/// How often a session is merged again when somebody else changed it meanwhile.
const MERGES: usize = 8;
/// Sessions of one request that are stored at the same time.
const AT_ONCE: usize = 8;

/// What became of one event of a request.
#[derive(Debug)]
pub struct EventResult {
    /// Its id, where it has a readable one.
    pub id: Option<EventId>,
    /// What became of it.
    pub outcome: Result<(), EventFailure>,
}

/// Why one event was not accepted.
#[derive(Debug)]
pub enum EventFailure {
    /// It is invalid, and stays so.
    Invalid(Faults),
    /// Another event was accepted under its id; these fields differ, by JSON pointer.
    Different(Vec<String>),
    /// It could not be stored or queued now; the same event may be sent again.
    Unavailable(EngineError),
}

/// Events of one body: one, or a list of up to [`MAX_EVENTS`].
#[derive(Debug)]
pub struct Body {
    /// The events, unchecked.
    pub events: Vec<Value>,
    /// Whether the body was one event rather than a list.
    pub single: bool,
}

/// What is wrong with a body as a whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// It is not JSON.
    #[error("{0}")]
    NotJson(Faults),
    /// It is JSON, and neither an event nor a list of 1 to [`MAX_EVENTS`].
    #[error("{0}")]
    Shape(Faults),
}

impl Body {
    /// Reads a body whose signature is right.
    ///
    /// # Errors
    /// What is wrong with the body as a whole.
    pub fn read(body: Verified<Bytes>) -> Result<Self, BodyFault> {
        let value: Value = serde_json::from_slice(&body.into_inner()).map_err(|error| {
            let problem = format!(
                "is not JSON (line {}, column {})",
                error.line(),
                error.column()
            );
            BodyFault::NotJson(Faults::one("", problem, "an event or a list of events"))
        })?;
        match value {
            Value::Array(events) if events.is_empty() || events.len() > MAX_EVENTS => {
                let problem = format!("has {} events", events.len());
                Err(BodyFault::Shape(Faults::one(
                    "",
                    problem,
                    format!("1 to {MAX_EVENTS} events"),
                )))
            }
            Value::Array(events) => Ok(Self {
                events,
                single: false,
            }),
            Value::Object(_) => Ok(Self {
                events: vec![value],
                single: true,
            }),
            _ => Err(BodyFault::Shape(Faults::one(
                "",
                "is neither an object nor an array",
                "an event or a list of events",
            ))),
        }
    }
}

/// Checks the signature of a message of liveprompt with the platform's current or previous secret.
///
/// # Errors
/// [`EngineError::Unavailable`] when the secret cannot be read; the inner result says whether the
/// signature is right.
pub async fn verified(
    hub: &Hub,
    body: Bytes,
    signed: Signed<'_>,
    now: hub_domain::Timestamp,
) -> Result<Result<Verified<Bytes>, Refusal>, EngineError> {
    let platform = hub
        .vault()
        .platform()
        .await
        .map_err(EngineError::aws("the platform's secret"))?;
    let secrets = std::iter::once(&platform.webhook.current).chain(&platform.webhook.previous);
    Ok(verify(body, signed, secrets, now))
}

/// Takes events in: stores each, then queues a reference to each. The results keep the order.
pub async fn accept(hub: &Hub, events: &[Value]) -> Vec<EventResult> {
    let stored = store_all(hub, events).await;
    let mut results = Vec::with_capacity(stored.len());
    let mut outgoing = Vec::new();
    let mut places = Vec::new();
    for (index, (id, outcome)) in stored.into_iter().enumerate() {
        let outcome = outcome.and_then(|reference| {
            let Some(reference) = reference else {
                return Ok(());
            };
            let body = serde_json::to_string(&reference).map_err(|error| {
                EventFailure::Unavailable(EngineError::Bug {
                    context: "writing a reference",
                    source: Some(Box::new(error)),
                })
            })?;
            outgoing.push(Outgoing {
                body,
                group: Some(reference.organization.to_string()),
                ..Outgoing::default()
            });
            places.push(index);
            Ok(())
        });
        results.push(EventResult { id, outcome });
    }
    for (place, sent) in places
        .into_iter()
        .zip(hub.queues().send_batch(EVENTS, outgoing).await)
    {
        if let (Err(error), Some(result)) = (sent, results.get_mut(place)) {
            result.outcome = Err(EventFailure::Unavailable(EngineError::aws(
                "the events queue",
            )(error)));
        }
    }
    results
}

/// What was stored of one event: its id, and where it leads.
type Stored = (
    Option<EventId>,
    Result<Option<EventReference>, EventFailure>,
);

/// Stores events: those of one session one after the other, sessions side by side.
pub(crate) async fn store_all(hub: &Hub, events: &[Value]) -> Vec<Stored> {
    let single = events.len() == 1;
    let mut groups: BTreeMap<String, Vec<(usize, Result<Envelope, Faults>, Option<EventId>)>> =
        BTreeMap::new();
    for (index, value) in events.iter().enumerate() {
        let pointer = if single {
            String::new()
        } else {
            format!("/{index}")
        };
        let id = value
            .get("id")
            .and_then(Value::as_str)
            .and_then(|id| id.parse().ok());
        let parsed = Envelope::parse(value, &pointer);
        // Changes of an organization come first: events of it may stand beside its beginning.
        let group = match &parsed {
            Ok(event) => event.session().map_or_else(
                || format!("organization {}", event.organization),
                ToString::to_string,
            ),
            Err(_) => format!("invalid {index}"),
        };
        groups.entry(group).or_default().push((index, parsed, id));
    }
    let (first, rest): (Vec<_>, Vec<_>) = groups
        .into_iter()
        .partition(|(group, _)| group.starts_with("organization "));
    let mut stored: BTreeMap<usize, Stored> = BTreeMap::new();
    for groups in [first, rest] {
        let work = groups.into_iter().map(|(_, group)| async move {
            let mut done = Vec::new();
            for (index, parsed, id) in group {
                let pointer = if single {
                    String::new()
                } else {
                    format!("/{index}")
                };
                let outcome = match parsed {
                    Ok(event) => store(hub, &event, events.get(index), &pointer).await,
                    Err(faults) => Err(EventFailure::Invalid(faults)),
                };
                done.push((index, (id, outcome)));
            }
            done
        });
        stored.extend(stream::iter(work).buffer_unordered(AT_ONCE).concat().await);
    }
    stored.into_values().collect()
}

/// Stores one event and says where it leads: `None` for one that leads to no CRM.
async fn store(
    hub: &Hub,
    event: &Envelope,
    value: Option<&Value>,
    pointer: &str,
) -> Result<Option<EventReference>, EventFailure> {
    if let Payload::OrganizationChanged(change) = &event.payload {
        change_organization(hub, event, change).await?;
    }
    let unavailable =
        |context| move |error| EventFailure::Unavailable(EngineError::aws(context)(error));
    let organization = hub
        .organization(&event.organization)
        .await
        .map_err(unavailable("the organization"))?;
    if organization.is_none_or(|organization| {
        organization.status == OrganizationStatus::Closed && !closes(event)
    }) {
        let expected =
            "an organization that liveprompt has announced by organization.changed and not closed";
        return Err(EventFailure::Invalid(Faults::one(
            format!("{pointer}/organizationId"),
            "is unknown",
            expected,
        )));
    }
    let ring = hub
        .vault()
        .data(event.organization.as_str())
        .await
        .map_err(unavailable("the organization's key"))?;
    let item = EventItem {
        organization: event.organization.clone(),
        event: event.id.clone(),
        session: event.session().cloned(),
        fields: fingerprints(&ring, value.unwrap_or(&Value::Null)),
        accepted_at: hub.clock().now(),
        sealed: sealed_whole(hub, &ring, event, value)?,
    };
    match hub
        .store()
        .put_event(&item)
        .await
        .map_err(unavailable("the event"))?
    {
        PutEvent::New | PutEvent::Same => {}
        PutEvent::Different(fields) => return Err(EventFailure::Different(fields)),
    }
    if event.session().is_none() {
        return Ok(None);
    }
    merge(hub, &ring, event)
        .await
        .map(Some)
        .map_err(unavailable("the session"))
}

fn closes(event: &Envelope) -> bool {
    matches!(&event.payload, Payload::OrganizationChanged(change) if change.status == OrganizationStatus::Closed)
}

/// An event that has no session is kept whole, sealed, with its own item.
fn sealed_whole(
    hub: &Hub,
    ring: &KeyRing,
    event: &Envelope,
    value: Option<&Value>,
) -> Result<Option<Vec<u8>>, EventFailure> {
    if !matches!(event.payload, Payload::MeetingScheduled(_)) {
        return Ok(None);
    }
    let plain = serde_json::to_vec(&value).unwrap_or_default();
    let aad = format!("event/{}/{}", event.organization, event.id);
    hub_aws::seal::seal_compressed(ring, hub.entropy(), aad.as_bytes(), &plain)
        .map(Some)
        .map_err(|error| EventFailure::Unavailable(EngineError::aws("sealing an event")(error)))
}

async fn change_organization(
    hub: &Hub,
    event: &Envelope,
    change: &OrganizationChange,
) -> Result<(), EventFailure> {
    let unavailable =
        |context| move |error| EventFailure::Unavailable(EngineError::aws(context)(error));
    let organization = Organization {
        id: event.organization.clone(),
        name: change.name.clone(),
        plan: change.plan,
        status: change.status,
        changed_at: event.timestamp,
        changed_by: event.id.clone(),
    };
    hub.store()
        .put_organization(&organization)
        .await
        .map_err(unavailable("the organization"))?;
    hub.vault()
        .create_organization(event.organization.as_str())
        .await
        .map_err(unavailable("the organization's secrets"))?;
    hub.forget(&event.organization);
    Ok(())
}

/// Merges an event into its session, again as long as others change it at the same time.
async fn merge(hub: &Hub, ring: &KeyRing, event: &Envelope) -> Result<EventReference, AwsError> {
    let session = event.session().ok_or(AwsError::Corrupt {
        what: "an event without a session",
    })?;
    for _ in 0..MERGES {
        let standing = hub.store().session(&event.organization, session).await?;
        let mut record = match standing {
            Some(sealed) => sealed.open(ring)?,
            None => SessionRecord::new(event.organization.clone(), session.clone()),
        };
        if let Merge::Changed { transcript } = record.merge(event) {
            match hub
                .store()
                .put_session(
                    ring,
                    hub.entropy(),
                    &record,
                    transcript.as_deref(),
                    hub.clock().now(),
                )
                .await
            {
                Ok(()) => {}
                Err(AwsError::Conflict { .. }) => continue,
                Err(error) => return Err(error),
            }
        }
        return Ok(EventReference {
            v: VERSION,
            organization: event.organization.clone(),
            session: session.clone(),
            event: event.id.clone(),
            revision: record.revision,
            alone: record.session.is_none(),
        });
    }
    Err(AwsError::Throttled {
        operation: "merging a session",
    })
}

/// A keyed hash per field, two levels into the payload: fine enough to name what differs.
fn fingerprints(ring: &KeyRing, event: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut open = vec![(String::new(), event, 0)];
    while let Some((pointer, value, depth)) = open.pop() {
        match value {
            Value::Object(object) if depth < 3 => {
                for (key, value) in object {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    open.push((format!("{pointer}/{key}"), value, depth + 1));
                }
            }
            // serde_json keeps maps sorted, so the same value is always the same text.
            _ => drop(fields.insert(pointer, ring.fingerprint(value.to_string().as_bytes()))),
        }
    }
    fields
}
