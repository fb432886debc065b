//! The vectors of Certificate Transparency's own tests, and every small tree against every proof.

use super::*;
use crate::audit::hex;

/// The leaves of `cpp/merkletree/merkle_tree_test.cc` of certificate-transparency, in hex.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
/// The roots of the trees over the first one, two, … of them, from the same file.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hashes(leaves: &[&[u8]]) -> Vec<Hash> {
    leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
}

fn many(count: u32) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn texts(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| hex(hash)).collect()
}

#[test]
fn roots_are_the_published_ones() {
    assert_eq!(
        hex(&root(&[])),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (index, expected) in ROOTS.iter().enumerate() {
        assert_eq!(hex(&root(&hashes(&LEAVES[..=index]))), *expected);
    }
}

#[test]
fn proofs_are_the_published_ones() {
    let leaves = hashes(&LEAVES);
    // Of the same file, leaf and size counted from 1: (1, 8), (6, 8), (3, 3), (2, 5).
    let path = |leaf: usize, size: usize| texts(&inclusion(&leaves[..size], leaf - 1));
    assert_eq!(
        path(1, 8),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
    assert_eq!(
        path(6, 8),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        path(3, 3),
        ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]
    );
    assert_eq!(
        path(2, 5),
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]
    );
    // First and second size: (1, 1), (1, 8), (6, 8), (2, 5).
    let between = |first: usize, second: usize| texts(&consistency(&leaves[..second], first));
    assert_eq!(between(1, 1), [""; 0]);
    assert_eq!(between(1, 8), path(1, 8));
    assert_eq!(
        between(6, 8),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        between(2, 5),
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]
    );
}

#[test]
fn a_frontier_grows_as_the_tree_does() {
    let leaves = many(130);
    let mut frontier = Frontier::default();
    for size in 0..leaves.len() {
        assert_eq!(frontier.root(), divided(&leaves[..size]));
        assert_eq!(frontier.size(), size as u64);
        let kept = Frontier::of(frontier.size(), frontier.roots().to_vec());
        assert_eq!(kept.as_ref(), Some(&frontier));
        frontier.push(leaves[size]);
    }
    assert_eq!(Frontier::of(3, vec![[0; 32]]), None);
}

/// The root as the RFC defines it, from the top down.
fn divided(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&divided(left), &divided(right))
        }
    }
}

#[test]
fn every_proof_of_every_small_tree_holds_and_holds_for_nothing_else() {
    let leaves = many(34);
    for size in 1..=leaves.len() {
        let tree = &leaves[..size];
        let top = root(tree);
        for (index, leaf) in tree.iter().enumerate() {
            let proof = inclusion(tree, index);
            let included = |leaf: &Hash, index: usize, size: usize, proof: &[Hash]| {
                is_included(leaf, index as u64, size as u64, proof, &top)
            };
            assert!(included(leaf, index, size, &proof));
            assert!(!included(&top, index, size, &proof) || size == 1);
            assert!(!included(leaf, index + 1, size, &proof));
            assert!(!included(leaf, size, size, &proof));
            let longer = [&proof[..], &[top]].concat();
            assert!(!included(leaf, index, size, &longer));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(!included(leaf, index, size, shorter));
            }
        }
        for first in 0..=size {
            let before = root(&leaves[..first]);
            let proof = consistency(tree, first);
            let consistent = |before: &Hash, top: &Hash, proof: &[Hash]| {
                is_consistent((first as u64, before), (size as u64, top), proof)
            };
            assert!(consistent(&before, &top, &proof), "{first} of {size}");
            let other = leaf_hash(b"other");
            assert_eq!(consistent(&other, &top, &proof), first == 0);
            assert_eq!(consistent(&before, &other, &proof), first == 0);
            assert!(!consistent(&before, &top, &[&proof[..], &[top]].concat()));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(!consistent(&before, &top, shorter));
            }
        }
    }
    assert!(!is_consistent(
        (5, &root(&leaves[..5])),
        (4, &root(&leaves[..4])),
        &[]
    ));
}
