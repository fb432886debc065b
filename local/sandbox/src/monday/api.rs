//! `POST /v2`: who calls, which version, what was answered before under the same key, the quotas, the
//! document, and what it is answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Monday;
use super::errors::{failed, missing_permission};
use super::graphql::{Field, Operation, checked, parse};
use super::run::{Complexity, MUTATION_POINTS, QUERY_POINTS};
use crate::oauth::{Answer, PEOPLE, header, person};

/// The versions there are, the oldest first.
const VERSIONS: [&str; 3] = ["2026-07", "2026-10", "2027-01"];
/// The largest answer that is remembered.
const REMEMBERED_BYTES: usize = 1_000_000;

/// Answers by caller and key, and when they were given.
pub(super) type Remembered = BTreeMap<(String, String), (Timestamp, Answer)>;

/// Who calls: the user, and the scopes unless a personal token opens everything.
struct Caller {
    user: String,
    scopes: Option<Vec<String>>,
}

/// The scope that a field at the root needs.
fn scope(field: &str) -> Option<&'static str> {
    Some(match field {
        "me" => "me:read",
        "account" => "account:read",
        "users" => "users:read",
        "updates" => "updates:read",
        "create_update" | "edit_update" | "delete_update" => "updates:write",
        "__typename" | "version" | "complexity" => return None,
        "boards"
        | "items"
        | "items_page_by_column_values"
        | "next_items_page"
        | "timeline"
        | "timeline_item"
        | "custom_activity" => "boards:read",
        _ => "boards:write",
    })
}

fn is_version(text: &str) -> bool {
    let parts = text.split_once('-');
    let fits = |year: &str, month: &str| {
        year.len() == 4 && year.parse::<u16>().is_ok() && ["01", "04", "07", "10"].contains(&month)
    };
    text == "dev" || parts.is_some_and(|(year, month)| fits(year, month))
}

impl Monday {
    /// The id of a user.
    pub(super) fn user(&self, email: &str) -> u64 {
        let number = person(email).map_or(0, |(number, _)| number);
        self.tables.noise.number("user", 10_000_000) + number
    }

    fn caller(&self, token: &str, now: Timestamp) -> Option<Caller> {
        // A personal token has no scopes of its own.
        match self.tables.access(token, now) {
            Some(access) => Some(Caller {
                user: access.consent.user.clone(),
                scopes: Some(access.consent.scopes.clone()),
            }),
            None if token == self.api_token => Some(Caller {
                user: PEOPLE.first()?.email.to_owned(),
                scopes: None,
            }),
            None => None,
        }
    }

    /// Answers `POST /v2`.
    pub(super) fn query(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let sent = header(request, "authorization").unwrap_or_default();
        let token = sent.strip_prefix("Bearer ").unwrap_or(sent).trim();
        let Some(caller) = self.caller(token, now) else {
            return Answer::json(401, json!({ "errors": ["Not Authenticated"] }));
        };
        self.account.now = now;
        self.account.user = self.user(&caller.user);
        let version = header(request, "api-version");
        let is_over =
            |version: &str| self.account.settings.strict_versions && !VERSIONS.contains(&version);
        if version.is_some_and(|version| !is_version(version) || is_over(version)) {
            return failed(400, "Invalid API version", "InvalidVersionException");
        }
        let (answer, is_mutation) = match self.limits.admit(&self.account.settings, now) {
            Err(answer) => (answer, false),
            Ok(()) => self.admitted(request, &caller, now),
        };
        let settings = &self.account.settings;
        self.limits.label(answer, is_mutation, settings, now)
    }

    fn admitted(
        &mut self,
        request: &Request<Bytes>,
        caller: &Caller,
        now: Timestamp,
    ) -> (Answer, bool) {
        let body: Option<Value> = serde_json::from_slice(request.body()).ok();
        let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
        let Some(document) = member("query").and_then(Value::as_str) else {
            return (
                failed(400, "No query string was present", "JsonParseException"),
                false,
            );
        };
        let variables = match member("variables") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(variables)) => variables.clone(),
            Some(_) => {
                return (
                    failed(400, "Variables are invalid JSON", "JsonParseException"),
                    false,
                );
            }
        };
        let name = member("operationName").and_then(Value::as_str);
        let read = parse(document, name).and_then(|operation| {
            let fields = checked(&self.schema, &operation, &variables)?;
            Ok((operation, fields))
        });
        let (operation, fields) = match read {
            Ok(read) => read,
            Err(fault) => return (failed(400, &fault.message, fault.code), false),
        };
        let is_mutation = operation.is_mutation;
        let key = header(request, "idempotency-key").filter(|key| is_mutation && !key.is_empty());
        let place = key.map(|key| (caller.user.clone(), key.to_owned()));
        if let Some(place) = &place {
            let lives = self.account.settings.idempotency_seconds;
            let known = self.remembered.get(place);
            let known = known.filter(|(at, _)| now.duration_since(*at).as_secs() < lives);
            if let Some((_, answer)) = known {
                // Whatever the document says now.
                return (answer.clone().with("idempotency-replayed", "true"), true);
            }
        }
        let answer = self.carry(&operation, &fields, caller, now);
        let is_kept = answer.status < 429 && answer.body.len() <= REMEMBERED_BYTES;
        if let Some(place) = place.filter(|_| is_kept) {
            self.remembered.insert(place, (now, answer.clone()));
        }
        (answer, is_mutation)
    }

    fn carry(
        &mut self,
        operation: &Operation,
        fields: &[Field],
        caller: &Caller,
        now: Timestamp,
    ) -> Answer {
        if let Some(scopes) = &caller.scopes {
            let mut needed = fields.iter().filter_map(|field| scope(&field.name));
            if needed.any(|scope| scopes.iter().all(|granted| granted != scope)) {
                return Answer::json(200, missing_permission());
            }
        }
        let is_mutation = operation.is_mutation;
        let each = if is_mutation {
            MUTATION_POINTS
        } else {
            QUERY_POINTS
        };
        let count = i64::try_from(fields.len()).unwrap_or(i64::MAX);
        let points = each.saturating_mul(count);
        let settings = &self.account.settings;
        if points > settings.complexity_budget {
            let message = "Query has complexity of more than the maximum for one query";
            return failed(400, message, "maxComplexityExceeded");
        }
        let (before, reset) = self.limits.left(is_mutation, settings, now);
        if let Err(answer) = self.limits.spend(points, is_mutation, settings, now) {
            return answer;
        }
        let complexity = Complexity {
            before,
            query: points,
            reset,
        };
        let (data, errors) = self.carried_out(fields, (is_mutation, &caller.user), complexity);
        let request_id = self.tables.noise.fresh("request", 12);
        let extensions = json!({ "request_id": request_id });
        let mut body =
            json!({ "data": data, "account_id": self.account_id(), "extensions": extensions });
        if let (false, Some(members)) = (errors.is_empty(), body.as_object_mut()) {
            members.insert("errors".to_owned(), Value::Array(errors));
        }
        Answer::json(200, body)
    }
}
