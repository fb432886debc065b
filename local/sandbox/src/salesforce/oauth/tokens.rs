//! Who may come in: codes, approvals, access and refresh tokens, and when each of them dies.
//!
//! Token values depend on the seed alone, so a run can be repeated.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::super::times::shifted;
use crate::oauth::Noise;

const CODE_SECONDS: i64 = 10 * 60;
const ACCESS_SECONDS: i64 = 2 * 60 * 60;
const REFRESH_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Live approvals per user and app.
const APPROVALS_MAX: usize = 5;

/// An authorization code that was given out.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) user: String,
    pub(super) scope: String,
    issued: Timestamp,
    spent: bool,
    /// The approval it was exchanged for.
    gave: Option<u64>,
}

/// A user's approval of the app: one refresh token at a time.
#[derive(Debug, Clone)]
struct Approval {
    user: String,
    scope: String,
    refresh: Option<String>,
    used: Timestamp,
    /// Handed out by the control endpoint: does not crowd out a real approval.
    by_control: bool,
}

/// A session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) scope: String,
    pub(super) issued: Timestamp,
    used: Timestamp,
    approval: Option<u64>,
}

/// What one token exchange gives.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) user: String,
    pub(super) scope: String,
}

#[derive(Debug)]
pub(in crate::salesforce) struct Tokens {
    noise: Noise,
    org_id: String,
    count: u64,
    codes: BTreeMap<String, Code>,
    approvals: BTreeMap<u64, Approval>,
    sessions: BTreeMap<String, Session>,
    /// Refresh tokens that were replaced: showing one again is theft.
    replaced: BTreeMap<String, u64>,
}

impl Tokens {
    pub(in crate::salesforce) fn new(seed: u64, org_id: &str) -> Self {
        Self {
            noise: Noise::new(seed),
            org_id: org_id.get(..15).unwrap_or(org_id).to_owned(),
            count: 0,
            codes: BTreeMap::new(),
            approvals: BTreeMap::new(),
            sessions: BTreeMap::new(),
            replaced: BTreeMap::new(),
        }
    }

    /// A text that looks random and is not; the vendor's have no dash.
    pub(in crate::salesforce) fn noise(&self, label: &str, length: usize) -> String {
        self.noise.text(label, length).replace('-', ".")
    }

    fn fresh(&mut self, what: &str, length: usize) -> String {
        self.noise.fresh(what, length).replace('-', ".")
    }

    pub(super) fn give_code(
        &mut self,
        user: &str,
        scope: &str,
        redirect_uri: &str,
        challenge: &str,
        now: Timestamp,
    ) -> String {
        let code = format!("aPrx{}==", self.fresh("code", 70));
        self.codes.insert(
            code.clone(),
            Code {
                redirect_uri: redirect_uri.to_owned(),
                challenge: challenge.to_owned(),
                user: user.to_owned(),
                scope: scope.to_owned(),
                issued: now,
                spent: false,
                gave: None,
            },
        );
        code
    }

    /// A code that can still be exchanged; it is used up by asking. A second use revokes what the
    /// first one gave.
    pub(super) fn take_code(&mut self, code: &str, now: Timestamp) -> Result<Code, &'static str> {
        let found = self
            .codes
            .get_mut(code)
            .ok_or("invalid authorization code")?;
        if found.spent {
            if let Some(approval) = found.gave {
                self.revoke_approval(approval);
            }
            return Err("expired authorization code");
        }
        found.spent = true;
        if now > shifted(found.issued, CODE_SECONDS) {
            Err("expired authorization code")
        } else {
            Ok(found.clone())
        }
    }

    /// Opens an approval for a code's user.
    pub(super) fn approve(
        &mut self,
        code: Option<&str>,
        user: &str,
        scope: &str,
        now: Timestamp,
    ) -> Issued {
        self.count += 1;
        let number = self.count;
        let lasting = scope
            .split(' ')
            .any(|s| matches!(s, "refresh_token" | "offline_access"));
        let refresh = lasting.then(|| self.fresh_refresh());
        let by_control = code.is_none();
        let approval = Approval {
            user: user.to_owned(),
            scope: scope.to_owned(),
            refresh: refresh.clone(),
            used: now,
            by_control,
        };
        self.approvals.insert(number, approval);
        if let Some(code) = code.and_then(|code| self.codes.get_mut(code)) {
            code.gave = Some(number);
        }
        let live = self
            .approvals
            .iter()
            .filter(|(_, a)| a.user == user && a.refresh.is_some() && !a.by_control);
        let live: Vec<u64> = live.map(|(number, _)| *number).collect();
        if live.len() > APPROVALS_MAX
            && let Some(oldest) = live.first()
        {
            self.revoke_approval(*oldest);
        }
        let access = self.open(user, scope, Some(number), now);
        Issued {
            access,
            refresh,
            user: user.to_owned(),
            scope: scope.to_owned(),
        }
    }

    /// A session without approval: client credentials, JWT, password.
    pub(super) fn session(&mut self, user: &str, scope: &str, now: Timestamp) -> Issued {
        let access = self.open(user, scope, None, now);
        Issued {
            access,
            refresh: None,
            user: user.to_owned(),
            scope: scope.to_owned(),
        }
    }

    fn open(&mut self, user: &str, scope: &str, approval: Option<u64>, now: Timestamp) -> String {
        let noise = self.fresh("access", 94);
        let access = format!("{}!AQ{noise}", self.org_id);
        let session = Session {
            user: user.to_owned(),
            scope: scope.to_owned(),
            issued: now,
            used: now,
            approval,
        };
        self.sessions.insert(access.clone(), session);
        access
    }

    fn fresh_refresh(&mut self) -> String {
        format!("5Aep861{}", self.fresh("refresh", 80))
    }

    /// A refresh. With rotation the old token dies at once, and showing a dead one kills the whole
    /// approval.
    pub(super) fn refresh(
        &mut self,
        token: &str,
        rotate: bool,
        now: Timestamp,
    ) -> Result<Issued, &'static str> {
        const DEAD: &str = "expired access/refresh token";
        if let Some(approval) = self.replaced.get(token).copied() {
            self.revoke_approval(approval);
            return Err(DEAD);
        }
        let found = self
            .approvals
            .iter()
            .find(|(_, a)| a.refresh.as_deref() == Some(token));
        let (number, approval) = found.map(|(number, a)| (*number, a.clone())).ok_or(DEAD)?;
        if now > shifted(approval.used, REFRESH_SECONDS) {
            self.revoke_approval(number);
            return Err(DEAD);
        }
        let next = if rotate {
            self.fresh_refresh()
        } else {
            token.to_owned()
        };
        if rotate {
            self.replaced.insert(token.to_owned(), number);
        }
        if let Some(approval) = self.approvals.get_mut(&number) {
            approval.refresh = Some(next.clone());
            approval.used = now;
        }
        let access = self.open(&approval.user, &approval.scope, Some(number), now);
        Ok(Issued {
            access,
            refresh: rotate.then_some(next),
            user: approval.user,
            scope: approval.scope,
        })
    }

    fn revoke_approval(&mut self, number: u64) {
        if let Some(approval) = self.approvals.get_mut(&number) {
            approval.refresh = None;
        }
        self.sessions
            .retain(|_, session| session.approval != Some(number));
    }

    /// Revokes an access token, or a refresh token with all its sessions. Says whether there was
    /// one.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        if self.sessions.remove(token).is_some() {
            return true;
        }
        let found = self
            .approvals
            .iter()
            .find(|(_, a)| a.refresh.as_deref() == Some(token))
            .map(|(number, _)| *number);
        if let Some(number) = found {
            self.revoke_approval(number);
        }
        found.is_some()
    }

    /// The session of an access token, without prolonging it.
    pub(super) fn look(&self, access: &str, now: Timestamp) -> Option<&Session> {
        self.sessions
            .get(access)
            .filter(|session| now <= shifted(session.used, ACCESS_SECONDS))
    }

    /// The session of an access token; using it prolongs it. Gives user and scope.
    pub(in crate::salesforce) fn enter(
        &mut self,
        access: &str,
        now: Timestamp,
    ) -> Option<(String, String)> {
        let session = self
            .sessions
            .get_mut(access)
            .filter(|session| now <= shifted(session.used, ACCESS_SECONDS))?;
        session.used = now;
        Some((session.user.clone(), session.scope.clone()))
    }

    /// When a session ends if it is not used.
    pub(super) fn end_of(session: &Session) -> Timestamp {
        shifted(session.used, ACCESS_SECONDS)
    }

    /// The approval behind a live refresh token: user, scope.
    pub(super) fn look_refresh(&self, token: &str, now: Timestamp) -> Option<(&str, &str)> {
        let mut live = self
            .approvals
            .values()
            .filter(|a| now <= shifted(a.used, REFRESH_SECONDS));
        live.find(|a| a.refresh.as_deref() == Some(token))
            .map(|a| (a.user.as_str(), a.scope.as_str()))
    }

    /// Ends every session, as a fault.
    pub(in crate::salesforce) fn expire_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Ends every approval and its sessions, as a fault.
    pub(in crate::salesforce) fn revoke_approvals(&mut self) {
        let all: Vec<u64> = self.approvals.keys().copied().collect();
        for number in all {
            self.revoke_approval(number);
        }
    }

    /// How many there are of each, for the state.
    pub(in crate::salesforce) fn counts(&self, now: Timestamp) -> serde_json::Value {
        let live = self
            .sessions
            .values()
            .filter(|session| now <= shifted(session.used, ACCESS_SECONDS))
            .count();
        let refresh = self
            .approvals
            .values()
            .filter(|a| a.refresh.is_some())
            .count();
        serde_json::json!({
            "access_tokens": live,
            "refresh_tokens": refresh,
            "replaced_refresh_tokens": self.replaced.len(),
            "codes": self.codes.len(),
        })
    }
}

/// The vendor's signature over identity and time.
pub(super) fn signature(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()).as_ref())
}
