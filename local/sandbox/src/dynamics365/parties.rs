//! The parties of an activity: who took part, in which role. They are rows of their own, written with their
//! activity and with nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::environment::{Environment, Row, reference};
use super::refusal::{Outcome, Refusal};
use super::schema::Table;
use super::values;

const REGARDING: i64 = 8;
const OWNER: i64 = 9;

/// One of them, as it is kept.
pub(super) type Party = BTreeMap<String, Value>;

/// The roles an activity knows; owner and regarding are the platform's to write.
fn roles(table: &str) -> &'static [i64] {
    match table {
        "appointment" => &[5, 6, 7],
        "phonecall" => &[1, 2],
        _ => &[],
    }
}

impl Environment {
    /// Reads the parties of a body.
    pub(super) fn parties(&self, activity: &Table, value: &Value) -> Outcome<Vec<Party>> {
        let wrong = |inner: &str| Refusal::payload(&activity.set, inner);
        let list = value.as_array();
        let list = list.ok_or_else(|| wrong("A collection of activity parties is expected."))?;
        list.iter()
            .map(|party| self.party(activity, party))
            .collect()
    }

    fn party(&self, activity: &Table, value: &Value) -> Outcome<Party> {
        let set = self.set("activityparties")?;
        let wrong = |inner: &str| Refusal::payload(&activity.set, inner);
        let body = value
            .as_object()
            .ok_or_else(|| wrong("An activity party is an object."))?;
        let mut party = Party::new();
        for (name, value) in body {
            if let Some(navigation) = name.strip_suffix("@odata.bind") {
                let Some((column, targets)) = set.navigation(navigation) else {
                    return Err(wrong(&format!(
                        "An undeclared property '{navigation}' was found."
                    )));
                };
                let (table, id) = self.record_at(value.as_str().unwrap_or_default())?;
                if !targets.contains(&table.as_str()) {
                    return Err(wrong(&format!("'{navigation}' cannot refer to '{table}'.")));
                }
                party.insert(column.name.clone(), reference(&table, &id));
                continue;
            }
            if name.contains('@') {
                continue;
            }
            let column = set.column(name).filter(|column| column.creatable());
            let column = column.ok_or_else(|| {
                wrong(&format!(
                    "Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.activityparty'."
                ))
            })?;
            party.insert(name.clone(), values::accept(&set, column, value)?);
        }
        let role = party.get("participationtypemask").and_then(Value::as_i64);
        if !role.is_some_and(|role| roles(&activity.name).contains(&role)) {
            let message = format!(
                "The participation type {} is not valid for a party of '{}'.",
                role.unwrap_or_default(),
                activity.name
            );
            return Err(Refusal::new(400, "0x80040203", message));
        }
        if !party.contains_key("partyid") && !self.settings.unresolved_parties {
            let message = "An activity party without a record is not allowed for this activity.";
            return Err(Refusal::new(400, "0x80040203", message));
        }
        Ok(party)
    }

    /// Seats an activity's parties in place of those it had, with its owner and what it is about.
    pub(super) fn seat(&mut self, activity: &Table, id: &str, parties: Option<Vec<Party>>) {
        let of = |row: &Row| row.reference("activityid").is_some_and(|(_, to)| to == id);
        let old: Vec<String> = self
            .rows("activityparty")
            .filter(|(_, row)| of(row))
            .map(|(party, _)| party.clone())
            .collect();
        for party in old {
            self.put("activityparty", &party, None);
        }
        let mut seated = parties.unwrap_or_default();
        let row = self.row(&activity.name, id);
        for (column, role) in [("regardingobjectid", REGARDING), ("ownerid", OWNER)] {
            if let Some(to) = row.and_then(|row| row.values.get(column)) {
                let mut party = Party::new();
                party.insert("partyid".to_owned(), to.clone());
                party.insert("participationtypemask".to_owned(), json!(role));
                seated.push(party);
            }
        }
        for mut party in seated {
            let own = self.fresh();
            party.insert("activitypartyid".to_owned(), json!(own));
            party.insert("activityid".to_owned(), reference(&activity.name, id));
            party.insert("ispartydeleted".to_owned(), json!(false));
            party.insert("instancetypecode".to_owned(), json!(0));
            self.put("activityparty", &own, Some(party));
        }
    }
}
