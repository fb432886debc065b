//! The words of a document (<https://spec.graphql.org/October2021/#sec-Language.Source-Text>).

use super::Fault;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `{ } ( ) [ ] : = ! $ @ | &` and `...` as `.`.
    Mark(char),
    Name(String),
    Text(String),
    Integer(i64),
    Float(f64),
}

/// Reads a document into its words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (token, behind) = match next {
            ' ' | '\t' | '\n' | '\r' | ',' | '\u{feff}' => {
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                continue;
            }
            '#' => {
                rest = rest.find('\n').and_then(|at| rest.get(at..)).unwrap_or("");
                continue;
            }
            '"' => quoted(rest)?,
            '.' if rest.starts_with("...") => (Token::Mark('.'), rest.get(3..)),
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '=' | '!' | '$' | '@' | '|' | '&' => {
                (Token::Mark(next), rest.get(1..))
            }
            '-' | '0'..='9' => numeric(rest)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
                let (name, behind) = rest.split_at(end);
                (Token::Name(name.to_owned()), Some(behind))
            }
            other => return Err(Fault::parse(format!("Unexpected character: {other:?}"))),
        };
        found.push(token);
        rest = behind.unwrap_or_default();
    }
    Ok(found)
}

type Read<'a> = (Token, Option<&'a str>);

fn numeric(rest: &str) -> Result<Read<'_>, Fault> {
    let is_inside = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
    let (text, behind) = rest.split_at(end);
    let token = text.parse().map(Token::Integer);
    let token = token.or_else(|_| text.parse().map(Token::Float));
    let token = token.map_err(|_| Fault::parse(format!("Invalid number: {text}")))?;
    Ok((token, Some(behind)))
}

fn quoted(rest: &str) -> Result<Read<'_>, Fault> {
    let open = || Fault::parse("Unterminated string");
    if let Some(block) = rest.strip_prefix("\"\"\"") {
        let (text, behind) = block.split_once("\"\"\"").ok_or_else(open)?;
        return Ok((Token::Text(text.trim().to_owned()), Some(behind)));
    }
    // A text of GraphQL is one of JSON.
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => break,
            '"' if !is_escaped => {
                let (text, behind) = rest.split_at(at + 1);
                let text: String = serde_json::from_str(text)
                    .map_err(|_| Fault::parse(format!("Invalid string: {text}")))?;
                return Ok((Token::Text(text), Some(behind)));
            }
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    Err(open())
}
