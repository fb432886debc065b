//! The life of a connection, from its creation to its end.

use std::time::Duration;

use http::{Method as Verb, StatusCode};
use hub_domain::Method;
use hub_e2e::{Machine, ORG};
use serde_json::json;

use super::{
    active, authorized, is_parked, keeps, manifest, post, shown, token_calls, ways, works,
};
use crate::sample::meeting;

/// Whether the CRM gives something that brings the next access token.
fn refreshes(crm: &str, method: Method) -> bool {
    let forever = manifest(crm)
        .oauth
        .is_some_and(|oauth| oauth.default_lifetime_s == 0);
    method != Method::ApiKey && !forever
}

#[tokio::test(start_paused = true)]
async fn each_is_created_authorized_approved_and_tested() {
    let mut count = 0;
    for (crm, method) in ways() {
        let machine = Machine::at(crm, 1).await;
        let created = machine.create_by(ORG, machine.new_by(method)).await;
        let what = format!("{crm} by {}: {}", method.name(), created.text);
        assert_eq!(created.status, StatusCode::CREATED, "{what}");
        let created = created.json();
        let id = created["id"].as_str().unwrap();
        if method == Method::AuthorizationCode {
            assert_eq!(created["state"], "unconnected", "{what}");
            for early in ["/approve", "/test"] {
                let reply = machine.connection(Verb::POST, id, early).await;
                assert_eq!(reply.status, StatusCode::CONFLICT, "{what}");
            }
            machine.authorize(ORG, id).await;
        }
        let waiting = shown(&machine, id).await;
        assert_eq!(waiting["state"], "awaiting_approval", "{waiting}");
        assert_eq!(waiting["connected_by"], "ada@seller.example", "{waiting}");
        assert_eq!(waiting["method"], method.name());
        let host = waiting["base_url"].as_str().unwrap();
        let host = host.strip_prefix("https://").unwrap();
        assert!(manifest(crm).allows_host(host), "{waiting}");
        let account = machine.sandbox.credentials()["account"].clone();
        if account.is_string() && crm != "freshsales" {
            assert_eq!(waiting["account"], account, "{what}");
        }
        let own = !matches!(method, Method::AuthorizationCode);
        assert_eq!(waiting["credential_since"].is_string(), own, "{waiting}");
        assert_eq!(post(&machine, id, "/approve").await["state"], "active");
        works(&machine, id, &what).await;
        count += 1;
    }
    println!("ways to authorize: {count}");
    assert!(count >= 14, "{count}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_access_token_is_refreshed_exactly_once() {
    for (crm, method) in ways() {
        let (machine, id) = active(crm, method).await;
        let what = format!("{crm} by {}", method.name());
        let once = usize::from(refreshes(crm, method));
        // Its time is over.
        let before = token_calls(&machine);
        tokio::time::sleep(Duration::from_hours(3)).await;
        works(&machine, &id, &what).await;
        works(&machine, &id, &what).await;
        assert_eq!(token_calls(&machine) - before, once, "{what}, in time");
        if once == 0 {
            continue;
        }
        // The CRM ends it before its time.
        let before = token_calls(&machine);
        machine.fault(json!({ "fault": "expire_access_token", "times": 1 }));
        works(&machine, &id, &what).await;
        assert_eq!(token_calls(&machine) - before, 1, "{what}, before its time");
        assert_eq!(shown(&machine, &id).await["state"], "active", "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_was_withdrawn_parks_the_connection_and_an_admin_brings_it_back() {
    for (crm, method) in ways() {
        if method != Method::AuthorizationCode {
            continue;
        }
        let (machine, id) = active(crm, method).await;
        let before = shown(&machine, &id).await;
        machine.fault(json!({ "fault": "revoke_refresh_token", "times": 1 }));
        if refreshes(crm, method) {
            // Some let the access token live to its end.
            tokio::time::sleep(Duration::from_hours(3)).await;
        }
        is_parked(&machine, &id, "revoked", crm).await;
        is_parked(&machine, &id, "revoked", crm).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        machine.authorize(ORG, &id).await;
        let after = shown(&machine, &id).await;
        assert_eq!(after["state"], "active", "{crm}: {after}");
        assert_eq!(after["cause"], json!(null));
        for same in ["id", "settings", "account", "base_url", "approved_by"] {
            assert_eq!(after[same], before[same], "{crm}");
        }
        works(&machine, &id, crm).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_changes_nothing() {
    for (crm, method) in ways() {
        let outage = json!({ "fault": "outage", "seconds": 60 });
        let machine = Machine::at(crm, 1).await;
        let new = machine.new_by(method);
        let what = format!("{crm} by {}", method.name());
        if method == Method::AuthorizationCode {
            let id = machine.create(ORG, new["settings"].clone()).await;
            let begun = machine.begin(ORG, &id).await;
            let back = machine.consent(&hub_e2e::address(&begun)).await;
            machine.fault(outage.clone());
            let reply = machine.call_back(&back, &hub_e2e::cookie(&begun)).await;
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
            assert_eq!(shown(&machine, &id).await["state"], "unconnected");
            assert!(!keeps(&machine, &id).await, "{what}");
        } else {
            machine.fault(outage.clone());
            let reply = machine.create_by(ORG, new).await;
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
            let list = machine.api(ORG, Verb::GET, "/api/integrations/crm", None);
            assert_eq!(list.await.json()["items"], json!([]), "{what}");
        }
        tokio::time::sleep(Duration::from_secs(61)).await;

        // One that is in use stays as it is, whether it has to refresh or not.
        let id = authorized(&machine, method).await;
        let before = post(&machine, &id, "/approve").await;
        for wait in [Duration::from_secs(1), Duration::from_hours(3)] {
            tokio::time::sleep(wait).await;
            machine.fault(outage.clone());
            assert_eq!(post(&machine, &id, "/test").await["works"], false, "{what}");
            assert_eq!(shown(&machine, &id).await, before, "{what}");
            tokio::time::sleep(Duration::from_secs(61)).await;
            works(&machine, &id, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pause_and_resume() {
    let (machine, id) = active("salesforce", Method::AuthorizationCode).await;
    assert_eq!(post(&machine, &id, "/pause").await["enabled"], false);
    machine.accept(&meeting("evt_1", "ses_1", "Paused")).await;
    machine.work().await;
    assert!(machine.held("Event").is_empty());
    assert_eq!(post(&machine, &id, "/resume").await["enabled"], true);
    tokio::time::sleep(Duration::from_secs(31)).await;
    machine.accept(&meeting("evt_2", "ses_2", "Resumed")).await;
    machine.work().await;
    assert!(!machine.held("Event").is_empty());
}

/// How much of grants there is at the CRM.
fn grants(machine: &Machine) -> u64 {
    let state = machine.sandbox.state();
    let tokens = &state["tokens"];
    let count = |name: &str| tokens[name].as_u64().unwrap_or_default();
    count("refresh_tokens") + count("access_tokens")
}

#[tokio::test(start_paused = true)]
async fn the_end_gives_the_grant_back_and_keeps_no_credential() {
    for (crm, method) in ways() {
        let machine = Machine::at(crm, 1).await;
        let new = machine.new_by(method);
        let what = format!("{crm} by {}", method.name());
        let before = grants(&machine);
        let id = {
            let created = machine.create_by(ORG, new).await.json();
            let id = created["id"].as_str().unwrap().to_owned();
            if method == Method::AuthorizationCode {
                machine.authorize(ORG, &id).await;
            }
            id
        };
        post(&machine, &id, "/approve").await;
        assert!(keeps(&machine, &id).await, "{what}");
        let during = grants(&machine);
        let ended = machine.connection(Verb::DELETE, &id, "").await;
        assert_eq!(ended.status, StatusCode::OK, "{what}: {}", ended.text);
        let ended = ended.json();
        assert_eq!(ended["state"], "disconnected", "{what}");
        assert_eq!(ended["reason"], "ended by an admin", "{what}");
        assert!(!keeps(&machine, &id).await, "{what}");
        let revokes = manifest(crm)
            .oauth
            .is_some_and(|oauth| oauth.revocation.is_some());
        if method != Method::ApiKey {
            assert!(during > before, "{what}: {during} after {before}");
            // Access tokens of some CRMs live on to their end.
            assert_eq!(grants(&machine) < during, revokes, "{what}");
        }
        // It stays readable, ends twice, and never comes back.
        let again = machine.connection(Verb::DELETE, &id, "").await;
        assert_eq!(
            (again.status, again.json()),
            (StatusCode::OK, ended),
            "{what}"
        );
        for call in ["/approve", "/resume", "/test"] {
            let reply = machine.connection(Verb::POST, &id, call).await;
            assert_eq!(reply.status, StatusCode::CONFLICT, "{what}{call}");
        }
        let begun = machine.begin_as(&machine.admin(ORG), &id).await;
        assert!(begun.status.is_client_error(), "{what}: {}", begun.text);
    }
}

#[tokio::test(start_paused = true)]
async fn deliveries_outlive_their_connection() {
    let (machine, id) = active("hubspot", Method::AuthorizationCode).await;
    machine.accept(&meeting("evt_1", "ses_1", "Kept")).await;
    machine.work().await;
    machine.connection(Verb::DELETE, &id, "").await;
    let kept = machine.deliveries(ORG).await;
    assert_eq!(kept["ses_1"]["status"], "delivered", "{kept:?}");
    let path = format!("/api/deliveries/{}", kept["ses_1"]["id"].as_str().unwrap());
    let detail = machine.api(ORG, Verb::GET, &path, None).await;
    assert_eq!(detail.status, StatusCode::OK, "{}", detail.text);
    assert_eq!(detail.json()["connection"], id.as_str());
}

#[tokio::test(start_paused = true)]
async fn an_organization_has_several_connections_of_one_crm() {
    for (crm, method) in ways() {
        let machine = Machine::at(crm, 1).await;
        let ids = [
            authorized(&machine, method).await,
            authorized(&machine, method).await,
        ];
        for id in &ids {
            post(&machine, id, "/approve").await;
        }
        machine.connection(Verb::DELETE, &ids[0], "").await;
        assert_eq!(shown(&machine, &ids[1]).await["state"], "active", "{crm}");
        works(&machine, &ids[1], crm).await;
    }
}
