//! One attempt to send something to a webhook: signed as Standard Webhooks, no redirect followed,
//! judged by what was answered.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hub_aws::{
    KeyRing, seal,
    seams::ulid,
    vault::{Credentials, WebhookSecret},
};
use hub_connectors::{Reply, retry_after};
use hub_domain::{Scope, Timestamp, Verdict, Webhook, WebhookId, text::cut};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{get, header_aad, unavailable};
use crate::{
    error::{EngineError, aws_verdict},
    hub::Hub,
    identity::Caller,
    transport::{self, ReadAtMost, TransportError},
    webhook,
};

/// How long a receiver may take. Longer, and a person who tests would wait for our own time-out.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes, and shown, in characters.
const READ: usize = 16 * 1024;
const SHOWN: usize = 1_000;
/// How long to leave a receiver alone that is too busy and does not say for how long.
const PAUSE: Duration = Duration::from_mins(1);

/// What came of one attempt.
#[derive(Debug)]
pub struct Attempt {
    /// The id of the message, as in its header `webhook-id`.
    pub message: String,
    /// The status that was answered, if any was.
    pub status: Option<u16>,
    /// The time from sending to the answer.
    pub latency: Duration,
    /// What it means.
    pub verdict: Verdict,
    /// What to do about it.
    pub advice: &'static str,
    /// The beginning of the answer, without what we know to be secret.
    pub answer: String,
}

/// Sends a signed `integration.test` to a webhook, also to one that is not active.
///
/// # Errors
/// It is not there or has no secret, or something of ours does not answer. What the receiver does
/// is no error.
pub async fn test(hub: &Hub, caller: &Caller, id: &WebhookId) -> Result<Attempt, EngineError> {
    let webhook = get(hub, caller, id).await?;
    // What was made or replaced a moment ago, perhaps by another process, is what is tested.
    hub.vault().forget(caller.organization.as_str());
    let credentials = hub.vault().credentials(caller.organization.as_str()).await;
    let credentials = credentials.map_err(unavailable("the organization's credentials"))?;
    let signer = Signer::from(&credentials, &webhook)?.ok_or_else(|| {
        EngineError::Conflict(
            "the webhook has no signing secret; make one by rotating it".to_owned(),
        )
    })?;
    let now = hub.clock().now();
    let body = json!({
        "id": format!("evt_{}", ulid(hub.clock(), hub.entropy())),
        "type": "integration.test",
        "organizationId": caller.organization,
        "timestamp": now.to_string(),
        "payload": { "webhookId": id, "message": "A test of this webhook. Nothing has happened." },
    });
    let message = format!("msg_{}", ulid(hub.clock(), hub.entropy()));
    let body = Bytes::from(body.to_string());
    let (request, secrets) = request(&webhook, &signer.secret, &signer.keys, &message, &body, now)?;
    Ok(send(hub, message, request, &secrets).await)
}

/// What messages to a webhook are signed with, and what opens its secret headers.
pub(crate) struct Signer {
    secret: WebhookSecret,
    keys: KeyRing,
}

impl Signer {
    /// That of a webhook, for a delivery.
    ///
    /// # Errors
    /// What becomes of the delivery without it.
    pub(crate) async fn of(hub: &Hub, webhook: &Webhook) -> Result<Self, Verdict> {
        let organization = webhook.organization.as_str();
        for again in [false, true] {
            if again {
                // One that was made a moment ago is not known here yet.
                hub.vault().forget(organization);
            }
            let credentials = hub.vault().credentials(organization).await;
            let credentials = credentials.map_err(|error| aws_verdict(&error))?;
            let found = Self::from(&credentials, webhook);
            let found = found.map_err(|error| Verdict::Bug {
                reason: error.to_string(),
            })?;
            if let Some(signer) = found {
                return Ok(signer);
            }
        }
        Err(Verdict::Misconfigured {
            reason: "the webhook has no signing secret: make one by rotating it".to_owned(),
        })
    }

    fn from(credentials: &Credentials, webhook: &Webhook) -> Result<Option<Self>, EngineError> {
        let keys = credentials.token_key.ring();
        let keys = keys.map_err(unavailable("the token key"))?;
        let secret = credentials.webhooks.get(webhook.id.as_str()).cloned();
        Ok(secret.map(|secret| Self { secret, keys }))
    }

    /// A message of a delivery, signed now.
    ///
    /// # Errors
    /// What becomes of the delivery: something of ours cannot be read.
    pub(crate) fn request(
        &self,
        webhook: &Webhook,
        message: &str,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let made = request(webhook, &self.secret, &self.keys, message, body, now);
        let made = made.map_err(|error| Verdict::Bug {
            reason: error.to_string(),
        })?;
        Ok(made.0)
    }
}

/// Sends a message, and gives the answer of the receiver, whatever it is.
pub(crate) async fn post(
    hub: &Hub,
    request: http::Request<Bytes>,
) -> Result<Reply, TransportError> {
    let sent = transport::send(hub.transport(), request);
    let reply = match tokio::time::timeout(ANSWER_WITHIN, sent).await {
        Ok(reply) => reply?,
        Err(_) => return Err(TransportError::Lost("timed out".to_owned())),
    };
    let (parts, body) = reply.into_parts();
    Ok(Reply {
        status: parts.status,
        headers: parts.headers,
        body,
        at: hub.clock().now(),
    })
}

/// The signed request, and everything in it that must not be shown again.
fn request(
    webhook: &Webhook,
    secret: &WebhookSecret,
    keys: &KeyRing,
    message: &str,
    body: &Bytes,
    now: Timestamp,
) -> Result<(http::Request<Bytes>, Vec<SecretString>), EngineError> {
    let broken = |context| EngineError::Bug {
        context,
        source: None,
    };
    let mut secrets = Vec::new();
    let mut signatures = Vec::new();
    for secret in secret.signing(now) {
        let signature = webhook::sign(body, message, now.as_second(), secret);
        signatures.push(signature.ok_or_else(|| broken("signing"))?);
        secrets.push(secret.clone());
    }
    let mut request = http::Request::post(&webhook.url)
        .extension(ReadAtMost(READ))
        .header("content-type", "application/json")
        .header("webhook-id", message)
        .header("webhook-timestamp", now.as_second())
        .header("webhook-signature", signatures.join(" "));
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    for (name, sealed) in &webhook.secret_headers {
        let sealed = BASE64_STANDARD.decode(sealed);
        let sealed = sealed.map_err(|_| broken("reading a sealed header"))?;
        let plain = seal::open(keys, header_aad(webhook, name).as_bytes(), &sealed);
        let plain = plain.map_err(unavailable("opening a sealed header"))?;
        let mut value =
            http::HeaderValue::from_bytes(&plain).map_err(|_| broken("reading a sealed header"))?;
        value.set_sensitive(true);
        // `Bearer abc`: the second word alone is worth hiding too.
        let text = String::from_utf8_lossy(&plain);
        secrets.extend(text.split(' ').map(SecretString::from));
        request = request.header(name, value);
    }
    secrets.extend(signatures.into_iter().map(SecretString::from));
    let request = request.body(body.clone());
    let request = request.map_err(|_| broken("making a request"))?;
    Ok((request, secrets))
}

async fn send(
    hub: &Hub,
    message: String,
    request: http::Request<Bytes>,
    secrets: &[SecretString],
) -> Attempt {
    let began = hub.clock().now();
    let reply = post(hub, request).await;
    let now = hub.clock().now();
    let latency = Duration::try_from(now.duration_since(began)).unwrap_or_default();
    let (status, answer, (verdict, advice)) = match reply {
        Ok(reply) => {
            let answer = shown(&reply.body, secrets);
            (Some(reply.status.as_u16()), answer, judge(&reply))
        }
        Err(error) => (None, String::new(), unanswered(&error)),
    };
    tracing::info!(
        verdict = verdict.name(),
        status,
        duration_ms = latency.as_millis(),
        "a webhook was tried"
    );
    Attempt {
        message,
        status,
        latency,
        verdict,
        advice,
        answer,
    }
}

/// What an answer means: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn judge(reply: &Reply) -> (Verdict, &'static str) {
    let misconfigured = |reason: &str, advice| {
        let reason = reason.to_owned();
        (Verdict::Misconfigured { reason }, advice)
    };
    match reply.status.as_u16() {
        200..=299 => (
            Verdict::Done { id: String::new() },
            "Nothing: the receiver took it.",
        ),
        300..=399 => misconfigured(
            "the receiver redirects, and redirects are not followed",
            "Enter the address that it redirects to.",
        ),
        401 | 403 => misconfigured(
            "the receiver does not let the hub in",
            "Compare the signing secret and the headers of the webhook with what the receiver expects.",
        ),
        404 | 405 => misconfigured(
            "the receiver has nothing there that takes a POST",
            "Compare the address with the receiver's.",
        ),
        410 => misconfigured(
            "the receiver is gone for good",
            "Enter another address, or delete the webhook.",
        ),
        408 => (
            Verdict::Retry {
                after: retry_after(reply),
                reason: "408".to_owned(),
            },
            "Answer within ten seconds; do the work after the answer.",
        ),
        429 | 502 | 504 => (
            Verdict::Throttle {
                until: reply
                    .at
                    .checked_add(retry_after(reply).unwrap_or(PAUSE))
                    .unwrap_or(reply.at),
                scope: Scope::Connection,
            },
            "Try again later: the receiver is too busy, or what is behind it does not answer.",
        ),
        status @ 500..=599 => (
            Verdict::Retry {
                after: retry_after(reply),
                reason: status.to_string(),
            },
            "Look at the receiver's log: it failed.",
        ),
        _ => (
            Verdict::Reject(Vec::new()),
            "Look at the answer: the receiver does not take this event as it is.",
        ),
    }
}

fn unanswered(error: &TransportError) -> (Verdict, &'static str) {
    match error {
        TransportError::Forbidden(_) => (
            Verdict::Misconfigured {
                reason: "the address is not public".to_owned(),
            },
            "Enter an https address, on port 443, of a host with a public address.",
        ),
        TransportError::NotSent(_) => (
            Verdict::Retry {
                after: None,
                reason: "no connection could be made".to_owned(),
            },
            "See that the host name resolves and that port 443 is open.",
        ),
        TransportError::Insecure(what) => (
            Verdict::Retry {
                after: None,
                reason: error.to_string(),
            },
            what.advice(),
        ),
        TransportError::Lost(_) => (
            Verdict::Retry {
                after: None,
                reason: "no answer came within ten seconds".to_owned(),
            },
            "Answer within ten seconds; do the work after the answer.",
        ),
    }
}

/// The beginning of an answer. A receiver may echo what it was sent.
fn shown(body: &Bytes, secrets: &[SecretString]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for secret in secrets {
        let secret = secret.expose_secret();
        // Shorter ones are words like `Bearer`.
        if secret.len() > 6 {
            text = text.replace(secret, "***");
            // As some writers of JSON spell it.
            text = text.replace(&secret.replace('/', "\\/"), "***");
        }
    }
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    cut(plain.trim(), SHOWN)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn each_status_has_its_verdict() {
        let now = Timestamp::UNIX_EPOCH;
        for (status, verdict) in [
            (200, "done"),
            (204, "done"),
            (301, "misconfigured"),
            (302, "misconfigured"),
            (400, "reject"),
            (401, "misconfigured"),
            (404, "misconfigured"),
            (408, "retry"),
            (410, "misconfigured"),
            (422, "reject"),
            (429, "throttle"),
            (500, "retry"),
            (502, "throttle"),
            (503, "retry"),
            (504, "throttle"),
        ] {
            let reply = Reply {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                at: now,
            };
            assert_eq!(judge(&reply).0.name(), verdict, "{status}");
        }
    }

    #[test]
    fn an_answer_is_cut_and_holds_no_secret() {
        let secrets = ["whsec_abcdefgh", "Bearer", "t0k3n-of-theirs"].map(SecretString::from);
        let body = Bytes::from_static(b"got Bearer t0k3n-of-theirs\0 and whsec_abcdefgh\n\xff");
        assert_eq!(shown(&body, &secrets), "got Bearer ***  and ***\n\u{fffd}");
        let long = shown(&Bytes::from("x".repeat(5_000)), &secrets);
        assert_eq!(long.chars().count(), 1_000);
    }
}
