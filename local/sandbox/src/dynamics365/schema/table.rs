//! A table: its columns, its keys, what its look-ups are called.

use serde::Deserialize;

use super::{Column, Key, Type};

#[derive(Debug, Clone)]
pub(in crate::dynamics365) struct Table {
    pub(in crate::dynamics365) name: String,
    pub(in crate::dynamics365) schema: String,
    pub(in crate::dynamics365) set: String,
    pub(in crate::dynamics365) code: i64,
    pub(in crate::dynamics365) id: String,
    pub(in crate::dynamics365) primary: String,
    pub(in crate::dynamics365) label: String,
    pub(in crate::dynamics365) plural: String,
    pub(in crate::dynamics365) columns: Vec<Column>,
    pub(in crate::dynamics365) keys: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    schema: String,
    set: String,
    code: i64,
    id: String,
    primary: String,
    label: String,
    plural: String,
    columns: Vec<[String; 6]>,
}

impl Table {
    pub(super) fn read(text: &str) -> Option<Self> {
        let table: Written = toml::from_str(text).ok()?;
        Some(Self {
            name: table.name,
            schema: table.schema,
            set: table.set,
            code: table.code,
            id: table.id,
            primary: table.primary,
            label: table.label,
            plural: table.plural,
            columns: table
                .columns
                .iter()
                .map(Column::read)
                .collect::<Option<_>>()?,
            keys: Vec::new(),
        })
    }

    pub(in crate::dynamics365) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A column by the name under which it is read: a look-up by `_name_value`.
    pub(in crate::dynamics365) fn readable(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .filter(|column| column.is != Type::PartyList)
            .find(|column| column.value_name() == name)
    }

    pub(in crate::dynamics365) fn is_activity(&self) -> bool {
        self.id == "activityid"
    }

    /// Where the parties of an activity stand.
    pub(in crate::dynamics365) fn parties(&self) -> Option<String> {
        self.is_activity()
            .then(|| format!("{}_activity_parties", self.name))
    }

    /// What a look-up is called as a navigation property, with the table it leads to. The name of one
    /// that may lead to several tables ends with the table, and that of an activity with its own.
    pub(in crate::dynamics365) fn navigations(
        &self,
    ) -> impl Iterator<Item = (String, &Column, &str)> {
        let own = if self.is_activity() {
            format!("_{}", self.name)
        } else {
            String::new()
        };
        let lookups = self.columns.iter().filter(|column| column.is.is_lookup());
        lookups.flat_map(move |column| {
            let own = own.clone();
            column.targets.iter().map(move |target| {
                let one = column.targets.len() == 1 || column.is == Type::Owner;
                let end = if one {
                    String::new()
                } else {
                    format!("_{target}")
                };
                (
                    format!("{}{end}{own}", column.name),
                    column,
                    target.as_str(),
                )
            })
        })
    }

    /// The look-up behind a navigation property; names are case-sensitive.
    pub(in crate::dynamics365) fn navigation(&self, name: &str) -> Option<(&Column, Vec<&str>)> {
        let mut found: Option<(&Column, Vec<&str>)> = None;
        for (known, column, target) in self.navigations() {
            if known == name {
                found
                    .get_or_insert_with(|| (column, Vec::new()))
                    .1
                    .push(target);
            }
        }
        found
    }

    /// The states of it: the column that has them, where records have states.
    pub(in crate::dynamics365) fn default_status(&self, state: i64) -> Option<i64> {
        let column = self.column("statuscode")?;
        let mut of_state = column.choices.iter().filter(|c| c.state == Some(state));
        of_state.next().map(|choice| choice.value)
    }
}
