//! Dates and datetimes in the vendor's forms. In: ISO 8601. Out: `2026-11-20T15:00:00.000+0000`,
//! which sorts as text.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// The form datetimes leave in.
pub(super) fn written(at: Timestamp) -> String {
    let civil = at.to_zoned(TimeZone::UTC).datetime();
    format!(
        "{}.{:03}+0000",
        civil.strftime("%Y-%m-%dT%H:%M:%S"),
        civil.millisecond()
    )
}

/// Reads a datetime: RFC 3339, the vendor's own form without a colon in the offset, or a date alone
/// (midnight UTC).
pub(super) fn read(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Some(date) = date(text) {
        return date
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp());
    }
    let (head, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
    let (sign, digits) = offset.split_at_checked(1)?;
    if !matches!(sign, "+" | "-")
        || digits.len() != 4
        || !digits.bytes().all(|c| c.is_ascii_digit())
    {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    format!("{head}{sign}{hours}:{minutes}").parse().ok()
}

/// Reads a date, `YYYY-MM-DD` and nothing else.
pub(super) fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// The day of a datetime, in UTC.
pub(super) fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// A time some seconds away.
pub(super) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}

/// Reads an HTTP date, as in `If-Unmodified-Since`.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::{http_date, read, written};

    #[test]
    fn every_form_in_one_form_out() {
        for form in [
            "2026-11-20T15:00:00.000+0000",
            "2026-11-20T15:00:00Z",
            "2026-11-20T16:00:00+01:00",
            "2026-11-20T10:00:00.000-0500",
        ] {
            assert_eq!(
                read(form).map(written).as_deref(),
                Some("2026-11-20T15:00:00.000+0000"),
                "{form}"
            );
        }
        assert_eq!(
            read("2026-11-20").map(written).as_deref(),
            Some("2026-11-20T00:00:00.000+0000")
        );
        assert_eq!(read("tomorrow"), None);
    }

    #[test]
    fn http_dates() {
        let at = http_date("Fri, 20 Nov 2026 15:00:00 GMT");
        assert_eq!(
            at.map(written).as_deref(),
            Some("2026-11-20T15:00:00.000+0000")
        );
    }
}
