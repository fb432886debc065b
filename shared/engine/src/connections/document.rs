//! What the readers of `input` take, as the document of the API (OpenAPI) describes it. Nothing is
//! read with these types; `null` is the same as absent.

use std::collections::BTreeMap;

use hub_connectors::connectable;
use hub_domain::{ConnectionId, Method};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// A CRM that can be connected.
#[derive(Debug)]
pub struct Crm;

impl PartialSchema for Crm {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(connectable()))
            .into()
    }
}

impl ToSchema for Crm {}

/// A connection to create.
#[derive(Debug, ToSchema)]
#[schema(as = NewConnection, example = json!({ "crm": connectable().next(), "name": "Our CRM" }))]
#[serde(deny_unknown_fields)]
pub struct NewConnectionBody {
    /// Which CRM.
    pub crm: Crm,
    /// What people call it.
    #[schema(max_length = 255, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub name: String,
    /// How it proves itself, of the ways this CRM has; without it, the CRM's usual one.
    pub method: Option<Method>,
    /// What this CRM leaves to the customer, like a host or the name of a field; `docs/setup` says what.
    pub settings: Option<BTreeMap<String, String>>,
    /// The customer's own application.
    pub client: Option<ClientBody>,
    /// The key that somebody copied from the CRM, for the method `api_key`.
    #[schema(max_length = 4096)]
    pub api_key: Option<String>,
}

/// A customer's own application at the CRM.
#[derive(Debug, ToSchema)]
#[schema(as = Client)]
#[serde(deny_unknown_fields)]
pub struct ClientBody {
    /// Its id.
    #[schema(max_length = 255, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub id: String,
    /// Its secret, for `authorization_code` and `client_credentials`.
    #[schema(max_length = 4096)]
    pub secret: Option<String>,
    /// Its RSA key in PEM, for `jwt_bearer`.
    #[schema(max_length = 16384)]
    pub private_key: Option<String>,
}

/// What is to be different of a connection; what is not named stays.
#[derive(Debug, ToSchema)]
#[schema(as = ConnectionChange, example = json!({ "name": "Sales" }))]
#[serde(deny_unknown_fields)]
pub struct ConnectionChangeBody {
    /// What people call it.
    #[schema(max_length = 255)]
    pub name: Option<String>,
    /// They replace those there are.
    pub settings: Option<BTreeMap<String, String>>,
    /// The customer's own application.
    pub client: Option<ClientBody>,
    /// The key that somebody copied from the CRM.
    #[schema(max_length = 4096)]
    pub api_key: Option<String>,
}

/// Which connection is to be authorized.
#[derive(Debug, ToSchema)]
#[schema(as = ConnectRequest, example = json!({ "connection_id": "conn_01" }))]
#[serde(deny_unknown_fields)]
pub struct ConnectBody {
    /// One of the caller's organization, to this CRM.
    pub connection_id: ConnectionId,
}
