//! What one record takes beyond one write: steps, their order, and ids that we choose.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Write;
use crate::id::SessionId;

/// A write that is no record of the mapping: a connector adds it to a plan because its CRM needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name: letters and digits, and not `task`. The connector knows by it what to send.
    pub name: String,
    /// Whether it makes a record of its own, which must not be made twice. What it does not make (a
    /// state, a relation) may be sent as often as one likes.
    pub creates: bool,
}

/// The key of a step of a record: `ses_1-done`, `ses_1-done-task-a1`. No record's key looks like it.
pub fn step_key(session: &SessionId, step: &str, of: &str) -> String {
    let tail = of.strip_prefix(session.as_str()).unwrap_or(of);
    format!("{session}-{step}{tail}")
}

/// The id that we choose for the record of a key, for a CRM that lets us: a UUID, the same for the same
/// key for ever (version 8, <https://www.rfc-editor.org/rfc/rfc9562#section-5.8>).
pub fn client_id(key: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update("liveprompt record ");
    hasher.update(key);
    let mut text = String::with_capacity(36);
    for (index, byte) in hasher.finalize().iter().take(16).enumerate() {
        let byte = match index {
            6 => (byte & 0x0f) | 0x80,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Write {
    /// A step of a record, to be sent after it.
    pub fn step(session: &SessionId, step: Step, of: &Self) -> Self {
        Self {
            key: step_key(session, &step.name, &of.key),
            id: None,
            kind: of.kind,
            object: of.object.clone(),
            fields: std::collections::BTreeMap::new(),
            people: of.people.clone(),
            company: of.company.clone(),
            step: Some(step),
            after: std::iter::once((of.key.clone(), None)).collect(),
            optional: false,
            token: String::new(),
        }
    }

    /// Whether it is a record with an id of its own.
    pub fn is_record(&self) -> bool {
        self.step.as_ref().is_none_or(|step| step.creates)
    }

    /// Whether sending it makes a record that is not known yet, so that sending it twice could make two.
    pub fn creates(&self) -> bool {
        self.id.is_none() && self.is_record()
    }

    /// The CRM's id of a write that this one comes after.
    pub fn id_of(&self, key: &str) -> Option<&str> {
        self.after.get(key)?.as_deref().filter(|id| !id.is_empty())
    }

    /// The id that we choose for its record: see [`client_id`].
    pub fn client_id(&self) -> String {
        client_id(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_id_is_a_uuid_and_stays_the_same() {
        let id = client_id("ses_1");
        assert_eq!(id, client_id("ses_1"));
        assert_ne!(id, client_id("ses_1-task-a1"));
        assert_eq!(id.len(), 36);
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "8");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }

    #[test]
    fn a_step_has_a_key_that_no_record_has() {
        let session: SessionId = "ses_1".parse().unwrap();
        assert_eq!(step_key(&session, "done", "ses_1"), "ses_1-done");
        assert_eq!(
            step_key(&session, "done", "ses_1-task-a1"),
            "ses_1-done-task-a1"
        );
    }
}
