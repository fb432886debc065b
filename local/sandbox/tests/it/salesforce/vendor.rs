//! A caller of the fake Salesforce with a clock of its own.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

pub use crate::caller::{Caller, Reply, read, with};

pub const BASE: &str = "http://127.0.0.1:4101";
pub const REDIRECT: &str = "http://127.0.0.1:3000/api/integrations/salesforce/callback";

pub struct Vendor {
    pub caller: Caller,
    pub token: String,
}

impl Vendor {
    /// A fresh org at 2026-11-20T09:00:00Z.
    pub fn new() -> Self {
        let caller = Caller::new("salesforce");
        let token = caller.has("access_token");
        Self { caller, token }
    }

    /// A REST call below `/services/data/v67.0`.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.caller.send(self.request(method, path, &body)).await
    }

    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let path = if path.starts_with("/services") {
            path.to_owned()
        } else {
            format!("/services/data/v67.0{path}")
        };
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

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    pub async fn query(&self, soql: &str) -> Reply {
        let q: String = form_urlencoded::byte_serialize(soql.as_bytes()).collect();
        self.get(&format!("/query?q={q}")).await
    }

    /// The first value a query gives.
    pub async fn one(&self, soql: &str) -> Value {
        let reply = self.query(soql).await;
        assert_eq!(reply.status, 200, "{soql}: {}", reply.body);
        reply.body["records"][0].clone()
    }

    pub async fn contact(&self, email: &str) -> String {
        self.one(&format!("SELECT Id FROM Contact WHERE Email = '{email}'"))
            .await["Id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn lead(&self, email: &str) -> String {
        self.one(&format!("SELECT Id FROM Lead WHERE Email = '{email}'"))
            .await["Id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn deal(&self) -> String {
        let found = self
            .one("SELECT Id FROM Opportunity WHERE Name = 'Acme expansion'")
            .await;
        found["Id"].as_str().unwrap().to_owned()
    }

    /// Creates a record that has to be accepted.
    pub async fn make(&self, object: &str, body: Value) -> String {
        let reply = self
            .call("POST", &format!("/sobjects/{object}"), body)
            .await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["id"].as_str().unwrap().to_owned()
    }

    /// Creates a record that has to be refused; gives the code.
    pub async fn refused(&self, object: &str, body: Value) -> String {
        let reply = self
            .call("POST", &format!("/sobjects/{object}"), body)
            .await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        reply.body[0]["errorCode"].as_str().unwrap().to_owned()
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.caller.form(path, "", fields).await
    }
}

/// A meeting of half an hour.
pub fn meeting() -> Value {
    json!({ "Subject": "Discovery", "StartDateTime": "2026-11-20T15:00:00Z", "EndDateTime": "2026-11-20T15:30:00Z" })
}
