//! Deliveries, as the API shows them.

pub mod document;
mod retry;

use std::{collections::BTreeSet, time::Duration};

pub use hub_aws::store::DeliveryPage;
use hub_connectors::{Operation, ReadBack};
pub use hub_domain::filter::{DeliveryFilter, STATUSES, VERDICTS};
use hub_domain::{
    ConnectionId, DeliveryId, SessionRecord,
    ledger::LedgerEntry,
    mapping::RecordKind,
    matching::{Candidate, Match},
    plan::{self, Plan},
};

use crate::{
    connections,
    deliver::records,
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
};

pub use retry::{Again, AgainRequest, retry, retry_all};

/// The most deliveries on a page.
pub const PAGE: usize = 100;

/// A delivery with the plan it carried out, made again from what is stored.
#[derive(Debug)]
pub struct Detail {
    /// The ledger's entry.
    pub entry: LedgerEntry,
    /// The plan at the session's revision now; `None` when the session is gone or makes none.
    pub plan: Option<Plan>,
}

/// The time for reading records back.
const LOOK_UP: Duration = Duration::from_mins(2);
/// Pages that are read for one page of a viewer, who may see few of them or none.
const ROUNDS: usize = 10;

/// A page of the organization's deliveries. A viewer sees those of sessions they took part in: such a
/// page may hold fewer than asked for, or none, and there is more as long as it names a next one.
///
/// # Errors
/// The store does not answer.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    filter: &DeliveryFilter,
    cursor: Option<&str>,
    most: usize,
) -> Result<DeliveryPage, EngineError> {
    caller.at_least(Role::Viewer)?;
    let most = most.clamp(1, PAGE);
    let filter = &known(hub, caller, filter).await?;
    let mut page = DeliveryPage {
        next: cursor.map(str::to_owned),
        ..DeliveryPage::default()
    };
    for _ in 0..ROUNDS {
        let left = most - page.deliveries.len();
        let found = hub
            .store()
            .deliveries(&caller.organization, filter, page.next.as_deref(), left)
            .await
            .map_err(EngineError::aws("the deliveries"))?;
        page.next = found.next;
        page.deliveries
            .extend(visible(hub, caller, found.deliveries).await?);
        if page.next.is_none() || page.deliveries.len() >= most {
            break;
        }
    }
    Ok(page)
}

/// The filter with the connections of the CRM that it names.
async fn known(
    hub: &Hub,
    caller: &Caller,
    filter: &DeliveryFilter,
) -> Result<DeliveryFilter, EngineError> {
    let mut filter = filter.clone();
    if let Some(crm) = &filter.crm {
        let connections = hub.connections(&caller.organization).await;
        let connections = connections.map_err(EngineError::aws("the connections"))?;
        let of_crm = connections.iter().filter(|one| one.crm == *crm);
        filter.of_crm = Some(of_crm.map(|one| one.id.clone()).collect());
    }
    Ok(filter)
}

/// What of these a caller may see. Which sessions somebody took part in is known only from the
/// sessions themselves.
async fn visible(
    hub: &Hub,
    caller: &Caller,
    mut found: Vec<LedgerEntry>,
) -> Result<Vec<LedgerEntry>, EngineError> {
    if caller.role >= Role::Manager || found.is_empty() {
        return Ok(found);
    }
    let unavailable = EngineError::aws("the sessions");
    let distinct: BTreeSet<_> = found
        .iter()
        .filter_map(|entry| entry.subject.session().cloned())
        .collect();
    let ids: Vec<_> = distinct
        .into_iter()
        .map(|session| (caller.organization.clone(), session))
        .collect();
    let sealed = hub.store().sessions(&ids).await.map_err(&unavailable)?;
    let ring = hub.vault().data(caller.organization.as_str()).await;
    let ring = ring.map_err(&unavailable)?;
    let mut theirs = BTreeSet::new();
    for sealed in sealed.into_iter().flatten() {
        let record = sealed.open(&ring).map_err(&unavailable)?;
        if took_part(&record, caller) {
            theirs.insert(record.id);
        }
    }
    found.retain(|entry| {
        entry
            .subject
            .session()
            .is_some_and(|session| theirs.contains(session))
    });
    Ok(found)
}

/// One delivery. A viewer sees those of sessions they took part in.
///
/// # Errors
/// It is not there, or the caller may not see it, which is the same.
pub async fn get(hub: &Hub, caller: &Caller, id: &DeliveryId) -> Result<Detail, EngineError> {
    let missing = || EngineError::NotFound("the delivery");
    let entry = hub
        .store()
        .delivery(&caller.organization, id)
        .await
        .map_err(EngineError::aws("the delivery"))?
        .ok_or_else(missing)?;
    let sealed = match entry.subject.session() {
        Some(session) => hub
            .store()
            .session(&caller.organization, session)
            .await
            .map_err(EngineError::aws("the session"))?,
        None => None,
    };
    let record = match sealed {
        Some(sealed) => {
            let ring = hub
                .vault()
                .data(caller.organization.as_str())
                .await
                .map_err(EngineError::aws("the organization's key"))?;
            Some(
                sealed
                    .open(&ring)
                    .map_err(EngineError::aws("the session"))?,
            )
        }
        None => None,
    };
    if caller.role < Role::Manager
        && !record
            .as_ref()
            .is_some_and(|record| took_part(record, caller))
    {
        return Err(missing());
    }
    let plan = match &record {
        Some(record) => rebuild(hub, &entry, record).await?,
        None => None,
    };
    Ok(Detail { entry, plan })
}

fn took_part(record: &SessionRecord, caller: &Caller) -> bool {
    record.session.as_ref().is_some_and(|part| {
        let session = &part.value;
        let people = session.participants.iter();
        let addresses = people.filter_map(|person| person.email.as_ref());
        std::iter::once(&session.host.email)
            .chain(addresses)
            .any(|address| caller.is(address))
    })
}

/// Makes the plan again from the session, the mapping and the choices the ledger kept.
async fn rebuild(
    hub: &Hub,
    entry: &LedgerEntry,
    record: &SessionRecord,
) -> Result<Option<Plan>, EngineError> {
    let connections = hub
        .connections(&entry.organization)
        .await
        .map_err(EngineError::aws("the connection"))?;
    let Some(connection) = connections
        .iter()
        .find(|connection| entry.subject.connection() == Some(&connection.id))
    else {
        return Ok(None);
    };
    let connector = hub.connector(&connection.crm)?;
    let mut at_the_time = connection.clone();
    at_the_time.mapping_version = entry.mapping_version;
    let mapping = hub
        .mapping(&at_the_time, connector.manifest())
        .await
        .map_err(EngineError::aws("the mapping"))?;
    let Some(mapping) = mapping else {
        return Ok(None);
    };
    let addresses = plan::addresses(record);
    let matches: Vec<Match> = entry
        .matches
        .iter()
        .filter_map(|kept| {
            let email = addresses.get(kept.person)?.clone();
            let chosen = kept
                .object
                .clone()
                .zip(kept.id.clone())
                .map(|(object, id)| Candidate {
                    object,
                    rank: 0,
                    id,
                    email: email.clone(),
                    company: None,
                    modified_at: None,
                });
            Some(Match {
                email,
                chosen,
                rejected: kept.rejected.clone(),
            })
        })
        .collect();
    let made = plan::make(record, connection, &mapping, &matches).ok();
    Ok(made.map(|mut plan| {
        connector.steps(&mut plan, connection);
        plan
    }))
}

/// The records of the CRM that hold these keys of ours: one for each that was written, more than
/// one for a key would be a duplicate.
///
/// # Errors
/// The connection is not there, or the CRM does not answer.
pub async fn read_back(
    hub: &Hub,
    caller: &Caller,
    connection: &ConnectionId,
    kind: RecordKind,
    object: &str,
    keys: Vec<String>,
) -> Result<Vec<ReadBack>, EngineError> {
    let connection = connections::get(hub, caller, connection).await?;
    let connector = hub.connector(&connection.crm)?;
    let mut found = Vec::new();
    for chunk in keys.chunks(connector.manifest().batch.lookup.max(1)) {
        let operation = Operation::ReadBack {
            kind,
            object: object.to_owned(),
            keys: chunk.to_vec(),
            writes: Vec::new(),
            since: None,
            cursor: None,
        };
        let deadline = hub.clock().now() + LOOK_UP;
        let records = records(hub, connector.as_ref(), &connection, &operation, deadline);
        found.extend(records.await.map_err(EngineError::Crm)?);
    }
    Ok(found)
}
