//! Who may come in: codes, installations, access and refresh tokens, and when each of them dies.
//!
//! Token values depend on the seed alone, so a run can be repeated.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::times::shifted;
use crate::oauth::{Challenge, Noise};

const CODE_SECONDS: i64 = 10 * 60;
pub(super) const ACCESS_SECONDS: i64 = 30 * 60;

/// An authorization code that was given out.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) user: u64,
    pub(super) scopes: Vec<String>,
    pub(super) issued: Timestamp,
    /// The refresh token it was exchanged for.
    pub(super) gave: Option<String>,
    pub(super) spent: bool,
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) user: u64,
    pub(super) scopes: Vec<String>,
    pub(super) ends: Timestamp,
    refresh: String,
}

/// What a refresh token stands for.
#[derive(Debug, Clone)]
pub(super) struct Install {
    pub(super) user: u64,
    pub(super) scopes: Vec<String>,
}

#[derive(Debug)]
pub(in crate::hubspot) struct Tokens {
    noise: Noise,
    codes: BTreeMap<String, Code>,
    installs: BTreeMap<String, Install>,
    access: BTreeMap<String, Access>,
}

impl Tokens {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed),
            codes: BTreeMap::new(),
            installs: BTreeMap::new(),
            access: BTreeMap::new(),
        }
    }

    /// A GUID; the same label gives the same one.
    pub(in crate::hubspot) fn guid(&self, label: &str) -> String {
        self.noise.guid(label)
    }

    fn fresh_guid(&mut self, what: &str) -> String {
        let label = self.noise.label(what);
        self.noise.guid(&label)
    }

    pub(super) fn give_code(&mut self, code: Code) -> String {
        let value = format!("na1-{}", self.fresh_guid("code"));
        self.codes.insert(value.clone(), code);
        value
    }

    /// A code that can still be exchanged; it is used up by asking. A second use ends what the
    /// first one gave. The error is the vendor's status.
    pub(super) fn take_code(&mut self, code: &str, now: Timestamp) -> Result<Code, &'static str> {
        let found = self.codes.get_mut(code).ok_or("BAD_AUTH_CODE")?;
        if found.spent {
            if let Some(refresh) = found.gave.clone() {
                self.revoke(&refresh);
                self.access.retain(|_, access| access.refresh != refresh);
            }
            return Err("BAD_AUTH_CODE");
        }
        found.spent = true;
        if now > shifted(found.issued, CODE_SECONDS) {
            return Err("EXPIRED_AUTH_CODE");
        }
        Ok(found.clone())
    }

    /// Opens an installation; gives access and refresh token.
    pub(super) fn install(
        &mut self,
        user: u64,
        scopes: Vec<String>,
        code: Option<&str>,
        now: Timestamp,
    ) -> (String, String) {
        let refresh = format!("na1-{}", self.fresh_guid("refresh"));
        self.installs
            .insert(refresh.clone(), Install { user, scopes });
        if let Some(code) = code.and_then(|code| self.codes.get_mut(code)) {
            code.gave = Some(refresh.clone());
        }
        let access = self.refresh(&refresh, now).unwrap_or_default();
        (access, refresh)
    }

    /// A new access token; the refresh token stays.
    pub(super) fn refresh(&mut self, refresh: &str, now: Timestamp) -> Option<String> {
        let Install { user, scopes } = self.installs.get(refresh)?.clone();
        let value = format!("C{}", self.noise.fresh("access", 180));
        let access = Access {
            user,
            scopes,
            ends: shifted(now, ACCESS_SECONDS),
            refresh: refresh.to_owned(),
        };
        self.access.insert(value.clone(), access);
        Some(value)
    }

    /// An access token, also one that has ended.
    pub(super) fn access(&self, token: &str) -> Option<&Access> {
        self.access.get(token)
    }

    pub(super) fn installed(&self, refresh: &str) -> Option<&Install> {
        self.installs.get(refresh)
    }

    /// Ends a refresh token; the access tokens it gave live on.
    pub(super) fn revoke(&mut self, refresh: &str) -> bool {
        self.installs.remove(refresh).is_some()
    }

    /// Ends all tokens, as when the app is uninstalled.
    pub(in crate::hubspot) fn uninstall(&mut self) {
        self.installs.clear();
        self.access.clear();
    }

    /// Ends every access token now, as a fault.
    pub(in crate::hubspot) fn expire(&mut self, now: Timestamp) {
        for access in self.access.values_mut() {
            access.ends = access.ends.min(now);
        }
    }

    /// How many there are of each, for the state.
    pub(in crate::hubspot) fn counts(&self, now: Timestamp) -> serde_json::Value {
        serde_json::json!({
            "access_tokens": self.access.values().filter(|access| now < access.ends).count(),
            "refresh_tokens": self.installs.len(),
            "codes": self.codes.len(),
        })
    }
}
