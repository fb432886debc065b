//! Wrong secrets: refused in words, and nothing of them is kept.

use http::{Method as Verb, StatusCode};
use hub_domain::Method;
use hub_e2e::{Machine, ORG};
use serde_json::json;

use super::{active, authorized, keeps, manifest, shown, ways, works};

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_or_key_is_a_502_with_words_and_leaves_nothing() {
    for (crm, method) in ways() {
        let machine = Machine::at(crm, 1).await;
        let new = machine.new_with_wrong_secret(method);
        let what = format!("{crm} by {}", method.name());
        let created = machine.create_by(ORG, new).await;
        let refused = if method == Method::AuthorizationCode {
            let id = created.json()["id"].as_str().unwrap().to_owned();
            let refused = machine.authorize_as(&machine.admin(ORG), &id).await;
            let found = shown(&machine, &id).await;
            assert_eq!(found["state"], "unconnected", "{what}");
            assert!(machine.tokens(ORG, &id).await.is_none(), "{what}");
            refused
        } else {
            let list = machine.api(ORG, Verb::GET, "/api/integrations/crm", None);
            assert_eq!(list.await.json()["items"], json!([]), "{what}");
            let all = machine.hub("operator");
            let all = all.vault().credentials(ORG).await.unwrap();
            assert!(all.clients.is_empty() && all.api_keys.is_empty(), "{what}");
            created
        };
        assert_eq!(
            refused.status,
            StatusCode::BAD_GATEWAY,
            "{what}: {}",
            refused.text
        );
        assert!(
            refused.text.contains("the credentials of the application"),
            "{what}: {}",
            refused.text
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_in_the_place_of_a_right_one_leaves_the_right_one() {
    for (crm, method) in ways() {
        if method == Method::AuthorizationCode {
            continue;
        }
        let (machine, id) = active(crm, method).await;
        let what = format!("{crm} by {}", method.name());
        let before = shown(&machine, &id).await;
        let wrong = machine.new_with_wrong_secret(method);
        let change = json!({ "client": wrong.get("client"), "api_key": wrong.get("api_key") });
        let mut change = change;
        change
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let path = format!("/api/integrations/crm/{id}");
        let reply = machine.api(ORG, Verb::PATCH, &path, Some(&change)).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_GATEWAY,
            "{what}: {}",
            reply.text
        );
        assert_eq!(shown(&machine, &id).await, before, "{what}");
        // The next token too is asked for with the right one.
        tokio::time::sleep(std::time::Duration::from_hours(3)).await;
        works(&machine, &id, &what).await;

        let right = machine.new_by(method);
        change = json!({ "client": right.get("client"), "api_key": right.get("api_key") });
        change
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let reply = machine.api(ORG, Verb::PATCH, &path, Some(&change)).await;
        assert_eq!(reply.status, StatusCode::OK, "{what}: {}", reply.text);
        assert_ne!(reply.json()["credential_since"], before["credential_since"]);
        assert_eq!(reply.json()["state"], "active");
        works(&machine, &id, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_who_says_no_leaves_it_as_it_is() {
    for (crm, method) in ways() {
        if method != Method::AuthorizationCode {
            continue;
        }
        let machine = Machine::at(crm, 1).await;
        let new = machine.new_by(method);
        let id = machine.create(ORG, new["settings"].clone()).await;
        let begun = machine.begin(ORG, &id).await;
        let address = hub_e2e::address(&begun).replace('?', "?__sandbox_consent=deny&");
        let back = machine.consent(&address).await;
        let reply = machine.call_back(&back, &hub_e2e::cookie(&begun)).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_GATEWAY,
            "{crm}: {}",
            reply.text
        );
        assert!(reply.text.contains("denied"), "{crm}: {}", reply.text);
        assert_eq!(shown(&machine, &id).await["state"], "unconnected");
        assert!(!keeps(&machine, &id).await);
    }
}

#[tokio::test(start_paused = true)]
async fn the_application_of_a_customer_is_used_instead_of_ours() {
    let machine = Machine::at("hubspot", 1).await;
    let all = machine.sandbox.credentials();
    let own = json!({ "id": all["client_id"], "secret": all["client_secret"] });
    let hub = machine.hub("operator");
    let mut platform = (*hub.vault().platform().await.unwrap()).clone();
    platform.apps.clear();
    hub.vault().put_platform(&platform).await.unwrap();
    let created = machine
        .create_by(ORG, json!({ "client": own }))
        .await
        .json();
    let id = created["id"].as_str().unwrap();
    machine.authorize(ORG, id).await;
    assert_eq!(shown(&machine, id).await["state"], "awaiting_approval");
    let without = machine.create(ORG, json!({})).await;
    let begun = machine.begin_as(&machine.admin(ORG), &without).await;
    assert_eq!(begun.status, StatusCode::BAD_GATEWAY, "{}", begun.text);
    assert!(manifest("hubspot").oauth.is_some() && authorized_by_own(&machine, id).await);
}

/// Its own application stands under its own id.
async fn authorized_by_own(machine: &Machine, id: &str) -> bool {
    let hub = machine.hub("operator");
    hub.vault()
        .credentials(ORG)
        .await
        .unwrap()
        .clients
        .contains_key(id)
}

#[tokio::test(start_paused = true)]
async fn an_application_of_its_own_that_cannot_be_is_told_why() {
    // A tenant is needed, and the org's own host.
    for (crm, change, words) in [
        (
            "dynamics365",
            json!({ "environment": "acme.crm4.dynamics.com" }),
            "needs the setting tenant",
        ),
        (
            "dynamics365",
            json!({ "environment": "acme.crm4.dynamics.com", "tenant": "nowhere.example" }),
            "the tenant is unknown",
        ),
        (
            "dynamics365",
            json!({ "environment": "other.crm4.dynamics.com", "tenant": "liveprompt.onmicrosoft.com" }),
            "the environment's address is wrong",
        ),
        ("salesforce", json!({}), "the org's My Domain host"),
    ] {
        let machine = Machine::at(crm, 1).await;
        let mut new = machine.new_by(Method::ClientCredentials);
        new["settings"] = change;
        let reply = machine.create_by(ORG, new).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_GATEWAY,
            "{crm}: {}",
            reply.text
        );
        assert!(reply.text.contains(words), "{crm}: {}", reply.text);
    }
    let machine = Machine::at("salesforce", 1).await;
    authorized(&machine, Method::JwtBearer).await;
    let mut new = machine.new_by(Method::JwtBearer);
    let user = new["settings"]["user"].clone();
    machine
        .sandbox
        .set(&json!({ "unapproved_users": [user] }))
        .unwrap();
    let reply = machine.create_by(ORG, new.clone()).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text);
    assert!(
        reply.text.contains("pre-authorize the user"),
        "{}",
        reply.text
    );
    new["client"]["private_key"] =
        json!("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----");
    let reply = machine.create_by(ORG, new).await;
    assert!(
        reply.text.contains("has to be an RSA key in PEM"),
        "{}",
        reply.text
    );
}
