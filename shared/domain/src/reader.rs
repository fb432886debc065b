//! Reading JSON that somebody else wrote: every fault is noted with its place, none ends the reading.
//!
//! serde stops at the first fault; a caller who mends an event wants all of them at once.

use std::{collections::BTreeSet, str::FromStr};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    fault::Faults,
    id::InvalidId,
    limits::{MAX_EMAIL, MAX_TIME_SECONDS, MIN_TIME_SECONDS},
};

/// One JSON object being read. Fields that nobody asks for are left for [`Reader::rest`].
pub struct Reader<'a> {
    object: &'a Map<String, Value>,
    pointer: String,
    seen: BTreeSet<&'a str>,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether nothing of it would be seen.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control())
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl<'a> Reader<'a> {
    /// Starts to read `value`, which must be an object.
    pub fn new(value: &'a Value, pointer: impl Into<String>, faults: &mut Faults) -> Option<Self> {
        let pointer = pointer.into();
        match value {
            Value::Object(object) => Some(Self {
                object,
                pointer,
                seen: BTreeSet::new(),
            }),
            other => {
                faults.push(pointer, format!("is {}", kind(other)), "an object");
                None
            }
        }
    }

    /// The pointer of a field of this object.
    pub fn at(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, escape(key))
    }

    /// The value of a field; an absent field and `null` are the same.
    pub fn value(&mut self, key: &str) -> Option<&'a Value> {
        let (key, value) = self.object.get_key_value(key)?;
        self.seen.insert(key);
        (!value.is_null()).then_some(value)
    }

    fn required<T>(
        &self,
        found: Option<T>,
        key: &str,
        expected: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        // A field that is there and wrong has been noted already.
        if self.object.get(key).is_none_or(Value::is_null) {
            faults.push(self.at(key), "is missing", expected);
        }
        found
    }

    /// A text of at most `most` characters. Blank is the same as absent.
    pub fn text(&mut self, key: &str, most: usize, faults: &mut Faults) -> Option<String> {
        let pointer = self.at(key);
        match self.value(key)? {
            Value::String(text) if is_blank(text) => None,
            Value::String(text) => {
                let length = text.chars().count();
                if length > most {
                    faults.push(
                        pointer,
                        format!("has {length} characters"),
                        format!("at most {most} characters"),
                    );
                    return None;
                }
                // Control characters other than line breaks and tabs have no place in a CRM field.
                Some(
                    text.chars()
                        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
                        .collect(),
                )
            }
            other => {
                faults.push(pointer, format!("is {}", kind(other)), "a string");
                None
            }
        }
    }

    /// A text that must be there and not blank.
    pub fn required_text(&mut self, key: &str, most: usize, faults: &mut Faults) -> Option<String> {
        let before = faults.0.len();
        let found = self.text(key, most, faults);
        if found.is_none() && faults.0.len() == before {
            let problem = if self.object.get(key).is_none_or(Value::is_null) {
                "is missing"
            } else {
                "is blank"
            };
            faults.push(
                self.at(key),
                problem,
                format!("a string of 1 to {most} characters"),
            );
        }
        found
    }

    /// An id of the given kind.
    pub fn id<T: FromStr<Err = InvalidId>>(&mut self, key: &str, faults: &mut Faults) -> Option<T> {
        let pointer = self.at(key);
        match self.value(key)? {
            Value::String(text) => match text.parse() {
                Ok(id) => Some(id),
                Err(InvalidId { expected }) => {
                    faults.push(pointer, "is not a valid id", expected);
                    None
                }
            },
            other => {
                faults.push(pointer, format!("is {}", kind(other)), "a string");
                None
            }
        }
    }

    /// An id that must be there.
    pub fn required_id<T: FromStr<Err = InvalidId>>(
        &mut self,
        key: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        let found = self.id(key, faults);
        self.required(found, key, "an id", faults)
    }

    /// An RFC 3339 time with an offset, between 2000 and 2100.
    pub fn time(&mut self, key: &str, faults: &mut Faults) -> Option<Timestamp> {
        const EXPECTED: &str =
            "an RFC 3339 time with offset between 2000 and 2100, like 2026-11-20T15:46:00Z";
        let pointer = self.at(key);
        let value = self.value(key)?;
        let time = value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok());
        match time {
            Some(time) if (MIN_TIME_SECONDS..MAX_TIME_SECONDS).contains(&time.as_second()) => {
                Some(time)
            }
            Some(_) => {
                faults.push(pointer, "is out of range", EXPECTED);
                None
            }
            None => {
                faults.push(pointer, "is not a time", EXPECTED);
                None
            }
        }
    }

    /// A time that must be there.
    pub fn required_time(&mut self, key: &str, faults: &mut Faults) -> Option<Timestamp> {
        let found = self.time(key, faults);
        self.required(found, key, "an RFC 3339 time", faults)
    }

    /// A whole number from 0 to `most`.
    pub fn integer(&mut self, key: &str, most: u64, faults: &mut Faults) -> Option<u64> {
        let pointer = self.at(key);
        let value = self.value(key)?;
        match value.as_u64() {
            Some(number) if number <= most => Some(number),
            _ => {
                let problem = if value.is_number() {
                    format!("is {value}")
                } else {
                    format!("is {}", kind(value))
                };
                faults.push(pointer, problem, format!("a whole number from 0 to {most}"));
                None
            }
        }
    }

    /// A whole number that must be there.
    pub fn required_integer(&mut self, key: &str, most: u64, faults: &mut Faults) -> Option<u64> {
        let found = self.integer(key, most, faults);
        self.required(
            found,
            key,
            &format!("a whole number from 0 to {most}"),
            faults,
        )
    }

    /// A number from 0 to 1.
    pub fn fraction(&mut self, key: &str, faults: &mut Faults) -> Option<f64> {
        let pointer = self.at(key);
        let value = self.value(key)?;
        match value.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Some(number),
            _ => {
                faults.push(pointer, "is not a fraction", "a number from 0 to 1");
                None
            }
        }
    }

    /// A boolean.
    pub fn boolean(&mut self, key: &str, faults: &mut Faults) -> Option<bool> {
        let pointer = self.at(key);
        match self.value(key)? {
            Value::Bool(value) => Some(*value),
            other => {
                faults.push(pointer, format!("is {}", kind(other)), "true or false");
                None
            }
        }
    }

    /// An e-mail address, lower-cased and trimmed.
    ///
    /// The check is deliberately coarse (one `@`, no blanks, a dot in the domain): what a mail
    /// server accepts is wider than any grammar, and a wrong address only matches nobody.
    pub fn email(&mut self, key: &str, faults: &mut Faults) -> Option<String> {
        let text = self.text(key, MAX_EMAIL, faults)?;
        let email = text.trim().to_lowercase();
        let valid = email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !domain.contains('@')
                && !email.contains(|c: char| {
                    c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';')
                })
        });
        if !valid {
            faults.push(
                self.at(key),
                "is not an e-mail address",
                "an address like ada@example.com",
            );
            return None;
        }
        Some(email)
    }

    /// An https or http link.
    pub fn link(&mut self, key: &str, most: usize, faults: &mut Faults) -> Option<String> {
        let text = self.text(key, most, faults)?;
        match url::Url::parse(text.trim()) {
            Ok(link) if matches!(link.scheme(), "https" | "http") && link.has_host() => {
                Some(text.trim().to_owned())
            }
            _ => {
                faults.push(self.at(key), "is not a link", "an https link");
                None
            }
        }
    }

    /// An object within this one.
    pub fn object(&mut self, key: &str, faults: &mut Faults) -> Option<Reader<'a>> {
        let pointer = self.at(key);
        Reader::new(self.value(key)?, pointer, faults)
    }

    /// An object that must be there.
    pub fn required_object(&mut self, key: &str, faults: &mut Faults) -> Option<Reader<'a>> {
        let found = self.object(key, faults);
        self.required(found, key, "an object", faults)
    }

    /// A list of at most `most` objects, each read by `read`. Absent is empty.
    pub fn list<T>(
        &mut self,
        key: &str,
        most: usize,
        faults: &mut Faults,
        mut read: impl FnMut(&mut Reader<'a>, &mut Faults) -> Option<T>,
    ) -> Vec<T> {
        self.values(key, most, faults, |value, pointer, faults| {
            let mut reader = Reader::new(value, pointer, faults)?;
            read(&mut reader, faults)
        })
    }

    /// A list of at most `most` ids. Absent is empty.
    pub fn ids<T: FromStr<Err = InvalidId>>(
        &mut self,
        key: &str,
        most: usize,
        faults: &mut Faults,
    ) -> Vec<T> {
        self.values(key, most, faults, |value, pointer, faults| {
            let parsed = value.as_str().map(str::parse);
            match parsed {
                Some(Ok(id)) => Some(id),
                Some(Err(InvalidId { expected })) => {
                    faults.push(pointer, "is not a valid id", expected);
                    None
                }
                None => {
                    faults.push(pointer, format!("is {}", kind(value)), "a string");
                    None
                }
            }
        })
    }

    /// A list of at most `most` values, each read by `read` with its place. Absent is empty.
    pub fn values<T>(
        &mut self,
        key: &str,
        most: usize,
        faults: &mut Faults,
        mut read: impl FnMut(&'a Value, String, &mut Faults) -> Option<T>,
    ) -> Vec<T> {
        let pointer = self.at(key);
        match self.value(key) {
            None => Vec::new(),
            Some(Value::Array(values)) if values.len() > most => {
                faults.push(
                    pointer,
                    format!("has {} entries", values.len()),
                    format!("at most {most} entries"),
                );
                Vec::new()
            }
            Some(Value::Array(values)) => values
                .iter()
                .enumerate()
                .filter_map(|(index, value)| read(value, format!("{pointer}/{index}"), faults))
                .collect(),
            Some(other) => {
                faults.push(pointer, format!("is {}", kind(other)), "an array");
                Vec::new()
            }
        }
    }

    /// What nobody asked for: kept with the record, never trusted.
    pub fn rest(&self) -> Map<String, Value> {
        self.object
            .iter()
            .filter(|(key, _)| !self.seen.contains(key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for blank in ["", " \n", "\0", "\u{1} \u{7f}", "\u{85}"] {
            let value = json!({ "name": blank });
            let mut faults = Faults::default();
            let mut reader = Reader::new(&value, "", &mut faults).unwrap();
            assert_eq!(reader.required_text("name", 10, &mut faults), None);
            assert_eq!(faults.0[0].problem, "is blank", "{blank:?}");
        }
    }
}
