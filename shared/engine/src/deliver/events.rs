//! Events to webhooks. There is no plan and nothing is looked up: each event is one request, with the same
//! id and the same bytes at every attempt, and whether the receiver took it is all there is to know. What is
//! claimed, recorded, retried and held is so in the same way as of a CRM.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hub_aws::seams::ulid;
use hub_connectors::{Reply, retry_after};
use hub_domain::{
    Cause, CrmId, FieldFault, SkipReason, Subject, Timestamp, Verdict, Webhook,
    ledger::Claim,
    webhook::{content_hash, message_id},
};

use super::{
    Job,
    apply::{Applied, To},
    call::{in_time, pause},
    prepare::{Claimed, Ready, Unready},
};
use crate::{
    error::aws_verdict,
    hub::Hub,
    kept, limits,
    reference::ONLY,
    transport::TransportError,
    webhooks::{self, Signer},
};

/// A header of an answer by which a receiver says that it never takes this message.
/// <https://github.com/svix/svix-webhooks/blob/main/server/svix-server/src/worker.rs>
const SAYS: &str = "webhook-delivery";
const ABORT: &str = "abort-message";
/// How long a receiver is left alone at least that says it is too busy.
const BUSY: Duration = Duration::from_mins(1);
/// The most bytes of an id that a receiver may give what it made of an event.
const MAX_EXTERNAL_ID: usize = 255;
/// Bytes of an answer that may hold such an id.
const MAX_READ: usize = 16 * 1024;

/// An event that may be sent.
pub(super) struct Prepared {
    job: Job,
    webhook: Webhook,
    signer: Signer,
    body: Bytes,
}

impl Ready for Prepared {
    fn job(&self) -> &Job {
        &self.job
    }

    fn into_job(self) -> Job {
        self.job
    }

    fn claim(&self, hub: &Hub, now: i64, lease_until: i64) -> Claim {
        Claim {
            organization: self.webhook.organization.clone(),
            subject: self.job.reference.subject.clone(),
            event: self.job.reference.event.clone(),
            revision: ONLY,
            content: content_hash(&self.body),
            worker: ulid(hub.clock(), hub.entropy()),
            now,
            lease_until,
            probably_new: self.job.fresh,
        }
    }
}

/// Finds webhooks, their secrets, and what is to be sent.
pub(super) async fn prepare(hub: &Hub, jobs: Vec<Job>) -> (Vec<Prepared>, Vec<Unready>) {
    let found = join_all(jobs.iter().map(|job| ready(hub, job))).await;
    let (mut prepared, mut unready) = (Vec::new(), Vec::new());
    for (job, found) in jobs.into_iter().zip(found) {
        match found {
            Ok((webhook, signer, body)) => prepared.push(Prepared {
                job,
                webhook,
                signer,
                body,
            }),
            Err(verdict) => unready.push(Unready { job, verdict }),
        }
    }
    (prepared, unready)
}

async fn ready(hub: &Hub, job: &Job) -> Result<(Webhook, Signer, Bytes), Verdict> {
    let reference = &job.reference;
    let Subject::Event { webhook, of } = &reference.subject else {
        return Err(Verdict::Bug {
            reason: "a session of a CRM in the queue of webhooks".to_owned(),
        });
    };
    let organization = &reference.organization;
    let known = hub.webhooks(organization).await;
    let known = known.map_err(|error| aws_verdict(&error))?;
    let found = known.iter().find(|one| one.id == *webhook && !one.deleting);
    let webhook = found
        .cloned()
        .ok_or(Verdict::Skip(SkipReason::WebhookGone))?;
    if !webhook.active {
        return Err(Verdict::Reauthorize {
            cause: Cause::NotInUse,
            reason: "the webhook is not active".to_owned(),
        });
    }
    let signer = Signer::of(hub, &webhook).await?;
    let body = kept::body(hub, organization, of).await;
    let body = body.map_err(|error| aws_verdict(&error))?;
    let body = body.ok_or(Verdict::Skip(SkipReason::EventGone))?;
    Ok((webhook, signer, body))
}

/// Sends the claimed events of one webhook, side by side: no order is promised.
pub(super) async fn apply(
    hub: &Hub,
    queues: CrmId,
    group: Vec<Claimed<Prepared>>,
    deadline: Timestamp,
) -> Vec<Applied> {
    let queues = &queues;
    let sent = group.into_iter().map(|claimed| async move {
        let (verdict, external_id) = match send(hub, queues, &claimed, deadline).await {
            Ok(Took { external_id }) => (Verdict::Done { id: String::new() }, external_id),
            Err(verdict) => (verdict, None),
        };
        applied(queues, claimed, verdict, external_id)
    });
    join_all(sent).await
}

fn applied(
    queues: &CrmId,
    claimed: Claimed<Prepared>,
    verdict: Verdict,
    external_id: Option<String>,
) -> Applied {
    let Claimed {
        prepared,
        claim,
        failures,
        mut records,
        mut unfinished,
    } = claimed;
    // The receiver tells one message from another by its id: whatever was sent before is of no matter.
    unfinished.clear_all();
    if let Some(id) = external_id {
        records.insert(claim.subject.matter().to_owned(), id);
    }
    Applied {
        job: prepared.job,
        claim,
        failures,
        to: To::Webhook(Box::new(prepared.webhook), queues.clone()),
        mapping_version: 0,
        verdict,
        records,
        unfinished,
        matches: Vec::new(),
        refused: Vec::new(),
    }
}

/// What a receiver made of an event that it took.
struct Took {
    external_id: Option<String>,
}

async fn send(
    hub: &Hub,
    queues: &CrmId,
    claimed: &Claimed<Prepared>,
    deadline: Timestamp,
) -> Result<Took, Verdict> {
    let Prepared {
        webhook,
        signer,
        body,
        job,
    } = &claimed.prepared;
    in_time(hub, deadline)?;
    let permit = limits::permit_of_webhook(hub, webhook, queues).await;
    // What is ours to do is no failure of the receiver.
    let permit = permit.map_err(|verdict| ours(hub, verdict))?;
    in_time(hub, deadline)?;
    let message = message_id(&webhook.organization, &webhook.id, &job.reference.event);
    let request = signer.request(webhook, &message, body, hub.clock().now())?;
    match webhooks::post(hub, request).await {
        Ok(reply) => {
            let verdict = judge(&reply);
            permit.of_receiver(&reply, BUSY).await;
            verdict.map(|()| Took {
                external_id: external_id(&reply.body),
            })
        }
        Err(error) => {
            if !matches!(error, TransportError::Forbidden(_)) {
                permit.failed().await;
            }
            Err(unanswered(&error))
        }
    }
}

/// A failure to ask for leave is a wait.
fn ours(hub: &Hub, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Retry { .. } => pause(hub.clock().now()),
        Verdict::Throttle { .. }
        | Verdict::Done { .. }
        | Verdict::Skip(_)
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Reject(_)
        | Verdict::Misconfigured { .. }
        | Verdict::Bug { .. } => verdict,
    }
}

/// What an answer means: only 2xx is a success, and everything else comes again at the pace of webhooks, but
/// for what the receiver says is for ever.
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn judge(reply: &Reply) -> Result<(), Verdict> {
    let status = reply.status.as_u16();
    if (200..300).contains(&status) {
        return Ok(());
    }
    let aborts = |value: &str| value.trim().eq_ignore_ascii_case(ABORT);
    if reply.header(SAYS).is_some_and(aborts) {
        return Err(Verdict::Reject(vec![FieldFault {
            field: String::new(),
            code: ABORT.to_owned(),
            message: format!("the receiver answered {status} and that it never takes this message"),
        }]));
    }
    let after = retry_after(reply);
    Err(match status {
        410 => Verdict::Reauthorize {
            cause: Cause::NotInUse,
            reason: "the receiver answered 410: it is gone for good".to_owned(),
        },
        429 | 502..=504 => Verdict::Retry {
            after: Some(after.unwrap_or_default().max(BUSY)),
            reason: format!("the receiver answered {status}"),
        },
        300..=399 => Verdict::Retry {
            after,
            reason: format!("the receiver answered {status}, and redirects are not followed"),
        },
        _ => Verdict::Retry {
            after,
            reason: format!("the receiver answered {status}"),
        },
    })
}

fn unanswered(error: &TransportError) -> Verdict {
    let reason = error.to_string();
    match error {
        // The name may lead elsewhere tomorrow: it is tried again, and never sent to such an address.
        TransportError::Forbidden(_)
        | TransportError::NotSent(_)
        | TransportError::Insecure(_)
        | TransportError::Lost(_) => Verdict::Retry {
            after: None,
            reason,
        },
    }
}

/// What the receiver calls what it made of the event, if it says so: `{"external_id": "…"}`.
fn external_id(body: &Bytes) -> Option<String> {
    let body = body.get(..MAX_READ).unwrap_or(body);
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let id = value.get("external_id")?.as_str()?;
    let is_plain = !id.trim().is_empty() && !id.chars().any(char::is_control);
    (is_plain && id.len() <= MAX_EXTERNAL_ID).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &'static str)]) -> Reply {
        let headers = headers.iter().map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )
        });
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect::<HeaderMap>(),
            body: Bytes::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_2xx_is_a_success_and_only_410_and_abort_are_for_ever() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judge(&reply(status, &[])), Ok(()), "{status}");
        }
        for status in [
            300, 301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 501,
            502, 503, 504, 599,
        ] {
            let verdict = judge(&reply(status, &[])).unwrap_err();
            assert_eq!(verdict.name(), "retry", "{status}");
            let verdict = judge(&reply(status, &[(SAYS, "Abort-Message")])).unwrap_err();
            assert_eq!(verdict.name(), "reject", "{status}");
        }
        assert_eq!(
            judge(&reply(410, &[])).unwrap_err().name(),
            "reauthorize",
            "it is turned off"
        );
        let odd = judge(&reply(500, &[(SAYS, "whatever")])).unwrap_err();
        assert_eq!(odd.name(), "retry");
    }

    #[test]
    fn who_is_too_busy_is_left_alone_for_a_minute_or_as_long_as_it_says() {
        let after =
            |status, headers: &[(&'static str, &'static str)]| match judge(&reply(status, headers))
            {
                Err(Verdict::Retry { after, .. }) => after.map(|after| after.as_secs()),
                other => panic!("{other:?}"),
            };
        assert_eq!(after(500, &[]), None);
        assert_eq!(after(500, &[("retry-after", "7")]), Some(7));
        assert_eq!(after(429, &[]), Some(60));
        assert_eq!(after(503, &[("retry-after", "7")]), Some(60));
        assert_eq!(after(429, &[("retry-after", "90")]), Some(90));
        let date = "Thu, 01 Jan 1970 00:02:00 GMT";
        assert_eq!(after(429, &[("retry-after", date)]), Some(120));
    }

    #[test]
    fn a_receiver_may_name_what_it_made() {
        let read = |body: &'static str| external_id(&Bytes::from_static(body.as_bytes()));
        assert_eq!(
            read("{\"external_id\":\"deal-7\"}").as_deref(),
            Some("deal-7")
        );
        assert_eq!(
            read("{\"ok\":true,\"external_id\":\"a b\"}").as_deref(),
            Some("a b")
        );
        for nothing in [
            "",
            "OK",
            "[]",
            "{}",
            "{\"external_id\":7}",
            "{\"external_id\":\"\"}",
            "{\"external_id\":\"a\\u0000\"}",
            "{\"external_id\":null}",
        ] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }
}
