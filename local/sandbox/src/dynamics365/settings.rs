//! The switches of the tenant and its environment.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) redirect_uris: Vec<String>,
    /// Tenants that exist, but do not have the app.
    pub(super) other_tenants: Vec<String>,
    /// Addresses that also name the environment: what tokens may be asked for, beside the base URL.
    pub(super) environments: Vec<String>,
    /// Whether the environment has an application user for the app.
    pub(super) application_user: bool,
    /// Whether the app's secret has expired.
    pub(super) secret_expired: bool,
    pub(super) access_seconds: i64,
    /// Whether the applications for sales and service are installed: leads, opportunities, cases.
    pub(super) sales: bool,
    /// Whether a completed or canceled activity refuses changes until it is reopened.
    pub(super) completed_read_only: bool,
    /// Whether a state on create is refused; it is ignored otherwise.
    pub(super) refuse_state_on_create: bool,
    /// Whether an activity takes a party that is an address alone.
    pub(super) unresolved_parties: bool,
    /// The status of a duplicate that a rule finds: documentation has 412 and 500.
    pub(super) duplicate_status: u16,
    /// How long the index of a new alternate key is built.
    pub(super) key_index_seconds: i64,
    /// Service protection: requests in five minutes.
    pub(super) request_limit: u64,
    /// Service protection: milliseconds of execution in five minutes.
    pub(super) execution_limit_ms: u64,
    /// Service protection: requests at the same time.
    pub(super) concurrency_limit: u64,
    /// How long each request is taken to execute.
    pub(super) execution_ms: u64,
    /// Whether requests that arrive within each other's execution count as concurrent.
    pub(super) overlap: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/dynamics365/callback".to_owned(),
            ],
            other_tenants: vec!["fabrikam.onmicrosoft.com".to_owned()],
            environments: vec!["https://example.crm.dynamics.com".to_owned()],
            application_user: true,
            secret_expired: false,
            access_seconds: 3599,
            sales: true,
            completed_read_only: true,
            refuse_state_on_create: false,
            unresolved_parties: false,
            duplicate_status: 500,
            key_index_seconds: 30,
            request_limit: 6_000,
            execution_limit_ms: 1_200_000,
            concurrency_limit: 52,
            execution_ms: 10,
            overlap: false,
        }
    }
}
