//! A caller of the fake Copper.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{Caller, Reply};

pub struct Vendor {
    pub caller: Caller,
    token: String,
}

impl Vendor {
    pub fn new() -> Self {
        let caller = Caller::new("copper");
        let token = caller.has("access_token");
        Self { caller, token }
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/developer_api/v1/{path}", self.caller.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        self.caller.send(request.body(body).unwrap()).await
    }

    /// What a successful call answers.
    pub async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.call(method, path, body).await;
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
        reply.body
    }

    /// The message of a call that is refused with a status.
    pub async fn refused(&self, method: &str, path: &str, body: Value, status: u16) -> String {
        let reply = self.call(method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        assert_eq!(
            (&reply.body["success"], &reply.body["status"]),
            (&json!(false), &json!(status))
        );
        reply.body["message"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.done("GET", path, Value::Null).await
    }

    /// The id of a seed person.
    pub async fn person(&self, email: &str) -> u64 {
        let found = self
            .done("POST", "people/fetch_by_email", json!({ "email": email }))
            .await;
        found["id"].as_u64().unwrap()
    }

    /// The number of an activity type.
    pub async fn type_of(&self, name: &str) -> u64 {
        let types = self.get("activity_types").await;
        let mut user = types["user"].as_array().unwrap().iter();
        let found = user.find(|one| one["name"] == name).unwrap();
        found["id"].as_u64().unwrap()
    }

    /// The number of a custom field.
    pub async fn field(&self, name: &str) -> u64 {
        let fields = self.get("custom_field_definitions").await;
        let mut fields = fields.as_array().unwrap().iter();
        let found = fields.find(|one| one["name"] == name).unwrap();
        found["id"].as_u64().unwrap()
    }

    /// A note about a person.
    pub fn note(person: u64, details: &str) -> Value {
        json!({ "parent": { "type": "person", "id": person }, "type": { "category": "user", "id": 0 },
            "details": details })
    }
}
