//! The switches of this company.

use serde::{Deserialize, Serialize};

/// The fields of this are the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) redirect_uris: Vec<String>,
    /// What the app's registration asks for; the URL has no scopes.
    pub(super) scopes: Vec<String>,
    /// Whether `expires_in` is a text, as in fixtures of the vendor's own library.
    pub(super) expires_in_text: bool,
    /// Whether a refresh gives a new refresh token and kills the old one.
    pub(super) refresh_rotation: bool,
    pub(super) code_seconds: i64,
    /// What the company pays for; it decides the burst and the daily budget.
    pub(super) plan: Plan,
    pub(super) seats: u64,
    /// The budget of a day in place of the plan's.
    pub(super) daily_tokens: Option<u64>,
    /// Whether answers tell the day's budget in the headers that no documentation names.
    pub(super) daily_headers: bool,
    /// Calls of a personal token that may be refused in ten seconds before its caller is locked out.
    pub(super) block_after: usize,
    pub(super) search_lag_s: u64,
    /// The keys of the activity types; an account may rename and remove them.
    pub(super) activity_types: Vec<String>,
    /// Whether persons have the fields that come with contact sync.
    pub(super) contact_sync: bool,
    /// Whether a member of a body that v2 does not know is refused.
    pub(super) strict_bodies: bool,
    /// Whether notes lose the comments of their HTML.
    pub(super) strip_comments: bool,
}

/// The plans there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Plan {
    Lite,
    Growth,
    Premium,
    Ultimate,
}

impl Plan {
    /// What a seat is worth, in thirty thousands of tokens a day.
    const fn multiplier(self) -> u64 {
        match self {
            Self::Lite => 1,
            Self::Growth => 2,
            Self::Premium => 5,
            Self::Ultimate => 7,
        }
    }

    /// Calls in two seconds: of a personal token, and of an app's.
    const fn burst(self) -> (u64, u64) {
        match self {
            Self::Lite => (20, 80),
            Self::Growth => (40, 160),
            Self::Premium => (100, 400),
            Self::Ultimate => (120, 480),
        }
    }
}

impl Settings {
    /// The tokens of a day, for all users and apps together.
    pub(super) fn budget(&self) -> u64 {
        let of_plan = 30_000 * self.plan.multiplier() * self.seats;
        self.daily_tokens.unwrap_or(of_plan)
    }

    pub(super) fn burst(&self, personal: bool) -> u64 {
        let (token, app) = self.plan.burst();
        if personal { token } else { app }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            redirect_uris: texts(&["http://127.0.0.1:3000/api/integrations/pipedrive/callback"]),
            scopes: texts(&[
                "base",
                "activities:full",
                "contacts:full",
                "deals:full",
                "search:read",
                "users:read",
                "admin",
            ]),
            expires_in_text: false,
            refresh_rotation: false,
            code_seconds: 5 * 60,
            plan: Plan::Premium,
            seats: 10,
            daily_tokens: None,
            daily_headers: true,
            block_after: 20,
            search_lag_s: 5,
            activity_types: texts(&["call", "meeting", "task", "deadline", "email", "lunch"]),
            contact_sync: false,
            strict_bodies: true,
            strip_comments: true,
        }
    }
}
