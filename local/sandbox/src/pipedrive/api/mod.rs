//! The calls there are: what each costs, which scopes open it, and who answers it.

pub(super) mod list;
mod notes;
mod search;
mod setup;
mod v1;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use super::company::Company;
use super::errors::{Outcome, Refusal, page, success};
use super::kinds::Kind;
use super::store::Row;
use crate::oauth::{Answer, Form, content_type, get, query};

/// One call, read.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) route: Route,
    /// The user who calls.
    pub(super) user: u64,
    pub(super) query: Form,
    pub(super) body: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    List(Kind),
    Archived,
    One(Kind, u64),
    Create(Kind),
    Update(Kind, u64),
    Delete(Kind, u64),
    Search(Kind),
    ItemSearch,
    FieldSearch,
    Fields(Kind),
    Field(Kind, String),
    CreateField(Kind),
    RenameField(Kind, String),
    DeleteField(Kind, String),
    Me,
    Users,
    User(u64),
    FindUsers,
    ActivityTypes,
    Webhooks,
    CreateWebhook,
    DeleteWebhook(u64),
}

/// A route by method and path, with its cost in tokens (`x-token-cost` of the vendor's specification).
pub(super) fn route(method: &str, path: &str) -> Option<(u8, Route, u64)> {
    let path = path.trim_matches('/');
    let path = path.strip_prefix("api/").unwrap_or(path);
    let (version, rest) = path.split_once('/')?;
    let parts: Vec<&str> = rest.split('/').collect();
    let (route, cost) = match version {
        "v2" => second(method, &parts)?,
        "v1" => first(method, &parts)?,
        _ => return None,
    };
    Some((if version == "v1" { 1 } else { 2 }, route, cost))
}

fn second(method: &str, parts: &[&str]) -> Option<(Route, u64)> {
    let kind = Kind::by_path;
    Some(match (method, parts) {
        ("GET", ["itemSearch"]) => (Route::ItemSearch, 20),
        ("GET", ["itemSearch", "field"]) => (Route::FieldSearch, 20),
        ("GET", ["deals", "archived"]) => (Route::Archived, 20),
        ("GET", [name, "search"]) => {
            let kind = kind(name).filter(|kind| kind.is_searched())?;
            (Route::Search(kind), 20)
        }
        (_, [name, rest @ ..]) if name.ends_with("Fields") => {
            let kinds = [Kind::Activity, Kind::Person, Kind::Organization, Kind::Deal];
            let wanted = name.trim_end_matches("Fields");
            let kind = kinds.into_iter().find(|kind| kind.name() == wanted)?;
            return fields(method, kind, rest);
        }
        ("GET", [name]) => {
            let kind = kind(name)?;
            (Route::List(kind), if kind.is_setup() { 5 } else { 10 })
        }
        ("GET", [name, id]) => (Route::One(kind(name)?, id.parse().ok()?), 1),
        // Pipelines and stages are the admin's, in the browser.
        (_, [name, ..]) if kind(name)?.is_setup() => return None,
        ("POST", [name]) => (Route::Create(kind(name)?), 5),
        ("PATCH", [name, id]) => (Route::Update(kind(name)?, id.parse().ok()?), 5),
        ("DELETE", [name, id]) => (Route::Delete(kind(name)?, id.parse().ok()?), 3),
        _ => return None,
    })
}

fn fields(method: &str, kind: Kind, rest: &[&str]) -> Option<(Route, u64)> {
    let custom = kind != Kind::Activity;
    Some(match (method, rest) {
        ("GET", []) => (Route::Fields(kind), 10),
        ("GET", [code]) => (Route::Field(kind, (*code).to_owned()), 1),
        ("POST", []) if custom => (Route::CreateField(kind), 5),
        ("PATCH", [code]) if custom => (Route::RenameField(kind, (*code).to_owned()), 5),
        ("DELETE", [code]) if custom => (Route::DeleteField(kind, (*code).to_owned()), 3),
        _ => return None,
    })
}

fn first(method: &str, parts: &[&str]) -> Option<(Route, u64)> {
    Some(match (method, parts) {
        ("GET", ["users"]) => (Route::Users, 20),
        ("GET", ["users", "me"]) => (Route::Me, 2),
        ("GET", ["users", "find"]) => (Route::FindUsers, 40),
        ("GET", ["users", id]) => (Route::User(id.parse().ok()?), 2),
        ("GET", ["activityTypes"]) => (Route::ActivityTypes, 20),
        ("GET", ["notes"]) => (Route::List(Kind::Note), 20),
        ("POST", ["notes"]) => (Route::Create(Kind::Note), 10),
        ("GET", ["notes", id]) => (Route::One(Kind::Note, id.parse().ok()?), 2),
        ("PUT", ["notes", id]) => (Route::Update(Kind::Note, id.parse().ok()?), 10),
        ("DELETE", ["notes", id]) => (Route::Delete(Kind::Note, id.parse().ok()?), 6),
        ("GET", ["webhooks"]) => (Route::Webhooks, 10),
        ("POST", ["webhooks"]) => (Route::CreateWebhook, 10),
        ("DELETE", ["webhooks", id]) => (Route::DeleteWebhook(id.parse().ok()?), 6),
        _ => return None,
    })
}

impl Route {
    /// Whether the limit of searches holds.
    pub(super) fn is_search(&self) -> bool {
        matches!(self, Self::Search(_) | Self::ItemSearch | Self::FieldSearch)
    }

    /// Whether one of these scopes opens it.
    pub(super) fn is_open_to(&self, scopes: &[String]) -> bool {
        let wanted: &[&str] = match self {
            Self::Me => &["base"],
            Self::Users | Self::User(_) | Self::FindUsers => &["users:read"],
            Self::ActivityTypes => &["activities:read", "activities:full", "admin"],
            Self::Webhooks
            | Self::CreateWebhook
            | Self::DeleteWebhook(_)
            | Self::Fields(Kind::Activity)
            | Self::Field(Kind::Activity, _) => &["admin"],
            Self::ItemSearch | Self::FieldSearch => &["search:read"],
            Self::Search(Kind::Deal) => &["deals:read", "deals:full", "search:read"],
            Self::Search(_) => &["contacts:read", "contacts:full", "search:read"],
            Self::Fields(Kind::Deal) | Self::Field(Kind::Deal, _) => {
                &["deals:read", "deals:full", "admin", "deal-fields:full"]
            }
            Self::Fields(_) | Self::Field(..) => &[
                "contacts:read",
                "contacts:full",
                "admin",
                "contact-fields:full",
            ],
            Self::CreateField(Kind::Deal)
            | Self::RenameField(Kind::Deal, _)
            | Self::DeleteField(Kind::Deal, _) => &["admin", "deal-fields:full"],
            Self::CreateField(_) | Self::RenameField(..) | Self::DeleteField(..) => {
                &["admin", "contact-fields:full"]
            }
            Self::Archived => &["deals:read", "deals:full"],
            Self::List(kind) | Self::One(kind, _) => match kind {
                Kind::Activity => &["activities:read", "activities:full"],
                Kind::Person | Kind::Organization => &["contacts:read", "contacts:full"],
                Kind::Deal => &["deals:read", "deals:full"],
                Kind::Pipeline | Kind::Stage => &["deals:read", "deals:full", "admin"],
                Kind::Note => &["deals:read", "deals:full", "contacts:read", "contacts:full"],
            },
            Self::Create(kind) | Self::Update(kind, _) | Self::Delete(kind, _) => match kind {
                Kind::Activity => &["activities:full"],
                Kind::Person | Kind::Organization => &["contacts:full"],
                Kind::Deal => &["deals:full"],
                Kind::Pipeline | Kind::Stage => &["admin"],
                Kind::Note => &["deals:full", "contacts:full"],
            },
        };
        scopes.iter().any(|scope| wanted.contains(&scope.as_str()))
    }
}

/// The parameters and the body of a request.
pub(super) fn read(request: &Request<Bytes>) -> Outcome<(Form, Map<String, Value>)> {
    let writes = matches!(request.method().as_str(), "POST" | "PUT" | "PATCH");
    if !writes {
        return Ok((query(request), Map::new()));
    }
    if content_type(request) != "application/json" {
        let error = "The content type should be application/json";
        return Err(Refusal::new(415, "ERR_UNSUPPORTED_MEDIA_TYPE", error));
    }
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(body)) => Ok((query(request), body)),
        _ => Err(Refusal::bad("The body is no JSON object")),
    }
}

/// Answers a call that was let in.
pub(super) fn answer(company: &mut Company, call: &Call) -> Outcome<Answer> {
    company.settle();
    match &call.route {
        Route::List(Kind::Note) | Route::Create(Kind::Note) => notes::answer(company, call),
        Route::One(Kind::Note, _) | Route::Update(Kind::Note, _) | Route::Delete(Kind::Note, _) => {
            notes::answer(company, call)
        }
        Route::List(kind) => list::answer(company, call, *kind, false),
        Route::Archived => list::answer(company, call, Kind::Deal, true),
        Route::One(kind, id) => {
            let row = company.store.get(*kind, *id);
            let row = row.ok_or_else(|| Refusal::not_found(kind.title()))?;
            Ok(success(list::shown(call, *kind, row)?))
        }
        Route::Create(kind) => {
            let id = company.create(*kind, &call.body, call.user)?;
            Ok(success(whole(company, *kind, id)))
        }
        Route::Update(kind, id) => {
            company.update(*kind, *id, &call.body)?;
            Ok(success(whole(company, *kind, *id)))
        }
        Route::Delete(kind, id) => {
            company.delete(*kind, *id)?;
            Ok(success(json!({ "id": id })))
        }
        Route::Search(kind) => search::of(company, call, *kind),
        Route::ItemSearch => search::items(company, call),
        Route::FieldSearch => search::field(company, call),
        Route::Fields(_)
        | Route::Field(..)
        | Route::CreateField(_)
        | Route::RenameField(..)
        | Route::DeleteField(..) => setup::answer(company, call),
        Route::Me
        | Route::Users
        | Route::User(_)
        | Route::FindUsers
        | Route::ActivityTypes
        | Route::Webhooks
        | Route::CreateWebhook
        | Route::DeleteWebhook(_) => v1::answer(company, call),
    }
}

/// A record with everything, as the answer to a write has it.
fn whole(company: &Company, kind: Kind, id: u64) -> Value {
    let row = company
        .store
        .get(kind, id)
        .cloned()
        .unwrap_or_else(Row::new);
    Value::Object(row)
}

/// A whole number of the query.
fn number(query: &Form, name: &str) -> Outcome<Option<u64>> {
    get(query, name)
        .map(|text| {
            let number = text.parse();
            number.map_err(|_| Refusal::invalid(name, "This value should be of type int."))
        })
        .transpose()
}

/// A flag of the query.
fn flag(query: &Form, name: &str) -> Outcome<Option<bool>> {
    match get(query, name) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Refusal::invalid(name, "This value should be of type bool.")),
    }
}

/// How many a page has: a hundred, and five hundred at most.
fn limit(query: &Form) -> Outcome<usize> {
    match number(query, "limit")?.unwrap_or(100) {
        limit @ 1..=500 => Ok(usize::try_from(limit).unwrap_or(500)),
        _ => Err(Refusal::invalid(
            "limit",
            "This value should be between 1 and 500.",
        )),
    }
}

/// The part of a list that starts where the cursor says, for lists without an order of their own.
fn part(query: &Form, all: Vec<Value>) -> Outcome<(Vec<Value>, Option<String>)> {
    let limit = limit(query)?;
    let start = match get(query, "cursor") {
        None => 0,
        Some(cursor) => {
            let place = list::opened(cursor).and_then(|cursor| cursor.get("start")?.as_u64());
            place.ok_or_else(|| Refusal::invalid("cursor", "This cursor is not valid."))?
        }
    };
    let from = usize::try_from(start).unwrap_or(usize::MAX);
    let more = all.len().saturating_sub(from) > limit;
    let rows: Vec<Value> = all.into_iter().skip(from).take(limit).collect();
    let next = more.then(|| list::sealed(&json!({ "start": from + limit })));
    Ok((rows, next))
}

/// An answer of such a list.
fn paged(query: &Form, all: Vec<Value>, wrap: impl Fn(Vec<Value>) -> Value) -> Outcome<Answer> {
    let (rows, next) = part(query, all)?;
    Ok(page(wrap(rows), next))
}
