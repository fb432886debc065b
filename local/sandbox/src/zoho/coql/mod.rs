//! Queries in COQL. They read the records themselves, so unlike the search they know everything at once.

mod parse;

use serde_json::{Value, json};

use super::modules::{Kind, Module, module};
use super::org::Org;
use super::refusal::{Outcome, Refusal};
use super::store::Row;
use super::values::id_in;
use parse::{Condition, Select};

/// The most rows that a query may ask for, and how many it gets where it does not say.
const MOST: usize = 2_000;
const USUAL: usize = 200;

/// The query in a body.
fn text(body: &Value) -> Outcome<&str> {
    let query = body.get("select_query").and_then(Value::as_str);
    query.ok_or_else(|| Refusal::mandatory("select_query"))
}

/// The module that a query is about, for scopes; and what it costs.
pub(super) fn weigh(body: &Value) -> (Option<&'static Module>, u64) {
    let select = text(body).and_then(parse::select);
    let Ok(select) = select else { return (None, 1) };
    let cost = match select.limit.unwrap_or(USUAL) {
        0..=200 => 1,
        201..=1_000 => 2,
        _ => 3,
    };
    (module(&select.module), cost)
}

/// The answer to a query; `None` where nothing was found.
pub(super) fn answer(org: &Org, body: &Value) -> Outcome<Option<Value>> {
    let select = parse::select(text(body)?)?;
    let module = module(&select.module).ok_or_else(|| {
        Refusal::new(400, "INVALID_QUERY", "invalid query formed").with("module", &*select.module)
    })?;
    let limit = select.limit.unwrap_or(USUAL);
    if limit > MOST {
        return Err(Refusal::new(400, "LIMIT_EXCEEDED", "limit exceeded").with("limit", MOST));
    }
    let known = |name: &str| {
        let field = module.field(name, &org.settings);
        field.ok_or_else(|| {
            let message = "column given seems to be invalid";
            Refusal::new(400, "INVALID_QUERY", message).with("column_name", name)
        })
    };
    for name in select
        .columns
        .iter()
        .chain(select.order.iter().map(|(name, _)| name))
    {
        known(name)?;
    }
    for name in select.condition.columns() {
        if matches!(known(name)?.kind, Kind::Area(_)) {
            let message = "data type not supported";
            return Err(Refusal::new(400, "INVALID_QUERY", message).with("column_name", name));
        }
    }
    let mut rows: Vec<&Row> = org.store.all(module.name).collect();
    rows.retain(|row| select.condition.holds(row));
    if let Some((name, is_up)) = &select.order {
        rows.sort_by_key(|row| plain(row, name));
        if !is_up {
            rows.reverse();
        }
    }
    let found: Vec<Value> = rows
        .iter()
        .skip(select.offset)
        .take(limit)
        .map(|row| shown(row, &select))
        .collect();
    let more = rows.len() > select.offset + found.len();
    let info = json!({ "count": found.len(), "more_records": more });
    Ok((!found.is_empty()).then(|| json!({ "data": found, "info": info })))
}

/// The columns that were asked for, and the id. Of a link there is the id alone.
fn shown(row: &Row, select: &Select) -> Value {
    let names = select.columns.iter().map(String::as_str).chain(["id"]);
    let members = names.map(|name| {
        let value = match row.get(name) {
            Some(Value::Object(link)) => json!({ "id": link.get("id") }),
            value => value.cloned().unwrap_or_default(),
        };
        (name.to_owned(), value)
    });
    Value::Object(members.collect())
}

/// A value as it is compared: a link by its id, text without regard to capitals.
fn plain(row: &Row, name: &str) -> String {
    let value = row.get(name).unwrap_or(&Value::Null);
    match id_in(value) {
        Some(text) => text.to_lowercase(),
        None if value.is_null() => String::new(),
        None => value.to_string(),
    }
}

impl Condition {
    fn columns(&self) -> Vec<&str> {
        match self {
            Self::Both(one, other) | Self::Either(one, other) => {
                let mut columns = one.columns();
                columns.extend(other.columns());
                columns
            }
            Self::In(name, _, _)
            | Self::Null(name, _)
            | Self::Less(name, ..)
            | Self::Like(name, _) => vec![name],
        }
    }

    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Both(one, other) => one.holds(row) && other.holds(row),
            Self::Either(one, other) => one.holds(row) || other.holds(row),
            Self::In(name, values, is) => {
                let held = plain(row, name);
                values.iter().any(|value| value.to_lowercase() == held) == *is
            }
            Self::Null(name, is) => row.get(name).is_none_or(Value::is_null) == *is,
            Self::Like(name, pattern) => {
                let (held, pattern) = (plain(row, name), pattern.to_lowercase());
                let part = pattern.trim_matches('%');
                match (pattern.starts_with('%'), pattern.ends_with('%')) {
                    (true, true) => held.contains(part),
                    (true, false) => held.ends_with(part),
                    (false, true) => held.starts_with(part),
                    (false, false) => held == part,
                }
            }
            Self::Less(name, value, (is_less, may_equal)) => {
                let held = plain(row, name);
                let moments = (
                    held.parse::<jiff::Timestamp>(),
                    value.parse::<jiff::Timestamp>(),
                );
                let order = match moments {
                    (Ok(held), Ok(value)) => held.cmp(&value),
                    _ => held.cmp(&value.to_lowercase()),
                };
                !held.is_empty()
                    && (if *is_less {
                        order.is_lt()
                    } else {
                        order.is_gt()
                    } || (*may_equal && order.is_eq()))
            }
        }
    }
}
