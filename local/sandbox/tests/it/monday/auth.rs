//! monday.com: PKCE by S256 alone, rotating refresh tokens, tokens that say when they end.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{
    Caller, Reply, STATE, VERIFIER, challenge, changed, claims, code_of, parameter, text,
};

const TOKEN: &str = "/oauth_ms/oauth/token";

fn caller() -> Caller {
    Caller::new("monday")
}

async fn visit(caller: &Caller, more: &[(&str, &str)]) -> Reply {
    let (client, challenge) = (caller.has("client_id"), challenge(VERIFIER));
    let fields = [
        ("client_id", client.as_str()),
        ("redirect_uri", &caller.redirect),
        ("scope", "me:read account:read"),
        ("state", STATE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("__sandbox_consent", "allow"),
    ];
    caller
        .visit("/oauth2/authorize", &changed(&fields, more))
        .await
}

async fn code(caller: &Caller) -> String {
    let reply = visit(caller, &[]).await;
    code_of(&reply)
}

async fn exchange(caller: &Caller, code: &str, more: &[(&str, &str)]) -> Reply {
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("client_secret", &secret),
        ("code", code),
        ("redirect_uri", &caller.redirect),
        ("code_verifier", VERIFIER),
    ];
    caller.form(TOKEN, "", &changed(&fields, more)).await
}

async fn post(caller: &Caller, path: &str, mut body: Value) -> Reply {
    body["client_id"] = json!(caller.has("client_id"));
    body["client_secret"] = json!(caller.has("client_secret"));
    caller
        .post(path, "application/json", "", body.to_string())
        .await
}

async fn refresh(caller: &Caller, token: &str) -> Reply {
    let body = json!({ "grant_type": "refresh_token", "refresh_token": token });
    post(caller, TOKEN, body).await
}

async fn ask(caller: &Caller, token: &str, query: &str) -> Reply {
    let body = json!({ "query": query }).to_string();
    caller.post("/v2", "application/json", token, body).await
}

async fn me(caller: &Caller, token: &str) -> Reply {
    ask(caller, token, "{ me { id } }").await
}

fn dead() -> Value {
    json!({ "error": "invalid_grant", "error_description": "The refresh token is invalid or has expired" })
}

#[tokio::test]
async fn a_person_consents_and_the_token_says_when_it_ends() {
    let caller = caller();
    let page = visit(&caller, &[("__sandbox_consent", "")]).await;
    assert!(page.status == 200 && page.text.contains("value=\"deny\""));
    let back = visit(&caller, &[]).await;
    assert!(parameter(&back, "status").is_some());
    let reply = exchange(&caller, &parameter(&back, "code").unwrap(), &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let mut names: Vec<&String> = reply.body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["access_token", "refresh_token", "scope", "token_type"]
    );
    assert_eq!(reply.body["scope"], "me:read account:read");
    let access = text(&reply.body["access_token"]);
    assert_eq!(claims(&access)["exp"], 1_795_165_200 + 3600);
    assert!(text(&reply.body["refresh_token"]).starts_with("eyJ"));
    let query = "query who { me { id email mine: account { slug } } account { id } }";
    let reply = ask(&caller, &format!("Bearer {access}"), query).await;
    let data = &reply.body["data"];
    assert_eq!(data["me"]["email"], "olivia@liveprompt.example");
    assert_eq!(data["me"]["mine"], json!({ "slug": "liveprompt-sandbox" }));
    assert_eq!(data["account"], json!({ "id": caller.has("account") }));
    caller.wait(3600);
    let reply = me(&caller, &access).await;
    assert_eq!(
        (reply.status, reply.body),
        (401, json!({ "errors": ["Not Authenticated"] }))
    );
}

#[tokio::test]
async fn refresh_tokens_rotate_and_reuse_ends_the_lineage() {
    let caller = caller();
    let first = exchange(&caller, &code(&caller).await, &[]).await;
    let old = text(&first.body["refresh_token"]);
    let second = refresh(&caller, &old).await;
    let new = text(&second.body["refresh_token"]);
    assert_ne!(old, new);
    let reply = refresh(&caller, &old).await;
    assert_eq!((reply.status, reply.body), (400, dead()));
    assert_eq!(refresh(&caller, &new).await.body, dead());
    assert_eq!(
        me(&caller, &text(&second.body["access_token"]))
            .await
            .status,
        401
    );

    caller.set(json!({ "reuse_revokes": false }));
    let first = exchange(&caller, &code(&caller).await, &[]).await;
    let old = text(&first.body["refresh_token"]);
    let new = text(&refresh(&caller, &old).await.body["refresh_token"]);
    assert_eq!(refresh(&caller, &old).await.body, dead());
    assert_eq!(refresh(&caller, &new).await.status, 200);
}

#[tokio::test]
async fn a_lineage_ends_half_a_year_after_consent() {
    let caller = caller();
    let mut token = text(&exchange(&caller, &code(&caller).await, &[]).await.body["refresh_token"]);
    for _ in 0..2 {
        caller.wait(91 * 86_400);
        token = text(&refresh(&caller, &token).await.body["refresh_token"]);
    }
    caller.wait(86_400 + 1);
    assert_eq!(refresh(&caller, &token).await.body, dead());
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let caller = caller();
    let other = "another-verifier-of-more-than-forty-three-characters";
    for (change, status, error, text) in [
        (
            ("client_id", "x"),
            401,
            "invalid_client",
            "Client authentication failed",
        ),
        (
            ("client_secret", "guess"),
            401,
            "invalid_client",
            "Client authentication failed",
        ),
        (
            ("client_secret", ""),
            401,
            "invalid_client",
            "Client authentication failed",
        ),
        (
            ("code", "x"),
            400,
            "invalid_grant",
            "The authorization code is invalid",
        ),
        (
            ("redirect_uri", "http://127.0.0.1:3000/other"),
            400,
            "invalid_grant",
            "redirect_uri does not match",
        ),
        (
            ("redirect_uri", ""),
            400,
            "invalid_grant",
            "redirect_uri does not match",
        ),
        (
            ("code_verifier", other),
            400,
            "invalid_grant",
            "code_verifier does not match",
        ),
        (
            ("code_verifier", "short"),
            400,
            "invalid_grant",
            "code_verifier does not match",
        ),
        (
            ("code_verifier", ""),
            400,
            "invalid_grant",
            "code_verifier does not match",
        ),
        (
            ("grant_type", "password"),
            400,
            "unsupported_grant_type",
            "grant_type must be authorization_code or refresh_token",
        ),
    ] {
        let reply = exchange(&caller, &code(&caller).await, &[change]).await;
        let body = json!({ "error": error, "error_description": text });
        assert_eq!((reply.status, reply.body), (status, body), "{change:?}");
    }
    // Basic is not how the client proves itself here.
    let code = code(&caller).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &caller.redirect),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(
        caller.form(TOKEN, &caller.basic(), &fields).await.status,
        401
    );
    let reply = caller
        .post(TOKEN, "application/json", "", "[]".to_owned())
        .await;
    assert_eq!(
        (reply.status, &reply.body["error"]),
        (400, &json!("invalid_request"))
    );
}

#[tokio::test]
async fn a_code_is_good_once_and_for_ten_minutes() {
    let caller = caller();
    let used = code(&caller).await;
    let first = exchange(&caller, &used, &[]).await;
    let again = exchange(&caller, &used, &[]).await;
    assert_eq!(
        again.body["error_description"],
        "The authorization code has already been used"
    );
    assert_eq!(
        me(&caller, &text(&first.body["access_token"])).await.status,
        401
    );
    let old = code(&caller).await;
    caller.wait(601);
    let reply = exchange(&caller, &old, &[]).await;
    assert_eq!(
        reply.body["error_description"],
        "The authorization code has expired"
    );
}

#[tokio::test]
async fn what_the_authorize_page_refuses() {
    let caller = caller();
    for change in [
        ("client_id", "x"),
        ("redirect_uri", "https://evil.example/"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert!(reply.status == 400 && reply.headers.get("location").is_none());
    }
    let long = "x".repeat(129);
    for (change, error) in [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge", &long), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", "boards:everything"), "invalid_scope"),
        (("__sandbox_consent", "deny"), "access_denied"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert_eq!(
            parameter(&reply, "error").as_deref(),
            Some(error),
            "{change:?}"
        );
        assert_eq!(parameter(&reply, "state").as_deref(), Some(STATE));
        assert!(parameter(&reply, "code").is_none());
    }
    // Without a redirect address in the first step there is none in the second.
    let reply = visit(&caller, &[("redirect_uri", "")]).await;
    let code = parameter(&reply, "code").unwrap();
    assert_eq!(
        exchange(&caller, &code, &[("redirect_uri", "")])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_admin_has_to_install_the_app() {
    let caller = caller();
    caller.set(json!({ "installed": false }));
    let member = [("login_hint", "rafael@liveprompt.example")];
    assert_eq!(visit(&caller, &member).await.status, 403);
    assert_eq!(visit(&caller, &[]).await.status, 302);
    assert_eq!(visit(&caller, &member).await.status, 302);
}

#[tokio::test]
async fn revoking_and_discovery() {
    let caller = caller();
    let all = caller.sandbox.credentials();
    let (access, kept) = (text(&all["access_token"]), text(&all["refresh_token"]));
    let found = caller
        .get("/oauth_ms/.well-known/oauth-authorization-server", "")
        .await;
    assert_eq!(
        found.body["grant_types_supported"],
        json!(["authorization_code", "refresh_token"])
    );
    assert_eq!(
        found.body["token_endpoint_auth_methods_supported"],
        json!(["client_secret_post"])
    );
    assert_eq!(
        found.body["token_endpoint"],
        format!("{}{TOKEN}", caller.base)
    );
    let bad = json!({ "token": kept }).to_string();
    let reply = caller
        .post("/oauth_ms/oauth/revoke", "application/json", "", bad)
        .await;
    assert_eq!(reply.status, 401);
    let body = json!({ "token": kept, "token_type_hint": "refresh_token" });
    let reply = post(&caller, "/oauth_ms/oauth/revoke", body).await;
    assert_eq!(
        (reply.status, reply.body),
        (200, json!({ "success": true }))
    );
    assert_eq!(me(&caller, &access).await.status, 401);
    assert_eq!(refresh(&caller, &kept).await.body, dead());
}

#[tokio::test]
async fn personal_tokens_scopes_and_documents() {
    let caller = caller();
    let key = caller.has("api_key");
    assert_eq!(me(&caller, &key).await.status, 200);
    let bare = Request::post(format!("{}/v2", caller.base)).body(Bytes::from("{}"));
    assert_eq!(caller.send(bare.unwrap()).await.status, 401);
    for (query, code) in [
        ("{ me { id }", "GRAPHQL_PARSE_FAILED"),
        ("{ me }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { password } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ folders { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { id { x } } }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let reply = ask(&caller, &key, query).await;
        assert_eq!(
            (reply.status, &reply.body["errors"][0]["extensions"]["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
    let narrow = visit(&caller, &[("scope", "account:read")]).await;
    let reply = exchange(&caller, &parameter(&narrow, "code").unwrap(), &[]).await;
    let reply = me(&caller, &text(&reply.body["access_token"])).await;
    assert_eq!(
        (reply.status, &reply.body["errors"][0]["extensions"]["code"]),
        (200, &json!("missingRequiredPermissions"))
    );
}

#[tokio::test]
async fn faults() {
    let caller = caller();
    let all = caller.sandbox.credentials();
    let (access, kept) = (text(&all["access_token"]), text(&all["refresh_token"]));
    let arm = |name: &str| caller.sandbox.add_fault(json!({ "fault": name })).unwrap();
    for (fault, code) in [
        ("rate_limit", "Minute limit rate exceeded"),
        ("concurrency_limit", "maxConcurrencyExceeded"),
        ("daily_limit", "DAILY_LIMIT_EXCEEDED"),
        ("complexity_limit", "COMPLEXITY_BUDGET_EXHAUSTED"),
    ] {
        arm(fault);
        let reply = me(&caller, &access).await;
        assert_eq!(
            (reply.status, &reply.body["errors"][0]["extensions"]["code"]),
            (429, &json!(code))
        );
        assert!(reply.headers.contains_key("retry-after"));
    }
    arm("expire_access_token");
    assert_eq!(me(&caller, &access).await.status, 401);
    arm("revoke_refresh_token");
    assert_eq!(refresh(&caller, &kept).await.body, dead());
}
