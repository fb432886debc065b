//! Our key in a text that people read, for CRMs that have no other place for it.

/// How it stands there.
const OPEN: &str = "[liveprompt ";
const CLOSE: char = ']';

/// The key as it stands in a text.
pub(crate) fn marker(key: &str) -> String {
    format!("{OPEN}{key}{CLOSE}")
}

/// The key that a text holds: that of the last line of ours.
pub(crate) fn key_in(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once(OPEN)?;
    let (key, _) = rest.split_once(CLOSE)?;
    Some(key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_ours_counts() {
        for (text, key) in [
            ("Words<br><br>[liveprompt ses_1]", Some("ses_1")),
            ("Words\n\n[liveprompt ses_1-notes]", Some("ses_1-notes")),
            ("<p>[liveprompt ses_1-task-a1]</p>", Some("ses_1-task-a1")),
            (
                "He said [liveprompt ses_2] aloud<br>[liveprompt ses_1]",
                Some("ses_1"),
            ),
            (
                "[liveprompt ses_2] aloud\n[liveprompt ses_1] and mine",
                Some("ses_1"),
            ),
            ("[liveprompt ses_1] and a word of mine", Some("ses_1")),
            ("[liveprompt ses_1", None),
            ("nothing", None),
        ] {
            assert_eq!(key_in(text), key, "{text}");
        }
        assert_eq!(key_in(&marker("ses_1")), Some("ses_1"));
    }
}
