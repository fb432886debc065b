//! monday.com: GraphQL over boards whose columns are the customer's.
//!
//! What it decides, beyond the manifest:
//! - A record is an item of a board, with our key in a text column: that is what it is looked for by. What
//!   is mapped to `update` becomes an update below the item, a [step](Connector::steps): a long text column
//!   may hold 2,000 characters only.
//! - A document makes records, changes them, or looks at them; up to ten at once, each with an alias of its own,
//!   since a call of the day is dear. Those that fail do not keep the others.
//! - A document that makes records has an `Idempotency-Key`, which is of the whole document. So one with
//!   changes never has records to make: a repeat would be answered as it was, and the changes left out.
//! - What nobody heard of is sent again with its key where it was alone in its document, else looked for by our key
//!   ([`KeyOf::Call`](crate::KeyOf::Call)). An update below an item bears our key as its last line.
//! - A field of the mapping is `type:id`, as `date:date4`: each type of column has a form of its own, and an id
//!   does not tell the type.
//! - Contacts and accounts are connected when an item is made. A change leaves both alone, since it would
//!   replace the whole list, and with it whom somebody added by hand.
//! - A change of an item or an update that is gone is wanted again at once: it is made anew.
//! - An entry on a contact's timeline is made if the connection names a custom activity. There is no
//!   way to change one, so it says only what stays as it is (title, time, link), and later revisions look
//!   whether it is there. If it is refused, the session counts as delivered.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies
//!   need the column's present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: an empty text would, so it is left out.
//! - Whatever somebody says or types is a variable, never a part of a document.

mod body;
mod document;
mod error;
mod read;
mod steps;

use std::time::Duration;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict, Write, mapping::RecordKind, plan};
use serde_json::Value;

use crate::{
    connector::{Connector, json_request},
    manifest::Manifest,
    operation::{Answer, Operation, Reply},
};
use document::Document;

pub(crate) fn connector(manifest: Manifest) -> Monday {
    Monday { manifest }
}

/// The connector.
pub(crate) struct Monday {
    manifest: Manifest,
}

/// What a document does with its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Does {
    Makes,
    Changes,
    Looks,
}

impl Does {
    fn of(write: &Write) -> Self {
        if write.creates() {
            Self::Makes
        } else if steps::is_fixed(write) {
            Self::Looks
        } else {
            Self::Changes
        }
    }
}

impl Connector for Monday {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn steps(&self, plan: &mut Plan, link: &Connection) {
        let activity = self.named(link, "timeline_activity");
        steps::add(plan, activity.is_some());
    }

    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        let most = self.manifest.batch.writes.max(1);
        let mut operations = Vec::new();
        for does in [Does::Makes, Does::Changes, Does::Looks] {
            let mut open: Vec<Plan> = Vec::new();
            let mut count = 0;
            for plan in &plans {
                for write in plan.writes.iter().filter(|write| Does::of(write) == does) {
                    if count == most {
                        let plans = std::mem::take(&mut open);
                        operations.push(Operation::Write { plans });
                        count = 0;
                    }
                    count += 1;
                    match open.last_mut() {
                        Some(last) if last.delivery == plan.delivery => {
                            last.writes.push(write.clone());
                        }
                        _ => open.push(Plan {
                            writes: vec![write.clone()],
                            ..plan.clone()
                        }),
                    }
                }
            }
            if count > 0 {
                operations.push(Operation::Write { plans: open });
            }
        }
        operations
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let document = match operation {
            Operation::FindPeople { emails } => self.find_people(emails, link)?,
            Operation::Write { plans } => return self.write(plans, link),
            Operation::Describe { object } => {
                let board = self.board(link, object)?;
                let mut document = Document::query();
                let board = document.variable("[ID!]", board.into());
                document.field(format!(
                    "boards(ids:{board}){{columns{{id title type archived settings}}}}"
                ));
                document
            }
            Operation::ReadBack {
                kind,
                object,
                keys,
                writes,
                ..
            } => self.read_back((*kind, object), keys, writes, link)?,
        };
        self.send(&document, link)
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        let writes = plans.iter().flat_map(|plan| &plan.writes);
        let body = reply.json().unwrap_or_default();
        let each = writes.enumerate().map(|(place, write)| {
            let alias = format!("w{place}");
            let made = body.pointer(&format!("/data/{alias}"));
            if reply.status.is_success() {
                let made = match made {
                    // A list of what was looked at.
                    Some(Value::Array(list)) => list.first(),
                    other => other,
                };
                let id = made.and_then(|made| made.get("id")).and_then(Value::as_str);
                if let Some(id) = id.filter(|id| !id.is_empty()) {
                    return Verdict::Done { id: id.to_owned() };
                }
            }
            let is_answered = made.is_some() && !error::is_any(reply);
            if is_answered && Does::of(write) == Does::Looks {
                return gone();
            }
            error::of_write(&self.manifest, write, &alias, reply)
        });
        each.collect()
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }

    fn failed(&self, reply: &Reply) -> bool {
        error::is_failure(reply)
    }
}

/// It is wanted again at once, without the id.
fn gone() -> Verdict {
    Verdict::Retry {
        after: Some(Duration::ZERO),
        reason: "it is no longer there".to_owned(),
    }
}

impl Monday {
    fn setting<'a>(&'a self, link: &'a Connection, name: &str) -> &'a str {
        self.manifest.setting(&link.settings, name)
    }

    /// A setting that may be left out by the word `none`.
    fn named<'a>(&'a self, link: &'a Connection, name: &str) -> Option<&'a str> {
        Some(self.setting(link, name)).filter(|value| !value.is_empty() && *value != "none")
    }

    /// The board that an object of the mapping stands for.
    fn board<'a>(&'a self, link: &'a Connection, object: &str) -> Result<&'a str, Verdict> {
        let setting = match object {
            "contacts" => "contacts_board",
            "activities" => "activities_board",
            "tasks" => "tasks_board",
            _ => {
                return Err(Verdict::Misconfigured {
                    reason: format!(
                        "nothing is known of an object '{object}': it is 'activities', 'tasks' or 'contacts', and the settings say which board that is"
                    ),
                });
            }
        };
        let board = self.setting(link, setting);
        if board.is_empty() || !board.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Verdict::Misconfigured {
                reason: format!(
                    "the setting {setting} is the number at the end of the board's address"
                ),
            });
        }
        Ok(board)
    }

    fn send(
        &self,
        document: &Document,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let body = document.body();
        let mut request = json_request(link, http::Method::POST, "/v2", Some(&body))?;
        if let Ok(version) = self.manifest.api.version.parse() {
            request.headers_mut().insert("api-version", version);
        }
        Ok(request)
    }

    fn find_people(&self, emails: &[String], link: &Connection) -> Result<Document, Verdict> {
        let board = self.board(link, "contacts")?;
        let mut document = Document::query();
        let column = document.variable("String!", self.setting(link, "email_column").into());
        let board = document.variable("ID!", board.into());
        let emails = document.variable("[String]!", emails.into());
        let mut shown = vec![self.setting(link, "email_column")];
        shown.extend(self.named(link, "company_column"));
        let shown = document.variable("[String!]", shown.into());
        document.field(format!(
            "items_page_by_column_values(board_id:{board},limit:{most},columns:[{{column_id:{column},column_values:{emails}}}]){{items{{id updated_at column_values(ids:{shown}){{... on EmailValue{{email}} ... on BoardRelationValue{{linked_item_ids}}}}}}}}",
            most = read::PAGE,
        ));
        Ok(document)
    }

    fn read_back(
        &self,
        (kind, object): (RecordKind, &str),
        keys: &[String],
        writes: &[Write],
        link: &Connection,
    ) -> Result<Document, Verdict> {
        if object == steps::TIMELINE {
            return read::timelines(writes);
        }
        let column = self.setting(link, "key_column");
        let mut document = Document::query();
        let most = read::PAGE;
        let (board, keys, inside) = if object == steps::UPDATES {
            let of = if kind == RecordKind::Task {
                "tasks"
            } else {
                "activities"
            };
            let items: Vec<String> = keys.iter().flat_map(|key| steps::items_of(key)).collect();
            let inside = "updates(limit:100){id body}".to_owned();
            (self.board(link, of)?, items, inside)
        } else {
            let column = document.variable("[String!]", column.into());
            let inside = format!("column_values(ids:{column}){{text}}");
            (self.board(link, object)?, keys.to_vec(), inside)
        };
        let column = document.variable("String!", column.into());
        let board = document.variable("ID!", board.into());
        let keys = document.variable("[String]!", keys.into());
        document.field(format!(
            "items_page_by_column_values(board_id:{board},limit:{most},columns:[{{column_id:{column},column_values:{keys}}}]){{items{{id {inside}}}}}"
        ));
        Ok(document)
    }

    fn write(&self, plans: &[Plan], link: &Connection) -> Result<http::Request<Bytes>, Verdict> {
        let writes: Vec<&Write> = plans.iter().flat_map(|plan| &plan.writes).collect();
        let Some(does) = writes.first().map(|write| Does::of(write)) else {
            return Err(bug("a call that writes nothing"));
        };
        if writes.len() > self.manifest.batch.writes
            || writes.iter().any(|write| Does::of(write) != does)
        {
            return Err(bug(
                "a document makes records, changes them, or looks at them, ten at the most",
            ));
        }
        let mut document = match does {
            Does::Makes | Does::Changes => Document::mutation(),
            Does::Looks => Document::query(),
        };
        for (place, write) in writes.iter().enumerate() {
            let field = match write.object.as_str() {
                steps::UPDATES => steps::update(write, &mut document)?,
                steps::TIMELINE => {
                    let activity = self.named(link, "timeline_activity").unwrap_or_default();
                    steps::entry(write, activity, &mut document)?
                }
                _ => self.item(write, link, &mut document)?,
            };
            document.field(format!("w{place}:{field}{{id}}"));
        }
        let mut request = self.send(&document, link)?;
        if let (Does::Makes, Some(key)) = (does, key_of(&writes)) {
            request.headers_mut().insert("idempotency-key", key);
        }
        Ok(request)
    }

    fn item(
        &self,
        write: &Write,
        link: &Connection,
        document: &mut Document,
    ) -> Result<String, Verdict> {
        let board = self.board(link, &write.object)?;
        let ours = body::Ours {
            key: self.setting(link, "key_column"),
            contacts: self.named(link, "contacts_column"),
            accounts: self.named(link, "accounts_column"),
        };
        let body::Item { name, columns } = body::item(write, &ours)?;
        let columns = document.variable("JSON!", Value::Object(columns).to_string().into());
        let board = document.variable("ID!", board.into());
        Ok(match &write.id {
            None => {
                let name = document.variable("String!", name.into());
                format!("create_item(board_id:{board},item_name:{name},column_values:{columns})")
            }
            Some(id) => {
                let id = document.variable("ID!", digits(id)?.into());
                format!(
                    "change_multiple_column_values(board_id:{board},item_id:{id},column_values:{columns})"
                )
            }
        })
    }
}

/// The key of a document that makes records: that of its only one, or one made of all.
fn key_of(writes: &[&Write]) -> Option<http::HeaderValue> {
    let tokens: Vec<&str> = writes.iter().map(|write| write.token.as_str()).collect();
    let key = match tokens.as_slice() {
        [one] => (*one).to_owned(),
        all => plan::client_id(&all.join(" ")),
    };
    let is_there = tokens.iter().all(|token| !token.is_empty());
    is_there.then(|| key.parse().ok()).flatten()
}

/// An id of an item or an update.
fn digits(id: &str) -> Result<&str, Verdict> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bug("the id of an item is a number"));
    }
    Ok(id)
}

fn bug(reason: &str) -> Verdict {
    Verdict::Bug {
        reason: reason.to_owned(),
    }
}
