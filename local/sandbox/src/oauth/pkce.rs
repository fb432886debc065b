//! The proof that who redeems a code is who asked for it (RFC 7636).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[derive(Debug, Clone)]
pub(crate) enum Challenge {
    S256(String),
    Plain(String),
}

impl Challenge {
    pub(crate) fn is_met(&self, verifier: &str) -> bool {
        match self {
            Self::S256(challenge) => *challenge == s256(verifier),
            Self::Plain(challenge) => challenge == verifier,
        }
    }
}

/// The S256 challenge of a verifier.
pub(crate) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

/// Whether a text has the form of a verifier, and so of a challenge: 43 to 128 unreserved
/// characters.
pub(crate) fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(s256(verifier), challenge);
        assert!(Challenge::S256(challenge.to_owned()).is_met(verifier));
        assert!(!Challenge::S256(challenge.to_owned()).is_met(challenge));
        assert!(Challenge::Plain(verifier.to_owned()).is_met(verifier));
        assert!(is_verifier(verifier) && !is_verifier("short") && !is_verifier(&"+".repeat(43)));
    }
}
