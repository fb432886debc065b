//! The fake monday.com as a caller sees it. Its OAuth server is in `auth.rs`.

mod auth;
mod boards;
mod documents;
mod keys;
mod limits;
mod spec;
mod timeline;
mod warnings;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{Caller, Reply};

pub const CONTACTS: &str = "18000000001";
pub const ACCOUNTS: &str = "18000000002";
pub const ACTIVITIES: &str = "18000000003";
pub const TASKS: &str = "18000000004";

/// A caller with the app's token.
pub struct Vendor {
    pub caller: Caller,
    token: String,
}

impl Vendor {
    pub fn new() -> Self {
        let caller = Caller::new("monday");
        let token = caller.has("access_token");
        Self { caller, token }
    }

    /// A caller with a personal token, which does not end.
    pub fn personal() -> Self {
        let caller = Caller::new("monday");
        let token = caller.has("api_key");
        Self { caller, token }
    }

    /// A document with its variables.
    pub async fn ask(&self, query: &str, variables: Value) -> Reply {
        self.keyed(query, variables, "").await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn keyed(&self, query: &str, variables: Value, key: &str) -> Reply {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = Request::post(format!("{}/v2", self.caller.base))
            .header("content-type", "application/json")
            .header("authorization", &self.token)
            .header("api-version", "2026-10");
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        self.caller
            .send(request.body(Bytes::from(body)).unwrap())
            .await
    }

    /// The data of a document that nothing is wrong with.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let reply = self.ask(query, variables).await;
        assert!(
            reply.status == 200 && reply.body["errors"].is_null(),
            "{}",
            reply.text
        );
        reply.body["data"].clone()
    }

    /// A new item; its id.
    pub async fn item(&self, board: &str, name: &str, columns: Value) -> String {
        let data = self.data(CREATE, item(board, name, &columns)).await;
        data["create_item"]["id"].as_str().unwrap().to_owned()
    }

    /// The items whose column shows a text.
    pub async fn having(&self, board: &str, column: &str, text: &str) -> Vec<Value> {
        let query = "query($b:ID!,$c:String!,$t:[String]!){items_page_by_column_values(board_id:$b,columns:[{column_id:$c,column_values:$t}]){cursor items{id name}}}";
        let data = self
            .data(query, json!({ "b": board, "c": column, "t": [text] }))
            .await;
        data["items_page_by_column_values"]["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub fn arm(&self, fault: Value) {
        self.caller.sandbox.add_fault(fault).unwrap();
    }

    pub fn held(&self, object: &str) -> Vec<Value> {
        self.caller.sandbox.state()["objects"][object]
            .as_array()
            .unwrap()
            .clone()
    }
}

pub const CREATE: &str = "mutation($b:ID!,$n:String!,$c:JSON){create_item(board_id:$b,item_name:$n,column_values:$c){id}}";
pub const CHANGE: &str = "mutation($b:ID!,$i:ID!,$c:JSON!){change_multiple_column_values(board_id:$b,item_id:$i,column_values:$c){id name}}";

pub fn item(board: &str, name: &str, columns: &Value) -> Value {
    json!({ "b": board, "n": name, "c": columns.to_string() })
}

/// The code of the first error.
pub fn code(reply: &Reply) -> &str {
    let code = &reply.body["errors"][0]["extensions"]["code"];
    code.as_str()
        .unwrap_or_else(|| panic!("no code: {}", reply.text))
}
