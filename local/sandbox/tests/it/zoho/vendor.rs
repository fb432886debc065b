//! A caller of the fake Zoho CRM.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{Caller, Reply};

pub struct Vendor {
    pub caller: Caller,
    pub token: String,
}

impl Vendor {
    pub fn new() -> Self {
        let caller = Caller::new("zoho");
        let token = caller.has("access_token");
        Self { caller, token }
    }

    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}/crm/v8/{path}", self.caller.base))
            .header("authorization", format!("Zoho-oauthtoken {}", self.token))
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let request = self.request(method, path);
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        self.caller.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    /// The rows that a write of these records is answered with.
    pub async fn write(&self, method: &str, module: &str, data: Value) -> Vec<Value> {
        let reply = self.call(method, module, json!({ "data": data })).await;
        reply.body["data"].as_array().unwrap().clone()
    }

    /// The one row of a write of one record.
    pub async fn row(&self, method: &str, module: &str, record: Value) -> Value {
        self.write(method, module, json!([record])).await.remove(0)
    }

    /// Makes a record and gives its id.
    pub async fn make(&self, module: &str, record: Value) -> String {
        let row = self.row("POST", module, record).await;
        assert_eq!(row["code"], "SUCCESS", "{row}");
        row["details"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn record(&self, module: &str, id: &str) -> Value {
        self.get(&format!("{module}/{id}")).await.body["data"][0].clone()
    }

    pub async fn coql(&self, query: &str) -> Reply {
        self.call("POST", "coql", json!({ "select_query": query }))
            .await
    }

    /// The id of a seed record by its address.
    pub async fn person(&self, module: &str, email: &str) -> String {
        let query = format!("select id from {module} where Email = '{email}'");
        let found = self.coql(&query).await;
        found.body["data"][0]["id"].as_str().unwrap().to_owned()
    }

    pub fn set(&self, settings: Value) {
        self.caller.set(settings);
    }

    pub fn arm(&self, fault: Value) {
        self.caller.sandbox.add_fault(fault).unwrap();
    }
}

/// A meeting with our key.
pub fn meeting(key: &str) -> Value {
    json!({
        "Event_Title": "Discovery",
        "Start_DateTime": "2026-11-20T15:00:00+00:00",
        "End_DateTime": "2026-11-20T15:45:00+00:00",
        "Liveprompt_Key": key,
        "$send_notification": false,
    })
}
