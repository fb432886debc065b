//! What the environment knows of its tables: our own selection in `schema/*.toml`, checked against the
//! vendor's metadata by a test. Columns and keys can be added while it runs.

mod table;

use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use table::Table;

/// The kinds of column that behave differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Type {
    Uniqueidentifier,
    String,
    Memo,
    Integer,
    BigInt,
    Money,
    Boolean,
    DateTime,
    /// A date without a time: `DateTime` to the metadata.
    Date,
    Picklist,
    State,
    Status,
    Lookup,
    Customer,
    Owner,
    PartyList,
    EntityName,
}

impl Type {
    pub(super) fn is_lookup(self) -> bool {
        matches!(self, Self::Lookup | Self::Customer | Self::Owner)
    }

    /// Whether its values are those of a list.
    pub(super) fn is_choice(self) -> bool {
        matches!(self, Self::Picklist | Self::State | Self::Status)
    }

    /// `AttributeType` and the name of the metadata's derived type.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Uniqueidentifier => ("Uniqueidentifier", "AttributeMetadata"),
            Self::String => ("String", "StringAttributeMetadata"),
            Self::Memo => ("Memo", "MemoAttributeMetadata"),
            Self::Integer => ("Integer", "IntegerAttributeMetadata"),
            Self::BigInt => ("BigInt", "BigIntAttributeMetadata"),
            Self::Money => ("Money", "MoneyAttributeMetadata"),
            Self::Boolean => ("Boolean", "BooleanAttributeMetadata"),
            Self::DateTime | Self::Date => ("DateTime", "DateTimeAttributeMetadata"),
            Self::Picklist => ("Picklist", "PicklistAttributeMetadata"),
            Self::State => ("State", "StateAttributeMetadata"),
            Self::Status => ("Status", "StatusAttributeMetadata"),
            Self::Lookup => ("Lookup", "LookupAttributeMetadata"),
            Self::Customer => ("Customer", "LookupAttributeMetadata"),
            Self::Owner => ("Owner", "LookupAttributeMetadata"),
            Self::PartyList => ("PartyList", "LookupAttributeMetadata"),
            Self::EntityName => ("EntityName", "EntityNameAttributeMetadata"),
        }
    }
}

/// One of a list: value, label, and the state it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) value: i64,
    pub(super) label: String,
    pub(super) state: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) schema: String,
    pub(super) is: Type,
    pub(super) max: usize,
    pub(super) targets: Vec<String>,
    pub(super) choices: Vec<Choice>,
    flags: String,
    pub(super) label: String,
    pub(super) custom: bool,
}

impl Column {
    pub(super) fn creatable(&self) -> bool {
        self.flags.contains('c')
    }

    pub(super) fn updatable(&self) -> bool {
        self.flags.contains('u')
    }

    pub(super) fn required(&self) -> &'static str {
        match self.flags.chars().find(|flag| "ars".contains(*flag)) {
            Some('a') => "ApplicationRequired",
            Some('r') => "Recommended",
            Some(_) => "SystemRequired",
            None => "None",
        }
    }

    /// What a look-up's value is called where it is read.
    pub(super) fn value_name(&self) -> String {
        if self.is.is_lookup() {
            format!("_{}_value", self.name)
        } else {
            self.name.clone()
        }
    }

    fn read(row: &[String; 6]) -> Option<Self> {
        let [name, schema, is, extra, flags, label] = row;
        let is: Type = serde_json::from_value(Value::String(is.clone())).ok()?;
        let choice = |text: &str| {
            let (value, label) = text.split_once('=')?;
            let (label, state) = match label.rsplit_once('@') {
                Some((label, state)) => (label, Some(state.parse().ok()?)),
                None => (label, None),
            };
            let value = value.parse().ok()?;
            let label = label.to_owned();
            Some(Choice {
                value,
                label,
                state,
            })
        };
        let listed = is.is_choice() || is == Type::Boolean;
        let targeted = is.is_lookup() || is == Type::PartyList;
        Some(Self {
            name: name.clone(),
            schema: schema.clone(),
            is,
            max: match is {
                Type::String | Type::Memo => extra.parse().ok()?,
                _ => 0,
            },
            targets: if targeted {
                extra.split(',').map(str::to_owned).collect()
            } else {
                Vec::new()
            },
            choices: if listed {
                extra.split(';').map(choice).collect::<Option<_>>()?
            } else {
                Vec::new()
            },
            flags: flags.clone(),
            label: label.clone(),
            custom: false,
        })
    }

    /// A column that an admin makes.
    pub(super) fn custom(schema: &str, is: Type, max: usize, label: &str) -> Self {
        Self {
            name: schema.to_lowercase(),
            schema: schema.to_owned(),
            is,
            max,
            targets: Vec::new(),
            choices: Vec::new(),
            flags: "cu".to_owned(),
            label: label.to_owned(),
            custom: true,
        }
    }
}

/// An alternate key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) schema: String,
    pub(super) columns: Vec<String>,
    pub(super) made: jiff::Timestamp,
}

/// A label as the metadata has it.
pub(super) fn label(text: &str) -> Value {
    let label = json!({ "Label": text, "LanguageCode": 1033, "IsManaged": true, "MetadataId": null, "HasChanged": null });
    json!({ "LocalizedLabels": [label], "UserLocalizedLabel": label })
}

/// The collections that lead from a record to those that refer to it: table, name, table, look-up.
const COLLECTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "account",
        "contact_customer_accounts",
        "contact",
        "parentcustomerid",
    ),
    (
        "account",
        "opportunity_customer_accounts",
        "opportunity",
        "customerid",
    ),
    (
        "account",
        "opportunity_parent_account",
        "opportunity",
        "parentaccountid",
    ),
    (
        "account",
        "incident_customer_accounts",
        "incident",
        "customerid",
    ),
    ("account", "lead_parent_account", "lead", "parentaccountid"),
    (
        "contact",
        "opportunity_parent_contact",
        "opportunity",
        "parentcontactid",
    ),
    (
        "contact",
        "incident_customer_contacts",
        "incident",
        "customerid",
    ),
    (
        "appointment",
        "Appointment_Annotation",
        "annotation",
        "objectid",
    ),
    (
        "phonecall",
        "PhoneCall_Annotation",
        "annotation",
        "objectid",
    ),
    ("task", "Task_Annotation", "annotation", "objectid"),
];

#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) tables: Vec<Table>,
}

const TABLES: &[&str] = &[
    include_str!("schema/account.toml"),
    include_str!("schema/activityparty.toml"),
    include_str!("schema/annotation.toml"),
    include_str!("schema/appointment.toml"),
    include_str!("schema/contact.toml"),
    include_str!("schema/incident.toml"),
    include_str!("schema/lead.toml"),
    include_str!("schema/opportunity.toml"),
    include_str!("schema/phonecall.toml"),
    include_str!("schema/systemuser.toml"),
    include_str!("schema/task.toml"),
];

/// The tables that come with the applications for sales and service.
pub(super) const SALES: [&str; 3] = ["incident", "lead", "opportunity"];

impl Schema {
    pub(super) fn shipped() -> Self {
        Self {
            tables: TABLES
                .iter()
                .filter_map(|table| Table::read(table))
                .collect(),
        }
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.name == name)
    }

    pub(super) fn set(&self, set: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.set == set)
    }

    /// The table and its look-up that a collection of a record stands for.
    pub(super) fn collection(&self, table: &Table, name: &str) -> Option<(&Table, String)> {
        let named = COLLECTIONS
            .iter()
            .find(|(from, known, ..)| *from == table.name && *known == name);
        if let Some((_, _, to, column)) = named {
            return Some((self.table(to)?, (*column).to_owned()));
        }
        if table.parties().as_deref() == Some(name) {
            return Some((self.table("activityparty")?, "activityid".to_owned()));
        }
        let rest = name.strip_prefix(&format!("{}_", table.schema))?;
        let (to, column) = match rest {
            "Appointments" => ("appointment", "regardingobjectid"),
            "Phonecalls" => ("phonecall", "regardingobjectid"),
            "Tasks" => ("task", "regardingobjectid"),
            "Annotation" => ("annotation", "objectid"),
            _ => return None,
        };
        let to = self.table(to)?;
        let leads_here = |target: &String| *target == table.name;
        to.column(column)
            .filter(|column| column.targets.iter().any(leads_here))
            .map(|_| (to, column.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Schema, TABLES, Table};

    #[test]
    fn every_table_can_be_read_and_names_its_own_columns() {
        let schema = Schema::shipped();
        assert_eq!(schema.tables.len(), TABLES.len());
        for text in TABLES {
            let table = Table::read(text).unwrap();
            assert!(table.column(&table.id).is_some(), "{}", table.name);
            assert!(table.primary.is_empty() || table.column(&table.primary).is_some());
        }
    }

    #[test]
    fn a_lookup_is_bound_under_the_name_of_its_table() {
        let schema = Schema::shipped();
        for (table, name, column, targets) in [
            (
                "appointment",
                "regardingobjectid_account_appointment",
                "regardingobjectid",
                &["account"][..],
            ),
            (
                "appointment",
                "ownerid_appointment",
                "ownerid",
                &["systemuser", "team"],
            ),
            ("contact", "ownerid", "ownerid", &["systemuser", "team"]),
            (
                "contact",
                "parentcustomerid_account",
                "parentcustomerid",
                &["account"],
            ),
            (
                "account",
                "primarycontactid",
                "primarycontactid",
                &["contact"],
            ),
            ("activityparty", "partyid_lead", "partyid", &["lead"]),
        ] {
            let found = schema.table(table).unwrap().navigation(name);
            let found = found.map(|(column, targets)| (column.name.as_str(), targets));
            assert_eq!(found, Some((column, targets.to_vec())), "{name}");
        }
        let contact = schema.table("contact").unwrap();
        assert!(contact.navigation("parentcustomerid").is_none());
        assert!(contact.navigation("ParentCustomerId_account").is_none());
    }
}
