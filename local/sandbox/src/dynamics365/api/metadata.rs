//! `EntityDefinitions`: tables, their columns and alternate keys, and making a column or a key.

mod making;

use serde_json::{Map, Value, json};

use super::{Call, done, guid_of, ok, refuse_method};
use crate::dynamics365::address::split;
use crate::dynamics365::environment::Environment;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::{Column, Key, Table, Type, label};
use crate::oauth::Answer;

/// The service document: which sets there are.
pub(super) fn service(env: &Environment) -> Value {
    let sets = env
        .schema
        .tables
        .iter()
        .filter(|table| env.has(&table.name));
    let sets: Vec<Value> = sets
        .map(|table| json!({ "name": table.set, "kind": "EntitySet", "url": table.set }))
        .collect();
    json!({ "@odata.context": format!("{}/api/data/v9.2/$metadata", env.base_url), "value": sets })
}

pub(super) fn respond(env: &mut Environment, call: &Call<'_>) -> Outcome<Answer> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some((first, rest)) = segments.split_first() else {
        return refuse_method(call);
    };
    if *first == "EntityDefinitions" {
        if call.method != "GET" {
            return refuse_method(call);
        }
        let all = env
            .schema
            .tables
            .iter()
            .filter(|table| env.has(&table.name));
        let rows = all.map(definition).collect();
        return answer(env, call, rows, "EntityDefinitions");
    }
    let table = named_table(env, first)?;
    match (call.method, rest) {
        ("GET", []) => {
            let mut row = definition(&table);
            for (name, inner) in expanded(call) {
                let rows = match name.as_str() {
                    "Attributes" => table
                        .columns
                        .iter()
                        .map(|c| attribute(&table, c, false))
                        .collect(),
                    "Keys" => table.keys.iter().map(|k| key(env, &table, k)).collect(),
                    other => return Err(Refusal::no_property(other, "EntityMetadata")),
                };
                if let Some(row) = row.as_object_mut() {
                    row.insert(name, Value::Array(selected(rows, &inner)?));
                }
            }
            let mut one = selected(vec![row], &own(call))?.pop().unwrap_or_default();
            context(env, &mut one, "EntityDefinitions/$entity");
            Ok(ok(one))
        }
        ("GET", ["Attributes"]) => {
            let rows = table
                .columns
                .iter()
                .map(|c| attribute(&table, c, false))
                .collect();
            answer(env, call, rows, "Attributes")
        }
        ("GET", ["Attributes", cast]) => {
            let kind = cast.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or(cast);
            if matches!(kind, "EnumAttributeMetadata" | "AttributeMetadata")
                || !kind.ends_with("AttributeMetadata")
            {
                return Err(Refusal::segment(cast));
            }
            let of_kind = table
                .columns
                .iter()
                .filter(|c| c.is.names().1.eq_ignore_ascii_case(kind));
            let options = expanded(call).iter().any(|(name, _)| name == "OptionSet");
            let rows = of_kind.map(|c| attribute(&table, c, options)).collect();
            answer(env, call, rows, "Attributes")
        }
        (method, [one]) if one.starts_with("Attributes(") => {
            let column = named_column(&table, one)?;
            match method {
                "GET" => {
                    let row = attribute(&table, &column, true);
                    let mut row = selected(vec![row], &own(call))?.pop().unwrap_or_default();
                    context(env, &mut row, "Attributes/$entity");
                    Ok(ok(row))
                }
                "DELETE" if column.custom => {
                    if let Some(table) = env.schema.table_mut(&table.name) {
                        table.columns.retain(|known| known.name != column.name);
                    }
                    Ok(done())
                }
                _ => refuse_method(call),
            }
        }
        ("POST", ["Attributes"]) => making::column(env, call, &table),
        ("GET", ["Keys"]) => {
            let rows = table.keys.iter().map(|k| key(env, &table, k)).collect();
            answer(env, call, rows, "Keys")
        }
        ("POST", ["Keys"]) => making::key(env, call, &table),
        _ => refuse_method(call),
    }
}

/// What stands in the parentheses of `X(LogicalName='name')` or `X(guid)`.
fn named(segment: &str) -> Option<String> {
    let inner = segment.split_once('(')?.1.strip_suffix(')')?;
    let text = inner.split_once('=').map_or(inner, |(_, value)| value);
    Some(text.trim_matches('\'').to_owned())
}

fn named_table(env: &Environment, segment: &str) -> Outcome<Table> {
    let name = named(segment).unwrap_or_default();
    let id = guid_of(&name);
    let mut known = env
        .schema
        .tables
        .iter()
        .filter(|table| env.has(&table.name));
    let found = known.find(|table| {
        table.name == name
            || id
                .as_ref()
                .is_some_and(|id| metadata_id(&table.name) == *id)
    });
    found.cloned().ok_or_else(|| {
        let message = format!("Could not find an entity with specified entity name: {name}.");
        Refusal::new(404, "0x80060888", message)
    })
}

fn named_column(table: &Table, segment: &str) -> Outcome<Column> {
    let name = named(segment).unwrap_or_default();
    let id = guid_of(&name);
    let is = |column: &&Column| {
        let own = format!("{}.{}", table.name, column.name);
        column.name == name || id.as_ref().is_some_and(|id| metadata_id(&own) == *id)
    };
    table.columns.iter().find(is).cloned().ok_or_else(|| {
        let message = format!(
            "Could not find an attribute with specified name: {name} for entity {}.",
            table.name
        );
        Refusal::new(404, "0x80060888", message)
    })
}

/// Ids of the metadata depend on nothing but the name.
fn metadata_id(what: &str) -> String {
    crate::oauth::Noise::new(0).guid(&format!("metadata/{what}"))
}

fn definition(table: &Table) -> Value {
    json!({
        "MetadataId": metadata_id(&table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "ObjectTypeCode": table.code,
        "PrimaryIdAttribute": table.id,
        "PrimaryNameAttribute": table.primary,
        "DisplayName": label(&table.label),
        "DisplayCollectionName": label(&table.plural),
        "IsActivity": table.is_activity(),
        "IsCustomEntity": false,
        "ChangeTrackingEnabled": true,
        "OwnershipType": "UserOwned",
    })
}

fn attribute(table: &Table, column: &Column, options: bool) -> Value {
    let (kind, derived) = column.is.names();
    let (required, can) = (column.required(), "canmodifyrequirementlevelsettings");
    let mut shown = Map::new();
    let mut add = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    add(
        "@odata.type",
        json!(format!("#Microsoft.Dynamics.CRM.{derived}")),
    );
    add(
        "MetadataId",
        json!(metadata_id(&format!("{}.{}", table.name, column.name))),
    );
    add("EntityLogicalName", json!(table.name));
    add("LogicalName", json!(column.name));
    add("SchemaName", json!(column.schema));
    add("AttributeType", json!(kind));
    add(
        "AttributeTypeName",
        json!({ "Value": format!("{kind}Type") }),
    );
    add("AttributeOf", Value::Null);
    add("DisplayName", label(&column.label));
    add(
        "RequiredLevel",
        json!({ "Value": required, "CanBeChanged": required != "SystemRequired", "ManagedPropertyLogicalName": can }),
    );
    add("IsValidForCreate", json!(column.creatable()));
    add("IsValidForRead", json!(true));
    add("IsValidForUpdate", json!(column.updatable()));
    add("IsCustomAttribute", json!(column.custom));
    add("IsPrimaryId", json!(column.name == table.id));
    add("IsPrimaryName", json!(column.name == table.primary));
    match column.is {
        Type::String => {
            add("MaxLength", json!(column.max));
            let format = if column.name.starts_with("emailaddress") {
                "Email"
            } else {
                "Text"
            };
            add("Format", json!(format));
            add("FormatName", json!({ "Value": format }));
        }
        Type::Memo => {
            add("MaxLength", json!(column.max));
            add("Format", json!("TextArea"));
        }
        Type::DateTime | Type::Date => {
            let (format, behavior) = if column.is == Type::Date {
                ("DateOnly", "DateOnly")
            } else {
                ("DateAndTime", "UserLocal")
            };
            add("Format", json!(format));
            add("DateTimeBehavior", json!({ "Value": behavior }));
        }
        Type::Money => {
            add("Precision", json!(2));
        }
        is if is.is_lookup() || is == Type::PartyList => {
            add("Targets", json!(column.targets));
        }
        _ => {}
    }
    if options && !column.choices.is_empty() {
        let option = |choice: &crate::dynamics365::schema::Choice| {
            let mut option =
                json!({ "Value": choice.value, "Label": label(&choice.label), "IsManaged": true });
            if let (Some(state), Some(option)) = (choice.state, option.as_object_mut()) {
                option.insert("State".to_owned(), json!(state));
            }
            option
        };
        let listed: Vec<Value> = column.choices.iter().map(option).collect();
        let name = format!("{}_{}", table.name, column.name);
        let set = if column.is == Type::Boolean {
            json!({ "Name": name, "OptionSetType": "Boolean", "FalseOption": listed.first(), "TrueOption": listed.last() })
        } else {
            json!({ "Name": name, "OptionSetType": kind, "IsGlobal": false, "Options": listed })
        };
        shown.insert("OptionSet".to_owned(), set);
    }
    Value::Object(shown)
}

fn key(env: &Environment, table: &Table, key: &Key) -> Value {
    let status = if env.is_active(key) {
        "Active"
    } else {
        "Pending"
    };
    json!({
        "MetadataId": metadata_id(&format!("{}.{}", table.name, key.schema)),
        "LogicalName": key.schema.to_lowercase(),
        "SchemaName": key.schema,
        "EntityLogicalName": table.name,
        "KeyAttributes": key.columns,
        "EntityKeyIndexStatus": status,
    })
}

/// The options that are for the row itself.
fn own(call: &Call<'_>) -> Vec<(String, String)> {
    call.options.clone()
}

/// What is to be expanded, with its own options.
fn expanded(call: &Call<'_>) -> Vec<(String, Vec<(String, String)>)> {
    let text = call.options.iter().find(|(name, _)| name == "$expand");
    let parts = text.map(|(_, text)| split(text, ',')).unwrap_or_default();
    parts
        .iter()
        .map(|part| {
            let (name, inner) = part.trim().split_once('(').unwrap_or((part.trim(), ""));
            let inner = split(inner.strip_suffix(')').unwrap_or(inner), ';');
            let inner = inner.iter().filter_map(|option| option.split_once('='));
            let inner = inner
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            (name.to_owned(), inner)
        })
        .collect()
}

/// The rows that pass, with the members that are asked for. Metadata has no pages.
fn selected(rows: Vec<Value>, options: &[(String, String)]) -> Outcome<Vec<Value>> {
    let option = |name: &str| {
        options
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, v)| v.as_str())
    };
    let mut kept = Vec::new();
    for row in rows {
        match option("$filter") {
            Some(filter) if !passes(&row, filter)? => {}
            _ => kept.push(row),
        }
    }
    let Some(names) = option("$select") else {
        return Ok(kept);
    };
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let always = [
        "@odata.type",
        "MetadataId",
        "OptionSet",
        "Attributes",
        "Keys",
    ];
    for row in kept.iter_mut().filter_map(Value::as_object_mut) {
        row.retain(|name, _| names.contains(&name.as_str()) || always.contains(&name.as_str()));
    }
    Ok(kept)
}

/// A filter of metadata: comparisons joined by `and` and `or`, without parentheses.
fn passes(row: &Value, filter: &str) -> Outcome<bool> {
    let wrong = || Refusal::query(format!("The filter '{filter}' of metadata cannot be read."));
    let one = |text: &str| -> Outcome<bool> {
        let text = text.trim().trim_matches(['(', ')']);
        let mut words = text.splitn(3, ' ');
        let (Some(path), Some(operator), Some(literal)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let pointer = format!("/{path}");
        let value = row.pointer(&pointer).cloned().unwrap_or_default();
        // An enumeration's member names its type before it.
        let literal = match literal.rsplit_once('\'') {
            Some((start, _)) => json!(start.rsplit_once('\'').map_or(start, |(_, text)| text)),
            None => serde_json::from_str(literal).map_err(|_| wrong())?,
        };
        match operator {
            "eq" => Ok(value == literal),
            "ne" => Ok(value != literal),
            _ => Err(wrong()),
        }
    };
    for alternative in filter.split(" or ") {
        let mut all = true;
        for part in alternative.split(" and ") {
            all &= one(part)?;
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

fn context(env: &Environment, row: &mut Value, what: &str) {
    if let Some(row) = row.as_object_mut() {
        let context = format!("{}/api/data/v9.2/$metadata#{what}", env.base_url);
        row.insert("@odata.context".to_owned(), json!(context));
    }
}

fn answer(env: &Environment, call: &Call<'_>, rows: Vec<Value>, what: &str) -> Outcome<Answer> {
    let mut body = json!({ "value": selected(rows, &call.options)? });
    context(env, &mut body, what);
    Ok(ok(body))
}
