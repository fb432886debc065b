//! Connections, as the API shows and changes them.

use std::collections::BTreeMap;

use hub_aws::{AwsError, seams::ulid, vault::OauthClient};
use hub_connectors::CRMS;
use hub_domain::{
    Connection, ConnectionId, ConnectionState, CrmId, Faults, OrganizationId, limits::MAX_SHORT,
    reader::Reader,
};
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    connect::update_credentials,
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    plans,
};

/// How often a change is made again when somebody else changed the connection meanwhile.
const CHANGES: usize = 5;

/// A connection to create.
#[derive(Debug)]
pub struct NewConnection {
    crm: CrmId,
    name: String,
    settings: BTreeMap<String, String>,
    client: Option<OauthClient>,
}

impl NewConnection {
    /// Reads `{ crm, name, settings?, client? { id, secret } }`.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let found = Self::from_reader(value, &mut faults);
        match found {
            Some(found) if faults.is_empty() => Ok(found),
            _ => Err(faults),
        }
    }

    fn from_reader(value: &Value, faults: &mut Faults) -> Option<Self> {
        let mut reader = Reader::new(value, "", faults)?;
        let crm = reader
            .required_text("crm", MAX_SHORT, faults)
            .and_then(|crm| {
                if !CRMS.contains(&crm.as_str()) {
                    faults.push(
                        "/crm",
                        format!("is '{crm}'"),
                        format!("one of {}", CRMS.join(", ")),
                    );
                }
                crm.parse::<CrmId>().ok()
            });
        let name = reader.required_text("name", MAX_SHORT, faults);
        let settings = reader
            .object("settings", faults)
            .map_or_else(BTreeMap::new, |settings| {
                read_settings(crm.as_ref(), &settings.rest(), faults)
            });
        let client = reader.object("client", faults).and_then(|mut client| {
            let id = client.required_text("id", MAX_SHORT, faults);
            let secret = client
                .required_text("secret", 4096, faults)
                .map(SecretString::from);
            Some(OauthClient {
                client_id: id?,
                client_secret: secret?,
                ..OauthClient::default()
            })
        });
        for unknown in reader.rest().keys() {
            faults.push(
                format!("/{unknown}"),
                "is unknown",
                "crm, name, settings or client",
            );
        }
        Some(Self {
            crm: crm?,
            name: name?,
            settings,
            client,
        })
    }
}

fn read_settings(
    crm: Option<&CrmId>,
    given: &serde_json::Map<String, Value>,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let Some(Ok(connector)) = crm.and_then(|crm| hub_connectors::connector(crm.as_str())) else {
        return BTreeMap::new();
    };
    let known = &connector.manifest().settings;
    let mut settings = BTreeMap::new();
    for (name, value) in given {
        let pointer = format!("/settings/{name}");
        match (known.get(name), value.as_str()) {
            (None, _) => faults.push(
                pointer,
                "is unknown",
                format!(
                    "one of {}",
                    known.keys().cloned().collect::<Vec<_>>().join(", ")
                ),
            ),
            (Some(_), None) => faults.push(pointer, "is not a string", "a string"),
            (Some(setting), Some(text))
                if !setting.options.is_empty()
                    && !setting.options.iter().any(|option| option == text) =>
            {
                faults.push(
                    pointer,
                    format!("is '{text}'"),
                    format!("one of {}", setting.options.join(", ")),
                );
            }
            // Settings fill host names and field names; neither has anything else in it.
            (Some(_), Some(text))
                if text.is_empty()
                    || text.len() > MAX_SHORT
                    || !text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) =>
            {
                faults.push(
                    pointer,
                    "has characters that cannot stand there",
                    "letters, digits, '.', '_' and '-'",
                );
            }
            (Some(_), Some(text)) => drop(settings.insert(name.clone(), text.to_owned())),
        }
    }
    // A host that a setting names must be one the CRM can have.
    if let Some(host) = settings.get("login_host")
        && !connector.manifest().allows_host(host)
    {
        faults.push(
            "/settings/login_host",
            "is not a host of this CRM",
            format!(
                "one of {}",
                connector.manifest().api.host_patterns.join(", ")
            ),
        );
    }
    settings
}

/// Creates a connection, not yet authorized.
///
/// # Errors
/// The caller is no admin, or the store does not answer.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    new: NewConnection,
) -> Result<Connection, EngineError> {
    caller.at_least(Role::Admin)?;
    let known = hub
        .organization(&caller.organization)
        .await
        .map_err(EngineError::aws("the organization"))?;
    if known.is_none() {
        return Err(EngineError::NotFound("the organization"));
    }
    plans::room_for_connection(hub, &caller.organization).await?;
    let id = format!("conn_{}", ulid(hub.clock(), hub.entropy()));
    let id: ConnectionId = id.parse().map_err(|_| EngineError::Bug {
        context: "making an id",
        source: None,
    })?;
    let connection = Connection {
        id: id.clone(),
        organization: caller.organization.clone(),
        crm: new.crm,
        name: new.name,
        state: ConnectionState::Unconnected,
        reason: "nobody has authorized it at the CRM".to_owned(),
        approved: false,
        enabled: true,
        base_url: None,
        account: None,
        settings: new.settings,
        mapping_version: 0,
        version: 1,
        created_at: hub.clock().now(),
        created_by: caller.subject.clone(),
        approved_by: None,
    };
    if let Some(client) = new.client {
        update_credentials(hub, &caller.organization, |credentials| {
            credentials.clients.insert(id.to_string(), client.clone());
        })
        .await?;
    }
    plans::add_connection(hub, &connection).await?;
    hub.forget(&caller.organization);
    Ok(connection)
}

/// The connections of the caller's organization.
///
/// # Errors
/// The store does not answer.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Connection>, EngineError> {
    caller.at_least(Role::Manager)?;
    hub.store()
        .connections(&caller.organization)
        .await
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
    if found.state == ConnectionState::Unconnected {
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
