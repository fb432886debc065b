//! Which CRM record a participant is.
//!
//! Deterministic, and every choice is explained: what was chosen, what else there was, and why not.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A record of the CRM that could be the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The CRM's object, like a contact or a lead.
    pub object: String,
    /// How much the object is preferred: 0 for people the CRM knows, 1 for prospects.
    pub rank: u8,
    /// The CRM's id.
    pub id: String,
    /// The address it was found by, lower-cased.
    pub email: String,
    /// The CRM's id of the person's company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// When the record last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
}

/// Why a candidate was not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Another object is preferred.
    LessPreferred,
    /// Another record with the address changed later.
    Older,
    /// The same in all respects; the smaller id wins, so that the choice is always the same.
    Tie,
}

/// The outcome for one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The participant's address.
    pub email: String,
    /// The record, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Candidate>,
    /// The others, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<(String, Rejection)>,
}

/// A match as the ledger keeps it: without the address, which lives sealed with the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Which of the session's addresses, by the order of [`crate::plan::addresses`].
    #[serde(rename = "p")]
    pub person: usize,
    /// The object of the record that was chosen.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Its id.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The others, each with the reason.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<(String, Rejection)>,
}

impl Chosen {
    /// The match of the session's address number `person`.
    pub fn of(person: usize, found: &Match) -> Self {
        Self {
            person,
            object: found.chosen.as_ref().map(|c| c.object.clone()),
            id: found.chosen.as_ref().map(|c| c.id.clone()),
            rejected: found.rejected.clone(),
        }
    }
}

/// Chooses one record for an address: the preferred object, then the newest, then the smallest id.
pub fn choose(email: &str, candidates: &[Candidate]) -> Match {
    let mut found: Vec<&Candidate> = candidates.iter().filter(|c| c.email == email).collect();
    found.sort_by_key(|c| (c.rank, Reverse(c.modified_at), c.id.clone()));
    found.dedup_by(|a, b| a.id == b.id);
    let Some((best, others)) = found.split_first() else {
        return Match {
            email: email.to_owned(),
            chosen: None,
            rejected: Vec::new(),
        };
    };
    let rejected = others
        .iter()
        .map(|other| {
            let why = if other.rank != best.rank {
                Rejection::LessPreferred
            } else if other.modified_at != best.modified_at {
                Rejection::Older
            } else {
                Rejection::Tie
            };
            (other.id.clone(), why)
        })
        .collect();
    Match {
        email: email.to_owned(),
        chosen: Some((*best).clone()),
        rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(rank: u8, id: &str, modified: &str) -> Candidate {
        Candidate {
            object: if rank == 0 { "Contact" } else { "Lead" }.to_owned(),
            rank,
            id: id.to_owned(),
            email: "ada@acme.example".to_owned(),
            company: None,
            modified_at: Some(modified.parse().unwrap()),
        }
    }

    #[test]
    fn the_choice_is_the_same_in_any_order_and_explained() {
        let mut candidates = vec![
            candidate(1, "lead", "2026-11-09T00:00:00Z"),
            candidate(0, "old", "2026-11-01T00:00:00Z"),
            candidate(0, "b-new", "2026-11-08T00:00:00Z"),
            candidate(0, "a-new", "2026-11-08T00:00:00Z"),
        ];
        for _ in 0..4 {
            candidates.rotate_left(1);
            let found = choose("ada@acme.example", &candidates);
            assert_eq!(found.chosen.unwrap().id, "a-new");
            assert_eq!(
                found.rejected,
                [
                    ("b-new".to_owned(), Rejection::Tie),
                    ("old".to_owned(), Rejection::Older),
                    ("lead".to_owned(), Rejection::LessPreferred)
                ]
            );
        }
    }

    #[test]
    fn nobody_is_chosen_for_an_unknown_address() {
        let found = choose(
            "nobody@acme.example",
            &[candidate(0, "x", "2026-11-08T00:00:00Z")],
        );
        assert_eq!(
            found,
            Match {
                email: "nobody@acme.example".to_owned(),
                chosen: None,
                rejected: Vec::new()
            }
        );
    }
}
