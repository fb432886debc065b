//! Just enough GraphQL to try a token on: `me` and `account` without arguments.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Monday;
use crate::oauth::{Answer, PEOPLE, header, person};

/// A field with what is selected of it.
struct Field {
    alias: String,
    name: String,
    of: Vec<Field>,
}

/// Reads a document with one query: names, aliases, selections. `None` for all else.
fn parse(document: &str) -> Option<Vec<Field>> {
    let spaced = document
        .replace('{', " { ")
        .replace('}', " } ")
        .replace(':', " : ")
        .replace(',', " ");
    let mut words = spaced.split_whitespace().peekable();
    if words.next_if(|word| *word == "query").is_some() {
        words.next_if(|word| *word != "{");
    }
    if words.next() != Some("{") {
        return None;
    }
    let found = selection(&mut words)?;
    words.next().is_none().then_some(found)
}

fn selection<'a>(
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        let first = words.next()?;
        if first == "}" {
            return (!fields.is_empty()).then_some(fields);
        }
        let name = if words.next_if_eq(&":").is_some() {
            words.next()?
        } else {
            first
        };
        let fits = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits(first) || !fits(name) {
            return None;
        }
        let of = if words.next_if_eq(&"{").is_some() {
            selection(words)?
        } else {
            Vec::new()
        };
        fields.push(Field {
            alias: first.to_owned(),
            name: name.to_owned(),
            of,
        });
    }
}

fn failed(status: u16, message: &str, code: &str) -> Answer {
    let extensions = json!({ "code": code, "status_code": status });
    Answer::json(
        status,
        json!({ "errors": [{ "message": message, "extensions": extensions }] }),
    )
}

/// The body that says a scope is missing; its status is 200.
pub(super) fn missing_permission() -> Value {
    let message = "User unauthorized to perform action: missing required permissions";
    json!({ "errors": [{ "message": message, "extensions": { "code": "missingRequiredPermissions" } }], "data": null })
}

impl Monday {
    /// The id of a user.
    pub(super) fn user(&self, email: &str) -> u64 {
        let number = person(email).map_or(0, |(number, _)| number);
        self.tables.noise.number("user", 10_000_000) + number
    }

    /// Answers `POST /v2`.
    pub(super) fn query(&self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let sent = header(request, "authorization").unwrap_or_default();
        let token = sent.strip_prefix("Bearer ").unwrap_or(sent).trim();
        let admin = PEOPLE.first().map_or("", |person| person.email);
        // A personal token has no scopes of its own.
        let (user, scopes) = match self.tables.access(token, now) {
            Some(access) => (access.consent.user.as_str(), Some(&access.consent.scopes)),
            None if token == self.api_token => (admin, None),
            None => return Answer::json(401, json!({ "errors": ["Not Authenticated"] })),
        };
        let body: Option<Value> = serde_json::from_slice(request.body()).ok();
        let document = body.as_ref().and_then(|body| body.get("query")?.as_str());
        let Some(document) = document else {
            return failed(400, "No query string was present", "JsonParseException");
        };
        let Some(fields) = parse(document) else {
            return failed(400, "Parse error on the query", "GRAPHQL_PARSE_FAILED");
        };
        let mut data = Map::new();
        for field in fields {
            let (scope, about) = match field.name.as_str() {
                "me" => ("me:read", self.about_user(user)),
                "account" => ("account:read", self.about_account()),
                _ => return unknown(&field.name, "Query"),
            };
            if scopes.is_some_and(|scopes| !scopes.iter().any(|granted| granted == scope)) {
                return Answer::json(200, missing_permission());
            }
            let kind = if field.name == "me" {
                "User"
            } else {
                "Account"
            };
            match select(&field, &about, kind) {
                Ok(value) => data.insert(field.alias, value),
                Err(answer) => return answer,
            };
        }
        let account = json!({ "account_id": self.account() });
        Answer::json(200, json!({ "data": data, "extensions": account }))
    }

    fn about_user(&self, email: &str) -> Value {
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
            "account_id": self.account().to_string(),
            "account": self.about_account(),
        })
    }

    fn about_account(&self) -> Value {
        json!({
            "id": self.account().to_string(),
            "name": "Liveprompt Sandbox",
            "slug": "liveprompt-sandbox",
            "tier": "pro",
        })
    }
}

fn unknown(field: &str, kind: &str) -> Answer {
    let message = format!("Cannot query field \"{field}\" on type \"{kind}\".");
    failed(400, &message, "GRAPHQL_VALIDATION_FAILED")
}

fn select(field: &Field, value: &Value, kind: &str) -> Result<Value, Answer> {
    let Some(members) = value.as_object() else {
        return if field.of.is_empty() {
            Ok(value.clone())
        } else {
            let message = format!("Field \"{}\" must not have a selection", field.name);
            Err(failed(400, &message, "GRAPHQL_VALIDATION_FAILED"))
        };
    };
    if field.of.is_empty() {
        let message = format!(
            "Field \"{}\" of type \"{kind}\" must have a selection of subfields.",
            field.name
        );
        return Err(failed(400, &message, "GRAPHQL_VALIDATION_FAILED"));
    }
    let mut found = Map::new();
    for inner in &field.of {
        let value = members.get(&inner.name);
        let value = value.ok_or_else(|| unknown(&inner.name, kind))?;
        found.insert(inner.alias.clone(), select(inner, value, "Account")?);
    }
    Ok(Value::Object(found))
}
