//! `$filter`: comparisons, `and`, `or`, `not`, three functions of text, and `In`.

use crate::dynamics365::refusal::{Outcome, Refusal};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Number(f64),
    Flag(bool),
    /// A GUID or a date, as it stands.
    Word(String),
    Null,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(String, String, Literal),
    /// A function of text, its column, its text.
    Text(String, String, String),
    In(String, Vec<Literal>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

pub(super) fn wrong(detail: &str) -> Refusal {
    Refusal::query(format!(
        "The query specified in the URI is not valid. {detail}"
    ))
}

fn tokens(text: &str) -> Outcome<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' => {}
            '(' | ')' | ',' | '=' | '[' | ']' => tokens.push(Token::Sign(c)),
            '\'' | '"' => {
                let mut literal = String::new();
                loop {
                    match rest.next() {
                        Some(next) if next == c && rest.peek() == Some(&c) => {
                            rest.next();
                            literal.push(c);
                        }
                        Some(next) if next == c => break,
                        Some(next) => literal.push(next),
                        None => return Err(wrong("There is an unterminated string literal.")),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            c => {
                let mut word = c.to_string();
                while let Some(next) = rest.peek().filter(|next| !" \t(),=[]'\"".contains(**next)) {
                    word.push(*next);
                    rest.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// Values of parameter aliases.
    options: &'a [(String, String)],
    depth: usize,
}

/// Deeper nesting is refused, so that a filter cannot exhaust the stack.
const DEEPEST: usize = 50;

impl Filter {
    pub(crate) fn parse(text: &str, options: &[(String, String)]) -> Outcome<Self> {
        let tokens = tokens(text)?.into_iter().peekable();
        let mut parser = Parser {
            tokens,
            options,
            depth: 0,
        };
        let filter = parser.either()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(token) => Err(wrong(&format!("Syntax error at {token:?}."))),
        }
    }
}

impl Parser<'_> {
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.peek(), Some(Token::Word(next)) if next == word);
        if found {
            self.tokens.next();
        }
        found
    }

    fn sign(&mut self, sign: char) -> Outcome<()> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            found => Err(wrong(&format!("'{sign}' expected, {found:?} found."))),
        }
    }

    fn either(&mut self) -> Outcome<Filter> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong("It is nested too deeply."));
        }
        let mut left = self.both()?;
        while self.word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn both(&mut self) -> Outcome<Filter> {
        let mut left = self.one()?;
        while self.word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Outcome<Filter> {
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        match self.tokens.next() {
            Some(Token::Sign('(')) => {
                let inner = self.either()?;
                self.sign(')')?;
                Ok(inner)
            }
            Some(Token::Word(name)) if self.tokens.peek() == Some(&Token::Sign('(')) => {
                self.sign('(')?;
                self.function(&name)
            }
            Some(Token::Word(path)) => {
                let operator = match self.tokens.next() {
                    Some(Token::Word(word))
                        if ["eq", "ne", "gt", "ge", "lt", "le"].contains(&word.as_str()) =>
                    {
                        word
                    }
                    found => return Err(wrong(&format!("An operator expected, {found:?} found."))),
                };
                Ok(Filter::Compare(path, operator, self.literal()?))
            }
            found => Err(wrong(&format!("Syntax error at {found:?}."))),
        }
    }

    fn function(&mut self, name: &str) -> Outcome<Filter> {
        match name {
            "contains" | "startswith" | "endswith" => {
                let Some(Token::Word(path)) = self.tokens.next() else {
                    return Err(wrong("A property expected."));
                };
                self.sign(',')?;
                let Literal::Text(text) = self.literal()? else {
                    return Err(wrong("A string expected."));
                };
                self.sign(')')?;
                Ok(Filter::Text(name.to_owned(), path, text))
            }
            "Microsoft.Dynamics.CRM.In" => {
                let (mut property, mut values) = (String::new(), Vec::new());
                loop {
                    let Some(Token::Word(parameter)) = self.tokens.next() else {
                        return Err(wrong("A parameter expected."));
                    };
                    self.sign('=')?;
                    match (parameter.as_str(), self.values()?.as_mut_slice()) {
                        ("PropertyName", [Literal::Text(name)]) => property = std::mem::take(name),
                        ("PropertyValues", all) => values = all.to_vec(),
                        _ => return Err(wrong("An unknown parameter of In.")),
                    }
                    match self.tokens.next() {
                        Some(Token::Sign(',')) => {}
                        Some(Token::Sign(')')) => return Ok(Filter::In(property, values)),
                        _ => return Err(wrong("')' expected.")),
                    }
                }
            }
            _ => Err(wrong(&format!(
                "An unknown function with name '{name}' was found."
            ))),
        }
    }

    /// A literal, a list of them, or an alias of either.
    fn values(&mut self) -> Outcome<Vec<Literal>> {
        match self.tokens.peek().cloned() {
            Some(Token::Word(alias)) if alias.starts_with('@') => {
                self.tokens.next();
                let known = self.options.iter().find(|(name, _)| *name == alias);
                let text = known.map(|(_, value)| value.as_str());
                let text =
                    text.ok_or_else(|| wrong(&format!("The alias {alias} has no value.")))?;
                let mut inner = Parser {
                    tokens: tokens(text)?.into_iter().peekable(),
                    options: &[],
                    depth: 0,
                };
                inner.values()
            }
            Some(Token::Sign('[')) => {
                self.tokens.next();
                let mut list = Vec::new();
                loop {
                    match self.tokens.peek() {
                        Some(Token::Sign(']')) => {
                            self.tokens.next();
                            return Ok(list);
                        }
                        Some(Token::Sign(',')) => {
                            self.tokens.next();
                        }
                        _ => list.push(self.literal()?),
                    }
                }
            }
            _ => Ok(vec![self.literal()?]),
        }
    }

    fn literal(&mut self) -> Outcome<Literal> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => Ok(match word.as_str() {
                "null" => Literal::Null,
                "true" => Literal::Flag(true),
                "false" => Literal::Flag(false),
                other => other
                    .parse()
                    .map_or_else(|_| Literal::Word(word.clone()), Literal::Number),
            }),
            found => Err(wrong(&format!("A value expected, {found:?} found."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "",
            "subject",
            "subject eq",
            "subject eq 'a",
            "(subject eq 'a'",
            "subject eq 'a' or",
            "tolower(subject) eq 'a'",
            "subject add 1 eq 2",
            "subject eq 'a' 'b'",
            "contains(subject)",
            "Microsoft.Dynamics.CRM.In(Name='a')",
        ] {
            assert!(Filter::parse(text, &[]).is_err(), "{text}");
        }
        assert!(Filter::parse(&"(".repeat(10_000), &[]).is_err());
    }

    #[test]
    fn and_binds_more_closely_and_quotes_are_doubled() {
        let found = Filter::parse("a eq 'o''neil' or b eq 1 and not c eq null", &[]).unwrap();
        let compare = |name: &str, literal| {
            Box::new(Filter::Compare(name.to_owned(), "eq".to_owned(), literal))
        };
        let not = Box::new(Filter::Not(compare("c", Literal::Null)));
        let right = Filter::And(compare("b", Literal::Number(1.0)), not);
        let left = compare("a", Literal::Text("o'neil".to_owned()));
        assert_eq!(found, Filter::Or(left, Box::new(right)));
    }
}
