//! The account: its records and jobs, its people and fields, and the time of the call that is being answered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors::{Outcome, Refusal};
use super::kinds::{Kind, Shape};
use super::store::{Store, shifted};
use crate::oauth::PEOPLE;

/// The users, in the order of [`PEOPLE`].
pub(super) const OWNERS: [u64; 2] = [70_000_000_001, 70_000_000_002];
/// Where the numbers of fields and views begin.
const FIELD: u64 = 72_000_000_000;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) store: Store,
    pub(super) now: Timestamp,
    /// When each job is done, and its answer then.
    pub(super) jobs: BTreeMap<u64, (Timestamp, Value)>,
    /// Until when the searches see nothing new.
    frozen: Option<Timestamp>,
    /// Refusals that wait for the next record that is written.
    pub(super) armed: Vec<(Option<Kind>, Refusal)>,
}

impl Account {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            store: Store::default(),
            now,
            jobs: BTreeMap::new(),
            frozen: None,
            armed: Vec::new(),
        }
    }

    /// Lets the searches see what they may see by now.
    pub(super) fn settle(&mut self, lag: u64) {
        if self.frozen.is_some_and(|until| self.now < until) {
            return;
        }
        self.frozen = None;
        self.store.settle(self.now, lag);
    }

    /// The searches see nothing new for so long.
    pub(super) fn freeze(&mut self, seconds: u64, lag: u64) {
        self.settle(lag);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        self.frozen = Some(shifted(self.now, seconds));
    }

    /// The refusal that waits for a record of this kind, if one does.
    pub(super) fn disarm(&mut self, kind: Kind) -> Outcome<()> {
        let mut armed = self.armed.iter();
        let place = armed.position(|(only, _)| only.is_none_or(|only| only == kind));
        place.map_or(Ok(()), |place| Err(self.armed.remove(place).1))
    }

    /// The custom fields of a kind.
    pub(super) fn custom_fields(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Contact | Kind::Account | Kind::Deal | Kind::SalesActivity => {
                &["cf_hub_key", "cf_region"]
            }
            Kind::Appointment | Kind::Task | Kind::Note => &[],
        }
    }

    /// The id of a user by the address.
    pub(super) fn user_id(email: &str) -> Option<u64> {
        let place = PEOPLE.iter().position(|person| person.email == email)?;
        OWNERS.get(place).copied()
    }

    pub(super) fn owners() -> Vec<Value> {
        let people = OWNERS.iter().zip(&PEOPLE);
        people
            .map(|(id, person)| {
                json!({
                    "id": id,
                    "display_name": format!("{} {}", person.first, person.last),
                    "email": person.email,
                    "is_active": true,
                    "work_number": null,
                    "mobile_number": null,
                })
            })
            .collect()
    }

    /// The fields of a kind as the settings show them.
    pub(super) fn fields(kind: Kind) -> Vec<Value> {
        let members = kind.members().iter();
        let own = members.filter_map(|(name, shape)| {
            let choices = match shape {
                Shape::Choice(list) => list.entries().collect(),
                _ => Vec::new(),
            };
            let kind = match shape {
                Shape::Text(255) => "text",
                Shape::Text(60) => "phone",
                Shape::Text(_) => "textarea",
                Shape::Moment => "date_time",
                Shape::Flag => "checkbox",
                Shape::Amount => "number",
                Shape::Status | Shape::Choice(_) => "dropdown",
                Shape::Emails => "email",
                Shape::Owner | Shape::Of(_) | Shape::Accounts => "lookup",
                Shape::Email
                | Shape::Target
                | Shape::TargetType
                | Shape::Contacts
                | Shape::Attendees
                | Shape::Custom => return None,
            };
            Some((*name, kind, choices))
        });
        let custom = Self::custom_fields(kind).iter();
        let custom = custom.map(|name| (*name, "text", Vec::new()));
        (1_u64..)
            .zip(own.chain(custom))
            .map(|(place, (name, of, choices))| {
                let choices: Vec<Value> = (1..)
                    .zip(choices)
                    .map(|(place, (id, value))| json!({ "id": id, "value": value, "position": place }))
                    .collect();
                json!({
                    "id": FIELD + place,
                    "name": name,
                    "label": name.trim_start_matches("cf_").replace('_', " "),
                    "type": of,
                    "default": !name.starts_with("cf_"),
                    "required": kind.needed().contains(&name) || name == "emails",
                    "visible": true,
                    "position": place,
                    "choices": choices,
                    "base_model": kind.class(),
                })
            })
            .collect()
    }

    /// The views of a kind, which stand in for plain lists: `all` of them.
    pub(super) fn view(kind: Kind) -> Option<u64> {
        match kind {
            Kind::Contact => Some(FIELD + 901),
            Kind::Account => Some(FIELD + 902),
            Kind::Deal => Some(FIELD + 903),
            _ => None,
        }
    }
}
