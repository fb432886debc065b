//! Whether a row passes a filter.

use jiff::Timestamp;
use serde_json::Value;

use super::filter::{Filter, Literal, wrong};
use crate::dynamics365::environment::{Environment, Row};
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::{Column, Table, Type};
use crate::dynamics365::values::guid;

impl Environment {
    /// Whether a row passes.
    pub(crate) fn passes(&self, table: &Table, row: &Row, filter: &Filter) -> Outcome<bool> {
        Ok(match filter {
            Filter::And(a, b) => self.passes(table, row, a)? && self.passes(table, row, b)?,
            Filter::Or(a, b) => self.passes(table, row, a)? || self.passes(table, row, b)?,
            Filter::Not(inner) => !self.passes(table, row, inner)?,
            Filter::Compare(path, operator, literal) => {
                let (column, value) = self.at(table, row, path)?;
                compared(&column, value.as_ref(), operator, literal)?
            }
            Filter::Text(function, path, text) => {
                let (column, value) = self.at(table, row, path)?;
                if !matches!(column.is, Type::String | Type::Memo) {
                    return Err(wrong(&format!("'{path}' is no string.")));
                }
                let value = value.as_ref().and_then(Value::as_str).unwrap_or_default();
                let (value, text) = (value.to_lowercase(), text.to_lowercase());
                match function.as_str() {
                    "contains" => value.contains(&text),
                    "startswith" => value.starts_with(&text),
                    _ => value.ends_with(&text),
                }
            }
            Filter::In(name, literals) => {
                let column = table.column(name).or_else(|| table.readable(name));
                let column = column.ok_or_else(|| Refusal::no_property(name, &table.name))?;
                let (column, value) = self.at(table, row, &column.value_name())?;
                for literal in literals {
                    let literal = match literal {
                        Literal::Text(text)
                            if column.is.is_lookup() || column.is == Type::Uniqueidentifier =>
                        {
                            Literal::Word(text.clone())
                        }
                        Literal::Text(text) if column.is.is_choice() => {
                            text.parse().map_or(Literal::Null, Literal::Number)
                        }
                        other => other.clone(),
                    };
                    if compared(&column, value.as_ref(), "eq", &literal)? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }

    /// The value at a property, or at one of the record a navigation property leads to.
    pub(crate) fn at(
        &self,
        table: &Table,
        row: &Row,
        path: &str,
    ) -> Outcome<(Column, Option<Value>)> {
        if let Some((navigation, rest)) = path.split_once('/') {
            let known = table.navigation(navigation);
            let (column, targets) =
                known.ok_or_else(|| Refusal::no_property(navigation, &table.name))?;
            let target = targets.first().and_then(|target| self.schema.table(target));
            let target = target.ok_or_else(|| Refusal::no_property(navigation, &table.name))?;
            let to = row
                .reference(&column.name)
                .filter(|(to, _)| *to == target.name);
            let to = to.and_then(|(to, id)| self.row(to, id));
            let nothing = Row {
                values: std::collections::BTreeMap::new(),
                version: 0,
            };
            return self.at(target, to.unwrap_or(&nothing), rest);
        }
        let column = table.readable(path);
        let column = column.ok_or_else(|| Refusal::no_property(path, &table.name))?;
        let value = match row.reference(&column.name) {
            Some((_, id)) => Some(Value::from(id)),
            None => row.values.get(&column.name).cloned(),
        };
        Ok((column.clone(), value))
    }
}

fn compared(
    column: &Column,
    value: Option<&Value>,
    operator: &str,
    literal: &Literal,
) -> Outcome<bool> {
    use std::cmp::Ordering;
    let incompatible = || {
        wrong(&format!(
            "A binary operator with incompatible types was detected. Found operand types for operator kind '{operator}' \
             of the property '{}'.",
            column.name
        ))
    };
    if *literal == Literal::Null || value.is_none() {
        let both = (*literal == Literal::Null) && value.is_none();
        // A filter is checked, even where the row has no value.
        check(column, literal).ok_or_else(incompatible)?;
        return Ok(match operator {
            "eq" => both,
            "ne" => !both,
            _ => false,
        });
    }
    check(column, literal).ok_or_else(incompatible)?;
    let Some(value) = value else { return Ok(false) };
    let order = match literal {
        Literal::Text(text) => {
            let value = value.as_str().unwrap_or_default().to_lowercase();
            value.cmp(&text.to_lowercase())
        }
        Literal::Number(number) => value
            .as_f64()
            .and_then(|value| value.partial_cmp(number))
            .unwrap_or(Ordering::Less),
        Literal::Flag(flag) => value.as_bool().unwrap_or_default().cmp(flag),
        Literal::Word(word) => {
            let value = value.as_str().unwrap_or_default();
            match (value.parse::<Timestamp>(), word.parse::<Timestamp>()) {
                (Ok(value), Ok(wanted)) => value.cmp(&wanted),
                _ => value.cmp(word.to_lowercase().as_str()),
            }
        }
        Literal::Null => Ordering::Less,
    };
    Ok(match operator {
        "eq" => order == Ordering::Equal,
        "ne" => order != Ordering::Equal,
        "gt" => order == Ordering::Greater,
        "ge" => order != Ordering::Less,
        "lt" => order == Ordering::Less,
        _ => order != Ordering::Greater,
    })
}

/// Whether a literal is of the column's type.
fn check(column: &Column, literal: &Literal) -> Option<()> {
    let right = match literal {
        Literal::Null => true,
        Literal::Text(_) => matches!(column.is, Type::String | Type::Memo | Type::EntityName),
        Literal::Number(_) => {
            column.is.is_choice() || matches!(column.is, Type::Integer | Type::BigInt | Type::Money)
        }
        Literal::Flag(_) => column.is == Type::Boolean,
        Literal::Word(word) => match column.is {
            Type::Uniqueidentifier => guid(word).is_some(),
            Type::DateTime => word.parse::<Timestamp>().is_ok(),
            Type::Date => word.parse::<jiff::civil::Date>().is_ok(),
            is => is.is_lookup() && guid(word).is_some(),
        },
    };
    right.then_some(())
}
