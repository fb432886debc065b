//! The org: its records, its users, and the time of the call that is being answered.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::modules::MODULES;
use super::refusal::Refusal;
use super::settings::Settings;
use super::store::Store;
use super::times::{shifted, written};
use crate::oauth::{Noise, PEOPLE};

#[derive(Debug)]
pub(super) struct Org {
    pub(super) settings: Settings,
    pub(super) store: Store,
    /// What all ids of the org begin with.
    prefix: u64,
    count: u64,
    /// Id, name and address of each user.
    pub(super) users: Vec<(String, String, &'static str)>,
    pub(super) now: Timestamp,
    /// Until when the search sees nothing new.
    pub(super) frozen: Option<Timestamp>,
    /// Refusals that wait for the next record that is written, of a module or of any.
    pub(super) armed: Vec<(Option<String>, Refusal)>,
    /// Who was sent an invitation to a meeting.
    pub(super) invited: Vec<String>,
    /// How often a record set workflows off.
    pub(super) workflows: u64,
}

/// The id of a thing of a user, by the number of the user.
pub(super) fn id_of_user(noise: &Noise, what: &str, number: u64) -> String {
    format!("{}{number}", noise.number(what, 500_000_000))
}

impl Org {
    pub(super) fn new(noise: &Noise, now: Timestamp) -> Self {
        let user = |(number, person): (u64, &crate::oauth::Person)| {
            let name = format!("{} {}", person.first, person.last);
            (id_of_user(noise, "user", number), name, person.email)
        };
        Self {
            settings: Settings::default(),
            store: Store::default(),
            prefix: noise.number("crm", 5_000_000),
            count: 100,
            users: (0..).zip(&PEOPLE).map(user).collect(),
            now,
            frozen: None,
            armed: Vec::new(),
            invited: Vec::new(),
            workflows: 0,
        }
    }

    /// The next id.
    pub(super) fn next(&mut self) -> String {
        self.count += 1;
        format!("{}{:09}", self.prefix, self.count)
    }

    /// The time as answers tell it.
    pub(super) fn clock(&self) -> String {
        written(self.now, self.settings.offset_hours)
    }

    /// A user by the address or the id, as records show one.
    pub(super) fn user(&self, who: &str) -> Option<Map<String, Value>> {
        let mut users = self.users.iter();
        let (id, name, email) = users.find(|(id, _, email)| *email == who || id.as_str() == who)?;
        let shown = json!({ "name": name, "id": id, "email": email });
        shown.as_object().cloned()
    }

    /// Lets the search see what it may see by now.
    pub(super) fn settle(&mut self) {
        if self.frozen.is_some_and(|until| self.now < until) {
            return;
        }
        self.frozen = None;
        self.store.settle(self.now, self.settings.search_lag_s);
    }

    pub(super) fn freeze(&mut self, seconds: i64) {
        self.settle();
        self.frozen = Some(shifted(self.now, seconds));
    }

    /// The refusal that waits for a record of this module.
    pub(super) fn disarm(&mut self, module: &str) -> Option<Refusal> {
        let mut armed = self.armed.iter();
        let fits = |only: &Option<String>| only.as_deref().is_none_or(|only| only == module);
        let place = armed.position(|(only, _)| fits(only))?;
        Some(self.armed.remove(place).1)
    }

    /// Everything it holds, by module.
    pub(super) fn state(&self) -> Value {
        let objects = MODULES.iter().map(|module| {
            let rows = self.store.all(module.name).map(|row| json!(row));
            (module.name.to_owned(), Value::Array(rows.collect()))
        });
        Value::Object(objects.collect())
    }
}
