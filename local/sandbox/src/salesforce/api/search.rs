//! SOSL and its parameter form. Finds at once what is there: the vendor's index lags, this does
//! not.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::schema::{Field, Object, Type};
use super::super::soql;
use super::super::store;
use super::{Api, Call};

/// The objects a search looks at when it names none.
const SEARCHABLE: &[&str] = &["Account", "Contact", "Lead", "Opportunity", "Case"];
/// The most hits of one search.
const HITS_MOST: usize = 2_000;

/// One object to search and how its hits are shown.
struct Wanted {
    object: String,
    fields: Vec<String>,
    filter: Option<String>,
    limit: Option<usize>,
}

impl Api {
    pub(super) fn sosl(&self, call: &Call) -> Outcome<Answer> {
        let text = call.parameter("q").unwrap_or_default();
        let search = parse(text).ok_or_else(|| {
            Refusal::new(
                400,
                "MALFORMED_SEARCH",
                "Not understood: FIND {term} IN … FIELDS RETURNING …",
            )
        })?;
        let mut hits = self.find(&search.term, &search.group, &search.wanted, call.version)?;
        hits.truncate(search.most);
        Ok(Answer::json(200, json!({ "searchRecords": hits })))
    }

    pub(super) fn parameterized_search(&self, call: &Call) -> Outcome<Answer> {
        let body = if call.method == "POST" {
            call.object()?.clone()
        } else {
            serde_json::Map::new()
        };
        let text = |name: &str| {
            body.get(name)
                .and_then(Value::as_str)
                .or(call.parameter(name))
                .map(str::to_owned)
        };
        let fields = |of: &Value| -> Vec<String> {
            let list = of
                .get("fields")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let limit = |of: &Value| {
            of.get("limit")
                .and_then(Value::as_u64)
                .and_then(|limit| usize::try_from(limit).ok())
        };
        let term = text("q").filter(|q| q.chars().count() > 1);
        let term = term.ok_or_else(|| {
            Refusal::new(
                400,
                "MALFORMED_SEARCH",
                "search term must be longer than one character",
            )
        })?;
        let shared = fields(&Value::Object(body.clone()));
        let objects = body
            .get("sobjects")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut wanted: Vec<Wanted> = objects
            .iter()
            .filter_map(|object| {
                let own = fields(object);
                Some(Wanted {
                    object: object.get("name")?.as_str()?.to_owned(),
                    fields: if own.is_empty() { shared.clone() } else { own },
                    filter: object
                        .get("where")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                    limit: limit(object),
                })
            })
            .collect();
        if wanted.is_empty() {
            let named = call
                .query
                .iter()
                .filter(|(key, _)| key == "sobject")
                .map(|(_, name)| name.clone());
            wanted.extend(named.map(|object| Wanted {
                object,
                fields: shared.clone(),
                filter: None,
                limit: None,
            }));
        }
        let group = text("in").unwrap_or_else(|| "ALL".to_owned());
        let hits = self.find(&term, &group, &wanted, call.version)?;
        Ok(Answer::json(200, json!({ "searchRecords": hits })))
    }

    fn find(
        &self,
        term: &str,
        group: &str,
        wanted: &[Wanted],
        version: u32,
    ) -> Outcome<Vec<Value>> {
        let words: Vec<String> = term
            .to_lowercase()
            .split_whitespace()
            .map(|w| w.trim_matches('*').to_owned())
            .collect();
        let mut hits = Vec::new();
        for one in wanted {
            let object = self.org.object(&one.object)?;
            let rows = self
                .org
                .store
                .all(&object.name)
                .filter(|(_, row)| !store::is_deleted(row));
            let ids: Vec<String> = rows
                .filter(|(_, row)| matches(object, row, group, &words))
                .map(|(id, _)| format!("'{id}'"))
                .collect();
            if ids.is_empty() {
                continue;
            }
            let fields = if one.fields.is_empty() {
                "Id".to_owned()
            } else {
                one.fields.join(",")
            };
            let and = one
                .filter
                .as_ref()
                .map_or_else(String::new, |filter| format!(" AND ({filter})"));
            let limit = one
                .limit
                .map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
            let query = format!(
                "SELECT {fields} FROM {} WHERE Id IN ({}){and}{limit}",
                object.name,
                ids.join(",")
            );
            hits.extend(soql::run(&self.org, &query, false, version)?.records);
        }
        Ok(hits)
    }
}

fn matches(object: &Object, row: &store::Row, group: &str, words: &[String]) -> bool {
    let searched = |field: &&Field| match group.to_uppercase().as_str() {
        "EMAIL" => field.is == Type::Email,
        "PHONE" => field.is == Type::Phone,
        "NAME" => field.name == "Name",
        _ => matches!(
            field.is,
            Type::String | Type::Email | Type::Phone | Type::Textarea | Type::Combobox | Type::Url
        ),
    };
    let texts = object
        .fields
        .iter()
        .filter(searched)
        .filter_map(|field| store::text(row, &field.name));
    let all = texts.collect::<Vec<_>>().join("\n").to_lowercase();
    !words.is_empty() && words.iter().all(|word| all.contains(word.as_str()))
}

/// A search text, understood.
struct Search {
    term: String,
    group: String,
    wanted: Vec<Wanted>,
    most: usize,
}

/// `FIND {term} [IN x FIELDS] [RETURNING A(f, g WHERE c), B(f)] [LIMIT n]`.
fn parse(text: &str) -> Option<Search> {
    let rest = strip(text, "FIND")?.trim_start().strip_prefix('{')?;
    let (mut term, mut end, mut escaped) = (String::new(), None, false);
    for (place, c) in rest.char_indices() {
        match c {
            _ if escaped => {
                term.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '}' => {
                end = Some(place);
                break;
            }
            _ => term.push(c),
        }
    }
    let mut rest = rest.get(end? + 1..)?;
    let mut group = "ALL".to_owned();
    if let Some(after) = strip(rest, "IN") {
        let (name, after) = after.trim_start().split_once(' ')?;
        group = name.to_uppercase();
        rest = strip(after, "FIELDS")?;
    }
    let mut wanted = Vec::new();
    let mut most = HITS_MOST;
    let named = strip(rest, "RETURNING");
    if named.is_none() {
        // Whatever can be searched, by id.
        wanted.extend(SEARCHABLE.iter().map(|object| returned(object, "")));
    }
    let mut rest = named.unwrap_or(rest).trim();
    while !rest.is_empty() {
        if let Some(limit) = strip(rest, "LIMIT") {
            most = limit.trim().parse().ok()?;
            break;
        }
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        let (name, limit) = match name.to_uppercase().find(" LIMIT ") {
            Some(at) => (name.get(..at)?, name.get(at..)?),
            None => (name, ""),
        };
        let (inner, after) = match after.strip_prefix('(') {
            Some(inside) => closing(inside)?,
            None => ("", after),
        };
        if !name.trim().chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        wanted.push(returned(name.trim(), inner));
        rest = if limit.is_empty() { after } else { limit };
        rest = rest.trim_start().trim_start_matches(',').trim_start();
    }
    (!term.is_empty() && !wanted.is_empty()).then_some(Search {
        term,
        group,
        wanted,
        most,
    })
}

fn strip<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (head, tail) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(tail)
}

fn closing(inside: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (place, c) in inside.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some((inside.get(..place)?, inside.get(place + 1..)?));
        }
    }
    None
}

fn returned(object: &str, inner: &str) -> Wanted {
    let upper = inner.to_uppercase();
    let (inner, limit) = match upper.rfind(" LIMIT ") {
        Some(at) => (
            inner.get(..at).unwrap_or(inner),
            inner.get(at + 7..).and_then(|n| n.trim().parse().ok()),
        ),
        None => (inner, None),
    };
    let at = inner.to_uppercase().find(" WHERE ");
    let fields = inner.get(..at.unwrap_or(inner.len())).unwrap_or(inner);
    let filter = at.and_then(|at| inner.get(at + 7..)).map(str::to_owned);
    let fields = fields
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty())
        .map(str::to_owned)
        .collect();
    Wanted {
        object: object.to_owned(),
        fields,
        filter,
        limit,
    }
}
