//! The vendor's own ways to fail.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::Dynamics365;
use super::environment::Armed;
use super::refusal::Refusal;
use crate::frame::{Fault, FaultKind, Param, ParamKind};
use crate::oauth::{Answer, Server, Trouble, trouble};

/// Those of the identity platform come first: they have the names it knows.
pub(super) const OWN: &[FaultKind] = &[
    FaultKind::plain("consent_required"),
    FaultKind::plain("interaction_required"),
    FaultKind::plain("temporarily_unavailable"),
    FaultKind::plain("missing_privilege"),
    FaultKind::plain("sql_timeout"),
    FaultKind::plain("service_unavailable"),
    FaultKind::with(
        "record_error",
        &[
            Param::text("object"),
            Param::text("code"),
            Param::text("message"),
            Param::optional("status", ParamKind::Integer { min: 400, max: 599 }),
        ],
    ),
];

/// Applies a fault; `Some` is the answer in place of the real one.
pub(super) fn apply(
    crm: &mut Dynamics365,
    fault: &Fault,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Answer> {
    let refusal = match fault.name.as_str() {
        "consent_required" | "interaction_required" | "temporarily_unavailable" => {
            return crm.entra.own(fault, request, now);
        }
        // It waits for the next record that is written, in this request or a later one.
        "record_error" => {
            let status = fault
                .integer("status")
                .and_then(|status| u16::try_from(status).ok());
            let armed = Armed {
                table: fault.text("object").map(str::to_owned),
                refusal: Refusal::new(
                    status.unwrap_or(400),
                    fault.text("code").unwrap_or("0x80040265"),
                    fault
                        .text("message")
                        .unwrap_or("An error of a plug-in: the record was refused"),
                ),
            };
            crm.env.armed.push(armed);
            return None;
        }
        "missing_privilege" => Refusal::new(
            403,
            "0x80040220",
            "Principal user is missing prvCreateActivity privilege on OTC=4200 for entity 'activitypointer'.",
        ),
        "sql_timeout" => Refusal::new(500, "0x80044151", "SQL timeout expired."),
        "service_unavailable" => {
            let page = "<html><head><title>503 Service Unavailable</title></head><body>The service is unavailable.</body></html>";
            return Some(Answer::html(503, page));
        }
        _ => {
            let trouble = trouble(crm.entra.tables(), fault, false, now)?;
            if !request.uri().path().starts_with("/api/data") {
                return Some(crm.entra.troubled(trouble, request, now));
            }
            match trouble {
                Trouble::Server => Refusal::new(500, "0x80040216", "An unexpected error occurred."),
                limit => crm.limits.refusal(limit, &crm.env.settings),
            }
        }
    };
    let answer = refusal.answer();
    Some(crm.limits.label(answer, &crm.env.settings, now))
}
