//! What the queue should do now.
//!
//! Every failure, wherever it happens, is turned into one of these. A `match` on a verdict has no
//! `_` arm, so a new verdict is a decision everywhere it matters.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connection::Cause;

/// A field the CRM refused, or that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldFault {
    /// The CRM's name of the field; empty when the record as a whole was refused.
    pub field: String,
    /// The CRM's error code, or ours.
    pub code: String,
    /// What a person can do about it. Never a value of the record.
    pub message: String,
}

/// What a limit covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This connection's CRM account.
    Connection,
    /// Our application as a whole.
    App,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// A newer or equal revision is in the CRM already.
    Stale,
    /// The CRM holds exactly this content already.
    SameContent,
    /// Nobody outside the organization took part.
    InternalOnly,
    /// The connection is paused, not approved, or gone.
    ConnectionOff,
    /// Only a summary or insights are known of the session: they go with it once it comes.
    SessionUnknown,
    /// Nothing is known of the session (it was erased, or its retention ended).
    SessionGone,
    /// The webhook is deleted.
    WebhookGone,
    /// The event is not kept: it came before the webhook, was erased, or its time ended.
    EventGone,
}

impl SkipReason {
    /// The words a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Stale => "a newer version is in the CRM already",
            Self::SameContent => "the CRM holds exactly this already",
            Self::InternalOnly => "nobody outside the organization took part",
            Self::ConnectionOff => "the connection is gone",
            Self::SessionUnknown => "it goes with its session once that comes",
            Self::SessionGone => "the session was erased or its retention ended",
            Self::WebhookGone => "the webhook is gone",
            Self::EventGone => {
                "the event is not kept: it is older than the webhook or 30 days, or was erased"
            }
        }
    }
}

/// The answer to one question: what should the queue do now?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Written, or found already written, under this id of the CRM.
    Done {
        /// The CRM's id of the record; empty where the CRM does not say.
        id: String,
    },
    /// Filtered, stale, or an echo of our own write.
    Skip(SkipReason),
    /// Network, timeout, 5xx, a lock held by somebody else: again, with backoff.
    Retry {
        /// The wait the other side asked for.
        after: Option<Duration>,
        /// What happened, for the log and the delivery.
        reason: String,
    },
    /// A limit was reached: hide until then, and slow the whole scope.
    Throttle {
        /// When to come again.
        until: Timestamp,
        /// What the limit covers.
        scope: Scope,
    },
    /// The access token is expired: refresh once and send again.
    Refresh,
    /// The grant is revoked or lacks a scope: the customer has to connect again.
    Reauthorize {
        /// What is wrong with the grant.
        cause: Cause,
        /// What the CRM said.
        reason: String,
    },
    /// This record is invalid and will stay so.
    Reject(Vec<FieldFault>),
    /// No mapping, an unknown object, a field that is not there: an operator or admin has to act.
    Misconfigured {
        /// What is missing and where to mend it.
        reason: String,
    },
    /// Our invariant broke, or the reply cannot be read.
    Bug {
        /// What broke.
        reason: String,
    },
}

impl Verdict {
    /// The verdict's name in logs and in the delivery.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Skip(_) => "skip",
            Self::Retry { .. } => "retry",
            Self::Throttle { .. } => "throttle",
            Self::Refresh => "refresh",
            Self::Reauthorize { .. } => "reauthorize",
            Self::Reject(_) => "reject",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Bug { .. } => "bug",
        }
    }
}
