//! Everything a delivery needs before it may be claimed: connection, session, mapping, content.

use std::{collections::BTreeMap, sync::Arc};

use hub_aws::{AwsError, seams::ulid, store::SealedSession};
use hub_domain::{
    Cause, Connection, ConnectionState, CrmId, Mapping, SessionRecord, SkipReason, Subject,
    Verdict,
    ledger::{Claim, Unfinished},
    plan::{self, NoPlan},
};

use super::Job;
use crate::{
    error::{EngineError, aws_verdict},
    hub::Hub,
};
use hub_connectors::Connector;

/// A delivery that may be claimed.
pub(super) struct Prepared {
    pub(super) job: Job,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) connection: Connection,
    pub(super) mapping: Arc<Mapping>,
    pub(super) record: SessionRecord,
    /// Why there is nothing to write, if so: that is an outcome too.
    pub(super) nothing: Option<SkipReason>,
    content: String,
}

/// A delivery that is ours until its lease ends. Only the ledger makes one.
pub(super) struct Claimed<P = Prepared> {
    pub(super) prepared: P,
    pub(super) claim: Claim,
    /// Failures so far, by the ledger.
    pub(super) failures: u32,
    /// What the CRM holds already, by the ledger.
    pub(super) records: BTreeMap<String, String>,
    /// What is left of attempts before, by the ledger.
    pub(super) unfinished: Unfinished,
}

/// A delivery that may not be claimed now, and why.
pub(super) struct Unready {
    pub(super) job: Job,
    pub(super) verdict: Verdict,
}

/// What may be claimed: of whatever kind, it is claimed in the same way.
pub(super) trait Ready {
    fn job(&self) -> &Job;
    fn into_job(self) -> Job;
    fn claim(&self, hub: &Hub, now: i64, lease_until: i64) -> Claim;
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
            organization: self.connection.organization.clone(),
            subject: Subject::session_to(&self.connection.id, &self.record.id),
            event: self.job.reference.event.clone(),
            revision: self.record.revision,
            content: self.content.clone(),
            worker: ulid(hub.clock(), hub.entropy()),
            now,
            lease_until,
            probably_new: self.job.fresh && self.record.revision <= 1,
        }
    }
}

/// Prepares jobs: sessions come by one `BatchGetItem`, configuration from the cache.
pub(super) async fn prepare(
    hub: &Hub,
    crm: &CrmId,
    jobs: Vec<Job>,
) -> (Vec<Prepared>, Vec<Unready>) {
    let mut prepared = Vec::new();
    let mut unready = Vec::new();
    if jobs.is_empty() {
        return (prepared, unready);
    }
    let ids: Vec<_> = jobs
        .iter()
        .filter_map(|job| {
            let session = job.reference.subject.session()?;
            Some((job.reference.organization.clone(), session.clone()))
        })
        .collect();
    let sessions = match hub.store().sessions(&ids).await {
        Ok(sessions) => sessions,
        Err(error) => {
            let verdict = aws_verdict(&error);
            return (
                prepared,
                jobs.into_iter()
                    .map(|job| Unready {
                        job,
                        verdict: verdict.clone(),
                    })
                    .collect(),
            );
        }
    };
    for (job, session) in jobs.into_iter().zip(sessions) {
        match ready(hub, crm, &job, session).await {
            Ok(parts) => prepared.push(parts.with(job)),
            Err(verdict) => unready.push(Unready { job, verdict }),
        }
    }
    (prepared, unready)
}

struct Parts {
    connector: Arc<dyn Connector>,
    connection: Connection,
    mapping: Arc<Mapping>,
    record: SessionRecord,
    nothing: Option<SkipReason>,
    content: String,
}

impl Parts {
    fn with(self, job: Job) -> Prepared {
        let Self {
            connector,
            connection,
            mapping,
            record,
            nothing,
            content,
        } = self;
        Prepared {
            job,
            connector,
            connection,
            mapping,
            record,
            nothing,
            content,
        }
    }
}

async fn ready(
    hub: &Hub,
    crm: &CrmId,
    job: &Job,
    session: Option<SealedSession>,
) -> Result<Parts, Verdict> {
    let aws = |error: AwsError| aws_verdict(&error);
    let reference = &job.reference;
    let Subject::Session {
        connection: of,
        session: id,
    } = &reference.subject
    else {
        return Err(Verdict::Bug {
            reason: "an event of a webhook in a queue of a CRM".to_owned(),
        });
    };
    let connections = hub
        .connections(&reference.organization)
        .await
        .map_err(aws)?;
    let found = connections
        .iter()
        .find(|connection| connection.id == *of && connection.crm == *crm);
    let connection = found
        .cloned()
        .ok_or(Verdict::Skip(SkipReason::ConnectionOff))?;
    if connection.state == ConnectionState::Disconnected {
        return Err(Verdict::Skip(SkipReason::ConnectionOff));
    }
    if connection.state == ConnectionState::ReconnectNeeded {
        return Err(Verdict::Reauthorize {
            cause: connection.cause.unwrap_or(Cause::Revoked),
            reason: connection.reason,
        });
    }
    if !connection.takes_events() {
        // Paused or no longer approved: the work waits, it is not lost.
        return Err(Verdict::Reauthorize {
            cause: Cause::NotInUse,
            reason: "the connection is not in use".to_owned(),
        });
    }
    let connector = hub.connector(crm).map_err(|error| match error {
        EngineError::NotFound(what) => Verdict::Misconfigured {
            reason: format!("{what} {crm} does not exist"),
        },
        other => Verdict::Bug {
            reason: other.to_string(),
        },
    })?;
    let mapping = hub
        .mapping(&connection, connector.manifest())
        .await
        .map_err(aws)?;
    let mapping = mapping.ok_or_else(|| Verdict::Misconfigured {
        reason: format!("mapping {} is missing", connection.mapping_version),
    })?;
    // The batch read may be a moment old; a message never is.
    let session = match session {
        Some(session) if session.revision >= reference.revision => Some(session),
        Some(_) | None => hub
            .store()
            .session(&reference.organization, id)
            .await
            .map_err(aws)?,
    };
    let session = session.ok_or(Verdict::Skip(SkipReason::SessionGone))?;
    let ring = hub
        .vault()
        .data(reference.organization.as_str())
        .await
        .map_err(aws)?;
    let record = session.open(&ring).map_err(aws)?;
    let nothing = match plan::writable(&record) {
        Ok(()) => None,
        Err(NoPlan::InternalOnly) => Some(SkipReason::InternalOnly),
        Err(NoPlan::NothingToWrite) => Some(SkipReason::SessionUnknown),
    };
    let content = plan::content_hash(&record, &connection, &mapping);
    Ok(Parts {
        connector,
        connection,
        mapping,
        record,
        nothing,
        content,
    })
}
