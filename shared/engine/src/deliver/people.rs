//! Who the participants are, asked of the CRM, or known from a moment ago.
//!
//! The same people are in many meetings, and a CRM that takes one address a call, ten calls in two seconds,
//! would spend most of its limit on telling who they are. So what it told is kept for a few minutes, in
//! this process, by a hash. It refuses to keep who was *not* found: somebody may add them any moment.
//!
//! Which person a record belongs to decides nothing of whether the record is made: that is by our keys.
//! What fails with people who were known is looked at once more with people who are asked for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use hub_connectors::{Answer, Operation};
use hub_domain::{Connection, Verdict, matching::Candidate};

use super::{call::read, carry::Account};
use crate::cache::Cache;

/// How long the CRM's answer is believed: as long as it may take until somebody's new contact, merged
/// or converted, is the one that is written to.
pub(crate) const KEPT: Duration = Duration::from_mins(5);
/// Addresses that one process keeps the people of: about 250 bytes each.
pub(crate) const MOST: usize = 10_000;

/// People by connection and address.
pub(crate) type People = Cache<[u8; 32], Arc<[Candidate]>>;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The people of all addresses.
    pub(super) candidates: Vec<Candidate>,
    /// The addresses whose people were known.
    pub(super) known: BTreeSet<String>,
}

impl Account<'_> {
    /// The people of some addresses; those that are known are not asked for.
    pub(super) async fn people(&self, emails: BTreeSet<String>) -> Result<Found, Verdict> {
        let mut found = Found::default();
        let mut unknown = BTreeSet::new();
        for email in emails {
            let Some(people) = self.hub.people().get(&key(self.connection, &email)) else {
                unknown.insert(email);
                continue;
            };
            let whole = |person: &Candidate| Candidate {
                email: email.clone(),
                ..person.clone()
            };
            found.candidates.extend(people.iter().map(whole));
            found.known.insert(email);
        }
        found.candidates.extend(self.ask(&unknown).await?);
        Ok(found)
    }

    /// The people of some addresses as the CRM has them now.
    pub(super) async fn ask(&self, emails: &BTreeSet<String>) -> Result<Vec<Candidate>, Verdict> {
        let Self {
            hub,
            connector,
            connection,
            deadline,
        } = *self;
        let all: Vec<&String> = emails.iter().collect();
        let mut found: Vec<Candidate> = Vec::new();
        for chunk in all.chunks(connector.manifest().batch.lookup.max(1)) {
            let operation = Operation::FindPeople {
                emails: chunk.iter().copied().cloned().collect(),
            };
            for answer in read(hub, connector, connection, &operation, deadline).await? {
                let Answer::People(people) = answer else {
                    return Err(Verdict::Bug {
                        reason: "people were asked for and something else was found".to_owned(),
                    });
                };
                found.extend(people);
            }
        }
        for email in emails {
            // Without the address, which the key stands for.
            let of = found.iter().filter(|person| person.email == *email);
            let of: Arc<[Candidate]> = of
                .map(|person| Candidate {
                    email: String::new(),
                    ..person.clone()
                })
                .collect();
            let key = key(connection, email);
            if of.is_empty() {
                hub.people().forget(&key);
            } else {
                hub.people().put(key, of);
            }
        }
        Ok(found)
    }

    /// Forgets the people of some addresses: something of theirs was refused.
    pub(super) fn forget(&self, emails: &BTreeSet<String>) {
        for email in emails {
            self.hub.people().forget(&key(self.connection, email));
        }
    }
}

/// A connection that is changed, or leads to another account, knows nobody.
fn key(connection: &Connection, email: &str) -> [u8; 32] {
    let text = format!(
        "{} {} {} {email}",
        connection.organization, connection.id, connection.version
    );
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().try_into().unwrap_or_default()
}
