//! Addresses within the Web API: segments, keys, query options.

use percent_encoding::percent_decode_str;

use super::values::guid;

/// How a record is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Id(String),
    /// Columns of an alternate key, with their values.
    Alternate(Vec<(String, String)>),
}

/// A segment with a key in parentheses: set and key.
pub(super) fn keyed(segment: &str) -> Option<(String, Key)> {
    let (set, rest) = segment.split_once('(')?;
    let inner = rest.strip_suffix(')')?;
    if let Some(id) = guid(inner) {
        return Some((set.to_owned(), Key::Id(id)));
    }
    let mut values = Vec::new();
    for part in split(inner, ',') {
        let (name, value) = part.split_once('=')?;
        let value = value.trim();
        let text = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''));
        let value = text.map_or_else(|| value.to_owned(), |text| text.replace("''", "'"));
        values.push((name.trim().to_owned(), value));
    }
    // The primary key may be named.
    if let [(name, value)] = values.as_slice()
        && name.ends_with("id")
        && let Some(id) = guid(value)
    {
        return Some((set.to_owned(), Key::Id(id)));
    }
    (!values.is_empty()).then(|| (set.to_owned(), Key::Alternate(values)))
}

/// Splits at a character that stands outside quotes and parentheses.
pub(super) fn split(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut quoted) = (Vec::new(), String::new(), 0_i32, false);
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        if c == at && depth == 0 && !quoted {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    parts
}

/// The segments of a path below the version, decoded: a slash within quotes or parentheses separates none.
pub(super) fn segments(path: &str) -> Vec<String> {
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let parts = split(path.trim_matches('/'), '/');
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// The query's options, decoded.
pub(super) fn options(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_segments() {
        let id = "6f1c0000-aaaa-4bbb-8ccc-0123456789ab";
        assert_eq!(
            keyed(&format!("contacts({id})")),
            Some(("contacts".to_owned(), Key::Id(id.to_owned())))
        );
        assert_eq!(
            keyed(&format!("contacts(contactid={id})")),
            Some(("contacts".to_owned(), Key::Id(id.to_owned())))
        );
        let found = keyed("contacts(a='x,''y)',b=2)");
        let key = vec![
            ("a".to_owned(), "x,'y)".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        assert_eq!(found, Some(("contacts".to_owned(), Key::Alternate(key))));
        assert_eq!(keyed("contacts"), None);
        assert_eq!(
            segments("/tasks(a='b%2Fc')/subject"),
            ["tasks(a='b/c')", "subject"]
        );
    }
}
