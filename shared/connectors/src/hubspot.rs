//! HubSpot: a batch call takes one object, and creates or updates up to 100 records of it.
//!
//! What it decides, beyond the manifest:
//! - A record whose id the ledger does not know is *created*, with our key in a unique property and its
//!   people and company inline; one whose id it knows is updated by that id. Never an upsert by key: it
//!   takes no associations, so every first write would need a second call; and one that was given up on
//!   and arrives late would put older content over newer. A create that arrives late is refused, because
//!   the key is taken.
//! - A create that is refused because the key is taken was made before, and its answer was lost. With which
//!   content is unknown, so that is never `Done`: it is wanted again at once. The engine looks the id up by
//!   our key ([`Idempotency::UniqueKey`](crate::Idempotency::UniqueKey)), and what is sent now is an update
//!   with exactly the present content.
//! - An update of a record that is gone is wanted again at once, too: nothing is found by our key, so it is
//!   made anew, as in a CRM that upserts.
//! - People and company are related when a record is made. An update takes no associations, so people who
//!   become known later are not related.
//! - [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) and
//!   [`Overwrite::OnCreate`](hub_domain::mapping::Overwrite::OnCreate) are carried out. The other policies
//!   need the property's present value: a mapping that asks for one is `Misconfigured`.
//! - Nothing is ever cleared: an empty text would, so it is left out.

mod body;
mod error;
mod read;
mod reply;

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

pub(crate) fn connector(manifest: Manifest) -> Hubspot {
    Hubspot { manifest }
}

/// The connector.
pub(crate) struct Hubspot {
    manifest: Manifest,
}

impl Connector for Hubspot {
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
        let key_field = identifier(self.manifest.setting(&link.settings, "key_field"))?;
        match operation {
            Operation::FindPeople { emails } => self.batch(
                link,
                read::CONTACTS,
                "read",
                &json!({
                    "idProperty": "email",
                    "properties": read::CONTACT_PROPERTIES,
                    "propertiesWithHistory": [],
                    "inputs": inputs(emails),
                }),
            ),
            Operation::Write { plans } => self.write(plans, link, key_field),
            Operation::Describe { object } => {
                let path = format!(
                    "/crm/properties/{}/{}",
                    self.manifest.api.version,
                    identifier(object)?
                );
                json_request(link, http::Method::GET, &path, None)
            }
            Operation::ReadBack { object, keys, .. } => self.batch(
                link,
                object,
                "read",
                &json!({
                    "idProperty": key_field,
                    "properties": [key_field],
                    "propertiesWithHistory": [],
                    "inputs": inputs(keys),
                }),
            ),
        }
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        reply::written(&self.manifest, plans, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }
}

impl Hubspot {
    fn batch(
        &self,
        link: &Connection,
        object: &str,
        action: &str,
        body: &Value,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let (version, object) = (&self.manifest.api.version, identifier(object)?);
        let path = format!("/crm/objects/{version}/{object}/batch/{action}");
        json_request(link, http::Method::POST, &path, Some(body))
    }

    fn write(
        &self,
        plans: &[Plan],
        link: &Connection,
        key_field: &str,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let (first, writes) = of_one_kind(plans, |_| self.manifest.batch)?;
        let action = if first.id.is_none() {
            "create"
        } else {
            "update"
        };
        let inputs = writes
            .iter()
            .map(|write| body::input(write, key_field))
            .collect::<Result<Vec<Value>, Verdict>>()?;
        self.batch(link, &first.object, action, &json!({ "inputs": inputs }))
    }
}

fn inputs(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "id": id })).collect()
}

/// An object's or a property's name, which goes into paths as it is. Objects have ids like `2-123456`, too.
fn identifier(name: &str) -> Result<&str, Verdict> {
    let right = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    right
        .then_some(name)
        .ok_or_else(|| misnamed(name, "the internal name of an object or a property"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_a_piece_of_a_path() {
        for (name, right) in [
            ("meetings", true),
            ("2-123456", true),
            ("p123_cars", true),
            ("", false),
            ("a/b", false),
            ("..", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(identifier(name).is_ok(), right, "{name}");
        }
    }
}
