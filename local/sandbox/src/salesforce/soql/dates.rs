//! SOQL's named ranges of days, in UTC.

use jiff::civil::{Date, Weekday};
use jiff::{Span, Timestamp, tz::TimeZone};

/// Whether a name needs `:n`.
pub(super) fn takes_count(name: &str) -> bool {
    matches!(
        name,
        "LAST_N_DAYS" | "NEXT_N_DAYS" | "N_DAYS_AGO" | "LAST_N_WEEKS" | "LAST_N_MONTHS"
    )
}

/// Whether a name stands alone.
pub(super) fn is_name(name: &str) -> bool {
    matches!(
        name,
        "TODAY"
            | "YESTERDAY"
            | "TOMORROW"
            | "THIS_WEEK"
            | "LAST_WEEK"
            | "THIS_MONTH"
            | "LAST_MONTH"
            | "NEXT_MONTH"
            | "THIS_YEAR"
            | "LAST_90_DAYS"
            | "NEXT_90_DAYS"
    )
}

/// First day and the day after the last, as `YYYY-MM-DD`.
pub(super) fn range(name: &str, count: Option<i64>, now: Timestamp) -> Option<(String, String)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let n = count.unwrap_or(90);
    let days = |date: Date, n: i64| date.checked_add(Span::new().try_days(n).ok()?).ok();
    let months = |date: Date, n: i64| date.checked_add(Span::new().try_months(n).ok()?).ok();
    let sunday = days(today, -i64::from(today.weekday().since(Weekday::Sunday)))?;
    let (first, after) = match name {
        "TODAY" => (today, days(today, 1)?),
        "YESTERDAY" => (days(today, -1)?, today),
        "TOMORROW" => (days(today, 1)?, days(today, 2)?),
        "LAST_N_DAYS" | "LAST_90_DAYS" => (days(today, -n)?, days(today, 1)?),
        "NEXT_N_DAYS" | "NEXT_90_DAYS" => (days(today, 1)?, days(today, n.checked_add(1)?)?),
        "N_DAYS_AGO" => (days(today, -n)?, days(today, 1 - n)?),
        "THIS_WEEK" => (sunday, days(sunday, 7)?),
        "LAST_WEEK" => (days(sunday, -7)?, sunday),
        "LAST_N_WEEKS" => (days(sunday, n.checked_mul(-7)?)?, sunday),
        "THIS_MONTH" => (today.first_of_month(), months(today.first_of_month(), 1)?),
        "LAST_MONTH" => (months(today.first_of_month(), -1)?, today.first_of_month()),
        "NEXT_MONTH" => (
            months(today.first_of_month(), 1)?,
            months(today.first_of_month(), 2)?,
        ),
        "LAST_N_MONTHS" => (months(today.first_of_month(), -n)?, today.first_of_month()),
        "THIS_YEAR" => (today.first_of_year(), months(today.first_of_year(), 12)?),
        _ => return None,
    };
    Some((first.to_string(), after.to_string()))
}
