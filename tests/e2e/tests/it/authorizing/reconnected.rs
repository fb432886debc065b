//! Connecting again, and what the CRM itself says of a connection.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, StatusCode};
use hub_connectors::connectable;
use hub_domain::Method;
use hub_e2e::{Machine, ORG};
use serde_json::{Value, json};

use super::{active, authorized, keeps, manifest, post, shown, ways, works};

#[tokio::test(start_paused = true)]
async fn another_admin_takes_a_connection_over_and_it_stays_what_it_is() {
    for (crm, method) in ways() {
        if method != Method::AuthorizationCode {
            continue;
        }
        let (machine, id) = active(crm, method).await;
        let hub = machine.hub("operator");
        let mut mapped = machine.stored(ORG, &id).await;
        mapped.mapping_version = 7;
        mapped.version += 1;
        hub.store().put_connection(&mapped).await.unwrap();
        let before = shown(&machine, &id).await;

        let bob = machine.world.bearer(ORG, "admin", "bob@seller.example");
        let begun = machine.begin_as(&bob, &id).await;
        // Another person at the CRM, too.
        let address = format!(
            "{}&login_hint=rafael@liveprompt.example",
            hub_e2e::address(&begun)
        );
        let back = machine.consent(&address).await;
        let done = machine.call_back(&back, &hub_e2e::cookie(&begun)).await;
        assert_eq!(done.status, StatusCode::OK, "{crm}: {}", done.text);

        let after = machine.stored(ORG, &id).await;
        assert_eq!(after.connected_by.as_deref(), Some("bob@seller.example"));
        assert_eq!((after.mapping_version, after.id), (7, mapped.id));
        let after = shown(&machine, &id).await;
        for same in [
            "settings",
            "account",
            "state",
            "approved_by",
            "created_by",
            "base_url",
        ] {
            assert_eq!(after[same], before[same], "{crm}: {same}");
        }
        works(&machine, &id, crm).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_account_of_the_crm_is_another_connection() {
    let (machine, id) = active("hubspot", Method::AuthorizationCode).await;
    let before = shown(&machine, &id).await;
    machine
        .wire
        .edit_tokens(|reply| reply["hub_id"] = json!(99));
    let version = machine.tokens(ORG, &id).await.unwrap().version;
    let reply = machine.authorize_as(&machine.admin(ORG), &id).await;
    assert_eq!(reply.status, StatusCode::CONFLICT, "{}", reply.text);
    assert!(reply.text.contains("another account"), "{}", reply.text);
    assert_eq!(shown(&machine, &id).await, before);
    assert_eq!(machine.tokens(ORG, &id).await.unwrap().version, version);
    works(&machine, &id, "with what it had").await;
    let other = authorized(&machine, Method::AuthorizationCode).await;
    assert_eq!(shown(&machine, &other).await["account"], "99");
}

/// The account is asked for later where the CRM did not answer at once.
#[tokio::test(start_paused = true)]
async fn an_account_that_could_not_be_told_is_told_by_the_test() {
    let machine = Machine::at("pipedrive", 1).await;
    let id = machine.create(ORG, json!({})).await;
    machine.fault(
        json!({ "fault": "server_error", "times": 1, "where": { "path_prefix": "/v1/users/me" } }),
    );
    machine.authorize(ORG, &id).await;
    assert_eq!(shown(&machine, &id).await["account"], json!(null));
    works(&machine, &id, "later").await;
    let account = machine.sandbox.credentials()["account"].clone();
    assert_eq!(shown(&machine, &id).await["account"], account);
    assert_eq!(
        uninstall(&machine, &account, None).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(shown(&machine, &id).await["cause"], "uninstalled");
}

/// The CRM calls: the application was removed from an account.
async fn uninstall(machine: &Machine, company: &Value, secret: Option<&str>) -> StatusCode {
    let all = machine.sandbox.credentials();
    let secret = secret.unwrap_or(all["client_secret"].as_str().unwrap());
    let pair = format!("{}:{secret}", all["client_id"].as_str().unwrap());
    let company: u64 = company.as_str().unwrap().parse().unwrap();
    let body = json!({ "client_id": all["client_id"], "company_id": company, "user_id": 1, "timestamp": "2026-11-20" });
    let request = Request::delete(format!("/api/integrations/{}/callback", machine.crm))
        .header(
            "authorization",
            format!("Basic {}", BASE64_STANDARD.encode(pair)),
        )
        .body(Bytes::from(body.to_string()))
        .unwrap();
    machine.ask_oauth(request).await.status
}

#[tokio::test(start_paused = true)]
async fn the_crm_says_that_the_application_was_removed() {
    let (machine, id) = active("pipedrive", Method::AuthorizationCode).await;
    let key = authorized(&machine, Method::ApiKey).await;
    let all = machine.sandbox.credentials();
    let mut own = machine.new_by(Method::AuthorizationCode);
    own["client"] = json!({ "id": all["client_id"], "secret": all["client_secret"] });
    let own = machine.create_by(ORG, own).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    machine.authorize(ORG, &own).await;
    let account = shown(&machine, &id).await["account"].clone();

    assert_eq!(
        uninstall(&machine, &json!("1"), None).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        uninstall(&machine, &account, Some("wrong")).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(shown(&machine, &id).await["state"], "active");
    assert_eq!(
        uninstall(&machine, &account, None).await,
        StatusCode::NO_CONTENT
    );
    let found = shown(&machine, &id).await;
    assert_eq!(
        (&found["state"], &found["cause"]),
        (&json!("reconnect_needed"), &json!("uninstalled"))
    );
    assert!(
        found["advice"].as_str().unwrap().contains("install it"),
        "{found}"
    );
    for other in [&key, &own] {
        assert_eq!(
            shown(&machine, other).await["state"],
            "awaiting_approval",
            "not ours to remove"
        );
    }
    machine.authorize(ORG, &id).await;
    assert_eq!(shown(&machine, &id).await["state"], "active");
    machine.connection(http::Method::DELETE, &id, "").await;
    assert_eq!(
        uninstall(&machine, &account, None).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(shown(&machine, &id).await["state"], "disconnected");
    // Where no CRM calls, nobody does.
    let silent = |crm: &&str| {
        let oauth = manifest(crm).oauth;
        oauth.is_none_or(|oauth| oauth.uninstall.is_none())
    };
    let silent: Vec<&str> = connectable().filter(silent).collect();
    assert!(!silent.is_empty());
    for crm in silent {
        let machine = Machine::at(crm, 1).await;
        assert_eq!(
            uninstall(&machine, &json!("1"), None).await,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_it_while_the_crm_answers_has_the_last_word() {
    let (machine, id) = active("hubspot", Method::AuthorizationCode).await;
    let begun = machine.begin(ORG, &id).await;
    let back = machine.consent(&hub_e2e::address(&begun)).await;
    machine.fault(json!({ "fault": "delay", "ms": 5000, "times": 1, "where": { "path_prefix": "/oauth/2026-09/token" } }));
    let cookie = hub_e2e::cookie(&begun);
    let (done, ()) = futures_util::join!(machine.call_back(&back, &cookie), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let ended = machine.connection(http::Method::DELETE, &id, "").await;
        assert_eq!(ended.status, StatusCode::OK, "{}", ended.text);
    });
    assert_eq!(done.status, StatusCode::FORBIDDEN, "{}", done.text);
    assert_eq!(shown(&machine, &id).await["state"], "disconnected");
    assert!(!keeps(&machine, &id).await);
    post_is_refused(&machine, &id).await;
}

async fn post_is_refused(machine: &Machine, id: &str) {
    let reply = machine.connection(http::Method::POST, id, "/approve").await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    let other = authorized(machine, Method::AuthorizationCode).await;
    post(machine, &other, "/approve").await;
}
