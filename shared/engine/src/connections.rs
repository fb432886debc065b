//! Connections, as the API shows and changes them.

pub mod document;
mod input;

use std::collections::BTreeMap;

use hub_aws::{AwsError, seams::ulid};
use hub_domain::{
    Cause, Connection, ConnectionId, ConnectionState, Faults, Method, OrganizationId, Timestamp,
    reader::Reader,
};

pub(crate) use self::input::Secret;
use self::input::secret;
pub use self::input::{Change, NewConnection};
use crate::{
    connect,
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    lifecycle, plans, settings,
};

/// How often a change is made again when somebody else changed the connection meanwhile.
const CHANGES: usize = 5;

/// Creates a connection. One that needs a browser is not yet authorized; any other is authorized at
/// once, or not created.
///
/// # Errors
/// The caller is no admin, the CRM refuses the credentials, or the store does not answer.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    new: NewConnection,
) -> Result<Connection, EngineError> {
    caller.at_least(Role::Admin)?;
    plans::room_for_connection(hub, &caller.organization).await?;
    let id = format!("conn_{}", ulid(hub.clock(), hub.entropy()));
    let id: ConnectionId = id.parse().map_err(|_| EngineError::Bug {
        context: "making an id",
        source: None,
    })?;
    let now = hub.clock().now();
    let connection = Connection {
        method: new.method,
        settings: new.settings,
        credential_since: new.secret.is_given().then_some(now),
        ..Connection::new(
            id.clone(),
            caller.organization.clone(),
            new.crm,
            new.name,
            now,
            caller.subject.clone(),
        )
    };
    // What is refused is not kept: neither its secret nor its name.
    let proof = match connection.method {
        Method::AuthorizationCode => None,
        Method::ClientCredentials | Method::JwtBearer | Method::ApiKey => {
            Some(connect::prove(hub, &connection, &new.secret).await?)
        }
    };
    // Counted before its secret is kept: a secret that is kept for nobody would stay for ever.
    plans::add_connection(hub, &connection).await?;
    new.secret.keep(hub, &caller.organization, &id).await?;
    hub.forget(&caller.organization);
    match proof {
        Some(proof) => connect::keep(hub, &connection, proof, &caller.subject).await,
        None => Ok(connection),
    }
}

/// Changes a connection. Another secret or another host is proven at the CRM before it counts.
///
/// # Errors
/// The caller is no admin, it is not there or has ended, the change is wrong, or the CRM refuses it.
pub async fn update(
    hub: &Hub,
    caller: &Caller,
    id: &ConnectionId,
    wanted: Change,
) -> Result<Connection, EngineError> {
    caller.at_least(Role::Admin)?;
    let found = get(hub, caller, id).await?;
    if found.state == ConnectionState::Disconnected {
        return Err(EngineError::Conflict(
            "the connection has ended; create another".to_owned(),
        ));
    }
    let manifest = hub.manifest(&found.crm)?;
    let mut faults = Faults::default();
    let settings = match &wanted.settings {
        Some(given) => settings::read(&manifest, found.method, given, &mut faults),
        None => found.settings.clone(),
    };
    let secret = Reader::new(&wanted.body, "", &mut faults)
        .map(|mut reader| {
            secret(
                &mut reader,
                Some(&manifest),
                found.method,
                false,
                &mut faults,
            )
        })
        .unwrap_or_default();
    if !faults.is_empty() {
        return Err(EngineError::Invalid(faults));
    }
    // Hosts are among the settings: whoever was authorized at one is not at another.
    let moved =
        settings != found.settings && settings::moves(&manifest, &found.settings, &settings);
    let by_browser = found.method == Method::AuthorizationCode;
    let proof = if !by_browser && (moved || secret.is_given()) {
        let wanted = Connection {
            settings: settings.clone(),
            account: found.account.clone().filter(|_| !moved),
            ..found.clone()
        };
        Some(connect::prove(hub, &wanted, &secret).await?)
    } else {
        None
    };
    secret.keep(hub, &caller.organization, id).await?;
    if moved {
        lifecycle::unlist_account(hub, &found).await?;
    }
    if moved && by_browser {
        lifecycle::forget_tokens(hub, &found).await?;
    }
    let now = hub.clock().now();
    let changed = change(hub, &caller.organization, id, |current| {
        if let Some(name) = &wanted.name {
            current.name.clone_from(name);
        }
        current.settings.clone_from(&settings);
        if secret.is_given() {
            current.credential_since = Some(now);
        }
        if moved {
            current.account = None;
        }
        if moved && by_browser {
            // Nothing goes to where it was, also not to see whether it works.
            current.base_url = None;
            current.server = None;
            current.state = match current.state {
                ConnectionState::Unconnected => ConnectionState::Unconnected,
                _ => ConnectionState::ReconnectNeeded,
            };
            current.cause = Some(Cause::NeverAuthorized);
            "its address was changed: connect it again".clone_into(&mut current.reason);
        }
    })
    .await?;
    match proof {
        Some(proof) => connect::keep(hub, &changed, proof, &caller.subject).await,
        None => Ok(changed),
    }
}

/// The connections of the caller's organization, without those that have ended.
///
/// # Errors
/// The store does not answer.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Connection>, EngineError> {
    caller.at_least(Role::Manager)?;
    hub.store()
        .connections(&caller.organization)
        .await
        .map(|mut found| {
            found.retain(|connection| connection.state != ConnectionState::Disconnected);
            found
        })
        .map_err(EngineError::aws("the connections"))
}

/// One connection.
///
/// # Errors
/// It is not there, or not of the caller's organization, which is the same.
pub async fn get(hub: &Hub, caller: &Caller, id: &ConnectionId) -> Result<Connection, EngineError> {
    caller.at_least(Role::Manager)?;
    let found = hub
        .store()
        .connection(&caller.organization, id)
        .await
        .map_err(EngineError::aws("the connection"))?;
    found.ok_or(EngineError::NotFound("the connection"))
}

/// When the connections of the caller's organization delivered last; those that never did are not
/// there.
///
/// # Errors
/// The store does not answer.
pub async fn last_syncs(
    hub: &Hub,
    caller: &Caller,
) -> Result<BTreeMap<ConnectionId, Timestamp>, EngineError> {
    caller.at_least(Role::Manager)?;
    hub.store()
        .last_syncs(&caller.organization)
        .await
        .map_err(EngineError::aws("the connections"))
}

/// Approves a connection: from now on it takes events.
///
/// # Errors
/// The caller is no admin, or nobody has authorized it yet.
pub async fn approve(
    hub: &Hub,
    caller: &Caller,
    id: &ConnectionId,
) -> Result<Connection, EngineError> {
    caller.at_least(Role::Admin)?;
    let found = get(hub, caller, id).await?;
    if matches!(
        found.state,
        ConnectionState::Unconnected | ConnectionState::Disconnected
    ) {
        return Err(EngineError::Conflict(
            "the connection has to be authorized at the CRM before it can be approved".to_owned(),
        ));
    }
    change(hub, &caller.organization, id, |current| {
        current.approved = true;
        current.approved_by = Some(caller.subject.clone());
        if current.state == ConnectionState::AwaitingApproval {
            current.state = ConnectionState::Active;
            current.reason.clear();
        }
    })
    .await
}

/// Changes a connection, again if somebody else changed it meanwhile.
pub(crate) async fn change(
    hub: &Hub,
    organization: &OrganizationId,
    id: &ConnectionId,
    change: impl Fn(&mut Connection),
) -> Result<Connection, EngineError> {
    for _ in 0..CHANGES {
        let found = hub
            .store()
            .connection(organization, id)
            .await
            .map_err(EngineError::aws("the connection"))?;
        let before = found.ok_or(EngineError::NotFound("the connection"))?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(before);
        }
        after.version += 1;
        match hub.store().put_connection(&after).await {
            Ok(()) => {
                hub.forget(organization);
                return Ok(after);
            }
            Err(AwsError::Conflict { .. }) => {}
            Err(error) => return Err(EngineError::aws("the connection")(error)),
        }
    }
    Err(EngineError::Conflict(
        "it was changed at the same time; try again".to_owned(),
    ))
}
