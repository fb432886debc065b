//! Carries out what a document asks for, field by field: one that fails is null, the others stand.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::Monday;
use super::account::{Account, Event};
use super::columns::Column;
use super::errors::{Outcome, Refusal};
use super::graphql::{Field, number};
use super::show::{paged, plain, shaped, texts};
use crate::oauth::{PEOPLE, person};

/// The most ids of one `items`.
const IDS_MOST: usize = 100;

/// What a mutation costs, and what a field of a query does.
pub(super) const MUTATION_POINTS: i64 = 10_000;
pub(super) const QUERY_POINTS: i64 = 1_000;

/// The complexity of a document, before and after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Complexity {
    pub(super) before: i64,
    pub(super) query: i64,
    pub(super) reset: i64,
}

impl Account {
    /// Answers a field of a query.
    fn asked(&self, field: &Field) -> Outcome<Value> {
        Ok(match field.name.as_str() {
            "boards" => {
                let ids = field.ids("ids");
                let all = self.boards.iter().map(|board| board.id);
                let all = all.filter(|id| ids.as_ref().is_none_or(|ids| ids.contains(id)));
                let all = paged(all.collect(), field, 25).into_iter();
                all.map(|id| self.shown_board(&field.of, id)).collect()
            }
            "items" => {
                let ids = field.ids("ids").unwrap_or_default();
                if ids.len() > IDS_MOST {
                    let message = "You can query up to 100 items by ids";
                    return Err(Refusal::argument(message));
                }
                let known = ids.into_iter().filter(|id| self.items.contains_key(id));
                let known = paged(known.collect(), field, 25).into_iter();
                known.map(|id| self.shown_item(&field.of, id)).collect()
            }
            "items_page_by_column_values" => {
                let board = field.id("board_id").unwrap_or_default();
                let columns = field.list("columns").unwrap_or_default();
                let columns: Vec<(String, Vec<String>)> = columns
                    .into_iter()
                    .map(|one| {
                        let column = one.get("column_id").and_then(Value::as_str);
                        let values = one.get("column_values").and_then(Value::as_array);
                        let values = values.into_iter().flatten().filter_map(Value::as_str);
                        (
                            column.unwrap_or_default().to_owned(),
                            values.map(str::to_owned).collect(),
                        )
                    })
                    .collect();
                let all = self.having(board, &columns)?;
                self.page(&field.of, board, &all, 0, field.integer("limit", 25))
            }
            "next_items_page" => {
                let cursor = field.text("cursor").unwrap_or_default();
                let parts = cursor
                    .strip_prefix("MS")
                    .and_then(|rest| rest.split_once(':'));
                let (board, ids) = parts.ok_or_else(|| {
                    Refusal::new(
                        200,
                        "CursorException",
                        "The cursor provided for pagination is invalid or has expired",
                    )
                })?;
                let ids: Vec<u64> = ids.split('.').filter_map(|id| id.parse().ok()).collect();
                let limit = field.integer("limit", 25);
                self.page(&field.of, board.parse().unwrap_or_default(), &ids, 0, limit)
            }
            "updates" => {
                let ids = field.ids("ids");
                let posts = self.posts.iter().rev();
                let posts = posts.filter(|(id, _)| ids.as_ref().is_none_or(|ids| ids.contains(id)));
                let posts = paged(posts.collect(), field, 25).into_iter();
                posts
                    .map(|(id, post)| Self::update(&field.of, *id, post))
                    .collect()
            }
            "timeline" => self.timeline(field),
            "timeline_item" => {
                let id = field.text("id").unwrap_or_default();
                let found = self.events.get(id);
                found.map_or(Value::Null, |event| Self::event(&field.of, id, event))
            }
            "custom_activity" => {
                let ids = texts(field, "ids");
                let known = self.activities.iter();
                let known = known.filter(|(id, _)| ids.as_ref().is_none_or(|ids| ids.contains(id)));
                let rows = known.map(|(id, name)| {
                    plain(
                        &field.of,
                        "CustomActivity",
                        &json!({ "id": id, "type": id, "name": name }),
                    )
                });
                rows.collect()
            }
            _ => Value::Null,
        })
    }

    /// Carries out a mutation.
    fn mutated(&mut self, field: &Field) -> Outcome<Value> {
        let board = field.id("board_id").unwrap_or_default();
        let item = field.id("item_id").unwrap_or_default();
        let text = |name: &str| field.text(name).unwrap_or_default().to_owned();
        let none = Value::Null;
        let values = field.args.get("column_values").unwrap_or(&none);
        let may_add = field.args.get("create_labels_if_missing") == Some(&json!(true));
        Ok(match field.name.as_str() {
            "create_item" => {
                let id = self.create(board, &text("item_name"), values, may_add)?;
                self.shown_item(&field.of, id)
            }
            "change_multiple_column_values" => {
                self.change_all(board, item, values, may_add)?;
                self.shown_item(&field.of, item)
            }
            "change_column_value" | "change_simple_column_value" => {
                let column = text("column_id");
                let value = if field.name == "change_column_value" {
                    let value: Option<Value> = serde_json::from_str(&text("value")).ok();
                    value.ok_or_else(|| Refusal::argument("value is not valid JSON"))?
                } else {
                    let known = self
                        .board(board)?
                        .columns
                        .iter()
                        .find(|one| one.id == column);
                    match field.text("value") {
                        Some(text) => known.map_or_else(|| json!(text), |known| known.simple(text)),
                        None => Value::Null,
                    }
                };
                let values = std::iter::once((column, value)).collect();
                self.change(board, item, &values, may_add)?;
                self.shown_item(&field.of, item)
            }
            "delete_item" => {
                let shown = self.shown_item(&field.of, item);
                self.delete(item)?;
                shown
            }
            "create_update" => {
                let id = self.post(item, &text("body"))?;
                self.posts
                    .get(&id)
                    .map_or(Value::Null, |post| Self::update(&field.of, id, post))
            }
            "edit_update" | "delete_update" => {
                let id = field.id("id").unwrap_or_default();
                if field.name == "edit_update" {
                    self.edit(id, &text("body"))?;
                }
                let post = self
                    .posts
                    .get(&id)
                    .ok_or_else(|| Refusal::gone("Update", id))?;
                let shown = Self::update(&field.of, id, post);
                if field.name == "delete_update" {
                    self.posts.remove(&id);
                }
                shown
            }
            "create_timeline_item" => {
                let range = field
                    .args
                    .get("time_range")
                    .filter(|range| !range.is_null());
                let ends = ["start_timestamp", "end_timestamp"]
                    .map(|name| range.map(|range| range.get(name)));
                let mut moments = vec![field.args.get("timestamp")];
                moments.extend(ends.into_iter().flatten());
                for moment in moments {
                    let read = moment.and_then(Value::as_str).map(str::parse::<Timestamp>);
                    if !matches!(read, Some(Ok(_))) {
                        return Err(Refusal::argument("timestamp is not a valid ISO8601 date"));
                    }
                }
                let id = self.happen(Event {
                    item,
                    activity: text("custom_activity_id"),
                    title: text("title"),
                    summary: text("summary"),
                    content: text("content"),
                    created: self.now,
                })?;
                self.events
                    .get(&id)
                    .map_or(Value::Null, |event| Self::event(&field.of, &id, event))
            }
            "delete_timeline_item" => {
                let id = text("id");
                let event = self.events.remove(&id);
                let event = event.ok_or_else(|| Refusal::gone("Timeline item", &id))?;
                Self::event(&field.of, &id, &event)
            }
            "create_column" => {
                let kind = text("column_type");
                let fresh = format!(
                    "{kind}_mk{}",
                    self.boards.iter().map(|b| b.columns.len()).sum::<usize>()
                );
                let id = field.text("id").map_or(fresh, str::to_owned);
                self.board(board)?;
                let found = self.boards.iter_mut().find(|one| one.id == board);
                let board = found.ok_or_else(|| Refusal::gone("Board", board))?;
                if board.columns.iter().any(|column| column.id == id) {
                    return Err(Refusal::argument("Column id is already in use"));
                }
                let defaults = field.args.get("defaults");
                let defaults = defaults
                    .and_then(Value::as_str)
                    .and_then(|text| serde_json::from_str(text).ok())
                    .or_else(|| defaults.cloned())
                    .unwrap_or_default();
                let boards = defaults.get("boardIds").and_then(Value::as_array);
                let column = Column {
                    id,
                    title: text("title"),
                    kind,
                    labels: Vec::new(),
                    boards: boards.into_iter().flatten().filter_map(number).collect(),
                    archived: false,
                };
                let shown = Self::column(&field.of, &column);
                board.columns.push(column);
                shown
            }
            _ => Value::Null,
        })
    }

    /// What waits for the next mutation; whether it is carried out all the same.
    fn struck(&mut self, field: &Field) -> Option<(Refusal, bool)> {
        let board = field.id("board_id");
        let place = self
            .armed
            .iter()
            .position(|(of, ..)| of.is_none() || *of == board)?;
        let (_, refusal, is_made) = self.armed.remove(place);
        Some((refusal, is_made))
    }
}

impl Monday {
    /// Carries out a whole document: its data, and what was wrong.
    pub(super) fn carried_out(
        &mut self,
        fields: &[Field],
        (is_mutation, user): (bool, &str),
        complexity: Complexity,
    ) -> (Value, Vec<Value>) {
        let mut data = Map::new();
        let mut errors = Vec::new();
        for field in fields {
            let found = match field.name.as_str() {
                "__typename" => Ok(json!(if is_mutation { "Mutation" } else { "Query" })),
                "me" => Ok(plain_user(&field.of, &self.about_user(user))),
                "users" => Ok(self.users(field)),
                "account" => Ok(plain(&field.of, "Account", &self.about_account())),
                "version" => Ok(plain(
                    &field.of,
                    "Version",
                    &json!({ "display_name": "Current", "kind": "current", "value": "2026-10" }),
                )),
                "complexity" => {
                    let Complexity {
                        before,
                        query,
                        reset,
                    } = complexity;
                    let row = json!({ "before": before, "after": before - query, "query": query, "reset_in_x_seconds": reset });
                    Ok(plain(&field.of, "Complexity", &row))
                }
                _ if is_mutation => match self.account.struck(field) {
                    Some((refusal, is_made)) => {
                        if is_made {
                            let _ = self.account.mutated(field);
                        }
                        Err(refusal)
                    }
                    None => self.account.mutated(field),
                },
                _ => self.account.asked(field),
            };
            match found {
                Ok(value) => drop(data.insert(field.alias.clone(), value)),
                Err(refusal) => {
                    data.insert(field.alias.clone(), Value::Null);
                    errors.push(refusal.entry(&field.alias));
                }
            }
        }
        (Value::Object(data), errors)
    }

    fn users(&self, field: &Field) -> Value {
        let (ids, emails) = (field.ids("ids"), texts(field, "emails"));
        let fits = |email: &str| {
            ids.as_ref()
                .is_none_or(|ids| ids.contains(&self.user(email)))
                && emails
                    .as_ref()
                    .is_none_or(|emails| emails.iter().any(|one| one == email))
        };
        let found = PEOPLE.iter().filter(|person| fits(person.email));
        found
            .map(|person| plain_user(&field.of, &self.about_user(person.email)))
            .collect()
    }

    pub(super) fn about_user(&self, email: &str) -> Value {
        let found = person(email);
        let name = found.map(|(_, person)| format!("{} {}", person.first, person.last));
        let kind = if found.is_some_and(|(number, _)| number == 0) {
            "admin"
        } else {
            "member"
        };
        json!({
            "id": self.user(email).to_string(),
            "name": name,
            "email": email,
            "kind": kind,
            "account_id": self.account_id().to_string(),
            "account": self.about_account(),
        })
    }

    fn about_account(&self) -> Value {
        json!({
            "id": self.account_id().to_string(),
            "name": "Liveprompt Sandbox",
            "slug": "liveprompt-sandbox",
            "tier": "pro",
        })
    }
}

fn plain_user(of: &[Field], row: &Value) -> Value {
    shaped(of, &["User"], |field| match field.name.as_str() {
        "account" => plain(
            &field.of,
            "Account",
            row.get("account").unwrap_or(&Value::Null),
        ),
        name => row.get(name).cloned().unwrap_or_default(),
    })
}

/// The day of UTC.
pub(super) fn day(now: Timestamp) -> jiff::civil::Date {
    now.to_zoned(TimeZone::UTC).date()
}
