//! The fake org's objects and fields: our own tables in `schema/*.toml`, checked against recorded
//! describes by a test.
//!
//! Holds no records. Fields can be added and granted while the org runs, as the Tooling API does.

use std::sync::Arc;

use serde::Deserialize;

/// The fake org's objects.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) objects: Vec<Arc<Object>>,
}

/// One object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) plural: String,
    pub(super) prefix: String,
    pub(super) fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) is: Type,
    #[serde(default)]
    pub(super) length: usize,
    #[serde(default)]
    pub(super) precision: u32,
    #[serde(default)]
    pub(super) scale: u32,
    #[serde(default)]
    pub(super) digits: u32,
    may: String,
    pub(super) label: String,
    #[serde(default)]
    pub(super) to: Vec<String>,
    #[serde(default)]
    pub(super) via: Option<String>,
    #[serde(default)]
    pub(super) values: Vec<String>,
    #[serde(default)]
    pub(super) default: Option<String>,
    /// Made through the Tooling API and not yet granted to anyone.
    #[serde(skip)]
    pub(super) hidden: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Id,
    String,
    Textarea,
    Picklist,
    Combobox,
    Reference,
    Boolean,
    Int,
    Double,
    Currency,
    Percent,
    Date,
    Datetime,
    Email,
    Phone,
    Url,
    JunctionIdList,
}

impl Type {
    /// The name in describe, and the SOAP type.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Id => ("id", "tns:ID"),
            Self::String => ("string", "xsd:string"),
            Self::Textarea => ("textarea", "xsd:string"),
            Self::Picklist => ("picklist", "xsd:string"),
            Self::Combobox => ("combobox", "xsd:string"),
            Self::Reference => ("reference", "tns:ID"),
            Self::Boolean => ("boolean", "xsd:boolean"),
            Self::Int => ("int", "xsd:int"),
            Self::Double => ("double", "xsd:double"),
            Self::Currency => ("currency", "xsd:double"),
            Self::Percent => ("percent", "xsd:double"),
            Self::Date => ("date", "xsd:date"),
            Self::Datetime => ("datetime", "xsd:dateTime"),
            Self::Email => ("email", "xsd:string"),
            Self::Phone => ("phone", "xsd:string"),
            Self::Url => ("url", "xsd:string"),
            Self::JunctionIdList => ("junctionidlist", "tns:ID"),
        }
    }
}

impl Field {
    fn has(&self, flag: char) -> bool {
        self.may.contains(flag)
    }
    pub(super) fn createable(&self) -> bool {
        self.has('c')
    }
    pub(super) fn updateable(&self) -> bool {
        self.has('u')
    }
    pub(super) fn nillable(&self) -> bool {
        self.has('n')
    }
    pub(super) fn filterable(&self) -> bool {
        self.has('f')
    }
    pub(super) fn sortable(&self) -> bool {
        self.has('s')
    }
    pub(super) fn defaulted(&self) -> bool {
        self.has('d')
    }
    pub(super) fn external_id(&self) -> bool {
        self.has('X')
    }
    pub(super) fn id_lookup(&self) -> bool {
        self.has('I')
    }
    pub(super) fn unique(&self) -> bool {
        self.has('q')
    }
    pub(super) fn restricted(&self) -> bool {
        self.has('R')
    }
    pub(super) fn case_sensitive(&self) -> bool {
        self.has('S')
    }
    pub(super) fn shared_only(&self) -> bool {
        self.has('J')
    }
    pub(super) fn custom(&self) -> bool {
        self.name.ends_with("__c")
    }
    /// Whether records can be found by it without reading them all.
    pub(super) fn indexed(&self) -> bool {
        self.external_id() || self.unique() || self.id_lookup() || self.is == Type::Reference
    }

    /// A custom text field, as the Tooling API makes it: nobody may see it yet.
    pub(super) fn text(name: &str, label: &str, length: usize, keys: &str) -> Self {
        Self {
            name: name.to_owned(),
            is: Type::String,
            length,
            precision: 0,
            scale: 0,
            digits: 0,
            may: format!("cunfs{keys}"),
            label: label.to_owned(),
            to: Vec::new(),
            via: None,
            values: Vec::new(),
            default: None,
            hidden: true,
        }
    }

    /// The same as long text: no filter, no sort.
    pub(super) fn long_text(name: &str, label: &str, length: usize) -> Self {
        Self {
            is: Type::Textarea,
            may: "cun".to_owned(),
            ..Self::text(name, label, length, "")
        }
    }
}

impl Object {
    /// A field by its name, in any case.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The reference field behind a relationship name, in any case.
    pub(super) fn relationship(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| {
            field
                .via
                .as_deref()
                .is_some_and(|via| via.eq_ignore_ascii_case(name))
        })
    }
}

/// The child relationships of the objects here: parent, name, child, its field.
pub(super) const CHILDREN: &[(&str, &str, &str, &str)] = &[
    ("Account", "Contacts", "Contact", "AccountId"),
    ("Account", "Opportunities", "Opportunity", "AccountId"),
    ("Account", "Cases", "Case", "AccountId"),
    ("Account", "Events", "Event", "WhatId"),
    ("Account", "Tasks", "Task", "WhatId"),
    ("Contact", "Events", "Event", "WhoId"),
    ("Contact", "Tasks", "Task", "WhoId"),
    ("Contact", "Cases", "Case", "ContactId"),
    (
        "Contact",
        "OpportunityContactRoles",
        "OpportunityContactRole",
        "ContactId",
    ),
    ("Contact", "EventRelations", "EventRelation", "RelationId"),
    ("Lead", "Events", "Event", "WhoId"),
    ("Lead", "Tasks", "Task", "WhoId"),
    ("Lead", "EventRelations", "EventRelation", "RelationId"),
    ("Opportunity", "Events", "Event", "WhatId"),
    ("Opportunity", "Tasks", "Task", "WhatId"),
    (
        "Opportunity",
        "OpportunityContactRoles",
        "OpportunityContactRole",
        "OpportunityId",
    ),
    ("Case", "Events", "Event", "WhatId"),
    ("Case", "Tasks", "Task", "WhatId"),
    ("Event", "EventRelations", "EventRelation", "EventId"),
    ("Task", "TaskRelations", "TaskRelation", "TaskId"),
];

const TABLES: &[&str] = &[
    include_str!("schema/account.toml"),
    include_str!("schema/case.toml"),
    include_str!("schema/contact.toml"),
    include_str!("schema/event.toml"),
    include_str!("schema/eventrelation.toml"),
    include_str!("schema/fieldpermissions.toml"),
    include_str!("schema/lead.toml"),
    include_str!("schema/opportunity.toml"),
    include_str!("schema/opportunitycontactrole.toml"),
    include_str!("schema/organization.toml"),
    include_str!("schema/permissionset.toml"),
    include_str!("schema/task.toml"),
    include_str!("schema/taskrelation.toml"),
    include_str!("schema/user.toml"),
];

impl Schema {
    /// The schema a new org starts with. The tables are compiled in; a test reads every one.
    pub(super) fn shipped() -> Self {
        Self {
            objects: TABLES
                .iter()
                .filter_map(|table| toml::from_str(table).ok().map(Arc::new))
                .collect(),
        }
    }

    /// An object by its name, in any case.
    pub(super) fn object(&self, name: &str) -> Option<&Arc<Object>> {
        self.objects
            .iter()
            .find(|object| object.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn object_mut(&mut self, name: &str) -> Option<&mut Object> {
        let found = self
            .objects
            .iter_mut()
            .find(|object| object.name.eq_ignore_ascii_case(name))?;
        Some(Arc::make_mut(found))
    }

    /// The object an id belongs to.
    pub(super) fn object_of(&self, id: &str) -> Option<&Arc<Object>> {
        let prefix = id.get(..3)?;
        self.objects.iter().find(|object| object.prefix == prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::{Object, Schema, TABLES};

    #[test]
    fn every_table_is_read() {
        for table in TABLES {
            let object: Result<Object, _> = toml::from_str(table);
            assert!(object.is_ok(), "{:?}", object.err());
        }
        assert_eq!(Schema::shipped().objects.len(), TABLES.len());
    }
}
