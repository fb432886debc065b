//! Cuts a SOQL text into tokens, keeping where each began for the vendor's error messages.

use super::SoqlError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word: keyword, name, path segment, date literal name.
    Word(String),
    /// A quoted text with its escapes resolved, and the same as a LIKE pattern.
    Text(String, Vec<Pattern>),
    /// Anything that begins with a digit or a sign: number, date, datetime.
    Figure(String),
    /// Punctuation and comparison signs.
    Sign(&'static str),
}

/// One piece of a LIKE pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pattern {
    One(char),
    AnyOne,
    AnyMany,
}

/// Two characters before one, so that `<=` is not `<` and `=`.
const SIGNS: &[&str] = &[
    "<=", ">=", "!=", "<>", "<", ">", "=", "(", ")", ",", ".", ":",
];

/// All tokens with their column, from 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, SoqlError> {
    let mut rest = text;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let column = text.len() - rest.len() + 1;
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (token, length) = if first == '\'' {
            quoted(rest, column)?
        } else if first.is_alphabetic() || first == '_' {
            let length = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            (
                Token::Word(rest.get(..length).unwrap_or_default().to_owned()),
                length,
            )
        } else if first.is_ascii_digit() || matches!(first, '+' | '-') {
            let more = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '+' | '-');
            let length = rest.find(|c: char| !more(c)).unwrap_or(rest.len());
            (
                Token::Figure(rest.get(..length).unwrap_or_default().to_owned()),
                length,
            )
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            return Err(SoqlError::malformed(
                column,
                format!("unexpected token: '{first}'"),
            ));
        };
        tokens.push((column, token));
        rest = rest.get(length..).unwrap_or_default();
    }
}

fn quoted(rest: &str, column: usize) -> Result<(Token, usize), SoqlError> {
    let (mut text, mut pattern) = (String::new(), Vec::new());
    let mut chars = rest.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        let c = match c {
            '\'' => return Ok((Token::Text(text, pattern), place + 1)),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some(same @ ('\\' | '\'' | '"')) => same,
                Some('n' | 'N') => '\n',
                Some('r' | 'R') => '\r',
                Some('t' | 'T') => '\t',
                Some('b' | 'B') => '\u{8}',
                Some('f' | 'F') => '\u{c}',
                Some(wild @ ('%' | '_')) => {
                    text.push('\\');
                    text.push(wild);
                    pattern.push(Pattern::One(wild));
                    continue;
                }
                Some('u' | 'U') => {
                    let code: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                    let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                    code.ok_or_else(|| SoqlError::malformed(column, "invalid unicode escape"))?
                }
                Some(other) => {
                    let message =
                        format!("Invalid string literal. Illegal character sequence '\\{other}'");
                    return Err(SoqlError::malformed(column, message));
                }
                None => break,
            },
            '%' => {
                text.push(c);
                pattern.push(Pattern::AnyMany);
                continue;
            }
            '_' => {
                text.push(c);
                pattern.push(Pattern::AnyOne);
                continue;
            }
            plain => plain,
        };
        text.push(c);
        pattern.push(Pattern::One(c));
    }
    Err(SoqlError::malformed(
        column,
        "line 1:0 mismatched character '<EOF>' expecting '''",
    ))
}
