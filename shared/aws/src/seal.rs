//! Sealing: AES-256-GCM under a key of a known generation, bound to what the bytes belong to.
//!
//! A sealed value is `version (1) · generation (4, big endian) · nonce (12) · ciphertext · tag
//! (16)`. Version and generation are authenticated too, so no byte of it can change. Version 2 is
//! compressed with zstd first, version 3 too, as what follows a text that both sides know: a session of a
//! few kilobytes hardly repeats itself, but its names and many of its words are everybody's, and each
//! kilobyte is paid for. A plain one cannot be opened as a compressed one. What the caller passes as `aad`
//! (organization, item) must be the same on opening: bytes moved to another owner do not open.

use std::{collections::BTreeMap, fmt, io::Read};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use zeroize::Zeroizing;

use crate::{error::AwsError, seams::Entropy};

/// Parts of a sealed value that go into items of their own. DynamoDB's limit is 400 KB with keys
/// and attributes.
pub const CHUNK_BYTES: usize = 380 * 1024;
/// More than this is neither compressed nor decompressed. A ten-hour session with its transcript is
/// about 2 MiB.
pub const MAX_PLAIN_BYTES: usize = 16 * 1024 * 1024;

const PLAIN: u8 = 1;
const COMPRESSED: u8 = 2;
const COMPRESSED_BY_KNOWN: u8 = 3;
/// What version 3 follows. Never changed, since what is stored needs it: a better one is a version of its own.
const KNOWN: &[u8] = include_bytes!("seal/known_1.txt");
const HEADER_LEN: usize = 5;
const TAG_LEN: usize = 16;
const ZSTD_LEVEL: i32 = 3;
/// 16 MiB of window at most, whatever a frame's header asks for.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

/// A key and its generation.
#[derive(Clone)]
pub struct SealingKey {
    generation: u32,
    key: Zeroizing<[u8; 32]>,
}

impl SealingKey {
    /// A key of the given generation.
    pub fn new(generation: u32, key: [u8; 32]) -> Self {
        Self {
            generation,
            key: Zeroizing::new(key),
        }
    }

    /// Which of an owner's keys this is.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.key.as_slice())
            .ok()
            .map(LessSafeKey::new)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// The key that seals now, and those that opened things before.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: SealingKey,
    older: BTreeMap<u32, SealingKey>,
}

impl KeyRing {
    /// `current` seals; all open.
    pub fn new(current: SealingKey, older: impl IntoIterator<Item = SealingKey>) -> Self {
        Self {
            current,
            older: older.into_iter().map(|key| (key.generation, key)).collect(),
        }
    }

    /// The generation that seals.
    pub fn generation(&self) -> u32 {
        self.current.generation
    }

    /// A keyed hash that tells whether two values are the same and nothing else: 64 bits as base64,
    /// under the oldest key, since a new generation must not make old hashes differ.
    pub fn fingerprint(&self, value: &[u8]) -> String {
        let older = self.older.first_key_value().map(|(_, key)| key);
        let oldest = older
            .filter(|key| key.generation < self.current.generation)
            .unwrap_or(&self.current);
        // A key of its own, derived: the sealing key is for AES alone.
        let sealing = hmac::Key::new(hmac::HMAC_SHA256, oldest.key.as_slice());
        let derived = hmac::sign(&sealing, b"hub fingerprint 1");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), value);
        BASE64_STANDARD_NO_PAD.encode(tag.as_ref().get(..8).unwrap_or_default())
    }

    fn key(&self, generation: u32) -> Option<&SealingKey> {
        if generation == self.current.generation {
            Some(&self.current)
        } else {
            self.older.get(&generation)
        }
    }
}

/// Seals `plain` for the owner that `aad` names. Fails only where `plain` is beyond 64 GiB.
pub fn seal(
    ring: &KeyRing,
    entropy: &Entropy,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, AwsError> {
    seal_as(PLAIN, ring, entropy, aad, plain)
}

/// Opens what `seal` made with the same `aad`.
pub fn open(ring: &KeyRing, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, AwsError> {
    open_as(PLAIN, ring, aad, sealed)
}

/// Compresses, then seals. Refuses what `open_compressed` would not open again.
pub fn seal_compressed(
    ring: &KeyRing,
    entropy: &Entropy,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, AwsError> {
    if plain.len() > MAX_PLAIN_BYTES {
        let message = format!("{} bytes are more than {MAX_PLAIN_BYTES}", plain.len());
        return Err(AwsError::refused("seal", "TooLarge", message));
    }
    let compressed = zstd::bulk::Compressor::with_dictionary(ZSTD_LEVEL, KNOWN)
        .and_then(|mut compressor| compressor.compress(plain))
        .map_err(|error| AwsError::refused("seal", "Compression", error.to_string()))?;
    seal_as(
        COMPRESSED_BY_KNOWN,
        ring,
        entropy,
        aad,
        &Zeroizing::new(compressed),
    )
}

/// Opens what `seal_compressed` made with the same `aad`.
pub fn open_compressed(
    ring: &KeyRing,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, AwsError> {
    let (version, known) = match sealed.first() {
        Some(&COMPRESSED) => (COMPRESSED, [].as_slice()),
        _ => (COMPRESSED_BY_KNOWN, KNOWN),
    };
    let compressed = open_as(version, ring, aad, sealed)?;
    decompress_by(known, &compressed).ok_or(AwsError::Corrupt {
        what: "compressed value",
    })
}

/// The parts to store a sealed value in, in order. Joined they are the value again; a lost, foreign
/// or misplaced part makes it fail to open.
pub fn chunks(sealed: &[u8]) -> impl Iterator<Item = &[u8]> {
    sealed.chunks(CHUNK_BYTES)
}

/// The sealed value of parts in order.
pub fn join<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Vec<u8> {
    parts.into_iter().fold(Vec::new(), |mut whole, part| {
        whole.extend_from_slice(part.as_ref());
        whole
    })
}

fn seal_as(
    version: u8,
    ring: &KeyRing,
    entropy: &Entropy,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, AwsError> {
    let key = &ring.current;
    let nonce = entropy.bytes::<NONCE_LEN>();
    let header = header(version, key.generation);
    // At full size from the start: a buffer that grows leaves plain text behind.
    let mut body = Vec::with_capacity(plain.len() + TAG_LEN);
    body.extend_from_slice(plain);
    key.cipher()
        .and_then(|cipher| {
            let aad = Aad::from([&header, aad].concat());
            cipher
                .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
                .ok()
        })
        .ok_or_else(|| {
            AwsError::refused("seal", "Encryption", "the cipher takes no more than 64 GiB")
        })?;
    Ok([header.as_slice(), &nonce, &body].concat())
}

fn open_as(
    version: u8,
    ring: &KeyRing,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, AwsError> {
    let (header, rest) = sealed
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(AwsError::Corrupt {
            what: "sealed value's header",
        })?;
    let (nonce, body) = rest
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(AwsError::Corrupt {
            what: "sealed value's nonce",
        })?;
    let [found, generation @ ..] = *header;
    if found != version {
        return Err(AwsError::Corrupt {
            what: "sealed value's version",
        });
    }
    let cipher = ring
        .key(u32::from_be_bytes(generation))
        .and_then(SealingKey::cipher)
        .ok_or(AwsError::Corrupt {
            what: "sealed value of an unknown generation",
        })?;
    let mut plain = Zeroizing::new(body.to_vec());
    let aad = Aad::from([header, aad].concat());
    let length = cipher
        .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut plain)
        .map_err(|_| AwsError::Corrupt {
            what: "sealed value",
        })?
        .len();
    plain.truncate(length);
    Ok(plain)
}

fn header(version: u8, generation: u32) -> [u8; HEADER_LEN] {
    let [a, b, c, d] = generation.to_be_bytes();
    [version, a, b, c, d]
}

pub(crate) fn compress(plain: &[u8]) -> Result<Vec<u8>, AwsError> {
    zstd::bulk::compress(plain, ZSTD_LEVEL)
        .map_err(|error| AwsError::refused("seal", "Compression", error.to_string()))
}

/// `None` where the bytes are no zstd frame, or where they would become more than the maximum.
pub(crate) fn decompress(compressed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    decompress_by(&[], compressed)
}

fn decompress_by(known: &[u8], compressed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut decoder = zstd::stream::read::Decoder::with_dictionary(compressed, known).ok()?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).ok()?;
    let mut plain = Zeroizing::new(Vec::new());
    decoder
        .take(MAX_PLAIN_BYTES as u64 + 1)
        .read_to_end(&mut plain)
        .ok()?;
    (plain.len() <= MAX_PLAIN_BYTES).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAD: &[u8] = b"org_1|ses_1";

    fn ring() -> KeyRing {
        KeyRing::new(SealingKey::new(7, [7; 32]), [SealingKey::new(6, [6; 32])])
    }

    fn entropy() -> Entropy {
        Entropy::seeded(1)
    }

    #[test]
    fn what_is_sealed_opens_again() {
        for plain in [b"".as_slice(), b"x", &vec![9; 100_000]] {
            let sealed = seal(&ring(), &entropy(), AAD, plain).unwrap();
            assert_eq!(sealed.len(), 5 + 12 + plain.len() + 16);
            assert_eq!(sealed[..5], [1, 0, 0, 0, 7]);
            assert_eq!(open(&ring(), AAD, &sealed).unwrap().as_slice(), plain);
            let sealed = seal_compressed(&ring(), &entropy(), AAD, plain).unwrap();
            assert_eq!(sealed[..5], [3, 0, 0, 0, 7]);
            assert_eq!(
                open_compressed(&ring(), AAD, &sealed).unwrap().as_slice(),
                plain
            );
        }
    }

    #[test]
    fn the_cipher_is_aes_256_gcm() {
        // Pins the algorithm: computed with Python's cryptography 50, AESGCM(bytes([7]) *
        // 32).encrypt(bytes(12), b"plain", b"\x01\x00\x00\x00\x07" + b"org_1|ses_1").
        let zeros = Entropy::of(|out| out.fill(0));
        let sealed = seal(&ring(), &zeros, AAD, b"plain").unwrap();
        let expected: u128 = 0xa8a5_4dff_3c0b_54b2_9ee1_2b01_ba10_2865;
        assert_eq!(sealed[17..22], [0x11, 0xb4, 0xc5, 0xdb, 0x95]);
        assert_eq!(sealed[22..], expected.to_be_bytes());
    }

    #[test]
    fn an_older_generation_still_opens() {
        let before = KeyRing::new(SealingKey::new(6, [6; 32]), []);
        let sealed = seal(&before, &entropy(), AAD, b"plain").unwrap();
        assert_eq!(open(&ring(), AAD, &sealed).unwrap().as_slice(), b"plain");
    }

    #[test]
    fn no_bit_can_change() {
        let sealed = seal(&ring(), &entropy(), AAD, b"plain").unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[at] ^= 1 << bit;
                assert!(open(&ring(), AAD, &altered).is_err(), "byte {at} bit {bit}");
                assert!(
                    open_compressed(&ring(), AAD, &altered).is_err(),
                    "byte {at} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn one_kind_does_not_open_as_the_other() {
        let plain = seal(&ring(), &entropy(), AAD, b"plain").unwrap();
        assert!(open_compressed(&ring(), AAD, &plain).is_err());
        let compressed = seal_compressed(&ring(), &entropy(), AAD, b"plain").unwrap();
        assert!(open(&ring(), AAD, &compressed).is_err());
    }

    #[test]
    fn another_owner_another_key_or_an_unknown_generation_does_not_open() {
        let sealed = seal(&ring(), &entropy(), AAD, b"plain").unwrap();
        let other_key = KeyRing::new(SealingKey::new(7, [8; 32]), []);
        let other_generation = KeyRing::new(SealingKey::new(8, [7; 32]), []);
        for (ring, aad, what) in [
            (
                &ring(),
                b"org_2|ses_1".as_slice(),
                "sealed value cannot be read",
            ),
            (&ring(), b"".as_slice(), "sealed value cannot be read"),
            (&other_key, AAD, "sealed value cannot be read"),
            (
                &other_generation,
                AAD,
                "sealed value of an unknown generation cannot be read",
            ),
        ] {
            assert_eq!(open(ring, aad, &sealed).unwrap_err().to_string(), what);
        }
    }

    #[test]
    fn a_session_follows_what_everybody_knows_and_older_values_open() {
        let plain = br#"{"organization":"org_9","id":"ses_9","revision":1,"session":{"at":"2026-11-20T15:46:00Z","event":"evt_9"}}"#;
        let older = compress(plain).unwrap();
        let older = seal_as(COMPRESSED, &ring(), &entropy(), AAD, &older).unwrap();
        assert_eq!(
            open_compressed(&ring(), AAD, &older).unwrap().as_slice(),
            plain
        );
        let sealed = seal_compressed(&ring(), &entropy(), AAD, plain).unwrap();
        assert!(sealed.len() + 40 < older.len(), "{}", sealed.len());
        // What is stored cannot be read by any other text.
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, KNOWN);
        assert_eq!(
            BASE64_STANDARD_NO_PAD.encode(hash),
            "No/f0wteHBDtz7cV/Rs4g0Bzg+AJclDojp7tn+HHTKg"
        );
    }

    #[test]
    fn a_truncated_value_does_not_open() {
        let sealed = seal(&ring(), &entropy(), AAD, b"plain").unwrap();
        for length in 0..sealed.len() {
            assert!(open(&ring(), AAD, &sealed[..length]).is_err(), "{length}");
        }
        let sealed = seal_as(
            COMPRESSED,
            &ring(),
            &entropy(),
            AAD,
            &zstd::bulk::compress(&[1; 500], 3).unwrap()[..12],
        );
        assert!(
            open_compressed(&ring(), AAD, &sealed.unwrap()).is_err(),
            "half a frame"
        );
    }

    #[test]
    fn a_bomb_is_refused() {
        let most = vec![0; MAX_PLAIN_BYTES];
        let sealed = seal_compressed(&ring(), &entropy(), AAD, &most).unwrap();
        assert!(sealed.len() < 10_000);
        assert_eq!(
            open_compressed(&ring(), AAD, &sealed).unwrap().len(),
            MAX_PLAIN_BYTES
        );

        let more = vec![0; MAX_PLAIN_BYTES + 1];
        assert!(seal_compressed(&ring(), &entropy(), AAD, &more).is_err());
        let bomb = zstd::bulk::compress(&more, ZSTD_LEVEL).unwrap();
        let bomb = seal_as(COMPRESSED, &ring(), &entropy(), AAD, &bomb).unwrap();
        assert_eq!(
            open_compressed(&ring(), AAD, &bomb)
                .unwrap_err()
                .to_string(),
            "compressed value cannot be read"
        );
    }

    #[test]
    fn chunks_join_in_order_only() {
        let mut noise = vec![0; 1_000_000];
        entropy().fill(&mut noise);
        let sealed = seal_compressed(&ring(), &entropy(), AAD, &noise).unwrap();
        let mut parts: Vec<_> = chunks(&sealed).collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>()[..2],
            [389_120, 389_120]
        );
        assert_eq!(parts.len(), 3);
        assert_eq!(
            open_compressed(&ring(), AAD, &join(&parts))
                .unwrap()
                .as_slice(),
            noise
        );
        assert!(open_compressed(&ring(), AAD, &join(&parts[..2])).is_err());
        parts.swap(0, 1);
        assert!(open_compressed(&ring(), AAD, &join(&parts)).is_err());
    }

    #[test]
    fn debug_does_not_show_keys() {
        let ring = KeyRing::new(
            SealingKey::new(3, [201; 32]),
            [SealingKey::new(2, [202; 32])],
        );
        let shown = format!("{ring:?}");
        assert!(!shown.contains("201") && !shown.contains("202"), "{shown}");
    }
}
