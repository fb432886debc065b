//! The audit log, as it grows: appending, and which logs wait for a checkpoint.
//!
//! The head holds the tree's frontier, so appending costs the same however large the log is. An
//! append is one transaction: head (if nobody else moved it), leaves, the evidence of each (if its
//! change has none yet), and the mark that a checkpoint is due. So a death leaves nothing half done,
//! two writers cannot take the same places, and a change that comes twice makes one leaf.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem, Update},
};
use hub_domain::{
    OrganizationId, Timestamp,
    audit::{Evidence, Leaf},
    merkle::{Frontier, Hash},
};
use serde::{Deserialize, Serialize};

use super::{
    Store, as_document,
    attributes::{Item, bytes, bytes_of, must, number, number_of, text, text_of},
    keys::{Class, Key, partition_number},
};
use crate::error::{AwsError, classify};

const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// A leaf as it is stored, with the id of its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredLeaf {
    pub(super) id: String,
    pub(super) leaf: Leaf,
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
    /// The tree as it was read.
    pub before: &'a Frontier,
    /// The tree with the entries.
    pub after: &'a Frontier,
    /// The entries, at most [`Append::MOST`].
    pub entries: &'a [NewEntry],
    /// Now.
    pub now: Timestamp,
}

impl Append<'_> {
    /// The most entries of one append: a transaction takes 100 writes, three of which are for all.
    pub const MOST: usize = 90;
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is done.
    Done,
    /// Nothing is done: somebody else appended meanwhile, or these entries, by their places in the
    /// list, are in the log already.
    Not {
        /// The places.
        known: Vec<usize>,
    },
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

impl Store {
    /// The tree of an organization's audit log, as it stands now.
    pub async fn audit_head(&self, organization: &OrganizationId) -> Result<Frontier, AwsError> {
        const WHAT: &str = "the head of an audit log";
        let Some(item) = self.get(&Key::audit_head(organization), true).await? else {
            return Ok(Frontier::default());
        };
        let (roots, rest) = must(bytes_of(&item, "f"), WHAT)?.as_chunks::<32>();
        let roots: Vec<Hash> = roots.to_vec();
        let head = Frontier::of(must(number_of(&item, "n"), WHAT)?, roots);
        must(head.filter(|_| rest.is_empty()), WHAT)
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
        let mut writes = vec![
            self.head(organization, before, after)?,
            self.leaves(organization, before, entries)?,
            self.unsealed_since(organization, after, *now)?,
        ];
        let shared = writes.len();
        for entry in *entries {
            let mut item = Key::evidence(organization, &entry.id).attributes();
            item.insert("d".to_owned(), as_document(&entry.evidence)?);
            writes.push(write(self.put_if_absent(item)?));
        }
        let outcome = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
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
        let reasons = cancelled.cancellation_reasons();
        let failed = |code: &str| {
            let reasons = reasons.iter().enumerate();
            let failed = reasons.filter(|(_, reason)| reason.code() == Some(code));
            failed.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let conditions = failed("ConditionalCheckFailed");
        if conditions.is_empty() && failed("TransactionConflict").is_empty() {
            return Err(classify(TRANSACT, error));
        }
        let known = conditions
            .iter()
            .filter_map(|place| place.checked_sub(shared));
        Ok(Appended::Not {
            known: known.collect(),
        })
    }

    fn head(
        &self,
        organization: &OrganizationId,
        before: &Frontier,
        after: &Frontier,
    ) -> Result<TransactWriteItem, AwsError> {
        let mut item = Key::audit_head(organization).attributes();
        item.insert("n".to_owned(), number(after.size()));
        item.insert("f".to_owned(), bytes(after.roots().concat()));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(if before.size() == 0 {
                "attribute_not_exists(pk)"
            } else {
                "n = :n"
            });
        let put = if before.size() == 0 {
            put
        } else {
            put.expression_attribute_values(":n", number(before.size()))
        };
        Ok(write(put.build().map_err(wrong)?))
    }

    fn leaves(
        &self,
        organization: &OrganizationId,
        before: &Frontier,
        entries: &[NewEntry],
    ) -> Result<TransactWriteItem, AwsError> {
        let stored = entries.iter().map(|entry| StoredLeaf {
            id: entry.id.clone(),
            leaf: entry.leaf.clone(),
        });
        let mut item = Key::audit_leaves(organization, before.size()).attributes();
        item.insert("d".to_owned(), as_document(&stored.collect::<Vec<_>>())?);
        Ok(write(self.put_if_absent(item)?))
    }

    fn put_if_absent(&self, item: Item) -> Result<Put, AwsError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(wrong)
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
        match self
            .put(item, Some("attribute_not_exists(pk)"), Item::new())
            .await
        {
            Ok(()) | Err(AwsError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
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
