//! Credentials grow old and grants lapse: somebody is told in time, once, and nobody's connection dies
//! of not being used.

use std::time::Duration;

use hub_domain::{
    Method,
    audit::VerifierKey,
    notice::{Kind, Notice},
};
use hub_e2e::{Machine, ORG};
use hub_engine::audit;
use serde_json::{Value, json};

use crate::sample::meeting;

const DAY: Duration = Duration::from_hours(24);

/// Days pass, with ticks at the end of every fifth and of the last: a look that is late is made once.
async fn days(machine: &Machine, mut days: u32) {
    while days > 0 {
        let some = days.min(5);
        tokio::time::advance(DAY * some).await;
        machine.derive().await;
        // Two ticks at once look once.
        let (first, second) = tokio::join!(machine.tick(), machine.tick());
        assert!(first && second);
        days -= some;
    }
}

async fn notices(machine: &Machine, kind: Kind) -> Vec<Notice> {
    let hub = machine.hub("operator");
    let found = hub.store().notices(&ORG.parse().unwrap()).await.unwrap();
    found
        .into_iter()
        .filter(|notice| notice.kind == kind)
        .collect()
}

async fn health(machine: &Machine) -> Value {
    let reply = machine
        .api(ORG, http::Method::GET, "/api/health", None)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[tokio::test(start_paused = true)]
async fn an_old_key_is_named_once_a_month_until_there_is_another() {
    let machine = Machine::at("copper", 1).await;
    let created = machine
        .create_by(ORG, machine.new_by(Method::ApiKey))
        .await
        .json();
    let id = created["id"].as_str().unwrap();
    machine.connection(http::Method::POST, id, "/approve").await;
    days(&machine, 89).await;
    assert_eq!(notices(&machine, Kind::CredentialOld).await, []);
    assert_eq!(health(&machine).await["status"], "ok");

    days(&machine, 2).await;
    let told = notices(&machine, Kind::CredentialOld).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let payload = &told[0].payload;
    assert_eq!(
        [
            &payload["connection"],
            &payload["secret"],
            &payload["policy_days"]
        ],
        [&json!(id), &json!("api_key"), &json!(90)]
    );
    let found = health(&machine).await;
    assert_eq!(found["status"], "attention");
    let reminder = &found["connections"][0]["reminders"][0];
    assert_eq!(reminder["type"], "integration.credential_old");
    assert_eq!(
        reminder["advice"],
        "the API key is 91 days old, and 90 are allowed: make another at the CRM and enter it here"
    );

    days(&machine, 31).await;
    assert_eq!(notices(&machine, Kind::CredentialOld).await.len(), 2);

    // The same key entered again is a key that somebody has looked at.
    let key = machine.new_by(Method::ApiKey)["api_key"].clone();
    let path = format!("/api/integrations/crm/{id}");
    let change = json!({ "api_key": key });
    let reply = machine
        .api(ORG, http::Method::PATCH, &path, Some(&change))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(health(&machine).await["status"], "ok");
    days(&machine, 60).await;
    assert_eq!(notices(&machine, Kind::CredentialOld).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_secret_grows_old_too() {
    let machine = Machine::new(2).await;
    let new = json!({ "name": "Ours", "url": "https://hooks.acme.example/in", "events": ["*"] });
    let path = "/api/integrations/webhooks";
    let created = machine.api(ORG, http::Method::POST, path, Some(&new)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    days(&machine, 92).await;
    let told = notices(&machine, Kind::CredentialOld).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].payload["webhook"], json!(id));
    let found = health(&machine).await;
    assert_eq!(
        found["webhooks"][0]["reminders"][0]["secret"],
        "webhook_secret"
    );
    let rotated = machine
        .api(
            ORG,
            http::Method::POST,
            &format!("{path}/{id}/rotate-secret"),
            Some(&json!({})),
        )
        .await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_eq!(health(&machine).await["webhooks"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_nobody_uses_is_kept_alive() {
    let (machine, id) = Machine::connected(3).await;
    machine.derive().await;
    let before = machine.wire.count("/services/oauth2/token");
    // The CRM lets a grant lapse after 30 days without a refresh.
    days(&machine, 100).await;
    let refreshed = machine.wire.count("/services/oauth2/token") - before;
    assert_eq!(refreshed, 5, "one refresh in twenty days");
    assert_eq!(
        machine.connection(http::Method::GET, &id, "").await.json()["state"],
        "active"
    );
    machine.accept(&meeting("evt_1", "ses_1", "Late")).await;
    machine.work().await;
    machine.each_once(ORG).await;
    assert_eq!(notices(&machine, Kind::GrantLapsing).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_will_lapse_is_named_in_time() {
    let machine = Machine::at("monday", 4).await;
    let id = machine.connect(ORG, json!({})).await;
    days(&machine, 168).await;
    assert_eq!(notices(&machine, Kind::GrantLapsing).await, []);
    days(&machine, 13).await;
    let told = notices(&machine, Kind::GrantLapsing).await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.iter()
            .all(|notice| notice.payload["connection"] == json!(id))
    );
    let found = health(&machine).await;
    assert_eq!(
        found["connections"][0]["reminders"][0]["type"],
        "integration.grant_lapsing"
    );
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_connection_is_kept_as_an_event_once() {
    let (machine, id) = Machine::connected(5).await;
    machine.derive_twice().await;
    assert_eq!(notices(&machine, Kind::Connected).await.len(), 1);
    machine.fault(json!({ "fault": "revoke_refresh_token" }));
    machine.fault(json!({ "fault": "expire_access_token" }));
    machine.accept(&meeting("evt_1", "ses_1", "Revoked")).await;
    machine.work_for(Duration::from_mins(10)).await;
    machine.derive_twice().await;
    let told = notices(&machine, Kind::ReconnectNeeded).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].payload["connection"], json!(id));
    assert_eq!(told[0].payload["cause"], "revoked");
    assert_eq!(health(&machine).await["status"], "attention");
    machine.connection(http::Method::DELETE, &id, "").await;
    machine.derive_twice().await;
    assert_eq!(notices(&machine, Kind::Disconnected).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_checkpoint_is_an_event_that_the_customer_can_hold() {
    let (machine, _) = Machine::connected(6).await;
    machine.accept(&meeting("evt_1", "ses_1", "Audited")).await;
    machine.work().await;
    machine.derive().await;
    for _ in 0..10 {
        tokio::time::advance(Duration::from_mins(1)).await;
        let (first, second) = tokio::join!(machine.tick(), machine.tick());
        assert!(first && second);
    }
    let told = notices(&machine, Kind::AuditCheckpoint).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let text = |name: &str| told[0].payload[name].as_str().unwrap();
    let key: VerifierKey = text("key").parse().unwrap();
    let checkpoint = audit::open(text("checkpoint"), &key).unwrap();
    assert_eq!(json!(checkpoint.size), told[0].payload["size"]);
    let pages = machine.audit(ORG).await;
    assert_eq!(pages[0]["checkpoint"], told[0].payload["checkpoint"]);
}
