//! What of an organization's credentials somebody should do something about, before it stops working:
//! secrets that are older than the policy, grants that are about to lapse.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{connection::Method, notice::Kind};

/// The age in days from which a secret is old, where nobody set another: what auditors ask for most
/// (PCI DSS 8.3.9 of version 4 for passwords; AWS Config's rule `access-keys-rotated`).
/// <https://docs.aws.amazon.com/config/latest/developerguide/access-keys-rotated.html>
pub const CREDENTIAL_DAYS: u32 = 90;
/// A secret that stays old is named again after so many days.
const AGAIN_DAYS: u32 = 30;
/// A grant that lapses is named so many days before.
const BEFORE_LAPSE_DAYS: [u32; 3] = [14, 7, 2];

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// A key that somebody copied from the CRM.
    ApiKey,
    /// The secret of the customer's own application.
    ClientSecret,
    /// The private key of the customer's own application.
    PrivateKey,
    /// What the deliveries of a webhook are signed with.
    WebhookSecret,
}

impl Secret {
    /// What a connection by this method has of its own.
    pub fn of(method: Method) -> Self {
        match method {
            Method::ApiKey => Self::ApiKey,
            Method::JwtBearer => Self::PrivateKey,
            Method::AuthorizationCode | Method::ClientCredentials => Self::ClientSecret,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::ApiKey => "the API key",
            Self::ClientSecret => "the client secret",
            Self::PrivateKey => "the private key",
            Self::WebhookSecret => "the signing secret",
        }
    }
}

/// Something to be reminded of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reminder {
    /// A secret is older than the policy.
    Old {
        /// Which.
        secret: Secret,
        /// Since when it is the one it is.
        since: Timestamp,
        /// Its age in whole days.
        age_days: u32,
        /// The policy.
        policy_days: u32,
        /// When it became due, this time.
        due_at: Timestamp,
    },
    /// A grant ends by itself.
    Lapses {
        /// When.
        at: Timestamp,
        /// When it became due, this time.
        due_at: Timestamp,
    },
}

impl Reminder {
    /// What is said of a secret, if anything.
    pub fn of_secret(
        secret: Secret,
        since: Timestamp,
        policy_days: u32,
        now: Timestamp,
    ) -> Option<Self> {
        let age = Duration::try_from(now.duration_since(since)).ok()?;
        let age_days = u32::try_from(age.as_secs() / (24 * 3600)).ok()?;
        let over = age_days.checked_sub(policy_days)?;
        let due_days = policy_days + over / AGAIN_DAYS * AGAIN_DAYS;
        Some(Self::Old {
            secret,
            since,
            age_days,
            policy_days,
            due_at: since.checked_add(days(due_days)).ok()?,
        })
    }

    /// What is said of a grant that ends then, if anything.
    pub fn of_grant(at: Timestamp, now: Timestamp) -> Option<Self> {
        let due = |before: &u32| at.checked_sub(days(*before)).ok();
        let due_at = BEFORE_LAPSE_DAYS
            .iter()
            .filter_map(due)
            .filter(|due_at| *due_at <= now)
            .max()?;
        Some(Self::Lapses { at, due_at })
    }

    /// When it became due: the same for as long as the same is said.
    pub fn due_at(&self) -> Timestamp {
        match self {
            Self::Old { due_at, .. } | Self::Lapses { due_at, .. } => *due_at,
        }
    }

    /// What kind of event says it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Old { .. } => Kind::CredentialOld,
            Self::Lapses { .. } => Kind::GrantLapsing,
        }
    }

    /// What a person should do.
    pub fn advice(&self) -> String {
        match self {
            Self::Old {
                secret: secret @ Secret::WebhookSecret,
                age_days,
                policy_days,
                ..
            } => format!(
                "{} is {age_days} days old, and {policy_days} are allowed: rotate it",
                secret.words()
            ),
            Self::Old {
                secret,
                age_days,
                policy_days,
                ..
            } => format!(
                "{} is {age_days} days old, and {policy_days} are allowed: make another at the CRM and enter it here",
                secret.words()
            ),
            Self::Lapses { at, .. } => {
                format!("the access lapses at {at}: connect it again before")
            }
        }
    }
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24 * u64::from(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> Timestamp {
        format!("{day}T09:00:00Z").parse().unwrap()
    }

    #[test]
    fn a_secret_is_named_at_the_policy_and_each_thirty_days_after() {
        let since = at("2026-01-01");
        for (now, due, age) in [
            ("2026-03-31", None, 89),
            ("2026-04-01", Some("2026-04-01"), 90),
            ("2026-04-30", Some("2026-04-01"), 119),
            ("2026-05-01", Some("2026-05-01"), 120),
            ("2026-06-05", Some("2026-05-31"), 155),
        ] {
            let found = Reminder::of_secret(Secret::ApiKey, since, 90, at(now));
            assert_eq!(
                found,
                due.map(|due| Reminder::Old {
                    secret: Secret::ApiKey,
                    since,
                    age_days: age,
                    policy_days: 90,
                    due_at: at(due),
                }),
                "{now}"
            );
        }
        // A clock that is behind.
        assert_eq!(
            Reminder::of_secret(Secret::ApiKey, since, 0, at("2025-12-31")),
            None
        );
    }

    #[test]
    fn a_grant_is_named_three_times_before_it_lapses() {
        let lapses = at("2026-12-31");
        for (now, due) in [
            ("2026-12-16", None),
            ("2026-12-17", Some("2026-12-17")),
            ("2026-12-23", Some("2026-12-17")),
            ("2026-12-24", Some("2026-12-24")),
            ("2026-12-29", Some("2026-12-29")),
            ("2027-01-05", Some("2026-12-29")),
        ] {
            let found = Reminder::of_grant(lapses, at(now)).map(|reminder| reminder.due_at());
            assert_eq!(found, due.map(at), "{now}");
        }
    }
}
