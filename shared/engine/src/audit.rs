//! The audit log: an entry for each change that matters, appended from the table's stream; a signed
//! checkpoint within five minutes; and the export that a customer checks by themselves.
//!
//! What it is worth, and what not, is in `docs/AUDIT.md`.

mod entry;
mod note;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hub_aws::{
    AwsError,
    store::{Append, Appended, AuditHead, AuditPage, NewEntry, SealedAt, Unsealed},
};
use hub_domain::{
    OrganizationId, TableChange, Timestamp,
    audit::{Checkpoint, Evidence, Leaf, hex, origin},
};

use crate::{
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    notices,
};
pub use note::open;

/// How long a leaf may wait before a checkpoint covers it. Ticks come each minute, so five minutes
/// are the most.
const SEALED_AFTER: Duration = Duration::from_mins(4);
/// How often an append is tried that others overtake.
const ROUNDS: usize = 10;
/// How far the clock of the table may be ahead of ours.
const SKEW: Duration = Duration::from_mins(5);
/// The most entries that one asks for at once.
pub const PAGE: usize = 100;

/// A part of a log, as an export has it.
#[derive(Debug)]
pub struct Export {
    /// The log's name.
    pub origin: String,
    /// The newest checkpoint of all, as a signed note.
    pub checkpoint: Option<String>,
    /// The key that checks it.
    pub key: Option<String>,
    /// Entries, and the checkpoints among them.
    pub page: AuditPage,
}

/// A page of the caller's organization's log, from an index that a page before named.
///
/// # Errors
/// The caller is no admin, or the store does not answer.
pub async fn export(
    hub: &Hub,
    caller: &Caller,
    from: u64,
    most: usize,
) -> Result<Export, EngineError> {
    caller.at_least(Role::Admin)?;
    let organization = &caller.organization;
    let failed = EngineError::aws("the audit log");
    let page = hub
        .store()
        .audit_page(organization, from, most.clamp(1, PAGE))
        .await
        .map_err(&failed)?;
    let last = hub.store().last_checkpoint(organization).await;
    let (checkpoint, key) = last.map_err(&failed)?.unzip();
    Ok(Export {
        origin: origin(organization),
        checkpoint,
        key,
        page,
    })
}

/// Appends what changes are to the logs of their organizations. `Some` is the place of the first change
/// whose entry is not in its log.
pub(crate) async fn record(hub: &Hub, changes: &[TableChange]) -> Option<usize> {
    let mut logs: BTreeMap<OrganizationId, Vec<(usize, entry::Draft)>> = BTreeMap::new();
    for (place, change) in changes.iter().enumerate() {
        if let Some((organization, draft)) = entry::draft(change) {
            let log = logs.entry(organization).or_default();
            // A transaction takes no key twice.
            if log.iter().all(|(_, other)| other.id != draft.id) {
                log.push((place, draft));
            }
        }
    }
    let mut first_failed = None;
    for (organization, drafts) in logs {
        let Err((place, error)) = append(hub, &organization, drafts).await else {
            continue;
        };
        tracing::error!(
            organization.id = %organization,
            error = &error as &(dyn std::error::Error + 'static),
            "an audit log could not be appended to; its changes come again"
        );
        first_failed = Some(first_failed.map_or(place, |first: usize| first.min(place)));
    }
    first_failed
}

/// Appends drafts to one log. An error comes with the place of the first that is not in it.
async fn append(
    hub: &Hub,
    organization: &OrganizationId,
    mut drafts: Vec<(usize, entry::Draft)>,
) -> Result<(), (usize, AwsError)> {
    let mut overtaken = 0;
    while let Some((place, _)) = drafts.first() {
        let place = *place;
        let failed = |error| (place, error);
        let before = hub.store().audit_head(organization).await.map_err(failed)?;
        let known = known(hub, organization, &before, &drafts).await;
        let known = known.map_err(failed)?;
        drafts.retain(|(_, draft)| !known.contains(&draft.id));
        let mut after = before.clone();
        let mut left = Append::BYTES;
        let mut entries: Vec<NewEntry> = Vec::new();
        for (_, draft) in drafts.iter().take(Append::MOST) {
            if draft.text.len() > left && !entries.is_empty() {
                break;
            }
            left = left.saturating_sub(draft.text.len());
            let entry = new_entry(hub, organization, after.tree.size(), draft);
            after.tree.push(entry.leaf.hash());
            after.see(&draft.partition, &draft.sequence);
            entries.push(entry);
        }
        if entries.is_empty() {
            break;
        }
        let append = Append {
            organization,
            before: &before,
            after: &after,
            entries: &entries,
            now: hub.clock().now(),
        };
        match hub.store().append_audit(&append).await.map_err(failed)? {
            Appended::Done => drafts.drain(..entries.len()).for_each(drop),
            Appended::Not => {
                overtaken += 1;
                if overtaken == ROUNDS {
                    let operation = "dynamodb:TransactWriteItems";
                    return Err(failed(AwsError::Conflict { operation }));
                }
            }
        }
    }
    Ok(())
}

/// Which drafts are in the log already: brought a second time, by their ids.
async fn known(
    hub: &Hub,
    organization: &OrganizationId,
    head: &AuditHead,
    drafts: &[(usize, entry::Draft)],
) -> Result<BTreeSet<String>, AwsError> {
    let doubtful = drafts
        .iter()
        .map(|(_, draft)| draft)
        .filter(|draft| !head.is_new(&draft.partition, &draft.sequence));
    let ids: BTreeSet<&str> = doubtful.clone().map(|draft| draft.id.as_str()).collect();
    let Some(first) = doubtful.map(|draft| draft.content.at).min() else {
        return Ok(BTreeSet::new());
    };
    // An entry is appended after its change, by another clock.
    let since = first.checked_sub(SKEW).unwrap_or(first);
    hub.store().audit_known(organization, &ids, since).await
}

fn new_entry(
    hub: &Hub,
    organization: &OrganizationId,
    index: u64,
    draft: &entry::Draft,
) -> NewEntry {
    let evidence = Evidence {
        salt: hex(&hub.entropy().bytes::<32>()),
        content: draft.text.clone(),
    };
    let leaf = Leaf {
        at: draft.content.at,
        commitment: evidence.commitment(),
        index,
        kind: draft.content.kind.clone(),
        organization: organization.clone(),
        subject: draft.content.subject.clone(),
    };
    NewEntry {
        id: draft.id.clone(),
        leaf,
        evidence,
    }
}

/// Signs a checkpoint for each log that has waited long enough. `false` says that one failed.
pub(crate) async fn seal(hub: &Hub, now: Timestamp) -> bool {
    let waiting = match hub.store().unsealed().await {
        Ok(waiting) => waiting,
        Err(error) => return sealing_failed(None, &EngineError::aws("the audit logs")(error)),
    };
    let mut all = true;
    for Unsealed {
        organization,
        since,
    } in waiting
    {
        if now < since + SEALED_AFTER {
            continue;
        }
        if let Err(error) = seal_one(hub, &organization, since, now).await {
            all = sealing_failed(Some(&organization), &error);
        }
    }
    all
}

fn sealing_failed(organization: Option<&OrganizationId>, error: &EngineError) -> bool {
    tracing::error!(
        organization.id = organization.map(tracing::field::display),
        error = error as &(dyn std::error::Error + 'static),
        "no checkpoint was made; the next tick tries it again"
    );
    false
}

async fn seal_one(
    hub: &Hub,
    organization: &OrganizationId,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), EngineError> {
    let failed = EngineError::aws("the audit log");
    let platform = hub.vault().platform().await;
    let platform = platform.map_err(EngineError::aws("the platform's secret"))?;
    let seed = platform
        .audit
        .current_key()
        .map_err(EngineError::aws("the platform's audit key"))?;
    let head = hub
        .store()
        .audit_head(organization)
        .await
        .map_err(&failed)?;
    let checkpoint = Checkpoint {
        origin: origin(organization),
        size: head.tree.size(),
        root: head.tree.root(),
    };
    let (note, key) = note::sign(&seed, checkpoint.text(now))?;
    let (size, note, key) = (checkpoint.size, note.to_string(), key.to_string());
    // Before the mark goes, so that a death between makes both again.
    notices::checkpoint(hub, organization, since, size, &note, &key)
        .await
        .map_err(&failed)?;
    let sealed = SealedAt {
        organization,
        size,
        note: &note,
        key: &key,
    };
    hub.store().seal_audit(&sealed).await.map_err(&failed)
}
