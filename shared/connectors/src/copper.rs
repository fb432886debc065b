//! Copper: activities have no field that could hold our key, and belong to one record each.
//!
//! What it decides, beyond the manifest:
//! - Our key stands at the end of `details`, as a line that people see: activities have no custom fields, and texts
//!   of custom fields cannot be searched. A write of which nobody knows whether it was made is looked for by when
//!   the activity took place ([`Idempotency::ReadBack`](crate::Idempotency::ReadBack)), a day to either side, for
//!   the session may have been corrected since; not by its parent, which somebody may have changed.
//! - A task can also have our key as a number (48 bits of its hash), in a custom field of the type Float that the
//!   setting `key_field` names: it is found by that whatever a person makes of its details. Without the setting,
//!   tasks are looked for among those that changed since.
//! - An activity belongs to one record: the first of the people that Copper knows, else what the setting
//!   `unmatched_parent` names. Without either the CRM refuses it, alone of its call, and the reason says so.
//!   A change leaves the parent alone, and the type.
//! - Activities have no title and no length: `title` and `minutes` of a mapping become the first line of `details`.
//! - Activities go by ten in a call, whose answer has a row for each in the order of the request; each row is held
//!   against what was sent. No page says that tasks can: they go one by one.
//! - People are asked for first, then leads for the addresses that are left, which are marked so (`LEAD`).
//! - An update of a record that is gone is wanted again at once: it is made anew, as in a CRM that upserts.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies
//!   need the field's present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: an empty text would, so it is left out.

mod body;
mod error;
mod fields;
mod read;
mod reply;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict, Write};
use serde_json::{Value, json};

use self::body::Choices;
use crate::{
    connector::{Connector, json_request},
    grouped::{grouped, of_one_kind},
    manifest::{Batch, Manifest},
    operation::{Answer, Operation, Reply},
};

/// The two objects of the mapping.
pub(crate) const ACTIVITIES: &str = "activities";
pub(crate) const TASKS: &str = "tasks";
/// What can be written in bulk.
const BULK: [&str; 1] = [ACTIVITIES];

pub(crate) fn connector(manifest: Manifest) -> Copper {
    Copper { manifest }
}

/// The connector.
pub(crate) struct Copper {
    manifest: Manifest,
}

impl Connector for Copper {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        grouped(plans, |write| self.room(write))
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let choices = Choices::of(&self.manifest, link)?;
        match operation {
            Operation::FindPeople { emails } => {
                let (object, emails) = read::turn(emails);
                self.post(link, &format!("{object}/search"), &read::by_email(&emails))
            }
            Operation::Write { plans } => self.write(plans, link, &choices),
            Operation::Describe { object } => {
                let path = format!("{}/{}", self.base(), fields::list_of(object)?);
                json_request(link, http::Method::GET, &path, None)
            }
            Operation::ReadBack {
                object,
                keys,
                writes,
                since,
                cursor,
                ..
            } => {
                let page = read::Page {
                    keys,
                    writes,
                    since: *since,
                    cursor: cursor.as_deref(),
                };
                let body = match only_ours(object)? {
                    TASKS => read::tasks(&page, &choices),
                    _ => read::activities(&page),
                };
                self.post(link, &format!("{object}/search"), &body)
            }
        }
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        let writes: Vec<&Write> = all(plans).collect();
        reply::written(&self.manifest, &writes, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }

    fn next(&self, operation: &Operation, reply: &Reply) -> Option<Operation> {
        read::next(operation, reply)
    }
}

impl Copper {
    fn base(&self) -> String {
        format!("/developer_api/{}", self.manifest.api.version)
    }

    /// How many writes like this one go into a call.
    fn room(&self, write: &Write) -> Batch {
        let most = self.manifest.batch;
        let writes = if BULK.contains(&write.object.as_str()) {
            most.writes
        } else {
            1
        };
        Batch { writes, ..most }
    }

    fn post(
        &self,
        link: &Connection,
        path: &str,
        body: &Value,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let path = format!("{}/{path}", self.base());
        json_request(link, http::Method::POST, &path, Some(body))
    }

    fn write(
        &self,
        plans: &[Plan],
        link: &Connection,
        choices: &Choices<'_>,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let (first, writes) = of_one_kind(plans, |write| self.room(write))?;
        let object = only_ours(&first.object)?;
        if let [write] = writes.as_slice() {
            let body = Value::Object(body::record(write, choices)?);
            return match &write.id {
                None => self.post(link, object, &body),
                Some(id) => {
                    let path = format!("{}/{object}/{}", self.base(), number(id)?);
                    json_request(link, http::Method::PUT, &path, Some(&body))
                }
            };
        }
        let rows = writes.iter().map(|write| {
            let mut row = body::record(write, choices)?;
            if let Some(id) = &write.id {
                row.insert("id".to_owned(), json!(number(id)?));
            }
            Ok(Value::Object(row))
        });
        let rows: Vec<Value> = rows.collect::<Result<_, Verdict>>()?;
        let action = if first.id.is_none() {
            "bulk_create"
        } else {
            "bulk_update"
        };
        self.post(
            link,
            &format!("{object}/{action}"),
            &json!({ object: rows }),
        )
    }
}

fn all(plans: &[Plan]) -> impl Iterator<Item = &Write> {
    plans.iter().flat_map(|plan| &plan.writes)
}

/// An id, which goes into paths as it is.
fn number(id: &str) -> Result<u64, Verdict> {
    id.parse()
        .map_err(|_| bug("the id of a record is a number"))
}

fn bug(reason: &str) -> Verdict {
    Verdict::Bug {
        reason: reason.to_owned(),
    }
}

fn only_ours(object: &str) -> Result<&str, Verdict> {
    if object == ACTIVITIES || object == TASKS {
        return Ok(object);
    }
    Err(Verdict::Misconfigured {
        reason: format!(
            "'{object}' cannot be written: the object of a mapping is '{ACTIVITIES}' or '{TASKS}'"
        ),
    })
}
