//! The calls of the API: who calls, whether the account's limits let the call pass, and who answers it.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account::{Account, OWNERS};
use super::errors::{Outcome, Refusal, failed};
use super::kinds::{Kind, List};
use super::settings::Edition;
use super::store::shifted;
use super::{Freshsales, Settings};
use crate::oauth::{Answer, Form, PEOPLE, content_type, credential, query};

/// How long a job takes, and how many records it takes at most.
const JOB_S: i64 = 2;
const JOB_MOST: usize = 100;

/// One call, read.
struct Call<'a> {
    settings: &'a Settings,
    user: u64,
    query: Form,
    body: Map<String, Value>,
}

impl Freshsales {
    /// The path below `/api`, if this account has that address.
    fn below_api(&self, path: &str) -> Option<String> {
        let suite = path.strip_prefix("/crm/sales/api/");
        let classic = path.strip_prefix("/api/");
        let below = match self.settings.edition {
            Edition::Suite => suite,
            Edition::Classic => classic,
            Edition::Both => suite.or(classic),
        };
        below.map(|below| below.trim_end_matches('/').to_owned())
    }

    /// Who is calling: by the key, or by a token of the organisation.
    fn caller(&self, request: &Request<Bytes>, now: Timestamp) -> Option<&str> {
        if let Some(token) = credential(request, "Bearer") {
            let access = self.tables.access(token, now);
            let access = access.filter(|_| self.settings.oauth_opens_api)?;
            return Some(&access.consent.user);
        }
        let key = credential(request, "Token")?.strip_prefix("token=")?;
        let key = key.trim_matches('"');
        let mut people = PEOPLE.iter();
        people
            .find(|person| self.key(person.email) == key)
            .map(|person| person.email)
    }

    pub(super) fn data(&mut self, request: &Request<Bytes>, path: &str, now: Timestamp) -> Answer {
        if self.settings.expired {
            return Answer::html(200, "<html><body>Your trial has expired.</body></html>");
        }
        let Some(path) = self.below_api(path) else {
            // Whoever is at the wrong address is sent to the login page.
            return Answer::found(format!("{}/login", self.base_url));
        };
        let Some(user) = self.caller(request, now).map(str::to_owned) else {
            let body = json!({ "login": "failed", "message": "Invalid credentials" });
            return Answer::json(401, body);
        };
        if self.settings.denied_users.contains(&user) {
            return failed(403, "Access Denied");
        }
        let user = Account::user_id(&user).unwrap_or_default();
        if let Err(answer) = self.limits.admit(&self.settings, now) {
            return self.limits.label(answer, &self.settings, now);
        }
        self.account.now = now;
        self.account.settle(self.settings.search_lag_s);
        let answered = body(request).and_then(|body| {
            let call = Call {
                settings: &self.settings,
                user,
                query: query(request),
                body,
            };
            let parts: Vec<&str> = path.split('/').collect();
            self.account
                .answer(request.method().as_str(), &parts, &call)
        });
        let answer = answered.unwrap_or_else(|refusal| refusal.answer());
        self.limits.label(answer, &self.settings, now)
    }
}

/// The body of a call that has one.
fn body(request: &Request<Bytes>) -> Outcome<Map<String, Value>> {
    if !matches!(request.method().as_str(), "POST" | "PUT") {
        return Ok(Map::new());
    }
    let body = serde_json::from_slice(request.body());
    match body {
        Ok(Value::Object(body)) if content_type(request) == "application/json" => Ok(body),
        _ => Err(Refusal::bad("The request body is not a JSON object")),
    }
}

/// What a call says of one record: the wrapper around it may be missing, if the account takes that.
fn record<'a>(call: &'a Call<'_>, kind: Kind) -> Outcome<&'a Map<String, Value>> {
    match call.body.get(kind.wrapper()) {
        Some(Value::Object(record)) => Ok(record),
        None if call.settings.bare_bodies && !call.body.is_empty() => Ok(&call.body),
        _ => Err(Refusal::bad(format!(
            "param is missing or the value is empty: {}",
            kind.wrapper()
        ))),
    }
}

impl Account {
    fn answer(&mut self, method: &str, parts: &[&str], call: &Call<'_>) -> Outcome<Answer> {
        match (method, parts) {
            ("GET", ["lookup"]) => self.lookup(&call.query),
            ("GET", ["search"]) => self.search(&call.query),
            ("POST", ["filtered_search", name]) => {
                let kind = Kind::by_wrapper(name).filter(|kind| kind.is_searched());
                self.filtered(kind.ok_or_else(Refusal::not_found)?, &call.body)
            }
            ("GET", ["selector", rest @ ..]) => selector(call.settings, rest),
            ("GET", ["settings", name, "fields"]) => {
                let kind = Kind::by_path(name).ok_or_else(Refusal::not_found)?;
                let is_shown = match kind {
                    Kind::Appointment | Kind::Task => call.settings.activity_fields,
                    Kind::SalesActivity => call.settings.sales_activities,
                    Kind::Note => false,
                    Kind::Contact | Kind::Account | Kind::Deal => true,
                };
                if !is_shown {
                    return Err(Refusal::not_found());
                }
                Ok(Answer::json(200, json!({ "fields": Self::fields(kind) })))
            }
            ("POST", ["contacts", "bulk_upsert"]) => self.bulk_upsert(call),
            // Two public descriptions name two addresses.
            ("GET", ["jobs" | "job_statuses", id]) => self.job(id),
            (_, [name, rest @ ..]) => {
                let kind = Kind::by_path(name).ok_or_else(Refusal::not_found)?;
                self.of_kind(kind, (method, rest), call)
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn of_kind(
        &mut self,
        kind: Kind,
        (method, rest): (&str, &[&str]),
        call: &Call<'_>,
    ) -> Outcome<Answer> {
        let id = |text: &str| text.parse::<u64>().map_err(|_| Refusal::not_found());
        match (method, rest) {
            ("POST", []) => {
                let id = self.create(call.settings, kind, record(call, kind)?, call.user)?;
                Ok(self.shown(201, kind, id, &[]))
            }
            ("GET", []) if matches!(kind, Kind::Appointment | Kind::Task) => {
                self.planned(call.settings, kind, &call.query)
            }
            ("GET", ["filters"]) => {
                let view = Self::view(kind).ok_or_else(Refusal::not_found)?;
                let name = format!("All {}", kind.plural());
                let filter = json!({ "id": view, "name": name, "model_class_name": kind.class(),
                    "is_default": true });
                Ok(Answer::json(200, json!({ "filters": [filter] })))
            }
            ("GET", ["view", view]) => self.listed(kind, id(view)?, &call.query),
            // POST is documented; one public client sends PUT.
            ("POST" | "PUT", ["upsert"]) if kind.is_searched() => {
                let identifier = call
                    .body
                    .get("unique_identifier")
                    .and_then(Value::as_object);
                let none = Map::new();
                let pair = (identifier.unwrap_or(&none), record(call, kind)?);
                let (id, made) = self.upsert(call.settings, kind, pair, call.user)?;
                Ok(self.shown(if made { 201 } else { 200 }, kind, id, &[]))
            }
            ("GET", [of]) => {
                let of = id(of)?;
                self.store.get(kind, of).ok_or_else(Refusal::not_found)?;
                let include = crate::oauth::get(&call.query, "include");
                let include = crate::oauth::words(include, &[',']);
                Ok(self.shown(200, kind, of, &include))
            }
            ("PUT", [of]) => {
                let of = id(of)?;
                self.update(call.settings, kind, of, record(call, kind)?)?;
                Ok(self.shown(200, kind, of, &[]))
            }
            ("DELETE", [of]) => {
                self.delete(kind, id(of)?)?;
                Ok(Answer::empty(204))
            }
            ("GET", [of, what]) if kind.is_searched() => {
                let of = id(of)?;
                self.store.get(kind, of).ok_or_else(Refusal::not_found)?;
                let wanted: Vec<Kind> = match *what {
                    "activities" => vec![Kind::SalesActivity, Kind::Appointment],
                    "appointments" => vec![Kind::Appointment],
                    "tasks" => vec![Kind::Task],
                    "notes" => vec![Kind::Note],
                    _ => return Err(Refusal::not_found()),
                };
                let rows = wanted.into_iter();
                let rows: Vec<Value> = rows
                    .flat_map(|wanted| self.belonging((kind, of), wanted))
                    .collect();
                Ok(Answer::json(200, json!({ *what: rows })))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    /// A record as the answer to a call has it, with what was asked for beside it.
    fn shown(&self, status: u16, kind: Kind, id: u64, include: &[String]) -> Answer {
        let row = self.store.get(kind, id);
        let mut body = json!({ kind.wrapper(): row });
        for name in include {
            let member = |name: &str| row.and_then(|row| row.get(name)).cloned();
            let beside = match name.as_str() {
                "owner" => {
                    let owner = member("owner_id").unwrap_or_default();
                    let owners = Self::owners().into_iter();
                    let owners = owners.filter(|one| one.get("id") == Some(&owner));
                    ("users", owners.collect())
                }
                "sales_accounts" => {
                    let own = member("sales_accounts").unwrap_or_default();
                    let own = own.as_array().cloned().unwrap_or_default();
                    let ids = own.iter().filter_map(|one| one.get("id")?.as_u64());
                    let rows = ids.filter_map(|id| self.store.get(Kind::Account, id));
                    ("sales_accounts", rows.map(|row| json!(row)).collect())
                }
                name => match Kind::by_path(name) {
                    Some(other) => (other.plural(), self.belonging((kind, id), other)),
                    None => continue,
                },
            };
            if let Some(body) = body.as_object_mut() {
                body.insert(beside.0.to_owned(), Value::Array(beside.1));
            }
        }
        Answer::json(status, body)
    }

    /// Many contacts at once: what came of each is told later.
    fn bulk_upsert(&mut self, call: &Call<'_>) -> Outcome<Answer> {
        let contacts = call.body.get("contacts").and_then(Value::as_array);
        let contacts = contacts.ok_or_else(|| Refusal::bad("Contacts can't be blank"))?;
        if contacts.len() > JOB_MOST {
            let text = format!("Contacts can be {JOB_MOST} at most");
            return Err(Refusal::bad(text));
        }
        let mut errors = Vec::new();
        for (place, contact) in contacts.iter().enumerate() {
            let none = Map::new();
            let data = contact.get("data").and_then(Value::as_object);
            let mut identifier = Map::new();
            identifier.extend(
                contact
                    .get("emails")
                    .map(|e| ("emails".to_owned(), e.clone())),
            );
            let pair = (&identifier, data.unwrap_or(&none));
            if let Err(refusal) = self.upsert(call.settings, Kind::Contact, pair, call.user) {
                errors.push(json!({ "index": place, "message": refusal.messages }));
            }
        }
        let id = 73_000_000_001 + u64::try_from(self.jobs.len()).unwrap_or_default();
        let done = json!({ "id": id, "status": "Completed", "total": contacts.len(),
            "failed": errors.len(), "errors": errors });
        self.jobs.insert(id, (shifted(self.now, JOB_S), done));
        let text = "Request accepted. The status of the job is at the link of its id.";
        Ok(Answer::json(202, json!({ "message": text, "job_id": id })))
    }

    fn job(&self, id: &str) -> Outcome<Answer> {
        let job = id
            .parse()
            .ok()
            .and_then(|id: u64| Some((id, self.jobs.get(&id)?)));
        let (id, (at, done)) = job.ok_or_else(Refusal::not_found)?;
        if self.now < *at {
            return Ok(Answer::json(
                200,
                json!({ "id": id, "status": "In Progress" }),
            ));
        }
        Ok(Answer::json(200, done.clone()))
    }
}

/// The lists of the account.
fn selector(settings: &Settings, rest: &[&str]) -> Outcome<Answer> {
    let name = *rest.first().ok_or_else(Refusal::not_found)?;
    if name == "owners" {
        debug_assert_eq!(OWNERS.len(), PEOPLE.len(), "one number for each user");
        return Ok(Answer::json(200, json!({ "users": Account::owners() })));
    }
    if name.starts_with("sales_activity") && !settings.sales_activities {
        return Err(Refusal::not_found());
    }
    let list = List::by_name(name).ok_or_else(Refusal::not_found)?;
    let entries: Vec<Value> = (1..)
        .zip(list.entries())
        .map(|(place, (id, name))| json!({ "id": id, "name": name, "position": place }))
        .collect();
    Ok(Answer::json(200, json!({ name: entries })))
}
