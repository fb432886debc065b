//! Copper: the consent comes back as a POST, and the token stays.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{Caller, Reply, STATE, changed, field, text};

const ACCOUNT: &str = "/developer_api/v1/account";

fn caller() -> Caller {
    Caller::new("copper")
}

async fn visit(caller: &Caller, more: &[(&str, &str)]) -> Reply {
    let client = caller.has("client_id");
    let fields = [
        ("response_type", "code"),
        ("client_id", client.as_str()),
        ("redirect_uri", &caller.redirect),
        ("scope", "developer/v1/all"),
        ("state", STATE),
        ("__sandbox_consent", "allow"),
    ];
    caller
        .visit("/oauth/authorize", &changed(&fields, more))
        .await
}

async fn code(caller: &Caller) -> String {
    let reply = visit(caller, &[]).await;
    field(&reply.text, "code").unwrap()
}

async fn exchange(caller: &Caller, code: &str, more: &[(&str, &str)]) -> Reply {
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &caller.redirect),
        ("client_id", client.as_str()),
        ("client_secret", &secret),
    ];
    caller
        .form("/oauth/token", "", &changed(&fields, more))
        .await
}

fn unauthorized() -> Value {
    json!({ "success": false, "status": 401, "message": "Unauthorized" })
}

#[tokio::test]
async fn the_browser_posts_the_code_to_the_app() {
    let caller = caller();
    let page = visit(&caller, &[("__sandbox_consent", "")]).await;
    assert!(page.status == 200 && page.text.contains("value=\"deny\""));
    let reply = visit(&caller, &[]).await;
    assert_eq!(reply.status, 200);
    assert!(reply.headers.get("location").is_none());
    assert!(reply.text.contains("onload=\"document.forms[0].submit()\""));
    assert!(reply.text.contains(&format!(
        "<form method=\"post\" action=\"{}\">",
        caller.redirect
    )));
    assert_eq!(field(&reply.text, "state").as_deref(), Some(STATE));
    let reply = exchange(&caller, &field(&reply.text, "code").unwrap(), &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let access = text(&reply.body["access_token"]);
    let whole =
        json!({ "access_token": access, "token_type": "Bearer", "scope": "developer/v1/all" });
    assert_eq!(reply.body, whole, "no expires_in, no refresh_token");
    caller.wait(10 * 365 * 86_400);
    let reply = caller.get(ACCOUNT, &format!("Bearer {access}")).await;
    assert_eq!(
        (reply.status, reply.body["id"].to_string()),
        (200, caller.has("account"))
    );
    assert_eq!(reply.body["name"], "Liveprompt Sandbox");
    assert!(reply.body["settings"].is_object() && reply.body["primary_timezone"].is_string());
}

#[tokio::test]
async fn what_the_authorize_page_refuses() {
    let caller = caller();
    for (change, status) in [
        (("client_id", "x"), 401),
        (("redirect_uri", "https://evil.example/"), 400),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert_eq!(reply.status, status);
        assert!(!reply.text.contains("<form"));
    }
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "developer/v1/some"), "invalid_scope"),
        (("scope", ""), "invalid_scope"),
        (("__sandbox_consent", "deny"), "access_denied"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert_eq!(
            field(&reply.text, "error").as_deref(),
            Some(error),
            "{change:?}"
        );
        assert_eq!(field(&reply.text, "state").as_deref(), Some(STATE));
        assert!(field(&reply.text, "code").is_none());
    }
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let caller = caller();
    for (change, status, error) in [
        (("client_id", "x"), 401, "invalid_client"),
        (("client_secret", "guess"), 401, "invalid_client"),
        (("client_secret", ""), 401, "invalid_client"),
        (("code", "x"), 400, "invalid_grant"),
        (
            ("redirect_uri", "http://127.0.0.1:3000/other"),
            400,
            "invalid_grant",
        ),
        (
            ("grant_type", "refresh_token"),
            400,
            "unsupported_grant_type",
        ),
        (("grant_type", ""), 400, "unsupported_grant_type"),
    ] {
        let reply = exchange(&caller, &code(&caller).await, &[change]).await;
        assert_eq!(
            (reply.status, &reply.body["error"]),
            (status, &json!(error)),
            "{change:?}"
        );
        assert!(reply.body["error_description"].is_string());
    }
    let used = code(&caller).await;
    let access = text(&exchange(&caller, &used, &[]).await.body["access_token"]);
    assert_eq!(
        exchange(&caller, &used, &[]).await.body["error"],
        "invalid_grant"
    );
    let reply = caller.get(ACCOUNT, &format!("Bearer {access}")).await;
    assert_eq!((reply.status, reply.body), (401, unauthorized()));
    let old = code(&caller).await;
    caller.wait(601);
    assert_eq!(
        exchange(&caller, &old, &[]).await.body["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_key_needs_all_three_headers() {
    let caller = caller();
    let (key, email) = (caller.has("api_key"), caller.has("api_key_email"));
    let send = async |headers: &[(&str, &str)]| {
        let mut request = Request::get(format!("{}{ACCOUNT}", caller.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        caller.send(request.body(Bytes::new()).unwrap()).await
    };
    assert_eq!(key.len(), 32);
    let all = [
        ("X-PW-AccessToken", key.as_str()),
        ("X-PW-Application", "developer_api"),
        ("X-PW-UserEmail", email.as_str()),
    ];
    assert_eq!(send(&all).await.status, 200);
    for place in 0..3 {
        let mut some = all.to_vec();
        some.remove(place);
        let reply = send(&some).await;
        assert_eq!((reply.status, reply.body), (401, unauthorized()));
    }
    let mut other = all;
    other[2].1 = "rafael@liveprompt.example";
    assert_eq!(send(&other).await.status, 401);
}

#[tokio::test]
async fn faults() {
    let caller = caller();
    let access = format!("Bearer {}", caller.has("access_token"));
    let arm = |name: &str| caller.sandbox.add_fault(json!({ "fault": name })).unwrap();
    arm("rate_limit");
    assert_eq!(caller.get(ACCOUNT, &access).await.status, 429);
    let reply = caller.get("/developer_api/v1/nothing", &access).await;
    let missing = json!({ "success": false, "status": 404, "message": "Resource not found" });
    assert_eq!((reply.status, reply.body), (404, missing));
    for fault in ["expire_access_token", "revoke_refresh_token"] {
        let access = format!("Bearer {}", caller.has("access_token"));
        assert_eq!(caller.get(ACCOUNT, &access).await.status, 200);
        arm(fault);
        assert_eq!(caller.get(ACCOUNT, &access).await.body, unauthorized());
    }
}
