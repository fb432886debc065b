//! Ending: the browser that began, once, in time, or a page that says why not.

use std::time::Duration;

use hub_domain::ConnectionState;
use hub_engine::{TransportError, connections};
use hub_world::{Fails, Reply, World};
use serde_json::json;

use crate::{Begun, Oauth, token_reply};

fn is_page(reply: &Reply, status: u16, words: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("referrer-policy"), "no-referrer");
    let policy = reply.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"),
        "{policy}"
    );
    assert!(reply.text.contains(words), "{words}: {}", reply.text);
}

fn ours(state: &str) -> String {
    format!("code=aPrx&state={state}")
}

#[tokio::test(start_paused = true)]
async fn the_browser_that_began_is_told_that_an_admin_has_to_approve() {
    let oauth = Oauth::new().await;
    let Begun { state, cookie } = oauth.begin().await;
    let cookies = format!("theme=dark; {cookie}; other=1");
    let reply = oauth
        .callback("salesforce", &ours(&state), Some(&cookies))
        .await;
    is_page(
        &reply,
        200,
        "“Ours &lt;b&gt;&amp;” is connected. It takes events as soon as an admin",
    );
    assert_eq!(
        reply.header("set-cookie"),
        "__Host-hub-connect=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
    );
    assert_eq!(oauth.state().await, ConnectionState::AwaitingApproval);

    let asked = oauth.asked.lock().unwrap().clone();
    let [form] = asked.as_slice() else {
        panic!("one token call: {asked:?}")
    };
    assert_eq!(
        (form["grant_type"].as_str(), form["code"].as_str()),
        ("authorization_code", "aPrx")
    );
    assert_eq!(
        form["redirect_uri"],
        "https://hub.example/api/integrations/salesforce/callback"
    );
    assert!(form["code_verifier"].len() >= 43);
}

#[tokio::test(start_paused = true)]
async fn an_approved_connection_is_in_use_again_at_once() {
    let oauth = Oauth::new().await;
    let Begun { state, cookie } = oauth.begin().await;
    oauth
        .callback("salesforce", &ours(&state), Some(&cookie))
        .await;
    let hub = oauth.world.hub("api", World::no_crm());
    connections::approve(&hub, &World::admin("org_demo"), &oauth.connection)
        .await
        .unwrap();

    let Begun { state, cookie } = oauth.begin().await;
    let reply = oauth
        .callback("salesforce", &ours(&state), Some(&cookie))
        .await;
    is_page(&reply, 200, "is connected and in use");
    assert_eq!(oauth.state().await, ConnectionState::Active);
}

#[tokio::test(start_paused = true)]
async fn another_browser_and_a_used_state_are_refused() {
    let oauth = Oauth::new().await;
    let other = oauth.begin().await;
    for cookie in [
        None,
        Some("__Host-hub-connect="),
        Some("__Host-hub-connect=x"),
        Some("hub-connect=x"),
        Some(other.cookie.as_str()),
    ] {
        let Begun { state, .. } = oauth.begin().await;
        let reply = oauth.callback("salesforce", &ours(&state), cookie).await;
        is_page(&reply, 403, "begun in another browser; begin again");
        assert_eq!(
            reply.header("set-cookie"),
            "",
            "a stranger's link does not end what the browser began"
        );
    }
    assert_eq!(oauth.state().await, ConnectionState::Unconnected);

    let Begun { state, cookie } = oauth.begin().await;
    assert_eq!(
        oauth
            .callback("salesforce", &ours(&state), Some(&cookie))
            .await
            .status,
        200
    );
    is_page(
        &oauth
            .callback("salesforce", &ours(&state), Some(&cookie))
            .await,
        403,
        "used",
    );
    assert_eq!(
        oauth.asked.lock().unwrap().len(),
        1,
        "no code was exchanged but ours"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_state_an_old_one_and_none_are_refused() {
    let oauth = Oauth::new().await;
    let Begun { state, cookie } = oauth.begin().await;
    for query in ["code=aPrx&state=unknown", "code=aPrx", "", "state="] {
        is_page(
            &oauth.callback("salesforce", query, Some(&cookie)).await,
            403,
            "begin again",
        );
    }
    tokio::time::advance(Duration::from_secs(601)).await;
    is_page(
        &oauth
            .callback("salesforce", &ours(&state), Some(&cookie))
            .await,
        403,
        "too old",
    );
    assert!(oauth.asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_crm_is_shown_as_text() {
    let oauth = Oauth::new().await;
    let Begun { state, cookie } = oauth.begin().await;
    let query = format!(
        "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state={state}"
    );
    let reply = oauth.callback("salesforce", &query, Some(&cookie)).await;
    is_page(
        &reply,
        502,
        "The CRM refused: access_denied: &lt;script&gt;",
    );
    assert!(!reply.text.contains("<script"));
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_answers_wrongly_or_not_at_all_is_told_apart() {
    let cases = [
        (
            World::json(
                400,
                &json!({ "error": "invalid_grant", "error_description": "expired authorization code" }),
            ),
            502,
            "invalid_grant",
        ),
        (
            World::json(200, &token_reply("https://evil.example")),
            502,
            "a host for its API that it cannot have",
        ),
        (World::json(503, &json!({})), 503, "does not answer now"),
        (
            World::json(200, &json!({ "words": "no token" })),
            503,
            "does not answer now",
        ),
        (
            Err(TransportError::Lost("timed out at 10.0.0.7".to_owned())),
            503,
            "does not answer now",
        ),
    ];
    for (answer, status, words) in cases {
        let oauth = Oauth::answering(move || answer.clone()).await;
        let Begun { state, cookie } = oauth.begin().await;
        let reply = oauth
            .callback("salesforce", &ours(&state), Some(&cookie))
            .await;
        is_page(&reply, status, words);
        assert!(!reply.text.contains("10.0.0.7"));
        assert_eq!(oauth.state().await, ConnectionState::Unconnected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_crm_is_a_404_and_an_unreadable_address_a_400() {
    let oauth = Oauth::new().await;
    let Begun { state, cookie } = oauth.begin().await;
    is_page(
        &oauth.callback("abacus", &ours(&state), Some(&cookie)).await,
        404,
        "Not found: the CRM",
    );
    let twice = format!("{}&code=other", ours(&state));
    is_page(
        &oauth.callback("salesforce", &twice, Some(&cookie)).await,
        400,
        "cannot be read",
    );
}

#[tokio::test(start_paused = true)]
async fn with_the_store_down_a_503_page_says_to_try_again() {
    let oauth = Oauth::new().await;
    let Begun { state, cookie } = oauth.begin().await;
    oauth.world.outage.begin("DynamoDB", Fails::Before);
    is_page(
        &oauth
            .callback("salesforce", &ours(&state), Some(&cookie))
            .await,
        503,
        "may succeed later",
    );
    oauth.world.outage.end();
    is_page(
        &oauth
            .callback("salesforce", &ours(&state), Some(&cookie))
            .await,
        200,
        "is connected",
    );
}
