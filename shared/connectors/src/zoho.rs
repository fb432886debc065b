//! Zoho CRM: a call takes one module, and makes or changes up to 100 records of it.
//!
//! What it decides, beyond the manifest:
//! - Meetings, calls and tasks have no upsert. A record whose id the ledger does not know is *made*, with our key in a field that
//!   takes no value twice; one whose id it knows is changed by that id. A make that is refused because the key is taken was made
//!   before, with which content is unknown: it is wanted again at once, and the engine looks the id up by our key
//!   ([`Idempotency::UniqueKey`](crate::Idempotency::UniqueKey)). So is a change of a record that is gone, which is made anew.
//! - People and our records are looked up by a query (COQL), which reads the records themselves. The search lags.
//! - Leads are asked only for the addresses that no contact has, in a call of its own: a composite call would do both, and
//!   takes five of the places of the calls at the same time.
//! - Every record is answered for itself, in its place: the status of the whole says nothing.
//! - A record is linked to people and the company when it is made. Who holds a meeting, a call or a task is a contact; a lead is
//!   what it is about. A meeting also has everybody as participants, of whom none is invited. A change leaves all of it alone,
//!   since it would replace whom somebody added by hand.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies need the field's
//!   present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: an empty text would, so it is left out.
//! - Times have the offset `+00:00`: the vendor's own client sends a `Z`, of which others report that it is refused in places.

mod body;
mod error;
mod read;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict};
use serde_json::{Value, json};

use crate::{
    connector::{Connector, json_request},
    grouped::{grouped, of_one_kind},
    manifest::Manifest,
    operation::{Answer, Operation, Reply},
    refusal::misnamed,
};

pub(crate) fn connector(manifest: Manifest) -> Zoho {
    Zoho { manifest }
}

/// The connector.
pub(crate) struct Zoho {
    manifest: Manifest,
}

impl Connector for Zoho {
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
        let base = format!("/crm/{}", self.manifest.api.version);
        let query = |query: String| {
            let body = json!({ "select_query": query });
            json_request(
                link,
                http::Method::POST,
                &format!("{base}/coql"),
                Some(&body),
            )
        };
        match operation {
            Operation::FindPeople { emails } => query(read::people(emails)),
            Operation::Write { plans } => self.write(plans, link, &base),
            Operation::Describe { object } => {
                let path = format!("{base}/settings/fields?module={}", identifier(object)?);
                json_request(link, http::Method::GET, &path, None)
            }
            Operation::ReadBack { object, keys, .. } => {
                let key_field = self.key_field(link)?;
                query(read::records(identifier(object)?, key_field, keys))
            }
        }
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        error::written(&self.manifest, plans, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }

    fn next(&self, operation: &Operation, reply: &Reply) -> Option<Operation> {
        read::next(operation, reply)
    }
}

impl Zoho {
    fn key_field<'a>(&'a self, link: &'a Connection) -> Result<&'a str, Verdict> {
        identifier(self.manifest.setting(&link.settings, "key_field"))
    }

    fn write(
        &self,
        plans: &[Plan],
        link: &Connection,
        base: &str,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let (first, writes) = of_one_kind(plans, |_| self.manifest.batch)?;
        let is = |name: &str, value: &str| self.manifest.setting(&link.settings, name) == value;
        let terms = body::Terms {
            key_field: self.key_field(link)?,
            participants: is("participants", "linked"),
        };
        let data = writes
            .iter()
            .map(|write| body::record(write, &terms))
            .collect::<Result<Vec<Value>, Verdict>>()?;
        let mut body = json!({ "data": data });
        // Without the member all automation of the org runs.
        if let (Some(body), true) = (body.as_object_mut(), is("workflows", "skip")) {
            body.insert("trigger".to_owned(), json!([]));
        }
        let method = match first.id {
            None => http::Method::POST,
            Some(_) => http::Method::PUT,
        };
        let path = format!("{base}/{}", identifier(&first.object)?);
        json_request(link, method, &path, Some(&body))
    }
}

/// The name of a module or a field, which goes into paths and queries as it is.
fn identifier(name: &str) -> Result<&str, Verdict> {
    let right = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    right
        .then_some(name)
        .ok_or_else(|| misnamed(name, "the API name of a module or a field, like Events"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_a_piece_of_a_path_or_a_query() {
        for (name, right) in [
            ("Events", true),
            ("Liveprompt_Key", true),
            ("CustomModule7", true),
            ("", false),
            ("7a", false),
            ("a/b", false),
            ("..", false),
            ("a b", false),
            ("a'", false),
            ("Events?x=1", false),
        ] {
            assert_eq!(identifier(name).is_ok(), right, "{name}");
        }
    }
}
