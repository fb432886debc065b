//! A connection's life after it was authorized: tested, paused, parked, ended.

mod check;

use hub_aws::AwsError;
use hub_domain::{Cause, Connection, ConnectionId, ConnectionState, CrmId, Method, Verdict};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq;

pub(crate) use self::check::prove;
use self::check::words;
pub use self::check::{Checked, Tested, test};
use crate::{
    connections::{change, get},
    credentials,
    error::EngineError,
    grant,
    hub::Hub,
    identity::{Caller, Role},
    oauth::{self, flow, text_at},
    transport,
};

/// Stops a connection from taking events; what waits, waits.
///
/// # Errors
/// The caller is no admin, or it is not there.
pub async fn pause(
    hub: &Hub,
    caller: &Caller,
    id: &ConnectionId,
) -> Result<Connection, EngineError> {
    enable(hub, caller, id, false).await
}

/// Takes a paused connection back into use; what waited drains by itself.
///
/// # Errors
/// The caller is no admin, or it is not there.
pub async fn resume(
    hub: &Hub,
    caller: &Caller,
    id: &ConnectionId,
) -> Result<Connection, EngineError> {
    enable(hub, caller, id, true).await
}

async fn enable(
    hub: &Hub,
    caller: &Caller,
    id: &ConnectionId,
    enabled: bool,
) -> Result<Connection, EngineError> {
    caller.at_least(Role::Admin)?;
    let found = get(hub, caller, id).await?;
    if found.state == ConnectionState::Disconnected {
        return Err(EngineError::Conflict("the connection has ended".to_owned()));
    }
    change(hub, &caller.organization, id, |current| {
        current.enabled = enabled;
    })
    .await
}

/// Parks a connection whose grant is gone: its work waits, and people are told why. Whether it is parked:
/// not if somebody has connected it again meanwhile, or the store does not answer.
pub(crate) async fn reconnect_needed(
    hub: &Hub,
    connection: &Connection,
    cause: Cause,
    reason: &str,
) -> bool {
    if cause == Cause::NotInUse {
        return true;
    }
    let parked = change(hub, &connection.organization, &connection.id, |current| {
        // Somebody who has connected it again since knows better.
        if current.connected_at == connection.connected_at
            && current.state != ConnectionState::Disconnected
        {
            current.state = ConnectionState::ReconnectNeeded;
            current.cause = Some(cause);
            reason.clone_into(&mut current.reason);
        }
    })
    .await;
    match parked {
        Ok(parked) => {
            tracing::warn!(connection.id = %connection.id, crm = %connection.crm, ?cause, "the connection has to be connected again");
            parked.state != ConnectionState::Active
        }
        Err(error) => {
            tracing::warn!(connection.id = %connection.id, error = %error, "a connection could not be parked; the next delivery tries again");
            false
        }
    }
}

/// Ends a connection: gives the grant back at the CRM, deletes its credentials, and keeps its log.
/// It may be repeated until it succeeds.
///
/// # Errors
/// The caller is no admin, it is not there, or AWS does not answer. A CRM that does not take the
/// grant back is no error: the credentials are gone either way, and the reason says so.
pub async fn disconnect(
    hub: &Hub,
    caller: &Caller,
    id: &ConnectionId,
) -> Result<Connection, EngineError> {
    caller.at_least(Role::Admin)?;
    let connection = get(hub, caller, id).await?;
    let organization = &connection.organization;
    if connection.state == ConnectionState::Disconnected {
        make_room(hub, &connection).await?;
        return Ok(connection);
    }
    let given_back = forget(hub, &connection).await?;
    let reason = match given_back {
        Ok(()) => "ended by an admin".to_owned(),
        Err(verdict) => format!(
            "ended by an admin; the CRM did not take the grant back ({}): remove the application there",
            words(&verdict)
        ),
    };
    let ended = change(hub, organization, id, |current| {
        current.state = ConnectionState::Disconnected;
        current.enabled = false;
        current.cause = None;
        current.reason.clone_from(&reason);
    })
    .await?;
    if ended.connected_at != connection.connected_at {
        // Somebody connected it again in between.
        forget(hub, &ended).await?.ok();
    }
    make_room(hub, &ended).await?;
    Ok(ended)
}

async fn make_room(hub: &Hub, connection: &Connection) -> Result<(), EngineError> {
    hub.store()
        .uncount_connection(&connection.organization, &connection.id)
        .await
        .map_err(EngineError::aws("the plan's count"))
}

/// Gives the grant back and deletes whatever opens the CRM. What the CRM said to it is inside.
pub(crate) async fn forget(
    hub: &Hub,
    connection: &Connection,
) -> Result<Result<(), Verdict>, EngineError> {
    let given_back = give_back(hub, connection).await;
    forget_tokens(hub, connection).await?;
    credentials::update(hub, &connection.organization, |current| {
        credentials::remove(current, &connection.id);
    })
    .await?;
    unlist_account(hub, connection).await?;
    Ok(given_back)
}

/// Deletes the tokens of a connection: whoever asks for one is told that it was never authorized.
pub(crate) async fn forget_tokens(hub: &Hub, connection: &Connection) -> Result<(), EngineError> {
    let (organization, id) = (&connection.organization, &connection.id);
    hub.store()
        .delete_tokens(organization, id)
        .await
        .map_err(EngineError::aws("the tokens"))?;
    hub.tokens().forget(&(organization.clone(), id.clone()));
    Ok(())
}

/// Revokes the grant at the CRM: the refresh token if there is one, since that ends the whole grant.
async fn give_back(hub: &Hub, connection: &Connection) -> Result<(), Verdict> {
    let manifest = hub.manifest(&connection.crm).map_err(unexpected)?;
    let Some(revocation) = manifest
        .oauth
        .as_ref()
        .and_then(|oauth| oauth.revocation.as_ref())
    else {
        return Ok(());
    };
    if connection.method == Method::ApiKey {
        return Ok(());
    }
    let Some((token, hint)) = held(hub, connection).await? else {
        return Ok(());
    };
    let oauth = flow(&manifest).map_err(unexpected)?;
    let mut address =
        oauth::server_address(hub, &manifest, connection, &revocation.url).map_err(unexpected)?;
    let mut fields = vec![];
    if revocation.in_query {
        address
            .query_pairs_mut()
            .append_pair("token", token.expose_secret());
    } else {
        fields.push(("token", token));
        fields.push(("token_type_hint", SecretString::from(hint)));
    }
    let application = if revocation.with_client {
        Some(
            oauth::application(hub, connection)
                .await
                .map_err(unexpected)?,
        )
    } else {
        None
    };
    let request = grant::revocation(oauth, application.as_ref(), &address, fields)?;
    let answer = transport::send(hub.transport(), request)
        .await
        .map_err(|error| Verdict::Retry {
            after: None,
            reason: error.to_string(),
        })?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(Verdict::Retry {
        after: None,
        reason: format!("it answered {}", answer.status().as_u16()),
    })
}

fn unexpected(error: EngineError) -> Verdict {
    match error {
        EngineError::Crm(verdict) => verdict,
        other => Verdict::Retry {
            after: None,
            reason: other.to_string(),
        },
    }
}

/// The token that ends the grant, and what it is called.
async fn held(
    hub: &Hub,
    connection: &Connection,
) -> Result<Option<(SecretString, &'static str)>, Verdict> {
    let aws = |error: AwsError| crate::error::aws_verdict(&error);
    let credentials = oauth::credentials(hub, connection).await.map_err(aws)?;
    let kept = credentials.refresh_tokens.get(connection.id.as_str());
    let kept = kept.map(|kept| (kept.clone(), "refresh_token"));
    let item = hub
        .store()
        .token(&connection.organization, &connection.id)
        .await
        .map_err(aws)?;
    let Some(item) = item else {
        return Ok(kept);
    };
    let ring = credentials.token_key.ring().map_err(aws)?;
    let tokens = item.open(&ring).map_err(aws)?;
    // One that a refresh changed stands in the item, and is newer.
    let refresh = tokens.refresh.map(|refresh| (refresh, "refresh_token"));
    Ok(refresh.or(kept).or(Some((tokens.access, "access_token"))))
}

/// Takes a connection out of the directory of accounts.
pub(crate) async fn unlist_account(hub: &Hub, connection: &Connection) -> Result<(), EngineError> {
    let Some(account) = &connection.account else {
        return Ok(());
    };
    hub.store()
        .remove_account(
            &connection.crm,
            account,
            &connection.organization,
            &connection.id,
        )
        .await
        .map_err(EngineError::aws("the directory of accounts"))
}

/// Enters a connection into the directory of accounts, by which the CRM's own calls find it.
pub(crate) async fn list_account(hub: &Hub, connection: &Connection) -> Result<(), EngineError> {
    let Some(account) = &connection.account else {
        return Ok(());
    };
    hub.store()
        .put_account(
            &connection.crm,
            account,
            &connection.organization,
            &connection.id,
        )
        .await
        .map_err(EngineError::aws("the directory of accounts"))
}

/// The CRM says that somebody removed the application from an account: every connection to it is
/// parked. The call proves itself by the application's id and secret.
///
/// # Errors
/// The CRM makes no such calls, or this one does not prove itself.
pub async fn uninstalled(
    hub: &Hub,
    crm: &CrmId,
    client_id: &str,
    client_secret: &SecretString,
    body: &Value,
) -> Result<usize, EngineError> {
    let manifest = hub.manifest(crm)?;
    let call = manifest
        .oauth
        .as_ref()
        .and_then(|oauth| oauth.uninstall.as_ref());
    let call = call.ok_or(EngineError::NotFound("the call"))?;
    let platform = hub
        .vault()
        .platform()
        .await
        .map_err(EngineError::aws("the platform's secret"))?;
    let proven = platform.apps.get(crm.as_str()).is_some_and(|app| {
        let id = app.client_id.as_bytes().ct_eq(client_id.as_bytes());
        let secret = app.client_secret.expose_secret().as_bytes();
        bool::from(id & secret.ct_eq(client_secret.expose_secret().as_bytes()))
    });
    if !proven {
        return Err(EngineError::Forbidden(
            "the call does not prove that it comes from the CRM",
        ));
    }
    let account = text_at(body, &call.account_at).ok_or_else(|| {
        let mut faults = hub_domain::Faults::default();
        faults.push(call.account_at.as_str(), "is missing", "the account's id");
        EngineError::Invalid(faults)
    })?;
    let found = hub
        .store()
        .connections_of_account(crm, &account)
        .await
        .map_err(EngineError::aws("the directory of accounts"))?;
    let mut parked = 0;
    for (organization, id) in found {
        let connection = hub
            .store()
            .connection(&organization, &id)
            .await
            .map_err(EngineError::aws("the connection"))?;
        // A key is no application, and stays.
        let touched = connection.filter(|found| {
            found.method != Method::ApiKey && found.state != ConnectionState::Disconnected
        });
        if let Some(connection) = touched {
            // The customer's own application is another than ours.
            let credentials = oauth::credentials(hub, &connection)
                .await
                .map_err(EngineError::aws("the organization's credentials"))?;
            if credentials.clients.contains_key(connection.id.as_str()) {
                continue;
            }
            let reason = "the application was removed from the account";
            reconnect_needed(hub, &connection, Cause::Uninstalled, reason).await;
            parked += 1;
        }
    }
    Ok(parked)
}
