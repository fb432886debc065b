//! Making a column or an alternate key, as a solution of the customer's own does.

use serde_json::{Map, Value};

use super::metadata_id;
use crate::dynamics365::api::{Call, done};
use crate::dynamics365::environment::Environment;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::{Column, Key, Table, Type};
use crate::oauth::Answer;

/// A label's text.
fn words(body: &Map<String, Value>) -> String {
    let label = body
        .get("DisplayName")
        .and_then(|name| name.pointer("/LocalizedLabels/0/Label"));
    label.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A name of a customer's own begins with the prefix of its publisher.
fn prefixed(name: &str) -> Outcome<()> {
    let prefix = name
        .split_once('_')
        .map(|(prefix, rest)| (prefix.len(), rest.is_empty()));
    if matches!(prefix, Some((2..=8, false))) {
        return Ok(());
    }
    let message = format!("The name '{name}' must start with a valid customization prefix.");
    Err(Refusal::new(400, "0x8004f026", message))
}

pub(super) fn column(env: &mut Environment, call: &Call<'_>, table: &Table) -> Outcome<Answer> {
    let body = call.body("Attributes")?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("@odata.type").trim_start_matches('#');
    let kind = kind
        .strip_prefix("Microsoft.Dynamics.CRM.")
        .unwrap_or_default();
    let (is, default) = match kind {
        "StringAttributeMetadata" => (Type::String, 100),
        "MemoAttributeMetadata" => (Type::Memo, 2_000),
        "IntegerAttributeMetadata" => (Type::Integer, 0),
        "DateTimeAttributeMetadata" => (Type::DateTime, 0),
        _ => {
            let message = format!("The sandbox makes no columns of the type '{kind}'.");
            return Err(Refusal::new(501, "0x80040800", message));
        }
    };
    let schema = text("SchemaName");
    prefixed(schema)?;
    if table.column(&schema.to_lowercase()).is_some() {
        let message = format!("An attribute with the specified name {schema} already exists");
        return Err(Refusal::new(400, "0x80044363", message));
    }
    let max = body
        .get("MaxLength")
        .and_then(Value::as_u64)
        .and_then(|max| usize::try_from(max).ok());
    let column = Column::custom(schema, is, max.unwrap_or(default), &words(&body));
    let id = metadata_id(&format!("{}.{}", table.name, column.name));
    if let Some(table) = env.schema.table_mut(&table.name) {
        table.columns.push(column);
    }
    let at = format!(
        "{}/api/data/v9.2/EntityDefinitions({})/Attributes({id})",
        env.base_url,
        metadata_id(&table.name)
    );
    Ok(done().with("odata-entityid", at))
}

pub(super) fn key(env: &mut Environment, call: &Call<'_>, table: &Table) -> Outcome<Answer> {
    let body = call.body("Keys")?;
    let schema = body
        .get("SchemaName")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    prefixed(&schema)?;
    let columns: Vec<String> = body
        .get("KeyAttributes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if columns.is_empty() || columns.len() > 16 {
        return Err(Refusal::query("A key has 1 to 16 columns."));
    }
    for name in &columns {
        table
            .column(name)
            .ok_or_else(|| Refusal::no_property(name, &table.name))?;
    }
    if table.keys.len() >= 10 || table.keys.iter().any(|key| key.schema == schema) {
        return Err(Refusal::query(
            "The table has that key, or ten keys already.",
        ));
    }
    let made = env.now;
    let id = metadata_id(&format!("{}.{schema}", table.name));
    if let Some(table) = env.schema.table_mut(&table.name) {
        table.keys.push(Key {
            schema,
            columns,
            made,
        });
    }
    let at = format!(
        "{}/api/data/v9.2/EntityDefinitions(LogicalName='{}')/Keys({id})",
        env.base_url, table.name
    );
    Ok(done().with("odata-entityid", at))
}
