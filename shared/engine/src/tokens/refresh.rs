//! One refresh: the right to it, the call, the write; and what becomes of each of them failing.

use std::time::Duration;

use hub_aws::{
    AwsError,
    seams::ulid,
    store::{TokenItem, Tokens},
};
use hub_connectors::Manifest;
use hub_domain::{Cause, Connection, Method, Scope, Timestamp, Verdict, retry::LONGEST_WAIT};
use oauth2::TokenResponse;
use secrecy::SecretString;

use super::{Access, For, opened};
use crate::{
    error::aws_verdict,
    grant::{self, Grant, TOKEN_CALL_TIMEOUT, verdict_of},
    hub::Hub,
    oauth::{TokenReply, application, base_url, credentials, expires_at, flow},
};

/// How long the right to refresh is held: three calls to AWS, then the longest token call. When a
/// worker died, this is how long the others wait.
const LEASE: Duration = Duration::from_mins(1);
/// How often the result is stored when the store does not answer. Giving up loses a rotated refresh
/// token, so this goes on for half a minute.
const STORE_ATTEMPTS: u32 = 7;
/// The wait before storing again, doubled each time.
const STORE_WAIT: Duration = Duration::from_millis(200);
/// How long to wait for somebody else's refresh.
const WAIT: Duration = Duration::from_secs(2);
/// How long nobody asks again after a token endpoint that failed: this, doubled each time,
const PAUSE: Duration = Duration::from_secs(1);
/// and at most this.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// How long nobody asks again after a refusal, doubled each time: longer than configuration is kept, so
/// that whoever waits finds the connection parked instead of knocking too.
const REFUSED_PAUSE: Duration = Duration::from_secs(45);

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Refreshes the token of an item, unless somebody else does.
pub(super) async fn refresh(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    item: &TokenItem,
    who: For,
) -> Result<Access, Verdict> {
    let holder = ulid(hub.clock(), hub.entropy());
    let Some(until) = begin(hub, item, &holder, who).await? else {
        return somebody_elses(hub, connection, item.version).await;
    };
    match ask(hub, manifest, connection, item, until).await {
        Ok((reply, old)) => keep(hub, manifest, connection, item, &reply, old).await,
        Err(verdict) => {
            // Our right may have run out, and somebody else's refresh made our refresh token an old one.
            if let Verdict::Reauthorize { .. } = &verdict
                && let Ok(Some(access)) = newer(hub, connection, item.version).await
            {
                return Ok(access);
            }
            pause(hub, connection, item, &holder, &verdict).await;
            Err(verdict)
        }
    }
}

/// Takes the right to refresh and says until when; `None` when somebody else has it, or when nobody is
/// to ask now.
async fn begin(
    hub: &Hub,
    item: &TokenItem,
    holder: &str,
    who: For,
) -> Result<Option<i64>, Verdict> {
    let mut again = true;
    loop {
        let now = hub.now_ms();
        let until = now + ms(LEASE);
        let insists = who == For::Person;
        let begun = hub
            .store()
            .begin_refresh(item, holder, now, until, insists)
            .await;
        match begun {
            Ok(()) => return Ok(Some(until)),
            Err(AwsError::Conflict { .. }) => return Ok(None),
            // The right may be ours, and only the answer was lost: nobody else could use it.
            Err(error) if again && error.is_transient() => again = false,
            Err(error) => return Err(aws_verdict(&error)),
        }
    }
}

/// Asks the CRM for a token; gives the refresh token of the item too.
async fn ask(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    item: &TokenItem,
    until: i64,
) -> Result<(TokenReply, Option<SecretString>), Verdict> {
    let aws = |error: AwsError| aws_verdict(&error);
    hub.vault()
        .forget_credentials(connection.organization.as_str());
    let credentials = credentials(hub, connection).await.map_err(aws)?;
    let ring = credentials.token_key.ring().map_err(aws)?;
    let old = item.open(&ring).map_err(aws)?.refresh;
    let kept = credentials.refresh_tokens.get(connection.id.as_str());
    let grant = match (connection.method, old.as_ref().or(kept)) {
        (Method::AuthorizationCode, Some(refresh)) => Grant::Refresh(refresh),
        // It was refused before its time: somebody took it back.
        (Method::AuthorizationCode, None) if item.expires_at > hub.now_ms() => {
            return Err(Verdict::Reauthorize {
                cause: Cause::Revoked,
                reason: "the CRM refuses the token, and gave none to refresh it with".to_owned(),
            });
        }
        (Method::AuthorizationCode, None) => {
            return Err(Verdict::Reauthorize {
                cause: Cause::Expired,
                reason: "the CRM gave no refresh token".to_owned(),
            });
        }
        // They have nothing to refresh: the application asks anew.
        (Method::ClientCredentials | Method::JwtBearer | Method::ApiKey, _) => Grant::Own,
    };
    // What the call needs is read before it is known whether there is time for it.
    let application = application(hub, connection).await.map_err(verdict_of)?;
    if hub.now_ms() + ms(TOKEN_CALL_TIMEOUT) > until {
        return Err(Verdict::Retry {
            after: None,
            reason: "AWS took so long that the right to refresh ran out".to_owned(),
        });
    }
    let reply = grant::exchange(hub, manifest, connection, &application, grant).await?;
    Ok((reply, old))
}

/// Stores what the CRM answered, then gives it out.
async fn keep(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    item: &TokenItem,
    reply: &TokenReply,
    old: Option<SecretString>,
) -> Result<Access, Verdict> {
    let aws = |error: AwsError| aws_verdict(&error);
    let oauth = flow(manifest).map_err(verdict_of)?;
    let credentials = credentials(hub, connection).await.map_err(aws)?;
    let ring = credentials.token_key.ring().map_err(aws)?;
    let kept = credentials.refresh_tokens.get(connection.id.as_str());
    let renewed = reply.refresh_token().map(|token| token.secret().as_str());
    // Whether a CRM is said to rotate or not: what it changed is stored in the same write as the
    // access token, and counts from then on. A reply without a refresh token keeps the old one.
    let refresh = match renewed {
        Some(renewed) if !is(kept, renewed) => Some(SecretString::from(renewed)),
        Some(_) => None,
        None => old,
    };
    let tokens = Tokens {
        access: SecretString::from(reply.access_token().secret().as_str()),
        refresh,
    };
    let expires_at = expires_at(hub, oauth, reply);
    let mut attempt = 0;
    loop {
        let now = hub.now_ms();
        let stored = hub
            .store()
            .finish_refresh(&ring, hub.entropy(), item, &tokens, expires_at, now)
            .await;
        match stored {
            Ok(()) => break,
            // Our own write was applied and its answer lost, or somebody authorized it anew.
            Err(AwsError::Conflict { .. }) => {
                return somebody_elses(hub, connection, item.version).await;
            }
            Err(error) if attempt == STORE_ATTEMPTS || !error.is_transient() => {
                tracing::error!(connection.id = %connection.id, crm = %connection.crm, error = %error, "a refreshed token could not be stored");
                return Err(aws_verdict(&error));
            }
            Err(_) => {
                tokio::time::sleep(STORE_WAIT * 2_u32.pow(attempt)).await;
                attempt += 1;
            }
        }
    }
    move_base_url(hub, manifest, connection, reply).await;
    tracing::info!(connection.id = %connection.id, crm = %connection.crm, "the access token was refreshed");
    Ok(Access {
        token: tokens.access,
        version: item.version + 1,
        expires_at,
    })
}

fn is(kept: Option<&SecretString>, text: &str) -> bool {
    use secrecy::ExposeSecret;
    kept.is_some_and(|kept| kept.expose_secret() == text)
}

/// Gives the right back, and keeps others from asking at once what was answered just now: a CRM that
/// is down is not asked by every worker in turn, and a limit is not run into again.
async fn pause(
    hub: &Hub,
    connection: &Connection,
    item: &TokenItem,
    holder: &str,
    verdict: &Verdict,
) {
    let doubled = 2_u32.pow(item.failures.min(10));
    let backoff = (PAUSE * doubled).min(LONGEST_PAUSE);
    let now = hub.clock().now();
    let pause = match verdict {
        Verdict::Retry { after, .. } => after.unwrap_or(backoff).min(LONGEST_WAIT),
        Verdict::Throttle { until, .. } => {
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
        Verdict::Reauthorize { .. } => (REFUSED_PAUSE * doubled).min(LONGEST_WAIT),
        Verdict::Done { .. }
        | Verdict::Skip(_)
        | Verdict::Refresh
        | Verdict::Reject(_)
        | Verdict::Misconfigured { .. }
        | Verdict::Bug { .. } => backoff,
    };
    let until = now.as_millisecond() + ms(pause);
    if let Err(error) = hub.store().pause_refresh(item, holder, until).await {
        tracing::warn!(connection.id = %connection.id, error = %error, "the right to refresh could not be given back; it ends by itself");
    }
}

/// The access token, if it is of another version by now.
async fn newer(hub: &Hub, connection: &Connection, before: u64) -> Result<Option<Access>, Verdict> {
    let item = super::item(hub, connection).await?;
    if item.version == before {
        return Ok(None);
    }
    opened(hub, connection, &item).await.map(Some)
}

/// Uses what somebody else's refresh stored, or says how long to wait for it.
async fn somebody_elses(
    hub: &Hub,
    connection: &Connection,
    before: u64,
) -> Result<Access, Verdict> {
    let item = super::item(hub, connection).await?;
    if item.version != before {
        return opened(hub, connection, &item).await;
    }
    // Waiting for somebody is no failure: however long they take, nobody's work is given up for it.
    let now = hub.clock().now();
    let soon = now.checked_add(WAIT).unwrap_or(now);
    let paused = item.paused_until.and_then(|until| {
        let until = Timestamp::from_millisecond(until).ok()?;
        (until > now).then_some(until)
    });
    Err(Verdict::Throttle {
        until: paused.unwrap_or(soon),
        scope: Scope::Connection,
    })
}

/// CRM accounts move between hosts; each refresh says where they are now.
async fn move_base_url(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    reply: &TokenReply,
) {
    match base_url(hub, manifest, connection, Some(reply)) {
        Ok(Some(found)) if connection.base_url.as_deref() != Some(&found) => {
            let moved = crate::connections::change(
                hub,
                &connection.organization,
                &connection.id,
                |current| current.base_url = Some(found.clone()),
            )
            .await;
            if let Err(error) = moved {
                tracing::warn!(connection.id = %connection.id, error = %error, "the CRM's new address could not be stored; the next refresh tries again");
            }
        }
        Ok(_) => {}
        Err(verdict) => {
            tracing::error!(connection.id = %connection.id, verdict = verdict.name(), "the token reply names a host that the CRM cannot have");
        }
    }
}
