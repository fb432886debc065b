//! Our answers against the vendor's own specifications.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, text, to};
use crate::spec::{check, specs};

struct Checked {
    vendor: Vendor,
    folder: PathBuf,
}

impl Checked {
    /// Calls, and checks the answer against what the specification has for path and status.
    async fn call(
        &self,
        file: &str,
        template: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Value {
        let spec = std::fs::read(self.folder.join(format!("hubspot-{file}.json"))).unwrap();
        let spec: Value = serde_json::from_slice(&spec).unwrap();
        let reply = self.vendor.call(method, path, body).await;
        let operation = &spec["paths"][template][method.to_lowercase()];
        assert!(
            operation.is_object(),
            "{method} {template} is not in {file}"
        );
        check(
            &spec,
            &operation["responses"],
            reply.status,
            &reply.body,
            path,
        );
        reply.body
    }
}

#[tokio::test]
async fn records_batches_and_searches() {
    let Some(folder) = specs("records_batches_and_searches") else {
        return;
    };
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let checked = Checked { vendor, folder };
    for (file, root, path) in [
        (
            "crm-objects-2026-09",
            "/crm/objects/2026-09/{objectType}",
            "/crm/objects/2026-09/meetings",
        ),
        (
            "meetings-v3",
            "/crm/v3/objects/meetings",
            "/crm/v3/objects/meetings",
        ),
    ] {
        let one = if file == "meetings-v3" {
            "{meetingId}"
        } else {
            "{objectId}"
        };
        let call = async |method: &str, template: &str, below: &str, body: Value| {
            let (template, path) = (format!("{root}{template}"), format!("{path}{below}"));
            checked.call(file, &template, method, &path, body).await
        };
        let body = json!({ "properties": meeting(), "associations": [to(&ada, 200)] });
        let made = call("POST", "", "", body).await;
        let id = text(&made["id"]);
        let query = format!(
            "/{id}?properties=hs_meeting_title,hs_meeting_body&propertiesWithHistory=hs_meeting_title&associations=contacts"
        );
        call("GET", &format!("/{one}"), &query, Value::Null).await;
        call("GET", &format!("/{one}"), "/1", Value::Null).await;
        call("GET", "", "?limit=1&associations=contacts", Value::Null).await;
        let change = json!({ "properties": { "hs_meeting_title": "x" } });
        call("PATCH", &format!("/{one}"), &format!("/{id}"), change).await;
        let inputs = json!({ "inputs": [{ "properties": meeting(), "objectWriteTraceId": "1" }] });
        call("POST", "/batch/create", "/batch/create", inputs).await;
        let upsert = json!({ "inputs": [{ "idProperty": "liveprompt_key", "id": file, "properties": meeting() }] });
        call("POST", "/batch/upsert", "/batch/upsert", upsert).await;
        call(
            "POST",
            "/batch/read",
            "/batch/read",
            json!({ "inputs": [{ "id": id }] }),
        )
        .await;
        let wrong = json!({ "inputs": [{ "properties": { "nope": "1" } }] });
        call("POST", "/batch/create", "/batch/create", wrong).await;
        if file == "meetings-v3" {
            let body = json!({ "inputs": [{ "id": id }, { "id": "1" }] });
            call("POST", "/batch/read", "/batch/read", body).await;
            let bad = json!({ "properties": { "hs_timestamp": "x" }, "objectWriteTraceId": "2" });
            let body =
                json!({ "inputs": [bad, { "properties": meeting(), "objectWriteTraceId": "1" }] });
            call("POST", "/batch/create", "/batch/create", body).await;
        }
        checked.vendor.caller.wait(10);
        call("POST", "/search", "/search", json!({ "limit": 1 })).await;
        call(
            "POST",
            "/batch/archive",
            "/batch/archive",
            json!({ "inputs": [{ "id": "1" }] }),
        )
        .await;
        call("DELETE", &format!("/{one}"), &format!("/{id}"), Value::Null).await;
    }
}

#[tokio::test]
async fn associations() {
    let Some(folder) = specs("associations") else {
        return;
    };
    let vendor = Vendor::new();
    let (ada, deal) = (
        vendor.contact("ada@acme.example").await,
        vendor.first("deals"),
    );
    let checked = Checked { vendor, folder };
    for (file, objects, batches) in [
        (
            "associations-2026-09",
            "/crm/objects/2026-09",
            "/crm/associations/2026-09",
        ),
        ("associations-v4", "/crm/v4/objects", "/crm/v4/associations"),
    ] {
        let template = format!(
            "{objects}/{{fromObjectType}}/{{fromObjectId}}/associations/default/{{toObjectType}}/{{toObjectId}}"
        );
        let path = format!("{objects}/deals/{deal}/associations/default/contacts/{ada}");
        checked
            .call(file, &template, "PUT", &path, Value::Null)
            .await;
        let template = format!(
            "{objects}/{{objectType}}/{{objectId}}/associations/{{toObjectType}}/{{toObjectId}}"
        );
        let path = format!("{objects}/deals/{deal}/associations/contacts/{ada}");
        let types = json!([{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3 }]);
        checked
            .call(file, &template, "PUT", &path, types.clone())
            .await;
        let pair = json!({ "from": { "id": deal }, "to": { "id": ada }, "types": types });
        let many = json!({ "from": { "id": deal }, "to": [{ "id": ada }] });
        for (what, input) in [
            ("associate/default", &pair),
            ("create", &pair),
            ("read", &json!({ "id": deal })),
            ("labels/archive", &pair),
            ("archive", &many),
        ] {
            let template = format!("{batches}/{{fromObjectType}}/{{toObjectType}}/batch/{what}");
            let path = format!("{batches}/deals/contacts/batch/{what}");
            checked
                .call(file, &template, "POST", &path, json!({ "inputs": [input] }))
                .await;
        }
        checked
            .call(file, &template, "DELETE", &path, Value::Null)
            .await;
    }
    let template = "/crm/associations/2026-09/{fromObjectType}/{toObjectType}/labels";
    let path = "/crm/associations/2026-09/deals/companies/labels";
    let file = "associations-schema-2026-09";
    checked.call(file, template, "GET", path, Value::Null).await;
}

#[tokio::test]
async fn everything_else() {
    let Some(folder) = specs("everything_else") else {
        return;
    };
    let checked = Checked {
        vendor: Vendor::new(),
        folder,
    };
    let list = "/crm/properties/2026-09/{objectType}";
    let file = "properties-2026-09";
    for kind in [
        "contacts",
        "companies",
        "deals",
        "tickets",
        "meetings",
        "calls",
        "tasks",
        "notes",
    ] {
        let path = format!("/crm/properties/2026-09/{kind}");
        checked.call(file, list, "GET", &path, Value::Null).await;
    }
    let path = "/crm/properties/2026-09/meetings";
    let made = json!({ "name": "k", "label": "k", "type": "string", "fieldType": "text", "groupName": "engagement" });
    checked.call(file, list, "POST", path, made.clone()).await;
    checked.call(file, list, "POST", path, made).await;
    let one = format!("{list}/{{propertyName}}");
    checked
        .call(file, &one, "GET", &format!("{path}/k"), Value::Null)
        .await;
    checked
        .call(
            file,
            &format!("{list}/groups"),
            "GET",
            &format!("{path}/groups"),
            Value::Null,
        )
        .await;
    let read = json!({ "inputs": [{ "name": "k" }] });
    checked
        .call(
            file,
            &format!("{list}/batch/read"),
            "POST",
            &format!("{path}/batch/read"),
            read,
        )
        .await;
    let owners = "/crm/owners/2026-09";
    checked
        .call("owners-2026-09", owners, "GET", owners, Value::Null)
        .await;
    let lines = "/crm/pipelines/2026-09/{objectType}";
    for kind in ["deals", "tickets"] {
        let path = format!("/crm/pipelines/2026-09/{kind}");
        checked
            .call("pipelines-2026-09", lines, "GET", &path, Value::Null)
            .await;
    }
    for path in [
        "/account-info/2026-09/details",
        "/account-info/2026-09/api-usage/daily/private-apps",
    ] {
        checked
            .call("account-info-2026-09", path, "GET", path, Value::Null)
            .await;
    }
    let access = format!("/oauth/v1/access-tokens/{}", checked.vendor.token);
    checked
        .call(
            "oauth-v1",
            "/oauth/v1/access-tokens/{token}",
            "GET",
            &access,
            Value::Null,
        )
        .await;
    let credentials = checked.vendor.caller.sandbox.credentials();
    let refresh = format!(
        "/oauth/v1/refresh-tokens/{}",
        text(&credentials["refresh_token"])
    );
    checked
        .call(
            "oauth-v1",
            "/oauth/v1/refresh-tokens/{token}",
            "GET",
            &refresh,
            Value::Null,
        )
        .await;
}

#[tokio::test]
async fn tokens() {
    let Some(folder) = specs("tokens") else {
        return;
    };
    let checked = Checked {
        vendor: Vendor::new(),
        folder,
    };
    let credentials = checked.vendor.caller.sandbox.credentials();
    let spec = std::fs::read(checked.folder.join("hubspot-oauth-2026-03.json")).unwrap();
    let spec: Value = serde_json::from_slice(&spec).unwrap();
    let mut fields = vec![("grant_type", "refresh_token")];
    for name in ["client_id", "client_secret", "refresh_token"] {
        fields.push((name, credentials[name].as_str().unwrap()));
    }
    for (what, token) in [
        ("", ""),
        ("/introspect", "access_token"),
        ("/introspect", "refresh_token"),
    ] {
        let mut fields = fields.clone();
        if !token.is_empty() {
            fields.push(("token", credentials[token].as_str().unwrap()));
        }
        let path = format!("/oauth/2026-03/token{what}");
        let reply = checked.vendor.form(&path, &fields).await;
        let responses = &spec["paths"][&path]["post"]["responses"];
        check(&spec, responses, reply.status, &reply.body, &path);
    }
}
