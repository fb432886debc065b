//! What the account holds: boards with columns and items, updates, the timelines of Emails & Activities.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::columns::{Cell, Column};
use super::errors::{Outcome, Refusal};
use super::settings::Settings;
use crate::oauth::Noise;

/// The most items of a board.
const ITEMS_MOST: usize = 10_000;
/// The longest name of an item, title and summary on a timeline.
pub(super) const NAME_MOST: usize = 255;

#[derive(Debug)]
pub(super) struct Board {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) board: u64,
    pub(super) name: String,
    pub(super) cells: BTreeMap<String, Cell>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) by: u64,
}

/// An update: what people write below an item.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) item: u64,
    pub(super) body: String,
    pub(super) created: Timestamp,
    pub(super) edited: Timestamp,
    pub(super) by: u64,
}

/// What stands on the timeline of an item.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) item: u64,
    pub(super) activity: String,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) content: String,
    pub(super) created: Timestamp,
}

/// The records, and the moment of the request.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) settings: Settings,
    pub(super) boards: Vec<Board>,
    pub(super) items: BTreeMap<u64, Item>,
    pub(super) posts: BTreeMap<u64, Post>,
    pub(super) events: BTreeMap<String, Event>,
    /// The activities there are on timelines: id and name.
    pub(super) activities: Vec<(String, String)>,
    /// Refusals that wait for the next mutation: on which board, if it matters, and whether it is
    /// carried out all the same.
    pub(super) armed: Vec<(Option<u64>, Refusal, bool)>,
    pub(super) now: Timestamp,
    /// Who asks.
    pub(super) user: u64,
    noise: Noise,
    next: u64,
}

/// A name, and cells of which those that are emptied are `None`.
type Changed = (Option<String>, BTreeMap<String, Option<Cell>>);

/// Columns and values, from a text of JSON.
fn read(values: &Value) -> Outcome<Map<String, Value>> {
    let text = match values {
        Value::Null => return Ok(Map::new()),
        Value::String(text) => text,
        _ => return Err(Refusal::argument("column_values must be a JSON string")),
    };
    serde_json::from_str(text).map_err(|_| Refusal::argument("column_values is not valid JSON"))
}

impl Account {
    pub(super) fn new(seed: u64, started: Timestamp) -> Self {
        Self {
            settings: Settings::default(),
            boards: Vec::new(),
            items: BTreeMap::new(),
            posts: BTreeMap::new(),
            events: BTreeMap::new(),
            activities: Vec::new(),
            armed: Vec::new(),
            now: started,
            user: 0,
            noise: Noise::new(seed),
            next: 0,
        }
    }

    fn id(&mut self, from: u64) -> u64 {
        self.next += 1;
        from + self.next
    }

    pub(super) fn board(&self, id: u64) -> Outcome<&Board> {
        let found = self.boards.iter().find(|board| board.id == id);
        found.ok_or_else(|| {
            let message = "Board does not exist or the user has no access to it";
            Refusal::new(200, "InvalidBoardIdException", message)
        })
    }

    pub(super) fn item(&self, id: u64) -> Outcome<&Item> {
        self.items.get(&id).ok_or_else(|| Refusal::gone("Item", id))
    }

    /// The cells of these values; `name` is the item's own name.
    fn cells(
        &mut self,
        board: u64,
        values: &Map<String, Value>,
        may_add: bool,
    ) -> Outcome<Changed> {
        let long_text = self.settings.long_text;
        self.board(board)?;
        let mut name = None;
        let mut cells = BTreeMap::new();
        let boards = self.boards.iter_mut();
        let columns = boards
            .filter(|one| one.id == board)
            .flat_map(|one| &mut one.columns);
        let mut columns: BTreeMap<String, &mut Column> =
            columns.map(|column| (column.id.clone(), column)).collect();
        for (id, value) in values {
            if id == "name" {
                name = Some(value.as_str().unwrap_or_default().to_owned());
                continue;
            }
            let column = columns.get_mut(id).filter(|column| !column.archived);
            let column = column.ok_or_else(|| Refusal::no_column(id))?;
            let cell = column.cell(value, may_add, long_text)?;
            let linked = cell.iter().flat_map(|cell| &cell.linked);
            let is_there = |id: &u64| {
                let item = self.items.get(id);
                item.is_some_and(|item| column.boards.contains(&item.board))
            };
            if !linked.into_iter().all(is_there) {
                return Err(Refusal::value(id, "board_relation", value));
            }
            cells.insert(id.clone(), cell);
        }
        if let Some(name) = &name {
            named(name)?;
        }
        Ok((name, cells))
    }

    pub(super) fn create(
        &mut self,
        board: u64,
        name: &str,
        values: &Value,
        may_add: bool,
    ) -> Outcome<u64> {
        named(name)?;
        let (_, cells) = self.cells(board, &read(values)?, may_add)?;
        let count = self.items.values().filter(|item| item.board == board);
        if count.count() >= ITEMS_MOST {
            let message = "The board has reached the limit of items";
            return Err(Refusal::new(200, "ItemsLimitationException", message));
        }
        let id = self.id(2_800_000_000);
        let cells = cells.into_iter().filter_map(|(id, cell)| Some((id, cell?)));
        let item = Item {
            board,
            name: name.to_owned(),
            cells: cells.collect(),
            created: self.now,
            updated: self.now,
            by: self.user,
        };
        self.items.insert(id, item);
        Ok(id)
    }

    pub(super) fn change(
        &mut self,
        board: u64,
        item: u64,
        values: &Map<String, Value>,
        may_add: bool,
    ) -> Outcome<()> {
        if self.item(item)?.board != board {
            return Err(Refusal::gone("Item", item));
        }
        let (name, cells) = self.cells(board, values, may_add)?;
        let now = self.now;
        if let Some(found) = self.items.get_mut(&item) {
            found.name = name.unwrap_or_else(|| found.name.clone());
            for (id, cell) in cells {
                match cell {
                    Some(cell) => drop(found.cells.insert(id, cell)),
                    None => drop(found.cells.remove(&id)),
                }
            }
            found.updated = now;
        }
        Ok(())
    }

    pub(super) fn change_all(
        &mut self,
        board: u64,
        item: u64,
        values: &Value,
        may_add: bool,
    ) -> Outcome<()> {
        let values = read(values)?;
        self.change(board, item, &values, may_add)
    }

    /// Removes an item, and all that hangs on it.
    pub(super) fn delete(&mut self, item: u64) -> Outcome<()> {
        self.item(item)?;
        self.items.remove(&item);
        self.posts.retain(|_, post| post.item != item);
        self.events.retain(|_, event| event.item != item);
        for other in self.items.values_mut() {
            for cell in other.cells.values_mut() {
                cell.linked.retain(|linked| *linked != item);
            }
        }
        Ok(())
    }

    pub(super) fn post(&mut self, item: u64, body: &str) -> Outcome<u64> {
        self.item(item)?;
        if body.trim().is_empty() {
            return Err(Refusal::argument("Update body can not be empty"));
        }
        let id = self.id(4_100_000_000);
        let (now, by) = (self.now, self.user);
        let post = Post {
            item,
            body: body.to_owned(),
            created: now,
            edited: now,
            by,
        };
        self.posts.insert(id, post);
        Ok(id)
    }

    pub(super) fn edit(&mut self, id: u64, body: &str) -> Outcome<()> {
        let now = self.now;
        let post = self.posts.get_mut(&id);
        let post = post.ok_or_else(|| Refusal::gone("Update", id))?;
        if body.trim().is_empty() {
            return Err(Refusal::argument("Update body can not be empty"));
        }
        body.clone_into(&mut post.body);
        post.edited = now;
        Ok(())
    }

    pub(super) fn happen(&mut self, event: Event) -> Outcome<String> {
        self.item(event.item)?;
        let most = |what: &str, text: &str| {
            if text.chars().count() > NAME_MOST {
                let message = format!("{what} is limited to {NAME_MOST} characters");
                return Err(Refusal::argument(message));
            }
            Ok(())
        };
        most("title", &event.title)?;
        most("summary", &event.summary)?;
        if event.title.is_empty() {
            return Err(Refusal::argument("title can not be empty"));
        }
        let is_it = |(id, _): &&(String, String)| *id == event.activity;
        if !self.activities.iter().any(|known| is_it(&known)) {
            return Err(Refusal::gone("Custom activity", &event.activity));
        }
        let label = self.noise.label("timeline item");
        let id = self.noise.guid(&label);
        self.events.insert(id.clone(), event);
        Ok(id)
    }

    /// Whether the search knows an item yet.
    pub(super) fn is_indexed(&self, item: &Item) -> bool {
        let lag = SignedDuration::from_secs(self.settings.search_lag_s);
        self.now.duration_since(item.created) >= lag
    }

    /// The items of a board whose column shows one of these texts; `name` is a column too.
    pub(super) fn having(
        &self,
        board: u64,
        columns: &[(String, Vec<String>)],
    ) -> Outcome<Vec<u64>> {
        let known = self.board(board)?;
        for (column, _) in columns {
            if column != "name" && known.columns.iter().all(|one| one.id != *column) {
                return Err(Refusal::no_column(column));
            }
        }
        let fits = |item: &Item| {
            columns.iter().all(|(column, texts)| {
                let shown = if column == "name" {
                    item.name.as_str()
                } else {
                    item.cells.get(column).map_or("", |cell| cell.text.as_str())
                };
                let mut texts = texts.iter();
                texts.any(|text| text.to_lowercase() == shown.to_lowercase())
            })
        };
        let items = self.items.iter().filter(|(_, item)| item.board == board);
        let found = items.filter(|(_, item)| self.is_indexed(item) && fits(item));
        Ok(found.map(|(id, _)| *id).collect())
    }

    /// Everything, for the control endpoint: updates stand with their items.
    pub(super) fn state(&self) -> Value {
        let mut boards = Map::new();
        for board in &self.boards {
            let items = self.items.iter().filter(|(_, item)| item.board == board.id);
            let items = items.map(|(id, item)| {
                let mut shown = json!({ "id": id.to_string(), "name": item.name,
                    "created_at": item.created.to_string() });
                let cells = item.cells.iter().map(|(column, cell)| {
                    let linked: Vec<String> = cell.linked.iter().map(u64::to_string).collect();
                    let value = if linked.is_empty() {
                        json!(cell.text)
                    } else {
                        json!(linked)
                    };
                    (column.clone(), value)
                });
                let posts = self.posts.iter().filter(|(_, post)| post.item == *id);
                let posts: Vec<&str> = posts.map(|(_, post)| post.body.as_str()).collect();
                if let Some(members) = shown.as_object_mut() {
                    members.extend(cells);
                    members.insert("updates".to_owned(), json!(posts));
                }
                shown
            });
            boards.insert(board.name.to_lowercase(), items.collect());
        }
        let events = self.events.iter().map(|(id, event)| {
            json!({ "id": id, "item": event.item.to_string(), "title": event.title,
                "content": event.content, "activity": event.activity })
        });
        boards.insert("timeline".to_owned(), events.collect());
        Value::Object(boards)
    }
}

fn named(name: &str) -> Outcome<()> {
    if name.chars().count() > NAME_MOST {
        let message = "Item name is too long: 255 characters at most";
        return Err(Refusal::new(200, "ItemNameTooLongException", message));
    }
    if name.trim().is_empty() {
        return Err(Refusal::argument("Item name can not be empty"));
    }
    Ok(())
}
