//! The audit log, as it grows: appending, and which logs wait for a checkpoint.
//!
//! The head holds the tree's frontier, so appending costs the same however large the log is. An
//! append is one transaction of four items: head (if nobody else moved it), leaves, what they commit
//! to, and the mark that a checkpoint is due. So a death leaves nothing half done, and two writers
//! cannot take the same places.
//!
//! A change that comes twice makes one leaf: the head holds the highest sequence number of each
//! partition that an entry was derived from, and what comes with a higher one is new. What does not
//! is looked for ([`Store::audit_known`]): nothing promises that numbers of one shard compare with
//! those of the shard before it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use hub_domain::{
    OrganizationId, Timestamp,
    audit::{Evidence, Leaf},
    merkle::{Frontier, Hash},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Store, as_document,
    attributes::{Item, bytes, bytes_of, must, number, number_of, text, text_of},
    document,
    keys::{Class, Key, partition_number},
};
use crate::{
    error::{AwsError, classify},
    seal::{compress, decompress},
};

const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// The log as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditHead {
    /// Its tree.
    pub tree: Frontier,
    /// The highest sequence number of the changes of each partition.
    pub seen: BTreeMap<String, String>,
}

impl AuditHead {
    /// Whether a change of a partition cannot be in the log yet.
    pub fn is_new(&self, partition: &str, sequence: &str) -> bool {
        let seen = self.seen.get(partition);
        seen.is_none_or(|seen| order(sequence) > order(seen))
    }

    /// Notes a change of a partition.
    pub fn see(&mut self, partition: &str, sequence: &str) {
        if self.is_new(partition, sequence) {
            self.seen.insert(partition.to_owned(), sequence.to_owned());
        }
    }
}

/// Sequence numbers are decimal numbers of up to 40 digits.
fn order(sequence: &str) -> (usize, &str) {
    let digits = sequence.trim_start_matches('0');
    (digits.len(), digits)
}

/// What a leaf commits to as it is stored, with the id of its change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredEvidence {
    pub(super) id: String,
    /// `None` once it is erased.
    pub(super) evidence: Option<Evidence>,
}

/// An entry to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// The id of the change it is derived from: the same change has the same id.
    pub id: String,
    /// Its leaf.
    pub leaf: Leaf,
    /// What the leaf commits to.
    pub evidence: Evidence,
}

/// Entries to append.
#[derive(Debug)]
pub struct Append<'a> {
    /// To whose log.
    pub organization: &'a OrganizationId,
    /// The log as it was read.
    pub before: &'a AuditHead,
    /// The log with the entries.
    pub after: &'a AuditHead,
    /// The entries, at most [`Append::MOST`].
    pub entries: &'a [NewEntry],
    /// Now.
    pub now: Timestamp,
}

impl Append<'_> {
    /// The most entries of one append: a batch of the stream.
    pub const MOST: usize = 100;
    /// What their contents may have together, in bytes, if they are more than one: an item takes
    /// 400 KB.
    pub const BYTES: usize = 300_000;
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is done.
    Done,
    /// Nothing is done: somebody else appended meanwhile.
    Not,
}

/// A log with leaves that no checkpoint covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed {
    /// Whose.
    pub organization: OrganizationId,
    /// Since when.
    pub since: Timestamp,
}

/// A checkpoint to keep.
#[derive(Debug)]
pub struct SealedAt<'a> {
    /// Of whose log.
    pub organization: &'a OrganizationId,
    /// The size it covers.
    pub size: u64,
    /// The signed note.
    pub note: &'a str,
    /// The key that checks it.
    pub key: &'a str,
}

fn wrong<E>(_: E) -> AwsError {
    AwsError::Corrupt {
        what: "an entry of the audit log to store",
    }
}

/// A list as an attribute, compressed: entries are much alike.
fn packed<T: Serialize>(list: &[T]) -> Result<AttributeValue, AwsError> {
    let json = serde_json::to_vec(list).map_err(wrong)?;
    Ok(bytes(compress(&json)?))
}

/// A list that [`packed`] made.
pub(super) fn unpacked<T: DeserializeOwned>(item: &Item) -> Result<Vec<T>, AwsError> {
    let list = bytes_of(item, "z").and_then(decompress);
    let list = list.and_then(|json| serde_json::from_slice(&json).ok());
    must(list, "a part of an audit log")
}

impl Store {
    /// An organization's audit log as it stands now.
    pub async fn audit_head(&self, organization: &OrganizationId) -> Result<AuditHead, AwsError> {
        const WHAT: &str = "the head of an audit log";
        let Some(item) = self.get(&Key::audit_head(organization), true).await? else {
            return Ok(AuditHead::default());
        };
        let (roots, rest) = must(bytes_of(&item, "f"), WHAT)?.as_chunks::<32>();
        let roots: Vec<Hash> = roots.to_vec();
        let tree = Frontier::of(must(number_of(&item, "n"), WHAT)?, roots);
        Ok(AuditHead {
            tree: must(tree.filter(|_| rest.is_empty()), WHAT)?,
            seen: document(&item)?,
        })
    }

    /// Which of these changes have an entry among those that were appended since a moment.
    pub async fn audit_known(
        &self,
        organization: &OrganizationId,
        ids: &BTreeSet<&str>,
        since: Timestamp,
    ) -> Result<BTreeSet<String>, AwsError> {
        let mut known = BTreeSet::new();
        let first = Key::audit_leaves(organization, 0).sk;
        let mut last = Some(Key::audit_leaves(organization, u64::MAX).sk);
        while let Some(to) = last.filter(|_| known.len() < ids.len()) {
            let (items, rest) = self
                .audit_items(organization, (&first, &to), false, 10)
                .await?;
            last = rest;
            for item in items {
                let at: i64 = must(number_of(&item, "t"), "a part of an audit log")?;
                if at < since.as_millisecond() {
                    return Ok(known);
                }
                let place = text_of(&item, "sk").and_then(|sk| sk.rsplit('#').next()?.parse().ok());
                let key = Key::evidence(organization, must(place, "a part of an audit log")?);
                let Some(item) = self.get(&key, true).await? else {
                    continue;
                };
                let found = unpacked::<StoredEvidence>(&item)?.into_iter();
                known.extend(
                    found
                        .map(|one| one.id)
                        .filter(|id| ids.contains(id.as_str())),
                );
            }
        }
        Ok(known)
    }

    /// Appends entries to a log, all or none.
    pub async fn append_audit(&self, append: &Append<'_>) -> Result<Appended, AwsError> {
        let Append {
            organization,
            before,
            after,
            entries,
            now,
        } = append;
        let first = before.tree.size();
        let leaves: Vec<&Leaf> = entries.iter().map(|entry| &entry.leaf).collect();
        let evidence = entries.iter().map(|entry| StoredEvidence {
            id: entry.id.clone(),
            evidence: Some(entry.evidence.clone()),
        });
        let evidence: Vec<StoredEvidence> = evidence.collect();
        let mut leaves_item = Key::audit_leaves(organization, first).attributes();
        leaves_item.insert("z".to_owned(), packed(&leaves)?);
        leaves_item.insert("t".to_owned(), number(now.as_millisecond()));
        let mut evidence_item = Key::evidence(organization, first).attributes();
        evidence_item.insert("z".to_owned(), packed(&evidence)?);
        let outcome = self
            .client
            .transact_write_items()
            .transact_items(self.head(organization, before, after)?)
            .transact_items(write(self.put_once(leaves_item).build().map_err(wrong)?))
            .transact_items(write(self.put_once(evidence_item).build().map_err(wrong)?))
            .transact_items(self.unsealed_since(organization, &after.tree, *now)?)
            .send()
            .await;
        let Err(error) = outcome else {
            return Ok(Appended::Done);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(classify(TRANSACT, error));
        };
        let overtaken = cancelled.cancellation_reasons().iter().any(|reason| {
            matches!(
                reason.code(),
                Some("ConditionalCheckFailed" | "TransactionConflict")
            )
        });
        if overtaken {
            return Ok(Appended::Not);
        }
        Err(classify(TRANSACT, error))
    }

    fn head(
        &self,
        organization: &OrganizationId,
        before: &AuditHead,
        after: &AuditHead,
    ) -> Result<TransactWriteItem, AwsError> {
        let mut item = Key::audit_head(organization).attributes();
        item.insert("n".to_owned(), number(after.tree.size()));
        item.insert("f".to_owned(), bytes(after.tree.roots().concat()));
        item.insert("d".to_owned(), as_document(&after.seen)?);
        let size = before.tree.size();
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(if size == 0 {
                "attribute_not_exists(pk)"
            } else {
                "n = :n"
            });
        let put = if size == 0 {
            put
        } else {
            put.expression_attribute_values(":n", number(size))
        };
        Ok(write(put.build().map_err(wrong)?))
    }

    fn unsealed_since(
        &self,
        organization: &OrganizationId,
        after: &Frontier,
        now: Timestamp,
    ) -> Result<TransactWriteItem, AwsError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::unsealed(organization).attributes()))
            .update_expression("SET n = :n, since = if_not_exists(since, :now)")
            .expression_attribute_values(":n", number(after.size()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .build()
            .map_err(wrong)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The logs that wait for a checkpoint, of all organizations.
    pub async fn unsealed(&self) -> Result<Vec<Unsealed>, AwsError> {
        const WHAT: &str = "the mark of an audit log";
        let mut found = Vec::new();
        for shard in 0..Class::Unsealed.shards() {
            let pk = partition_number("-", Class::Unsealed, shard);
            for item in self.query(&pk, "").await? {
                let since: i64 = must(number_of(&item, "since"), WHAT)?;
                found.push(Unsealed {
                    organization: must(text_of(&item, "sk").and_then(|id| id.parse().ok()), WHAT)?,
                    since: must(Timestamp::from_millisecond(since).ok(), WHAT)?,
                });
            }
        }
        Ok(found)
    }

    /// Keeps a checkpoint, and takes the mark away unless the log has grown meanwhile. A checkpoint
    /// of the same size that stands already stays.
    pub async fn seal_audit(&self, sealed: &SealedAt<'_>) -> Result<(), AwsError> {
        let mut item = Key::audit_checkpoint(sealed.organization, sealed.size).attributes();
        item.insert("note".to_owned(), text(sealed.note));
        item.insert("key".to_owned(), text(sealed.key));
        self.keep(item).await?;
        let done = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::unsealed(sealed.organization).attributes()))
            .condition_expression("n <= :n")
            .expression_attribute_values(":n", number(sealed.size))
            .send()
            .await
            .map_err(|error| classify("dynamodb:DeleteItem", error));
        match done {
            // It has grown meanwhile, or somebody else took the mark away.
            Ok(_) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn write(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}
