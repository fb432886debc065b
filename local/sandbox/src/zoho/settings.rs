//! The switches of this org.

use serde::{Deserialize, Serialize};

/// The fields of this are the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) redirect_uris: Vec<String>,
    /// The data centre the user is in.
    pub(super) location: String,
    /// The data centre the root of the port stands for; null for whichever is meant.
    pub(super) root_location: Option<String>,
    /// Whether the callback and the tokens name the vendor's hosts.
    pub(super) real_hosts: bool,
    /// Whether the client exists in other data centres than the first.
    pub(super) multi_dc: bool,
    /// Whether each data centre has a secret of its own.
    pub(super) secret_per_dc: bool,
    /// The older form: `expires_in` in milliseconds beside `expires_in_sec`.
    pub(super) expires_in_ms: bool,
    /// Whether `Bearer` is as good as `Zoho-oauthtoken`.
    pub(super) bearer: bool,
    /// The status of a throttled refresh: 400, and 200 by some reports.
    pub(super) throttle_status: u16,
    pub(super) code_seconds: i64,
    /// What the org pays for; with the users it decides the credits of a day.
    pub(super) edition: Edition,
    pub(super) users: u64,
    /// The credits of a day in place of the edition's.
    pub(super) daily_credits: Option<u64>,
    /// How far the search is behind what was written.
    pub(super) search_lag_s: u64,
    /// What the key field of meetings, calls and tasks is.
    pub(super) key_field: KeyField,
    /// Whether a record with a field that the module does not have is refused; else the field is ignored.
    pub(super) refuse_unknown_fields: bool,
    /// Whether `What_Id` without `$se_module` is refused; else the link is lost.
    pub(super) refuse_untyped_links: bool,
    /// Whether a time that ends in `Z` is refused.
    pub(super) refuse_zulu: bool,
    /// Whether a value that a picklist does not have is refused; else it is kept.
    pub(super) strict_picklists: bool,
    /// Whether what lies in the recycle bin keeps its unique values.
    pub(super) bin_is_unique: bool,
    /// The status where every record of a call was refused.
    pub(super) all_failed_status: u16,
    /// The offset in which answers tell the time.
    pub(super) offset_hours: i8,
}

/// What the field `Liveprompt_Key` of meetings, calls and tasks is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyField {
    /// It does not allow duplicate values.
    Unique,
    /// It is an external field, which is unique too.
    External,
    /// It allows duplicate values.
    Plain,
    /// Nobody made it.
    Missing,
}

/// The editions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Edition {
    Free,
    Standard,
    Professional,
    Enterprise,
    Ultimate,
}

impl Settings {
    /// The credits of twenty-four hours.
    pub(super) fn credits(&self) -> u64 {
        let (each, most) = match self.edition {
            Edition::Free => return self.daily_credits.unwrap_or(5_000),
            Edition::Standard => (250, 100_000),
            Edition::Professional => (500, 3_000_000),
            Edition::Enterprise => (1_000, 5_000_000),
            Edition::Ultimate => (2_000, u64::MAX),
        };
        let of_edition = most.min(50_000 + each * self.users);
        self.daily_credits.unwrap_or(of_edition)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec!["http://127.0.0.1:3000/api/integrations/zoho/callback".to_owned()],
            location: "us".to_owned(),
            root_location: None,
            real_hosts: false,
            multi_dc: true,
            secret_per_dc: false,
            expires_in_ms: false,
            bearer: false,
            throttle_status: 400,
            code_seconds: 2 * 60,
            edition: Edition::Enterprise,
            users: 10,
            daily_credits: None,
            search_lag_s: 30,
            key_field: KeyField::Unique,
            refuse_unknown_fields: false,
            refuse_untyped_links: false,
            refuse_zulu: false,
            strict_picklists: false,
            bin_is_unique: false,
            all_failed_status: 400,
            offset_hours: 0,
        }
    }
}
