//! Ids, secrets and tokens that look random and are not: they depend on the seed alone, so a run can
//! be repeated. They are worthless anywhere else.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Noise {
    key: hmac::Key,
    count: u64,
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()),
            count: 0,
        }
    }

    /// A label nobody had before.
    pub(crate) fn label(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}/{}", self.count)
    }

    fn bytes(&self, label: &str) -> Vec<u8> {
        hmac::sign(&self.key, label.as_bytes()).as_ref().to_vec()
    }

    /// Letters, digits, `-` and `_`; the same label gives the same text.
    pub(crate) fn text(&self, label: &str, length: usize) -> String {
        self.blocks(label, length, |bytes| URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex(&self, label: &str, length: usize) -> String {
        self.blocks(label, length, hex)
    }

    fn blocks(&self, label: &str, length: usize, write: impl Fn(&[u8]) -> String) -> String {
        let mut text = String::new();
        let mut block = 0;
        while text.len() < length {
            text.push_str(&write(&self.bytes(&format!("{label}/{block}"))));
            block += 1;
        }
        text.truncate(length);
        text
    }

    /// 32 bytes as base64, padded.
    pub(crate) fn base64(&self, label: &str) -> String {
        BASE64_STANDARD.encode(self.bytes(label))
    }

    /// A GUID.
    pub(crate) fn guid(&self, label: &str) -> String {
        let hex = hex(&self.bytes(label));
        hex.chars()
            .take(32)
            .enumerate()
            .fold(String::new(), |mut text, (place, digit)| {
                if matches!(place, 8 | 12 | 16 | 20) {
                    text.push('-');
                }
                text.push(digit);
                text
            })
    }

    /// A number of that many digits at most, from `least`.
    pub(crate) fn number(&self, label: &str, least: u64) -> u64 {
        let bytes = self.bytes(label);
        let some = bytes.iter().take(4);
        least + some.fold(0, |number, byte| number << 8 | u64::from(*byte)) % least.max(1)
    }

    /// Text under a label of its own.
    pub(crate) fn fresh(&mut self, what: &str, length: usize) -> String {
        let label = self.label(what);
        self.text(&label, length)
    }

    /// A signed JSON web token; nobody outside has the key.
    pub(crate) fn jwt(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(&json!({ "alg": "HS256", "typ": "JWT" })),
            part(claims)
        );
        let tag = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_and_another_another() {
        let (one, same, other) = (Noise::new(1), Noise::new(1), Noise::new(2));
        assert_eq!(one.guid("a"), same.guid("a"));
        assert_ne!(one.guid("a"), one.guid("b"));
        assert_ne!(one.guid("a"), other.guid("a"));
        assert_eq!(one.guid("a").len(), 36);
        assert_eq!(one.hex("a", 40).len(), 40);
        assert_eq!(one.jwt(&json!({})).split('.').count(), 3);
        assert!((1_000..2_000).contains(&one.number("a", 1_000)));
    }
}
