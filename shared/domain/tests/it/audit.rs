//! Trials of tampering: a log is changed in every way there is, and one earlier checkpoint must be
//! enough to see it; an untouched log must never alarm. More trials by `AUDIT_TRIALS`, as
//! `just nightly` does.

use std::{collections::BTreeMap, io::Write as _};

use hub_domain::{
    Timestamp,
    audit::{
        Checkpoint, Content, Entry, Evidence, Finding, Leaf, Proof, hex, origin, verify::verify,
    },
    merkle::Frontier,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Leaves of a log in the trials: from none to this many.
const MOST: u64 = 300;
const TRIALS: u64 = 2_000;

/// splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// A place of a list.
    fn place(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64)).unwrap()
    }
}

/// A signature stands in for Ed25519, so that a trial costs microseconds: a keyed hash.
fn sign(key: &str, checkpoint: &Checkpoint) -> String {
    let text = checkpoint.text(Timestamp::UNIX_EPOCH);
    format!("{text}\n{}", hex(&Sha256::digest(format!("{key}{text}"))))
}

fn open(key: &str, note: &str) -> Option<Checkpoint> {
    let (text, signature) = note.split_once("\n\n")?;
    let text = format!("{text}\n");
    (hex(&Sha256::digest(format!("{key}{text}"))) == signature).then(|| Checkpoint::read(&text))?
}

/// A log as an export shows it.
#[derive(Clone)]
struct Log {
    entries: Vec<Entry>,
    checkpoints: Vec<Checkpoint>,
    /// What the checkpoints are signed with.
    key: &'static str,
}

impl Log {
    fn grown(chance: &mut Chance, size: u64) -> Self {
        let mut log = Self {
            entries: (0..size).map(|index| entry(chance, index)).collect(),
            checkpoints: Vec::new(),
            key: "the platform's",
        };
        let mut at = 0;
        let mut sizes = Vec::new();
        while at < size {
            at = size.min(at + 1 + chance.below(20));
            sizes.push(at);
        }
        log.checkpoints = log.checkpoints_at(sizes);
        log
    }

    /// Checkpoints over what is there now; a size that is larger than the log counts as its own.
    fn checkpoints_at(&self, sizes: impl IntoIterator<Item = u64>) -> Vec<Checkpoint> {
        let mut frontier = Frontier::default();
        let mut entries = self.entries.iter();
        let grown_to = |size| {
            while frontier.size() < size
                && let Some(entry) = entries.next()
            {
                frontier.push(entry.leaf.hash());
            }
            Checkpoint {
                origin: origin(&"org_1".parse().unwrap()),
                size: frontier.size(),
                root: frontier.root(),
            }
        };
        sizes.into_iter().map(grown_to).collect()
    }

    /// What whoever has a key could do: new checkpoints over what is there now.
    fn sign_again(&mut self, key: &'static str) {
        self.checkpoints = self.checkpoints_at(self.checkpoints.iter().map(|one| one.size));
        self.key = key;
    }

    fn number_again(&mut self) {
        for (index, entry) in (0..).zip(&mut self.entries) {
            entry.leaf.index = index;
        }
    }

    fn findings(&self, held: &Checkpoint) -> Vec<Finding> {
        let notes: Vec<String> = self
            .checkpoints
            .iter()
            .map(|one| sign(self.key, one))
            .collect();
        verify(&self.entries, &notes, held, |note| {
            open("the platform's", note)
        })
        .findings
    }
}

fn entry(chance: &mut Chance, index: u64) -> Entry {
    let second = 1_795_176_000 + i64::try_from(index).unwrap();
    let content = Content {
        actor: None,
        at: Timestamp::from_second(second).unwrap(),
        data: json!({ "value": chance.next() }),
        kind: ["connection_changed", "delivery_outcome"][chance.place(2)].to_owned(),
        subject: format!("conn_{}", chance.next()),
    };
    let evidence = Evidence {
        salt: hex(&Sha256::digest(chance.next().to_be_bytes())),
        content: serde_json::to_string(&content).unwrap(),
    };
    let leaf = Leaf {
        at: content.at,
        commitment: evidence.commitment(),
        index,
        kind: content.kind,
        organization: "org_1".parse().unwrap(),
        subject: content.subject,
    };
    Entry {
        leaf,
        evidence: Some(evidence),
    }
}

/// One way to tamper: with an entry before `covered`, of which there is at least one.
type Way = fn(&mut Chance, &mut Log, usize);

const WAYS: &[(&str, Way)] = &[
    ("edit of a leaf", edit),
    ("edit of evidence", edit_evidence),
    ("exchange of evidence", exchange_evidence),
    ("edit of a leaf with its evidence", edit_both),
    ("deletion", delete),
    ("insertion", insert),
    ("reordering", reorder),
    ("truncation", truncate),
    ("rewrite from a leaf on", rewrite),
    ("another organization's log", foreign),
];

fn edit(chance: &mut Chance, log: &mut Log, covered: usize) {
    let leaf = &mut log.entries[chance.place(covered)].leaf;
    match chance.below(6) {
        0 => {
            let later = leaf.at.checked_add(std::time::Duration::from_secs(1));
            leaf.at = later.unwrap();
        }
        1 => leaf.commitment.replace_range(
            ..1,
            if leaf.commitment.starts_with('0') {
                "1"
            } else {
                "0"
            },
        ),
        2 => leaf.index += 1 + chance.below(3),
        3 => leaf.kind.push('_'),
        4 => leaf.organization = "org_2".parse().unwrap(),
        _ => leaf.subject.push('0'),
    }
}

fn edit_evidence(chance: &mut Chance, log: &mut Log, covered: usize) {
    let evidence = log.entries[chance.place(covered)]
        .evidence
        .as_mut()
        .unwrap();
    match chance.below(3) {
        0 => evidence.salt.replace_range(
            ..1,
            if evidence.salt.starts_with('0') {
                "1"
            } else {
                "0"
            },
        ),
        1 => evidence.content.push(' '),
        _ => evidence.content = evidence.content.replace("value", "other"),
    }
}

fn exchange_evidence(chance: &mut Chance, log: &mut Log, covered: usize) {
    let at = chance.place(covered);
    // With the next one's, or where there is none with one of the same look.
    let other = match log.entries.get(at + 1) {
        Some(next) => next.evidence.clone(),
        None => entry(chance, log.entries[at].leaf.index).evidence,
    };
    log.entries[at].evidence = other;
}

/// Leaf and evidence fit each other; only the tree can tell.
fn edit_both(chance: &mut Chance, log: &mut Log, covered: usize) {
    let at = chance.place(covered);
    log.entries[at] = entry(chance, at as u64);
}

fn delete(chance: &mut Chance, log: &mut Log, covered: usize) {
    log.entries.remove(chance.place(covered));
    if chance.below(2) == 0 {
        log.number_again();
    }
}

fn insert(chance: &mut Chance, log: &mut Log, covered: usize) {
    let at = chance.place(covered);
    log.entries.insert(at, entry(chance, at as u64));
    if chance.below(2) == 0 {
        log.number_again();
    }
}

fn reorder(chance: &mut Chance, log: &mut Log, covered: usize) {
    let (one, other) = (chance.place(covered), chance.place(log.entries.len()));
    if one == other {
        log.entries.rotate_left(1);
    } else {
        log.entries.swap(one, other);
    }
    // A log of one leaf has no other order.
    if log.entries.len() == 1 {
        return delete(chance, log, covered);
    }
    if chance.below(2) == 0 {
        log.number_again();
    }
}

fn truncate(chance: &mut Chance, log: &mut Log, covered: usize) {
    log.entries.truncate(chance.place(covered));
}

fn rewrite(chance: &mut Chance, log: &mut Log, covered: usize) {
    for at in chance.place(covered)..log.entries.len() {
        log.entries[at] = entry(chance, at as u64);
    }
}

fn foreign(_: &mut Chance, log: &mut Log, _: usize) {
    for entry in &mut log.entries {
        entry.leaf.organization = "org_2".parse().unwrap();
    }
}

/// The number of trials, by the environment or as for every commit.
fn trials() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test runs is not configuration"
    )]
    let asked = std::env::var("AUDIT_TRIALS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(TRIALS)
}

#[test]
fn tampering_is_found_with_one_earlier_checkpoint() {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..trials() {
        let mut chance = Chance(seed);
        // More small logs than large ones.
        let most = 1 + chance.below(MOST);
        let size = 1 + chance.below(most);
        let log = Log::grown(&mut chance, size);
        let held = log.checkpoints[chance.place(log.checkpoints.len())].clone();
        assert_eq!(log.findings(&held), [], "seed {seed}: a clean log");
        let (name, tamper) = WAYS[chance.place(WAYS.len())];
        let mut tampered = log.clone();
        // Somebody with the platform's key signs whatever they made, somebody with another key tries
        // to; either way what the held checkpoint covers is safe. Without a key, so is all that the
        // export's own checkpoints cover.
        let who = ["with the key", "with another key", "without a key"][chance.place(3)];
        let covered = if who == "without a key" {
            size
        } else {
            held.size
        };
        tamper(
            &mut chance,
            &mut tampered,
            usize::try_from(covered).unwrap(),
        );
        match who {
            "with the key" => tampered.sign_again("the platform's"),
            "with another key" => tampered.sign_again("another"),
            _ => {}
        }
        assert_ne!(tampered.findings(&held), [], "seed {seed}: {name} {who}");
        *counts.entry(name).or_default() += 1;
    }
    // Past the capture of the test's output: these are figures of docs/proof.json.
    let _ = writeln!(
        std::io::stderr(),
        "tampering: {} trials, all found: {counts:?}",
        trials()
    );
}

#[test]
fn clean_logs_never_alarm() {
    let mut checked = 0;
    for size in 0..=MOST {
        let mut chance = Chance(size);
        let mut log = Log::grown(&mut chance, size);
        // Erasure takes evidence away and nothing else.
        for entry in &mut log.entries {
            if chance.below(4) == 0 {
                entry.evidence = None;
            }
        }
        // Every earlier checkpoint of a small log, and in a long run of each; otherwise one.
        let one = chance.below(size + 1);
        let earlier =
            (0..=size).filter(|earlier| size < 20 || *earlier == one || trials() > TRIALS);
        for held in log.checkpoints_at(earlier) {
            assert_eq!(log.findings(&held), [], "{} of {size}", held.size);
            checked += 1;
        }
    }
    let _ = writeln!(std::io::stderr(), "clean logs: {checked} checks, no alarm");
}

#[test]
fn one_entry_is_proved_without_the_others() {
    let mut chance = Chance(2);
    let log = Log::grown(&mut chance, 60);
    let checkpoints = log.checkpoints_at([1, 37, 60]);
    for held in &checkpoints {
        for index in 0..usize::try_from(held.size).unwrap() {
            let proof = Proof::of(&log.entries, index, held.size).unwrap();
            assert!(proof.holds(held), "{index} of {}", held.size);
            for other in checkpoints.iter().filter(|other| *other != held) {
                assert!(!proof.holds(other));
            }
            let with = |change: &dyn Fn(&mut Proof)| {
                let mut changed = proof.clone();
                change(&mut changed);
                changed.holds(held)
            };
            assert!(with(&|proof| proof.entry.evidence = None), "erased");
            assert!(!with(&|proof| proof.entry.leaf.subject.push('0')));
            assert!(!with(&|proof| proof.entry.leaf.index += 1));
            assert!(!with(&|proof| {
                let evidence = proof.entry.evidence.as_mut().unwrap();
                evidence.content.push(' ');
            }));
            assert!(!with(&|proof| proof.path.push("00".repeat(32))));
            assert!(!with(&|proof| proof.path.push("00".to_owned())));
        }
        let size = usize::try_from(held.size).unwrap();
        assert_eq!(Proof::of(&log.entries, size, held.size), None);
    }
    assert_eq!(Proof::of(&log.entries, 0, 61), None);
}

#[test]
fn findings_name_the_leaf_where_they_can() {
    let mut chance = Chance(1);
    let log = Log::grown(&mut chance, 50);
    let held = log.checkpoints_at([50]).remove(0);
    let found = |change: &dyn Fn(&mut Log)| {
        let mut log = log.clone();
        change(&mut log);
        log.findings(&held)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(&|log| log.entries[7].evidence.as_mut().unwrap().content.push(' ')),
        ["leaf 7: it and its evidence do not belong together"]
    );
    let range = |log: &Log, at: u64| {
        let sizes = log.checkpoints.iter().map(|one| one.size);
        let to = sizes.clone().find(|size| *size > at).unwrap();
        let from = sizes.filter(|size| *size <= at).max().unwrap_or_default();
        format!(
            "leaves {from} to {}: they do not lead to the checkpoint over {to} leaves",
            to - 1
        )
    };
    assert_eq!(
        found(&|log| log.entries[30].leaf.subject.push('0')),
        [
            "leaf 30: it and its evidence do not belong together".to_owned(),
            range(&log, 30)
        ]
    );
    let deleted = found(&|log| drop(log.entries.remove(30)));
    assert_eq!(
        deleted[0],
        "leaf 30: a leaf with index 31 stands there; one was inserted, deleted or moved"
    );
    assert_eq!(
        found(&|log| log.entries.truncate(49)),
        ["a checkpoint covers 50 leaves, and the export has 49"]
    );
    assert_eq!(
        found(&|log| log.key = "another")[0],
        "checkpoint 0 of the export is not signed by the key"
    );
}
