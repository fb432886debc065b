//! Dates and datetimes in the vendor's forms. In: milliseconds since 1970, or ISO 8601. Out: ISO
//! 8601 in UTC.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// The form of `createdAt` and its like: always with milliseconds.
pub(super) fn written(at: Timestamp) -> String {
    let civil = at.to_zoned(TimeZone::UTC).datetime();
    format!(
        "{}.{:03}Z",
        civil.strftime("%Y-%m-%dT%H:%M:%S"),
        civil.millisecond()
    )
}

/// The form of a datetime property: milliseconds only where there are some.
pub(super) fn value(at: Timestamp) -> String {
    written(at).replace(".000Z", "Z")
}

/// Reads a datetime: milliseconds, RFC 3339, or a date alone (midnight UTC).
pub(super) fn read(text: &str) -> Option<Timestamp> {
    if let Ok(ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(ms).ok();
    }
    if let Some(date) = date(text) {
        return date.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    }
    text.parse().ok()
}

/// Reads a date, `YYYY-MM-DD` and nothing else.
pub(super) fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// The day of a datetime, in UTC.
pub(super) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// A time some seconds away.
pub(super) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::{read, value, written};

    #[test]
    fn every_form_in_one_form_out() {
        for form in [
            "1795186800000",
            "2026-11-20T15:00:00Z",
            "2026-11-20T15:00:00.000Z",
            "2026-11-20T16:00:00+01:00",
        ] {
            let read = read(form);
            assert_eq!(
                read.map(value).as_deref(),
                Some("2026-11-20T15:00:00Z"),
                "{form}"
            );
            assert_eq!(
                read.map(written).as_deref(),
                Some("2026-11-20T15:00:00.000Z")
            );
        }
        assert_eq!(read("tomorrow"), None);
        assert_eq!(
            read("2026-11-20").map(value).as_deref(),
            Some("2026-11-20T00:00:00Z")
        );
    }
}
