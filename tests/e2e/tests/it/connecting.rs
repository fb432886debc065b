//! Connecting a CRM.

use std::time::Duration;

use http::{Method, StatusCode};
use hub_e2e::{CRM, Machine, ORG};
use serde_json::json;

use crate::sample::{KEY, call};

#[tokio::test(start_paused = true)]
async fn a_connection_takes_events_only_after_an_admin_approved_it() {
    let machine = Machine::new(1).await;
    let id = machine.create(ORG, json!({})).await;
    let path = format!("/api/integrations/crm/{id}");
    let early = machine
        .api(ORG, Method::POST, &format!("{path}/approve"), None)
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{}", early.text);
    machine.authorize(ORG, &id).await;
    assert_eq!(
        machine.api(ORG, Method::GET, &path, None).await.json()["state"],
        "awaiting_approval"
    );
    machine
        .accept(&call("evt_1", "ses_1", "ada@acme.example"))
        .await;
    machine.work().await;
    assert!(machine.ours("Task", KEY).is_empty());
    let approved = machine
        .api(ORG, Method::POST, &format!("{path}/approve"), None)
        .await;
    assert_eq!(approved.json()["state"], "active");
    assert_eq!(approved.json()["approved_by"], "ada@seller.example");
    // Configuration is used for half a minute.
    tokio::time::sleep(Duration::from_secs(31)).await;
    machine
        .accept(&call("evt_2", "ses_2", "ada@acme.example"))
        .await;
    machine.work().await;
    assert_eq!(
        machine.ours("Task", KEY).keys().collect::<Vec<_>>(),
        ["ses_2"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_authorization_counts_once_in_the_browser_that_began_it_and_for_ten_minutes() {
    let machine = Machine::new(2).await;
    let id = machine.create(ORG, json!({})).await;
    let begin = async || {
        let begun = machine.begin(ORG, &id).await;
        let cookie = begun
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let back = machine
            .consent(begun.json()["authorize_url"].as_str().unwrap())
            .await;
        (back, cookie)
    };
    let (back, cookie) = begin().await;
    for wrong in [
        String::new(),
        format!("{cookie}x"),
        "__Host-hub-connect=AAAA".to_owned(),
    ] {
        let (back, _) = begin().await;
        assert_eq!(
            machine.call_back(&back, &wrong).await.status,
            StatusCode::FORBIDDEN,
            "{wrong}"
        );
    }
    let other_state = back.replace("state=", "state=x");
    assert_eq!(
        machine.call_back(&other_state, &cookie).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        machine.call_back(&back, &cookie).await.status,
        StatusCode::OK
    );
    assert_eq!(
        machine.call_back(&back, &cookie).await.status,
        StatusCode::FORBIDDEN,
        "the second time"
    );
    let (back, cookie) = begin().await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(
        machine.call_back(&back, &cookie).await.status,
        StatusCode::FORBIDDEN,
        "too late"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_the_crm_cannot_have_is_refused() {
    let machine = Machine::new(3).await;
    for (settings, pointer) in [
        (
            json!({ "login_host": "evil.example" }),
            "/settings/login_host",
        ),
        (
            json!({ "login_host": "evil.example/x" }),
            "/settings/login_host",
        ),
        (json!({ "key_field": "Id; DROP" }), "/settings/key_field"),
        (json!({ "unknown": "x" }), "/settings/unknown"),
        (
            json!({ "shared_activities": "maybe" }),
            "/settings/shared_activities",
        ),
    ] {
        let new = json!({ "crm": CRM, "name": "Evil", "settings": settings });
        let reply = machine
            .api(ORG, Method::POST, "/api/integrations/crm", Some(&new))
            .await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{settings}");
        assert_eq!(
            reply.json()["faults"][0]["pointer"],
            pointer,
            "{}",
            reply.text
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_says_when_it_delivered_last() {
    let (machine, connection) = Machine::connected(9).await;
    let path = format!("/api/integrations/crm/{connection}");
    let last = async || {
        machine.derive_twice().await;
        let one = machine.api(ORG, Method::GET, &path, None).await.json();
        let all = machine.api(ORG, Method::GET, "/api/integrations/crm", None);
        assert_eq!(
            all.await.json()["items"][0]["last_sync_at"],
            one["last_sync_at"]
        );
        one["last_sync_at"].clone()
    };
    assert_eq!(last().await, json!(null), "it never delivered");
    for (event, session) in [("evt_1", "ses_1"), ("evt_2", "ses_2")] {
        machine
            .accept(&call(event, session, "ada@acme.example"))
            .await;
        machine.work().await;
        let now = machine.world.clock.now();
        let at: hub_domain::Timestamp = last().await.as_str().unwrap().parse().unwrap();
        assert!(at <= now && now.duration_since(at).as_secs() < 60, "{at}");
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
}
