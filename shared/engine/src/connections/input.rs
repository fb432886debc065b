//! What somebody enters to create or change a connection.

use std::{collections::BTreeMap, fmt};

use hub_aws::vault::OauthClient;
use hub_connectors::Manifest;
use hub_domain::{
    ConnectionId, CrmId, Faults, Method, OrganizationId, limits::MAX_SHORT, reader::Reader,
    text::cut,
};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{credentials, error::EngineError, hub::Hub, settings};

/// The longest secret or key, in characters.
const MAX_SECRET: usize = 4_096;
/// The longest private key, in characters: RSA with 8,192 bits in PEM is below 7,000.
const MAX_PRIVATE_KEY: usize = 16_384;

/// A connection to create.
#[derive(Debug)]
pub struct NewConnection {
    pub(super) crm: CrmId,
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) secret: Secret,
}

/// What a connection proves itself by, as a customer enters it.
#[derive(Debug, Default)]
pub(crate) struct Secret {
    pub(crate) client: Option<OauthClient>,
    pub(crate) api_key: Option<SecretString>,
}

impl Secret {
    pub(super) fn is_given(&self) -> bool {
        self.client.is_some() || self.api_key.is_some()
    }

    /// Writes it into the organization's credentials.
    pub(super) async fn keep(
        &self,
        hub: &Hub,
        organization: &OrganizationId,
        id: &ConnectionId,
    ) -> Result<(), EngineError> {
        if !self.is_given() {
            return Ok(());
        }
        credentials::update(hub, organization, |current| {
            if let Some(client) = &self.client {
                current.clients.insert(id.to_string(), client.clone());
            }
            if let Some(key) = &self.api_key {
                current.api_keys.insert(id.to_string(), key.clone());
            }
        })
        .await
    }
}

impl NewConnection {
    /// Reads `{ crm, name, method?, settings?, client? { id, secret?, private_key? }, api_key? }`.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(hub: &Hub, value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let found = Self::from_reader(hub, value, &mut faults);
        match found {
            Some(found) if faults.is_empty() => Ok(found),
            _ => Err(faults),
        }
    }

    fn from_reader(hub: &Hub, value: &Value, faults: &mut Faults) -> Option<Self> {
        let mut reader = Reader::new(value, "", faults)?;
        let crm = reader
            .required_text("crm", MAX_SHORT, faults)
            .and_then(|crm| {
                let known: Vec<&str> = hub.registry().connectable().collect();
                if !known.contains(&crm.as_str()) {
                    faults.push(
                        "/crm",
                        format!("is '{crm}'"),
                        format!("one of {}", known.join(", ")),
                    );
                }
                crm.parse::<CrmId>().ok()
            });
        let manifest = crm.as_ref().and_then(|crm| hub.manifest(crm).ok());
        let manifest = manifest.as_deref();
        let name = reader.required_text("name", MAX_SHORT, faults);
        let method = method(&mut reader, manifest, faults);
        let given = reader
            .object("settings", faults)
            .map(|settings| settings.rest());
        let settings = manifest.map_or_else(BTreeMap::new, |manifest| {
            settings::read(manifest, method, &given.unwrap_or_default(), faults)
        });
        let secret = secret(&mut reader, manifest, method, true, faults);
        for unknown in reader.rest().keys() {
            faults.push(
                format!("/{unknown}"),
                "is unknown",
                "crm, name, method, settings, client or api_key",
            );
        }
        Some(Self {
            crm: crm?,
            name: name?,
            method,
            settings,
            secret,
        })
    }
}

/// The way it proves itself: what is asked for, or the CRM's usual one.
fn method(reader: &mut Reader<'_>, manifest: Option<&Manifest>, faults: &mut Faults) -> Method {
    let known = manifest.map(Manifest::methods).unwrap_or_default();
    let usual = known.first().copied().unwrap_or_default();
    let Some(asked) = reader.value("method") else {
        return usual;
    };
    // Blank is not absent here: somebody named a method.
    let asked = cut(asked.as_str().unwrap_or_default(), MAX_SHORT);
    if let Some(found) = known.iter().find(|method| method.name() == asked) {
        return *found;
    }
    let names: Vec<&str> = known.iter().map(|method| method.name()).collect();
    faults.push(
        "/method",
        format!("is '{asked}'"),
        format!("one of {}", names.join(", ")),
    );
    usual
}

/// Reads `client` and `api_key`, as the method needs them. With `whole`, what is needed must be there.
pub(super) fn secret(
    reader: &mut Reader<'_>,
    manifest: Option<&Manifest>,
    method: Method,
    whole: bool,
    faults: &mut Faults,
) -> Secret {
    let client = reader.object("client", faults).and_then(|mut client| {
        let id = client.required_text("id", MAX_SHORT, faults);
        let secret = client.text("secret", MAX_SECRET, faults);
        let private_key = client.text("private_key", MAX_PRIVATE_KEY, faults);
        match method {
            Method::JwtBearer if private_key.is_none() => {
                faults.push(client.at("private_key"), "is missing", "an RSA key in PEM");
            }
            Method::AuthorizationCode | Method::ClientCredentials if secret.is_none() => {
                faults.push(
                    client.at("secret"),
                    "is missing",
                    "the application's secret",
                );
            }
            Method::ApiKey => faults.push(client.at(""), "is not used with a key", "api_key alone"),
            Method::AuthorizationCode | Method::ClientCredentials | Method::JwtBearer => {}
        }
        for unknown in client.rest().keys() {
            faults.push(
                client.at(unknown),
                "is unknown",
                "id, secret or private_key",
            );
        }
        Some(OauthClient {
            client_id: id?,
            client_secret: secret.unwrap_or_default().into(),
            private_key: private_key.map(SecretString::from),
            ..OauthClient::default()
        })
    });
    let api_key = reader.text("api_key", MAX_SECRET, faults);
    let table = manifest.and_then(|manifest| manifest.api_key.as_ref());
    match (method, &api_key, table) {
        (Method::ApiKey, Some(key), Some(table)) if !table.alphabet.fits(key) => {
            faults.push(
                "/api_key",
                "has characters that no key has",
                table.alphabet.words(),
            );
        }
        (Method::ApiKey, None, Some(table)) if whole => {
            faults.push("/api_key", "is missing", table.description.clone());
        }
        (Method::AuthorizationCode | Method::ClientCredentials | Method::JwtBearer, Some(_), _) => {
            faults.push("/api_key", "is not used with this method", "method api_key");
        }
        _ => {}
    }
    if whole && client.is_none() && matches!(method, Method::ClientCredentials | Method::JwtBearer)
    {
        faults.push("/client", "is missing", "the customer's own application");
    }
    Secret {
        client,
        api_key: api_key.map(SecretString::from),
    }
}

/// What somebody changes about a connection.
pub struct Change {
    pub(super) name: Option<String>,
    pub(super) settings: Option<Map<String, Value>>,
    pub(super) body: Value,
}

/// Without the body: a secret may be in it.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Change {
    /// Reads `{ name?, settings?, client?, api_key? }`; settings replace those there are.
    ///
    /// # Errors
    /// Every fault that can be told without the connection.
    pub fn read(value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut reader) = Reader::new(value, "", &mut faults) else {
            return Err(faults);
        };
        let name = reader.text("name", MAX_SHORT, &mut faults);
        let settings = reader
            .object("settings", &mut faults)
            .map(|settings| settings.rest());
        reader.object("client", &mut faults);
        reader.text("api_key", MAX_SECRET, &mut faults);
        for unknown in reader.rest().keys() {
            faults.push(
                format!("/{unknown}"),
                "is unknown",
                "name, settings, client or api_key",
            );
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name,
            settings,
            body: value.clone(),
        })
    }
}
