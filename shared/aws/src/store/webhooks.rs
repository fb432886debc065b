//! Webhook configurations.

use hub_domain::{OrganizationId, Webhook, WebhookId};

use super::{
    Store, as_document,
    attributes::{Item, number},
    document,
    keys::{Class, Key, partition},
};
use crate::error::{AwsError, classify};

impl Store {
    /// The webhooks of an organization, by id; those whose deletion has begun too.
    pub async fn webhooks(&self, organization: &OrganizationId) -> Result<Vec<Webhook>, AwsError> {
        let items = self
            .query(&partition(organization.as_str(), Class::Webhook, ""), "")
            .await?;
        items.iter().map(document).collect()
    }

    /// One webhook, as it stands now.
    pub async fn webhook(
        &self,
        organization: &OrganizationId,
        id: &WebhookId,
    ) -> Result<Option<Webhook>, AwsError> {
        self.document(&Key::webhook(organization, id), true).await
    }

    /// Writes a webhook whose version was raised by one since it was read; version 1 is a new one.
    /// [`AwsError::Conflict`] means somebody else changed it.
    pub async fn put_webhook(&self, webhook: &Webhook) -> Result<(), AwsError> {
        let mut item = Key::webhook(&webhook.organization, &webhook.id).attributes();
        item.insert("d".to_owned(), as_document(webhook)?);
        item.insert("v".to_owned(), number(webhook.version));
        if webhook.version <= 1 {
            return self
                .put(item, Some("attribute_not_exists(pk)"), Item::new())
                .await;
        }
        let before = Item::from([(":before".to_owned(), number(webhook.version - 1))]);
        self.put(item, Some("v = :before"), before).await
    }

    /// Deletes a webhook, of whatever version. It may be repeated.
    pub async fn delete_webhook(
        &self,
        organization: &OrganizationId,
        id: &WebhookId,
    ) -> Result<(), AwsError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::webhook(organization, id).attributes()))
            .send()
            .await
            .map_err(|error| classify("dynamodb:DeleteItem", error))?;
        Ok(())
    }
}
