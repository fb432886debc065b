//! What the account knows of each type of record: its properties and their groups.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::kinds::Kind;

/// The property the hub's setup guide asks the admin to make.
pub(super) const KEY: &str = "liveprompt_key";

#[derive(Debug, Clone)]
pub(super) struct Schema {
    objects: BTreeMap<Kind, Object>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub(super) properties: Vec<Property>,
    pub(super) groups: Vec<(String, String)>,
    pub(super) defaults: Vec<String>,
    pub(super) required: Vec<String>,
    pub(super) any_of: Vec<String>,
    pub(super) searched: Vec<String>,
    pub(super) created: String,
    pub(super) modified: String,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) description: String,
    pub(super) is: String,
    pub(super) field: String,
    pub(super) group: String,
    pub(super) options: Vec<(String, String)>,
    pub(super) unique: bool,
    /// The vendor's own, in contrast to the customer's.
    pub(super) defined: bool,
    /// The caller may not set it.
    pub(super) locked: bool,
    pub(super) calculated: bool,
    /// Its options stand elsewhere.
    pub(super) external: bool,
    pub(super) hidden: bool,
    /// When a caller made it, as it leaves.
    pub(super) made: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    group: String,
    group_label: String,
    created: String,
    modified: String,
    defaults: Vec<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    any_of: Vec<String>,
    searched: Vec<String>,
    properties: Vec<[String; 5]>,
    #[serde(default)]
    options: BTreeMap<String, Vec<String>>,
}

impl Schema {
    pub(super) fn new() -> Self {
        let read = |kind: Kind| (kind, Object::read(kind.table()).unwrap_or_default());
        Self {
            objects: Kind::ALL.into_iter().map(read).collect(),
        }
    }

    pub(super) fn object(&self, kind: Kind) -> &Object {
        // Every kind is put in by `new`.
        static NONE: Object = Object::none();
        self.objects.get(&kind).unwrap_or(&NONE)
    }

    pub(super) fn object_mut(&mut self, kind: Kind) -> &mut Object {
        self.objects.entry(kind).or_default()
    }

    pub(super) fn property(&self, kind: Kind, name: &str) -> Option<&Property> {
        self.object(kind).property(name)
    }

    /// Takes our key property out, or puts it in, on every activity.
    pub(super) fn rebuild_key(&mut self, there: bool, unique: bool) {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_activity()) {
            let object = self.object_mut(kind);
            object.properties.retain(|property| property.name != KEY);
            if there {
                object.properties.push(Property {
                    name: KEY.to_owned(),
                    label: "Liveprompt key".to_owned(),
                    is: "string".to_owned(),
                    field: "text".to_owned(),
                    group: object.group(),
                    unique,
                    ..Property::default()
                });
            }
        }
    }
}

impl Object {
    const fn none() -> Self {
        Self {
            properties: Vec::new(),
            groups: Vec::new(),
            defaults: Vec::new(),
            required: Vec::new(),
            any_of: Vec::new(),
            searched: Vec::new(),
            created: String::new(),
            modified: String::new(),
        }
    }

    /// Reads a table; `None` when it is wrong, which a test excludes.
    fn read(table: &str) -> Option<Self> {
        let table: Table = toml::from_str(table).ok()?;
        let mut properties: Vec<Property> = Vec::new();
        for [name, label, is, field, marks] in table.properties {
            let options = table.options.get(&name).into_iter().flatten();
            let options = options.filter_map(|option| option.split_once('='));
            let marked = |mark: &str| marks.split(' ').any(|m| m == mark);
            properties.push(Property {
                options: options
                    .map(|(value, label)| (value.to_owned(), label.to_owned()))
                    .collect(),
                unique: marked("unique"),
                locked: marked("locked") || marked("calculated"),
                calculated: marked("calculated"),
                external: marked("external"),
                ..Property::built_in(&name, &label, &is, &field, &table.group)
            });
        }
        let locked = |name: &str, label: &str, is: &str, field: &str| Property {
            locked: true,
            ..Property::built_in(name, label, is, field, &table.group)
        };
        properties.push(locked("hs_object_id", "Record ID", "number", "number"));
        properties.push(locked(&table.created, "Create Date", "datetime", "date"));
        let modified = "Last Modified Date";
        properties.push(locked(&table.modified, modified, "datetime", "date"));
        properties.push(Property {
            external: true,
            ..Property::built_in(
                "hubspot_owner_id",
                "Owner",
                "enumeration",
                "select",
                &table.group,
            )
        });
        Some(Self {
            properties,
            groups: vec![(table.group, table.group_label)],
            defaults: table.defaults,
            required: table.required,
            any_of: table.any_of,
            searched: table.searched,
            created: table.created,
            modified: table.modified,
        })
    }

    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name == name)
    }

    /// The group a property is in unless it says otherwise.
    pub(super) fn group(&self) -> String {
        self.groups
            .first()
            .map(|(name, _)| name.clone())
            .unwrap_or_default()
    }
}

impl Property {
    fn built_in(name: &str, label: &str, is: &str, field: &str, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            is: is.to_owned(),
            field: field.to_owned(),
            group: group.to_owned(),
            defined: true,
            ..Self::default()
        }
    }

    /// As the properties API shows it.
    pub(super) fn shown(&self) -> Value {
        let options = self.options.iter().enumerate().map(|(order, (value, label))| {
            json!({ "label": label, "value": value, "displayOrder": order, "hidden": false })
        });
        let made = self.made.as_deref().unwrap_or("2019-08-06T02:41:08.029Z");
        let mut shown = json!({
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "type": self.is,
            "fieldType": self.field,
            "groupName": self.group,
            "options": options.collect::<Vec<_>>(),
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.external,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.defined,
            "archived": false,
            "formField": !self.locked,
            "dataSensitivity": "non_sensitive",
            "modificationMetadata": {
                "archivable": !self.defined,
                "readOnlyDefinition": self.defined,
                "readOnlyOptions": self.defined && self.options.is_empty(),
                "readOnlyValue": self.locked,
            },
            "createdAt": made,
            "updatedAt": made,
        });
        if let (true, Some(shown)) = (self.name == "hubspot_owner_id", shown.as_object_mut()) {
            shown.insert("referencedObjectType".to_owned(), json!("OWNER"));
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::{Object, Schema};
    use crate::hubspot::kinds::Kind;

    #[test]
    fn every_table_can_be_read_and_names_its_own_properties() {
        let schema = Schema::new();
        for kind in Kind::ALL {
            assert!(Object::read(kind.table()).is_some(), "{kind:?}");
            let object = schema.object(kind);
            let named = [
                &object.defaults,
                &object.required,
                &object.any_of,
                &object.searched,
            ];
            for name in named.into_iter().flatten() {
                assert!(object.property(name).is_some(), "{kind:?} {name}");
            }
        }
    }
}
