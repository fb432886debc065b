//! Access tokens and rotating refresh tokens, sealed, under a fencing version.

use hub_domain::{ConnectionId, OrganizationId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    Store,
    attributes::{Item, bytes, bytes_of, must, number, number_of, text, text_of},
    keys::Key,
};
use crate::{
    error::{AwsError, classify},
    seal::{self, KeyRing},
    seams::Entropy,
};

/// The tokens of a connection.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// What the API takes.
    pub access: SecretString,
    /// What a refresh takes, where it rotates; a refresh token that stays lives in the vault.
    pub refresh: Option<SecretString>,
}

#[derive(Deserialize)]
struct Plain {
    access: String,
    #[serde(default)]
    refresh: Option<String>,
}

/// The same on its way to be sealed: borrowed, so that no copy is left behind.
#[derive(Serialize)]
struct Borrowed<'a> {
    access: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<&'a str>,
}

/// The token item of a connection.
#[derive(Debug, Clone)]
pub struct TokenItem {
    organization: OrganizationId,
    connection: ConnectionId,
    /// Raised by each refresh; a refresh names the version it replaces.
    pub version: u64,
    /// When the access token expires, in milliseconds since 1970.
    pub expires_at: i64,
    /// When they came from the CRM, in milliseconds since 1970: an idle grant lapses by it.
    pub since: i64,
    /// Who refreshes right now, and until when (milliseconds since 1970).
    pub refreshing: Option<(String, i64)>,
    /// Until when nobody is to ask the CRM again, since it just refused or did not answer
    /// (milliseconds since 1970).
    pub paused_until: Option<i64>,
    /// How many refreshes in a row brought no token.
    pub failures: u32,
    sealed: Vec<u8>,
}

fn aad(organization: &OrganizationId, connection: &ConnectionId) -> Vec<u8> {
    format!("token/{organization}/{connection}").into_bytes()
}

impl TokenItem {
    /// Opens the tokens.
    pub fn open(&self, ring: &KeyRing) -> Result<Tokens, AwsError> {
        let opened = Zeroizing::new(
            seal::open(
                ring,
                &aad(&self.organization, &self.connection),
                &self.sealed,
            )?
            .to_vec(),
        );
        let plain: Plain = serde_json::from_slice(&opened).map_err(|_| AwsError::Corrupt {
            what: "stored tokens",
        })?;
        Ok(Tokens {
            access: SecretString::from(plain.access),
            refresh: plain.refresh.map(SecretString::from),
        })
    }
}

fn seal_tokens(
    ring: &KeyRing,
    entropy: &Entropy,
    organization: &OrganizationId,
    connection: &ConnectionId,
    tokens: &Tokens,
) -> Result<Vec<u8>, AwsError> {
    let plain = Borrowed {
        access: tokens.access.expose_secret(),
        refresh: tokens.refresh.as_ref().map(ExposeSecret::expose_secret),
    };
    let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| AwsError::Corrupt {
        what: "tokens to store",
    })?);
    seal::seal(ring, entropy, &aad(organization, connection), &plain)
}

impl Store {
    /// The token item of a connection, as it stands now.
    pub async fn token(
        &self,
        organization: &OrganizationId,
        connection: &ConnectionId,
    ) -> Result<Option<TokenItem>, AwsError> {
        let Some(item) = self
            .get(&Key::token(organization, connection), true)
            .await?
        else {
            return Ok(None);
        };
        let until: Option<i64> = number_of(&item, "lu");
        let holder = text_of(&item, "w");
        let version = must(number_of(&item, "v"), "a token item")?;
        Ok(Some(TokenItem {
            organization: organization.clone(),
            connection: connection.clone(),
            version,
            expires_at: must(number_of(&item, "exp"), "a token item")?,
            // Versions begin at the time of the authorization.
            since: number_of(&item, "at").unwrap_or_else(|| version.cast_signed()),
            refreshing: holder.map(str::to_owned).zip(until),
            paused_until: until.filter(|_| holder.is_none()),
            failures: number_of(&item, "f").unwrap_or_default(),
            sealed: must(bytes_of(&item, "b"), "a token item")?.to_vec(),
        }))
    }

    /// Stores the tokens of a new authorization, whatever stood before.
    #[expect(
        clippy::too_many_arguments,
        reason = "the two keys, the two seams and the two values of one sealed write"
    )]
    pub async fn put_tokens(
        &self,
        ring: &KeyRing,
        entropy: &Entropy,
        organization: &OrganizationId,
        connection: &ConnectionId,
        tokens: &Tokens,
        expires_at: i64,
        now: i64,
    ) -> Result<(), AwsError> {
        let sealed = seal_tokens(ring, entropy, organization, connection, tokens)?;
        let mut item = Key::token(organization, connection).attributes();
        item.insert("b".to_owned(), bytes(sealed));
        item.insert("exp".to_owned(), number(expires_at));
        // Versions of an authorization begin at its time, so that none is ever used twice.
        item.insert("v".to_owned(), number(now));
        item.insert("at".to_owned(), number(now));
        self.put(item, None, Item::new()).await
    }

    /// Deletes the tokens of a connection.
    pub async fn delete_tokens(
        &self,
        organization: &OrganizationId,
        connection: &ConnectionId,
    ) -> Result<(), AwsError> {
        self.delete(&Key::token(organization, connection)).await
    }

    /// Takes the right to refresh version `version`, until `until`; whoever `insists` does not wait for
    /// the end of a pause. [`AwsError::Conflict`]: somebody else refreshes, or has, or there is a pause.
    ///
    /// It may be repeated by the same holder, whose first answer was lost.
    pub async fn begin_refresh(
        &self,
        item: &TokenItem,
        holder: &str,
        now: i64,
        until: i64,
        insists: bool,
    ) -> Result<(), AwsError> {
        let free = "attribute_not_exists(lu) OR lu <= :now OR w = :w";
        let paused = if insists {
            " OR attribute_not_exists(w)"
        } else {
            ""
        };
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(
                Key::token(&item.organization, &item.connection).attributes(),
            ))
            .update_expression("SET w = :w, lu = :until")
            .condition_expression(format!("v = :v AND ({free}{paused})"))
            .expression_attribute_values(":w", text(holder))
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":v", number(item.version))
            .expression_attribute_values(":now", number(now))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error))?;
        Ok(())
    }

    /// Stores what a refresh brought and ends the right to it, whoever has it by now: a token that is
    /// here is worth more than one that somebody may yet get, whose own write is then refused.
    /// [`AwsError::Conflict`]: the version was replaced meanwhile, perhaps by this very call, whose
    /// answer was lost.
    pub async fn finish_refresh(
        &self,
        ring: &KeyRing,
        entropy: &Entropy,
        item: &TokenItem,
        tokens: &Tokens,
        expires_at: i64,
        now: i64,
    ) -> Result<(), AwsError> {
        let sealed = seal_tokens(ring, entropy, &item.organization, &item.connection, tokens)?;
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(
                Key::token(&item.organization, &item.connection).attributes(),
            ))
            .update_expression("SET b = :b, exp = :exp, v = :next, #at = :now REMOVE w, lu, f")
            .condition_expression("v = :v")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":b", bytes(sealed))
            .expression_attribute_values(":exp", number(expires_at))
            .expression_attribute_values(":next", number(item.version + 1))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":v", number(item.version))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error))?;
        Ok(())
    }

    /// Ends the right to refresh without a new token, and lets nobody ask the CRM before `until`. A
    /// right that was lost meanwhile is left alone.
    pub async fn pause_refresh(
        &self,
        item: &TokenItem,
        holder: &str,
        until: i64,
    ) -> Result<(), AwsError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(
                Key::token(&item.organization, &item.connection).attributes(),
            ))
            .update_expression("SET lu = :until, f = :f REMOVE w")
            .condition_expression("w = :w")
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":f", number(item.failures.saturating_add(1)))
            .expression_attribute_values(":w", text(holder))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error));
        match outcome {
            Ok(_) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
