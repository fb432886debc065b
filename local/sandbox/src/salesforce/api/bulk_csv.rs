//! Comma-separated values, as bulk jobs take and give them.

/// Reads a table, its head first. Quotes around a value, doubled ones inside, line breaks of either
/// kind.
pub(super) fn read(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut value) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut begun) = (false, false);
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                value.push('"');
                chars.next();
            }
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            _ if quoted => value.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                if begun {
                    row.push(std::mem::take(&mut value));
                    rows.push(std::mem::take(&mut row));
                    begun = false;
                }
            }
            _ if c == delimiter => {
                row.push(std::mem::take(&mut value));
                begun = true;
            }
            _ => {
                value.push(c);
                begun = true;
            }
        }
    }
    if begun {
        row.push(value);
        rows.push(row);
    }
    rows
}

/// One line of a table, every value in quotes.
pub(super) fn line<S: AsRef<str>>(values: &[S], delimiter: char, end: &str) -> String {
    let quoted = |value: &S| format!("\"{}\"", value.as_ref().replace('"', "\"\""));
    let quoted: Vec<String> = values.iter().map(quoted).collect();
    quoted.join(&delimiter.to_string()) + end
}

/// The character a job names.
pub(super) fn delimiter(name: &str) -> Option<char> {
    Some(match name {
        "BACKQUOTE" => '`',
        "CARET" => '^',
        "COMMA" => ',',
        "PIPE" => '|',
        "SEMICOLON" => ';',
        "TAB" => '\t',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{line, read};

    #[test]
    fn tables() {
        let rows = read("a,b\r\n\"x \"\"y\"\",\n\",2\n\n,\n\"\",z", ',');
        let expected = [["a", "b"], ["x \"y\",\n", "2"], ["", ""], ["", "z"]];
        assert_eq!(rows, expected);
        assert_eq!(line(&["a\"", ""], ';', "\n"), "\"a\"\"\";\"\"\n");
        assert!(read("", ',').is_empty());
    }
}
