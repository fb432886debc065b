//! When an event is. Its times have older twins, and its end can be said in two ways.

use serde_json::{Value, json};

use super::errors::{Outcome, Refusal};
use super::store::{Row, text};
use super::times;

const MINUTES_MAX: i64 = 14 * 24 * 60;

/// Settles an event's times, which have older twins and two ways to say the end.
pub(super) fn settle(row: &mut Row, changes: &Row, creating: bool) -> Outcome<()> {
    let refuse = |message: &str, field: &str| {
        Err(Refusal::fields(
            "FIELD_INTEGRITY_EXCEPTION",
            message,
            &[field],
        ))
    };
    let missing = |field: &str| {
        let message = format!("Required fields are missing: [{field}]");
        Refusal::fields("REQUIRED_FIELD_MISSING", message, &[field])
    };
    let at = |row: &Row, field: &str| text(row, field).and_then(times::read);
    let all_day = row.get("IsAllDayEvent").and_then(Value::as_bool) == Some(true);
    let (start, twin) = (
        at(changes, "StartDateTime"),
        at(changes, "ActivityDateTime"),
    );
    if start.is_some() && twin.is_some() && start != twin {
        return refuse(
            "StartDateTime and ActivityDateTime must be the same",
            "StartDateTime",
        );
    }
    let given = start.or(twin);
    let start = if all_day {
        at(changes, "ActivityDate")
            .or(given)
            .or_else(|| at(row, "StartDateTime"))
    } else {
        given.or_else(|| at(row, "StartDateTime"))
    };
    let start = start.ok_or_else(|| {
        missing(if all_day {
            "ActivityDate"
        } else {
            "StartDateTime"
        })
    })?;
    let start = if all_day {
        times::read(&times::day(start)).unwrap_or(start)
    } else {
        start
    };
    let end = at(changes, "EndDateTime");
    let length = changes.get("DurationInMinutes").and_then(Value::as_i64);
    let kept = if creating {
        None
    } else {
        row.get("DurationInMinutes").and_then(Value::as_i64)
    };
    let minutes = match (end, length) {
        (Some(end), length) => {
            // The end of an all-day event is the midnight its last day begins with.
            let extra = if all_day { 24 * 60 } else { 0 };
            let minutes = (end.as_second() - start.as_second()) / 60;
            if length.is_some_and(|length| length != minutes && length != minutes + extra) {
                return refuse(
                    "EndDateTime and DurationInMinutes do not say the same",
                    "DurationInMinutes",
                );
            }
            if minutes < 0 {
                return refuse("End date can not be before start date", "EndDateTime");
            }
            minutes + extra
        }
        (None, Some(length)) => length,
        (None, None) if all_day => kept.unwrap_or(24 * 60),
        (None, None) => kept.ok_or_else(|| missing("DurationInMinutes"))?,
    };
    if minutes < 0 {
        return refuse("Duration can not be negative", "DurationInMinutes");
    }
    if minutes > MINUTES_MAX {
        return refuse(
            "An event can not be longer than 14 days",
            "DurationInMinutes",
        );
    }
    let end = times::shifted(
        start,
        if all_day {
            (minutes - 24 * 60).max(0)
        } else {
            minutes
        } * 60,
    );
    row.insert("StartDateTime".to_owned(), json!(times::written(start)));
    row.insert(
        "ActivityDateTime".to_owned(),
        if all_day {
            Value::Null
        } else {
            json!(times::written(start))
        },
    );
    row.insert("ActivityDate".to_owned(), json!(times::day(start)));
    row.insert("EndDateTime".to_owned(), json!(times::written(end)));
    row.insert("EndDate".to_owned(), json!(times::day(end)));
    row.insert("DurationInMinutes".to_owned(), json!(minutes));
    Ok(())
}
