//! Freshsales: a call writes one record, and neither appointments nor tasks have a field that could hold our
//! key as something unique.
//!
//! What it decides, beyond the manifest:
//! - Meetings and calls become appointments, action items tasks. A sales activity would need the number of a
//!   type that each account has of its own, and can be listed for one contact alone.
//! - Our key stands in the description, as a line that people see. A write of which nobody knows whether it was
//!   made is looked for in the lists of appointments or tasks
//!   ([`Idempotency::ReadBack`](crate::Idempotency::ReadBack)): in all of them, since a person may have moved
//!   the date, completed the task, or related it to somebody else meanwhile. The search knows neither.
//! - Those lists have numbered pages. A key that is found is asked for no more: calls of an hour are few.
//! - Of several such lines in a description the last one counts: what was said in the session stands before
//!   ours.
//! - A record is linked to the first contact, when it is made; a change leaves that alone. No attendees: with a
//!   connected calendar they might get an invitation.
//! - A task is given to the user of the setting `owner_id`, when it is made: Freshsales wants somebody.
//! - An update of a record that is gone is wanted again at once: it is made anew, as in a CRM that upserts.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies
//!   need the field's present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: an empty text would, so it is left out.
//! - A look-up takes one address. Further ones are asked one after the other ([`Connector::next`]).
//! - A limit may come as a 400, and a wrong address as a page of HTML: both are told from the body.

mod body;
mod error;
mod list;
mod read;

use std::time::Duration;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict, Write};
use percent_encoding::utf8_percent_encode;

use crate::{
    connector::{Connector, UNRESERVED, json_request},
    grouped::{grouped, only_one},
    manifest::Manifest,
    operation::{Answer, Operation, Reply},
    refusal::unreadable,
};

use list::{List, Object};

pub(crate) fn connector(manifest: Manifest) -> Freshsales {
    Freshsales { manifest }
}

/// The connector.
pub(crate) struct Freshsales {
    manifest: Manifest,
}

impl Connector for Freshsales {
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
        let base = format!("/{}", self.manifest.setting(&link.settings, "api_path"));
        let get = |path: String| json_request(link, http::Method::GET, &path, None);
        match operation {
            Operation::FindPeople { emails } => {
                let email = emails.first().ok_or_else(|| Verdict::Bug {
                    reason: "a look-up of nobody".to_owned(),
                })?;
                let email = utf8_percent_encode(email, UNRESERVED);
                get(format!("{base}/lookup?q={email}&f=email&entities=contact"))
            }
            Operation::Write { plans } => {
                let owner = self.manifest.setting(&link.settings, "owner_id");
                write(plans, link, &base, owner)
            }
            Operation::Describe { object } => {
                let object = read::described(object)?;
                get(format!("{base}/settings/{object}/fields"))
            }
            Operation::ReadBack { object, cursor, .. } => {
                let list = List::asked(object, cursor.as_deref())?;
                get(format!("{base}/{}", list.address()?))
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

impl Freshsales {
    fn one_written(&self, write: &Write, reply: &Reply) -> Verdict {
        if reply.status.is_success() {
            let body = reply.json().unwrap_or_default();
            let wrapper = Object::of(&write.object).map_or("", |object| object.wrapper());
            let id = body.get(wrapper).and_then(|record| record.get("id"));
            return id.and_then(read::id).map_or_else(
                || unreadable("a record without an id"),
                |id| Verdict::Done { id },
            );
        }
        if write.id.is_some() && error::is_gone(reply) {
            return Verdict::Retry {
                after: Some(Duration::ZERO),
                reason: "it is no longer there".to_owned(),
            };
        }
        error::of_write(&self.manifest, write, reply)
    }
}

fn write(
    plans: &[Plan],
    link: &Connection,
    base: &str,
    owner: &str,
) -> Result<http::Request<Bytes>, Verdict> {
    let write = only_one(plans)?;
    let object = Object::of(&write.object)?;
    let body = body::wrapped(object, write, owner)?;
    let (method, path) = match &write.id {
        None => (http::Method::POST, format!("{base}/{}", object.name())),
        Some(id) if id.bytes().all(|b| b.is_ascii_digit()) && !id.is_empty() => {
            (http::Method::PUT, format!("{base}/{}/{id}", object.name()))
        }
        Some(_) => {
            return Err(Verdict::Bug {
                reason: "the id of a record is a number".to_owned(),
            });
        }
    };
    json_request(link, method, &path, Some(&body))
}
