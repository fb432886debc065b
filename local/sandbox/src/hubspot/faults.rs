//! The vendor's own ways to fail.

use std::num::NonZeroU32;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::HubSpot;
use super::answer::Answer;
use super::errors::{Invalid, Refusal};
use super::kinds::Kind;
use super::limits::App;
use super::portal::Armed;
use super::times;
use crate::frame::{Fault, FaultKind, Param, SEARCH_LAG};

pub(super) const OWN: &[FaultKind] = &[
    SEARCH_LAG,
    FaultKind::plain("lock_423"),
    FaultKind::with("migration_477", &[Param::seconds(false)]),
    FaultKind::with(
        "record_error",
        &[
            Param::text("object"),
            Param::text("category"),
            Param::text("message"),
            Param::text("property"),
        ],
    ),
    FaultKind::plain("missing_scopes"),
    FaultKind::plain("bad_gateway"),
    FaultKind::plain("service_unavailable"),
];

/// Applies a fault; `Some` is the answer in place of the real one.
pub(super) fn apply(
    crm: &mut HubSpot,
    fault: &Fault,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Answer> {
    let refusal = match fault.name.as_str() {
        "expire_access_token" => {
            crm.oauth.tokens.expire(now);
            return None;
        }
        // The account's admin takes the app away.
        "revoke_refresh_token" => {
            crm.oauth.tokens.uninstall();
            return None;
        }
        "search_lag" => {
            let seconds = fault.integer("seconds").and_then(|s| i64::try_from(s).ok());
            crm.portal.frozen = Some(times::shifted(now, seconds.unwrap_or_default()));
            return None;
        }
        // It waits for the next record that is written, in this request or a later one.
        "record_error" => {
            let armed = armed(crm.portal.hub_id, fault);
            crm.portal.armed.push(armed);
            return None;
        }
        "rate_limit" => Refusal::limit("TEN_SECONDLY_ROLLING"),
        "concurrency_limit" => Refusal::limit("SECONDLY"),
        "daily_limit" => Refusal::limit("DAILY"),
        "lock_423" => {
            let message =
                "The resource is currently locked. Wait at least 2 seconds between requests.";
            Refusal::new(423, "LOCKED", message)
        }
        "migration_477" => Refusal {
            retry_after: retry_after(fault),
            ..Refusal::new(
                477,
                "",
                "The account is being migrated to another data hosting location",
            )
        },
        "missing_scopes" => Refusal::missing_scopes(&[Kind::Contact.scope(true)]),
        "bad_gateway" => {
            let page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
            return Some(Answer::html(502, page));
        }
        "service_unavailable" => Refusal::new(503, "", "Service temporarily unavailable"),
        _ => Refusal::new(500, "", "internal error"),
    };
    let answer = crm.refused(&refusal);
    let app = crm
        .oauth
        .admit(&crm.portal, request, now)
        .map_or(App::OAuth, |(app, _)| app);
    let search = request.uri().path().ends_with("/search");
    let settings = &crm.portal.settings;
    Some(crm.limits.label(answer, app, search, settings, now))
}

/// The wait a fault names; an hour otherwise.
fn retry_after(fault: &Fault) -> Option<NonZeroU32> {
    let seconds = fault.integer("seconds").unwrap_or(3_600);
    u32::try_from(seconds).ok().and_then(NonZeroU32::new)
}

fn armed(hub_id: u64, fault: &Fault) -> Armed {
    let kind = fault.text("object").and_then(Kind::parse);
    let message = fault.text("message").unwrap_or("The record was refused");
    let category = fault.text("category").unwrap_or("VALIDATION_ERROR");
    let refusal = match fault.text("property") {
        Some(name) => {
            let invalid = Invalid {
                name: name.to_owned(),
                code: "INVALID_OPTION",
                message: message.to_owned(),
            };
            Refusal::invalid(hub_id, &[invalid])
        }
        None if category == "CONFLICT" => Refusal::new(409, category, message),
        None => Refusal::new(400, category, message),
    };
    Armed { kind, refusal }
}
