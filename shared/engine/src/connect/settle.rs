//! What an authorization brought: proven at the CRM first, then kept.

use hub_aws::{store::Tokens, vault::OauthClient as Application};
use hub_connectors::{Manifest, OAuth, Rotation};
use hub_domain::{Connection, ConnectionState, Method, Verdict};
use oauth2::TokenResponse;
use secrecy::SecretString;

use super::refused;
use crate::{
    connections::{Secret, change},
    credentials,
    error::EngineError,
    grant::{self, Grant},
    hub::Hub,
    lifecycle,
    oauth::{self, TokenReply, flow},
};

/// What the CRM said, before anything of it is kept.
pub(crate) struct Proof {
    reply: Option<TokenReply>,
    base_url: Option<String>,
    account: Option<String>,
}

/// Proves what needs no browser: a key, or an application of the customer's own. `secret` is what was
/// entered just now; what is not in it is what the connection has.
///
/// # Errors
/// The CRM refuses it, or does not answer.
pub(crate) async fn prove(
    hub: &Hub,
    connection: &Connection,
    secret: &Secret,
) -> Result<Proof, EngineError> {
    let manifest = hub.manifest(&connection.crm)?;
    if connection.method == Method::ApiKey {
        let base_url =
            oauth::base_url(hub, &manifest, connection, None).map_err(EngineError::Crm)?;
        let mut proof = Proof {
            reply: None,
            base_url,
            account: None,
        };
        proof.account = ask(hub, &manifest, connection, &proof, secret.api_key.as_ref())
            .await
            .map_err(EngineError::Crm)?;
        return proof.of(connection);
    }
    let application = match &secret.client {
        Some(given) => given.clone(),
        None => oauth::application(hub, connection).await?,
    };
    let reply = exchange(hub, &manifest, connection, &application, Grant::Own).await?;
    let mut proof = Proof::read(hub, &manifest, connection, reply)?;
    let asked = proof.ask(hub, &manifest, connection).await;
    proof.account = proof.account.or(asked.map_err(EngineError::Crm)?);
    proof.of(connection)
}

/// Redeems a code.
///
/// # Errors
/// The CRM refuses it, or what it gives is not what was asked for.
pub(super) async fn redeem(
    hub: &Hub,
    connection: &Connection,
    grant: Grant<'_>,
) -> Result<Proof, EngineError> {
    let manifest = hub.manifest(&connection.crm)?;
    let application = oauth::application(hub, connection).await?;
    let reply = exchange(hub, &manifest, connection, &application, grant).await?;
    oauth::check_scopes(flow(&manifest)?, &reply).map_err(EngineError::Crm)?;
    let mut proof = Proof::read(hub, &manifest, connection, reply)?;
    if proof.account.is_none() {
        proof.account = match proof.ask(hub, &manifest, connection).await {
            Ok(account) => account,
            Err(refusal @ Verdict::Reauthorize { .. }) => return Err(EngineError::Crm(refusal)),
            // Which account it is has to be known where there is one to compare it with.
            Err(verdict) if connection.account.is_some() => return Err(EngineError::Crm(verdict)),
            // Whoever cannot be asked now is asked when the connection is tested.
            Err(_) => None,
        };
    }
    proof.of(connection)
}

async fn exchange(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    application: &Application,
    grant: Grant<'_>,
) -> Result<TokenReply, EngineError> {
    grant::exchange(hub, manifest, connection, application, grant)
        .await
        .map_err(EngineError::Crm)
}

/// Makes the manifest's checks with a credential that is not kept yet, where there is one.
async fn ask(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    proof: &Proof,
    credential: Option<&SecretString>,
) -> Result<Option<String>, Verdict> {
    let proven = Connection {
        base_url: proof.base_url.clone(),
        ..connection.clone()
    };
    lifecycle::prove(hub, manifest, &proven, credential).await
}

impl Proof {
    fn read(
        hub: &Hub,
        manifest: &Manifest,
        connection: &Connection,
        reply: TokenReply,
    ) -> Result<Self, EngineError> {
        let base_url =
            oauth::base_url(hub, manifest, connection, Some(&reply)).map_err(EngineError::Crm)?;
        Ok(Self {
            account: oauth::account(flow(manifest)?, &reply),
            base_url,
            reply: Some(reply),
        })
    }

    async fn ask(
        &self,
        hub: &Hub,
        manifest: &Manifest,
        connection: &Connection,
    ) -> Result<Option<String>, Verdict> {
        let token = self.reply.as_ref().map(access);
        ask(hub, manifest, connection, self, token.as_ref()).await
    }

    /// What was delivered is in one account, and goes on there.
    fn of(self, connection: &Connection) -> Result<Self, EngineError> {
        match (&connection.account, &self.account) {
            (Some(before), Some(found)) if before != found => Err(EngineError::Conflict(
                "this leads to another account of the CRM than the connection has: create another connection for it"
                    .to_owned(),
            )),
            _ => Ok(self),
        }
    }
}

fn access(reply: &TokenReply) -> SecretString {
    SecretString::from(reply.access_token().secret().clone())
}

/// Keeps what was proven: the connection is in use if an admin has approved it.
///
/// # Errors
/// AWS does not answer, or the connection has ended meanwhile.
pub(crate) async fn keep(
    hub: &Hub,
    connection: &Connection,
    proof: Proof,
    person: &str,
) -> Result<Connection, EngineError> {
    let manifest = hub.manifest(&connection.crm)?;
    if let Some(reply) = &proof.reply {
        keep_tokens(hub, flow(&manifest)?, connection, reply).await?;
    }
    let now = hub.clock().now();
    let changed = change(hub, &connection.organization, &connection.id, |current| {
        if current.state == ConnectionState::Disconnected {
            return;
        }
        current.state = current.authorized_state();
        current.cause = None;
        current.reason = match current.state {
            ConnectionState::AwaitingApproval => "an admin has to approve it".to_owned(),
            ConnectionState::Unconnected
            | ConnectionState::Active
            | ConnectionState::ReconnectNeeded
            | ConnectionState::Disconnected => String::new(),
        };
        current.base_url.clone_from(&proof.base_url);
        current.server.clone_from(&connection.server);
        current.account = proof.account.clone().or(current.account.take());
        current.connected_by = Some(person.to_owned());
        current.connected_at = Some(now);
    })
    .await?;
    if changed.state == ConnectionState::Disconnected {
        // Somebody ended it while the CRM answered.
        lifecycle::forget(hub, &changed).await?.ok();
        return Err(refused());
    }
    lifecycle::list_account(hub, &changed).await?;
    Ok(changed)
}

async fn keep_tokens(
    hub: &Hub,
    oauth: &OAuth,
    connection: &Connection,
    reply: &TokenReply,
) -> Result<(), EngineError> {
    let refresh = reply
        .refresh_token()
        .map(|token| SecretString::from(token.secret().clone()));
    let kept = match oauth.rotation {
        Rotation::Rotates => refresh,
        Rotation::Keeps => {
            if let Some(refresh) = refresh {
                keep_refresh_token(hub, connection, &refresh).await?;
            }
            None
        }
    };
    let credentials = oauth::credentials(hub, connection)
        .await
        .map_err(EngineError::aws("the organization's credentials"))?;
    let ring = credentials
        .token_key
        .ring()
        .map_err(EngineError::aws("the token key"))?;
    let tokens = Tokens {
        access: access(reply),
        refresh: kept,
    };
    let expires = oauth::expires_at(hub, oauth, reply);
    hub.store()
        .put_tokens(
            &ring,
            hub.entropy(),
            &connection.organization,
            &connection.id,
            &tokens,
            expires,
            hub.now_ms(),
        )
        .await
        .map_err(EngineError::aws("the tokens"))?;
    hub.tokens()
        .forget(&(connection.organization.clone(), connection.id.clone()));
    Ok(())
}

/// Puts a refresh token that does not rotate into the vault.
async fn keep_refresh_token(
    hub: &Hub,
    connection: &Connection,
    refresh: &SecretString,
) -> Result<(), EngineError> {
    credentials::update(hub, &connection.organization, |credentials| {
        credentials
            .refresh_tokens
            .insert(connection.id.to_string(), refresh.clone());
    })
    .await
}
