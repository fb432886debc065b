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

/// Plain text as HTML: what could be markup is escaped, and a new line becomes `<br>`. With `most` it
/// is cut so that the *result* has at most that many UTF-16 code units, never within an entity or a tag.
pub fn html(text: &str, most: Option<usize>) -> String {
    let text = text.replace("\r\n", "\n");
    let whole: String = text.graphemes(true).map(escaped).collect();
    let Some(most) = most.filter(|most| whole.encode_utf16().count() > *most) else {
        return whole;
    };
    let mut kept = String::new();
    let mut units = 1; // the ellipsis
    for piece in text.graphemes(true).map(escaped) {
        units += piece.encode_utf16().count();
        if units > most {
            break;
        }
        kept.push_str(&piece);
    }
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// One grapheme as HTML; it may have several characters, a letter and a combining sign.
fn escaped(grapheme: &str) -> String {
    let mut escaped = String::with_capacity(grapheme.len());
    for character in grapheme.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("<br>"),
            other => escaped.push(other),
        }
    }
    escaped
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
    fn html_has_no_markup_of_the_text_and_is_cut_by_its_own_length() {
        assert_eq!(
            html("a < b & \"c\"\r\n<script>'d'</script>\n", None),
            "a &lt; b &amp; &quot;c&quot;<br>&lt;script&gt;&#39;d&#39;&lt;/script&gt;<br>"
        );
        assert_eq!(html("short", Some(5)), "short");
        // "a&amp;" are six code units and the ellipsis one; another "&amp;" would be five more.
        assert_eq!(html("a&&&", Some(11)), "a&amp;…");
        assert_eq!(html("a&&&", Some(12)), "a&amp;&amp;…");
        assert_eq!(html("a\nb", Some(4)), "a…");
        assert_eq!(html("👨‍👩‍👧‍👦", Some(6)), "…");
        assert_eq!(html("ab", Some(0)), "");
        // A combining sign after a bracket does not hide it.
        assert_eq!(html("<\u{338}b>", None), "&lt;\u{338}b&gt;");
    }

    #[test]
    fn one_line_folds_white_space() {
        assert_eq!(one_line(" a\n\tb  c "), "a b c");
    }
}
