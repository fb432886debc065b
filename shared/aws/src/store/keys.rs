//! The keys of the table.
//!
//! A partition key is `{org}#{class}#{shard}`: IAM policies bind a function to classes by
//! `dynamodb:LeadingKeys`, and no partition of a busy organization runs hot. Classes that are not a
//! tenant's have `-` as organization.

mod derived;

use hub_domain::{ConnectionId, CrmId, EventId, OrganizationId, SessionId, Subject, WebhookId};

use super::attributes::{Item, text};

/// What kind of item a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The organization itself.
    Organization,
    /// Events that were accepted.
    Event,
    /// Sessions and their transcripts, sealed.
    Session,
    /// Connections.
    Connection,
    /// Mappings that replace a manifest's default.
    Mapping,
    /// Access tokens and rotating refresh tokens, sealed.
    Token,
    /// Who may write the organization's credentials.
    Lease,
    /// Ledger and deliveries.
    Delivery,
    /// Webhook configurations.
    Webhook,
    /// What is used of what the plan allows.
    Usage,
    /// The audit log: head, leaves, checkpoints.
    Audit,
    /// What the leaves of the audit log commit to.
    Evidence,
    /// Events of the hub itself about the organization.
    Notice,
    /// The limiters of CRM accounts.
    Limiter,
    /// Authorizations under way; not a tenant's.
    OAuthState,
    /// Which connections lead to a CRM account; not a tenant's.
    Account,
    /// The index of held work; not a tenant's.
    Held,
    /// Which audit logs have leaves that no checkpoint covers; not a tenant's.
    Unsealed,
    /// When each organization is looked at next; not a tenant's.
    Daily,
}

/// The classes under an organization, by their name in keys and policies.
pub const TENANT_CLASSES: &[&str] = &[
    "org", "event", "session", "conn", "map", "token", "lease", "dlv", "hook", "usage", "audit",
    "evid", "notice", "limit",
];
/// The classes under `-`: a closed list.
pub const GLOBAL_CLASSES: &[&str] = &["oauth", "account", "held", "unsealed", "daily"];

impl Class {
    /// Its name in keys and policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "org",
            Self::Event => "event",
            Self::Session => "session",
            Self::Connection => "conn",
            Self::Mapping => "map",
            Self::Token => "token",
            Self::Lease => "lease",
            Self::Delivery => "dlv",
            Self::Webhook => "hook",
            Self::Usage => "usage",
            Self::Audit => "audit",
            Self::Evidence => "evid",
            Self::Notice => "notice",
            Self::Limiter => "limit",
            Self::OAuthState => "oauth",
            Self::Account => "account",
            Self::Held => "held",
            Self::Unsealed => "unsealed",
            Self::Daily => "daily",
        }
    }

    /// How many partitions it is spread over. A partition takes 1,000 write units a second, and a
    /// delivery costs two: eight shards carry 4,000 deliveries a second of one organization.
    pub fn shards(self) -> u32 {
        match self {
            Self::Event
            | Self::Session
            | Self::Delivery
            | Self::Evidence
            | Self::OAuthState
            | Self::Account
            | Self::Held
            | Self::Unsealed
            | Self::Daily => 8,
            Self::Organization
            | Self::Connection
            | Self::Mapping
            | Self::Token
            | Self::Lease
            | Self::Webhook
            | Self::Usage
            | Self::Audit
            | Self::Notice
            | Self::Limiter => 1,
        }
    }
}

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// FNV-1a: stable for ever, which `std`'s hasher does not promise.
pub(super) fn shard(of: &str, shards: u32) -> u32 {
    of.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    }) % shards
}

/// The partition of a class of an organization that holds what is spread by `of`.
pub(super) fn partition(organization: &str, class: Class, of: &str) -> String {
    partition_number(organization, class, shard(of, class.shards()))
}

/// A partition by its number.
pub(super) fn partition_number(organization: &str, class: Class, shard: u32) -> String {
    format!("{organization}#{}#{shard}", class.name())
}

/// A partition of the index of held work: by CRM, so that each is released at its own pace, and by
/// organization within it.
pub(super) fn held_partition(crm: &CrmId, shard: u32) -> String {
    format!("-#{}#{crm}#{shard}", Class::Held.name())
}

/// A text of the CRM's in hex: it may contain anything.
pub(super) fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
        hex
    })
}

/// The partition of the same index that holds the notes of releases.
pub(super) fn notes_partition(crm: &CrmId) -> String {
    format!("-#{}#{crm}#notes", Class::Held.name())
}

impl Key {
    pub(super) fn organization(organization: &OrganizationId) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Organization, ""),
            sk: "org".to_owned(),
        }
    }

    pub(super) fn event(organization: &OrganizationId, event: &EventId) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Event, event.as_str()),
            sk: event.to_string(),
        }
    }

    pub(super) fn session(organization: &OrganizationId, session: &SessionId) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Session, session.as_str()),
            sk: session.to_string(),
        }
    }

    /// A piece of something of the session that is too large for its item.
    pub(super) fn session_piece(
        organization: &OrganizationId,
        session: &SessionId,
        what: &str,
        index: usize,
    ) -> Self {
        let Self { pk, sk } = Self::session(organization, session);
        Self {
            pk,
            sk: format!("{sk}#{what}#{index:03}"),
        }
    }

    pub(super) fn connection(organization: &OrganizationId, connection: &ConnectionId) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Connection, ""),
            sk: connection.to_string(),
        }
    }

    pub(super) fn mapping(
        organization: &OrganizationId,
        connection: &ConnectionId,
        version: u32,
    ) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Mapping, ""),
            sk: format!("{connection}#{version:010}"),
        }
    }

    pub(super) fn token(organization: &OrganizationId, connection: &ConnectionId) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Token, ""),
            sk: connection.to_string(),
        }
    }

    pub(super) fn lease(organization: &OrganizationId, name: &str) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Lease, ""),
            sk: name.to_owned(),
        }
    }

    pub(super) fn delivery(organization: &OrganizationId, subject: &Subject) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Delivery, subject.matter()),
            sk: subject.to_string(),
        }
    }

    pub(super) fn webhook(organization: &OrganizationId, webhook: &WebhookId) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Webhook, ""),
            sk: webhook.to_string(),
        }
    }

    pub(super) fn connections_in_use(organization: &OrganizationId) -> Self {
        Self::usage(organization, "connections".to_owned())
    }

    /// The syncs of a month, as in `2026-11`.
    pub(super) fn syncs(organization: &OrganizationId, month: &str) -> Self {
        Self::usage(organization, format!("syncs#{month}"))
    }

    /// That an event of a connection is counted.
    pub(super) fn sync(
        organization: &OrganizationId,
        event: &EventId,
        connection: &ConnectionId,
    ) -> Self {
        Self::usage(organization, format!("sync#{connection}#{event}"))
    }

    /// The partition that holds when connections delivered last, and what their keys begin with.
    pub(super) fn last_syncs(organization: &OrganizationId) -> (String, String) {
        let prefix = "last#".to_owned();
        (partition(organization.as_str(), Class::Usage, ""), prefix)
    }

    pub(super) fn last_sync(organization: &OrganizationId, connection: &ConnectionId) -> Self {
        Self::usage(organization, format!("last#{connection}"))
    }

    /// That the held work of a connection or webhook goes on.
    pub(super) fn release(organization: &OrganizationId, destination: &str) -> Self {
        Self::usage(organization, format!("release#{destination}"))
    }

    fn usage(organization: &OrganizationId, sk: String) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Usage, ""),
            sk,
        }
    }

    /// The key as DynamoDB takes it.
    pub(super) fn attributes(&self) -> Item {
        Item::from([
            ("pk".to_owned(), text(&self.pk)),
            ("sk".to_owned(), text(&self.sk)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_the_policies_expect_and_never_move() {
        let (org, session) = ("org_1".parse().unwrap(), "ses_1".parse().unwrap());
        let connection = "conn_1".parse().unwrap();
        let key = Key::delivery(&org, &Subject::session_to(&connection, &session));
        assert_eq!(key.sk, "conn_1#ses_1");
        assert_eq!(
            key.pk,
            Key::session(&org, &session)
                .pk
                .replace("#session#", "#dlv#")
        );
        // A shard that moved would hide what is stored under the old one.
        assert_eq!(
            ["ses_1", "ses_2", "ses_3"].map(|of| shard(of, 8)),
            [2, 7, 4]
        );
        assert_eq!(Key::organization(&org).pk, "org_1#org#0");
        // The stream's filter takes `org` and what begins with `conn_`: a limiter is neither.
        let crm = "acme".parse().unwrap();
        let limiter = |of: &str| Key::limiter(&org, &crm, of).sk;
        assert_eq!(limiter(&hex("00D#1")), "acme#3030442331");
        assert_eq!(limiter("conn_1"), "acme#conn_1");
        assert!(Key::oauth_state("abc").pk.starts_with("-#oauth#"));
    }

    #[test]
    fn the_lists_of_classes_are_whole() {
        let all = [
            Class::Organization,
            Class::Event,
            Class::Session,
            Class::Connection,
            Class::Mapping,
            Class::Token,
            Class::Lease,
            Class::Delivery,
            Class::Webhook,
            Class::Usage,
            Class::Audit,
            Class::Evidence,
            Class::Notice,
            Class::Limiter,
            Class::OAuthState,
            Class::Account,
            Class::Held,
            Class::Unsealed,
            Class::Daily,
        ];
        let listed: Vec<&str> = TENANT_CLASSES
            .iter()
            .chain(GLOBAL_CLASSES)
            .copied()
            .collect();
        assert_eq!(all.map(Class::name).to_vec(), listed);
    }
}
