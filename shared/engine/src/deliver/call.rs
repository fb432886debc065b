//! One call to a CRM: a fresh token, the request, the answer; refreshed and sent again once when
//! the CRM says the token is spent. Each call has a permit of the limiter.

use std::{collections::BTreeSet, time::Duration};

use hub_connectors::{Answer, Connector, Operation, ReadBack, Reply};
use hub_domain::{Cause, Connection, Scope, Timestamp, Verdict};

use secrecy::ExposeSecret;

use crate::{
    hub::Hub,
    limits::{self, Permit},
    mask::masked,
    tokens::{self, Access, For},
    transport::{self, CALL_TIMEOUT, Purpose, TransportError},
};

/// With less time left than this nothing is asked: the longest single request, which is one for a token,
/// and recording what came of it.
const ENOUGH: Duration = Duration::from_secs(30);
/// How long after it was sent a request without an answer may still take effect. Nobody writes the
/// delivery again before that, so it never lands on top of what is newer: a worker that dies has sent its
/// last request [`ENOUGH`] before its end, and its lease outlives that.
pub(super) const ARRIVES_WITHIN: Duration = Duration::from_secs(35);

/// Why an operation has no answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// What is done about it.
    pub(crate) verdict: Verdict,
    /// Whether it may have taken effect: it was sent.
    pub(crate) may_be_done: bool,
}

impl From<Verdict> for Unanswered {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            may_be_done: false,
        }
    }
}

/// A wait that is no failure.
pub(super) fn pause(until: Timestamp) -> Verdict {
    Verdict::Throttle {
        until,
        scope: Scope::Connection,
    }
}

/// Carries an operation out and gives the verdicts of its records, with the reply they came from.
#[tracing::instrument(skip_all, fields(crm = %connection.crm, connection.id = %connection.id))]
pub(crate) async fn call(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
    deadline: Timestamp,
) -> Result<(Vec<Verdict>, Reply), Unanswered> {
    in_time(hub, deadline)?;
    let mut access = tokens::access(hub, connector.manifest(), connection, None, For::Work).await?;
    let mut refreshed = false;
    loop {
        in_time(hub, deadline)?;
        let manifest = connector.manifest();
        let costs = manifest.costs(operation);
        let permit = limits::permit(hub, connection, manifest, costs).await?;
        let reply = once(hub, connector, connection, operation, &access, &permit).await?;
        let verdicts = connector.interpret(operation, &reply);
        permit.answered(&reply, &verdicts).await;
        drop(permit);
        if !verdicts.contains(&Verdict::Refresh) {
            return Ok((verdicts, reply));
        }
        if refreshed {
            return Err(Unanswered::from(Verdict::Reauthorize {
                cause: Cause::Revoked,
                reason: "the CRM refuses a token that was just refreshed".to_owned(),
            }));
        }
        refreshed = true;
        in_time(hub, deadline)?;
        let spent = Some(access.version);
        access = tokens::access(hub, connector.manifest(), connection, spent, For::Work).await?;
    }
}

/// Stops before a request for which there is no time: the rest goes on with the next receive, and is no
/// failure.
pub(super) fn in_time(hub: &Hub, deadline: Timestamp) -> Result<(), Verdict> {
    let now = hub.clock().now();
    let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
    if left < ENOUGH {
        return Err(pause(now));
    }
    Ok(())
}

/// Carries a reading operation out, with all pages of its answer, and gives what it found.
pub(super) async fn read(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
    deadline: Timestamp,
) -> Result<Vec<Answer>, Verdict> {
    let mut found = Vec::new();
    let mut next = Some(operation.clone());
    while let Some(operation) = next {
        let page = match call(hub, connector, connection, &operation, deadline).await {
            Ok((_, reply)) => connector
                .read(&operation, &reply)
                .map(|answer| (answer, connector.next(&operation, &reply))),
            Err(unanswered) => Err(unanswered.verdict),
        };
        let (answer, further) =
            page.map_err(|verdict| stopped(hub, &operation, found.len(), verdict))?;
        found.push(answer);
        next = further;
    }
    Ok(found)
}

/// The records of the CRM that a [`Operation::ReadBack`] asks for. Each is there once, also one that two pages
/// show: a page of a list may begin at the time at which the last one ended.
pub(crate) async fn records(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
    deadline: Timestamp,
) -> Result<BTreeSet<ReadBack>, Verdict> {
    let mut found = BTreeSet::new();
    for answer in read(hub, connector, connection, operation, deadline).await? {
        let Answer::Records(records) = answer else {
            return Err(Verdict::Bug {
                reason: "records were asked for and something else was found".to_owned(),
            });
        };
        found.extend(records);
    }
    Ok(found)
}

/// The verdict on a reading that stopped after so many pages. A read-back begins anew each time, so waiting until
/// the next call is free may never bring it to its end: it would use up for ever what comes back of a limit. So it
/// counts as a failure: the waits grow, the limit recovers meanwhile, and at last a person is told.
fn stopped(hub: &Hub, operation: &Operation, pages: usize, verdict: Verdict) -> Verdict {
    match (verdict, operation) {
        (Verdict::Throttle { until, .. }, Operation::ReadBack { .. }) if pages > 0 => {
            let wait = until.duration_since(hub.clock().now());
            Verdict::Retry {
                after: Duration::try_from(wait).ok(),
                reason: format!(
                    "looking for what may have been written stopped after {pages} pages, for a limit or for time, and begins anew"
                ),
            }
        }
        (verdict, _) => verdict,
    }
}

async fn once(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
    access: &Access,
    permit: &Permit<'_>,
) -> Result<Reply, Unanswered> {
    let mut request = connector.request(operation, connection)?;
    connector
        .manifest()
        .sign(request.headers_mut(), connection, &access.token)
        .map_err(|error| Verdict::Reauthorize {
            cause: Cause::ClientRefused,
            reason: error.to_string(),
        })?;
    request.extensions_mut().insert(purpose(operation));
    // The way out has this limit too; here it holds whatever the way out is.
    let answer = tokio::time::timeout(CALL_TIMEOUT, transport::send(hub.transport(), request))
        .await
        .unwrap_or_else(|_| Err(TransportError::Lost("timed out".to_owned())));
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            if !matches!(error, TransportError::Forbidden(_)) {
                permit.failed().await;
            }
            return Err(unanswered(&error));
        }
    };
    let (parts, body) = answer.into_parts();
    Ok(Reply {
        status: parts.status,
        headers: parts.headers,
        body: masked(body, [access.token.expose_secret()]),
        at: hub.clock().now(),
    })
}

fn purpose(operation: &Operation) -> Purpose {
    match operation {
        Operation::Write { .. } => Purpose::Write,
        Operation::FindPeople { .. } | Operation::Describe { .. } | Operation::ReadBack { .. } => {
            Purpose::Read
        }
    }
}

/// What it means that no answer came. What was sent may have taken effect; what is done about that is a
/// matter of each write.
fn unanswered(error: &TransportError) -> Unanswered {
    let reason = error.to_string();
    let may_be_done = match error {
        TransportError::Forbidden(_) => return Verdict::Misconfigured { reason }.into(),
        TransportError::NotSent(_) | TransportError::Insecure(_) => false,
        TransportError::Lost(_) => true,
    };
    Unanswered {
        verdict: Verdict::Retry {
            after: None,
            reason,
        },
        may_be_done,
    }
}
