//! SOQL text to a tree. It checks the grammar only; whether fields exist is for `check`.

use super::token::{Token, tokens};
use super::tree::{Comparison, Condition, Item, Literal, Order, Path, Query};
use super::{SoqlError, dates};

/// What works on all rows of a group.
const AGGREGATES: &[&str] = &["COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"];
/// Words that follow the object, so they are no other name for it.
const AFTER_FROM: &[&str] = &[
    "WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "USING", "WITH", "HAVING",
];

/// Parses a whole SOQL text.
pub(super) fn parse(text: &str) -> Result<Query, SoqlError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        end: text.len() + 1,
        alias: None,
    };
    let query = parser.query()?;
    if parser.peek().is_some() {
        Err(parser.unexpected())
    } else {
        Ok(query)
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    end: usize,
    /// The other name of the object that is queried.
    alias: Option<String>,
}

type Parsed<T> = Result<T, SoqlError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }
    fn column(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.end, |(column, _)| *column)
    }
    fn unexpected(&self) -> SoqlError {
        let shown = match self.peek() {
            None => return SoqlError::malformed(self.end, "unexpected token: '<EOF>'"),
            Some(Token::Word(word) | Token::Figure(word)) => word.clone(),
            Some(Token::Text(text, _)) => format!("'{text}'"),
            Some(Token::Sign(sign)) => (*sign).to_owned(),
        };
        SoqlError::malformed(self.column(), format!("unexpected token: '{shown}'"))
    }
    fn is(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }
    fn take(&mut self, keyword: &str) -> bool {
        let there = self.is(keyword);
        self.at += usize::from(there);
        there
    }
    fn takes(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Sign(other)) if *other == sign);
        self.at += usize::from(there);
        there
    }
    fn need(&mut self, keyword: &str) -> Parsed<()> {
        if self.take(keyword) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }
    fn needs(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }
    fn word(&mut self) -> Parsed<String> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.unexpected());
        };
        let word = word.clone();
        self.at += 1;
        Ok(word)
    }
    fn path(&mut self) -> Parsed<Path> {
        let column = self.column();
        let mut parts = vec![self.word()?];
        while self.takes(".") {
            parts.push(self.word()?);
        }
        let mut path = Path {
            function: None,
            parts,
            column,
        };
        self.without_alias(&mut path);
        Ok(path)
    }
    /// A path or an aggregate of one: what HAVING and ORDER BY compare.
    fn measure(&mut self) -> Parsed<Path> {
        let path = self.path()?;
        if path.parts.len() > 1 || !self.takes("(") {
            return Ok(path);
        }
        let function = path.parts.concat().to_uppercase();
        if !AGGREGATES.contains(&function.as_str()) {
            let message = format!("unexpected token: '{function}'");
            return Err(SoqlError::malformed(path.column, message));
        }
        let mut inner = self.path()?;
        self.needs(")")?;
        inner.function = Some(function);
        Ok(inner)
    }
    fn without_alias(&self, path: &mut Path) {
        let first = path.parts.first().filter(|_| path.parts.len() > 1);
        if first
            .zip(self.alias.as_ref())
            .is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
        {
            path.parts.remove(0);
        }
    }
    /// Another name, if one follows.
    fn name(&mut self, but: &[&str]) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else {
            return None;
        };
        let word = word.clone();
        if but.iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return None;
        }
        self.at += 1;
        Some(word)
    }
    fn whole(&mut self) -> Parsed<usize> {
        let Some(Token::Figure(figure)) = self.peek() else {
            return Err(self.unexpected());
        };
        let whole = figure.parse().map_err(|_| self.unexpected())?;
        self.at += 1;
        Ok(whole)
    }

    fn query(&mut self) -> Parsed<Query> {
        self.need("SELECT")?;
        let mut select = vec![self.item()?];
        while self.takes(",") {
            select.push(self.item()?);
        }
        self.need("FROM")?;
        let column = self.column();
        let from = (self.word()?, column);
        let outer = self.alias.take();
        self.take("AS");
        self.alias = self.name(AFTER_FROM);
        for item in &mut select {
            if let Item::Path(path) | Item::Aggregate(path, _) | Item::Renamed(path, _) = item {
                self.without_alias(path);
            }
        }
        let query = self.rest(select, from);
        self.alias = outer;
        query
    }

    /// What follows the object.
    fn rest(&mut self, select: Vec<Item>, from: (String, usize)) -> Parsed<Query> {
        let mut query = Query {
            select,
            from,
            filter: None,
            group: Vec::new(),
            having: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
        };
        if self.take("WHERE") {
            query.filter = Some(self.condition()?);
        }
        // Everybody may see everything here.
        let modes = ["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"];
        if self.take("WITH") && !modes.into_iter().any(|mode| self.take(mode)) {
            return Err(self.unexpected());
        }
        if self.take("GROUP") {
            self.need("BY")?;
            query.group.push(self.path()?);
            while self.takes(",") {
                query.group.push(self.path()?);
            }
            if self.take("HAVING") {
                query.having = Some(self.condition()?);
            }
        }
        if self.take("ORDER") {
            self.need("BY")?;
            query.order.push(self.order()?);
            while self.takes(",") {
                query.order.push(self.order()?);
            }
        }
        if self.take("LIMIT") {
            query.limit = Some(self.whole()?);
        }
        if self.take("OFFSET") {
            query.offset = self.whole()?;
        }
        // Marks records as seen, which nobody sees here.
        if self.take("FOR") && !(self.take("VIEW") || self.take("REFERENCE")) {
            self.need("UPDATE")?;
        }
        Ok(query)
    }

    fn item(&mut self) -> Parsed<Item> {
        if self.takes("(") {
            let child = self.query()?;
            self.needs(")")?;
            return Ok(Item::Child(Box::new(child)));
        }
        let path = self.path()?;
        let function = path
            .parts
            .first()
            .cloned()
            .unwrap_or_default()
            .to_uppercase();
        if path.parts.len() > 1 || !self.takes("(") {
            return Ok(match self.name(&["FROM"]) {
                Some(name) => Item::Renamed(path, name),
                None => Item::Path(path),
            });
        }
        let item = match function.as_str() {
            "COUNT" if matches!(self.peek(), Some(Token::Sign(")"))) => Item::Count,
            "FIELDS" => Item::Fields(self.word()?.to_uppercase()),
            // Labels are values here.
            "TOLABEL" => Item::Path(self.path()?),
            name if AGGREGATES.contains(&name) => {
                let mut inner = self.path()?;
                inner.function = Some(function);
                self.needs(")")?;
                return Ok(Item::Aggregate(inner, self.name(&["FROM"])));
            }
            _ => {
                return Err(SoqlError::malformed(
                    path.column,
                    format!("unexpected token: '{function}'"),
                ));
            }
        };
        self.needs(")")?;
        Ok(item)
    }

    fn order(&mut self) -> Parsed<Order> {
        let path = self.measure()?;
        let descending = self.take("DESC");
        if !descending {
            self.take("ASC");
        }
        let mut nulls_last = false;
        if self.take("NULLS") {
            nulls_last = self.take("LAST");
            if !nulls_last {
                self.need("FIRST")?;
            }
        }
        Ok(Order {
            path,
            descending,
            nulls_last,
        })
    }

    /// As the vendor has it, AND and OR do not mix without parentheses.
    fn condition(&mut self) -> Parsed<Condition> {
        let first = self.term()?;
        let word = if self.is("AND") { "AND" } else { "OR" };
        let mut terms = vec![first];
        while self.take(word) {
            terms.push(self.term()?);
        }
        if self.is("AND") || self.is("OR") {
            return Err(self.unexpected());
        }
        match (terms.len(), word) {
            (1, _) => terms.pop().ok_or_else(|| self.unexpected()),
            (_, "AND") => Ok(Condition::And(terms)),
            _ => Ok(Condition::Or(terms)),
        }
    }

    fn term(&mut self) -> Parsed<Condition> {
        if self.take("NOT") {
            return Ok(Condition::Not(Box::new(self.term()?)));
        }
        if self.takes("(") {
            let inner = self.condition()?;
            self.needs(")")?;
            return Ok(inner);
        }
        let path = self.measure()?;
        if self.take("LIKE") {
            let Some(Token::Text(_, pattern)) = self.peek() else {
                return Err(self.unexpected());
            };
            let pattern = pattern.clone();
            self.at += 1;
            return Ok(Condition::Like(path, pattern));
        }
        let negated = self.take("NOT");
        if self.take("IN") {
            return self.members(path, negated);
        }
        if negated {
            return Err(self.unexpected());
        }
        let comparison = match self.peek() {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("!=" | "<>")) => Comparison::NotEqual,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::LessOrEqual,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(Condition::Compare(path, comparison, self.literal()?))
    }

    fn members(&mut self, path: Path, negated: bool) -> Parsed<Condition> {
        self.needs("(")?;
        if self.is("SELECT") {
            let query = self.query()?;
            self.needs(")")?;
            return Ok(Condition::InQuery(path, negated, Box::new(query)));
        }
        let mut members = vec![self.literal()?];
        while self.takes(",") {
            members.push(self.literal()?);
        }
        self.needs(")")?;
        Ok(Condition::In(path, negated, members))
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let literal = match self.peek() {
            Some(Token::Text(text, _)) => Literal::Text(text.clone()),
            Some(Token::Figure(figure)) => {
                figure_literal(figure).ok_or_else(|| self.unexpected())?
            }
            Some(Token::Word(word)) => match word.to_uppercase().as_str() {
                "NULL" => Literal::Null,
                "TRUE" => Literal::Boolean(true),
                "FALSE" => Literal::Boolean(false),
                name if dates::takes_count(name) => {
                    let name = name.to_owned();
                    self.at += 1;
                    self.needs(":")?;
                    let count = self.whole()?;
                    return Ok(Literal::Days(name, i64::try_from(count).ok()));
                }
                name if dates::is_name(name) => Literal::Days(name.to_owned(), None),
                _ => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(literal)
    }
}

fn figure_literal(figure: &str) -> Option<Literal> {
    if let Some(date) = super::times::date(figure) {
        return Some(Literal::Date(date.to_string()));
    }
    if figure.contains('T') || figure.contains('t') {
        return super::times::read(figure).map(|at| Literal::DateTime(super::times::written(at)));
    }
    figure
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .map(Literal::Number)
}
