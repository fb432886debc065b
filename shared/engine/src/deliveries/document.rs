//! What `retry_all` takes, as the document of the API (OpenAPI) describes it. Nothing is read with this
//! type; `null` is the same as absent.

use hub_domain::{ConnectionId, SessionId, Timestamp, WebhookId, ledger::DeliveryStatus};
use utoipa::ToSchema;

use crate::connections::document::Crm;

/// Which deliveries to try again: those that fit everything that is given, and all that failed where
/// nothing is. `{"field": "Stage", "since": "2026-11-17T00:00:00Z"}` are all that failed for this field
/// since Tuesday.
#[derive(Debug, ToSchema)]
#[schema(as = RetryDeliveries, example = json!({ "dry_run": true }))]
#[serde(deny_unknown_fields)]
pub struct AgainBody {
    /// Only those that stand like this; `parked` and `dead_lettered` where it is absent.
    pub status: Option<DeliveryStatus>,
    /// Only those to this CRM.
    pub crm: Option<Crm>,
    /// Only those of this connection.
    pub connection: Option<ConnectionId>,
    /// Only those to this webhook.
    pub webhook: Option<WebhookId>,
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Only those with this verdict, like `reject`.
    #[schema(max_length = 255)]
    pub verdict: Option<String>,
    /// Only those of which the CRM refused this field, or with this error code.
    #[schema(max_length = 255)]
    pub field: Option<String>,
    /// Only those that changed last at or after this moment.
    pub since: Option<Timestamp>,
    /// Only those that changed last before this moment.
    pub until: Option<Timestamp>,
    /// Only says how many there are and which: nothing is tried again.
    pub dry_run: Option<bool>,
    /// `next` of the answer before, to the same question.
    #[schema(max_length = 4096)]
    pub cursor: Option<String>,
}
