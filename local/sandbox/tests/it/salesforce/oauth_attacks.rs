//! What must not work at the OAuth endpoints.

use serde_json::json;

use super::oauth::{authorize_url, code, exchange, refresh, visit};
use super::vendor::{REDIRECT, Vendor};
use crate::caller::parameter;

#[tokio::test]
async fn a_wrong_or_missing_verifier() {
    let vendor = Vendor::new();
    for verifier in ["a-different-verifier-of-more-than-43-characters", ""] {
        let code = code(&vendor).await;
        let reply = exchange(&vendor, &code, &[("code_verifier", verifier)]).await;
        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.body,
            json!({ "error": "invalid_grant", "error_description": "invalid code verifier" })
        );
        assert_eq!(
            exchange(&vendor, &code, &[]).await.status,
            400,
            "the guess used the code up"
        );
    }
}

#[tokio::test]
async fn a_code_used_twice_revokes_what_it_gave() {
    let mut vendor = Vendor::new();
    let code = code(&vendor).await;
    let first = exchange(&vendor, &code, &[]).await;
    let second = exchange(&vendor, &code, &[]).await;
    assert_eq!(
        (second.status, &second.body["error"]),
        (400, &json!("invalid_grant"))
    );
    vendor.token = first.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(vendor.get("/limits").await.status, 401);
    assert_eq!(
        refresh(&vendor, first.body["refresh_token"].as_str().unwrap())
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn an_old_code() {
    let vendor = Vendor::new();
    let code = code(&vendor).await;
    vendor.caller.wait(601);
    let reply = exchange(&vendor, &code, &[]).await;
    assert_eq!(
        reply.body["error_description"],
        "expired authorization code"
    );
}

#[tokio::test]
async fn a_replaced_refresh_token_shown_again_is_theft() {
    let mut vendor = Vendor::new();
    let first = exchange(&vendor, &code(&vendor).await, &[]).await;
    let old = first.body["refresh_token"].as_str().unwrap();
    let second = refresh(&vendor, old).await;
    let reply = refresh(&vendor, old).await;
    assert_eq!(
        (reply.status, &reply.body["error"]),
        (400, &json!("invalid_grant"))
    );
    assert_eq!(
        refresh(&vendor, second.body["refresh_token"].as_str().unwrap())
            .await
            .status,
        400
    );
    for reply in [&first, &second] {
        vendor.token = reply.body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(vendor.get("/limits").await.status, 401);
    }
}

#[tokio::test]
async fn a_redirect_that_is_not_registered_gets_nothing() {
    let vendor = Vendor::new();
    for other in [
        "https://evil.example/",
        "http://127.0.0.1:3000/api/integrations/salesforce/callback/x",
    ] {
        let url = authorize_url(
            &vendor,
            &[("redirect_uri", other), ("__sandbox_consent", "allow")],
        );
        let reply = visit(&vendor, &url).await;
        assert_eq!(reply.status, 400);
        assert!(reply.headers.get("location").is_none());
        assert!(reply.text.contains("redirect_uri_mismatch"));
    }
    let reply = exchange(
        &vendor,
        &code(&vendor).await,
        &[("redirect_uri", "http://127.0.0.1:3000/other")],
    )
    .await;
    assert_eq!(reply.body["error"], "redirect_uri_mismatch");
}

#[tokio::test]
async fn a_wrong_secret_and_a_wrong_client() {
    let vendor = Vendor::new();
    let reply = exchange(&vendor, &code(&vendor).await, &[("client_secret", "guess")]).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.body,
        json!({ "error": "invalid_client", "error_description": "invalid client credentials" })
    );
    let reply = exchange(&vendor, &code(&vendor).await, &[("client_secret", "")]).await;
    assert_eq!(
        reply.body["error"], "invalid_client",
        "the verifier alone is not enough"
    );
    let reply = exchange(
        &vendor,
        &code(&vendor).await,
        &[("client_id", "3MVG9other")],
    )
    .await;
    assert_eq!(reply.body["error"], "invalid_client_id");
}

#[tokio::test]
async fn an_authorization_request_that_asks_for_the_wrong_thing_goes_back_with_an_error() {
    let vendor = Vendor::new();
    let cases = [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "api full"), "invalid_scope"),
        (("__sandbox_consent", "deny"), "access_denied"),
    ];
    for (change, error) in cases {
        let mut more = vec![("__sandbox_consent", "allow")];
        more.push(change);
        let reply = visit(&vendor, &authorize_url(&vendor, &more)).await;
        assert_eq!(reply.status, 302);
        assert!(
            reply.headers["location"]
                .to_str()
                .unwrap()
                .starts_with(REDIRECT)
        );
        assert_eq!(
            parameter(&reply, "error").as_deref(),
            Some(error),
            "{change:?}"
        );
        assert_eq!(parameter(&reply, "state").as_deref(), Some("st&te"));
        assert!(parameter(&reply, "code").is_none());
    }
}
