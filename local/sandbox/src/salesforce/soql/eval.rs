//! Runs a checked query over the records and writes the rows in the vendor's shape.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::org::Org;
use super::super::schema::{CHILDREN, Field, Object, Type};
use super::super::store::{self, Row, text};
use super::SoqlError;
use super::check::{Column, column};
use super::tree::{Item, Path, Query};

/// What a query found.
#[derive(Debug, Clone)]
pub(in crate::salesforce) struct Found {
    pub(in crate::salesforce) total: usize,
    pub(in crate::salesforce) records: Vec<Value>,
    /// The columns in their order, `Account.Name`; a subquery has none.
    pub(in crate::salesforce) columns: Vec<String>,
}

pub(super) struct Run<'a> {
    pub(super) org: &'a Org,
    pub(super) all: bool,
    pub(super) version: u32,
}

/// One thing to write into each row.
enum Shown {
    Column(Column),
    Child {
        name: &'static str,
        object: String,
        field: &'static str,
        query: Query,
    },
}

pub(super) type Ran<T> = Result<T, SoqlError>;

impl Run<'_> {
    pub(super) fn query(&self, query: &Query) -> Ran<Found> {
        let object = self.object(&query.from)?;
        self.rows_to_found(query, &object, None)
    }

    pub(super) fn object(&self, from: &(String, usize)) -> Ran<Arc<Object>> {
        self.org.object(&from.0).cloned().map_err(|_| SoqlError {
            column: from.1,
            code: "INVALID_TYPE",
            message: format!("sObject type '{}' is not supported.", from.0),
        })
    }

    /// Runs a query; as a child query, only over the children of one parent.
    fn rows_to_found(
        &self,
        query: &Query,
        object: &Object,
        parent: Option<(&str, &str)>,
    ) -> Ran<Found> {
        if query.offset > 2000 {
            let message = "Maximum SOQL offset allowed is 2000";
            return Err(SoqlError {
                column: 1,
                code: "NUMBER_OUTSIDE_VALID_RANGE",
                message: message.to_owned(),
            });
        }
        if query.is_grouped() {
            return self.grouped(query, object);
        }
        let shown = self.shown(query, object)?;
        let mut rows = self.rows(query, object, parent)?;
        self.sort(query, object, &mut rows)?;
        let rows = rows
            .into_iter()
            .skip(query.offset)
            .take(query.limit.unwrap_or(usize::MAX));
        if query.select == [Item::Count] {
            return Ok(Found {
                total: rows.count(),
                records: Vec::new(),
                columns: Vec::new(),
            });
        }
        let records: Ran<Vec<Value>> = rows.map(|row| self.write(object, row, &shown)).collect();
        let records = records?;
        let columns = shown.iter().filter_map(|shown| match shown {
            Shown::Column(column) => Some(column.dotted()),
            Shown::Child { .. } => None,
        });
        Ok(Found {
            total: records.len(),
            records,
            columns: columns.collect(),
        })
    }

    /// The rows that the condition lets through, in no particular order.
    pub(super) fn rows(
        &self,
        query: &Query,
        object: &Object,
        parent: Option<(&str, &str)>,
    ) -> Ran<Vec<&Row>> {
        let test = query
            .filter
            .as_ref()
            .map(|filter| self.test(object, filter))
            .transpose()?;
        Ok(self
            .candidates(object, test.as_ref())
            .into_iter()
            .filter(|row| self.all || !store::is_deleted(row))
            .filter(|row| parent.is_none_or(|(field, id)| text(row, field) == Some(id)))
            .filter(|row| {
                test.as_ref()
                    .is_none_or(|test| self.passes(object, row, test))
            })
            .collect())
    }

    fn sort(&self, query: &Query, object: &Object, rows: &mut [&Row]) -> Ran<()> {
        let order: Ran<Vec<_>> = query
            .order
            .iter()
            .map(|o| {
                let column = column(self.org, object, &o.path)?.sortable()?;
                Ok((column, o))
            })
            .collect();
        let order = order?;
        rows.sort_by(|a, b| {
            let keys = order.iter().map(|(column, order)| {
                let (a, b) = (self.value(object, a, column), self.value(object, b, column));
                order.of(&a, &b)
            });
            keys.fold(Ordering::Equal, Ordering::then)
                .then_with(|| text(a, "Id").cmp(&text(b, "Id")))
        });
        Ok(())
    }

    fn shown(&self, query: &Query, object: &Object) -> Ran<Vec<Shown>> {
        let mut shown = Vec::new();
        for item in &query.select {
            match item {
                Item::Path(path) => shown.push(Shown::Column(column(self.org, object, path)?)),
                Item::Fields(which) => {
                    if query.limit.is_none_or(|limit| limit > 200) && which != "STANDARD" {
                        let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(SoqlError::malformed(1, message));
                    }
                    let wanted = |field: &&Field| {
                        let kind = match which.as_str() {
                            "ALL" => true,
                            "CUSTOM" => field.custom(),
                            _ => !field.custom(),
                        };
                        kind && field.is != Type::JunctionIdList && self.org.sees(field)
                    };
                    for field in object.fields.iter().filter(wanted) {
                        let path = Path {
                            function: None,
                            parts: vec![field.name.clone()],
                            column: 1,
                        };
                        shown.push(Shown::Column(column(self.org, object, &path)?));
                    }
                }
                Item::Count if query.select.len() > 1 => {
                    return Err(SoqlError::malformed(
                        1,
                        "COUNT must be alone: Grouped field should not be aggregated",
                    ));
                }
                // The last two make the query a grouped one, which does not come here.
                Item::Count | Item::Aggregate(..) | Item::Renamed(..) => {}
                Item::Child(child) => shown.push(self.child(object, child)?),
            }
        }
        Ok(shown)
    }

    fn child(&self, object: &Object, child: &Query) -> Ran<Shown> {
        let (name, at) = &child.from;
        let relation = CHILDREN.iter().find(|(parent, relation, ..)| {
            *parent == object.name && relation.eq_ignore_ascii_case(name)
        });
        let there = relation.filter(|(_, _, child, _)| self.org.object(child).is_ok());
        let Some((_, relation, target, field)) = there else {
            let message =
                format!("Didn't understand relationship '{name}' in FROM part of query call.");
            return Err(SoqlError {
                column: *at,
                code: "INVALID_TYPE",
                message,
            });
        };
        let definition = self.object(&((*target).to_owned(), *at))?;
        // Run once over no rows, so that a wrong field is refused even when there is no parent.
        self.rows_to_found(child, &definition, Some(("Id", "")))?;
        Ok(Shown::Child {
            name: relation,
            object: (*target).to_owned(),
            field,
            query: child.clone(),
        })
    }

    fn write(&self, object: &Object, row: &Row, shown: &[Shown]) -> Ran<Value> {
        let id = text(row, "Id").unwrap_or_default();
        let mut out = Map::new();
        out.insert(
            "attributes".to_owned(),
            Org::attributes(&object.name, id, self.version),
        );
        for one in shown {
            match one {
                Shown::Column(column) => self.write_column(object, row, column, &mut out),
                Shown::Child {
                    name,
                    object,
                    field,
                    query,
                } => {
                    let definition = self.object(&(object.clone(), 1))?;
                    let found = self.rows_to_found(query, &definition, Some((field, id)))?;
                    let list =
                        json!({ "totalSize": found.total, "done": true, "records": found.records });
                    out.insert(
                        (*name).to_owned(),
                        if found.total == 0 { Value::Null } else { list },
                    );
                }
            }
        }
        Ok(Value::Object(out))
    }

    fn write_column(
        &self,
        object: &Object,
        row: &Row,
        column: &Column,
        out: &mut Map<String, Value>,
    ) {
        let mut here = (object, row);
        let mut place = out;
        for (via, field) in &column.steps {
            let Some(next) = text(here.1, field).and_then(|id| self.org.any(id)) else {
                place.insert(via.clone(), Value::Null);
                return;
            };
            here = next;
            let id = text(here.1, "Id").unwrap_or_default();
            let nested = place.entry(via.clone()).or_insert_with(|| {
                // The vendor calls the target of a polymorphic reference by its own kind here.
                json!({ "attributes": Org::attributes(&here.0.name, id, self.version) })
            });
            let Some(nested) = nested.as_object_mut() else {
                return;
            };
            place = nested;
        }
        let value = self.value(object, row, column);
        place.insert(column.name().to_owned(), value);
    }
}
