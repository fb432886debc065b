//! The keys of what is derived, and of what is no tenant's.

use hub_domain::{ConnectionId, CrmId, EventId, OrganizationId, Timestamp};

use super::{Class, Key, hex, partition};

impl Key {
    /// The head of an audit log.
    pub(in crate::store) fn audit_head(organization: &OrganizationId) -> Self {
        Self::audit(organization, "head".to_owned())
    }

    /// The leaves of an audit log from one on that were appended together.
    pub(in crate::store) fn audit_leaves(organization: &OrganizationId, first: u64) -> Self {
        Self::audit(organization, format!("leaf#{first:020}"))
    }

    /// The checkpoint of an audit log at a size.
    pub(in crate::store) fn audit_checkpoint(organization: &OrganizationId, size: u64) -> Self {
        Self::audit(organization, format!("chk#{size:020}"))
    }

    fn audit(organization: &OrganizationId, sk: String) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Audit, ""),
            sk,
        }
    }

    /// What the leaves commit to that were appended together, from this index on.
    pub(in crate::store) fn evidence(organization: &OrganizationId, first: u64) -> Self {
        let first = format!("{first:020}");
        Self {
            pk: partition(organization.as_str(), Class::Evidence, &first),
            sk: format!("evid#{first}"),
        }
    }

    /// The limiter of a CRM account, whose id stands there in hex; of a connection whose account is not
    /// known, or of a webhook, its own.
    pub(in crate::store) fn limiter(organization: &OrganizationId, crm: &CrmId, of: &str) -> Self {
        Self {
            pk: partition(organization.as_str(), Class::Limiter, ""),
            sk: format!("{crm}#{of}"),
        }
    }

    pub(in crate::store) fn unsealed(organization: &OrganizationId) -> Self {
        Self {
            pk: partition("-", Class::Unsealed, organization.as_str()),
            sk: organization.to_string(),
        }
    }

    /// The partition of the events of the hub itself about an organization.
    pub(in crate::store) fn notices(organization: &OrganizationId) -> String {
        partition(organization.as_str(), Class::Notice, "")
    }

    /// An event of the hub itself, by its time.
    pub(in crate::store) fn notice(
        organization: &OrganizationId,
        at: Timestamp,
        id: &EventId,
    ) -> Self {
        Self {
            pk: Self::notices(organization),
            sk: format!("{:013}#{id}", at.as_millisecond()),
        }
    }

    pub(in crate::store) fn daily(organization: &OrganizationId) -> Self {
        Self {
            pk: partition("-", Class::Daily, organization.as_str()),
            sk: format!("daily#{organization}"),
        }
    }

    pub(in crate::store) fn oauth_state(state_hash: &str) -> Self {
        Self {
            pk: partition("-", Class::OAuthState, state_hash),
            sk: state_hash.to_owned(),
        }
    }

    /// What passes between two requests of one browser.
    pub(in crate::store) fn handoff(handle_hash: &str) -> Self {
        Self {
            pk: partition("-", Class::OAuthState, handle_hash),
            sk: format!("handle#{handle_hash}"),
        }
    }

    /// The partition of a CRM account, and what the keys of its connections begin with. The account's
    /// id comes from the CRM, so it stands there in hex.
    pub(in crate::store) fn accounts(crm: &CrmId, account: &str) -> (String, String) {
        (
            partition("-", Class::Account, account),
            format!("{crm}#{}#", hex(account)),
        )
    }

    pub(in crate::store) fn account(
        crm: &CrmId,
        account: &str,
        organization: &OrganizationId,
        connection: &ConnectionId,
    ) -> Self {
        let (pk, prefix) = Self::accounts(crm, account);
        Self {
            pk,
            sk: format!("{prefix}{organization}#{connection}"),
        }
    }
}
