//! Search: filters, words, order, pages, over an index that is some seconds behind.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::portal::Portal;
use super::super::store::Values;
use super::super::times;
use super::Call;
use super::call::texts;

const GROUPS_MOST: usize = 6;
const FILTERS_MOST: usize = 18;
const PAGE_MOST: u64 = 200;
const TOTAL_MOST: usize = 10_000;
const QUERY_LONGEST: usize = 3_000;

pub(super) fn answer(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    portal.settle();
    let body = call.body()?;
    let groups = groups(portal, kind, body)?;
    let limit = match body.get("limit") {
        None | Some(Value::Null) => 10,
        Some(limit) => limit.as_u64().ok_or_else(|| Refusal::shape("limit"))?,
    };
    if limit > PAGE_MOST {
        return Err(Refusal::validation(format!(
            "limit {limit} is above {PAGE_MOST}"
        )));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
    let after = match body.get("after") {
        None | Some(Value::Null) => 0,
        Some(Value::String(text)) if text.is_empty() => 0,
        Some(Value::String(text)) => text.parse().map_err(|_| Refusal::shape("after"))?,
        Some(number) => number
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| Refusal::shape("after"))?,
    };
    if after + limit > TOTAL_MOST {
        let message = format!("The search goes no further than {TOTAL_MOST} results");
        return Err(Refusal::validation(message));
    }
    let words = body
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if words.chars().count() > QUERY_LONGEST {
        let message = format!("query is longer than {QUERY_LONGEST} characters");
        return Err(Refusal::validation(message));
    }
    let words = words.to_lowercase();
    let mut found: Vec<(u64, &Values)> = portal
        .store
        .searchable(kind)
        .filter(|(_, values)| has_words(portal, kind, values, &words))
        .filter(|(id, values)| {
            groups.is_empty()
                || groups
                    .iter()
                    .any(|group| group.iter().all(|f| f.fits(portal, kind, *id, values)))
        })
        .collect();
    for (name, down) in sorts(portal, kind, body)?.into_iter().rev() {
        let numeric = Numeric::of(portal, kind, &name);
        found.sort_by(|(_, a), (_, b)| {
            let order = compare(&numeric, a.get(&name), b.get(&name));
            if down { order.reverse() } else { order }
        });
    }
    let wanted = texts(body, "properties")?;
    let total = found.len();
    let page = found.into_iter().skip(after).take(limit);
    let results: Vec<Value> = page
        .filter_map(|(id, values)| {
            // As the index has it, which may be older than the record.
            let mut record = portal.store.get(kind, id)?.clone();
            record.values.clone_from(values);
            record.archived = None;
            Some(portal.shown(kind, &record, Some(&wanted)))
        })
        .collect();
    let mut shown = json!({ "total": total, "results": results });
    if let (true, Some(shown)) = (after + limit < total && limit > 0, shown.as_object_mut()) {
        let next = json!({ "next": { "after": (after + limit).to_string() } });
        shown.insert("paging".to_owned(), next);
    }
    Ok(Answer::json(200, shown))
}

fn has_words(portal: &Portal, kind: Kind, values: &Values, words: &str) -> bool {
    let searched = &portal.object(kind).searched;
    words.split_whitespace().all(|word| {
        let mut texts = searched.iter().filter_map(|name| values.get(name));
        texts.any(|text| text.to_lowercase().contains(word))
    })
}

/// One condition.
struct Filter {
    on: On,
    operator: String,
    value: String,
    high: String,
    values: Vec<String>,
}

enum On {
    Property(String, Numeric),
    /// Records associated with this one: `associations.company`.
    Association(Kind),
}

/// Whether values compare as numbers.
enum Numeric {
    No,
    Number,
    Time,
}

impl Numeric {
    fn of(portal: &Portal, kind: Kind, name: &str) -> Self {
        match portal.schema.property(kind, name).map(|p| p.is.as_str()) {
            Some("number") => Self::Number,
            Some("datetime" | "date") => Self::Time,
            _ => Self::No,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this century fit"
    )]
    fn read(&self, text: &str) -> Option<f64> {
        match self {
            Self::No => None,
            Self::Number => text.parse().ok(),
            Self::Time => times::read(text).map(|at| at.as_millisecond() as f64),
        }
    }
}

fn compare(numeric: &Numeric, a: Option<&String>, b: Option<&String>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return a.is_some().cmp(&b.is_some());
    };
    match (numeric.read(a), numeric.read(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

fn groups(portal: &Portal, kind: Kind, body: &Value) -> Outcome<Vec<Vec<Filter>>> {
    let list = match body.get("filterGroups") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Refusal::shape("filterGroups")),
    };
    let mut groups = Vec::new();
    for group in list {
        let filters = group.get("filters").and_then(Value::as_array);
        let filters = filters.ok_or_else(|| Refusal::fields_missing(&["filters"]))?;
        let read = filters
            .iter()
            .map(|filter| Filter::read(portal, kind, filter));
        groups.push(read.collect::<Outcome<Vec<Filter>>>()?);
    }
    let count: usize = groups.iter().map(Vec::len).sum();
    if groups.len() > GROUPS_MOST || count > FILTERS_MOST {
        let message = format!("More than {GROUPS_MOST} filterGroups or {FILTERS_MOST} filters");
        return Err(Refusal::validation(message));
    }
    Ok(groups)
}

fn sorts(portal: &Portal, kind: Kind, body: &Value) -> Outcome<Vec<(String, bool)>> {
    let list = match body.get("sorts") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Refusal::shape("sorts")),
    };
    let mut sorts = Vec::new();
    for one in list {
        let (name, down) = match one {
            Value::String(name) => (name.trim_start_matches('-'), name.starts_with('-')),
            other => {
                let name = other.get("propertyName").and_then(Value::as_str);
                let direction = other.get("direction").and_then(Value::as_str);
                let name = name.ok_or_else(|| Refusal::fields_missing(&["propertyName"]))?;
                (name, direction == Some("DESCENDING"))
            }
        };
        known(portal, kind, name)?;
        sorts.push((name.to_owned(), down));
    }
    Ok(sorts)
}

fn known(portal: &Portal, kind: Kind, name: &str) -> Outcome<()> {
    if portal.schema.property(kind, name).is_some() {
        return Ok(());
    }
    let message = "There was a problem with the request.";
    Err(Refusal::validation(message).with_error(json!({
        "message": format!("No property {name} on {}", kind.name()),
        "code": "PROPERTY_DOESNT_EXIST",
        "context": { "propertyName": [name] },
    })))
}

impl Filter {
    fn read(portal: &Portal, kind: Kind, filter: &Value) -> Outcome<Self> {
        let text = |name: &str| match filter.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(yes)) => yes.to_string(),
            _ => String::new(),
        };
        let (name, operator) = (text("propertyName"), text("operator"));
        if name.is_empty() || operator.is_empty() {
            return Err(Refusal::fields_missing(&["propertyName", "operator"]));
        }
        let values = texts(filter, "values")?;
        let given = |member: &str| filter.get(member).is_some_and(|v| !v.is_null());
        let complete = match operator.as_str() {
            "EQ" | "NEQ" | "LT" | "LTE" | "GT" | "GTE" | "CONTAINS_TOKEN"
            | "NOT_CONTAINS_TOKEN" => given("value"),
            "BETWEEN" => given("value") && given("highValue"),
            "IN" | "NOT_IN" => !values.is_empty(),
            "HAS_PROPERTY" | "NOT_HAS_PROPERTY" => true,
            _ => return Err(Refusal::shape("operator")),
        };
        if !complete {
            let message = format!("operator {operator} requires values that are not there");
            return Err(Refusal::validation(message));
        }
        let on = if let Some(other) = name.strip_prefix("associations.") {
            On::Association(super::kind(other)?)
        } else {
            known(portal, kind, &name)?;
            let numeric = Numeric::of(portal, kind, &name);
            On::Property(name, numeric)
        };
        Ok(Self {
            on,
            operator,
            value: text("value"),
            high: text("highValue"),
            values,
        })
    }

    fn fits(&self, portal: &Portal, kind: Kind, id: u64, values: &Values) -> bool {
        let (name, numeric) = match &self.on {
            On::Property(name, numeric) => (name, numeric),
            On::Association(other) => {
                let mut linked = portal
                    .links
                    .of((kind, id), *other)
                    .map(|(id, _)| id.to_string());
                return match self.operator.as_str() {
                    "EQ" => linked.any(|id| id == self.value),
                    "IN" => linked.any(|id| self.values.contains(&id)),
                    "HAS_PROPERTY" => linked.next().is_some(),
                    "NOT_HAS_PROPERTY" => linked.next().is_none(),
                    _ => false,
                };
            }
        };
        let held = values.get(name);
        let order = |other: &String| held.map(|held| compare(numeric, Some(held), Some(other)));
        // Texts are in the index in lower case; the options of an enumeration are not.
        let enumeration = portal
            .schema
            .property(kind, name)
            .is_some_and(|p| p.is == "enumeration");
        let folded = held.map(|held| {
            if enumeration {
                held.clone()
            } else {
                held.to_lowercase()
            }
        });
        let listed = || {
            folded
                .as_ref()
                .is_some_and(|held| self.values.contains(held))
        };
        let token = || {
            let token = self.value.to_lowercase().replace('*', "");
            held.is_some_and(|held| held.to_lowercase().contains(&token))
        };
        match self.operator.as_str() {
            "EQ" => order(&self.value) == Some(Ordering::Equal),
            "NEQ" => held.is_some() && order(&self.value) != Some(Ordering::Equal),
            "LT" => order(&self.value) == Some(Ordering::Less),
            "LTE" => order(&self.value).is_some_and(Ordering::is_le),
            "GT" => order(&self.value) == Some(Ordering::Greater),
            "GTE" => order(&self.value).is_some_and(Ordering::is_ge),
            "BETWEEN" => {
                order(&self.value).is_some_and(Ordering::is_ge)
                    && order(&self.high).is_some_and(Ordering::is_le)
            }
            "IN" => listed(),
            "NOT_IN" => held.is_some() && !listed(),
            "HAS_PROPERTY" => held.is_some(),
            "NOT_HAS_PROPERTY" => held.is_none(),
            "CONTAINS_TOKEN" => token(),
            _ => !token(),
        }
    }
}
