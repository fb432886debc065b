//! What is left of attempts that did not end well: writes of which nobody knows whether they were made,
//! and those that need not be sent again.
//!
//! A claim whose worker died, an answer that was lost, an answer that cannot be read: each leaves a
//! *doubt*. What a doubt means is a matter of the CRM and is decided by whoever sends the write.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DeliveryStatus, LedgerEntry};

/// Stands for every write whose id is not known: a worker died, and nobody knows how far it came. No key
/// of ours looks like it.
const EVERY: &str = "*";
/// How much of the content's hash tells attempts apart: 64 bits.
const MARK: usize = 16;

/// Attempts to write something: when, and which content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// When the first request may have gone out, in milliseconds since 1970.
    pub since: i64,
    /// When the last may have, at the latest.
    pub last: i64,
    /// The beginning of the content's hash; empty where the attempts had different content.
    pub content: String,
}

impl Attempt {
    /// An attempt at a moment to write content with this hash.
    pub fn at(moment: i64, content: &str) -> Self {
        Self {
            since: moment,
            last: moment,
            content: content.chars().take(MARK).collect(),
        }
    }

    /// Both as one.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let same = self.content == other.content;
        Self {
            since: self.since.min(other.since),
            last: self.last.max(other.last),
            content: if same {
                self.content.clone()
            } else {
                String::new()
            },
        }
    }

    /// Whether all of it was to write content with this hash.
    pub fn is_of(&self, content: &str) -> bool {
        self.content == Self::at(0, content).content
    }
}

/// What is left of attempts at a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    doubts: BTreeMap<String, Attempt>,
    /// The content of what is done, as an attempt has it.
    content: String,
    done: BTreeSet<String>,
}

/// How it is stored: attempts are often the same for many keys, whose beginning is the session's id.
type Stored = (Vec<(Attempt, Vec<String>)>, String, Vec<String>);

impl Unfinished {
    /// What is left before a claim of `content`: of the attempts that were recorded, and of one that ended
    /// without an outcome. What is done is so with this content alone.
    pub fn before(entry: &LedgerEntry, content: &str) -> Self {
        let mut left = entry.unfinished.clone();
        if left.content != Attempt::at(0, content).content {
            left.done.clear();
        }
        left.content = Attempt::at(0, content).content;
        if let (DeliveryStatus::Claimed, Some(attempt)) = (entry.status, &entry.attempt) {
            // Its worker may have been at it until the lease ended.
            let last = attempt.last.max(entry.lease_until);
            let attempt = Attempt {
                last,
                ..attempt.clone()
            };
            left.doubt(EVERY, &attempt);
        }
        left
    }

    /// Nothing is left of an attempt to write this content; what it does will be noted.
    pub fn new(content: &str) -> Self {
        Self {
            content: Attempt::at(0, content).content,
            ..Self::default()
        }
    }

    /// Nobody knows whether this write was made.
    pub fn doubt(&mut self, key: &str, attempt: &Attempt) {
        let joined = match self.doubts.get(key) {
            Some(known) => known.and(attempt),
            None => attempt.clone(),
        };
        self.doubts.insert(key.to_owned(), joined);
    }

    /// The attempts of which nobody knows whether they made this write.
    pub fn of(&self, key: &str) -> Option<&Attempt> {
        self.doubts.get(key)
    }

    /// The writes of which nobody knows whether they were made, by our key; whoever died is not told here,
    /// since nobody knows of which.
    pub fn in_doubt(&self) -> impl Iterator<Item = &str> {
        let keys = self.doubts.keys().map(String::as_str);
        keys.filter(|key| *key != EVERY)
    }

    /// Whether there is any doubt.
    pub fn has_doubts(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// It is known now.
    pub fn clear(&mut self, key: &str) {
        self.doubts.remove(key);
    }

    /// The writes that a worker who died may have made, one by one. `is_mixed` is whether a repeat of one
    /// could be told from its first by the content alone no more: nobody knows what it was sent with.
    pub fn spread<'a>(&mut self, keys: impl Iterator<Item = &'a str>, is_mixed: bool) {
        if let Some(mut attempt) = self.doubts.remove(EVERY) {
            if is_mixed {
                attempt.content.clear();
            }
            for key in keys {
                self.doubt(key, &attempt);
            }
        }
    }

    /// There is no doubt that would matter.
    pub fn clear_all(&mut self) {
        self.doubts.clear();
    }

    /// A write of this content is in the CRM.
    pub fn did(&mut self, key: &str) {
        self.done.insert(key.to_owned());
    }

    /// Whether a write of this content is in the CRM.
    pub fn is_done(&self, key: &str) -> bool {
        self.done.contains(key)
    }

    /// All of the content is in the CRM: what was done need not be told apart.
    pub fn finish(&mut self) {
        self.done.clear();
        self.content.clear();
    }

    /// As text, short; `None` when nothing is left.
    pub fn stored(&self, matter: &str) -> Option<String> {
        if self.doubts.is_empty() && self.done.is_empty() {
            return None;
        }
        let short = |key: &String| {
            let tail = key.strip_prefix(matter).unwrap_or(key);
            tail.to_owned()
        };
        let mut groups: BTreeMap<&Attempt, Vec<String>> = BTreeMap::new();
        for (key, attempt) in &self.doubts {
            groups.entry(attempt).or_default().push(short(key));
        }
        let groups = groups
            .into_iter()
            .map(|(attempt, keys)| (attempt.clone(), keys))
            .collect();
        let done = self.done.iter().map(short).collect();
        let stored: Stored = (groups, self.content.clone(), done);
        serde_json::to_string(&stored).ok()
    }

    /// What [`Unfinished::stored`] wrote; `None` if it did not.
    pub fn read(text: &str, matter: &str) -> Option<Self> {
        let (groups, content, done): Stored = serde_json::from_str(text).ok()?;
        let whole = |tail: String| match tail.as_str() {
            EVERY => tail,
            _ => format!("{matter}{tail}"),
        };
        let doubts = groups.into_iter().flat_map(|(attempt, keys)| {
            keys.into_iter()
                .map(move |tail| (whole(tail), attempt.clone()))
        });
        Some(Self {
            doubts: doubts.collect(),
            content,
            done: done.into_iter().map(whole).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn attempts_join_to_the_widest_and_to_no_content_if_it_differs() {
        let (one, two) = (Attempt::at(5, CONTENT), Attempt::at(9, CONTENT));
        let both = two.and(&one);
        assert_eq!((both.since, both.last), (5, 9));
        assert!(both.is_of(CONTENT));
        let mixed = both.and(&Attempt::at(7, "other"));
        assert!(!mixed.is_of(CONTENT) && !mixed.is_of("other"));
        assert!(!mixed.and(&one).is_of(CONTENT), "and it stays so");
    }

    #[test]
    fn what_is_left_is_read_as_it_was_stored() {
        let session = "ses_1";
        let mut left = Unfinished::new(CONTENT);
        assert_eq!(left.stored(session), None);
        left.doubt("ses_1", &Attempt::at(5, CONTENT));
        left.doubt("ses_1-task-a1", &Attempt::at(5, CONTENT));
        left.doubt("*", &Attempt::at(7, CONTENT));
        left.did("ses_1-task-a2");
        let text = left.stored(session).unwrap();
        assert!(!text.contains("ses_1"), "{text}");
        assert_eq!(Unfinished::read(&text, session), Some(left));
        assert_eq!(Unfinished::read("{}", session), None);
    }

    #[test]
    fn whoever_died_may_have_made_every_write() {
        let mut left = Unfinished::new(CONTENT);
        left.doubt("a", &Attempt::at(5, "other"));
        left.doubt(EVERY, &Attempt::at(7, CONTENT));
        left.spread(["a", "b"].into_iter(), false);
        let attempts = ["a", "b", EVERY].map(|key| left.of(key).map(|one| (one.since, one.last)));
        assert_eq!(attempts, [Some((5, 7)), Some((7, 7)), None]);
        assert!(!left.of("a").unwrap().is_of(CONTENT));
        left.clear("a");
        assert_eq!(left.of("a"), None);
    }
}
