//! A document as it stands, before anything is known of types and variables.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Fault,
    lexer::{Token, tokens},
};

/// A value as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Variable(String),
    /// A bare word: an enum's value.
    Word(String),
    Plain(Value),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// A type as it stands: its name, and what may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Named(String),
    List(Box<Self>),
    Needed(Box<Self>),
}

/// What is selected.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selected {
    Field {
        alias: String,
        name: String,
        args: Vec<(String, Given)>,
        directives: Vec<Directive>,
        of: Vec<Self>,
    },
    /// A fragment by its name.
    Spread(String, Vec<Directive>),
    /// A fragment in place, and the type it is for.
    Inline(Option<String>, Vec<Directive>, Vec<Self>),
}

pub(super) type Directive = (String, Vec<(String, Given)>);

/// A variable that an operation declares.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) of: Type,
    pub(super) default: Option<Given>,
}

/// A query or a mutation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(super) name: Option<String>,
    pub(crate) is_mutation: bool,
    pub(super) variables: Vec<Variable>,
    pub(super) of: Vec<Selected>,
    /// The fragments of the document: the type each is for, and what it selects.
    pub(super) fragments: BTreeMap<String, (String, Vec<Selected>)>,
}

/// Words that are read one after the other.
pub(super) struct Words(std::iter::Peekable<std::vec::IntoIter<Token>>);

impl Words {
    pub(super) fn of(text: &str) -> Result<Self, Fault> {
        Ok(Self(tokens(text)?.into_iter().peekable()))
    }

    pub(super) fn is_done(&mut self) -> bool {
        self.0.peek().is_none()
    }

    pub(super) fn is(&mut self, mark: char) -> bool {
        self.0.next_if_eq(&Token::Mark(mark)).is_some()
    }

    fn is_at(&mut self, mark: char) -> bool {
        self.0.peek() == Some(&Token::Mark(mark))
    }

    pub(super) fn is_word(&mut self, word: &str) -> bool {
        let is_it = |token: &Token| matches!(token, Token::Name(name) if name == word);
        self.0.next_if(is_it).is_some()
    }

    pub(super) fn wants(&mut self, mark: char) -> Result<(), Fault> {
        if self.is(mark) {
            return Ok(());
        }
        let found = self.0.peek();
        Err(Fault::parse(format!("Expected {mark:?}, found {found:?}")))
    }

    pub(super) fn name(&mut self) -> Result<String, Fault> {
        match self.0.next() {
            Some(Token::Name(name)) => Ok(name),
            other => Err(Fault::parse(format!("Expected Name, found {other:?}"))),
        }
    }

    /// Passes over a description.
    pub(super) fn text(&mut self) {
        while self
            .0
            .next_if(|token| matches!(token, Token::Text(_)))
            .is_some()
        {}
    }

    pub(super) fn of_type(&mut self) -> Result<Type, Fault> {
        let inner = if self.is('[') {
            let inner = self.of_type()?;
            self.wants(']')?;
            Type::List(Box::new(inner))
        } else {
            Type::Named(self.name()?)
        };
        Ok(if self.is('!') {
            Type::Needed(Box::new(inner))
        } else {
            inner
        })
    }

    pub(super) fn value(&mut self) -> Result<Given, Fault> {
        if self.is('$') {
            return Ok(Given::Variable(self.name()?));
        }
        if self.is('[') {
            let mut list = Vec::new();
            while !self.is(']') {
                list.push(self.value()?);
            }
            return Ok(Given::List(list));
        }
        if self.is('{') {
            let mut members = Vec::new();
            while !self.is('}') {
                let name = self.name()?;
                self.wants(':')?;
                members.push((name, self.value()?));
            }
            return Ok(Given::Object(members));
        }
        Ok(match self.0.next() {
            Some(Token::Text(text)) => Given::Plain(text.into()),
            Some(Token::Integer(number)) => Given::Plain(number.into()),
            Some(Token::Float(number)) => Given::Plain(number.into()),
            Some(Token::Name(name)) => match name.as_str() {
                "true" => Given::Plain(true.into()),
                "false" => Given::Plain(false.into()),
                "null" => Given::Plain(Value::Null),
                _ => Given::Word(name),
            },
            other => {
                return Err(Fault::parse(format!("Expected a value, found {other:?}")));
            }
        })
    }

    fn args(&mut self) -> Result<Vec<(String, Given)>, Fault> {
        let mut args = Vec::new();
        if self.is('(') {
            while !self.is(')') {
                let name = self.name()?;
                self.wants(':')?;
                args.push((name, self.value()?));
            }
        }
        Ok(args)
    }

    fn directives(&mut self) -> Result<Vec<Directive>, Fault> {
        let mut found = Vec::new();
        while self.is('@') {
            found.push((self.name()?, self.args()?));
        }
        Ok(found)
    }

    fn selection(&mut self) -> Result<Vec<Selected>, Fault> {
        self.wants('{')?;
        let mut found = Vec::new();
        while !self.is('}') {
            found.push(self.selected()?);
        }
        if found.is_empty() {
            return Err(Fault::parse("Expected Name, found '}'"));
        }
        Ok(found)
    }

    fn selected(&mut self) -> Result<Selected, Fault> {
        if self.is('.') {
            let on = self.is_word("on");
            if on || self.is_at('{') || self.is_at('@') {
                let of = if on { Some(self.name()?) } else { None };
                let directives = self.directives()?;
                return Ok(Selected::Inline(of, directives, self.selection()?));
            }
            let name = self.name()?;
            return Ok(Selected::Spread(name, self.directives()?));
        }
        let first = self.name()?;
        let name = if self.is(':') {
            self.name()?
        } else {
            first.clone()
        };
        Ok(Selected::Field {
            alias: first,
            name,
            args: self.args()?,
            directives: self.directives()?,
            of: if self.is_at('{') {
                self.selection()?
            } else {
                Vec::new()
            },
        })
    }

    fn variables(&mut self) -> Result<Vec<Variable>, Fault> {
        let mut found = Vec::new();
        if self.is('(') {
            while !self.is(')') {
                self.wants('$')?;
                let name = self.name()?;
                self.wants(':')?;
                let of = self.of_type()?;
                let default = if self.is('=') {
                    Some(self.value()?)
                } else {
                    None
                };
                found.push(Variable { name, of, default });
            }
        }
        Ok(found)
    }
}

/// Reads a document, and gives the operation of that name: the only one where none is given.
pub(crate) fn parse(text: &str, name: Option<&str>) -> Result<Operation, Fault> {
    let mut words = Words::of(text)?;
    let mut operations = Vec::new();
    let mut fragments = BTreeMap::new();
    while !words.is_done() {
        if words.is_word("fragment") {
            let name = words.name()?;
            if !words.is_word("on") {
                return Err(Fault::parse("Expected \"on\""));
            }
            let of = words.name()?;
            words.directives()?;
            fragments.insert(name, (of, words.selection()?));
            continue;
        }
        let is_mutation = words.is_word("mutation");
        let mut operation = Operation {
            name: None,
            is_mutation,
            variables: Vec::new(),
            of: Vec::new(),
            fragments: BTreeMap::new(),
        };
        if is_mutation || words.is_word("query") {
            if !words.is_at('{') && !words.is_at('(') && !words.is_at('@') {
                operation.name = Some(words.name()?);
            }
            operation.variables = words.variables()?;
            words.directives()?;
        }
        operation.of = words.selection()?;
        operations.push(operation);
    }
    let mut found = match name {
        Some(name) => {
            let is_it = |operation: &Operation| operation.name.as_deref() == Some(name);
            operations
                .into_iter()
                .find(is_it)
                .ok_or_else(|| Fault::invalid(format!("No operation named \"{name}\"")))
        }
        None if operations.len() > 1 => Err(Fault::invalid(
            "An operation name is required: the document has several operations",
        )),
        None => operations
            .pop()
            .ok_or_else(|| Fault::parse("Unexpected end of document")),
    }?;
    found.fragments = fragments;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_told() {
        for text in [
            "",
            "{",
            "{ me { id }",
            "{ me {} }",
            "{ a(b: ) }",
            "{ a(b: \"c) }",
            "mutation",
            "{ % }",
            "query($a ID) { me }",
            "fragment a { id }",
            "{ ...on }",
        ] {
            assert!(parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn operations_are_chosen_by_name() {
        let both = "query a { me { id } } mutation b($x: [ID!] = [1]) { c(d: $x) @skip(if: false) { ...f ... on T { e } } } fragment f on T { g }";
        assert_eq!(
            parse(both, Some("b")).map(|found| (found.is_mutation, found.variables.len())),
            Ok((true, 1))
        );
        assert!(parse(both, None).is_err() && parse(both, Some("c")).is_err());
        let text =
            "{ a(b: \"x\\\"y\\u00fc # no comment\", c: -1.5, d: {e: [F, null]}) # a comment\n }";
        assert!(parse(text, None).is_ok());
    }
}
