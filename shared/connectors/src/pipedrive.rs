//! Pipedrive: a call writes one activity, and an activity has no field that could hold our key.
//!
//! What it decides, beyond the manifest:
//! - Our key stands in the activity's note, as a line that people see: custom fields do not exist on
//!   activities, the search does not know them, and what is hidden in HTML is taken out of a note. A write of
//!   which nobody knows whether it was made is looked for in the list of the activities that changed since
//!   ([`Idempotency::ReadBack`](crate::Idempotency::ReadBack)); the list needs no index and does not lag as
//!   the search does.
//! - That list is not narrowed to a person or an organization: somebody may have changed those meanwhile.
//! - Of several such lines in a note the last one counts: what was said in the session stands before ours.
//! - An activity is linked to people as its participants, the first of them the primary one (`person_id` is
//!   read-only), and to the organization, when it is made. A change leaves both alone, since it would replace
//!   the whole list, and with it whom somebody added by hand.
//! - No attendees: they are guests of a calendar, who might get an invitation.
//! - An update of an activity that is gone is wanted again at once: it is made anew, as in a CRM that upserts.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies
//!   need the field's present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: an empty text would, so it is left out.
//! - A look-up takes one address. Further ones are asked one after the other ([`Connector::next`]).

mod body;
mod error;
mod read;

use std::time::Duration;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict, Write};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::{
    connector::{Connector, UNRESERVED, json_request},
    grouped::{grouped, only_one},
    manifest::Manifest,
    operation::{Answer, Operation, Reply},
    refusal::unreadable,
};

/// The one object of the mapping.
pub(crate) const ACTIVITIES: &str = "activities";
/// The most records of a page.
const PAGE: usize = 500;

pub(crate) fn connector(manifest: Manifest) -> Pipedrive {
    Pipedrive { manifest }
}

/// The connector.
pub(crate) struct Pipedrive {
    manifest: Manifest,
}

impl Connector for Pipedrive {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        grouped(plans, |_| self.manifest.batch)
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let base = format!("/api/{}", self.manifest.api.version);
        let get = |path: String| json_request(link, http::Method::GET, &path, None);
        match operation {
            Operation::FindPeople { emails } => {
                let email = emails.first().ok_or_else(|| Verdict::Bug {
                    reason: "a look-up of nobody".to_owned(),
                })?;
                let term = utf8_percent_encode(email, UNRESERVED);
                get(format!(
                    "{base}/persons/search?term={term}&fields=email&exact_match=true"
                ))
            }
            Operation::Write { plans } => write(plans, link, &base),
            Operation::Describe { object } => {
                let fields = read::fields_of(object)?;
                get(format!("{base}/{fields}?limit={PAGE}"))
            }
            Operation::ReadBack { object, since, .. } => {
                only_activities(object)?;
                let since = since.map(|since| {
                    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                    format!("&updated_since={}", utf8_percent_encode(&since, UNRESERVED))
                });
                let since = since.unwrap_or_default();
                get(format!(
                    "{base}/{ACTIVITIES}?limit={PAGE}&sort_by=update_time&sort_direction=asc{since}"
                ))
            }
        }
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        let writes = plans.iter().flat_map(|plan| &plan.writes);
        writes.map(|write| self.one_written(write, reply)).collect()
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }

    fn next(&self, operation: &Operation, reply: &Reply) -> Option<Operation> {
        read::next(operation, reply)
    }
}

impl Pipedrive {
    fn one_written(&self, write: &Write, reply: &Reply) -> Verdict {
        if reply.status.is_success() {
            let body = reply.json().unwrap_or_default();
            let id = body.pointer("/data/id").and_then(Value::as_u64);
            return id.map_or_else(
                || unreadable("an activity without an id"),
                |id| Verdict::Done { id: id.to_string() },
            );
        }
        if reply.status == http::StatusCode::NOT_FOUND && write.id.is_some() {
            return Verdict::Retry {
                after: Some(Duration::ZERO),
                reason: "it is no longer there".to_owned(),
            };
        }
        error::of_write(&self.manifest, write, reply)
    }
}

fn write(plans: &[Plan], link: &Connection, base: &str) -> Result<http::Request<Bytes>, Verdict> {
    let write = only_one(plans)?;
    only_activities(&write.object)?;
    let body = Value::Object(body::activity(write)?);
    let (method, path) = match &write.id {
        None => (http::Method::POST, format!("{base}/{ACTIVITIES}")),
        Some(id) if id.bytes().all(|b| b.is_ascii_digit()) && !id.is_empty() => {
            (http::Method::PATCH, format!("{base}/{ACTIVITIES}/{id}"))
        }
        Some(_) => {
            return Err(Verdict::Bug {
                reason: "the id of an activity is a number".to_owned(),
            });
        }
    };
    json_request(link, method, &path, Some(&body))
}

fn only_activities(object: &str) -> Result<(), Verdict> {
    if object == ACTIVITIES {
        return Ok(());
    }
    Err(Verdict::Misconfigured {
        reason: format!("'{object}' cannot be written: the object of a mapping is '{ACTIVITIES}'"),
    })
}
