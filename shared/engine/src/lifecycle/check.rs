//! Real calls that show whether a connection works.

use std::time::Duration;

use bytes::Bytes;
use hub_connectors::{Check, Fields, Manifest, Reply};
use hub_domain::{Cause, Connection, ConnectionId, ConnectionState, Method, Timestamp, Verdict};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{list_account, reconnect_needed};
use crate::{
    connections::{change, get},
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    mask::masked,
    oauth::text_at,
    tokens::{self, For},
    transport::{self, TransportError},
};

/// One check of a connection.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it shows, in words.
    pub proves: String,
    /// What is wrong; empty when nothing is.
    pub reason: String,
    /// The verdict's name.
    pub verdict: &'static str,
    /// How long the CRM took.
    pub took: Duration,
}

/// What a test of a connection found.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Whether all of it works.
    pub works: bool,
    /// Each check, up to the first that cannot be made.
    pub checks: Vec<Checked>,
    /// When.
    pub at: Timestamp,
}

/// Tests a connection by real calls, refreshing its token if that is due. A grant that is gone parks
/// the connection, and one that works again takes it back into use.
///
/// # Errors
/// The caller may not, it is not there, or was never authorized.
pub async fn test(hub: &Hub, caller: &Caller, id: &ConnectionId) -> Result<Tested, EngineError> {
    caller.at_least(Role::Manager)?;
    let connection = get(hub, caller, id).await?;
    if matches!(
        connection.state,
        ConnectionState::Unconnected | ConnectionState::Disconnected
    ) {
        return Err(EngineError::Conflict(
            "the connection has to be authorized at the CRM before it can be tested".to_owned(),
        ));
    }
    let manifest = hub.manifest(&connection.crm)?;
    let mut checks = Vec::new();
    let (mut refused, mut account) = (None, None);
    for check in &manifest.checks {
        let begun = hub.clock().now();
        let outcome = checked(hub, &manifest, &connection, check, None).await;
        let took = hub.clock().now().duration_since(begun);
        let verdict = match outcome {
            Ok(told) => {
                account = told.or(account);
                None
            }
            Err(verdict) => Some(verdict),
        };
        checks.push(Checked {
            proves: check.proves.clone(),
            reason: verdict.as_ref().map(words).unwrap_or_default(),
            verdict: verdict.as_ref().map_or("done", Verdict::name),
            took: Duration::try_from(took).unwrap_or_default(),
        });
        if let Some(verdict) = verdict {
            refused = Some(verdict);
            break;
        }
    }
    match &refused {
        Some(Verdict::Reauthorize { cause, reason }) => {
            reconnect_needed(hub, &connection, *cause, reason).await;
        }
        None => {
            let works = change(hub, &connection.organization, &connection.id, |current| {
                if current.state == ConnectionState::ReconnectNeeded {
                    current.state = current.authorized_state();
                    current.cause = None;
                    current.reason.clear();
                }
                // The CRM could not be asked when it was authorized.
                if current.account.is_none() {
                    current.account.clone_from(&account);
                }
            })
            .await?;
            if connection.account.is_none() {
                list_account(hub, &works).await?;
            }
        }
        Some(_) => {}
    }
    Ok(Tested {
        works: refused.is_none(),
        checks,
        at: hub.clock().now(),
    })
}

/// What a verdict says to a person.
pub(super) fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Reauthorize { cause, reason } => format!("{reason}: {}", cause.advice()),
        Verdict::Retry { reason, .. }
        | Verdict::Misconfigured { reason }
        | Verdict::Bug { reason } => reason.clone(),
        Verdict::Throttle { until, .. } => {
            format!("it waits until {until}: for a limit of the CRM, or for a token")
        }
        Verdict::Refresh => "the CRM refuses the token".to_owned(),
        Verdict::Reject(faults) => faults
            .first()
            .map_or_else(String::new, |fault| fault.message.clone()),
        Verdict::Skip(reason) => reason.words().to_owned(),
        Verdict::Done { .. } => String::new(),
    }
}

/// Makes every check and gives the account's id, if one of them tells it. `credential` is what is
/// tried before it is kept; else it is what the connection has.
///
/// # Errors
/// The verdict of the first that fails.
pub(crate) async fn prove(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    credential: Option<&SecretString>,
) -> Result<Option<String>, Verdict> {
    let mut account = None;
    for check in &manifest.checks {
        let told = checked(hub, manifest, connection, check, credential).await?;
        account = told.or(account);
    }
    Ok(account)
}

/// One check: a fresh token, the call, the answer; refreshed once where the CRM says so.
async fn checked(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    check: &Check,
    credential: Option<&SecretString>,
) -> Result<Option<String>, Verdict> {
    let mut spent = None;
    loop {
        let (token, version) = if let Some(given) = credential {
            (given.clone(), None)
        } else {
            let access = tokens::access(hub, manifest, connection, spent, For::Person).await?;
            (access.token, Some(access.version))
        };
        let mut request = asked(manifest, connection, check)?;
        manifest
            .sign(request.headers_mut(), connection, &token)
            .map_err(|error| Verdict::Reauthorize {
                cause: Cause::ClientRefused,
                reason: error.to_string(),
            })?;
        let answer =
            transport::send(hub.transport(), request)
                .await
                .map_err(|error| match error {
                    TransportError::Forbidden(reason) => Verdict::Misconfigured { reason },
                    TransportError::NotSent(_)
                    | TransportError::Insecure(_)
                    | TransportError::Lost(_) => Verdict::Retry {
                        after: None,
                        reason: format!("the CRM does not answer: {error}"),
                    },
                })?;
        let (parts, body) = answer.into_parts();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            body: masked(body, [token.expose_secret()]),
            at: hub.clock().now(),
        };
        match judged(manifest, check, &reply) {
            Ok(account) => return Ok(account),
            Err(Verdict::Refresh) if spent.is_none() && version.is_some() => spent = version,
            Err(Verdict::Refresh) => {
                return Err(match connection.method {
                    Method::ApiKey => Verdict::Reauthorize {
                        cause: Cause::ClientRefused,
                        reason: "the CRM refuses the key".to_owned(),
                    },
                    Method::AuthorizationCode | Method::ClientCredentials | Method::JwtBearer => {
                        Verdict::Reauthorize {
                            cause: Cause::Revoked,
                            reason: "the CRM refuses a token that it just gave".to_owned(),
                        }
                    }
                });
            }
            Err(verdict) => return Err(verdict),
        }
    }
}

fn asked(
    manifest: &Manifest,
    connection: &Connection,
    check: &Check,
) -> Result<http::Request<Bytes>, Verdict> {
    let base = connection
        .base_url
        .as_deref()
        .ok_or_else(|| Verdict::Reauthorize {
            cause: Cause::NeverAuthorized,
            reason: "the CRM never said where its API is".to_owned(),
        })?;
    let path = manifest.fill(&check.path, &connection.settings);
    let body = check.body.as_deref();
    let body = body.map(|body| manifest.fill(body, &connection.settings));
    let method = match body {
        Some(_) => http::Method::POST,
        None => http::Method::GET,
    };
    http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", base.trim_end_matches('/')))
        .header(http::header::ACCEPT, "application/json")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.unwrap_or_default()))
        .map_err(|error| Verdict::Misconfigured {
            reason: format!("the connection's base URL cannot be used: {error}"),
        })
}

fn judged(manifest: &Manifest, check: &Check, reply: &Reply) -> Result<Option<String>, Verdict> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let failed = check
        .failed_at
        .as_ref()
        .is_some_and(|pointer| body.pointer(pointer).is_some());
    if reply.status.is_success() && !failed {
        // A page instead of an answer: another host, or somebody's log-in. Nothing at all may be an answer.
        if body.is_null() && reply.status != http::StatusCode::NO_CONTENT {
            return Err(Verdict::Misconfigured {
                reason: "what answers there is not the CRM's API".to_owned(),
            });
        }
        return Ok(check
            .account_at
            .as_ref()
            .and_then(|pointer| text_at(&body, pointer)));
    }
    let code = check
        .code_at
        .as_ref()
        .and_then(|pointer| text_at(&body, pointer));
    let words = String::from_utf8_lossy(&reply.body);
    let message = words.chars().take(200).collect();
    let error = Fields {
        code: code.unwrap_or_default(),
        message,
        fields: Vec::new(),
    };
    let verdict = manifest.verdict(reply, &error);
    // Whoever may not read may not write: that is no record's fault.
    if let (Verdict::Misconfigured { reason }, http::StatusCode::FORBIDDEN) =
        (&verdict, reply.status)
    {
        return Err(Verdict::Reauthorize {
            cause: Cause::MissingScope,
            reason: reason.clone(),
        });
    }
    Err(verdict)
}
