//! Authorizations under way, and the directory of CRM accounts.

use std::fmt;

use hub_domain::{ConnectionId, CrmId, OrganizationId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Store, as_document,
    attributes::{Item, must, number, text, text_of},
    document,
    keys::Key,
};
use crate::error::{AwsError, classify};

/// An authorization that a browser has begun and that the CRM has yet to send back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthState {
    /// Whose.
    pub organization: OrganizationId,
    /// Which connection.
    pub connection: ConnectionId,
    /// Who began it.
    #[serde(default)]
    pub person: String,
    /// The hash of the cookie of the browser that began it.
    pub browser: String,
    /// The PKCE verifier.
    pub verifier: String,
    /// The redirect URI that was sent, to the letter.
    pub redirect_uri: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: i64,
}

/// Without the verifier.
impl fmt::Debug for OAuthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthState")
            .field("organization", &self.organization)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// What passes between two requests of one browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// The hash of the state it belongs to.
    pub state: String,
    /// Where the browser goes on to, or what a form brought; sealed.
    pub sealed: Vec<u8>,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: i64,
}

/// Without what is sealed.
impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handoff")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// DynamoDB deletes what has expired within days; a read must not wait for it.
fn alive(expires_at: i64, now: Timestamp) -> bool {
    expires_at > now.as_millisecond()
}

impl Store {
    /// Remembers an authorization under the hash of its state.
    pub async fn put_oauth_state(
        &self,
        state_hash: &str,
        state: &OAuthState,
    ) -> Result<(), AwsError> {
        self.put_short_lived(&Key::oauth_state(state_hash), state, state.expires_at)
            .await
    }

    async fn put_short_lived(
        &self,
        key: &Key,
        value: &impl Serialize,
        expires_at: i64,
    ) -> Result<(), AwsError> {
        let mut item = key.attributes();
        item.insert("d".to_owned(), as_document(value)?);
        item.insert("ttl".to_owned(), number(expires_at / 1000 + 60));
        self.put(item, Some("attribute_not_exists(pk)"), Item::new())
            .await
    }

    /// An authorization, without using it up.
    pub async fn oauth_state(
        &self,
        state_hash: &str,
        now: Timestamp,
    ) -> Result<Option<OAuthState>, AwsError> {
        let found: Option<OAuthState> = self.document(&Key::oauth_state(state_hash), true).await?;
        Ok(found.filter(|state| alive(state.expires_at, now)))
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
        Ok(Some(state).filter(|state| alive(state.expires_at, now)))
    }

    /// Binds an authorization to another browser, by the hash of its cookie. `false`: it is gone.
    pub async fn bind_oauth_state(
        &self,
        state_hash: &str,
        browser: &str,
        now: Timestamp,
    ) -> Result<bool, AwsError> {
        let Some(mut state) = self.oauth_state(state_hash, now).await? else {
            return Ok(false);
        };
        browser.clone_into(&mut state.browser);
        let mut item = Key::oauth_state(state_hash).attributes();
        item.insert("d".to_owned(), as_document(&state)?);
        item.insert("ttl".to_owned(), number(state.expires_at / 1000 + 60));
        match self
            .put(item, Some("attribute_exists(pk)"), Item::new())
            .await
        {
            Ok(()) => Ok(true),
            Err(AwsError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts something aside under the hash of a handle.
    pub async fn put_handoff(&self, handle_hash: &str, value: &Handoff) -> Result<(), AwsError> {
        self.put_short_lived(&Key::handoff(handle_hash), value, value.expires_at)
            .await
    }

    /// What was put aside, without using it up.
    pub async fn handoff(
        &self,
        handle_hash: &str,
        now: Timestamp,
    ) -> Result<Option<Handoff>, AwsError> {
        let found: Option<Handoff> = self.document(&Key::handoff(handle_hash), true).await?;
        Ok(found.filter(|found| alive(found.expires_at, now)))
    }

    /// Takes what was put aside: once, and not after its end.
    pub async fn take_handoff(
        &self,
        handle_hash: &str,
        now: Timestamp,
    ) -> Result<Option<Handoff>, AwsError> {
        let Some(item) = self.take(&Key::handoff(handle_hash)).await? else {
            return Ok(None);
        };
        let found: Handoff = document(&item)?;
        Ok(Some(found).filter(|found| alive(found.expires_at, now)))
    }

    /// Enters a connection into the directory under its CRM account.
    pub async fn put_account(
        &self,
        crm: &CrmId,
        account: &str,
        organization: &OrganizationId,
        connection: &ConnectionId,
    ) -> Result<(), AwsError> {
        let mut item = Key::account(crm, account, organization, connection).attributes();
        item.insert("org".to_owned(), text(organization.as_str()));
        item.insert("conn".to_owned(), text(connection.as_str()));
        self.put(item, None, Item::new()).await
    }

    /// Takes a connection out of the directory.
    pub async fn remove_account(
        &self,
        crm: &CrmId,
        account: &str,
        organization: &OrganizationId,
        connection: &ConnectionId,
    ) -> Result<(), AwsError> {
        self.delete(&Key::account(crm, account, organization, connection))
            .await
    }

    /// The connections that lead to a CRM account, of whatever organization.
    pub async fn connections_of_account(
        &self,
        crm: &CrmId,
        account: &str,
    ) -> Result<Vec<(OrganizationId, ConnectionId)>, AwsError> {
        let (pk, prefix) = Key::accounts(crm, account);
        let items = self.query(&pk, &prefix).await?;
        let id = |item: &Item, name: &str| {
            must(
                text_of(item, name).map(str::to_owned),
                "an entry of the directory",
            )
        };
        items
            .iter()
            .map(|item| {
                let wrong = |_| AwsError::Corrupt {
                    what: "an entry of the directory",
                };
                let organization = id(item, "org")?.parse().map_err(wrong)?;
                let connection = id(item, "conn")?.parse().map_err(wrong)?;
                Ok((organization, connection))
            })
            .collect()
    }

    /// Deletes an item, whether it is there or not.
    pub(super) async fn delete(&self, key: &Key) -> Result<(), AwsError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .send()
            .await
            .map_err(|error| classify("dynamodb:DeleteItem", error))?;
        Ok(())
    }
}
