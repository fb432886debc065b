//! Capacity units of every call, whether the client asked for them or not.
//!
//! Before the call the request is made to report its capacity, and a conditional write to bring the item its
//! condition failed on; after it, whatever the client did not ask for is taken out again. AWS reports nothing for a
//! write whose condition failed, nor for a batch in which every statement failed, yet charges the larger of the
//! item that stands and the item that was to be written: this adds them.

use dynoxide::DynoxideError;
use dynoxide::types::{
    AttributeValue, Item, TRANSACTIONAL_CAPACITY_FACTOR, item_size, table_write_capacity_units,
};
use serde_json::{Map, Value};

const ON_FAILURE: &str = "ReturnValuesOnConditionCheckFailure";

/// What a call consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) write: f64,
    pub(crate) read: f64,
}

/// Remembers what the client asked for, and the request itself where a failure is charged by it.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    kind: Kind,
    hide_capacity: bool,
    /// For each statement, or for the one write: was the item of a failed condition asked for by us alone?
    hide_items: Vec<bool>,
    /// What each write would cost if it failed, without regard to the item that stands.
    attempts: Vec<Option<usize>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unmetered,
    Read,
    Write,
    Transaction,
}

impl Meter {
    /// Changes the request so that its answer says what it cost.
    pub(crate) fn attach(
        operation: &str,
        mut body: Map<String, Value>,
    ) -> (Self, Map<String, Value>) {
        let kind = match operation {
            "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems" => Kind::Read,
            "ExecuteStatement" if reads(body.get("Statement")) => Kind::Read,
            "BatchExecuteStatement" if all_read(&body, "Statements") => Kind::Read,
            "ExecuteTransaction" if all_read(&body, "TransactStatements") => Kind::Read,
            "TransactWriteItems" | "ExecuteTransaction" => Kind::Transaction,
            "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "BatchWriteItem"
            | "ExecuteStatement"
            | "BatchExecuteStatement" => Kind::Write,
            _ => return (Self::default(), body),
        };
        let mut meter = Self {
            kind,
            ..Self::default()
        };
        meter.hide_capacity = force(&mut body, "ReturnConsumedCapacity", "TOTAL");
        match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => {
                meter.attempts.push(size(body.get("Item")));
                let conditional = body.contains_key("ConditionExpression");
                meter
                    .hide_items
                    .push(conditional && force(&mut body, ON_FAILURE, "ALL_OLD"));
            }
            "ExecuteStatement" => meter.watch_statement(&mut body),
            "BatchExecuteStatement" => {
                for statement in objects(&mut body, "Statements") {
                    meter.watch_statement(statement);
                }
            }
            "ExecuteTransaction" => {
                meter.attempts = list(&body, "TransactStatements")
                    .map(attempted_by_insert)
                    .collect();
            }
            "TransactWriteItems" => {
                meter.attempts = list(&body, "TransactItems")
                    .map(|w| size(w.pointer("/Put/Item")))
                    .collect();
            }
            _ => {}
        }
        (meter, body)
    }

    fn watch_statement(&mut self, statement: &mut Map<String, Value>) {
        let updates = ["UPDATE", "DELETE"]
            .iter()
            .any(|verb| begins(statement.get("Statement"), verb));
        self.attempts
            .push(attempted_by_insert(&Value::Object(statement.clone())));
        self.hide_items
            .push(updates && force(statement, ON_FAILURE, "ALL_OLD"));
    }

    /// Takes the units off a successful answer.
    pub(crate) fn read_off(&self, body: &mut Value) -> Units {
        let mut units = Units::default();
        match body.get("ConsumedCapacity") {
            Some(Value::Array(tables)) => {
                for table in tables {
                    self.add(table, &mut units);
                }
            }
            Some(table) => self.add(table, &mut units),
            None if self.kind == Kind::Write => units.write += self.all_failed(body),
            None => {}
        }
        if self.hide_capacity
            && let Some(body) = body.as_object_mut()
        {
            body.remove("ConsumedCapacity");
        }
        if let Some(Value::Array(responses)) = body.get_mut("Responses") {
            for (response, hide) in responses.iter_mut().zip(&self.hide_items) {
                if *hide && let Some(Value::Object(error)) = response.get_mut("Error") {
                    error.remove("Item");
                }
            }
        }
        units
    }

    /// Charges a failed write, and takes out of the answer what the client did not ask for.
    pub(crate) fn charge_failure(&self, error: &DynoxideError, body: &mut Value) -> Units {
        let write = match error {
            DynoxideError::ConditionalCheckFailedException(_, standing) => {
                self.one_failed(standing.as_ref())
            }
            DynoxideError::StatementConditionalCheckFailed(_, standing) => {
                self.one_failed(Some(standing))
            }
            DynoxideError::DuplicateItemException(_) => self.one_failed(None),
            DynoxideError::TransactionCanceledException(..) => {
                let units = self
                    .attempts
                    .iter()
                    .map(|attempt| table_write_capacity_units(None, *attempt));
                units.sum::<f64>() * TRANSACTIONAL_CAPACITY_FACTOR
            }
            _ => 0.0,
        };
        if self.hide_items.first() == Some(&true)
            && let Some(body) = body.as_object_mut()
        {
            body.remove("Item");
        }
        Units { write, read: 0.0 }
    }

    fn one_failed(&self, standing: Option<&Item>) -> f64 {
        table_write_capacity_units(
            standing.map(item_size),
            self.attempts.first().copied().flatten(),
        )
    }

    /// A batch of statements that reports no capacity is one in which all of them failed.
    fn all_failed(&self, body: &Value) -> f64 {
        let Some(Value::Array(responses)) = body.get("Responses") else {
            return 0.0;
        };
        let failed = responses
            .iter()
            .zip(&self.attempts)
            .filter_map(|(response, attempt)| {
                let error = response.get("Error")?;
                let charged = matches!(
                    error.get("Code")?.as_str()?,
                    "DuplicateItem" | "ConditionalCheckFailed"
                );
                charged.then(|| table_write_capacity_units(size(error.get("Item")), *attempt))
            });
        failed.sum()
    }

    /// Transactions and replays tell writes from reads; the others are what their operation is.
    fn add(&self, table: &Value, units: &mut Units) {
        let number = |name: &str| table.get(name).and_then(Value::as_f64);
        let (write, read) = (number("WriteCapacityUnits"), number("ReadCapacityUnits"));
        if write.is_some() || read.is_some() {
            units.write += write.unwrap_or(0.0);
            units.read += read.unwrap_or(0.0);
            return;
        }
        let total = number("CapacityUnits").unwrap_or(0.0);
        match self.kind {
            Kind::Read => units.read += total,
            Kind::Write | Kind::Transaction => units.write += total,
            Kind::Unmetered => {}
        }
    }
}

/// Sets a parameter that is absent or `NONE`. True when it did.
fn force(body: &mut Map<String, Value>, parameter: &str, value: &str) -> bool {
    let absent = body
        .get(parameter)
        .is_none_or(|asked| asked.is_null() || asked == "NONE");
    if absent {
        body.insert(parameter.to_owned(), value.into());
    }
    absent
}

fn reads(statement: Option<&Value>) -> bool {
    begins(statement, "SELECT")
}

fn all_read(body: &Map<String, Value>, statements: &str) -> bool {
    list(body, statements).all(|statement| reads(statement.get("Statement")))
}

fn begins(statement: Option<&Value>, verb: &str) -> bool {
    let text = statement
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim_start();
    text.get(..verb.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

fn list<'a>(body: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    body.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn objects<'a>(
    body: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let members = body.get_mut(name).and_then(Value::as_array_mut);
    members
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn size(item: Option<&Value>) -> Option<usize> {
    let item: Item = serde_json::from_value(item?.clone()).ok()?;
    Some(item_size(&item))
}

/// The item in an `INSERT`: its quoted names and literals, and the parameters. `None` for other statements.
fn attempted_by_insert(statement: &Value) -> Option<usize> {
    let text = statement.get("Statement");
    if !begins(text, "INSERT") {
        return None;
    }
    let quoted = text
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split('\'')
        .skip(1)
        .step_by(2);
    let parameters = statement
        .get("Parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let values =
        parameters.filter_map(|value| serde_json::from_value::<AttributeValue>(value.clone()).ok());
    Some(quoted.map(str::len).sum::<usize>() + values.map(|value| value.size()).sum::<usize>())
}
