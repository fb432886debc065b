//! A checkpoint as text, signed: C2SP's `tlog-checkpoint` within a `signed-note`.
//!
//! Signing and checking a signature need a key and a crypto library, and are the engine's.
//! <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::merkle::Hash;

/// The algorithm's number in keys and their ids: Ed25519.
const ED25519: u8 = 1;

/// The root of a log at a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// What is signed. The time is an extension line: it says when, and proves nothing.
    pub fn text(&self, at: Timestamp) -> String {
        let root = BASE64_STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\ntime {at}\n", self.origin, self.size)
    }

    /// Reads a text that was signed.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty())?;
        let size = lines.next()?;
        let root = BASE64_STANDARD.decode(lines.next()?).ok()?;
        if lines.any(str::is_empty) {
            return None;
        }
        let read = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: root.try_into().ok()?,
        };
        // One number has one spelling.
        (read.size.to_string() == size).then_some(read)
    }
}

/// A text with signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, with the line feed at its end.
    pub text: String,
    signatures: Vec<(String, Vec<u8>)>,
}

impl Note {
    /// A text signed with one key.
    pub fn signed(text: String, key: &VerifierKey, signature: &[u8]) -> Self {
        let bytes = [&key.id(), signature].concat();
        Self {
            text,
            signatures: vec![(key.name.clone(), bytes)],
        }
    }

    /// The signatures that say they are of this key.
    pub fn signatures<'a>(&'a self, key: &'a VerifierKey) -> impl Iterator<Item = &'a [u8]> {
        let id = key.id();
        let named = self
            .signatures
            .iter()
            .filter(move |(name, _)| *name == key.name);
        named.filter_map(move |(_, bytes)| bytes.strip_prefix(&id[..]))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for (name, bytes) in &self.signatures {
            writeln!(f, "— {name} {}", BASE64_STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

/// Why a text is no note or no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no signed note.
    #[error("it is no signed note")]
    Note,
    /// It is no key.
    #[error("it is no Ed25519 verifier key: <name>+<8 hex digits>+<base64>")]
    Key,
}

impl FromStr for Note {
    type Err = Malformed;

    fn from_str(note: &str) -> Result<Self, Malformed> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(Malformed::Note)?;
        let read = |line: &str| {
            let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
            Some((name.to_owned(), BASE64_STANDARD.decode(bytes).ok()?))
        };
        let signatures: Option<Vec<_>> = signatures.lines().map(read).collect();
        Ok(Self {
            text: format!("{text}\n"),
            signatures: signatures
                .filter(|signatures| !signatures.is_empty())
                .ok_or(Malformed::Note)?,
        })
    }
}

/// The public half of a key that signs checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    /// Its name.
    pub name: String,
    /// The key.
    pub public: [u8; 32],
}

impl VerifierKey {
    /// What a signature begins with, to say which key made it.
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.public)
            .finalize();
        let [a, b, c, d, ..] = <Hash>::from(hash);
        [a, b, c, d]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519][..], &self.public].concat());
        write!(f, "{}+{}+{key}", self.name, super::hex(&self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let read = || {
            let (name, rest) = text.split_once('+')?;
            let (id, key) = rest.split_once('+')?;
            let key = BASE64_STANDARD.decode(key).ok()?;
            let read = Self {
                name: name.to_owned(),
                public: key.strip_prefix(&[ED25519])?.try_into().ok()?,
            };
            (!name.is_empty() && super::hex(&read.id()) == id).then_some(read)
        };
        read().ok_or(Malformed::Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `sumdb/note`, whose format this is: its key, and a note it signed.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn keys_and_notes_are_those_of_the_format_s_own_example() {
        let key: VerifierKey = GO_KEY.parse().unwrap();
        assert_eq!(key.name, "PeterNeumann");
        assert_eq!(key.to_string(), GO_KEY);
        let note: Note = GO_NOTE.parse().unwrap();
        assert!(note.text.ends_with("problem is.\n"));
        assert_eq!(
            note.signatures(&key).map(<[u8]>::len).collect::<Vec<_>>(),
            [64]
        );
        assert_eq!(note.to_string(), GO_NOTE);
        let other = VerifierKey {
            public: [0; 32],
            ..key.clone()
        };
        assert_eq!(note.signatures(&other).count(), 0);
        for wrong in [
            "",
            "a+b",
            &GO_KEY.replace("c74f20a3", "c74f20a4"),
            &GO_KEY.replace("+AR", "+AB"),
        ] {
            assert_eq!(wrong.parse::<VerifierKey>(), Err(Malformed::Key), "{wrong}");
        }
        for wrong in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n- a b\n",
            "text\n\n— a !\n",
        ] {
            assert_eq!(wrong.parse::<Note>(), Err(Malformed::Note), "{wrong}");
        }
    }

    #[test]
    fn a_checkpoint_is_three_lines_and_more() {
        // The specification's example.
        let text =
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let read = Checkpoint::read(text).unwrap();
        assert_eq!(
            (read.origin.as_str(), read.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        let at = "2026-11-20T12:05:00Z".parse().unwrap();
        assert_eq!(read.text(at), format!("{text}time 2026-11-20T12:05:00Z\n"));
        assert_eq!(Checkpoint::read(&read.text(at)), Some(read));
        for wrong in [
            "",
            "a\n1\n",
            "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n1\nCsU=\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nb\n",
        ] {
            assert_eq!(Checkpoint::read(wrong), None, "{wrong:?}");
        }
    }
}
