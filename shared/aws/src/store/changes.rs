//! What a change of the table says: the stored thing as it was and as it is.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use hub_domain::{
    Attribute, Connection, ConnectionId, Image, Mapping, Organization, TableChange, Webhook,
    ledger::LedgerEntry,
};
use serde::de::DeserializeOwned;

use super::{
    attributes::{Item, must},
    document,
    entry::entry,
    keys::Class,
};
use crate::error::AwsError;

/// A stored thing before and after; of each at least one is there.
#[derive(Debug, Clone)]
pub enum Changed {
    /// An organization.
    Organization(Option<Organization>, Option<Organization>),
    /// A connection.
    Connection(Option<Box<Connection>>, Option<Box<Connection>>),
    /// A version of a connection's mapping.
    Mapping {
        /// Whose.
        connection: ConnectionId,
        /// Which version.
        version: u32,
        /// What it says; `None` when it is gone.
        mapping: Option<Mapping>,
    },
    /// A webhook.
    Webhook(Option<Box<Webhook>>, Option<Box<Webhook>>),
    /// A delivery.
    Delivery(Option<Box<LedgerEntry>>, Option<Box<LedgerEntry>>),
}

/// What a change says; `None` for a class that it knows nothing of.
///
/// # Errors
/// The item is of a class it knows and cannot be read.
pub fn changed(change: &TableChange) -> Result<Option<Changed>, AwsError> {
    let Some((_, class)) = change.place() else {
        return Ok(None);
    };
    Ok(Some(if class == Class::Organization.name() {
        Changed::Organization(of(change.old.as_ref())?, of(change.new.as_ref())?)
    } else if class == Class::Connection.name() {
        Changed::Connection(of(change.old.as_ref())?, of(change.new.as_ref())?)
    } else if class == Class::Webhook.name() {
        Changed::Webhook(of(change.old.as_ref())?, of(change.new.as_ref())?)
    } else if class == Class::Mapping.name() {
        const WHAT: &str = "a mapping's key";
        let (connection, version) = must(change.sk.split_once('#'), WHAT)?;
        Changed::Mapping {
            connection: must(connection.parse().ok(), WHAT)?,
            version: must(version.parse().ok(), WHAT)?,
            mapping: of(change.new.as_ref())?,
        }
    } else if class == Class::Delivery.name() {
        let read = |image: Option<&Image>| {
            let found = image.map(|image| entry(&item(image)).map(Box::new));
            found.transpose()
        };
        Changed::Delivery(read(change.old.as_ref())?, read(change.new.as_ref())?)
    } else {
        return Ok(None);
    }))
}

fn of<T: DeserializeOwned>(image: Option<&Image>) -> Result<Option<T>, AwsError> {
    image.map(|image| document(&item(image))).transpose()
}

fn item(image: &Image) -> Item {
    let value = |attribute: &Attribute| match attribute {
        Attribute::Text(text) => AttributeValue::S(text.clone()),
        Attribute::Number(number) => AttributeValue::N(number.clone()),
        Attribute::Bytes(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Attribute::Texts(texts) => AttributeValue::Ss(texts.clone()),
    };
    image
        .iter()
        .map(|(name, attribute)| (name.clone(), value(attribute)))
        .collect()
}
