//! Connections, mappings, and authorizations under way.

use hub_domain::{Connection, ConnectionId, Mapping, OrganizationId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Store, as_document,
    attributes::{Item, number},
    document,
    keys::{Class, Key, partition},
};
use crate::error::AwsError;

/// An authorization that a browser has begun and that the CRM has yet to send back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthState {
    /// Whose.
    pub organization: OrganizationId,
    /// Which connection.
    pub connection: ConnectionId,
    /// The hash of the cookie of the browser that began it.
    pub browser: String,
    /// The PKCE verifier.
    pub verifier: String,
    /// The redirect URI that was sent, to the letter.
    pub redirect_uri: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: i64,
}

impl Store {
    /// The connections of an organization, by id.
    pub async fn connections(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<Connection>, AwsError> {
        let items = self
            .query(&partition(organization.as_str(), Class::Connection, ""), "")
            .await?;
        items.iter().map(document).collect()
    }

    /// One connection, as it stands now.
    pub async fn connection(
        &self,
        organization: &OrganizationId,
        id: &ConnectionId,
    ) -> Result<Option<Connection>, AwsError> {
        self.document(&Key::connection(organization, id), true)
            .await
    }

    /// Writes a connection whose version was raised by one since it was read; version 1 is a new
    /// one. [`AwsError::Conflict`] means somebody else changed it.
    pub async fn put_connection(&self, connection: &Connection) -> Result<(), AwsError> {
        let mut item = Key::connection(&connection.organization, &connection.id).attributes();
        item.insert("d".to_owned(), as_document(connection)?);
        item.insert("v".to_owned(), number(connection.version));
        if connection.version <= 1 {
            return self
                .put(item, Some("attribute_not_exists(pk)"), Item::new())
                .await;
        }
        let before = Item::from([(":before".to_owned(), number(connection.version - 1))]);
        self.put(item, Some("v = :before"), before).await
    }

    /// One version of a connection's mapping.
    pub async fn mapping(
        &self,
        organization: &OrganizationId,
        connection: &ConnectionId,
        version: u32,
    ) -> Result<Option<Mapping>, AwsError> {
        self.document(&Key::mapping(organization, connection, version), false)
            .await
    }

    /// Remembers an authorization under the hash of its state.
    pub async fn put_oauth_state(
        &self,
        state_hash: &str,
        state: &OAuthState,
    ) -> Result<(), AwsError> {
        let mut item = Key::oauth_state(state_hash).attributes();
        item.insert("d".to_owned(), as_document(state)?);
        item.insert("ttl".to_owned(), number(state.expires_at / 1000 + 60));
        self.put(item, Some("attribute_not_exists(pk)"), Item::new())
            .await
    }

    /// Takes an authorization: it can be taken once, and not after its end.
    pub async fn take_oauth_state(
        &self,
        state_hash: &str,
        now: Timestamp,
    ) -> Result<Option<OAuthState>, AwsError> {
        let Some(item) = self.take(&Key::oauth_state(state_hash)).await? else {
            return Ok(None);
        };
        let state: OAuthState = document(&item)?;
        Ok((state.expires_at > now.as_millisecond()).then_some(state))
    }
}
