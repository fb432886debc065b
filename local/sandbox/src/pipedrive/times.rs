//! Times in the forms of v2 and v1.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

/// As v2 writes a moment: whole seconds, in UTC.
pub(super) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// As v1 writes it.
pub(super) fn v1(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The form of v1 for a moment of v2.
pub(super) fn to_v1(text: &str) -> String {
    text.replace('T', " ").trim_end_matches('Z').to_owned()
}

pub(super) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    let shifted = at.checked_add(SignedDuration::from_secs(seconds));
    shifted.unwrap_or(at)
}

/// A moment a caller names: RFC 3339 without a fraction of a second.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    (!text.contains('.')).then(|| text.parse().ok()).flatten()
}

/// A day a caller names.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

/// `HH:MM` or `HH:MM:SS` as `HH:MM:SS`; a length of time may be longer than a day.
pub(super) fn clock(text: &str, may_exceed: bool) -> Option<String> {
    let whole = if text.matches(':').count() == 1 {
        format!("{text}:00")
    } else {
        text.to_owned()
    };
    let parts: Vec<&str> = whole.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else {
        return None;
    };
    let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !(two(minutes) && two(seconds)) {
        return None;
    }
    let small = |part: &str| part.parse::<u32>().is_ok_and(|n| n < 60);
    let right = if may_exceed {
        let digits = hours.bytes().all(|b| b.is_ascii_digit());
        digits && (2..=3).contains(&hours.len()) && small(minutes) && small(seconds)
    } else {
        two(hours) && whole.parse::<Time>().is_ok()
    };
    right.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_have_two_digits_everywhere() {
        for (text, time, span) in [
            ("09:05", Some("09:05:00"), Some("09:05:00")),
            ("09:05:07", Some("09:05:07"), Some("09:05:07")),
            ("26:00", None, Some("26:00:00")),
            ("9:05", None, None),
            ("09:5", None, None),
            ("09:61", None, None),
            ("09", None, None),
            ("", None, None),
        ] {
            assert_eq!(clock(text, false).as_deref(), time, "{text}");
            assert_eq!(clock(text, true).as_deref(), span, "{text}");
        }
    }

    #[test]
    fn moments_have_whole_seconds() {
        assert!(moment("2026-11-20T09:00:00Z").is_some());
        assert!(moment("2026-11-20T09:00:00.000Z").is_none());
        assert!(moment("2026-11-20").is_none());
    }
}
