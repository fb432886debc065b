//! The company: its users, records and fields, and the time of the call that is being answered.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::errors::Refusal;
use super::fields::Fields;
use super::kinds::Kind;
use super::settings::Settings;
use super::store::Store;
use super::times::shifted;
use crate::oauth::{Noise, PEOPLE, Person};

#[derive(Debug)]
pub(super) struct Company {
    pub(super) settings: Settings,
    pub(super) store: Store,
    pub(super) fields: Fields,
    pub(super) webhooks: Vec<Map<String, Value>>,
    pub(super) id: u64,
    users: Vec<(u64, &'static Person)>,
    permission_set: String,
    pub(super) now: Timestamp,
    /// Until when the search sees nothing new.
    pub(super) frozen: Option<Timestamp>,
    /// Refusals that wait for the next record that is written.
    pub(super) armed: Vec<(Option<Kind>, Refusal)>,
}

impl Company {
    pub(super) fn new(noise: &Noise, now: Timestamp) -> Self {
        let first = noise.number("user", 10_000_000);
        Self {
            settings: Settings::default(),
            store: Store::default(),
            fields: Fields::new(noise),
            webhooks: Vec::new(),
            id: noise.number("company", 10_000_000),
            users: (first..).zip(&PEOPLE).collect(),
            permission_set: noise.guid("permission set"),
            now,
            frozen: None,
            armed: Vec::new(),
        }
    }

    /// The id of a user by the address.
    pub(super) fn user_id(&self, email: &str) -> Option<u64> {
        let mut users = self.users.iter();
        users
            .find(|(_, person)| person.email == email)
            .map(|(id, _)| *id)
    }

    pub(super) fn is_user(&self, id: u64) -> bool {
        self.users.iter().any(|(known, _)| *known == id)
    }

    pub(super) fn users(&self) -> impl Iterator<Item = (u64, &'static Person)> {
        self.users.iter().copied()
    }

    /// The user as v1 shows them to `me`.
    pub(super) fn user(&self, id: u64, me: u64) -> Option<Map<String, Value>> {
        let place = self.users.iter().position(|(known, _)| *known == id)?;
        let (_, person) = self.users.get(place)?;
        let is_admin = place == 0;
        let shown = json!({
            "id": id,
            "name": format!("{} {}", person.first, person.last),
            "default_currency": "EUR",
            "locale": "en_US",
            "lang": 1,
            "email": person.email,
            "phone": null,
            "activated": true,
            "last_login": "2026-11-20 08:45:56",
            "created": "2025-11-13 09:16:26",
            "modified": "2026-11-20 08:45:56",
            "has_created_company": is_admin,
            "access": [{ "app": "sales", "admin": is_admin, "permission_set_id": self.permission_set }],
            "active_flag": true,
            "timezone_name": "Etc/UTC",
            "timezone_offset": "+00:00",
            "role_id": 1,
            "icon_url": null,
            "is_you": id == me,
            "is_deleted": false,
        });
        shown.as_object().cloned()
    }

    /// Lets the search see what it may see by now.
    pub(super) fn settle(&mut self) {
        if self.frozen.is_some_and(|until| self.now < until) {
            return;
        }
        self.frozen = None;
        let lag = self.settings.search_lag_s;
        self.store.settle(self.now, lag);
    }

    pub(super) fn freeze(&mut self, seconds: i64) {
        self.settle();
        self.frozen = Some(shifted(self.now, seconds));
    }

    /// The refusal that waits for a record of this kind.
    pub(super) fn disarm(&mut self, kind: Kind) -> Option<Refusal> {
        let mut armed = self.armed.iter();
        let place = armed.position(|(only, _)| only.is_none_or(|only| only == kind))?;
        Some(self.armed.remove(place).1)
    }

    /// Everything it holds, by type.
    pub(super) fn state(&self) -> Value {
        let objects = Kind::ALL.into_iter().map(|kind| {
            let rows = self.store.all(kind).map(|(_, row)| json!(row));
            (kind.plural().to_owned(), Value::Array(rows.collect()))
        });
        Value::Object(objects.collect())
    }
}
