//! A change of one item of the table, as the table's stream tells it.
//!
//! The shape is the stream's, without its types: the Lambda shell fills it, the store reads the
//! images, the engine derives from it. The stream brings a change at least once, and the changes of
//! one item in their order; it promises no order between items.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// An item as it was or is.
pub type Image = BTreeMap<String, Attribute>;

/// A value of an item. The table holds no other kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A number, as the table writes it.
    Number(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A set of texts.
    Texts(Vec<String>),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// The stream's number of it: the same change has the same number each time it is brought.
    pub sequence: String,
    /// When it happened, to the second.
    pub at: Timestamp,
    /// The item's partition key.
    pub pk: String,
    /// The item's sort key.
    pub sk: String,
    /// What it was; `None` for a new item.
    pub old: Option<Image>,
    /// What it is; `None` for an item that is gone.
    pub new: Option<Image>,
}

impl TableChange {
    /// The organization and the class of the item, by its key.
    pub fn place(&self) -> Option<(&str, &str)> {
        let mut parts = self.pk.split('#');
        Some((parts.next()?, parts.next()?))
    }
}
