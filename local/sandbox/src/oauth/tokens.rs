//! Codes, grants, refresh and access tokens, and when each of them dies. Which event ends what is
//! the CRM's to say.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Challenge, Noise};

/// So many seconds later.
pub(crate) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    let later = at.checked_add(SignedDuration::from_secs(seconds));
    later.unwrap_or(Timestamp::MAX)
}

/// Who allowed what. `realm` is what the vendor binds it to: a resource, a region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consent {
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) realm: String,
}

/// An authorization code that was given out.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) consent: Consent,
    pub(crate) ends: Timestamp,
}

#[derive(Debug)]
struct Kept {
    code: Code,
    spent: bool,
    gave: Option<u64>,
}

/// Why a code is refused. `Spent` names the grant the first use gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeFault {
    Unknown,
    Spent(Option<u64>),
    Expired,
}

/// What a person granted: the lineage of its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) consent: Consent,
    pub(crate) since: Timestamp,
    pub(crate) ended: bool,
    /// Handed out by the control endpoint: does not crowd out a real one.
    by_control: bool,
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Live,
    Replaced,
    Revoked,
}

#[derive(Debug, Clone)]
pub(crate) struct Refresh {
    pub(crate) grant: u64,
    pub(crate) used: Timestamp,
    pub(crate) fate: Fate,
}

/// An access token; without `ends` it lives until it is revoked.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) grant: Option<u64>,
    pub(crate) consent: Consent,
    pub(crate) ends: Option<Timestamp>,
    number: u64,
}

#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) noise: Noise,
    count: u64,
    codes: BTreeMap<String, Kept>,
    grants: BTreeMap<u64, Grant>,
    refresh: BTreeMap<String, Refresh>,
    access: BTreeMap<String, Access>,
}

impl Tables {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed),
            count: 0,
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            refresh: BTreeMap::new(),
            access: BTreeMap::new(),
        }
    }

    pub(crate) fn keep_code(&mut self, value: &str, code: Code) {
        let kept = Kept {
            code,
            spent: false,
            gave: None,
        };
        self.codes.insert(value.to_owned(), kept);
    }

    /// A code that can still be exchanged; it is used up by asking.
    pub(crate) fn take_code(&mut self, value: &str, now: Timestamp) -> Result<Code, CodeFault> {
        let kept = self.codes.get_mut(value).ok_or(CodeFault::Unknown)?;
        if kept.spent {
            return Err(CodeFault::Spent(kept.gave));
        }
        kept.spent = true;
        if now > kept.code.ends {
            return Err(CodeFault::Expired);
        }
        Ok(kept.code.clone())
    }

    /// What the code is bound to, without using it up.
    pub(crate) fn realm(&self, value: &str) -> Option<&str> {
        let kept = self.codes.get(value)?;
        Some(kept.code.consent.realm.as_str())
    }

    /// Opens a grant, for a code or by the control endpoint.
    pub(crate) fn open(&mut self, consent: Consent, code: Option<&str>, now: Timestamp) -> u64 {
        self.count += 1;
        let grant = Grant {
            consent,
            since: now,
            ended: false,
            by_control: code.is_none(),
        };
        self.grants.insert(self.count, grant);
        if let Some(kept) = code.and_then(|code| self.codes.get_mut(code)) {
            kept.gave = Some(self.count);
        }
        self.count
    }

    pub(crate) fn grant(&self, number: u64) -> Option<&Grant> {
        self.grants.get(&number)
    }

    /// The grants of a user by code that have a live refresh token, oldest first.
    pub(crate) fn live_grants(&self, user: &str) -> Vec<u64> {
        let live = |number: &u64| {
            let mut refresh = self.refresh.values();
            refresh.any(|refresh| refresh.grant == *number && refresh.fate == Fate::Live)
        };
        let mine = self
            .grants
            .iter()
            .filter(|(_, grant)| grant.consent.user == user && !grant.by_control);
        mine.map(|(number, _)| *number).filter(live).collect()
    }

    pub(crate) fn keep_refresh(&mut self, value: &str, grant: u64, now: Timestamp) {
        let refresh = Refresh {
            grant,
            used: now,
            fate: Fate::Live,
        };
        self.refresh.insert(value.to_owned(), refresh);
    }

    pub(crate) fn refresh(&self, value: &str) -> Option<&Refresh> {
        self.refresh.get(value)
    }

    /// Notes that a refresh token was used, and what becomes of it.
    pub(crate) fn used(&mut self, value: &str, fate: Fate, now: Timestamp) {
        if let Some(refresh) = self.refresh.get_mut(value) {
            refresh.used = now;
            refresh.fate = fate;
        }
    }

    pub(crate) fn keep_access(
        &mut self,
        value: &str,
        grant: Option<u64>,
        consent: Consent,
        ends: Option<Timestamp>,
    ) {
        self.count += 1;
        let access = Access {
            grant,
            consent,
            ends,
            number: self.count,
        };
        self.access.insert(value.to_owned(), access);
    }

    /// An access token that can be used.
    pub(crate) fn access(&self, value: &str, now: Timestamp) -> Option<&Access> {
        let live = |access: &&Access| access.ends.is_none_or(|ends| now < ends);
        self.access.get(value).filter(live)
    }

    /// Ends the oldest live access tokens of a grant so that at most so many are left.
    pub(crate) fn crowd_out(&mut self, grant: u64, most: usize, now: Timestamp) {
        let live = |access: &Access| {
            access.grant == Some(grant) && access.ends.is_none_or(|ends| now < ends)
        };
        let numbers = self.access.values().filter(|access| live(access));
        let mut numbers: Vec<u64> = numbers.map(|access| access.number).collect();
        numbers.sort_unstable();
        let surplus = numbers.len().saturating_sub(most);
        let gone: Vec<u64> = numbers.into_iter().take(surplus).collect();
        self.access
            .retain(|_, access| !gone.contains(&access.number));
    }

    pub(crate) fn drop_access(&mut self, value: &str) -> bool {
        self.access.remove(value).is_some()
    }

    /// Ends a grant: its refresh tokens, and its access tokens where the vendor ends them too.
    pub(crate) fn end(&mut self, number: u64, access_too: bool) {
        if let Some(grant) = self.grants.get_mut(&number) {
            grant.ended = true;
        }
        for refresh in self.refresh.values_mut() {
            if refresh.grant == number && refresh.fate == Fate::Live {
                refresh.fate = Fate::Revoked;
            }
        }
        if access_too {
            self.access.retain(|_, access| access.grant != Some(number));
        }
    }

    /// Ends all grants, as a fault.
    pub(crate) fn end_all(&mut self, access_too: bool) {
        let all: Vec<u64> = self.grants.keys().copied().collect();
        for number in all {
            self.end(number, access_too);
        }
    }

    /// Ends every access token now, as a fault.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        for access in self.access.values_mut() {
            access.ends = Some(access.ends.map_or(now, |ends| ends.min(now)));
        }
    }

    /// The grants and the numbers of tokens, for the state; no values.
    pub(crate) fn shown(&self, now: Timestamp) -> Value {
        let grants = self.grants.values().map(|grant| {
            json!({ "user": grant.consent.user, "scopes": grant.consent.scopes, "realm": grant.consent.realm,
                "since": grant.since, "ended": grant.ended })
        });
        let fates = |fate: Fate| {
            let refresh = self.refresh.values();
            refresh.filter(|refresh| refresh.fate == fate).count()
        };
        let live = |access: &&Access| access.ends.is_none_or(|ends| now < ends);
        json!({
            "grants": grants.collect::<Vec<Value>>(),
            "tokens": {
                "access_tokens": self.access.values().filter(live).count(),
                "refresh_tokens": fates(Fate::Live),
                "replaced_refresh_tokens": fates(Fate::Replaced),
                "codes": self.codes.len(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_code_is_good_once_and_in_time() {
        let mut tables = Tables::new(1);
        let code = Code {
            redirect_uri: String::new(),
            challenge: None,
            consent: Consent::default(),
            ends: at(10),
        };
        tables.keep_code("a", code.clone());
        tables.keep_code("b", code);
        assert!(tables.take_code("a", at(10)).is_ok());
        let grant = tables.open(Consent::default(), Some("a"), at(10));
        let fault = tables.take_code("a", at(10)).unwrap_err();
        assert_eq!(fault, CodeFault::Spent(Some(grant)));
        assert_eq!(
            tables.take_code("b", at(11)).unwrap_err(),
            CodeFault::Expired
        );
        assert_eq!(
            tables.take_code("c", at(1)).unwrap_err(),
            CodeFault::Unknown
        );
    }

    #[test]
    fn the_oldest_token_is_crowded_out() {
        let mut tables = Tables::new(1);
        let grant = tables.open(Consent::default(), None, at(0));
        for value in ["z", "y", "x"] {
            tables.keep_access(value, Some(grant), Consent::default(), Some(at(9)));
        }
        tables.crowd_out(grant, 2, at(1));
        assert!(tables.access("z", at(1)).is_none(), "the first one made");
        assert!(tables.access("y", at(1)).is_some() && tables.access("x", at(1)).is_some());
        assert!(
            tables.access("x", at(9)).is_none(),
            "its end is not its last second"
        );
        tables.end(grant, true);
        assert!(tables.access("y", at(1)).is_none());
    }
}
