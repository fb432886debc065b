//! What each type of column takes, and how it shows what it holds.

use jiff::civil::{Date, Time};
use serde_json::{Value, json};

use super::errors::{Outcome, Refusal};
use super::graphql::number;

/// What nobody can write.
pub(super) const READ_ONLY: [&str; 7] = [
    "mirror",
    "formula",
    "auto_number",
    "creation_log",
    "last_updated",
    "item_id",
    "button",
];

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) kind: String,
    /// The labels of a status or dropdown.
    pub(super) labels: Vec<String>,
    /// The boards that a connection leads to.
    pub(super) boards: Vec<u64>,
    pub(super) archived: bool,
}

/// What a column of an item holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    /// As JSON.
    pub(super) value: Value,
    pub(super) text: String,
    /// The items that it is connected to.
    pub(super) linked: Vec<u64>,
}

impl Column {
    pub(super) fn settings(&self) -> Value {
        match self.kind.as_str() {
            "status" => {
                let labels = self.labels.iter().enumerate();
                let labels = labels.map(|(index, label)| json!({ "index": index, "label": label }));
                json!({ "labels": labels.collect::<Vec<_>>() })
            }
            "dropdown" => {
                let labels = self.labels.iter().enumerate();
                let labels = labels.map(|(id, label)| json!({ "id": id + 1, "label": label }));
                json!({ "labels": labels.collect::<Vec<_>>() })
            }
            "board_relation" => {
                let boards: Vec<String> = self.boards.iter().map(u64::to_string).collect();
                json!({ "boardIds": boards, "allowMultipleItems": true })
            }
            _ => json!({}),
        }
    }

    /// What a caller gives, as a cell: none for nothing. `may_add` is whether labels that are not there are
    /// made.
    pub(super) fn cell(
        &mut self,
        given: &Value,
        may_add: bool,
        long_text: usize,
    ) -> Outcome<Option<Cell>> {
        let refused = Refusal::value(&self.id, &self.kind, given);
        if READ_ONLY.contains(&self.kind.as_str()) {
            return Err(refused);
        }
        let is_nothing = match given {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if is_nothing {
            return Ok(None);
        }
        self.value(given, may_add, long_text)
            .map(Some)
            .ok_or(refused)
    }

    fn value(&mut self, given: &Value, may_add: bool, long_text: usize) -> Option<Cell> {
        let member = |name: &str| given.get(name).and_then(Value::as_str);
        let plain = |text: &str, value: Value| Cell {
            value,
            text: text.to_owned(),
            linked: Vec::new(),
        };
        match self.kind.as_str() {
            "text" => {
                let text = given.as_str()?;
                Some(plain(text, json!(text)))
            }
            "long_text" => {
                let text = given.as_str().or_else(|| member("text"))?;
                (text.chars().count() <= long_text).then(|| plain(text, json!({ "text": text })))
            }
            "numbers" => {
                let text = given.as_str().map(str::to_owned);
                let text = text.or_else(|| given.as_number().map(ToString::to_string))?;
                text.parse::<f64>().ok()?;
                Some(plain(&text, json!(text)))
            }
            "email" => {
                let email = member("email")?;
                let label = member("text").unwrap_or(email);
                email
                    .contains('@')
                    .then(|| plain(label, json!({ "email": email, "text": label })))
            }
            "phone" => {
                let phone = member("phone")?;
                let country = member("countryShortName")?;
                (country.len() == 2).then(|| plain(phone, given.clone()))
            }
            "link" => {
                let url = member("url")?;
                let text = member("text").unwrap_or(url);
                let shown = format!("{text} - {url}");
                url.contains("://")
                    .then(|| plain(&shown, json!({ "url": url, "text": text })))
            }
            "date" => {
                let date: Date = member("date")?.parse().ok()?;
                let Some(time) = member("time") else {
                    return Some(plain(&date.to_string(), given.clone()));
                };
                let time: Time = time.parse().ok()?;
                let shown = format!("{date} {}", time.strftime("%H:%M"));
                Some(plain(&shown, given.clone()))
            }
            "timeline" => {
                let from: Date = member("from")?.parse().ok()?;
                let to: Date = member("to")?.parse().ok()?;
                Some(plain(&format!("{from} - {to}"), given.clone()))
            }
            "checkbox" => {
                let is_checked = match given.get("checked")? {
                    Value::Bool(checked) => *checked,
                    other => other.as_str()?.parse().ok()?,
                };
                let shown = if is_checked { "v" } else { "" };
                Some(plain(shown, json!({ "checked": is_checked })))
            }
            "people" => {
                let all = given.get("personsAndTeams")?.as_array()?;
                let ids: Option<Vec<u64>> = all.iter().map(|one| number(one.get("id")?)).collect();
                let ids: Vec<String> = ids?.iter().map(u64::to_string).collect();
                Some(plain(&ids.join(", "), given.clone()))
            }
            "status" => {
                let index = match (member("label"), given.get("index")) {
                    (Some(label), _) => self.label(label, may_add)?,
                    (None, index) => usize::try_from(number(index?)?).ok()?,
                };
                let label = self.labels.get(index)?.clone();
                Some(plain(&label, json!({ "index": index })))
            }
            "dropdown" => {
                let mut ids = Vec::new();
                if let Some(labels) = given.get("labels").and_then(Value::as_array) {
                    for label in labels {
                        ids.push(self.label(label.as_str()?, may_add)? + 1);
                    }
                } else {
                    for id in given.get("ids")?.as_array()? {
                        ids.push(usize::try_from(number(id)?).ok()?);
                    }
                }
                let shown: Option<Vec<&str>> = ids
                    .iter()
                    .map(|id| Some(self.labels.get(id.checked_sub(1)?)?.as_str()))
                    .collect();
                Some(plain(&shown?.join(", "), json!({ "ids": ids })))
            }
            "board_relation" => {
                let all = given.get("item_ids")?.as_array()?;
                let linked: Option<Vec<u64>> = all.iter().map(number).collect();
                Some(Cell {
                    value: Value::Null,
                    text: String::new(),
                    linked: linked?,
                })
            }
            _ => None,
        }
    }

    fn label(&mut self, label: &str, may_add: bool) -> Option<usize> {
        let found = self.labels.iter().position(|known| known == label);
        if found.is_none() && may_add {
            self.labels.push(label.to_owned());
            return Some(self.labels.len() - 1);
        }
        found
    }

    /// What `change_simple_column_value` takes, as the JSON of the others.
    pub(super) fn simple(&self, text: &str) -> Value {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match self.kind.as_str() {
            "long_text" => json!({ "text": text }),
            "status" => json!({ "label": text }),
            "dropdown" => json!({ "labels": text.split(',').collect::<Vec<_>>() }),
            "email" if rest.is_empty() => json!({ "email": first, "text": first }),
            "email" => json!({ "email": first, "text": rest }),
            "link" => json!({ "url": first, "text": if rest.is_empty() { first } else { rest } }),
            "phone" => json!({ "phone": first, "countryShortName": rest }),
            "date" if rest.is_empty() => json!({ "date": first }),
            "date" => json!({ "date": first, "time": format!("{rest}:00") }),
            "checkbox" => json!({ "checked": text }),
            _ => json!(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_take_what_their_type_takes() {
        for (kind, given, shown) in [
            ("text", json!("abc"), Some("abc")),
            ("text", json!({ "text": "abc" }), None),
            ("text", json!(""), Some("")),
            ("long_text", json!({ "text": "abc" }), Some("abc")),
            ("long_text", json!({ "text": "more than ten" }), None),
            ("numbers", json!("42"), Some("42")),
            ("numbers", json!("many"), None),
            (
                "email",
                json!({ "email": "a@b.c", "text": "Ada" }),
                Some("Ada"),
            ),
            ("email", json!("a@b.c"), None),
            (
                "phone",
                json!({ "phone": "+3725555", "countryShortName": "EE" }),
                Some("+3725555"),
            ),
            ("phone", json!({ "phone": "+3725555" }), None),
            (
                "date",
                json!({ "date": "2026-11-22", "time": "09:30:00" }),
                Some("2026-11-22 09:30"),
            ),
            ("date", json!({ "date": "22.11.2026" }), None),
            ("status", json!({ "label": "Done" }), Some("Done")),
            ("status", json!({ "label": "Nearly" }), None),
            ("status", json!({ "index": 0 }), Some("Done")),
            ("checkbox", json!({ "checked": "true" }), Some("v")),
            (
                "link",
                json!({ "url": "https://a.example", "text": "x" }),
                Some("x - https://a.example"),
            ),
            ("link", json!({ "url": "a.example" }), None),
            ("board_relation", json!({ "item_ids": ["1", 2] }), Some("")),
            ("board_relation", json!({ "linkedPulseIds": [1] }), None),
            ("mirror", json!("x"), None),
        ] {
            let mut column = Column {
                id: "c".to_owned(),
                title: "C".to_owned(),
                kind: kind.to_owned(),
                labels: vec!["Done".to_owned()],
                boards: Vec::new(),
                archived: false,
            };
            let found = column.cell(&given, false, 10);
            let found = found.map(|cell| cell.map_or_else(String::new, |cell| cell.text));
            assert_eq!(found.ok().as_deref(), shown, "{kind} {given}");
        }
    }
}
