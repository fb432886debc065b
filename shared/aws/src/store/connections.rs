//! Connections and mappings.

use hub_domain::{Connection, ConnectionId, Mapping, OrganizationId};

use super::{
    Store, as_document,
    attributes::{Item, number},
    document,
    keys::{Class, Key, partition},
};
use crate::error::AwsError;

impl Store {
    /// The connections of an organization, by id.
    pub async fn connections(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<Connection>, AwsError> {
        let items = self
            .query(&partition(organization.as_str(), Class::Connection, ""), "")
            .await?;
        items.iter().map(document).collect()
    }

    /// One connection, as it stands now.
    pub async fn connection(
        &self,
        organization: &OrganizationId,
        id: &ConnectionId,
    ) -> Result<Option<Connection>, AwsError> {
        self.document(&Key::connection(organization, id), true)
            .await
    }

    /// Writes a connection whose version was raised by one since it was read; version 1 is a new
    /// one. [`AwsError::Conflict`] means somebody else changed it.
    pub async fn put_connection(&self, connection: &Connection) -> Result<(), AwsError> {
        let mut item = Key::connection(&connection.organization, &connection.id).attributes();
        item.insert("d".to_owned(), as_document(connection)?);
        item.insert("v".to_owned(), number(connection.version));
        if connection.version <= 1 {
            return self
                .put(item, Some("attribute_not_exists(pk)"), Item::new())
                .await;
        }
        let before = Item::from([(":before".to_owned(), number(connection.version - 1))]);
        self.put(item, Some("v = :before"), before).await
    }

    /// One version of a connection's mapping.
    pub async fn mapping(
        &self,
        organization: &OrganizationId,
        connection: &ConnectionId,
        version: u32,
    ) -> Result<Option<Mapping>, AwsError> {
        self.document(&Key::mapping(organization, connection, version), false)
            .await
    }
}
