//! One record of the table's stream, as Lambda brings it.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hub_domain::{Attribute, Image, TableChange, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// The number that the answer names a record by.
pub(super) fn number(record: &Value) -> Option<String> {
    let number = record.pointer("/dynamodb/SequenceNumber")?.as_str()?;
    (!number.is_empty()).then(|| number.to_owned())
}

/// The record, or nothing if it is not shaped as the table's stream shapes it.
pub(super) fn read(record: Value) -> Option<TableChange> {
    Record::deserialize(record).ok()?.dynamodb.into_change()
}

#[derive(Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    sequence_number: String,
    /// Seconds since 1970, with or without a fraction.
    approximate_creation_date_time: f64,
    keys: Keys,
    #[serde(default)]
    old_image: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    new_image: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// `{"S":"…"}`; exactly one kind, and one that the table holds.
#[derive(Deserialize)]
enum Kind {
    S(String),
    N(String),
    B(String),
    SS(Vec<String>),
}

impl Change {
    fn into_change(self) -> Option<TableChange> {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the stream's time is good to the second"
        )]
        let second = self.approximate_creation_date_time as i64;
        Some(TableChange {
            sequence: self.sequence_number,
            at: Timestamp::from_second(second).ok()?,
            pk: self.keys.pk.text,
            sk: self.keys.sk.text,
            old: self.old_image.map(image).transpose().ok()?,
            new: self.new_image.map(image).transpose().ok()?,
        })
    }
}

/// A value that the table does not hold.
struct Unknown;

fn image(found: BTreeMap<String, Value>) -> Result<Image, Unknown> {
    let attribute = |(name, value): (String, Value)| {
        let value = match Kind::deserialize(value).map_err(|_| Unknown)? {
            Kind::S(text) => Attribute::Text(text),
            Kind::N(number) => Attribute::Number(number),
            Kind::B(text) => Attribute::Bytes(BASE64_STANDARD.decode(text).map_err(|_| Unknown)?),
            Kind::SS(texts) => Attribute::Texts(texts),
        };
        Ok((name, value))
    };
    found.into_iter().map(attribute).collect()
}
