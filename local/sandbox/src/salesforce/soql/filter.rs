//! The WHERE of a query: which records it lets through, and which need not be looked at.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::super::ids;
use super::super::schema::{Object, Type};
use super::super::store::{Row, text};
use super::check::{Column, Leaf, column};
use super::eval::{Ran, Run};
use super::token::Pattern;
use super::tree::{Comparison, Condition, Item, Literal, Path};
use super::{SoqlError, dates};

/// A condition with its columns understood and its subqueries run.
pub(super) enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Compare(Column, Comparison, Literal),
    Like(Column, Vec<Pattern>),
    In(Column, bool, Vec<Literal>),
}

impl Run<'_> {
    pub(super) fn test(&self, object: &Object, condition: &Condition) -> Ran<Test> {
        let all = |list: &[Condition]| {
            list.iter()
                .map(|one| self.test(object, one))
                .collect::<Ran<Vec<_>>>()
        };
        let filter = |path: &Path| column(self.org, object, path)?.filterable();
        Ok(match condition {
            Condition::And(list) => Test::And(all(list)?),
            Condition::Or(list) => Test::Or(all(list)?),
            Condition::Not(inner) => Test::Not(Box::new(self.test(object, inner)?)),
            Condition::Compare(path, comparison, literal) => {
                let column = filter(path)?;
                column.comparable(literal)?;
                Test::Compare(column, *comparison, literal.clone())
            }
            Condition::Like(path, pattern) => Test::Like(filter(path)?, pattern.clone()),
            Condition::In(path, negated, literals) => {
                let column = filter(path)?;
                literals
                    .iter()
                    .try_for_each(|literal| column.comparable(literal))?;
                Test::In(column, *negated, literals.clone())
            }
            Condition::InQuery(path, negated, query) => {
                let column = filter(path)?;
                let found = self.query(query)?;
                let [Item::Path(shown)] = query.select.as_slice() else {
                    return Err(SoqlError::malformed(
                        path.column,
                        "a semi join needs exactly one field",
                    ));
                };
                let from = self.object(&query.from)?;
                let inner = super::check::column(self.org, &from, shown)?;
                let values = found
                    .records
                    .iter()
                    .filter_map(|row| row.get(inner.name())?.as_str());
                Test::In(
                    column,
                    *negated,
                    values
                        .map(|value| Literal::Text(value.to_owned()))
                        .collect(),
                )
            }
        })
    }

    /// The records to look at: by index where the condition pins an indexed field, else all.
    pub(super) fn candidates(&self, object: &Object, test: Option<&Test>) -> Vec<&Row> {
        let pinned = match test {
            Some(Test::And(tests)) => tests.iter().find_map(pins),
            Some(test) => pins(test),
            None => None,
        };
        let Some((field, values)) = pinned else {
            return self
                .org
                .store
                .all(&object.name)
                .map(|(_, row)| row)
                .collect();
        };
        let ids: std::collections::BTreeSet<String> = values
            .iter()
            .flat_map(|value| self.org.store.find(&object.name, field, value))
            .collect();
        ids.iter()
            .filter_map(|id| self.org.store.get(&object.name, id))
            .collect()
    }

    pub(super) fn passes(&self, object: &Object, row: &Row, test: &Test) -> bool {
        match test {
            Test::And(tests) => tests.iter().all(|test| self.passes(object, row, test)),
            Test::Or(tests) => tests.iter().any(|test| self.passes(object, row, test)),
            Test::Not(test) => !self.passes(object, row, test),
            Test::Compare(column, comparison, literal) => self.holds(
                &self.value(object, row, column),
                column,
                *comparison,
                literal,
            ),
            Test::Like(column, pattern) => is_like(&self.value(object, row, column), pattern),
            Test::In(column, negated, literals) => {
                let value = self.value(object, row, column);
                let within = |literal| self.holds(&value, column, Comparison::Equal, literal);
                literals.iter().any(within) != *negated
            }
        }
    }

    /// Follows a column from a record to its value.
    pub(super) fn value(&self, object: &Object, row: &Row, column: &Column) -> Value {
        let mut here = (object, row);
        for (_, field) in &column.steps {
            let Some(next) = text(here.1, field).and_then(|id| self.org.any(id)) else {
                return Value::Null;
            };
            here = next;
        }
        match &column.leaf {
            Leaf::Field(field) => self.org.read(here.0, here.1, field),
            Leaf::Named("Type") => json!(here.0.name),
            Leaf::Named(name) => here.1.get(*name).cloned().unwrap_or(Value::Null),
        }
    }

    fn holds(
        &self,
        value: &Value,
        column: &Column,
        comparison: Comparison,
        literal: &Literal,
    ) -> bool {
        let is_id = matches!(column.kind(), Type::Id | Type::Reference);
        let exact = column.case_sensitive() || is_id;
        match literal {
            Literal::Text(text) if is_id => {
                let id = ids::normalise(text).map_or(Literal::Null, Literal::Text);
                self.compares(value, comparison, &id, exact)
            }
            _ => self.compares(value, comparison, literal, exact),
        }
    }

    /// The same for a value that is no field's: without case.
    pub(super) fn holds_plainly(
        &self,
        value: &Value,
        comparison: Comparison,
        literal: &Literal,
    ) -> bool {
        self.compares(value, comparison, literal, false)
    }

    fn compares(
        &self,
        value: &Value,
        comparison: Comparison,
        literal: &Literal,
        exact: bool,
    ) -> bool {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        if value.is_null() || *literal == Literal::Null {
            let same = value.is_null() && *literal == Literal::Null;
            return match comparison {
                Equal => same,
                NotEqual => !same,
                _ => false,
            };
        }
        if let Literal::Days(name, count) = literal {
            let Some((first, after)) = dates::range(name, *count, self.org.now) else {
                return false;
            };
            // Dates and datetimes both sort as text, and a day's name sorts before its first
            // moment.
            let value = value.as_str().unwrap_or_default();
            let (past, future) = (value < first.as_str(), value >= after.as_str());
            return match comparison {
                Equal => !past && !future,
                NotEqual => past || future,
                Less => past,
                LessOrEqual => !future,
                Greater => future,
                GreaterOrEqual => !past,
            };
        }
        let wanted = match literal {
            Literal::Text(text) | Literal::Date(text) | Literal::DateTime(text) => json!(text),
            Literal::Number(number) => json!(number),
            Literal::Boolean(flag) => json!(flag),
            Literal::Null | Literal::Days(..) => Value::Null,
        };
        let order = match (value.as_str(), wanted.as_str()) {
            (Some(a), Some(b)) if exact => a.cmp(b),
            _ => compare(value, &wanted),
        };
        match comparison {
            Equal => order.is_eq(),
            NotEqual => order.is_ne(),
            Less => order.is_lt(),
            LessOrEqual => order.is_le(),
            Greater => order.is_gt(),
            GreaterOrEqual => order.is_ge(),
        }
    }
}

/// The indexed field a test pins to certain values.
fn pins(condition: &Test) -> Option<(&str, Vec<String>)> {
    let value_of = |column: &Column, literal: &Literal| match literal {
        Literal::Text(text) if matches!(column.kind(), Type::Id | Type::Reference) => {
            ids::normalise(text)
        }
        Literal::Text(text) => Some(text.clone()),
        _ => None,
    };
    match condition {
        Test::Compare(column, Comparison::Equal, literal) => {
            Some((column.index()?, vec![value_of(column, literal)?]))
        }
        Test::In(column, false, literals) => {
            let values: Option<Vec<String>> = literals
                .iter()
                .map(|literal| value_of(column, literal))
                .collect();
            Some((column.index()?, values?))
        }
        _ => None,
    }
}

/// The vendor's order: text without case, numbers by size, false before true.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => a
            .as_f64()
            .partial_cmp(&b.as_f64())
            .unwrap_or(Ordering::Equal),
    }
}

/// Whether a text fits a pattern, without case.
pub(super) fn is_like(value: &Value, pattern: &[Pattern]) -> bool {
    value
        .as_str()
        .is_some_and(|value| like(&value.to_lowercase().chars().collect::<Vec<_>>(), pattern))
}

fn like(text: &[char], pattern: &[Pattern]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Pattern::AnyMany, rest)) => {
            (0..=text.len()).any(|skip| text.get(skip..).is_some_and(|t| like(t, rest)))
        }
        Some((one, rest)) => text.split_first().is_some_and(|(first, tail)| {
            let fits = match one {
                Pattern::One(c) => c.to_lowercase().eq(std::iter::once(*first)),
                Pattern::AnyOne | Pattern::AnyMany => true,
            };
            fits && like(tail, rest)
        }),
    }
}
