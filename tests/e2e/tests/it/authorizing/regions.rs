//! CRMs whose servers depend on the account, and what the token is for.

use std::time::Duration;

use http::StatusCode;
use hub_domain::Method;
use hub_e2e::{Machine, ORG, address, cookie};
use serde_json::json;
use url::Url;

use super::{active, authorized, post, shown, works};

#[tokio::test(start_paused = true)]
async fn the_region_of_the_account_is_followed_and_remembered() {
    for (location, accounts, api) in [
        ("us", "accounts.zoho.com", "https://www.zohoapis.com"),
        ("eu", "accounts.zoho.eu", "https://www.zohoapis.eu"),
        ("au", "accounts.zoho.com.au", "https://www.zohoapis.com.au"),
        ("ca", "accounts.zohocloud.ca", "https://www.zohoapis.ca"),
        ("cn", "accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
    ] {
        let machine = Machine::at("zoho", 1).await;
        machine
            .sandbox
            .set(&json!({ "location": location, "root_location": "us" }))
            .unwrap();
        let id = authorized(&machine, Method::AuthorizationCode).await;
        post(&machine, &id, "/approve").await;
        assert_eq!(shown(&machine, &id).await["base_url"], api);
        tokio::time::sleep(Duration::from_hours(2)).await;
        works(&machine, &id, location).await;
        let tokens = machine.wire.sent();
        let tokens = tokens
            .iter()
            .filter(|sent| sent.url.path().ends_with("/token"));
        let hosts: Vec<_> = tokens
            .map(|sent| sent.url.host_str().unwrap().to_owned())
            .collect();
        assert_eq!(hosts, [accounts, accounts], "the code and the refresh");
        machine.connection(http::Method::DELETE, &id, "").await;
        let last = machine.wire.sent().pop().unwrap().url;
        assert_eq!(
            (last.host_str(), last.path()),
            (Some(accounts), "/oauth/v2/token/revoke")
        );
    }
}

/// A developer's machine has all regions on one port.
#[tokio::test(start_paused = true)]
async fn a_region_on_an_exempt_address_is_followed_too() {
    for location in ["us", "eu"] {
        let machine = Machine::of("zoho", 1).await;
        machine
            .sandbox
            .set(&json!({ "location": location, "root_location": "us" }))
            .unwrap();
        let id = machine.connect(ORG, json!({})).await;
        tokio::time::sleep(Duration::from_hours(2)).await;
        works(&machine, &id, location).await;
        machine.connection(http::Method::DELETE, &id, "").await;
        let last = machine.wire.sent().pop().unwrap();
        assert_eq!(last.answer, r#"{"status":"success"}"#, "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_environment_is_the_audience_of_its_tokens() {
    let (machine, id) = active("dynamics365", Method::AuthorizationCode).await;
    let begun = machine.begin(ORG, &id).await;
    let url = Url::parse(&address(&begun)).unwrap();
    assert_eq!(url.host_str(), Some("login.microsoftonline.com"));
    let scope = url
        .query_pairs()
        .find(|(name, _)| name == "scope")
        .unwrap()
        .1;
    assert_eq!(
        scope,
        "https://acme.crm4.dynamics.com/.default offline_access"
    );
    assert_eq!(
        shown(&machine, &id).await["base_url"],
        "https://acme.crm4.dynamics.com"
    );

    // Another environment is another audience: whoever was authorized there is not here.
    let path = format!("/api/integrations/crm/{id}");
    let change = json!({ "settings": { "environment": "beta.crm4.dynamics.com" } });
    let moved = machine
        .api(ORG, http::Method::PATCH, &path, Some(&change))
        .await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.text);
    let moved = moved.json();
    assert_eq!(
        (&moved["state"], &moved["account"]),
        (&json!("reconnect_needed"), &json!(null))
    );
    // Nor does a test take it back into use at the old one.
    let tested = machine.connection(http::Method::POST, &id, "/test").await;
    assert_eq!(tested.json()["works"], json!(false), "{}", tested.text);
    let still = shown(&machine, &id).await;
    assert_eq!(
        (&still["state"], &still["base_url"]),
        (&json!("reconnect_needed"), &json!(null))
    );
    let begun = machine.begin(ORG, &id).await;
    let back = machine.consent(&address(&begun)).await;
    let reply = machine.call_back(&back, &cookie(&begun)).await;
    assert_eq!(
        reply.status,
        StatusCode::BAD_GATEWAY,
        "no such environment: {}",
        reply.text
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_the_crm_cannot_have_is_no_setting() {
    for (crm, name) in [
        ("dynamics365", "environment"),
        ("freshsales", "bundle_host"),
        ("pipedrive", "company"),
        ("salesforce", "login_host"),
        ("dynamics365", "login_host"),
    ] {
        let machine = Machine::at(crm, 1).await;
        for host in [
            "evil.example",
            "acme.crm4.dynamics.com.evil.example",
            "x@evil.example",
            "127.0.0.1",
            "login.salesforce.com:8443",
            "evil.example/acme.pipedrive.com",
            "",
            "xn--",
            "acme.myfreshworks.com.",
        ] {
            let mut new = machine.new_by(super::manifest(crm).methods()[0]);
            new["settings"][name] = json!(host);
            let reply = machine.create_by(ORG, new).await;
            assert_eq!(
                reply.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{crm} {host}: {}",
                reply.text
            );
            assert!(machine.wire.sent().is_empty());
        }
    }
}
