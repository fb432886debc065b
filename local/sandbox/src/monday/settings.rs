//! The switches of this account.

use serde::{Deserialize, Serialize};

/// The fields of this are the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) redirect_uris: Vec<String>,
    /// Whether an old refresh token that is shown again ends the lineage.
    pub(super) reuse_revokes: bool,
    /// How long a consent lasts, whatever is refreshed.
    pub(super) lineage_days: i64,
    pub(super) access_seconds: i64,
    /// Whether an admin has installed the app; without that no member can connect.
    pub(super) installed: bool,
    /// Calls in a minute.
    pub(super) minute_calls: usize,
    /// Calls in a day of UTC; without a number the app is exempt, as those of the marketplace are.
    pub(super) daily_calls: Option<f64>,
    /// Points in a minute, for queries and for mutations each.
    pub(super) complexity_budget: i64,
    /// How long a key of a request is remembered.
    pub(super) idempotency_seconds: i64,
    /// How long the search takes to see a new item.
    pub(super) search_lag_s: i64,
    /// Whether dates of the API's versions that are over are refused.
    pub(super) strict_versions: bool,
    /// The longest text of a long text column.
    pub(super) long_text: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/monday/callback".to_owned(),
            ],
            reuse_revokes: true,
            lineage_days: 183,
            access_seconds: 3600,
            installed: true,
            minute_calls: 2_500,
            daily_calls: None,
            complexity_budget: 5_000_000,
            idempotency_seconds: 30 * 60,
            search_lag_s: 0,
            strict_versions: false,
            long_text: 2_000,
        }
    }
}
