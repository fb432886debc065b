//! Times as the vendor writes them: whole seconds, and an offset.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A moment in the org's offset.
pub(super) fn written(at: Timestamp, offset_hours: i8) -> String {
    let offset = Offset::from_hours(offset_hours).unwrap_or(Offset::UTC);
    let local = offset.to_datetime(at);
    let hours = offset_hours.unsigned_abs();
    let sign = if offset_hours < 0 { '-' } else { '+' };
    format!("{}{sign}{hours:02}:00", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// A moment as a caller names it: with an offset, without a fraction.
pub(super) fn moment(text: &str, refuse_zulu: bool) -> Option<Timestamp> {
    let is_zulu = text.ends_with(['Z', 'z']);
    if text.contains('.') || (is_zulu && refuse_zulu) {
        return None;
    }
    text.parse().ok()
}

pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

/// A length of time, `mm:ss`, in seconds.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (minutes, seconds) = text.split_once(':')?;
    let number = |part: &str, most: usize| {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        let fits = digits && (2..=most).contains(&part.len());
        fits.then(|| part.parse::<u64>().ok()).flatten()
    };
    let (minutes, seconds) = (number(minutes, 5)?, number(seconds, 2)?);
    (seconds < 60).then_some(minutes * 60 + seconds)
}

pub(super) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    let shifted = at.checked_add(SignedDuration::from_secs(seconds));
    shifted.unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_needs_its_offset() {
        let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        assert_eq!(written(noon, 0), "2026-11-20T12:00:00+00:00");
        assert_eq!(written(noon, 5), "2026-11-20T17:00:00+05:00");
        assert_eq!(written(noon, -8), "2026-11-20T04:00:00-08:00");
        for (text, refuse_zulu, right) in [
            ("2026-11-20T12:00:00+00:00", true, true),
            ("2026-11-20T13:00:00+01:00", true, true),
            ("2026-11-20T12:00:00Z", true, false),
            ("2026-11-20T12:00:00Z", false, true),
            ("2026-11-20T12:00:00.000+00:00", true, false),
            ("2026-11-20T12:00:00", false, false),
            ("2026-11-20", false, false),
        ] {
            let found = moment(text, refuse_zulu);
            assert_eq!(found, right.then_some(noon), "{text}");
        }
    }

    #[test]
    fn lengths_are_minutes_and_seconds() {
        for (text, length) in [
            ("25:00", Some(1_500)),
            ("125:30", Some(7_530)),
            ("5:00", None),
            ("05:60", None),
            ("05", None),
            ("00:45:01", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), length, "{text}");
        }
    }
}
