//! One file of `events/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use hub_engine::CRMS;
use serde_json::Value;

use crate::{
    SampleError,
    placeholders::{fill, names},
};

/// Where the samples are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
/// What comes from the body itself, and so after everything else.
const FROM_THE_BODY: [&str; 4] = [
    "md5-of-body",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// What placeholders stand for, by name.
pub type Values = BTreeMap<String, String>;

/// liveprompt's signature of one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`
    pub timestamp: String,
    /// `webhook-signature`
    pub signature: String,
}

/// A file of `events/`, not filled in.
#[derive(Debug, Clone)]
pub struct Sample {
    file: String,
    event: Value,
}

/// The names of all samples, sorted.
///
/// # Errors
/// The folder cannot be read.
pub fn all() -> Result<Vec<String>, SampleError> {
    listed(FOLDER)
}

/// A file of `events/payloads`: an event as liveprompt sends it.
///
/// # Errors
/// There is none of this name, or it is not JSON.
pub fn payload(file: &str) -> Result<Value, SampleError> {
    let path = format!("{FOLDER}/payloads/{file}");
    json(&path, &read(&path)?)
}

/// All files of `events/payloads`, by name.
///
/// # Errors
/// One cannot be read.
pub fn payloads() -> Result<BTreeMap<String, Value>, SampleError> {
    listed(&format!("{FOLDER}/payloads"))?
        .into_iter()
        .map(|file| Ok((file.clone(), payload(&file)?)))
        .collect()
}

impl Sample {
    /// Reads a sample by its name in `events/`, or any file by its path.
    ///
    /// # Errors
    /// There is no such file, or it is not JSON.
    pub fn read(file: &str) -> Result<Self, SampleError> {
        let given = Path::new(file);
        let name = given.file_name().unwrap_or_default().to_string_lossy();
        let path = if given.is_file() {
            file.to_owned()
        } else {
            format!("{FOLDER}/{name}")
        };
        if !Path::new(&path).is_file() {
            return Err(SampleError::Missing {
                file: file.to_owned(),
                there: all()?,
            });
        }
        Ok(Self {
            event: json(&path, &read(&path)?)?,
            file: name.into_owned(),
        })
    }

    /// Its name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The logical id of the function it is for.
    pub fn function(&self) -> &str {
        self.file.split('.').next().unwrap_or_default()
    }

    /// The CRM that its function, its path or its queue is for, if it is for one.
    pub fn crm(&self) -> Option<&'static str> {
        let path = self.event.get("rawPath").and_then(Value::as_str);
        let segments = path.into_iter().flat_map(|path| path.split('/'));
        let function = self
            .function()
            .strip_prefix("Deliver")
            .and_then(|rest| rest.strip_suffix("Function"));
        let mut named = segments.chain(function);
        named.find_map(|name| CRMS.iter().copied().find(|crm| *crm == name))
    }

    /// The names of its placeholders.
    pub fn placeholders(&self) -> BTreeSet<String> {
        names(&self.event)
    }

    /// The records of a queue's batch; an HTTP event has none.
    pub(crate) fn records(&self) -> &[Value] {
        let records = self.event.get("Records").and_then(Value::as_array);
        records.map_or(&[], Vec::as_slice)
    }

    /// The event as Lambda gets it. `sign` signs a body as liveprompt does.
    ///
    /// # Errors
    /// A placeholder has no value, or nothing can be signed.
    pub fn fill(
        &self,
        values: &Values,
        sign: impl Fn(&[u8]) -> Option<Signature>,
    ) -> Result<Value, SampleError> {
        let mut texts = values.clone();
        let mut unknown = Vec::new();
        for name in self.placeholders() {
            if name.starts_with("payloads/") {
                let text = read(&format!("{FOLDER}/{name}"))?;
                texts.insert(name, text);
            } else if !texts.contains_key(&name) && !FROM_THE_BODY.contains(&name.as_str()) {
                unknown.push(name);
            }
        }
        if !unknown.is_empty() {
            return Err(SampleError::Unknown {
                file: self.file.clone(),
                names: unknown,
            });
        }
        let mut event = self.event.clone();
        fill(&mut event, &|name| texts.get(name).cloned());
        match event.get_mut("Records").and_then(Value::as_array_mut) {
            Some(records) => {
                for record in records {
                    self.fill_from_body(record, &sign)?;
                }
            }
            None => self.fill_from_body(&mut event, &sign)?,
        }
        Ok(event)
    }

    /// A record or a request: what is made of its body.
    fn fill_from_body(
        &self,
        part: &mut Value,
        sign: &impl Fn(&[u8]) -> Option<Signature>,
    ) -> Result<(), SampleError> {
        let wanted = names(part);
        let body = part.get("body").and_then(Value::as_str).unwrap_or_default();
        let mut made = vec![("md5-of-body", format!("{:x}", md5::compute(body)))];
        if wanted.iter().any(|name| name.starts_with("webhook-")) {
            let signed = sign(body.as_bytes()).ok_or_else(|| SampleError::Unsigned {
                file: self.file.clone(),
            })?;
            made.extend([
                ("webhook-id", signed.id),
                ("webhook-timestamp", signed.timestamp),
                ("webhook-signature", signed.signature),
            ]);
        }
        fill(part, &|name| {
            let found = made.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        });
        Ok(())
    }
}

/// The JSON files directly in a folder, sorted.
fn listed(folder: &str) -> Result<Vec<String>, SampleError> {
    let unreadable = |source| SampleError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|end| end == "json") {
            let name = path.file_name().unwrap_or_default();
            found.push(name.to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &str) -> Result<String, SampleError> {
    std::fs::read_to_string(path).map_err(|source| SampleError::Read {
        path: path.to_owned(),
        source,
    })
}

fn json(path: &str, text: &str) -> Result<Value, SampleError> {
    serde_json::from_str(text).map_err(|source| SampleError::NotJson {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(file: &str, event: Value) -> Sample {
        Sample {
            file: file.to_owned(),
            event,
        }
    }

    fn signed(body: &[u8]) -> Signature {
        Signature {
            id: "msg_1".to_owned(),
            timestamp: "1".to_owned(),
            signature: format!("of {}", String::from_utf8_lossy(body)),
        }
    }

    #[test]
    fn a_record_is_signed_over_its_own_filled_body() {
        let record = |body: &str| json!({ "body": body, "s": "{{webhook-signature}}", "m": "{{md5-of-body}}" });
        let sample = sample(
            "X.json",
            json!({ "Records": [record("a {{x}}"), record("")] }),
        );
        let values = Values::from([("x".to_owned(), "1".to_owned())]);
        let event = sample.fill(&values, |body| Some(signed(body))).unwrap();
        // The sums by md5sum.
        let expected = json!({ "Records": [
            { "body": "a 1", "s": "of a 1", "m": "a41a293e532528c9830387f5030cacb6" },
            { "body": "", "s": "of ", "m": "d41d8cd98f00b204e9800998ecf8427e" },
        ] });
        assert_eq!(event, expected);
    }

    #[test]
    fn what_is_unknown_is_named() {
        let sample = sample(
            "X.y.json",
            json!({ "body": "{{x}} {{bearer}}", "a": "{{y}}" }),
        );
        let values = Values::from([("bearer".to_owned(), "b".to_owned())]);
        let error = sample.fill(&values, |body| Some(signed(body))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "X.y.json: nobody knows what {{x}}, {{y}} stands for"
        );
        let unsigned = Sample::read("IngestFunction.list.json").unwrap();
        let error = unsigned.fill(&Values::new(), |_| None).unwrap_err();
        assert!(matches!(error, SampleError::Unsigned { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_answered_by_those_that_are() {
        let error = Sample::read("events/Nothing.json").unwrap_err().to_string();
        assert!(
            error.starts_with("there is no sample events/Nothing.json; there are:\n  Api"),
            "{error}"
        );
        assert!(error.contains("\n  IngestFunction.list.json"), "{error}");
    }

    #[test]
    fn the_crm_is_that_of_the_function_or_of_the_path() {
        let crm = CRMS[0];
        let of = |file: String, event| sample(&file, event).crm();
        assert_eq!(
            of(format!("Deliver{crm}Function.x.json"), json!({})),
            Some(crm)
        );
        let path = format!("/api/integrations/{crm}/connect");
        assert_eq!(
            of("A.json".to_owned(), json!({ "rawPath": path })),
            Some(crm)
        );
        assert_eq!(of("A.json".to_owned(), json!({ "rawPath": "/api" })), None);
    }
}
