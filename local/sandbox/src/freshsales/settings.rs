//! The switches of this account.

use serde::{Deserialize, Serialize};

/// Which addresses the account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Edition {
    Suite,
    Classic,
    Both,
}

/// The plans that have an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Plan {
    Growth,
    Pro,
    Enterprise,
}

/// The fields of this are the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) redirect_uris: Vec<String>,
    pub(super) edition: Edition,
    /// Users whose role lacks the rights to what is asked here.
    pub(super) denied_users: Vec<String>,
    /// Whether the organisation's tokens open the API.
    pub(super) oauth_opens_api: bool,
    pub(super) refresh_rotation: bool,
    pub(super) access_seconds: i64,
    /// What the account pays for; it decides the calls of an hour.
    pub(super) plan: Plan,
    /// The calls of an hour in place of the plan's.
    pub(super) hourly_calls: Option<u64>,
    pub(super) minutely_calls: u64,
    /// Whether answers tell what is left of the hour.
    pub(super) limit_headers: bool,
    /// Whether a limit is told as a 400 with the 429 in its text, and without a wait.
    pub(super) wrapped_limits: bool,
    /// How far the look-up and the searches are behind.
    pub(super) search_lag_s: u64,
    /// Custom fields that no two records may share, by which an upsert may find a record.
    pub(super) unique_custom_fields: Vec<String>,
    pub(super) task_owner_required: bool,
    /// Whether the account has sales activities; without them their selector is not there.
    pub(super) sales_activities: bool,
    /// Whether the fields of appointments and tasks can be asked for.
    pub(super) activity_fields: bool,
    /// Whether a body is taken without the wrapper around the record.
    pub(super) bare_bodies: bool,
    /// Whether the trial has ended: every call is answered with a page.
    pub(super) expired: bool,
    /// Whether answers to lists say how many pages there are.
    pub(super) list_meta: bool,
}

impl Settings {
    /// The calls of an hour.
    pub(super) fn hourly(&self) -> u64 {
        self.hourly_calls.unwrap_or(match self.plan {
            Plan::Growth => 1_000,
            Plan::Pro => 2_000,
            Plan::Enterprise => 5_000,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/freshsales/callback".to_owned(),
            ],
            edition: Edition::Both,
            denied_users: Vec::new(),
            oauth_opens_api: true,
            refresh_rotation: false,
            access_seconds: 30 * 60,
            plan: Plan::Enterprise,
            hourly_calls: None,
            minutely_calls: 400,
            limit_headers: true,
            wrapped_limits: false,
            search_lag_s: 5,
            unique_custom_fields: vec!["cf_hub_key".to_owned()],
            task_owner_required: true,
            sales_activities: true,
            activity_fields: true,
            bare_bodies: true,
            expired: false,
            list_meta: true,
        }
    }
}
