//! Storing events: the event itself for idempotency, and its session.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use hub_aws::{
    AwsError, KeyRing,
    store::{EventItem, PutEvent},
};
use hub_domain::{
    Envelope, EventId, Faults, Organization, Payload, SessionRecord,
    event::{OrganizationChange, OrganizationStatus, Segment},
    limits::MAX_ITEMS,
    session::Merge,
};
use serde_json::Value;

use super::EventFailure;
use crate::{
    error::EngineError,
    hub::Hub,
    kept,
    reference::{EventReference, VERSION},
};

/// How often a session is merged again when somebody else changed it meanwhile.
const MERGES: usize = 8;
/// Sessions of one request that are stored at the same time.
const AT_ONCE: usize = 8;

/// What was stored of one event: its id, and where it leads.
type Stored = (
    Option<EventId>,
    Result<Option<EventReference>, EventFailure>,
);

/// One event of a request: its place, what was read of it, and its id as far as it can be read.
type Parsed = (usize, Result<Envelope, Faults>, Option<EventId>);

/// Stores events: those of one session one after the other, sessions side by side.
pub(crate) async fn store_all(hub: &Hub, events: &[Value]) -> Vec<Stored> {
    let single = events.len() == 1;
    let mut groups: BTreeMap<String, Vec<Parsed>> = BTreeMap::new();
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
    if organization.as_ref().is_none_or(|organization| {
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
    let kept = organization.is_some_and(|organization| organization.has_webhooks);
    let whole = if matches!(event.payload, Payload::MeetingScheduled(_)) {
        value.map(Value::to_string)
    } else if kept {
        event.body()
    } else {
        None
    };
    let item = EventItem {
        organization: event.organization.clone(),
        event: event.id.clone(),
        session: event.session().cloned(),
        fields: fingerprints(&ring, value.unwrap_or(&Value::Null)),
        accepted_at: hub.clock().now(),
        sealed: sealed_whole(hub, &ring, event, whole.as_deref())?,
    };
    if event.session().is_none() {
        remember(hub, &item).await?;
        if matches!(event.payload, Payload::OrganizationChanged(_)) {
            // An organization that has just begun is set up in the next minutes: what it is asked for then
            // is read afresh.
            hub.forget(&event.organization);
        }
        return Ok(None);
    }
    if kept {
        // Every event by itself, since webhooks get it by itself.
        remember(hub, &item).await?;
    }
    let mut reference = merge(hub, &ring, event, &item, pointer).await?;
    if kept {
        reference.kept = Some(event.payload.kind().to_owned());
    }
    Ok(Some(reference))
}

/// Remembers an event by an item of its own, or says what differs from the one that was.
async fn remember(hub: &Hub, item: &EventItem) -> Result<(), EventFailure> {
    let put = hub.store().put_event(item).await;
    match put.map_err(|error| EventFailure::Unavailable(EngineError::aws("the event")(error)))? {
        PutEvent::New | PutEvent::Same => Ok(()),
        PutEvent::Different(fields) => Err(EventFailure::Different(fields)),
    }
}

fn closes(event: &Envelope) -> bool {
    matches!(&event.payload, Payload::OrganizationChanged(change) if change.status == OrganizationStatus::Closed)
}

/// What is kept whole stands with the event's own item, sealed: an event that has no session; and what
/// webhooks get, so that every attempt sends the same bytes.
fn sealed_whole(
    hub: &Hub,
    ring: &KeyRing,
    event: &Envelope,
    whole: Option<&str>,
) -> Result<Option<Vec<u8>>, EventFailure> {
    let Some(plain) = whole else {
        return Ok(None);
    };
    let aad = kept::aad(&event.organization, &event.id);
    hub_aws::seal::seal_compressed(ring, hub.entropy(), aad.as_bytes(), plain.as_bytes())
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
        has_webhooks: false,
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

/// Merges an event into its session, again as long as others change it at the same time, and remembers it:
/// with the session that begins with it, else by an item of its own, before the session has it.
async fn merge(
    hub: &Hub,
    ring: &KeyRing,
    event: &Envelope,
    item: &EventItem,
    pointer: &str,
) -> Result<EventReference, EventFailure> {
    let unavailable = |error| EventFailure::Unavailable(EngineError::aws("the session")(error));
    let session = event.session().ok_or_else(|| {
        unavailable(AwsError::Corrupt {
            what: "an event without a session",
        })
    })?;
    let mut is_new = probably_begins(event);
    let mut is_remembered = false;
    for _ in 0..MERGES {
        let standing = if is_new {
            None
        } else {
            let read = hub.store().session(&event.organization, session);
            read.await.map_err(unavailable)?
        };
        if let Some(standing) = standing.as_ref().filter(|_| !is_remembered) {
            match standing.began_with(item) {
                Some(PutEvent::Different(fields)) => return Err(EventFailure::Different(fields)),
                Some(PutEvent::New | PutEvent::Same) => {}
                None if item.sealed.is_some() => {}
                None => remember(hub, item).await?,
            }
            is_remembered = true;
        }
        let begins = standing.is_none();
        let mut record = match standing {
            Some(sealed) => sealed.open(ring).map_err(unavailable)?,
            None => SessionRecord::new(event.organization.clone(), session.clone()),
        };
        match record.merge(event) {
            Merge::Changed { transcript } => {
                let put = put(hub, ring, &record, transcript.as_deref(), item, begins);
                match put.await? {
                    Ok(()) => {}
                    Err(AwsError::Conflict { .. }) => {
                        is_new = false;
                        continue;
                    }
                    Err(error) => return Err(unavailable(error)),
                }
            }
            Merge::Unchanged => {}
            Merge::Full => {
                let problem = format!(
                    "would give the session more than {MAX_ITEMS} action items or insights"
                );
                return Err(EventFailure::Invalid(Faults::one(
                    format!("{pointer}/payload"),
                    problem,
                    "an item that the session has already, or another session",
                )));
            }
        }
        return Ok(EventReference {
            v: VERSION,
            organization: event.organization.clone(),
            session: session.clone(),
            event: event.id.clone(),
            revision: record.revision,
            alone: record.session.is_none(),
            kept: None,
        });
    }
    Err(unavailable(AwsError::Throttled {
        operation: "merging a session",
    }))
}

/// Whether the session is written without being looked for first: most sessions begin by their completion.
/// A transcript is looked at twice, since its pieces are written before the session is.
fn probably_begins(event: &Envelope) -> bool {
    matches!(&event.payload, Payload::SessionCompleted { segments, .. } if segments.is_empty())
}

/// Writes a session as merged.
async fn put(
    hub: &Hub,
    ring: &KeyRing,
    record: &SessionRecord,
    transcript: Option<&[Segment]>,
    item: &EventItem,
    begins: bool,
) -> Result<Result<(), AwsError>, EventFailure> {
    let (store, entropy) = (hub.store(), hub.entropy());
    if begins {
        let begun = store.begin_session(ring, entropy, record, transcript, item);
        if let Some(begun) = begun.await {
            return Ok(begun);
        }
        remember(hub, item).await?;
    }
    let put = store.put_session(ring, entropy, record, transcript, item.accepted_at);
    Ok(put.await)
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
