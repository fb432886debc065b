//! The queries of lists: what is asked for, or every fault of it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hub_domain::{
    ConnectionId, CrmId, Faults, SessionId, Timestamp, WebhookId, ledger::DeliveryStatus,
    limits::MAX_SHORT,
};
use hub_engine::{
    audit, connectable,
    deliveries::{DeliveryFilter, PAGE, STATUSES, VERDICTS},
};
use utoipa::IntoParams;

const NAMES: &str =
    "connection, crm, webhook, session, status, verdict, field, since, until, cursor or limit";

/// The same, as the document of the API describes it. Nothing is read with this type.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only described")]
pub(crate) struct DeliveryParameters {
    /// Only those of this connection.
    connection: Option<ConnectionId>,
    /// Only those to this CRM.
    #[param(max_length = 255)]
    crm: Option<String>,
    /// Only those to this webhook.
    webhook: Option<WebhookId>,
    /// Only those of this session.
    session: Option<SessionId>,
    /// Only those that stand like this.
    #[param(inline)]
    status: Option<DeliveryStatus>,
    /// Only those with this verdict, like `reject`.
    #[param(max_length = 255)]
    verdict: Option<String>,
    /// Only those of which the CRM refused this field, or with this error code.
    #[param(max_length = 255)]
    field: Option<String>,
    /// Only those that changed last at or after this moment.
    since: Option<Timestamp>,
    /// Only those that changed last before this moment.
    until: Option<Timestamp>,
    /// `next` of the page before, of the same query.
    cursor: Option<String>,
    /// The most on the page; 100 unless it says otherwise.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
}

/// Which page of which deliveries.
#[derive(Debug)]
pub(crate) struct DeliveryQuery {
    pub(crate) filter: DeliveryFilter,
    /// The store's own cursor.
    pub(crate) cursor: Option<String>,
    pub(crate) limit: usize,
}

impl DeliveryQuery {
    /// Reads it. A fault's pointer is the parameter's name.
    pub(crate) fn read(given: &[(String, String)]) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut query = Self {
            filter: DeliveryFilter::default(),
            cursor: None,
            limit: PAGE,
        };
        let mut cursor = None;
        for (place, (name, value)) in given.iter().enumerate() {
            if given.iter().take(place).any(|(earlier, _)| earlier == name) {
                faults.push(name, "is given more than once", "one value");
                continue;
            }
            match name.as_str() {
                "connection" => query.filter.connection = id(name, value, &mut faults),
                "webhook" => query.filter.webhook = id(name, value, &mut faults),
                "session" => query.filter.session = id(name, value, &mut faults),
                "status" => query.filter.status = status(value, &mut faults),
                "crm" => query.filter.crm = crm(value, &mut faults),
                "verdict" => query.filter.verdict = verdict(value, &mut faults),
                "field" => query.filter.field = field(value, &mut faults),
                "since" => query.filter.since = time(name, value, &mut faults),
                "until" => query.filter.until = time(name, value, &mut faults),
                "limit" => query.limit = limit(value, PAGE, &mut faults),
                "cursor" => cursor = Some(value),
                unknown => faults.push(unknown, "is unknown", NAMES),
            }
        }
        if let Some(cursor) = cursor {
            query.cursor = query.read_cursor(cursor);
            if query.cursor.is_none() {
                faults.push(
                    "cursor",
                    "is not of this query",
                    "`next` of the page before",
                );
            }
        }
        if faults.is_empty() {
            Ok(query)
        } else {
            Err(faults)
        }
    }

    /// The cursor of the page that begins at the store's cursor.
    pub(crate) fn next(&self, place: &str) -> String {
        next(&self.filter, place)
    }

    fn read_cursor(&self, text: &str) -> Option<String> {
        place(&self.filter, text)
    }
}

/// A cursor for people, of the store's. It names the filter, because the store's place means nothing
/// under another.
pub(crate) fn next(filter: &DeliveryFilter, place: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(filter.name() + place)
}

/// The store's cursor of one that people have, if it is of this filter.
pub(crate) fn place(filter: &DeliveryFilter, cursor: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(&filter.name()).map(str::to_owned)
}

/// The same, as the document of the API describes it. Nothing is read with this type.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only described")]
pub(crate) struct AuditParameters {
    /// `next` of the page before: the index of the first entry.
    #[param(pattern = "^[0-9]{1,19}$")]
    cursor: Option<String>,
    /// The most on the page; 100 unless it says otherwise.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
}

/// Which part of the audit log.
#[derive(Debug)]
pub(crate) struct AuditQuery {
    /// The index of the first entry. The cursor is this number: who has checked a log up to here
    /// goes on from here.
    pub(crate) from: u64,
    pub(crate) limit: usize,
}

impl AuditQuery {
    /// Reads it. A fault's pointer is the parameter's name.
    pub(crate) fn read(given: &[(String, String)]) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut query = Self {
            from: 0,
            limit: audit::PAGE,
        };
        for (place, (name, value)) in given.iter().enumerate() {
            if given.iter().take(place).any(|(earlier, _)| earlier == name) {
                faults.push(name, "is given more than once", "one value");
                continue;
            }
            match name.as_str() {
                "cursor" => match value.parse() {
                    Ok(from) => query.from = from,
                    Err(_) => faults.push(name, "is no number", "`next` of the page before"),
                },
                "limit" => query.limit = limit(value, audit::PAGE, &mut faults),
                unknown => faults.push(unknown, "is unknown", "cursor or limit"),
            }
        }
        if faults.is_empty() {
            Ok(query)
        } else {
            Err(faults)
        }
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    value: &str,
    faults: &mut Faults,
) -> Option<T> {
    value
        .parse()
        .map_err(|error| faults.push(name, "is not such an id", format!("{error}")))
        .ok()
}

fn status(value: &str, faults: &mut Faults) -> Option<DeliveryStatus> {
    let found = STATUSES
        .iter()
        .find(|(name, _)| *name == value)
        .map(|(_, status)| *status);
    if found.is_none() {
        let names: Vec<_> = STATUSES.iter().map(|(name, _)| *name).collect();
        faults.push(
            "status",
            "is not a status",
            format!("one of {}", names.join(", ")),
        );
    }
    found
}

fn crm(value: &str, faults: &mut Faults) -> Option<CrmId> {
    if !connectable().any(|known| known == value) {
        let known: Vec<&str> = connectable().collect();
        faults.push("crm", "is no CRM", format!("one of {}", known.join(", ")));
    }
    value.parse().ok()
}

fn verdict(value: &str, faults: &mut Faults) -> Option<String> {
    if !VERDICTS.contains(&value) {
        let known = VERDICTS.join(", ");
        faults.push("verdict", "is no verdict", format!("one of {known}"));
        return None;
    }
    Some(value.to_owned())
}

fn field(value: &str, faults: &mut Faults) -> Option<String> {
    if value.is_empty() || value.chars().count() > MAX_SHORT {
        let expected = format!("a name of 1 to {MAX_SHORT} characters");
        faults.push("field", "is empty or too long", expected);
        return None;
    }
    Some(value.to_owned())
}

fn time(name: &str, value: &str, faults: &mut Faults) -> Option<Timestamp> {
    let found = value.parse();
    if found.is_err() {
        faults.push(
            name,
            "is no time",
            "an RFC 3339 time, like 2026-11-20T12:00:00Z",
        );
    }
    found.ok()
}

fn limit(value: &str, most: usize, faults: &mut Faults) -> usize {
    let found = value
        .parse()
        .ok()
        .filter(|limit| (1..=most).contains(limit));
    if found.is_none() {
        faults.push(
            "limit",
            "is out of range, or no number",
            format!("1 to {most}"),
        );
    }
    found.unwrap_or(most)
}
