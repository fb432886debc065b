//! Certificates made for one test: X.509 of version 3 (RFC 5280), written as DER by hand, signed with ECDSA on P-256.
//! No file of them lies in the repository, so none expires there and no key is kept.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// ecdsa-with-SHA256, id-ecPublicKey, prime256v1, commonName, subjectAltName, basicConstraints.
const ECDSA: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const ALT_NAME: &[u8] = &[0x06, 3, 0x55, 0x1d, 17];
const CONSTRAINTS: &[u8] = &[0x06, 3, 0x55, 0x1d, 19];
const TRUE: &[u8] = &[1, 1, 0xff];

/// A tag, the length, and what is in it.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut whole = vec![tag];
    match length {
        [0, short @ 0..=0x7f] => whole.push(short),
        [0, byte] => whole.extend([0x81, byte]),
        [high, low] => whole.extend([0x82, high, low]),
    }
    whole.extend(content);
    whole
}

fn name(text: &str) -> Vec<u8> {
    let text = der(0x0c, &[text.as_bytes()]);
    let attribute = der(SEQUENCE, &[COMMON_NAME, &text]);
    der(SEQUENCE, &[&der(SET, &[&attribute])])
}

/// Somebody with a name and a key.
pub(super) struct Party {
    name: &'static str,
    key: EcdsaKeyPair,
}

impl Party {
    pub(super) fn new(name: &'static str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { name, key }
    }

    pub(super) fn private_key(&self) -> PrivateKeyDer<'static> {
        let key = self.key.to_pkcs8v1().unwrap();
        PrivatePkcs8KeyDer::from(key.as_ref().to_vec()).into()
    }

    /// A certificate of an authority, signed by itself.
    pub(super) fn authority(&self) -> CertificateDer<'static> {
        let constraints = der(4, &[&der(SEQUENCE, &[TRUE])]);
        let extension = der(SEQUENCE, &[CONSTRAINTS, TRUE, &constraints]);
        self.sign(self, ["20200101", "21200101"], &extension)
    }

    /// A certificate for a host, from one day to another (`20260101`), signed by this.
    pub(super) fn certify(
        &self,
        subject: &Self,
        host: &str,
        days: [&str; 2],
    ) -> CertificateDer<'static> {
        let names = der(4, &[&der(SEQUENCE, &[&der(0x82, &[host.as_bytes()])])]);
        self.sign(subject, days, &der(SEQUENCE, &[ALT_NAME, &names]))
    }

    fn sign(&self, subject: &Self, days: [&str; 2], extension: &[u8]) -> CertificateDer<'static> {
        let algorithm = der(SEQUENCE, &[ECDSA]);
        let [from, until] = days.map(|day| der(0x18, &[format!("{day}000000Z").as_bytes()]));
        let key = subject.key.public_key().as_ref();
        let key = der(3, &[&[0], key]);
        let key = der(SEQUENCE, &[&der(SEQUENCE, &[EC_KEY, P256]), &key]);
        let content = der(
            SEQUENCE,
            &[
                // Version 3, and a serial number.
                &der(0xa0, &[&[2, 1, 2]]),
                &[2, 1, 1],
                &algorithm,
                &name(self.name),
                &der(SEQUENCE, &[&from, &until]),
                &name(subject.name),
                &key,
                &der(0xa3, &[&der(SEQUENCE, &[extension])]),
            ],
        );
        let signature = self.key.sign(&SystemRandom::new(), &content).unwrap();
        let signature = der(3, &[&[0], signature.as_ref()]);
        der(SEQUENCE, &[&content, &algorithm, &signature]).into()
    }
}
