//! From text to tokens.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword.
    Word,
    /// A string or character, with its quotes.
    Literal,
    /// A number.
    Number,
    /// `'a`
    Lifetime,
    /// One character, or `::`, `=>`, `->`.
    Mark,
    /// A comment of any kind.
    Comment,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: &'a str,
    /// The line it begins on, from 1.
    pub line: usize,
}

impl<'a> Token<'a> {
    /// The content of a string literal without escapes.
    pub fn string(&self) -> Option<&'a str> {
        self.text.strip_prefix('"')?.strip_suffix('"')
    }
}

/// Takes a file apart. What is no Rust comes out as marks.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut rest = text;
    let mut line = 1;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let (text, after) = rest.split_at(length.min(rest.len()));
        if let Some(kind) = kind {
            found.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

/// The kind and length of the first token; no kind for white space.
fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(Kind::Comment), block_comment(rest));
    }
    if let Some(length) = raw_string(rest).or_else(|| string(rest)) {
        return (Some(Kind::Literal), length);
    }
    if first == '\'' {
        return quote(rest);
    }
    if rest.starts_with("b'") {
        let (_, length) = quote(rest.get(1..).unwrap_or_default());
        return (Some(Kind::Literal), length + 1);
    }
    if first.is_alphabetic() || first == '_' {
        let raw = if rest.starts_with("r#") { 2 } else { 0 };
        return (
            Some(Kind::Word),
            raw + word(rest.get(raw..).unwrap_or_default()),
        );
    }
    if first.is_ascii_digit() {
        return (Some(Kind::Number), number(rest));
    }
    let long = ["::", "=>", "->"].iter().any(|mark| rest.starts_with(mark));
    (Some(Kind::Mark), if long { 2 } else { first.len_utf8() })
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

/// A point belongs to a number only before a digit: `1..2` and `1.max(2)` are no such.
fn number(rest: &str) -> usize {
    let whole = word(rest);
    let fraction = rest.get(whole..).unwrap_or_default();
    let digits = fraction
        .strip_prefix('.')
        .filter(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    digits.map_or(whole, |digits| whole + 1 + word(digits))
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        let (step, opened, closed) = if tail.starts_with("/*") {
            (2, 1, 0)
        } else if tail.starts_with("*/") {
            (2, 0, 1)
        } else {
            (tail.chars().next().map_or(1, char::len_utf8), 0, 0)
        };
        at += step;
        depth = (depth + opened).saturating_sub(closed);
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`, `cr"…"`
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest
        .get(prefix.len()..)?
        .bytes()
        .take_while(|byte| *byte == b'#')
        .count();
    let start = prefix.len() + hashes + 1;
    if !rest.get(start - 1..)?.starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let length = rest.get(start..)?.find(&end);
    Some(length.map_or(rest.len(), |length| start + length + end.len()))
}

/// `"…"`, `b"…"`, `c"…"`
fn string(rest: &str) -> Option<usize> {
    let prefix = ["\"", "b\"", "c\""]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    Some(closed(rest, prefix.len(), '"'))
}

/// The length up to and with the quote that ends what begins at `from`.
fn closed(rest: &str, from: usize, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip_while(|(index, _)| *index < from) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return index + quote.len_utf8();
        }
    }
    rest.len()
}

/// A character, or a lifetime.
fn quote(rest: &str) -> (Option<Kind>, usize) {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => (Some(Kind::Literal), closed(rest, 1, '\'')),
        _ => (
            Some(Kind::Lifetime),
            1 + word(rest.get(1..).unwrap_or_default()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(Kind, &str)> {
        tokens(text)
            .into_iter()
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn strings_comments_and_lifetimes_are_told_apart() {
        use Kind::{Comment, Lifetime, Literal, Mark, Number, Word};
        let cases: [(&str, Vec<(Kind, &str)>); 9] = [
            (
                r#"a"b\"c"d"#,
                vec![(Word, "a"), (Literal, r#""b\"c""#), (Word, "d")],
            ),
            ("r#\"a\"b\"# c", vec![(Literal, "r#\"a\"b\"#"), (Word, "c")]),
            (
                "r#type br\"x\"",
                vec![(Word, "r#type"), (Literal, "br\"x\"")],
            ),
            (
                "'a' 'b '\\'' b'\\n'",
                vec![
                    (Literal, "'a'"),
                    (Lifetime, "'b"),
                    (Literal, "'\\''"),
                    (Literal, "b'\\n'"),
                ],
            ),
            (
                "1..2 1.5e3 1.max",
                vec![
                    (Number, "1"),
                    (Mark, "."),
                    (Mark, "."),
                    (Number, "2"),
                    (Number, "1.5e3"),
                    (Number, "1"),
                    (Mark, "."),
                    (Word, "max"),
                ],
            ),
            ("// a\nb", vec![(Comment, "// a"), (Word, "b")]),
            (
                "/* a /* b */ c */d",
                vec![(Comment, "/* a /* b */ c */"), (Word, "d")],
            ),
            (
                "a::b => c -> d",
                vec![
                    (Word, "a"),
                    (Mark, "::"),
                    (Word, "b"),
                    (Mark, "=>"),
                    (Word, "c"),
                    (Mark, "->"),
                    (Word, "d"),
                ],
            ),
            ("'(' '}'", vec![(Literal, "'('"), (Literal, "'}'")]),
        ];
        for (text, expected) in cases {
            assert_eq!(texts(text), expected, "{text}");
        }
        assert_eq!(
            tokens("\"a\nb\"\nc").last().map(|token| token.line),
            Some(3)
        );
    }
}
