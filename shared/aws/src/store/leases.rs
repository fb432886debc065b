//! Leases: who may write something that has no compare-and-swap of its own.

use hub_domain::OrganizationId;

use super::{
    Store,
    attributes::{Item, number, text},
    keys::Key,
};
use crate::error::{AwsError, classify};

/// A lease that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose.
    pub organization: OrganizationId,
    /// Of what.
    pub name: String,
    /// Who holds it.
    pub holder: String,
}

impl Store {
    /// Takes a lease until `until` (milliseconds since 1970). [`AwsError::Conflict`]: somebody
    /// else holds it.
    pub async fn lease(
        &self,
        organization: &OrganizationId,
        name: &str,
        holder: &str,
        now: i64,
        until: i64,
    ) -> Result<Lease, AwsError> {
        let mut item = Key::lease(organization, name).attributes();
        item.insert("w".to_owned(), text(holder));
        item.insert("lu".to_owned(), number(until));
        item.insert("ttl".to_owned(), number(until / 1000 + 86_400));
        let values = Item::from([
            (":now".to_owned(), number(now)),
            (":w".to_owned(), text(holder)),
        ]);
        self.put(
            item,
            Some("attribute_not_exists(pk) OR lu <= :now OR w = :w"),
            values,
        )
        .await?;
        Ok(Lease {
            organization: organization.clone(),
            name: name.to_owned(),
            holder: holder.to_owned(),
        })
    }

    /// Gives a lease back; one that somebody else has taken over since is left alone.
    pub async fn release(&self, lease: &Lease) -> Result<(), AwsError> {
        let outcome = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(
                Key::lease(&lease.organization, &lease.name).attributes(),
            ))
            .condition_expression("w = :w")
            .expression_attribute_values(":w", text(&lease.holder))
            .send()
            .await
            .map_err(|error| classify("dynamodb:DeleteItem", error));
        match outcome {
            Ok(_) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
