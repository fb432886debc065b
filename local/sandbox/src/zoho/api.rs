//! The calls there are: who answers each, what it costs, and which scopes open it.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use super::coql;
use super::list::{self, Listed};
use super::meta;
use super::modules::{Module, module};
use super::org::Org;
use super::refusal::{Outcome, Refusal};
use crate::oauth::{Answer, Form, get, header, query};

/// The most records of a call.
const MOST: usize = 100;

/// One call, read.
#[derive(Debug)]
pub(super) struct Call<'a> {
    method: &'a str,
    route: Route,
    query: Form,
    body: Value,
    /// Which external field names the record, and when the caller looked last.
    external: Option<&'a str>,
    modified: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Coql,
    Modules,
    Fields,
    Field(String),
    All(String),
    Search(String),
    Deleted(String),
    Upsert(String),
    One(String, String),
    Nowhere,
}

fn route(path: &str) -> Route {
    let Some(rest) = path.strip_prefix("/crm/v8/") else {
        return Route::Nowhere;
    };
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let owned = |text: &&str| (*text).to_owned();
    match parts.as_slice() {
        ["coql"] => Route::Coql,
        ["settings", "modules"] => Route::Modules,
        ["settings", "fields"] => Route::Fields,
        ["settings", "fields", name] => Route::Field(owned(name)),
        ["settings" | "actions" | "__composite_requests", ..] => Route::Nowhere,
        [module] => Route::All(owned(module)),
        [module, "search"] => Route::Search(owned(module)),
        [module, "deleted"] => Route::Deleted(owned(module)),
        [module, "upsert"] => Route::Upsert(owned(module)),
        [module, id] => Route::One(owned(module), owned(id)),
        _ => Route::Nowhere,
    }
}

impl<'a> Call<'a> {
    /// Reads a request; bodies need no type.
    pub(super) fn read(request: &'a Request<Bytes>, path: &str) -> Self {
        Self {
            method: request.method().as_str(),
            route: route(path),
            query: query(request),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
            external: header(request, "x-external"),
            modified: header(request, "if-modified-since"),
        }
    }

    /// In credits.
    pub(super) fn cost(&self) -> u64 {
        match (&self.route, self.method) {
            (Route::Coql, _) => coql::weigh(&self.body).1,
            (Route::All(_) | Route::Upsert(_), "POST" | "PUT") => {
                let rows = self.body.get("data").and_then(Value::as_array);
                let rows = rows.map_or(1, Vec::len).div_ceil(10).max(1);
                u64::try_from(rows).unwrap_or(u64::MAX)
            }
            _ => 1,
        }
    }

    /// Whether these scopes open it.
    pub(super) fn is_open_to(&self, scopes: &[String]) -> bool {
        let has = |wanted: &str| {
            scopes
                .iter()
                .any(|scope| scope.eq_ignore_ascii_case(wanted))
        };
        let setting = |part: &str| {
            has("ZohoCRM.settings.ALL")
                || has(&format!("ZohoCRM.settings.{part}.ALL"))
                || has(&format!("ZohoCRM.settings.{part}.READ"))
        };
        let module = |name: &str, how: &str| {
            has("ZohoCRM.modules.ALL")
                || has(&format!("ZohoCRM.modules.{name}.ALL"))
                || has(&format!("ZohoCRM.modules.{name}.{how}"))
        };
        let how = match self.method {
            "POST" => "CREATE",
            "PUT" => "UPDATE",
            "DELETE" => "DELETE",
            _ => "READ",
        };
        match &self.route {
            Route::Nowhere => true,
            Route::Modules => setting("modules"),
            Route::Fields | Route::Field(_) => setting("fields"),
            Route::Coql => {
                let of = coql::weigh(&self.body).0;
                has("ZohoCRM.coql.READ") && of.is_none_or(|of| module(of.name, "READ"))
            }
            Route::Search(name) => has("ZohoSearch.securesearch.READ") && module(name, "READ"),
            Route::All(name) | Route::Deleted(name) | Route::Upsert(name) | Route::One(name, _) => {
                module(name, how)
            }
        }
    }

    fn described(&self) -> Outcome<&'static Module> {
        let Some(name) = get(&self.query, "module") else {
            let message = "One of the expected parameter is missing";
            let refusal = Refusal::new(400, "REQUIRED_PARAM_MISSING", message);
            return Err(refusal.with("param_name", "module"));
        };
        of(name)
    }

    /// The records of the body.
    fn rows(&self) -> Outcome<Vec<Map<String, Value>>> {
        if self.body.is_null() {
            let message = "The given JSON seems to be invalid";
            return Err(Refusal::new(400, "INVALID_DATA", message));
        }
        let data = self
            .body
            .get("data")
            .ok_or_else(|| Refusal::mandatory("data"))?;
        let data = data
            .as_array()
            .ok_or_else(|| Refusal::type_of("data", "jsonarray"))?;
        if data.len() > MOST {
            return Err(Refusal::invalid("data").with("maximum_length", MOST));
        }
        let rows = data.iter().map(|row| row.as_object().cloned());
        let rows: Option<Vec<_>> = rows.collect();
        match rows {
            Some(rows) if !rows.is_empty() => Ok(rows),
            _ => Err(Refusal::type_of("data", "jsonobject")),
        }
    }

    /// The id that a path names, by itself or by an external field.
    fn id(&self, org: &Org, module: &Module, named: &str) -> Outcome<String> {
        let Some(external) = self.external else {
            return Ok(named.to_owned());
        };
        let name = external.rsplit('.').next().unwrap_or_default();
        let field = module
            .field(name, &org.settings)
            .filter(|field| field.external);
        let field = field.ok_or_else(|| Refusal::invalid("X-EXTERNAL"))?;
        let mut rows = org.store.all(module.name);
        let row = rows.find(|row| row.get(field.name).and_then(Value::as_str) == Some(named));
        let id = row.and_then(|row| row.get("id")?.as_str());
        id.map(str::to_owned)
            .ok_or_else(|| Refusal::no_id(field.name))
    }
}

fn of(name: &str) -> Outcome<&'static Module> {
    module(name).ok_or_else(Refusal::no_module)
}

fn found(body: Option<Value>) -> Answer {
    body.map_or_else(|| Answer::empty(204), |body| Answer::json(200, body))
}

/// Answers a call of this user.
pub(super) fn answer(org: &mut Org, call: &Call<'_>, user: &str) -> Outcome<Answer> {
    org.settle();
    match (&call.route, call.method) {
        (Route::Nowhere, _) => Err(Refusal::no_url()),
        (Route::Coql, "POST") => Ok(found(coql::answer(org, &call.body)?)),
        (Route::Modules, "GET") => Ok(Answer::json(200, meta::modules())),
        (Route::Fields, "GET") => Ok(Answer::json(200, meta::fields(org, call.described()?))),
        (Route::Field(name), "GET") => Ok(found(meta::one(org, call.described()?, name)?)),
        (Route::All(name), "GET") => {
            let listed = list::list(org, of(name)?, &call.query, call.modified)?;
            Ok(match listed {
                Listed::Found(body) => Answer::json(200, body),
                Listed::Nothing => Answer::empty(204),
                Listed::NotModified => Answer::empty(304),
            })
        }
        (Route::Search(name), "GET") => Ok(found(list::search(org, of(name)?, &call.query)?)),
        (Route::Deleted(name), "GET") => Ok(found(list::deleted(org, of(name)?, &call.query)?)),
        (Route::One(name, id), "GET") => {
            let module = of(name)?;
            let id = call.id(org, module, id)?;
            Ok(found(list::one(org, module, &id, &call.query)))
        }
        (Route::All(name), "POST" | "PUT") => written(org, call, of(name)?, None, user),
        (Route::One(name, id), "PUT") => {
            let module = of(name)?;
            let id = call.id(org, module, id)?;
            written(org, call, module, Some(&id), user)
        }
        (Route::Upsert(name), "POST") => upserted(org, call, of(name)?, user),
        (Route::All(name), "DELETE") => {
            let ids = get(&call.query, "ids").unwrap_or_default();
            let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
            deleted(org, of(name)?, &ids)
        }
        (Route::One(name, id), "DELETE") => {
            let module = of(name)?;
            let id = call.id(org, module, id)?;
            deleted(org, module, &[id.as_str()])
        }
        _ => Err(Refusal::no_method()),
    }
}

fn written(
    org: &mut Org,
    call: &Call<'_>,
    module: &'static Module,
    one: Option<&str>,
    user: &str,
) -> Outcome<Answer> {
    let creates = call.method == "POST";
    let mut rows = Vec::new();
    for (place, body) in call.rows()?.iter().enumerate() {
        let id = one.or_else(|| body.get("id").and_then(Value::as_str));
        let outcome = match id {
            _ if creates => org.create(module, body, user),
            Some(id) => org.update(module, id, body, user).map(|()| id.to_owned()),
            None => Err(Refusal::mandatory("id")),
        };
        rows.push(outcome.map_err(|refusal| refusal.at(place)));
    }
    let message = if creates {
        "record added"
    } else {
        "record updated"
    };
    triggered(org, call, rows.iter().filter(|row| row.is_ok()).count());
    let shown = rows.iter().map(|row| match row {
        Ok(id) => {
            json!({ "code": "SUCCESS", "details": org.details(module, id), "message": message,
            "status": "success" })
        }
        Err(refusal) => refusal.shown(),
    });
    let shown: Vec<Value> = shown.collect();
    Ok(rows_answer(org, &shown, if creates { 201 } else { 200 }))
}

fn upserted(
    org: &mut Org,
    call: &Call<'_>,
    module: &'static Module,
    user: &str,
) -> Outcome<Answer> {
    let Some(usual) = module.check else {
        let message = "The module does not support the operation";
        return Err(Refusal::new(400, "NOT_SUPPORTED", message));
    };
    let named = call
        .body
        .get("duplicate_check_fields")
        .and_then(Value::as_array);
    let named = named.into_iter().flatten().filter_map(Value::as_str);
    let mut checks: Vec<String> = named.map(str::to_owned).collect();
    if checks.is_empty() {
        checks.push(usual.to_owned());
    }
    let mut shown = Vec::new();
    let mut done = 0;
    for (place, body) in call.rows()?.iter().enumerate() {
        shown.push(match org.upsert(module, body, &checks, user) {
            Ok((id, by)) => {
                done += 1;
                let (action, message) = match by {
                    Some(_) => ("update", "record updated"),
                    None => ("insert", "record added"),
                };
                json!({ "code": "SUCCESS", "duplicate_field": by, "action": action,
                    "details": org.details(module, &id), "message": message, "status": "success" })
            }
            Err(refusal) => refusal.at(place).shown(),
        });
    }
    triggered(org, call, done);
    Ok(rows_answer(org, &shown, 200))
}

fn deleted(org: &mut Org, module: &'static Module, ids: &[&str]) -> Outcome<Answer> {
    if ids.is_empty() || ids.len() > MOST {
        return Err(Refusal::invalid("ids").with("maximum_length", MOST));
    }
    let now = org.now;
    let rows = ids.iter().map(|id| {
        if org.store.delete(module.name, id, now) {
            json!({ "code": "SUCCESS", "details": { "id": id }, "message": "record deleted", "status": "success" })
        } else {
            Refusal::no_id("id").shown()
        }
    });
    let rows: Vec<Value> = rows.collect();
    Ok(rows_answer(org, &rows, 200))
}

/// Without `trigger` all automation runs; with an empty list none.
fn triggered(org: &mut Org, call: &Call<'_>, rows: usize) {
    let named = call.body.get("trigger").and_then(Value::as_array);
    if named.is_none_or(|named| named.contains(&json!("workflow"))) {
        org.workflows += u64::try_from(rows).unwrap_or_default();
    }
}

/// The status tells whether all, some or none were carried out; each record tells for itself.
fn rows_answer(org: &Org, rows: &[Value], all: u16) -> Answer {
    let failed = rows
        .iter()
        .filter(|row| row.get("status") == Some(&json!("error")))
        .count();
    let status = match failed {
        0 => all,
        failed if failed == rows.len() => org.settings.all_failed_status,
        _ => 207,
    };
    Answer::json(status, json!({ "data": rows }))
}
