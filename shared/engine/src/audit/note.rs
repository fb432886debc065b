//! Signing checkpoints, and checking that one is signed.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use hub_domain::audit::{Checkpoint, LOG, Note, VerifierKey};

use crate::error::EngineError;

/// Signs a text with the key of a seed; the note, and the key that checks it.
pub(super) fn sign(seed: &[u8; 32], text: String) -> Result<(Note, VerifierKey), EngineError> {
    let wrong = || EngineError::Bug {
        context: "reading the platform's audit key",
        source: None,
    };
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong())?;
    let public = pair.public_key().as_ref();
    let key = VerifierKey {
        name: LOG.to_owned(),
        public: public.try_into().map_err(|_| wrong())?,
    };
    let signature = pair.sign(text.as_bytes());
    Ok((Note::signed(text, &key, signature.as_ref()), key))
}

/// The checkpoint that a note holds, if this key signed it.
pub fn open(note: &str, key: &VerifierKey) -> Option<Checkpoint> {
    let note: Note = note.parse().ok()?;
    let public = UnparsedPublicKey::new(&ED25519, key.public);
    let is_signed = note
        .signatures(key)
        .any(|signature| public.verify(note.text.as_bytes(), signature).is_ok());
    is_signed.then(|| Checkpoint::read(&note.text))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair of test 1 of RFC 8032, section 7.1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];

    #[test]
    fn a_note_is_opened_by_its_key_alone() {
        let checkpoint = Checkpoint {
            origin: format!("{LOG}/org_1"),
            size: 3,
            root: [7; 32],
        };
        let text = checkpoint.text("2026-11-20T12:05:00Z".parse().unwrap());
        let (note, key) = sign(&SEED, text).unwrap();
        assert_eq!(key.public[..4], [0xd7, 0x5a, 0x98, 0x01]);
        let note = note.to_string();
        assert_eq!(open(&note, &key), Some(checkpoint));
        assert_eq!(open(&note.replace("\n3\n", "\n4\n"), &key), None);
        assert_eq!(open(&note.replace("org_1", "org_2"), &key), None);
        let (_, other) = sign(&[1; 32], String::new()).unwrap();
        assert_eq!(open(&note, &other), None);
    }

    #[test]
    fn the_notes_of_others_are_opened_too() {
        // Of Go's `sumdb/note`, whose format it is. It is no checkpoint, so there is nothing in it.
        let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap();
        let note: Note = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n\
            \n\
            — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
            .parse()
            .unwrap();
        let public = UnparsedPublicKey::new(&ED25519, key.public);
        let signature = note.signatures(&key).next().unwrap();
        assert!(public.verify(note.text.as_bytes(), signature).is_ok());
    }
}
