//! A caller of the fake HubSpot with a clock of its own.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

pub use crate::caller::{Caller, Reply};

pub const BASE: &str = "http://127.0.0.1:4102";
pub const REDIRECT: &str = "http://127.0.0.1:3000/api/integrations/hubspot/callback";
pub const OBJECTS: &str = "/crm/objects/2026-09";

pub struct Vendor {
    pub caller: Caller,
    pub token: String,
}

impl Vendor {
    /// A fresh account at 2026-11-20T09:00:00Z.
    pub fn new() -> Self {
        let caller = Caller::new("hubspot");
        let token = caller.has("access_token");
        Self { caller, token }
    }

    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("authorization", format!("Bearer {}", self.token));
        if body.is_null() {
            return request.body(Bytes::new()).unwrap();
        }
        request
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap()
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.caller.send(self.request(method, path, &body)).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, body).await
    }

    /// A call below `/crm/objects/2026-09`.
    pub async fn objects(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call(method, &format!("{OBJECTS}{path}"), body).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.caller.form(path, "", fields).await
    }

    /// The id of a contact.
    pub async fn contact(&self, email: &str) -> String {
        let path = format!("/contacts/{email}?idProperty=email");
        let reply = self.objects("GET", &path, Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        text(&reply.body["id"])
    }

    /// The id of the first record of a kind that is seeded.
    pub fn first(&self, kind: &str) -> String {
        text(&self.caller.sandbox.state()["objects"][kind][0]["id"])
    }

    /// Creates a record that has to be accepted.
    pub async fn make(&self, kind: &str, properties: Value) -> String {
        let body = json!({ "properties": properties, "associations": [] });
        let reply = self.objects("POST", &format!("/{kind}"), body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        text(&reply.body["id"])
    }

    /// Creates a record that has to be refused.
    pub async fn refused(&self, kind: &str, properties: Value) -> Reply {
        let body = json!({ "properties": properties, "associations": [] });
        let reply = self.objects("POST", &format!("/{kind}"), body).await;
        assert!(reply.status >= 400, "{}", reply.text);
        reply
    }

    pub fn count(&self, kind: &str) -> usize {
        let state = self.caller.sandbox.state();
        let all = state["objects"][kind].as_array().unwrap();
        all.iter()
            .filter(|record| record["archived"] == false)
            .count()
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A meeting of half an hour.
pub fn meeting() -> Value {
    json!({ "hs_meeting_title": "Discovery", "hs_timestamp": "2026-11-20T15:00:00Z",
        "hs_meeting_start_time": "2026-11-20T15:00:00Z", "hs_meeting_end_time": "2026-11-20T15:30:00Z" })
}

/// The association of a new record with another.
pub fn to(id: &str, type_id: u32) -> Value {
    json!({ "to": { "id": id },
        "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id }] })
}

/// What the JSON inside a validation message says: name and error of each value.
pub fn invalid(reply: &Reply) -> Vec<(String, String)> {
    let message = reply.body["message"].as_str().unwrap();
    let list = message
        .strip_prefix("Property values were not valid: ")
        .unwrap_or_else(|| panic!("{message}"));
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    list.iter()
        .map(|one| (text(&one["name"]), text(&one["error"])))
        .collect()
}
