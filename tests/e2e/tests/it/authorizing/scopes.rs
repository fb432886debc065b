//! A permission that is missing is told apart from a grant that is gone.

use http::StatusCode;
use hub_domain::Method;
use hub_e2e::{CRM, Machine, ORG};
use hub_engine::connectable;
use serde_json::json;

use super::{active, is_parked, keeps, shown, ways, works};

#[tokio::test(start_paused = true)]
async fn a_token_reply_without_everything_is_refused() {
    for (crm, method) in ways() {
        let lists = super::manifest(crm)
            .oauth
            .is_some_and(|oauth| oauth.scopes_in_reply);
        if method != Method::AuthorizationCode || !lists {
            continue;
        }
        let machine = Machine::at(crm, 1).await;
        let id = machine
            .create(ORG, machine.new_by(method)["settings"].clone())
            .await;
        machine.wire.edit_tokens(|reply| {
            if reply.get("scope").is_some() {
                reply["scope"] = json!("something.else");
            } else {
                reply["scopes"] = json!(["something.else"]);
            }
        });
        let reply = machine.authorize_as(&machine.admin(ORG), &id).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_GATEWAY,
            "{crm}: {}",
            reply.text
        );
        assert!(
            reply.text.contains("not everything was allowed"),
            "{crm}: {}",
            reply.text
        );
        assert_eq!(shown(&machine, &id).await["state"], "unconnected");
        assert!(!keeps(&machine, &id).await, "{crm}");
        machine.wire.honest();
        machine.authorize(ORG, &id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_permission_says_which_kind_of_trouble_it_is() {
    let missing = json!({ "fault": "missing_scopes", "times": 1 });
    let refused =
        json!({ "fault": "status", "status": 403, "body": { "message": "Forbidden" }, "times": 1 });
    let no_api = json!({ "fault": "status", "status": 401, "times": 1, "body":
        [{ "errorCode": "INVALID_SESSION_ID", "message": "This session is not valid for use with the REST API" }] });
    let first = |crm: &'static str| (crm, super::manifest(crm).methods()[0]);
    // Also a key that was made with too few.
    let cases = connectable()
        .map(first)
        .chain([("hubspot", Method::ApiKey)]);
    for (crm, method) in cases {
        let (machine, id) = active(crm, method).await;
        let own = machine.sandbox.faults()["missing_scopes"].is_object();
        let fault = match crm {
            CRM => no_api.clone(),
            _ if own => missing.clone(),
            _ => refused.clone(),
        };
        machine.fault(fault);
        is_parked(&machine, &id, "missing_scope", crm).await;
        // Somebody gave it the permission.
        works(&machine, &id, crm).await;
        assert_eq!(shown(&machine, &id).await["state"], "active", "{crm}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_was_taken_back_is_a_missing_permission() {
    let (machine, id) = active("dynamics365", Method::AuthorizationCode).await;
    for fault in ["consent_required", "interaction_required"] {
        tokio::time::sleep(std::time::Duration::from_hours(2)).await;
        machine.fault(json!({ "fault": fault, "times": 1 }));
        is_parked(&machine, &id, "missing_scope", fault).await;
    }
    let machine = Machine::at("dynamics365", 1).await;
    let new = machine.new_by(Method::ClientCredentials);
    machine
        .sandbox
        .set(&json!({ "application_user": false }))
        .unwrap();
    let reply = machine.create_by(ORG, new).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text);
    assert!(
        reply.text.contains("a permission is missing"),
        "{}",
        reply.text
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_without_permission_makes_no_connection() {
    let machine = Machine::at("hubspot", 1).await;
    machine
        .sandbox
        .set(&json!({ "service_key_scopes": ["oauth"] }))
        .unwrap();
    let reply = machine.create_by(ORG, machine.new_by(Method::ApiKey)).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text);
    assert!(
        reply.text.contains("a permission is missing"),
        "{}",
        reply.text
    );
    let machine = Machine::at("freshsales", 1).await;
    let user = "olivia@liveprompt.example";
    machine
        .sandbox
        .set(&json!({ "denied_users": [user] }))
        .unwrap();
    let reply = machine.create_by(ORG, machine.new_by(Method::ApiKey)).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text);
    assert!(
        reply.text.contains("a permission is missing"),
        "{}",
        reply.text
    );
}
