//! Checks an export against a checkpoint that its holder got earlier, with nothing else at hand.

use std::{collections::BTreeMap, fmt};

use super::{Checkpoint, Content, Entry, origin};
use crate::merkle::{Frontier, Hash};

/// Something in an export that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A leaf stands where another should: one was inserted, deleted or moved.
    Misplaced {
        /// The place, counted from 0.
        place: u64,
        /// The index that the leaf there says it has.
        index: u64,
    },
    /// A leaf or checkpoint is of another log.
    Foreign {
        /// The log it is of.
        origin: String,
    },
    /// The evidence is not what the leaf commits to, or the leaf not what the evidence says.
    Evidence {
        /// The leaf.
        index: u64,
    },
    /// A checkpoint in the export is not signed by the key.
    Unsigned {
        /// Its place among the export's checkpoints, counted from 0.
        place: usize,
    },
    /// The export has fewer leaves than a checkpoint covers.
    Truncated {
        /// How many the checkpoint covers.
        size: u64,
        /// How many there are.
        found: u64,
    },
    /// The leaves do not lead to a checkpoint's root: one of these was changed.
    Changed {
        /// The first that it can be.
        from: u64,
        /// One after the last.
        to: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misplaced { place, index } => write!(
                f,
                "leaf {place}: a leaf with index {index} stands there; one was inserted, deleted or moved"
            ),
            Self::Foreign { origin } => write!(f, "something is of another log: {origin}"),
            Self::Evidence { index } => {
                write!(
                    f,
                    "leaf {index}: it and its evidence do not belong together"
                )
            }
            Self::Unsigned { place } => write!(
                f,
                "checkpoint {place} of the export is not signed by the key"
            ),
            Self::Truncated { size, found } => write!(
                f,
                "a checkpoint covers {size} leaves, and the export has {found}"
            ),
            Self::Changed { from, to } => write!(
                f,
                "leaves {from} to {}: they do not lead to the checkpoint over {to} leaves",
                to.saturating_sub(1)
            ),
        }
    }
}

/// What was checked, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many leaves there are.
    pub leaves: u64,
    /// How many of them a checkpoint covers that is signed by the key.
    pub covered: u64,
    /// How many have no evidence any more. That is no finding: erasure leaves it so.
    pub erased: u64,
    /// What is not as it was; empty for a log that nobody touched.
    pub findings: Vec<Finding>,
}

/// Checks entries and checkpoints of an export against one checkpoint that was `held`. `open` gives
/// the checkpoint that a note holds if the key signed it; `held` went through it before.
pub fn verify(
    entries: &[Entry],
    notes: &[String],
    held: &Checkpoint,
    open: impl Fn(&str) -> Option<Checkpoint>,
) -> Report {
    let mut findings = Vec::new();
    let mut checkpoints = vec![held.clone()];
    for (place, note) in notes.iter().enumerate() {
        match open(note) {
            Some(checkpoint) if checkpoint.origin == held.origin => checkpoints.push(checkpoint),
            Some(checkpoint) => findings.push(Finding::Foreign {
                origin: checkpoint.origin,
            }),
            None => findings.push(Finding::Unsigned { place }),
        }
    }
    let leaves = entries.len() as u64;
    let mut erased = 0;
    let mut is_in_order = true;
    for (place, entry) in (0_u64..).zip(entries) {
        let leaf = &entry.leaf;
        // All behind the first that is misplaced are, too.
        if leaf.index != place && std::mem::take(&mut is_in_order) {
            let index = leaf.index;
            findings.push(Finding::Misplaced { place, index });
        }
        let of = origin(&leaf.organization);
        if of != held.origin {
            findings.push(Finding::Foreign { origin: of });
        }
        if entry.evidence.is_none() {
            erased += 1;
        } else if !is_whole(entry) {
            findings.push(Finding::Evidence { index: leaf.index });
        }
    }
    findings.extend(against(entries, &checkpoints));
    let covered = checkpoints.iter().map(|checkpoint| checkpoint.size).max();
    Report {
        leaves,
        covered: covered.unwrap_or_default().min(leaves),
        erased,
        findings,
    }
}

/// Whether leaf and evidence belong together.
pub(super) fn is_whole(entry: &Entry) -> bool {
    let (leaf, Some(evidence)) = (&entry.leaf, &entry.evidence) else {
        return true;
    };
    let says_the_same = |content: Content| {
        content.at == leaf.at && content.kind == leaf.kind && content.subject == leaf.subject
    };
    evidence.commitment() == leaf.commitment
        && serde_json::from_str(&evidence.content).is_ok_and(says_the_same)
}

/// The first checkpoint that the leaves do not lead to, smallest first, and one that covers more
/// than there is.
fn against(entries: &[Entry], checkpoints: &[Checkpoint]) -> Vec<Finding> {
    let mut by_size: BTreeMap<u64, Vec<&Hash>> = BTreeMap::new();
    for checkpoint in checkpoints {
        by_size
            .entry(checkpoint.size)
            .or_default()
            .push(&checkpoint.root);
    }
    let mut frontier = Frontier::default();
    let mut entries = entries.iter();
    let mut from = 0;
    for (size, roots) in by_size {
        while frontier.size() < size {
            let Some(entry) = entries.next() else {
                let found = frontier.size();
                return vec![Finding::Truncated { size, found }];
            };
            frontier.push(entry.leaf.hash());
        }
        let root = frontier.root();
        if roots.iter().any(|expected| **expected != root) {
            return vec![Finding::Changed { from, to: size }];
        }
        from = size;
    }
    Vec::new()
}
