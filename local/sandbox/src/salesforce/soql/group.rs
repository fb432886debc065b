//! Queries that put rows together: aggregates, `GROUP BY`, `HAVING`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::schema::{Object, Type};
use super::super::store::Row;
use super::SoqlError;
use super::check::{Column, column};
use super::eval::{Found, Ran, Run};
use super::filter::compare;
use super::tree::{Condition, Item, Order, Path, Query};

/// The most groups that are given.
const GROUPS_MOST: usize = 2_000;

impl Query {
    /// Whether rows are put together; `COUNT()` alone only counts them.
    pub(super) fn is_grouped(&self) -> bool {
        let gathers = |item: &Item| matches!(item, Item::Aggregate(..) | Item::Renamed(..));
        !self.group.is_empty() || self.select.iter().any(gathers)
    }
}

impl Order {
    /// How two values stand in this order.
    pub(super) fn of(&self, a: &Value, b: &Value) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_last => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) if self.nulls_last => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) if self.descending => compare(b, a),
            (false, false) => compare(a, b),
        }
    }
}

/// One group: the rows that are in it.
struct Group<'a> {
    object: &'a Object,
    rows: Vec<&'a Row>,
}

impl Run<'_> {
    pub(super) fn grouped(&self, query: &Query, object: &Object) -> Ran<Found> {
        let keys: Vec<Column> = query
            .group
            .iter()
            .map(|path| groupable(column(self.org, object, path)?))
            .collect::<Ran<_>>()?;
        let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in self.rows(query, object, None)? {
            let values: Vec<Value> = keys
                .iter()
                .map(|key| self.value(object, row, key))
                .collect();
            let name = json!(values).to_string().to_lowercase();
            groups.entry(name).or_default().push(row);
        }
        if keys.is_empty() {
            // Without groups there is one, also of no rows.
            groups.entry("[]".to_owned()).or_default();
        }
        let groups = groups.into_values().map(|rows| Group { object, rows });
        let mut kept = Vec::new();
        for group in groups {
            let keeps = query.having.as_ref();
            if keeps.map_or(Ok(true), |test| self.keeps(query, &group, test))? {
                kept.push(group);
            }
        }
        let mut rows: Vec<(Vec<Value>, Value)> = kept
            .iter()
            .map(|group| {
                let by = query.order.iter();
                let by: Ran<Vec<Value>> = by.map(|o| self.of(query, group, &o.path)).collect();
                Ok((by?, self.line(query, group)?))
            })
            .collect::<Ran<_>>()?;
        rows.sort_by(|(a, _), (b, _)| {
            let by = query.order.iter().zip(a.iter().zip(b));
            by.map(|(order, (a, b))| order.of(a, b))
                .fold(Ordering::Equal, Ordering::then)
        });
        let most = query.limit.unwrap_or(GROUPS_MOST).min(GROUPS_MOST);
        let rows = rows.into_iter().skip(query.offset).take(most);
        let records: Vec<Value> = rows.map(|(_, line)| line).collect();
        Ok(Found {
            total: records.len(),
            records,
            columns: Vec::new(),
        })
    }

    /// What is shown of a group.
    fn line(&self, query: &Query, group: &Group) -> Ran<Value> {
        let mut line = Map::new();
        line.insert(
            "attributes".to_owned(),
            json!({ "type": "AggregateResult" }),
        );
        let mut unnamed = 0;
        for item in &query.select {
            let (path, name) = match item {
                Item::Path(path) => {
                    let column = column(self.org, group.object, path)?;
                    (path, column.name().to_owned())
                }
                Item::Renamed(path, name) | Item::Aggregate(path, Some(name)) => {
                    (path, name.clone())
                }
                Item::Aggregate(path, None) => {
                    unnamed += 1;
                    (path, format!("expr{}", unnamed - 1))
                }
                Item::Count | Item::Fields(_) | Item::Child(_) => {
                    let message = "Grouped queries select grouped fields and aggregates only";
                    return Err(SoqlError::malformed(1, message));
                }
            };
            line.insert(name, self.of(query, group, path)?);
        }
        Ok(Value::Object(line))
    }

    /// A grouped field or an aggregate of one group.
    fn of(&self, query: &Query, group: &Group, path: &Path) -> Ran<Value> {
        let Some(function) = &path.function else {
            let named = query.select.iter().find_map(|item| match item {
                Item::Aggregate(inner, Some(name)) | Item::Renamed(inner, name)
                    if path.parts.len() == 1
                        && path
                            .parts
                            .iter()
                            .all(|part| part.eq_ignore_ascii_case(name)) =>
                {
                    Some(inner)
                }
                _ => None,
            });
            if let Some(inner) = named.filter(|inner| *inner != path) {
                return self.of(query, group, inner);
            }
            let wanted = column(self.org, group.object, path)?;
            let mut keys = query.group.iter();
            let is_key = keys.any(|key| {
                column(self.org, group.object, key).is_ok_and(|key| key.dotted() == wanted.dotted())
            });
            if !is_key {
                let message = format!("Field must be grouped or aggregated: {}", wanted.name());
                return Err(SoqlError::malformed(path.column, message));
            }
            let row = group.rows.first();
            return Ok(row.map_or(Value::Null, |row| self.value(group.object, row, &wanted)));
        };
        let plain = Path {
            function: None,
            ..path.clone()
        };
        let column = column(self.org, group.object, &plain)?;
        let numeric = matches!(
            column.kind(),
            Type::Int | Type::Double | Type::Currency | Type::Percent
        );
        let counts = function.starts_with("COUNT");
        let orders = matches!(function.as_str(), "MIN" | "MAX") && column.kind() != Type::Boolean;
        let column = column.filterable()?;
        if !numeric && !counts && !orders {
            let message = format!(
                "field {} does not support aggregate operator {function}",
                column.name()
            );
            return Err(SoqlError::malformed(path.column, message));
        }
        let values = group
            .rows
            .iter()
            .map(|row| self.value(group.object, row, &column));
        let values: Vec<Value> = values.filter(|value| !value.is_null()).collect();
        Ok(aggregate(function, &values))
    }

    fn keeps(&self, query: &Query, group: &Group, test: &Condition) -> Ran<bool> {
        Ok(match test {
            Condition::And(tests) => {
                for test in tests {
                    if !self.keeps(query, group, test)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Or(tests) => {
                for test in tests {
                    if self.keeps(query, group, test)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::Not(inner) => !self.keeps(query, group, inner)?,
            Condition::Compare(path, comparison, literal) => {
                let value = self.of(query, group, path)?;
                self.holds_plainly(&value, *comparison, literal)
            }
            Condition::Like(path, pattern) => {
                super::filter::is_like(&self.of(query, group, path)?, pattern)
            }
            Condition::In(path, negated, literals) => {
                let value = self.of(query, group, path)?;
                let equal = super::tree::Comparison::Equal;
                let within = |literal| self.holds_plainly(&value, equal, literal);
                literals.iter().any(within) != *negated
            }
            Condition::InQuery(path, ..) => {
                let message = "semi joins are not possible in HAVING";
                return Err(SoqlError::malformed(path.column, message));
            }
        })
    }
}

fn groupable(column: Column) -> Ran<Column> {
    if matches!(column.kind(), Type::Datetime | Type::Textarea) {
        let message = format!(
            "field '{}' can not be grouped in a query call",
            column.name()
        );
        return Err(SoqlError::field(column.at, message));
    }
    column.filterable()
}

#[expect(clippy::cast_precision_loss, reason = "no group has that many rows")]
fn aggregate(function: &str, values: &[Value]) -> Value {
    let sum: f64 = values.iter().filter_map(Value::as_f64).sum();
    let extreme = |wanted: Ordering| {
        let better = |a: Value, b: &Value| {
            if compare(b, &a) == wanted {
                b.clone()
            } else {
                a
            }
        };
        let mut values = values.iter();
        let first = values.next().cloned();
        first.map_or(Value::Null, |first| values.fold(first, better))
    };
    match function {
        "COUNT" => json!(values.len()),
        "COUNT_DISTINCT" => {
            let texts = values.iter().map(|value| value.to_string().to_lowercase());
            json!(texts.collect::<BTreeSet<_>>().len())
        }
        _ if values.is_empty() => Value::Null,
        "SUM" => json!(sum),
        "AVG" => json!(sum / values.len() as f64),
        "MIN" => extreme(Ordering::Less),
        _ => extreme(Ordering::Greater),
    }
}
