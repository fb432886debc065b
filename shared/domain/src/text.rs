//! Cutting and joining text for CRM fields.

use unicode_segmentation::UnicodeSegmentation;

/// Cuts `text` so that it has at most `most` UTF-16 code units, on the boundary of what a person
/// sees as one character, and marks the cut with an ellipsis.
///
/// UTF-16, because several CRMs count the way Java and JavaScript do; a count of characters would
/// let an emoji title through that they then refuse.
pub fn cut(text: &str, most: usize) -> String {
    if text.encode_utf16().count() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut units = 1; // the ellipsis
    for grapheme in text.graphemes(true) {
        units += grapheme.encode_utf16().count();
        if units > most {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.truncate(kept.trim_end().len());
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// The text on one line: runs of white space become one blank.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_counts_utf16_and_never_splits_what_a_person_sees() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("a longer text", 9), "a longer…");
        // Each party popper is two code units: 127 of them and the ellipsis are 255.
        let title = "🎉".repeat(300);
        let short = cut(&title, 255);
        assert_eq!(short.chars().count(), 128);
        assert_eq!(short.encode_utf16().count(), 255);
        // A family is one grapheme of eleven code units: it goes as a whole.
        assert_eq!(cut("ab👨‍👩‍👧‍👦cd", 6), "ab…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn one_line_folds_white_space() {
        assert_eq!(one_line(" a\n\tb  c "), "a b c");
    }
}
