//! The audit log, as it is shown.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use hub_domain::{
    OrganizationId,
    audit::{Entry, Leaf},
};

use super::{
    Store,
    attributes::{Item, must, text, text_of},
    audit::{StoredEvidence, unpacked},
    keys::Key,
};
use crate::error::{AwsError, classify};

/// Keys in one `BatchGetItem`.
const KEYS: usize = 100;

/// A part of a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditPage {
    /// The entries, in their order. What was appended together is not divided, so there may be more
    /// than were asked for.
    pub entries: Vec<Entry>,
    /// The checkpoints, as signed notes, whose sizes lie within what this page shows.
    pub checkpoints: Vec<String>,
    /// The index with which the next page begins; `None` at the end.
    pub next: Option<u64>,
}

impl Store {
    /// The entries of a log from an index on, which must be one that a page before named, or 0.
    pub async fn audit_page(
        &self,
        organization: &OrganizationId,
        from: u64,
        most: usize,
    ) -> Result<AuditPage, AwsError> {
        let mut parts: Vec<Vec<Leaf>> = Vec::new();
        let mut count = 0;
        let mut start = Some(Key::audit_leaves(organization, from).sk);
        let last = Key::audit_leaves(organization, u64::MAX).sk;
        while let Some(sk) = start.filter(|_| count < most) {
            // Each item has one leaf or more, so this many are enough.
            let (items, next) = self
                .audit_items(organization, (&sk, &last), true, most - count)
                .await?;
            for item in &items {
                let part = unpacked::<Leaf>(item)?;
                count += part.len();
                parts.push(part);
                if count >= most {
                    break;
                }
            }
            start = next;
        }
        let end = parts
            .last()
            .and_then(|part| part.last())
            .map_or(from, |last| last.index.saturating_add(1));
        let is_more = !self
            .audit_items(
                organization,
                (&Key::audit_leaves(organization, end).sk, &last),
                true,
                1,
            )
            .await?
            .0
            .is_empty();
        let checkpoints = self
            .checkpoints(organization, from.saturating_add(1), end)
            .await?;
        Ok(AuditPage {
            entries: self.with_evidence(organization, parts).await?,
            checkpoints,
            next: is_more.then_some(end),
        })
    }

    /// The newest checkpoint of a log, and the key that checks it.
    pub async fn last_checkpoint(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<(String, String)>, AwsError> {
        let first = Key::audit_checkpoint(organization, 0).sk;
        let last = Key::audit_checkpoint(organization, u64::MAX).sk;
        let (items, _) = self
            .audit_items(organization, (&first, &last), false, 1)
            .await?;
        let read = |item: &Item| {
            let note = must(text_of(item, "note"), "a checkpoint")?.to_owned();
            Ok((note, must(text_of(item, "key"), "a checkpoint")?.to_owned()))
        };
        items.first().map(read).transpose()
    }

    async fn checkpoints(
        &self,
        organization: &OrganizationId,
        from: u64,
        to: u64,
    ) -> Result<Vec<String>, AwsError> {
        let last = Key::audit_checkpoint(organization, to).sk;
        let mut start = Some(Key::audit_checkpoint(organization, from).sk);
        let mut found = Vec::new();
        while let Some(sk) = start.filter(|_| from <= to) {
            let (items, next) = self
                .audit_items(organization, (&sk, &last), true, KEYS)
                .await?;
            for item in &items {
                found.push(must(text_of(item, "note"), "a checkpoint")?.to_owned());
            }
            start = next;
        }
        Ok(found)
    }

    /// Items of a log between two sort keys, both included, and the sort key with which the rest
    /// begins.
    pub(super) async fn audit_items(
        &self,
        organization: &OrganizationId,
        (from, to): (&str, &str),
        forward: bool,
        most: usize,
    ) -> Result<(Vec<Item>, Option<String>), AwsError> {
        let pk = Key::audit_head(organization).pk;
        let reply = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .consistent_read(true)
            .scan_index_forward(forward)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| classify("dynamodb:Query", error))?;
        let last = reply
            .last_evaluated_key
            .and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok().cloned()));
        // Nothing stands between a key and itself with a character more; none of ours ends so. A page that ends with
        // the last key says that there may be more, and asking past that key would be refused.
        let next = last.map(|sk| {
            if forward {
                format!("{sk}\u{1}")
            } else {
                before(&sk)
            }
        });
        let next = next.filter(|sk| {
            if forward {
                sk.as_str() <= to
            } else {
                sk.as_str() >= from
            }
        });
        Ok((reply.items.unwrap_or_default(), next))
    }

    async fn with_evidence(
        &self,
        organization: &OrganizationId,
        parts: Vec<Vec<Leaf>>,
    ) -> Result<Vec<Entry>, AwsError> {
        let key = |part: &Vec<Leaf>| {
            let first = part.first().map_or(0, |leaf| leaf.index);
            Key::evidence(organization, first)
        };
        let mut evidence: HashMap<String, Vec<StoredEvidence>> = HashMap::new();
        for chunk in parts.chunks(KEYS) {
            self.evidence(chunk.iter().map(key), &mut evidence).await?;
        }
        let mut entries = Vec::new();
        for part in parts {
            let mut found = evidence
                .remove(&key(&part).sk)
                .unwrap_or_default()
                .into_iter();
            entries.extend(part.into_iter().map(|leaf| Entry {
                leaf,
                evidence: found.next().and_then(|one| one.evidence),
            }));
        }
        Ok(entries)
    }

    async fn evidence(
        &self,
        keys: impl Iterator<Item = Key>,
        found: &mut HashMap<String, Vec<StoredEvidence>>,
    ) -> Result<(), AwsError> {
        let mut keys: Vec<Item> = keys.map(|key| key.attributes()).collect();
        // What DynamoDB did not get to comes back, and is asked for again.
        while !keys.is_empty() {
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut keys)))
                .consistent_read(true)
                .build()
                .map_err(|_| AwsError::Corrupt {
                    what: "the keys of evidence",
                })?;
            let reply = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|error| classify("dynamodb:BatchGetItem", error))?;
            let items = reply.responses.and_then(|mut all| all.remove(&self.table));
            for item in items.unwrap_or_default() {
                let place = must(text_of(&item, "sk"), "evidence")?.to_owned();
                found.insert(place, unpacked(&item)?);
            }
            let rest = reply
                .unprocessed_keys
                .and_then(|mut all| all.remove(&self.table));
            keys = rest.map(|rest| rest.keys).unwrap_or_default();
        }
        Ok(())
    }
}

/// The sort key right before that of a place in a log.
fn before(sk: &str) -> String {
    match sk.rsplit_once('#') {
        Some((kind, index)) => {
            let index = index.parse::<u64>().unwrap_or_default();
            match index.checked_sub(1) {
                Some(before) => format!("{kind}#{before:020}"),
                // Nothing is before the first.
                None => format!("{kind}!"),
            }
        }
        None => sk.to_owned(),
    }
}
