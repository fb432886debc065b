//! What an admin sets up: users, activity types, fields, pipelines; and webhooks, which are kept.

use serde_json::{Map, Value, json};

use super::account::Account;
use super::errors::{Outcome, Refusal};
use super::kinds::Kind;
use crate::oauth::Answer;

const TYPES: [&str; 10] = [
    "String",
    "Text",
    "Dropdown",
    "Date",
    "Checkbox",
    "Float",
    "URL",
    "Percentage",
    "Currency",
    "MultiSelect",
];

/// The answer, if the call is about any of it.
pub(super) fn answer(
    account: &mut Account,
    method: &str,
    parts: &[&str],
    body: &Map<String, Value>,
    user: u64,
) -> Option<Outcome<Answer>> {
    let listed = |all: Value| Some(Ok(Answer::json(200, all)));
    match (method, parts) {
        ("GET", ["account"]) => {
            let settings = json!({ "enable_leads": true });
            listed(
                json!({ "id": account.id, "name": "Liveprompt Sandbox", "primary_timezone": "Etc/UTC",
                "settings": settings }),
            )
        }
        ("GET", ["users", "me"]) => Some(one(account.users(), user)),
        ("GET", ["users", id]) => Some(one(account.users(), id.parse().unwrap_or_default())),
        ("POST", ["users", "search"]) => listed(Value::Array(account.users())),
        ("GET", ["activity_types"]) => listed(account.types()),
        ("GET", ["pipelines"]) => {
            listed(json!([{ "id": 1, "name": "Sales", "type": "opportunity" }]))
        }
        ("GET", ["pipeline_stages"]) => listed(
            json!([{ "id": 1, "name": "Qualified", "pipeline_id": 1, "win_probability": 20 },
                { "id": 2, "name": "Proposal", "pipeline_id": 1, "win_probability": 60 }]),
        ),
        ("GET", ["customer_sources"]) => listed(json!([{ "id": 1, "name": "Inbound" }])),
        ("GET", ["loss_reasons"]) => listed(json!([{ "id": 1, "name": "Price" }])),
        ("GET", ["contact_types"]) => listed(json!([{ "id": 1, "name": "Customer" }])),
        ("GET", ["lead_statuses"]) => {
            listed(json!([{ "id": 1, "name": "New", "order": 1, "is_default": true }]))
        }
        ("GET", ["custom_field_definitions"]) => listed(json!(account.definitions)),
        ("GET", ["custom_field_definitions", id]) => {
            let all = account.definitions.iter().cloned().map(Value::Object);
            Some(one(all.collect(), id.parse().unwrap_or_default()))
        }
        ("POST", ["custom_field_definitions"]) => Some(define(account, body)),
        ("GET", ["webhooks"]) => listed(json!(account.webhooks)),
        ("GET", ["webhooks", id]) => {
            let all = account.webhooks.iter().cloned().map(Value::Object);
            Some(one(all.collect(), id.parse().unwrap_or_default()))
        }
        ("POST", ["webhooks"]) => Some(subscribe(account, body)),
        ("DELETE", ["webhooks", id]) => {
            let id = json!(id.parse::<u64>().unwrap_or_default());
            let before = account.webhooks.len();
            account.webhooks.retain(|hook| hook.get("id") != Some(&id));
            if account.webhooks.len() == before {
                return Some(Err(Refusal::not_found()));
            }
            listed(json!({ "id": id, "is_deleted": true }))
        }
        _ => None,
    }
}

fn one(all: Vec<Value>, id: u64) -> Outcome<Answer> {
    let found = all
        .into_iter()
        .find(|one| one.get("id") == Some(&json!(id)));
    let found = found.ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, found))
}

/// Makes a field; options get ids of their own.
pub(super) fn define(account: &mut Account, body: &Map<String, Value>) -> Outcome<Answer> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let name = text("name").ok_or_else(|| Refusal::invalid("name", "missing"))?;
    let kind = text("data_type").filter(|kind| TYPES.contains(kind));
    let kind = kind.ok_or_else(|| Refusal::invalid("data_type", "invalid"))?;
    let on = body.get("available_on").and_then(Value::as_array);
    let is_known = |on: &Value| on.as_str().and_then(Kind::by_name).is_some();
    let on = on.filter(|on| !on.is_empty() && on.iter().all(is_known));
    // There is no `activity`: activities have no fields of one's own.
    let on = on
        .ok_or_else(|| Refusal::invalid("available_on", "invalid"))?
        .clone();
    let labels = body.get("options").and_then(Value::as_array);
    let labels = labels
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("name"));
    let mut options = Vec::new();
    for (rank, label) in labels.enumerate() {
        account.next_setup += 1;
        options.push(json!({ "id": account.next_setup, "name": label, "rank": rank }));
    }
    account.next_setup += 1;
    let canonical = name.to_lowercase().replace(' ', "_");
    let made = json!({ "id": account.next_setup, "name": name, "canonical_name": canonical, "data_type": kind,
        "available_on": on, "is_filterable": !matches!(kind, "String" | "Text" | "URL"), "options": options });
    if let Value::Object(definition) = &made {
        account.definitions.push(definition.clone());
    }
    Ok(Answer::json(200, made))
}

fn subscribe(account: &mut Account, body: &Map<String, Value>) -> Outcome<Answer> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("target").starts_with("https://") {
        return Err(Refusal::invalid("", "Invalid URI For External Resource"));
    }
    let kinds = [
        "lead",
        "person",
        "company",
        "opportunity",
        "project",
        "task",
        "activity_log",
    ];
    if !kinds.contains(&text("type")) {
        return Err(Refusal::invalid("type", "invalid"));
    }
    if !["new", "update", "delete"].contains(&text("event")) {
        return Err(Refusal::invalid("event", "invalid"));
    }
    if account.webhooks.len() >= 100 {
        return Err(Refusal::invalid("", "Too many subscriptions"));
    }
    account.next_setup += 1;
    let mut made = body.clone();
    made.insert("id".to_owned(), json!(account.next_setup));
    made.insert("created_at".to_owned(), account.second());
    account.webhooks.push(made.clone());
    Ok(Answer::json(200, Value::Object(made)))
}
