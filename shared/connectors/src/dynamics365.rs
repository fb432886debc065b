//! Dynamics 365 (Dataverse Web API): a call is one `$batch`, in which each record is a change set.
//!
//! What it decides, beyond the manifest:
//! - We choose a record's id ([`hub_domain::plan::client_id`]). A record whose id the ledger does not know is
//!   *created* by a PATCH that demands that nothing has the id (`If-None-Match: *`). One that is refused for that
//!   was made before, with which content is unknown: it is wanted again at once, and is then an update. An update
//!   demands that the record is there (`If-Match: *`); of one that is gone it is wanted again at once, as a create.
//! - An activity cannot be made as completed: its state is the last request of its change set. To change one that
//!   is completed it has to be reopened first, in the same change set. So it is never seen half done.
//! - A task whose state the mapping leaves alone belongs to whoever completes it: that it can no longer be changed
//!   counts as done.
//! - People and what the activity is about are set when it is made. Sending the parties again would replace those
//!   that a person added, so people who become known later are not added.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies need
//!   the column's present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: a null or an empty text would, so it is left out.
//! - An environment without the Sales application has no leads: nobody is found there.

mod batch;
mod body;
mod error;
mod read;
mod reply;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict, Write, plan::client_id};

use self::batch::Part;
use crate::{
    connector::{Connector, json_request},
    grouped::within,
    manifest::Manifest,
    operation::{Answer, Operation, Reply},
    refusal::misnamed,
};

pub(crate) fn connector(manifest: Manifest) -> Dynamics365 {
    Dynamics365 { manifest }
}

/// The connector.
pub(crate) struct Dynamics365 {
    manifest: Manifest,
}

impl Connector for Dynamics365 {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        match operation {
            Operation::FindPeople { emails } => self.batch(link, &read::people(emails)),
            Operation::Write { plans } => self.write(plans, link),
            Operation::Describe { object } => {
                self.batch(link, &read::columns(&table(identifier(object)?)))
            }
            Operation::ReadBack { object, keys, .. } => {
                let set = identifier(object)?;
                let id = primary_key(set);
                let wanted: Vec<String> = keys
                    .iter()
                    .map(|key| format!("{id}%20eq%20{}", client_id(key)))
                    .collect();
                let query = format!("$select={id}&$filter={}", wanted.join("%20or%20"));
                let path = format!("{}/{set}?{query}", self.path());
                json_request(link, http::Method::GET, &path, None).map(headed)
            }
        }
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        reply::written(&self.manifest, plans, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }
}

impl Dynamics365 {
    fn path(&self) -> String {
        format!("/api/data/{}", self.manifest.api.version)
    }

    /// One call with several requests, each of which is answered whatever became of the others.
    fn batch(&self, link: &Connection, parts: &[Part]) -> Result<http::Request<Bytes>, Verdict> {
        let path = format!("{}/$batch", self.path());
        let mut request = headed(json_request(link, http::Method::POST, &path, None)?);
        let headers = request.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, batch::KIND);
        headers.insert("prefer", batch::GO_ON);
        *request.body_mut() = Bytes::from(batch::written(&self.path(), parts));
        Ok(request)
    }

    fn write(&self, plans: &[Plan], link: &Connection) -> Result<http::Request<Bytes>, Verdict> {
        let writes = within(plans, self.manifest.batch)?;
        let user = self.manifest.setting(&link.settings, "user");
        let parts = writes
            .into_iter()
            .map(|write| body::change_set(write, user))
            .collect::<Result<Vec<Part>, Verdict>>()?;
        self.batch(link, &parts)
    }
}

/// The headers of every call.
fn headed(mut request: http::Request<Bytes>) -> http::Request<Bytes> {
    let version = http::HeaderValue::from_static("4.0");
    request
        .headers_mut()
        .insert("odata-maxversion", version.clone());
    request.headers_mut().insert("odata-version", version);
    request
}

/// The id of a write's record.
fn id_of(write: &Write) -> String {
    write.id.clone().unwrap_or_else(|| client_id(&write.key))
}

/// The table of an entity set, whose name is the platform's plural of it.
fn table(set: &str) -> String {
    for (plural, singular) in [
        ("ies", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ches", "ch"),
        ("s", ""),
    ] {
        if let Some(stem) = set.strip_suffix(plural) {
            return format!("{stem}{singular}");
        }
    }
    set.to_owned()
}

/// The column of a set that has its ids. All activities have theirs in the same.
fn primary_key(set: &str) -> String {
    if body::is_activity(set) {
        "activityid".to_owned()
    } else {
        format!("{}id", table(set))
    }
}

/// A set's name, which goes into paths as it is.
fn identifier(name: &str) -> Result<&str, Verdict> {
    let right = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    right
        .then_some(name)
        .ok_or_else(|| misnamed(name, "the name of an entity set, like appointments"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_a_piece_of_a_path() {
        for (name, right) in [
            ("appointments", true),
            ("new_visits", true),
            ("", false),
            ("Tasks", false),
            ("tasks(1)", false),
            ("a/b", false),
            ("..", false),
            ("a b", false),
        ] {
            assert_eq!(identifier(name).is_ok(), right, "{name}");
        }
    }

    #[test]
    fn a_set_is_the_plural_of_its_table() {
        for (set, name, key) in [
            ("appointments", "appointment", "activityid"),
            ("opportunities", "opportunity", "opportunityid"),
            ("contacts", "contact", "contactid"),
            ("new_boxes", "new_box", "new_boxid"),
        ] {
            assert_eq!(
                (table(set).as_str(), primary_key(set).as_str()),
                (name, key)
            );
        }
    }
}
