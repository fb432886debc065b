//! A caller of the fake Freshsales by the admin's key.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{Caller, Reply};

pub const OWNER: u64 = 70_000_000_001;

pub struct Vendor {
    pub caller: Caller,
    pub key: String,
}

impl Vendor {
    pub fn new() -> Self {
        let caller = Caller::new("freshsales");
        let key = caller.has("api_key");
        Self { caller, key }
    }

    /// A call below `/crm/sales/api`.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/crm/sales/api/{path}", self.caller.base))
            .header("authorization", format!("Token token={}", self.key));
        let request = if body.is_null() {
            request.body(Bytes::new())
        } else {
            let request = request.header("content-type", "application/json");
            request.body(Bytes::from(body.to_string()))
        };
        self.caller.send(request.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    /// What a successful call answers.
    pub async fn good(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.call(method, path, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        reply.body
    }

    /// The messages of a call that is refused with 400.
    pub async fn refused(&self, method: &str, path: &str, body: Value) -> Vec<String> {
        let reply = self.call(method, path, body).await;
        assert_eq!(reply.status, 400, "{method} {path}: {}", reply.text);
        assert_eq!(reply.body["errors"]["code"], 400);
        let messages = reply.body["errors"]["message"].as_array().unwrap();
        messages
            .iter()
            .map(|message| message.as_str().unwrap().to_owned())
            .collect()
    }

    /// The ids that the look-up gives for an address.
    pub async fn found(&self, email: &str) -> Vec<u64> {
        let path = format!("lookup?q={email}&f=email&entities=contact");
        let body = self.good("GET", &path, Value::Null).await;
        let contacts = body["contacts"]["contacts"].as_array().unwrap();
        contacts
            .iter()
            .map(|one| one["id"].as_u64().unwrap())
            .collect()
    }

    /// The id of a seed contact.
    pub async fn contact(&self, email: &str) -> u64 {
        self.caller.wait(60);
        self.found(email).await[0]
    }

    /// Makes an appointment and gives its id.
    pub async fn appointment(&self, title: &str) -> u64 {
        let body = json!({ "appointment": { "title": title, "from_date": "2026-11-19T10:00:00Z",
            "end_date": "2026-11-19T10:30:00Z" } });
        let made = self.good("POST", "appointments", body).await;
        made["appointment"]["id"].as_u64().unwrap()
    }
}
