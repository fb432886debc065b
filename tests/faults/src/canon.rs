//! What a run left in a CRM, in words that do not depend on when it happened and in which order ids were
//! given: two runs with the same events must leave the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The first hour of every world, and a day that no world reaches. Events and what they say are earlier or
/// later, so a time in between is one that the CRM itself noted.
const BEGINS: &str = "2026-11-20T12";
const ENDS: &str = "2026-12-15T00";
/// What a CRM counts up with each write: how many there were is no part of what it holds.
const COUNTED: &[&str] = &["activitypartyid", "versionnumber"];
const BEGINS_MS: i64 = 1_795_176_000_000;
const ENDS_MS: i64 = 1_797_292_800_000;

/// What runs without faults leave. There may be several, since some CRMs keep something of the order in which
/// they were told: an update relates nobody, so a record that was made before its session stays by itself.
/// Then every record has to be as in one of them, and of each object there are as many as in them: no fewer
/// than in the one with the fewest, no more than in the one with the most.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    lines: BTreeSet<String>,
    counts: Vec<BTreeMap<String, usize>>,
}

fn counts(lines: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let object = line.split(' ').next().unwrap_or_default();
        *counts.entry(object.to_owned()).or_default() += 1;
    }
    counts
}

impl Reference {
    /// One more run without faults.
    pub(crate) fn add(&mut self, left: &[String]) {
        self.lines.extend(left.iter().cloned());
        self.counts.push(counts(left));
    }

    /// What none of them left.
    pub(crate) fn differences(&self, left: &[String]) -> Vec<String> {
        let unknown = left.iter().filter(|line| !self.lines.contains(*line));
        let mut differences: Vec<String> = unknown
            .map(|line| format!("no run without faults leaves {line}"))
            .collect();
        let found = counts(left);
        let objects: BTreeSet<&String> = self.counts.iter().flat_map(BTreeMap::keys).collect();
        for object in objects {
            let of = |counts: &BTreeMap<String, usize>| counts.get(object).copied().unwrap_or(0);
            let wanted = self.counts.iter().map(of);
            let (fewest, most) = (wanted.clone().min().unwrap_or(0), wanted.max().unwrap_or(0));
            let there = of(&found);
            if there < fewest || there > most {
                differences.push(format!("{there} {object} instead of {fewest} to {most}"));
            }
        }
        differences
    }
}

/// What is there now and was not there before, or was different: one line a record.
pub(crate) fn changed(before: &Value, after: &Value) -> Vec<String> {
    let before = records(before);
    let after = records(after);
    let mut names = BTreeMap::new();
    for ((object, id), record) in &after {
        if !before.contains_key(&(*object, id.clone())) {
            names.insert(id.clone(), name(object, record));
        }
    }
    let mut lines: Vec<String> = after
        .iter()
        .filter(|(place, record)| {
            let known = before.get(*place);
            known.is_none_or(|known| without_links(known) != without_links(record))
        })
        .map(|((object, id), record)| {
            let mut record = plain(record, &names);
            // An id that is a number is told from other numbers by its place alone.
            if let (Some(own), Some(name)) = (record.get_mut("id"), names.get(id)) {
                *own = Value::from(name.as_str());
            }
            format!("{object} {record}")
        })
        .collect();
    let gone = before.keys().filter(|place| !after.contains_key(*place));
    lines.extend(gone.map(|(object, id)| format!("{object} {id} is gone")));
    lines.sort();
    lines
}

/// Records that were there before show who was related to them since; what was related shows that too.
fn without_links(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(fields) = record.as_object_mut() {
        fields.remove("associations");
    }
    record
}

type Records<'a> = BTreeMap<(&'a str, String), &'a Value>;

fn records(objects: &Value) -> Records<'_> {
    let mut found = Records::new();
    for (object, records) in objects.as_object().into_iter().flatten() {
        for (place, record) in records.as_array().into_iter().flatten().enumerate() {
            let id = [&record["Id"], &record["id"], &record["activityid"]];
            let id = id.into_iter().find(|id| !id.is_null());
            let id = id.map_or_else(
                || place.to_string(),
                |id| id.as_str().map_or_else(|| id.to_string(), str::to_owned),
            );
            found.insert((object, id), record);
        }
    }
    found
}

/// What a new record is called: by our key, else by its object.
fn name(object: &str, record: &Value) -> String {
    let texts = crate::history::texts(record);
    let key = texts.into_iter().find(|text| text.starts_with("ses_lab"));
    format!("<{}>", key.unwrap_or(object))
}

fn plain(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => match names.get(text) {
            Some(name) => Value::from(name.as_str()),
            None if is_noted(text) => Value::from("<time>"),
            // An address that ends in an id.
            None => match text.rsplit_once('/') {
                Some((start, id)) if names.contains_key(id) => {
                    Value::from(format!("{start}/{}", names[id]))
                }
                _ => value.clone(),
            },
        },
        Value::Number(number) if number.as_i64().is_some_and(is_noted_ms) => Value::from("<time>"),
        // Who takes part, to what it is related: a set.
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| plain(item, names)).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::from(items)
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(field, value)| {
                let is_counted = COUNTED.contains(&field.as_str());
                let value = if is_counted {
                    Value::from("<counted>")
                } else {
                    plain(value, names)
                };
                (field.clone(), value)
            })
            .collect(),
        _ => value.clone(),
    }
}

fn is_noted(text: &str) -> bool {
    let is_time = text.as_bytes().get(10) == Some(&b'T') && text.len() >= 19;
    let in_words = is_time && (BEGINS..ENDS).contains(&text);
    in_words || (text.len() == 13 && text.parse().is_ok_and(is_noted_ms))
}

/// Milliseconds since 1970, or seconds: neither is ever as large as the other.
fn is_noted_ms(number: i64) -> bool {
    let in_seconds = (BEGINS_MS / 1_000..ENDS_MS / 1_000).contains(&number);
    in_seconds || (BEGINS_MS..ENDS_MS).contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_and_times_make_no_difference_and_everything_else_does() {
        let before = json!({ "Task": [{ "Id": "1", "Subject": "old" }] });
        let run = |id: &str, time: &str, subject: &str| {
            json!({ "Task": [
                { "Id": "1", "Subject": "old" },
                { "Id": id, "Key": "ses_lab1", "Subject": subject, "At": time, "Due": "2026-11-20T11:00:00Z" },
                { "Id": format!("{id}9"), "Of": id }] })
        };
        let one = changed(&before, &run("7", "2026-11-20T12:00:01.000+0000", "new"));
        let two = changed(&before, &run("8", "2026-11-21T09:00:00Z", "new"));
        assert_eq!(one, two);
        assert_eq!(one.len(), 2);
        assert!(
            one.iter().any(|line| line.contains("<ses_lab1>")),
            "{one:?}"
        );
        let other = changed(&before, &run("7", "2026-11-20T12:00:01Z", "newer"));
        assert_ne!(one, other);
        assert_eq!(changed(&before, &json!({})), ["Task 1 is gone"]);
    }

    #[test]
    fn a_record_may_be_called_by_a_number() {
        let run = |id: u32| json!({ "tasks": [{ "id": id, "note": "ses_lab1", "person": 7 }] });
        let nothing = json!({});
        assert_eq!(changed(&nothing, &run(1)), changed(&nothing, &run(2)));
    }

    #[test]
    fn each_record_is_as_in_one_of_the_runs() {
        let lines = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let mut reference = Reference::default();
        reference.add(&lines(&["Task a", "Task b"]));
        reference.add(&lines(&["Task a", "Task c"]));
        assert!(
            reference
                .differences(&lines(&["Task b", "Task c"]))
                .is_empty()
        );
        assert_eq!(
            reference.differences(&lines(&["Task a", "Task d"])).len(),
            1
        );
        assert_eq!(reference.differences(&lines(&["Task a"])).len(), 1);
    }

    #[test]
    fn milliseconds_are_times_too() {
        assert!(is_noted("1795176000001") && !is_noted("1795175999999"));
        assert!(is_noted_ms(1_795_176_001) && !is_noted_ms(1_795_175_999));
        assert!(!is_noted("2026-11-20T10:00:00Z") && !is_noted("2026-12-24T10:00:00Z"));
    }
}
