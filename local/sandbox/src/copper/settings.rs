//! The switches of this account.

use serde::{Deserialize, Serialize};

/// The fields of this are the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) redirect_uris: Vec<String>,
    pub(super) code_seconds: i64,
    /// Calls of a user in a minute.
    pub(super) per_minute: usize,
    /// Bulk calls of a user in a second.
    pub(super) bulk_per_second: usize,
    /// Rows of a bulk call.
    pub(super) bulk_size: usize,
    /// Whether tasks can be written in bulk, which no page says.
    pub(super) bulk_tasks: bool,
    /// How late the searches see a write.
    pub(super) search_lag_s: u64,
    /// Activity types of the account that an admin has turned off.
    pub(super) disabled_types: Vec<u64>,
    /// Whether a member of a body that is not known is refused.
    pub(super) strict_bodies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/copper/callback".to_owned(),
            ],
            code_seconds: 10 * 60,
            per_minute: 180,
            bulk_per_second: 3,
            bulk_size: 10,
            bulk_tasks: false,
            search_lag_s: 0,
            disabled_types: Vec::new(),
            strict_bodies: false,
        }
    }
}
