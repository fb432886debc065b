//! The limiter of a CRM account: one small item, read and written whole.
//!
//! It is no change that anything is derived from: its sort key begins with the CRM's name, which the
//! filter of the stream leaves out.

use hub_domain::{Connection, CrmId, OrganizationId, Webhook, limiter::Limiter};

use super::{
    Store, as_document,
    attributes::{Item, must, number, number_of},
    document,
    keys::{Key, hex},
};
use crate::error::AwsError;

/// How long an item outlives its last write, in seconds: a week, after which nothing in it counts.
const KEPT_S: i64 = 7 * 86_400;

/// A limiter as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimiterItem {
    /// Raised by each write; 0 where there is none yet.
    pub version: u64,
    /// What it says.
    pub limiter: Limiter,
}

/// Whose limiter it is: a CRM account's, that of a connection whose account is not known, or a webhook's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LimiterOf {
    organization: OrganizationId,
    crm: CrmId,
    of: String,
}

impl LimiterOf {
    /// A webhook's, whose queues are named so.
    pub fn webhook(webhook: &Webhook, queues: &CrmId) -> Self {
        Self {
            organization: webhook.organization.clone(),
            crm: queues.clone(),
            of: webhook.id.to_string(),
        }
    }

    /// The CRM, or what stands for webhooks.
    pub fn crm(&self) -> &CrmId {
        &self.crm
    }

    /// The account in hex, the connection or the webhook.
    pub fn of(&self) -> &str {
        &self.of
    }

    fn key(&self) -> Key {
        Key::limiter(&self.organization, &self.crm, &self.of)
    }
}

impl From<&Connection> for LimiterOf {
    fn from(connection: &Connection) -> Self {
        let account = connection.account.as_deref();
        Self {
            organization: connection.organization.clone(),
            crm: connection.crm.clone(),
            // The account's id is the CRM's, so it may hold anything.
            of: account.map_or_else(|| connection.id.to_string(), hex),
        }
    }
}

impl From<&LimiterOf> for LimiterOf {
    fn from(of: &LimiterOf) -> Self {
        of.clone()
    }
}

impl Store {
    /// A limiter, as it stands now.
    pub async fn limiter(&self, of: impl Into<LimiterOf>) -> Result<LimiterItem, AwsError> {
        let Some(item) = self.get(&of.into().key(), true).await? else {
            return Ok(LimiterItem::default());
        };
        Ok(LimiterItem {
            version: must(number_of(&item, "v"), "a limiter")?,
            limiter: document(&item)?,
        })
    }

    /// Writes a limiter that was read at `before`, and answers its version. One write unit: it is
    /// below 1 KB. [`AwsError::Conflict`]: somebody wrote it meanwhile.
    pub async fn put_limiter(
        &self,
        of: impl Into<LimiterOf>,
        limiter: &Limiter,
        before: u64,
        now: i64,
    ) -> Result<u64, AwsError> {
        let mut item = of.into().key().attributes();
        item.insert("d".to_owned(), as_document(limiter)?);
        item.insert("v".to_owned(), number(before + 1));
        item.insert("ttl".to_owned(), number(now / 1_000 + KEPT_S));
        let (condition, values) = if before == 0 {
            ("attribute_not_exists(pk)", Item::new())
        } else {
            ("v = :v", Item::from([(":v".to_owned(), number(before))]))
        };
        self.put(item, Some(condition), values).await?;
        Ok(before + 1)
    }
}
