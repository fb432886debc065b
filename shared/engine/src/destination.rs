//! Where deliveries go, as far as waiting is concerned: whether a connection or webhook is there, and in use.

use hub_aws::AwsError;
use hub_connectors::WEBHOOKS;
use hub_domain::{Connection, ConnectionState, CrmId, OrganizationId, Subject, Webhook};

use crate::{held, hub::Hub};

/// What a destination is like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// It is deleted, or was ended.
    Gone,
    /// Somebody has to take it into use.
    Waits,
    /// It takes deliveries, by queues of this name.
    InUse(CrmId),
}

impl Destination {
    /// A connection.
    pub(crate) fn of_connection(connection: Option<&Connection>) -> Self {
        match connection {
            None => Self::Gone,
            Some(one) if one.state == ConnectionState::Disconnected => Self::Gone,
            Some(one) if held::is_in_use(one) => Self::InUse(one.crm.clone()),
            Some(_) => Self::Waits,
        }
    }

    /// A webhook.
    pub(crate) fn of_webhook(webhook: Option<&Webhook>) -> Self {
        match webhook {
            None => Self::Gone,
            Some(one) if one.deleting => Self::Gone,
            Some(one) if !one.active => Self::Waits,
            Some(_) => webhooks().map_or(Self::Gone, Self::InUse),
        }
    }

    /// That of a delivery, at most half a minute old.
    pub(crate) async fn of(
        hub: &Hub,
        organization: &OrganizationId,
        subject: &Subject,
    ) -> Result<Self, AwsError> {
        Ok(match subject {
            Subject::Session { connection, .. } => {
                let known = hub.connections(organization).await?;
                Self::of_connection(known.iter().find(|one| one.id == *connection))
            }
            Subject::Event { webhook, .. } => {
                let known = hub.webhooks(organization).await?;
                Self::of_webhook(known.iter().find(|one| one.id == *webhook))
            }
        })
    }
}

/// What the queues of webhooks are named by.
pub(crate) fn webhooks() -> Option<CrmId> {
    WEBHOOKS.parse().ok()
}
