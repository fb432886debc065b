//! The proof that one entry stands in a log: what somebody needs who may see that entry and holds a
//! checkpoint, and may not see the rest.

use serde::{Deserialize, Serialize};

use super::{Checkpoint, Entry, hex, origin, unhex, verify::is_whole};
use crate::merkle::{self, Hash};

/// An entry, and the path from its leaf to the root over `size` leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The entry.
    pub entry: Entry,
    /// How many leaves the tree has.
    pub size: u64,
    /// The nodes beside the path, lowest first, in hex.
    pub path: Vec<String>,
}

impl Proof {
    /// The proof for one of the first `size` entries of a log; `None` where there is none.
    pub fn of(entries: &[Entry], index: usize, size: u64) -> Option<Self> {
        let covered = entries.get(..usize::try_from(size).ok()?)?;
        let entry = covered.get(index)?.clone();
        let leaves: Vec<Hash> = covered.iter().map(|entry| entry.leaf.hash()).collect();
        let path = merkle::inclusion(&leaves, index);
        Some(Self {
            entry,
            size,
            path: path.iter().map(|node| hex(node)).collect(),
        })
    }

    /// Whether the entry stands in the log that the checkpoint is of.
    pub fn holds(&self, checkpoint: &Checkpoint) -> bool {
        let node = |text: &String| Hash::try_from(unhex(text)?).ok();
        let Some(path) = self.path.iter().map(node).collect::<Option<Vec<Hash>>>() else {
            return false;
        };
        let leaf = &self.entry.leaf;
        let (hash, size) = (leaf.hash(), self.size);
        origin(&leaf.organization) == checkpoint.origin
            && size == checkpoint.size
            && is_whole(&self.entry)
            && merkle::is_included(&hash, leaf.index, size, &path, &checkpoint.root)
    }
}
