//! Pipedrive: Basic alone, an `api_domain`, and the company behind a token.

use serde_json::{Value, json};

use crate::caller::{Caller, Reply, STATE, basic, changed, code_of, parameter, text};
use crate::spec;

fn caller() -> Caller {
    Caller::new("pipedrive")
}

async fn visit(caller: &Caller, more: &[(&str, &str)]) -> Reply {
    let client = caller.has("client_id");
    let fields = [
        ("client_id", client.as_str()),
        ("redirect_uri", &caller.redirect),
        ("state", STATE),
        ("__sandbox_consent", "allow"),
    ];
    caller
        .visit("/oauth/authorize", &changed(&fields, more))
        .await
}

async fn code(caller: &Caller) -> String {
    let reply = visit(caller, &[]).await;
    code_of(&reply)
}

async fn exchange(caller: &Caller, code: &str, more: &[(&str, &str)]) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &caller.redirect),
    ];
    let fields = changed(&fields, more);
    caller.form("/oauth/token", &caller.basic(), &fields).await
}

async fn refresh(caller: &Caller, token: &str) -> Reply {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    caller.form("/oauth/token/", &caller.basic(), &fields).await
}

async fn me(caller: &Caller, token: &str) -> Reply {
    caller
        .get("/api/v1/users/me", &format!("Bearer {token}"))
        .await
}

fn unauthorized() -> Value {
    json!({ "success": false, "error": "unauthorized access", "errorCode": 401,
        "error_info": "Please check developers.pipedrive.com" })
}

fn bad_refresh() -> Value {
    json!({ "success": false, "message": "Invalid grant: refresh token is invalid", "error": "invalid_grant" })
}

#[tokio::test]
async fn a_person_installs_the_app() {
    let caller = caller();
    let page = visit(&caller, &[("__sandbox_consent", "")]).await;
    assert!(page.status == 200 && page.text.contains("Allow and install"));
    let denied = visit(&caller, &[("__sandbox_consent", "deny")]).await;
    assert_eq!(parameter(&denied, "error").as_deref(), Some("user_denied"));
    let reply = exchange(&caller, &code(&caller).await, &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = &reply.body;
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(3599))
    );
    assert_eq!(
        body["scope"],
        "base,activities:full,contacts:full,deals:full,search:read,users:read,admin"
    );
    assert_eq!(body["api_domain"], caller.base);
    assert_eq!(body.as_object().unwrap().len(), 6);
    let access = text(&body["access_token"]);
    let me = me(&caller, &access).await;
    assert_eq!((me.status, &me.body["success"]), (200, &json!(true)));
    assert_eq!(me.body["data"]["email"], "olivia@liveprompt.example");
    assert_eq!(
        me.body["data"]["company_id"].to_string(),
        caller.has("account")
    );
}

#[tokio::test]
async fn the_refresh_token_stays_and_dies_after_sixty_days_without_use() {
    let caller = caller();
    let first = exchange(&caller, &code(&caller).await, &[]).await;
    let kept = text(&first.body["refresh_token"]);
    caller.wait(3600);
    let reply = me(&caller, &text(&first.body["access_token"])).await;
    assert_eq!((reply.status, reply.body), (401, unauthorized()));
    assert_eq!(reply.headers["x-401-by-gw"], "true");
    for _ in 0..2 {
        caller.wait(59 * 86_400);
        let reply = refresh(&caller, &kept).await;
        assert_eq!(
            (reply.status, &reply.body["refresh_token"]),
            (200, &json!(kept))
        );
        assert_eq!(
            me(&caller, &text(&reply.body["access_token"])).await.status,
            200
        );
    }
    caller.wait(60 * 86_400 + 1);
    let reply = refresh(&caller, &kept).await;
    assert_eq!((reply.status, reply.body), (400, bad_refresh()));
}

#[tokio::test]
async fn expires_in_may_be_a_text_and_refresh_tokens_may_rotate() {
    let caller = caller();
    caller.set(json!({ "expires_in_text": true, "refresh_rotation": true }));
    let first = exchange(&caller, &code(&caller).await, &[]).await;
    assert_eq!(first.body["expires_in"], "3599");
    let old = text(&first.body["refresh_token"]);
    let second = refresh(&caller, &old).await;
    assert_ne!(second.body["refresh_token"], json!(old));
    assert_eq!(refresh(&caller, &old).await.body, bad_refresh());
}

#[tokio::test]
async fn only_basic_proves_the_app() {
    let caller = caller();
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let kept = caller.has("refresh_token");
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", kept.as_str()),
        ("client_id", &client),
        ("client_secret", &secret),
    ];
    let reply = caller.form("/oauth/token", "", &fields).await;
    let message = "Invalid client: cannot retrieve client credentials";
    let body = json!({ "success": false, "message": message, "error": "invalid_client" });
    assert_eq!((reply.status, reply.body), (400, body));
    for header in [basic(&client, "guess"), basic("x", &secret)] {
        for path in ["/oauth/token", "/oauth/revoke"] {
            let reply = caller.form(path, &header, &fields).await;
            let body = json!({ "success": false, "message": "Invalid client: client is invalid",
                "error": "invalid_client" });
            assert_eq!((reply.status, reply.body), (401, body));
        }
    }
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let caller = caller();
    for (change, error, message) in [
        (
            ("grant_type", "client_credentials"),
            "unsupported_grant_type",
            "Unsupported grant type: `grant_type` is invalid",
        ),
        (
            ("grant_type", ""),
            "unsupported_grant_type",
            "Unsupported grant type: `grant_type` is invalid",
        ),
        (("code", ""), "invalid_request", "Missing parameter: `code`"),
        (
            ("code", "x"),
            "invalid_grant",
            "Invalid grant: authorization code is invalid",
        ),
        (
            ("redirect_uri", "http://127.0.0.1:3000/other"),
            "invalid_request",
            "Invalid request: `redirect_uri` is invalid",
        ),
        (
            ("redirect_uri", ""),
            "invalid_request",
            "Invalid request: `redirect_uri` is invalid",
        ),
    ] {
        let reply = exchange(&caller, &code(&caller).await, &[change]).await;
        let body = json!({ "success": false, "message": message, "error": error });
        assert_eq!((reply.status, reply.body), (400, body), "{change:?}");
    }
    let reply = refresh(&caller, "1:1:unknown").await;
    assert_eq!((reply.status, reply.body), (400, bad_refresh()));
    for change in [
        ("client_id", "x"),
        ("redirect_uri", "https://evil.example/"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert!(reply.status == 400 && reply.headers.get("location").is_none());
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_for_five_minutes() {
    let caller = caller();
    let used = code(&caller).await;
    let first = exchange(&caller, &used, &[]).await;
    let again = exchange(&caller, &used, &[]).await;
    assert_eq!(
        (again.status, &again.body["error"]),
        (400, &json!("invalid_grant"))
    );
    assert_eq!(
        me(&caller, &text(&first.body["access_token"])).await.status,
        401
    );
    assert_eq!(
        refresh(&caller, &text(&first.body["refresh_token"]))
            .await
            .status,
        400
    );
    let old = code(&caller).await;
    caller.wait(301);
    let reply = exchange(&caller, &old, &[]).await;
    assert_eq!(
        reply.body["message"],
        "Invalid grant: authorization code has expired"
    );
}

#[tokio::test]
async fn revoking_the_access_token_is_little_and_the_refresh_token_all() {
    let caller = caller();
    let (access, kept) = {
        let all = caller.sandbox.credentials();
        (text(&all["access_token"]), text(&all["refresh_token"]))
    };
    let revoke = async |token: &str, hint: &str| {
        let fields = [("token", token), ("token_type_hint", hint)];
        caller
            .form("/oauth/revoke", &caller.basic(), &fields)
            .await
            .status
    };
    assert_eq!(revoke(&access, "access_token").await, 200);
    assert_eq!(me(&caller, &access).await.status, 401);
    let reply = refresh(&caller, &kept).await;
    let access = text(&reply.body["access_token"]);
    assert_eq!(revoke(&kept, "refresh_token").await, 200);
    assert_eq!(me(&caller, &access).await.status, 401);
    assert_eq!(refresh(&caller, &kept).await.body, bad_refresh());
}

#[tokio::test]
async fn api_tokens_scopes_and_faults() {
    let caller = caller();
    let with_key = async |key: &str| {
        let request = http::Request::get(format!("{}/v1/users/me", caller.base))
            .header("x-api-token", key)
            .body(bytes::Bytes::new());
        caller.send(request.unwrap()).await
    };
    let key = caller.has("api_key");
    assert_eq!(with_key(&key).await.status, 200);
    assert_eq!(with_key("x").await.body, unauthorized());
    caller.set(json!({ "scopes": ["deals:full"] }));
    let reply = me(&caller, &caller.has("access_token")).await;
    assert_eq!(
        (reply.status, &reply.body["error"]),
        (403, &json!("Scope and URL mismatch"))
    );
    for (fault, status, left) in [("rate_limit", 429, "29000"), ("daily_limit", 429, "0")] {
        caller.sandbox.add_fault(json!({ "fault": fault })).unwrap();
        let reply = with_key(&key).await;
        assert_eq!(
            (reply.status, &reply.body["errorCode"]),
            (status, &json!(429))
        );
        assert_eq!(reply.headers["x-daily-ratelimit-token-remaining"], left);
    }
    caller
        .sandbox
        .add_fault(json!({ "fault": "cloudflare" }))
        .unwrap();
    let reply = with_key(&key).await;
    assert!(reply.status == 403 && reply.text.starts_with("<html>"));
}

#[tokio::test]
async fn answers_fit_the_vendor_s_specification() {
    let Some(folder) = spec::specs("answers_fit_the_vendor_s_specification") else {
        return;
    };
    let file = std::fs::read(folder.join("pipedrive-v1-trimmed.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let caller = caller();
    let fits = |path: &str, method: &str, reply: &Reply| {
        let operation = &file["paths"][path][method];
        spec::check(
            &file,
            &operation["responses"],
            reply.status,
            &reply.body,
            path,
        );
    };
    let reply = exchange(&caller, &code(&caller).await, &[]).await;
    fits("/oauth/token", "post", &reply);
    let token = text(&reply.body["refresh_token"]);
    fits("/oauth/token/", "post", &refresh(&caller, &token).await);
    fits(
        "/users/me",
        "get",
        &me(&caller, &text(&reply.body["access_token"])).await,
    );
    fits("/users/me", "get", &me(&caller, "x").await);
}
