//! What a column takes, and how it keeps it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::refusal::{Outcome, Refusal};
use super::schema::{Column, Table, Type};

/// The first moment a date column can hold.
const FIRST_YEAR: i16 = 1753;

/// A value as the column keeps it; null takes it away.
pub(super) fn accept(table: &Table, column: &Column, value: &Value) -> Outcome<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let wrong = |edm: &str| {
        let inner = format!(
            "Cannot convert the literal '{}' to the expected type '{edm}'.",
            shown(value)
        );
        Refusal::payload(&table.set, &inner)
    };
    match column.is {
        Type::String | Type::Memo => {
            let text = value.as_str().ok_or_else(|| wrong("Edm.String"))?;
            if text.encode_utf16().count() > column.max {
                return Err(too_long(table, column));
            }
            Ok(if text.is_empty() {
                Value::Null
            } else {
                json!(text)
            })
        }
        Type::Integer | Type::BigInt => {
            let whole = value.as_i64().filter(|n| i32::try_from(*n).is_ok());
            whole.map(|n| json!(n)).ok_or_else(|| wrong("Edm.Int32"))
        }
        Type::Picklist | Type::State | Type::Status => {
            let number = value.as_i64().ok_or_else(|| wrong("Edm.Int32"))?;
            if column.choices.iter().any(|choice| choice.value == number) {
                return Ok(json!(number));
            }
            let values: Vec<String> = column
                .choices
                .iter()
                .map(|choice| choice.value.to_string())
                .collect();
            let message = format!(
                "A validation error occurred. The value {number} of '{}' on record of type '{}' is outside the valid \
                 range. Accepted Values: {}",
                column.name,
                table.name,
                values.join(",")
            );
            Err(Refusal::new(400, "0x80048408", message))
        }
        Type::Money => {
            let number = value.as_f64().ok_or_else(|| wrong("Edm.Decimal"))?;
            Ok(json!(number))
        }
        Type::Boolean => value
            .as_bool()
            .map(|flag| json!(flag))
            .ok_or_else(|| wrong("Edm.Boolean")),
        Type::DateTime => {
            let time: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
            let time = time.ok_or_else(|| wrong("Edm.DateTimeOffset"))?;
            since(table, column, time.to_zoned(jiff::tz::TimeZone::UTC).date())?;
            // The platform keeps whole seconds.
            let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
            Ok(json!(whole.to_string()))
        }
        Type::Date => {
            let day: Option<Date> = value
                .as_str()
                .filter(|text| text.len() == 10)
                .and_then(|text| text.parse().ok());
            let day = day.ok_or_else(|| wrong("Edm.Date"))?;
            since(table, column, day)?;
            Ok(json!(day.to_string()))
        }
        Type::Uniqueidentifier => {
            let id = value.as_str().and_then(guid);
            id.map(|id| json!(id)).ok_or_else(|| wrong("Edm.Guid"))
        }
        Type::EntityName => value
            .as_str()
            .map(|text| json!(text))
            .ok_or_else(|| wrong("Edm.String")),
        Type::Lookup | Type::Customer | Type::Owner | Type::PartyList => Err(by_navigation()),
    }
}

pub(super) fn by_navigation() -> Refusal {
    let message = "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.";
    Refusal::query(message)
}

fn too_long(table: &Table, column: &Column) -> Refusal {
    let message = format!(
        "A validation error occurred.  The length of the '{}' attribute of the '{}' entity exceeded the maximum allowed \
         length of '{}'.",
        column.name, table.name, column.max
    );
    Refusal::new(400, "0x80044331", message)
}

fn since(table: &Table, column: &Column, day: Date) -> Outcome<()> {
    if day.year() >= FIRST_YEAR {
        return Ok(());
    }
    let message = format!(
        "DateTime is less than minimum value supported by CrmDateTime. Actual value: {day}, Minimum value supported: \
         01/01/1753 00:00:00 ({}.{})",
        table.name, column.name
    );
    Err(Refusal::new(400, "0x80040239", message))
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A GUID as the platform writes it: lower case, without braces.
pub(super) fn guid(text: &str) -> Option<String> {
    let text = text
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .unwrap_or(text);
    let right = text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    right.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamics365::schema::Schema;

    #[test]
    fn a_column_takes_what_it_can_hold() {
        let schema = Schema::shipped();
        for (table, column, value, kept) in [
            ("task", "subject", json!("a"), Ok(json!("a"))),
            ("task", "subject", json!(""), Ok(Value::Null)),
            ("task", "subject", json!(1), Err("0x80048d19")),
            (
                "task",
                "subject",
                json!("ä".repeat(200)),
                Ok(json!("ä".repeat(200))),
            ),
            ("task", "subject", json!("𝄞".repeat(101)), Err("0x80044331")),
            ("task", "prioritycode", json!(2), Ok(json!(2))),
            ("task", "prioritycode", json!("2"), Err("0x80048d19")),
            ("task", "prioritycode", json!(9), Err("0x80048408")),
            (
                "task",
                "scheduledend",
                json!("2026-11-20T15:00:00.5+01:00"),
                Ok(json!("2026-11-20T14:00:00Z")),
            ),
            (
                "task",
                "scheduledend",
                json!("1700-01-01T00:00:00Z"),
                Err("0x80040239"),
            ),
            ("task", "scheduledend", json!("tomorrow"), Err("0x80048d19")),
            (
                "contact",
                "birthdate",
                json!("1990-02-28"),
                Ok(json!("1990-02-28")),
            ),
            (
                "contact",
                "birthdate",
                json!("1990-02-28T00:00:00Z"),
                Err("0x80048d19"),
            ),
            ("contact", "donotemail", json!(1), Err("0x80048d19")),
            ("contact", "parentcustomerid", json!("x"), Err("0x80060888")),
        ] {
            let table = schema.table(table).unwrap();
            let column = table.column(column).unwrap();
            let found = accept(table, column, &value);
            let found = found.map_err(|refusal| refusal.code);
            assert_eq!(found, kept.map_err(str::to_owned), "{value}");
        }
    }

    #[test]
    fn a_guid_is_written_in_one_way() {
        let lower = "6f1c0000-aaaa-4bbb-8ccc-0123456789ab";
        assert_eq!(
            guid(&format!("{{{}}}", lower.to_uppercase())).as_deref(),
            Some(lower)
        );
        assert_eq!(guid("6f1c0000aaaa4bbb8ccc0123456789ab"), None);
    }
}
