//! Reads a query: `select … from … where … order by … limit … offset …`.

use crate::zoho::refusal::{Outcome, Refusal};

/// The most values of one `in`.
const VALUES_MOST: usize = 100;

#[derive(Debug, PartialEq)]
pub(super) struct Select {
    pub(super) columns: Vec<String>,
    pub(super) module: String,
    pub(super) condition: Condition,
    /// The column, and whether it goes up.
    pub(super) order: Option<(String, bool)>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    /// One of these, or none of them.
    In(String, Vec<String>, bool),
    Null(String, bool),
    Like(String, String),
    /// Whether less (else greater), and whether the same is enough.
    Less(String, String, (bool, bool)),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(String),
}

fn wrong(near: &str) -> Refusal {
    let refusal = Refusal::new(400, "SYNTAX_ERROR", "invalid query formed");
    refusal.with("line", 1).with("column", 1).with("near", near)
}

fn tokens(query: &str) -> Outcome<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = query.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            c if c.is_whitespace() => {}
            '\'' => {
                let mut text = String::new();
                loop {
                    match rest.next() {
                        Some('\\') => text.extend(rest.next()),
                        Some('\'') => break,
                        Some(c) => text.push(c),
                        None => return Err(wrong(&text)),
                    }
                }
                tokens.push(Token::Text(text));
            }
            '(' | ')' | ',' => tokens.push(Token::Sign(first.to_string())),
            '=' | '<' | '>' | '!' => {
                let equal = rest.next_if_eq(&'=').filter(|_| first != '=');
                tokens.push(Token::Sign(
                    [Some(first), equal].into_iter().flatten().collect(),
                ));
            }
            c if c.is_alphanumeric() || "_$.-+:".contains(c) => {
                let mut word = c.to_string();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || "_$.-+:".contains(*c)) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            other => return Err(wrong(&other.to_string())),
        }
    }
    Ok(tokens)
}

struct Reader {
    tokens: std::vec::IntoIter<Token>,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.as_slice().first()
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let is = match self.peek() {
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(wanted),
            Some(Token::Sign(sign)) => sign == wanted,
            Some(Token::Text(_)) | None => false,
        };
        if is {
            self.tokens.next();
        }
        is
    }

    fn expect(&mut self, wanted: &str) -> Outcome<()> {
        if self.takes(wanted) {
            Ok(())
        } else {
            Err(wrong(wanted))
        }
    }

    fn word(&mut self) -> Outcome<String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            _ => Err(wrong("name")),
        }
    }

    fn number(&mut self) -> Outcome<usize> {
        let word = self.word()?;
        word.parse().map_err(|_| wrong(&word))
    }

    fn value(&mut self) -> Outcome<String> {
        match self.tokens.next() {
            Some(Token::Word(text) | Token::Text(text)) => Ok(text),
            _ => Err(wrong("value")),
        }
    }

    /// Two at most without brackets: of three the vendor wants to know which belong together.
    fn condition(&mut self) -> Outcome<Condition> {
        let one = self.primary()?;
        let joined = if self.takes("and") {
            Condition::Both(Box::new(one), Box::new(self.primary()?))
        } else if self.takes("or") {
            Condition::Either(Box::new(one), Box::new(self.primary()?))
        } else {
            return Ok(one);
        };
        if self.takes("and") || self.takes("or") {
            return Err(wrong("and"));
        }
        Ok(joined)
    }

    fn primary(&mut self) -> Outcome<Condition> {
        if self.takes("(") {
            let inner = self.condition()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.word()?;
        if self.takes("is") {
            let is = !self.takes("not");
            self.expect("null")?;
            return Ok(Condition::Null(name, is));
        }
        if self.takes("like") {
            return Ok(Condition::Like(name, self.value()?));
        }
        let is_in = !self.takes("not");
        if self.takes("in") {
            self.expect("(")?;
            let mut values = vec![self.value()?];
            while self.takes(",") {
                values.push(self.value()?);
            }
            self.expect(")")?;
            if values.len() > VALUES_MOST {
                let refusal = Refusal::new(400, "LIMIT_EXCEEDED", "limit exceeded");
                return Err(refusal.with("limit", VALUES_MOST));
            }
            return Ok(Condition::In(name, values, is_in));
        }
        for (sign, is_less, may_equal) in [
            ("<=", true, true),
            (">=", false, true),
            ("<", true, false),
            (">", false, false),
        ] {
            if self.takes(sign) {
                return Ok(Condition::Less(name, self.value()?, (is_less, may_equal)));
            }
        }
        if self.takes("!=") {
            return Ok(Condition::In(name, vec![self.value()?], false));
        }
        self.expect("=")?;
        Ok(Condition::In(name, vec![self.value()?], true))
    }
}

/// Reads a query.
pub(super) fn select(query: &str) -> Outcome<Select> {
    let mut read = Reader {
        tokens: tokens(query)?.into_iter(),
    };
    read.expect("select")?;
    let mut columns = vec![read.word()?];
    while read.takes(",") {
        columns.push(read.word()?);
    }
    read.expect("from")?;
    let module = read.word()?;
    // A query without a condition is none.
    read.expect("where")?;
    let condition = read.condition()?;
    let mut order = None;
    if read.takes("order") {
        read.expect("by")?;
        let name = read.word()?;
        let is_up = !read.takes("desc");
        if is_up {
            read.takes("asc");
        }
        order = Some((name, is_up));
    }
    let (mut limit, mut offset) = (None, 0);
    if read.takes("limit") {
        let first = read.number()?;
        if read.takes(",") {
            offset = first;
            limit = Some(read.number()?);
        } else {
            limit = Some(first);
        }
    }
    if read.takes("offset") {
        offset = read.number()?;
    }
    match read.peek() {
        Some(_) => Err(wrong("end")),
        None => Ok(Select {
            columns,
            module,
            condition,
            order,
            limit,
            offset,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_its_quote_is_not_escaped() {
        let query = r"select id from Contacts where Email = 'o\'b\\x@a.example' limit 5, 10";
        let select = select(query).unwrap();
        let wanted = vec![r"o'b\x@a.example".to_owned()];
        assert_eq!(
            select.condition,
            Condition::In("Email".to_owned(), wanted, true)
        );
        assert_eq!((select.offset, select.limit), (5, Some(10)));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for query in [
            "",
            "select id from Contacts",
            "select id from Contacts where",
            "select id from Contacts where Email = 'a",
            "select id from Contacts where Email in ()",
            "select id from Contacts where Email = 'a' and Email = 'b' and Email = 'c'",
            "select id from Contacts where Email = 'a' limit x",
            "select id from Contacts where Email = 'a'; delete",
            "delete from Contacts where id = 1",
        ] {
            let refusal = select(query).unwrap_err();
            assert_eq!(refusal.code, "SYNTAX_ERROR", "{query}");
        }
        let joined = "select id from Contacts where (Email = 'a' or (Email = 'b' and Phone is not null)) order by id desc";
        assert!(select(joined).is_ok());
    }
}
