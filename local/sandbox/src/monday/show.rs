//! What the account holds, as a document asks to see it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account::{Account, Event, Item, Post};
use super::columns::Column;
use super::graphql::Field;

/// The most items of a page.
const PAGE_MOST: usize = 500;

pub(super) fn shaped(
    of: &[Field],
    kinds: &[&str],
    mut value: impl FnMut(&Field) -> Value,
) -> Value {
    let mut found = Map::new();
    for field in of {
        if !field.on.iter().all(|on| kinds.contains(&on.as_str())) {
            continue;
        }
        let value = match field.name.as_str() {
            "__typename" => json!(kinds.first()),
            _ => value(field),
        };
        found.insert(field.alias.clone(), value);
    }
    Value::Object(found)
}

/// Shows what is there as a whole.
pub(super) fn plain(of: &[Field], kind: &str, row: &Value) -> Value {
    shaped(of, &[kind], |field| {
        row.get(&field.name).cloned().unwrap_or_default()
    })
}

fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn texts(field: &Field, name: &str) -> Option<Vec<String>> {
    let list = field.list(name)?;
    Some(
        list.into_iter()
            .filter_map(|one| Some(one.as_str()?.to_owned()))
            .collect(),
    )
}

pub(super) fn paged<T>(all: Vec<T>, field: &Field, limit: usize) -> Vec<T> {
    let limit = field.integer("limit", limit);
    let page = field.integer("page", 1).max(1);
    all.into_iter()
        .skip((page - 1) * limit)
        .take(limit)
        .collect()
}

impl Account {
    pub(super) fn column(of: &[Field], column: &Column) -> Value {
        let settings = column.settings();
        let row = json!({ "id": column.id, "title": column.title, "description": null, "type": column.kind,
            "archived": column.archived, "settings_str": settings.to_string(), "settings": settings, "revision": "1" });
        plain(of, "Column", &row)
    }

    pub(super) fn shown_board(&self, of: &[Field], id: u64) -> Value {
        let Ok(board) = self.board(id) else {
            return Value::Null;
        };
        let all = self.items.iter().filter(|(_, item)| item.board == id);
        let all: Vec<u64> = all.map(|(id, _)| *id).collect();
        shaped(of, &["Board"], |field| match field.name.as_str() {
            "id" => json!(board.id.to_string()),
            "name" => json!(board.name),
            "board_kind" => json!("public"),
            "state" => json!("active"),
            "items_count" => json!(all.len()),
            "columns" => {
                let (ids, kinds) = (texts(field, "ids"), texts(field, "types"));
                let fits = |column: &&Column| {
                    ids.as_ref().is_none_or(|ids| ids.contains(&column.id))
                        && kinds
                            .as_ref()
                            .is_none_or(|kinds| kinds.contains(&column.kind))
                };
                let columns = board.columns.iter().filter(fits);
                columns
                    .map(|column| Self::column(&field.of, column))
                    .collect()
            }
            "groups" => json!([self.group(&field.of)]),
            "items_page" => {
                let limit = field.integer("limit", 25);
                self.page(&field.of, id, &all, 0, limit)
            }
            _ => Value::Null,
        })
    }

    fn group(&self, of: &[Field]) -> Value {
        let _ = self;
        let row =
            json!({ "id": "topics", "title": "Group Title", "archived": false, "deleted": false });
        plain(of, "Group", &row)
    }

    /// A page of items, and where the next one begins.
    pub(super) fn page(
        &self,
        of: &[Field],
        board: u64,
        all: &[u64],
        from: usize,
        limit: usize,
    ) -> Value {
        let limit = limit.clamp(1, PAGE_MOST);
        let ids: Vec<u64> = all.iter().skip(from).take(limit).copied().collect();
        let more = all.len() > from + limit;
        shaped(of, &["ItemsResponse"], |field| match field.name.as_str() {
            "cursor" if more => {
                let all: Vec<String> = all.iter().skip(from + limit).map(u64::to_string).collect();
                json!(format!("MS{board}:{}", all.join(".")))
            }
            "items" => ids
                .iter()
                .map(|id| self.shown_item(&field.of, *id))
                .collect(),
            _ => Value::Null,
        })
    }

    pub(super) fn shown_item(&self, of: &[Field], id: u64) -> Value {
        let Some(item) = self.items.get(&id) else {
            return Value::Null;
        };
        shaped(of, &["Item"], |field| match field.name.as_str() {
            "id" => json!(id.to_string()),
            "name" => json!(item.name),
            "board" => self.shown_board(&field.of, item.board),
            "group" => self.group(&field.of),
            "state" => json!("active"),
            "created_at" => json!(written(item.created)),
            "updated_at" => json!(written(item.updated)),
            "creator_id" => json!(item.by.to_string()),
            "url" => json!(format!(
                "https://liveprompt-sandbox.monday.com/boards/{}/pulses/{id}",
                item.board
            )),
            "column_values" => self.values(field, item),
            "linked_items" => {
                let column = field.text("link_to_item_column_id").unwrap_or_default();
                let board = field.id("linked_board_id");
                let linked = item.cells.get(column).map(|cell| cell.linked.clone());
                let linked = linked.unwrap_or_default().into_iter();
                let of_board = |id: &u64| self.items.get(id).map(|item| item.board) == board;
                let linked = linked.filter(of_board);
                linked.map(|id| self.shown_item(&field.of, id)).collect()
            }
            "updates" => {
                let ids = field.ids("ids");
                // The newest first.
                let posts = self.posts.iter().rev().filter(|(post, row)| {
                    row.item == id && ids.as_ref().is_none_or(|ids| ids.contains(post))
                });
                let posts = paged(posts.collect(), field, 25).into_iter();
                posts
                    .map(|(id, post)| Self::update(&field.of, *id, post))
                    .collect()
            }
            _ => Value::Null,
        })
    }

    fn values(&self, field: &Field, item: &Item) -> Value {
        let Ok(board) = self.board(item.board) else {
            return json!([]);
        };
        let (ids, kinds) = (texts(field, "ids"), texts(field, "types"));
        let fits = |column: &&Column| {
            ids.as_ref().is_none_or(|ids| ids.contains(&column.id))
                && kinds
                    .as_ref()
                    .is_none_or(|kinds| kinds.contains(&column.kind))
        };
        let shown = board.columns.iter().filter(fits).map(|column| {
            let cell = item.cells.get(&column.id);
            let kind = match column.kind.as_str() {
                "email" => "EmailValue",
                "board_relation" => "BoardRelationValue",
                _ => "TextValue",
            };
            let value = cell
                .map(|cell| &cell.value)
                .filter(|value| !value.is_null());
            let linked = cell.map_or(&[][..], |cell| cell.linked.as_slice());
            shaped(&field.of, &[kind, "ColumnValue"], |inner| {
                match inner.name.as_str() {
                    "id" => json!(column.id),
                    "type" => json!(column.kind),
                    "column" => Self::column(&inner.of, column),
                    // A connection shows neither text nor value: `linked_item_ids` does.
                    "text" if kind == "BoardRelationValue" => Value::Null,
                    "text" | "label" => json!(cell.map(|cell| &cell.text)),
                    "email" => value
                        .and_then(|value| value.get("email"))
                        .cloned()
                        .unwrap_or_default(),
                    // JSON within a text.
                    "value" => json!(value.map(Value::to_string)),
                    "linked_item_ids" => linked.iter().map(|id| json!(id.to_string())).collect(),
                    "display_value" => {
                        let names = linked.iter().filter_map(|id| self.items.get(id));
                        let names: Vec<&str> = names.map(|item| item.name.as_str()).collect();
                        json!(names.join(", "))
                    }
                    _ => Value::Null,
                }
            })
        });
        shown.collect()
    }

    pub(super) fn update(of: &[Field], id: u64, post: &Post) -> Value {
        let row = json!({ "id": id.to_string(), "body": post.body, "text_body": post.body, "item_id": post.item.to_string(),
            "creator_id": post.by.to_string(), "created_at": written(post.created), "edited_at": written(post.edited) });
        plain(of, "Update", &row)
    }

    pub(super) fn event(of: &[Field], id: &str, event: &Event) -> Value {
        let row = json!({ "id": id, "type": "custom_activity", "title": event.title, "content": event.content,
            "custom_activity_id": event.activity, "created_at": written(event.created) });
        plain(of, "TimelineItem", &row)
    }

    pub(super) fn timeline(&self, field: &Field) -> Value {
        let item = field.id("id");
        let mut all: Vec<(&String, &Event)> = self.events.iter().collect();
        all.retain(|(_, event)| Some(event.item) == item);
        all.sort_by_key(|(_, event)| std::cmp::Reverse(event.created));
        shaped(&field.of, &["TimelineResponse"], |inner| {
            let all = paged(all.clone(), inner, 25);
            shaped(&inner.of, &["TimelineItemsPage"], |inner| {
                if inner.name == "cursor" {
                    return Value::Null;
                }
                let shown = all
                    .iter()
                    .map(|(id, event)| Self::event(&inner.of, id, event));
                shown.collect()
            })
        })
    }
}
