//! A caller of the Web API with a clock of its own.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

pub use crate::caller::{Caller, Reply, with};

pub const API: &str = "http://127.0.0.1:4103/api/data/v9.2";

pub struct Vendor {
    pub caller: Caller,
    pub token: String,
}

/// An id that a caller chooses.
pub fn guid(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-00000000abcd")
}

/// A meeting of three quarters of an hour.
pub fn meeting(subject: &str) -> Value {
    json!({ "subject": subject, "scheduledstart": "2026-11-20T15:00:00Z", "scheduledend": "2026-11-20T15:45:00Z" })
}

impl Vendor {
    /// A fresh environment at 2026-11-20T09:00:00Z.
    pub fn new() -> Self {
        let caller = Caller::new("dynamics365");
        let token = caller.has("access_token");
        Self { caller, token }
    }

    /// A call below `/api/data/v9.2`, or of a whole address, with headers (`Name: value`).
    pub async fn call(&self, method: &str, path: &str, headers: &[&str], body: Value) -> Reply {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{API}/{path}").replace(' ', "%20")
        };
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            .header("authorization", format!("Bearer {}", self.token));
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        if body.is_null() {
            return self.caller.send(request.body(Bytes::new()).unwrap()).await;
        }
        let request = request.header("content-type", "application/json; charset=utf-8");
        self.caller
            .send(request.body(Bytes::from(body.to_string())).unwrap())
            .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], Value::Null).await
    }

    /// The rows of a list.
    pub async fn rows(&self, path: &str) -> Vec<Value> {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.body["value"].as_array().unwrap().clone()
    }

    pub async fn patch(&self, path: &str, headers: &[&str], body: Value) -> Reply {
        self.call("PATCH", path, headers, body).await
    }

    /// Creates a record that has to be accepted; gives its id.
    pub async fn make(&self, set: &str, body: Value) -> String {
        let reply = self.call("POST", set, &[], body).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        let at = reply.headers["odata-entityid"].to_str().unwrap();
        at.rsplit_once('(')
            .unwrap()
            .1
            .trim_end_matches(')')
            .to_owned()
    }

    pub async fn contact(&self, email: &str) -> String {
        let rows = self
            .rows(&format!(
                "contacts?$select=contactid&$filter=emailaddress1 eq '{email}'"
            ))
            .await;
        rows[0]["contactid"].as_str().unwrap().to_owned()
    }

    pub async fn account(&self, name: &str) -> String {
        let rows = self
            .rows(&format!(
                "accounts?$select=accountid&$filter=name eq '{name}'"
            ))
            .await;
        rows[0]["accountid"].as_str().unwrap().to_owned()
    }

    pub async fn user(&self) -> String {
        self.get("WhoAmI").await.body["UserId"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Status and code of a refusal.
pub fn refused(reply: &Reply, status: u16, code: &str) {
    let found = (reply.status, reply.body["error"]["code"].as_str());
    assert_eq!(found, (status, Some(code)), "{}", reply.text);
    let message = reply.body["error"]["message"].as_str().unwrap();
    assert!(!message.is_empty());
    assert_eq!(reply.headers["odata-version"], "4.0");
}
