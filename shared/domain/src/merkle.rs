//! The Merkle tree of RFC 6962, section 2.1, over SHA-256: roots, and proofs that a leaf is in a
//! tree and that a tree is the beginning of another.
//!
//! A tree that grows is kept as its [`Frontier`]: the roots of its whole subtrees, at most 64, which
//! is all that appending needs.
//! <https://www.rfc-editor.org/rfc/rfc6962#section-2.1>,
//! <https://www.rfc-editor.org/rfc/rfc9162#section-2.1>

use sha2::{Digest, Sha256};

/// A hash.
pub type Hash = [u8; 32];

/// The hash of a leaf's bytes. The prefix keeps a leaf from passing for a node.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The roots of the whole subtrees of a tree, largest first: one per bit of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// A frontier as it was kept. `None` if there are not as many roots as a tree of this size has.
    pub fn of(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (u32::try_from(roots.len()) == Ok(size.count_ones())).then_some(Self { size, roots })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots, largest subtree first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        // Each trailing one of the size is a whole subtree as large as what is being added.
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().unwrap_or_default();
            root = node_hash(&left, &root);
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut smaller_first = self.roots.iter().rev();
        let Some(last) = smaller_first.next() else {
            return Sha256::digest([]).into();
        };
        smaller_first.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root of the tree over these leaves' hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The largest power of two below `size`, which is at least 2: where the tree divides.
fn split(size: usize) -> usize {
    1 << (usize::BITS - 1 - (size - 1).leading_zeros())
}

/// The proof that a leaf is in the tree over these leaves' hashes, lowest node first. Empty for an
/// index that is not in it.
pub fn inclusion(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if index >= leaves.len() || leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, other) = if index < left.len() {
        (inclusion(left, index), right)
    } else {
        (inclusion(right, index - left.len()), left)
    };
    proof.push(root(other));
    proof
}

/// Whether a leaf is in the tree of this size and root, at this index: RFC 9162, section 2.1.3.2.
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for node in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(node, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, node);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The proof that the tree over the first `size` of these leaves' hashes is the beginning of the
/// tree over all of them. Empty for a size that needs none, or that is larger.
pub fn consistency(leaves: &[Hash], size: usize) -> Vec<Hash> {
    fn subproof(leaves: &[Hash], size: usize, is_known: bool) -> Vec<Hash> {
        if size == leaves.len() {
            return if is_known {
                Vec::new()
            } else {
                vec![root(leaves)]
            };
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut proof, other) = if size <= left.len() {
            (subproof(left, size, is_known), right)
        } else {
            (subproof(right, size - left.len(), false), left)
        };
        proof.push(root(other));
        proof
    }
    if size == 0 || size > leaves.len() {
        return Vec::new();
    }
    subproof(leaves, size, true)
}

/// Whether a tree is the beginning of another: RFC 9162, section 2.1.4.2. Each is size and root.
pub fn is_consistent(first: (u64, &Hash), second: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((first_size, first_root), (second_size, second_root)) = (first, second);
    if first_size == 0 || first_size >= second_size {
        // An empty tree is the beginning of every tree; a tree of the same size must be the same.
        return proof.is_empty()
            && (first_size == 0 || (first_size == second_size && first_root == second_root));
    }
    let mut proof = proof.iter();
    let (mut at, mut last) = (first_size - 1, second_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // A first tree that is one whole subtree is itself where the proof begins.
    let begin = if first_size.is_power_of_two() {
        Some(first_root)
    } else {
        proof.next()
    };
    let Some(begin) = begin else { return false };
    let (mut old, mut new) = (*begin, *begin);
    for node in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node_hash(node, &old);
            new = node_hash(node, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, node);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

#[cfg(test)]
mod tests;
