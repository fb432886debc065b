//! Secrets that a CRM says back to us, taken out before anybody reads its answer: what it says of an
//! error is shown to people and logged.

use bytes::Bytes;

/// What stands in a secret's place.
const MASK: &[u8] = b"***";
/// Shorter texts are no secrets, and stand everywhere.
const SHORTEST: usize = 8;

/// The text without the secrets. What holds none is not copied.
pub(crate) fn masked<'a>(mut text: Bytes, secrets: impl IntoIterator<Item = &'a str>) -> Bytes {
    for secret in secrets {
        let secret = secret.as_bytes();
        if secret.len() >= SHORTEST && find(&text, secret).is_some() {
            text = without(&text, secret);
        }
    }
    text
}

fn find(text: &[u8], secret: &[u8]) -> Option<usize> {
    let first = secret.first()?;
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if text.get(at..)?.starts_with(secret) {
            return Some(at);
        }
        from = at + 1;
    }
}

fn without(mut text: &[u8], secret: &[u8]) -> Bytes {
    let mut kept = Vec::with_capacity(text.len());
    while let Some(at) = find(text, secret) {
        let (before, rest) = text.split_at(at);
        kept.extend_from_slice(before);
        kept.extend_from_slice(MASK);
        text = rest.get(secret.len()..).unwrap_or_default();
    }
    kept.extend_from_slice(text);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_occurrence_goes() {
        let cases: [(&str, &[&str], &str); 6] = [
            ("nothing", &["secret-1"], "nothing"),
            ("secret-1", &["secret-1"], "***"),
            ("a secret-1secret-1 b", &["secret-1"], "a ****** b"),
            (
                "ssecret-1, secret-2",
                &["secret-1", "secret-2"],
                "s***, ***",
            ),
            ("short", &["short", ""], "short"),
            ("secret-", &["secret-1"], "secret-"),
        ];
        for (text, secrets, expected) in cases {
            let found = masked(Bytes::from(text), secrets.iter().copied());
            assert_eq!(found, expected, "{text}");
        }
    }
}
