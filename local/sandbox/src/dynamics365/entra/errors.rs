//! The errors of the identity platform: an OAuth error and an AADSTS number.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::Entra;
use crate::oauth::Answer;

impl Entra {
    /// An error of the token endpoint.
    pub(super) fn refused(
        &mut self,
        status: u16,
        error: &str,
        code: u32,
        text: &str,
        now: Timestamp,
    ) -> Answer {
        let label = self.tables.noise.label("trace");
        let noise = &self.tables.noise;
        let (trace, correlation) = (noise.guid(&label), noise.guid(&format!("{label}/c")));
        let at = now.to_zoned(TimeZone::UTC);
        let at = at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!(
            "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
        );
        Answer::json(
            status,
            json!({
                "error": error,
                "error_description": description,
                "error_codes": [code],
                "timestamp": at,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
            }),
        )
    }

    pub(super) fn grant_refused(&mut self, code: u32, text: &str, now: Timestamp) -> Answer {
        self.refused(400, "invalid_grant", code, text, now)
    }

    pub(super) fn missing(&mut self, parameter: &str, now: Timestamp) -> Answer {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        self.refused(400, "invalid_request", 900_144, &text, now)
    }

    pub(super) fn unknown_app(&mut self, client: &str, tenant: &str, now: Timestamp) -> Answer {
        let text = unknown_app(client, tenant);
        self.refused(400, "unauthorized_client", 700_016, &text, now)
    }

    /// The answer to a fault of this CRM's own.
    pub(super) fn named_fault(&mut self, name: &str, now: Timestamp) -> Answer {
        match name {
            "consent_required" => {
                let text = format!(
                    "The user or administrator has not consented to use the application with ID '{}'. Send an \
                     interactive authorization request for this user and resource.",
                    self.client_id
                );
                self.grant_refused(65001, &text, now)
            }
            "interaction_required" => {
                let text = "Due to a configuration change made by your administrator, or because you moved to a new \
                            location, you must use multi-factor authentication to access the resource.";
                self.refused(400, "interaction_required", 50076, text, now)
            }
            _ => {
                let text = "A transient error has occurred. Please try again.";
                self.refused(503, "temporarily_unavailable", 90033, text, now)
            }
        }
    }
}

pub(super) fn unknown_app(client: &str, tenant: &str) -> String {
    format!(
        "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the \
         application has not been installed by the administrator of the tenant or consented to by any user in the \
         tenant. You may have sent your authentication request to the wrong tenant."
    )
}
