//! An admin connects the CRM, through the API and a browser, or with a key.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use hub_domain::Mapping;
use hub_samples::required;
use hub_world::{PUBLIC_URL, Reply, address, ask, cookie, fields, post_of};
use serde_json::{Value, json};

use crate::lab::{Lab, ORG};

/// How long a person waits before they try again.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// How often they try.
const TRIES: usize = 10;

impl Lab {
    /// Creates, authorizes and approves a connection; its id.
    pub(super) async fn new_connection(&self) -> String {
        let mut new = json!({ "crm": self.crm, "name": "Laboratory" });
        // Of a minimal CRM no manifest is compiled in.
        if let Some(Ok(manifest)) = hub_connectors::manifest(self.crm) {
            new["settings"] = json!(required(&manifest));
        }
        let key = self.remote.key(self.crm);
        if let Some(key) = &key {
            new["method"] = json!("api_key");
            new["api_key"] = json!(key);
        }
        let created = self.api(Method::POST, "/crm", Some(&new)).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        let id = created.json()["id"].as_str().expect("an id").to_owned();
        if key.is_none() {
            self.authorize(&id).await;
        }
        self.change(&id, "approve").await;
        id
    }

    /// Goes through the CRM's consent page and back, again while the CRM or we do not answer, or a token ends at
    /// once.
    async fn authorize(&self, id: &str) {
        let mut done = self.authorize_once(id).await;
        for _ in 1..TRIES {
            if !done.status.is_server_error() {
                break;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            done = self.authorize_once(id).await;
        }
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }

    async fn authorize_once(&self, id: &str) -> Reply {
        let body = json!({ "connection_id": id });
        let path = format!("/{}/connect", self.crm);
        let begun = self
            .ask(&self.oauth, Method::POST, &path, Some(&body))
            .await;
        if begun.status != StatusCode::OK {
            return begun;
        }
        let back = self.consent(&address(&begun)).await;
        let request = Request::get(back.strip_prefix(PUBLIC_URL).unwrap_or(&back))
            .header(header::COOKIE, cookie(&begun))
            .body(Bytes::new())
            .expect("a request");
        ask(&self.oauth, request).await
    }

    /// `approve`, `pause`, `resume`.
    pub(super) async fn change(&self, id: &str, what: &str) {
        let reply = self
            .api(Method::POST, &format!("/crm/{id}/{what}"), None)
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{what}: {}", reply.text);
    }

    /// Whether the connection says that somebody has to connect it again.
    pub(super) async fn is_to_be_connected_again(&self) -> bool {
        let path = format!("/crm/{}", self.id);
        let shown = self.api(Method::GET, &path, None).await.json();
        shown["state"] == "reconnect_needed"
    }

    /// Brings the connection back into use, whatever was done to it.
    pub(super) async fn mend_connection(&self) {
        let path = format!("/crm/{}", self.id);
        let shown = self.api(Method::GET, &path, None).await.json();
        if shown["state"] != "active" {
            if let Some(key) = self.remote.key(self.crm) {
                let key = json!({ "api_key": key });
                let reply = self.api(Method::PATCH, &path, Some(&key)).await;
                assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
            } else {
                self.authorize(&self.id).await;
            }
        }
        for what in ["approve", "resume"] {
            let path = format!("{path}/{what}");
            let reply = self.api(Method::POST, &path, None).await;
            let is_done = reply.status == StatusCode::OK || reply.status == StatusCode::CONFLICT;
            assert!(is_done, "{what}: {}", reply.text);
        }
        let shown = self.api(Method::GET, &path, None).await;
        assert_eq!(shown.json()["state"], "active", "{}", shown.text);
    }

    /// Stores the mapping as a new version, with the same rules.
    pub(super) async fn remap(&self) {
        let hub = self.hub("operator");
        let (organization, id) = (ORG.parse().expect("an id"), self.id.parse().expect("an id"));
        let known = hub.store().connection(&organization, &id).await;
        let mut connection = known.expect("a store").expect("a connection");
        let crm = self.crm.parse().expect("a CRM's name");
        let manifest = hub
            .registry()
            .manifest(&crm)
            .expect("a CRM")
            .expect("a manifest");
        connection.mapping_version += 1;
        connection.version += 1;
        let mapping = Mapping {
            version: connection.mapping_version,
            ..manifest.default_mapping()
        };
        // There is no way yet to store one but by hand.
        let item = json!({
            "pk": { "S": format!("{ORG}#map#0") },
            "sk": { "S": format!("{}#{:010}", self.id, mapping.version) },
            "d": { "S": serde_json::to_string(&mapping).expect("a mapping in JSON") },
        });
        self.world
            .aws
            .overwrite("hub", &item)
            .expect("a mapping stored");
        let stored = hub.store().put_connection(&connection).await;
        stored.expect("a connection stored");
    }

    /// A call of the API of integrations as the organization's admin.
    pub(crate) async fn api(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.ask(&self.api, method, path, body).await
    }

    async fn consent(&self, authorize: &str) -> String {
        let visit = || {
            Request::get(format!("{authorize}&__sandbox_consent=allow"))
                .body(Bytes::new())
                .expect("a request")
        };
        let mut answer = self.remote.handle(visit()).await.expect("an answer");
        // A CRM that is busy strikes people too; they try again.
        for _ in 0..5 {
            if !answer.status().is_server_error() {
                break;
            }
            answer = self.remote.handle(visit()).await.expect("an answer");
        }
        if let Some(back) = answer.headers().get(header::LOCATION) {
            return back.to_str().expect("an address").to_owned();
        }
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let path = format!("/api/integrations/{}/callback", self.crm);
        let posted = ask(&self.oauth, post_of(&path, &fields(&page))).await;
        assert_eq!(posted.status, StatusCode::SEE_OTHER, "{page}");
        posted.header("location").to_owned()
    }

    async fn ask(
        &self,
        router: &axum::Router,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let body = body.map(Value::to_string).unwrap_or_default();
        let bearer = self.world.bearer(ORG, "admin", "ada@seller.example");
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/integrations{path}"))
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .expect("a request");
        ask(router, request).await
    }
}
