//! The account: its users, records, fields and activity types, and the time of the call that is being answered.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::errors::Refusal;
use super::kinds::Kind;
use super::settings::Settings;
use super::store::Store;
use crate::oauth::{Noise, PEOPLE, Person};

/// The type of a note: the same in every account.
pub(super) const NOTE: u64 = 0;
/// The types that every account has under ids of its own, with what counts as an interaction.
const TYPES: [(&str, bool); 4] = [
    ("Phone Call", true),
    ("Meeting", true),
    ("To Do", false),
    ("Email", true),
];
/// What only the vendor writes. Its ids may be those of other types.
const SYSTEM: [(u64, &str); 2] = [(1, "Property Changed"), (3, "Pipeline Stage Changed")];

#[derive(Debug)]
pub(super) struct Account {
    pub(super) settings: Settings,
    pub(super) store: Store,
    /// Custom field definitions, as they are listed.
    pub(super) definitions: Vec<Map<String, Value>>,
    pub(super) webhooks: Vec<Map<String, Value>>,
    pub(super) id: u64,
    users: Vec<(u64, &'static Person)>,
    first_type: u64,
    /// The next id of what an admin sets up.
    pub(super) next_setup: u64,
    pub(super) now: Timestamp,
    /// Until when the searches see nothing new.
    pub(super) frozen: Option<Timestamp>,
    /// Refusals that wait for the next record that is written.
    pub(super) armed: Vec<(Option<Kind>, Refusal)>,
}

impl Account {
    pub(super) fn new(noise: &Noise, now: Timestamp) -> Self {
        let mut store = Store::default();
        for kind in Kind::ALL {
            store.start(kind, noise.number(kind.name(), 10_000_000));
        }
        let first = noise.number("user", 100_000);
        Self {
            settings: Settings::default(),
            store,
            definitions: Vec::new(),
            webhooks: Vec::new(),
            id: noise.number("account", 100_000),
            users: (first..).zip(&PEOPLE).collect(),
            first_type: noise.number("activity type", 100_000),
            next_setup: noise.number("setup", 100_000),
            now,
            frozen: None,
            armed: Vec::new(),
        }
    }

    pub(super) fn user_id(&self, email: &str) -> Option<u64> {
        let mut users = self.users.iter();
        users
            .find(|(_, person)| person.email == email)
            .map(|(id, _)| *id)
    }

    pub(super) fn is_user(&self, id: u64) -> bool {
        self.users.iter().any(|(known, _)| *known == id)
    }

    /// The users as they are listed.
    pub(super) fn users(&self) -> Vec<Value> {
        let shown = self.users.iter().map(|(id, person)| {
            let name = format!("{} {}", person.first, person.last);
            json!({ "id": id, "name": name, "email": person.email })
        });
        shown.collect()
    }

    /// The activity types by category, as they are listed.
    pub(super) fn types(&self) -> Value {
        let shown = |(id, name, counts): (u64, &str, bool)| {
            let is_disabled = self.settings.disabled_types.contains(&id);
            json!({ "id": id, "category": "user", "name": name, "is_disabled": is_disabled,
                "count_as_interaction": counts })
        };
        let own = (self.first_type..).zip(TYPES);
        let own = own.map(|(id, (name, counts))| shown((id, name, counts)));
        let user: Vec<Value> = std::iter::once(shown((NOTE, "Note", false)))
            .chain(own)
            .collect();
        let system: Vec<Value> = SYSTEM
            .iter()
            .map(|(id, name)| {
                json!({ "id": id, "category": "system", "name": name, "is_disabled": false,
                    "count_as_interaction": false })
            })
            .collect();
        json!({ "user": user, "system": system })
    }

    /// Whether an activity of a type can be written.
    pub(super) fn is_written(&self, id: u64) -> bool {
        let own = self.first_type..self.first_type + TYPES.len() as u64;
        (id == NOTE || own.contains(&id)) && !self.settings.disabled_types.contains(&id)
    }

    /// The id of an activity type by its name.
    pub(super) fn type_id(&self, name: &str) -> u64 {
        let own = (self.first_type..).zip(TYPES);
        own.into_iter()
            .find(|(_, (known, _))| *known == name)
            .map_or(NOTE, |(id, _)| id)
    }

    /// Now, as records have it.
    pub(super) fn second(&self) -> Value {
        json!(self.now.as_second())
    }

    /// Lets the searches see what they may see by now.
    pub(super) fn settle(&mut self) {
        if self.frozen.is_some_and(|until| self.now < until) {
            return;
        }
        self.frozen = None;
        let lag = i64::try_from(self.settings.search_lag_s).unwrap_or(i64::MAX);
        let until = self.now.checked_sub(SignedDuration::from_secs(lag));
        self.store.settle(until.unwrap_or(Timestamp::MIN));
    }

    pub(super) fn freeze(&mut self, seconds: i64) {
        self.settle();
        let until = self.now.checked_add(SignedDuration::from_secs(seconds));
        self.frozen = until.ok();
    }

    /// The refusal that waits for a record of this kind.
    pub(super) fn disarm(&mut self, kind: Kind) -> Option<Refusal> {
        let mut armed = self.armed.iter();
        let place = armed.position(|(only, _)| only.is_none_or(|only| only == kind))?;
        Some(self.armed.remove(place).1)
    }

    /// Everything it holds, by kind.
    pub(super) fn state(&self) -> Value {
        let objects = Kind::ALL.into_iter().map(|kind| {
            let rows = self.store.all(kind).map(|(_, row)| json!(row));
            (kind.plural().to_owned(), Value::Array(rows.collect()))
        });
        Value::Object(objects.collect())
    }
}
