//! Markers in the events of the laboratory, by which their content is known again wherever a CRM keeps it:
//! `lab:{part}:v{version}:`, where the part is what stands or falls by itself.

use std::collections::BTreeMap;

/// Versions by part.
pub type Versions = BTreeMap<String, u32>;

/// The marker of a version of a part.
pub(crate) fn marker(part: &str, version: u32) -> String {
    format!("lab:{part}:v{version}:")
}

/// Every marker in a text, in its order.
pub(crate) fn all(text: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for after in text.split("lab:").skip(1) {
        let mut pieces = after.split(':');
        let part = pieces.next().unwrap_or_default();
        let version = pieces.next().and_then(|piece| piece.strip_prefix('v'));
        if let (Some(Ok(version)), Some(_)) = (version.map(str::parse), pieces.next()) {
            found.push((part.to_owned(), version));
        }
    }
    found
}

/// The newest version of each part in a text.
pub(crate) fn newest(text: &str) -> Versions {
    let mut newest = Versions::new();
    for (part, version) in all(text) {
        let known = newest.entry(part).or_insert(version);
        *known = version.max(*known);
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_found_again() {
        let text = format!(
            "<p>{} and {}, {}</p>",
            marker("s1", 1),
            marker("s1", 12),
            marker("s1-a", 2)
        );
        let found = [
            ("s1".to_owned(), 1),
            ("s1".to_owned(), 12),
            ("s1-a".to_owned(), 2),
        ];
        assert_eq!(all(&text), found);
        assert_eq!(
            newest(&text),
            Versions::from([("s1".to_owned(), 12), ("s1-a".to_owned(), 2)])
        );
        assert!(all("lab:s1:v1 lab:s1:x1: lab:").is_empty());
    }
}
