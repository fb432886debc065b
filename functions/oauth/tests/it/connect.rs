//! Beginning: an admin's call, answered with where the browser goes and what binds it.

use hub_world::{World, ask};
use serde_json::json;
use url::Url;

use crate::Oauth;

#[tokio::test(start_paused = true)]
async fn connect_sets_the_cookie_and_says_where_to_go() {
    let oauth = Oauth::new().await;
    let body = json!({ "connection_id": oauth.connection.as_str() });
    let reply = oauth.connect("salesforce", &oauth.admin(), &body).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("cache-control")),
        (200, "no-store")
    );

    let (value, rules) = reply.header("set-cookie").split_once("; ").unwrap();
    let value = value.strip_prefix("__Host-hub-connect=").unwrap();
    assert_eq!(value.len(), 43, "32 random bytes: {value}");
    assert_eq!(rules, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");

    let answer = reply.json();
    assert_eq!(answer.as_object().unwrap().len(), 2);
    let start = answer["start_url"].as_str().unwrap();
    assert!(
        start.starts_with("https://hub.example/api/integrations/salesforce/start?handle="),
        "{start}"
    );
    let url = Url::parse(answer["authorize_url"].as_str().unwrap()).unwrap();
    assert_eq!(
        url.origin().ascii_serialization(),
        "https://login.salesforce.com"
    );
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["client_id"], "platform-client");
    assert_eq!(
        query["redirect_uri"],
        "https://hub.example/api/integrations/salesforce/callback"
    );
    assert_eq!(query["code_challenge_method"], "S256");
    assert_ne!(
        query["state"], value,
        "whoever sees the address does not have the cookie"
    );
    assert!(!reply.text.contains("platform-secret"));
}

#[tokio::test(start_paused = true)]
async fn only_an_admin_of_the_organization_begins() {
    let oauth = Oauth::new().await;
    oauth.world.organization("org_other").await;
    let body = json!({ "connection_id": oauth.connection.as_str() });
    for (bearer, status) in [
        (String::new(), 401),
        (
            oauth
                .world
                .bearer("org_demo", "manager", "ada@seller.example"),
            403,
        ),
        (
            oauth
                .world
                .bearer("org_demo", "viewer", "ada@seller.example"),
            403,
        ),
        (
            oauth
                .world
                .bearer("org_other", "admin", "eve@other.example"),
            404,
        ),
    ] {
        let reply = oauth.connect("salesforce", &bearer, &body).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        assert_eq!(
            (reply.header("set-cookie"), reply.header("content-type")),
            ("", "application/problem+json")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_crm_or_connection_that_is_not_there_is_a_404() {
    let oauth = Oauth::new().await;
    let ours = json!({ "connection_id": oauth.connection.as_str() });
    for (crm, body) in [
        ("abacus", ours.clone()),
        ("%23", ours),
        ("salesforce", json!({ "connection_id": "conn_none" })),
    ] {
        let reply = oauth.connect(crm, &oauth.admin(), &body).await;
        assert_eq!(reply.status, 404, "{crm}: {}", reply.text);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_body_is_said() {
    let oauth = Oauth::new().await;
    for (body, place) in [
        (json!({}), "/connection_id"),
        (json!({ "connection_id": 7 }), "/connection_id"),
        (json!({ "connection_id": "ours" }), "/connection_id"),
        (
            json!({ "connection_id": oauth.connection.as_str(), "redirect": "https://evil.example" }),
            "/redirect",
        ),
        (json!([]), ""),
    ] {
        let reply = oauth.connect("salesforce", &oauth.admin(), &body).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.text);
        assert_eq!(reply.json()["faults"][0]["pointer"], place, "{body}");
    }
    let broken = http::Request::post("/api/integrations/salesforce/connect")
        .header("authorization", oauth.admin());
    let reply = ask(&oauth.router, broken.body("{".into()).unwrap()).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_crm_for_which_no_application_is_registered_says_so() {
    let oauth = Oauth::new().await;
    let vault = oauth.world.hub("set-up", World::no_crm());
    let mut platform = (*vault.vault().platform().await.unwrap()).clone();
    platform.apps.clear();
    vault.vault().put_platform(&platform).await.unwrap();
    let body = json!({ "connection_id": oauth.connection.as_str() });
    let reply = oauth.connect("salesforce", &oauth.admin(), &body).await;
    assert_eq!(reply.status, 502);
    assert!(
        reply
            .text
            .contains("no application is registered for salesforce"),
        "{}",
        reply.text
    );
}
