//! The limiter of a CRM account: one small item, read and written whole.
//!
//! It is no change that anything is derived from: its sort key begins with the CRM's name, which the
//! filter of the stream leaves out.

use hub_domain::{Connection, limiter::Limiter};

use super::{
    Store, as_document,
    attributes::{Item, must, number, number_of},
    document,
    keys::Key,
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

fn key(connection: &Connection) -> Key {
    let account = connection.account.as_deref().ok_or(&connection.id);
    Key::limiter(&connection.organization, &connection.crm, account)
}

impl Store {
    /// The limiter of a connection's CRM account, as it stands now.
    pub async fn limiter(&self, connection: &Connection) -> Result<LimiterItem, AwsError> {
        let Some(item) = self.get(&key(connection), true).await? else {
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
        connection: &Connection,
        limiter: &Limiter,
        before: u64,
        now: i64,
    ) -> Result<u64, AwsError> {
        let mut item = key(connection).attributes();
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
