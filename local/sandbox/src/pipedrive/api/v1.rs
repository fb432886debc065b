//! What only v1 has: users, activity types, webhooks.

use serde_json::{Map, Value, json};

use super::super::company::Company;
use super::super::errors::{Outcome, Refusal, success};
use super::super::times;
use super::{Call, Route};
use crate::oauth::{Answer, get};

/// A user has so many webhooks at most.
const WEBHOOKS_MOST: usize = 40;
const ACTIONS: [&str; 4] = ["create", "change", "delete", "*"];
const OBJECTS: [&str; 11] = [
    "activity",
    "deal",
    "lead",
    "note",
    "organization",
    "person",
    "pipeline",
    "product",
    "stage",
    "user",
    "*",
];

pub(super) fn answer(company: &mut Company, call: &Call) -> Outcome<Answer> {
    match &call.route {
        Route::Me => {
            let user = company.user(call.user, call.user);
            let mut user = user.ok_or_else(missing)?;
            let more = json!({ "company_id": company.id, "company_name": "Liveprompt Sandbox",
                "company_domain": "liveprompt-sandbox", "company_country": "EE", "company_industry": "IT Services",
                "language": { "language_code": "en", "country_code": "US" } });
            if let Value::Object(more) = more {
                user.extend(more);
            }
            Ok(success(Value::Object(user)))
        }
        Route::Users => Ok(success(users(company, call, |_| true))),
        Route::User(id) => {
            let user = company.user(*id, call.user).ok_or_else(missing)?;
            Ok(success(Value::Object(user)))
        }
        Route::FindUsers => {
            let term = get(&call.query, "term").unwrap_or_default().to_lowercase();
            let by_email = get(&call.query, "search_by_email") == Some("1");
            let fits = |user: &Map<String, Value>| {
                let member = if by_email { "email" } else { "name" };
                let text = user.get(member).and_then(Value::as_str).unwrap_or_default();
                text.to_lowercase().contains(&term)
            };
            Ok(success(users(company, call, fits)))
        }
        Route::ActivityTypes => Ok(success(types(company))),
        Route::Webhooks => {
            let all: Vec<Value> = company.webhooks.iter().map(|hook| json!(hook)).collect();
            Ok(Answer::json(
                200,
                json!({ "status": "ok", "success": true, "data": all }),
            ))
        }
        Route::CreateWebhook => Ok(subscribe(company, call)),
        Route::DeleteWebhook(id) => {
            let place = company
                .webhooks
                .iter()
                .position(|hook| hook.get("id") == Some(&json!(id)));
            let Some(place) = place else {
                return Ok(errors(404, "id", "not found"));
            };
            company.webhooks.remove(place);
            Ok(Answer::json(
                200,
                json!({ "status": "ok", "success": true }),
            ))
        }
        _ => Err(missing()),
    }
}

fn missing() -> Refusal {
    Refusal::new(404, "ERR_NOT_FOUND", "User not found or not accessible.")
}

fn users(company: &Company, call: &Call, fits: impl Fn(&Map<String, Value>) -> bool) -> Value {
    let users = company.users();
    let users = users.filter_map(|(id, _)| company.user(id, call.user));
    users.filter(|user| fits(user)).map(Value::Object).collect()
}

/// The types of the account, in the order of the setting.
fn types(company: &Company) -> Value {
    let known = ["task", "email", "meeting", "deadline", "call", "lunch"];
    let keys = (1_u64..).zip(&company.settings.activity_types);
    let shown = keys.map(|(number, key)| {
        let own = !known.contains(&key.as_str());
        let mut name = key.replace('_', " ");
        if let Some(head) = name.get_mut(..1) {
            head.make_ascii_uppercase();
        }
        json!({ "id": number, "order_nr": number, "name": name, "key_string": key,
            "icon_key": if own { "calendar" } else { key.as_str() }, "active_flag": true, "color": "FFFFFF",
            "is_custom_flag": own, "add_time": "2025-11-13 09:16:26", "update_time": "2025-11-13 09:16:26" })
    });
    shown.collect()
}

fn errors(status: u16, name: &str, why: &str) -> Answer {
    Answer::json(
        status,
        json!({ "status": "error", "success": false, "errors": { name: [why] } }),
    )
}

/// Registers a webhook. Nothing is sent to it.
fn subscribe(company: &mut Company, call: &Call) -> Answer {
    let text = |name: &str| call.body.get(name).and_then(Value::as_str);
    let url = text("subscription_url").unwrap_or_default();
    if !url.starts_with("https://") {
        return errors(400, "subscription_url", "invalid or non-reachable URL");
    }
    for (name, known) in [
        ("event_action", &ACTIONS[..]),
        ("event_object", &OBJECTS[..]),
    ] {
        if !text(name).is_some_and(|text| known.contains(&text)) {
            return errors(400, name, "invalid value");
        }
    }
    let Some(name) = text("name") else {
        return errors(400, "name", "this field is required");
    };
    if company.webhooks.len() >= WEBHOOKS_MOST {
        return errors(400, "subscription_url", "webhook limit reached");
    }
    let last = company.webhooks.last().and_then(|hook| hook.get("id"));
    let id = last.and_then(Value::as_u64).unwrap_or_default() + 1;
    let added = times::written(company.now).replace('Z', ".000Z");
    let hook = json!({ "id": id, "company_id": company.id, "owner_id": call.user, "user_id": call.user,
        "event_action": text("event_action"), "event_object": text("event_object"), "subscription_url": url,
        "version": text("version").unwrap_or("2.0"), "is_active": 1, "add_time": added, "remove_time": null,
        "type": "general", "http_auth_user": text("http_auth_user"),
        "http_auth_password": text("http_auth_password"), "remove_reason": null, "last_delivery_time": null,
        "last_http_status": null, "admin_id": call.user, "name": name });
    if let Value::Object(hook) = &hook {
        company.webhooks.push(hook.clone());
    }
    Answer::json(
        201,
        json!({ "status": "ok", "success": true, "data": hook }),
    )
}
