//! Zoho: errors with status 200, data centres, and how many tokens there may be.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::caller::{Caller, Reply, STATE, changed, code_of, encoded, parameter, text};
use crate::spec;

const TOKEN: &str = "/oauth/v2/token";
const SCOPE: &str = "ZohoCRM.modules.contacts.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ";

fn caller() -> Caller {
    Caller::new("zoho")
}

async fn visit(caller: &Caller, more: &[(&str, &str)]) -> Reply {
    let client = caller.has("client_id");
    let fields = [
        ("response_type", "code"),
        ("client_id", client.as_str()),
        ("redirect_uri", &caller.redirect),
        ("scope", SCOPE),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("state", STATE),
        ("__sandbox_consent", "allow"),
    ];
    caller
        .visit("/oauth/v2/auth", &changed(&fields, more))
        .await
}

async fn code(caller: &Caller) -> String {
    let reply = visit(caller, &[]).await;
    code_of(&reply)
}

async fn exchange_at(caller: &Caller, path: &str, code: &str, more: &[(&str, &str)]) -> Reply {
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("client_secret", &secret),
        ("redirect_uri", &caller.redirect),
        ("code", code),
    ];
    caller.form(path, "", &changed(&fields, more)).await
}

async fn exchange(caller: &Caller, code: &str, more: &[(&str, &str)]) -> Reply {
    exchange_at(caller, TOKEN, code, more).await
}

async fn refresh_at(caller: &Caller, path: &str, token: &str) -> Reply {
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", client.as_str()),
        ("client_secret", &secret),
    ];
    caller.form(path, "", &fields).await
}

async fn refresh(caller: &Caller, token: &str) -> Reply {
    refresh_at(caller, TOKEN, token).await
}

async fn me(caller: &Caller, token: &str) -> Reply {
    let header = format!("Zoho-oauthtoken {token}");
    caller.get("/crm/v8/users?type=CurrentUser", &header).await
}

fn refused(reply: &Reply, error: &str) {
    assert_eq!(
        (reply.status, &reply.body),
        (200, &json!({ "error": error }))
    );
}

fn invalid_token() -> Value {
    json!({ "code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error" })
}

#[tokio::test]
async fn a_person_consents_and_the_way_back_names_the_data_centre() {
    let caller = caller();
    let page = visit(&caller, &[("__sandbox_consent", "")]).await;
    assert!(page.status == 200 && page.text.contains("value=\"deny\""));
    let back = visit(&caller, &[]).await;
    assert_eq!(parameter(&back, "location").as_deref(), Some("us"));
    assert_eq!(
        parameter(&back, "accounts-server"),
        Some(caller.base.clone())
    );
    let reply = exchange(&caller, &parameter(&back, "code").unwrap(), &[]).await;
    let body = &reply.body;
    assert_eq!((reply.status, &body["token_type"]), (200, &json!("Bearer")));
    assert_eq!(
        (&body["expires_in"], &body["api_domain"]),
        (&json!(3600), &json!(caller.base))
    );
    assert_eq!(body["scope"], SCOPE.replace(',', " "));
    assert_eq!(body.as_object().unwrap().len(), 6);
    let me = me(&caller, &text(&body["access_token"])).await;
    assert_eq!(
        (me.status, &me.body["users"][0]["email"]),
        (200, &json!("olivia@liveprompt.example"))
    );
    assert_eq!(me.body["users"].as_array().unwrap().len(), 1);
    let header = format!("Zoho-oauthtoken {}", text(&body["access_token"]));
    let org = caller.get("/crm/v8/org", &header).await;
    assert_eq!(org.body["org"][0]["zgid"], caller.has("account"));
}

#[tokio::test]
async fn a_refresh_token_needs_offline_and_is_never_replaced() {
    let caller = caller();
    let reply = visit(&caller, &[("access_type", "")]).await;
    let reply = exchange(&caller, &parameter(&reply, "code").unwrap(), &[]).await;
    assert!(reply.body.get("refresh_token").is_none());
    let first = exchange(&caller, &code(&caller).await, &[]).await;
    let kept = text(&first.body["refresh_token"]);
    // Without `prompt=consent` whoever granted before gets no second one.
    let reply = visit(&caller, &[("prompt", "")]).await;
    let reply = exchange(&caller, &parameter(&reply, "code").unwrap(), &[]).await;
    assert!(reply.body.get("refresh_token").is_none());
    caller.wait(3600);
    assert_eq!(
        me(&caller, &text(&first.body["access_token"])).await.body,
        invalid_token()
    );
    caller.wait(400 * 86_400);
    let reply = refresh(&caller, &kept).await;
    assert!(reply.status == 200 && reply.body.get("refresh_token").is_none());
    assert_eq!(
        me(&caller, &text(&reply.body["access_token"])).await.status,
        200
    );
}

#[tokio::test]
async fn three_encodings_and_milliseconds() {
    let caller = caller();
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let kept = caller.has("refresh_token");
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", kept.as_str()),
        ("client_id", &client),
        ("client_secret", &secret),
    ];
    let path = format!("{TOKEN}?{}", encoded(&fields));
    assert!(caller.form(&path, "", &[]).await.body["access_token"].is_string());
    let part = |(name, value): (&str, &str)| {
        format!("--x-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: Vec<String> = fields.into_iter().map(part).collect();
    let body = format!("{}--x-1--\r\n", parts.concat());
    let kind = "multipart/form-data; boundary=x-1";
    caller.set(json!({ "expires_in_ms": true }));
    let reply = caller.post(TOKEN, kind, "", body).await;
    let times = (&reply.body["expires_in"], &reply.body["expires_in_sec"]);
    assert_eq!(times, (&json!(3_600_000), &json!(3600)));
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_with_status_200() {
    let caller = caller();
    for (change, error) in [
        (("grant_type", "password"), "unsupported_grant_type"),
        (("grant_type", ""), "unsupported_grant_type"),
        (("client_id", "1000.X"), "invalid_client"),
        (("client_id", ""), "invalid_client"),
        (("client_secret", "guess"), "invalid_client_secret"),
        (("client_secret", ""), "invalid_client_secret"),
        (("code", "1000.x.y"), "invalid_code"),
        (("code", ""), "invalid_code"),
        (
            ("redirect_uri", "http://127.0.0.1:3000/other"),
            "invalid_redirect_uri",
        ),
    ] {
        refused(
            &exchange(&caller, &code(&caller).await, &[change]).await,
            error,
        );
    }
    refused(&refresh(&caller, "1000.x.y").await, "invalid_code");
    let used = code(&caller).await;
    let first = exchange(&caller, &used, &[]).await;
    refused(&exchange(&caller, &used, &[]).await, "invalid_code");
    refused(
        &refresh(&caller, &text(&first.body["refresh_token"])).await,
        "invalid_code",
    );
    let old = code(&caller).await;
    caller.wait(121);
    refused(&exchange(&caller, &old, &[]).await, "invalid_code");
}

#[tokio::test]
async fn what_the_consent_page_refuses() {
    let caller = caller();
    for (change, error) in [
        (("client_id", "x"), "ERROR_invalid_client"),
        (
            ("redirect_uri", "https://evil.example/"),
            "ERROR_invalid_redirect_uri",
        ),
        (("response_type", "token"), "ERROR_invalid_response_type"),
        (("scope", ""), "ERROR_invalid_scope"),
        (("scope", "ZohoCRM.everything"), "ERROR_invalid_scope"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert!(
            reply.status == 400 && reply.text.contains(error),
            "{}",
            reply.text
        );
        assert!(reply.headers.get("location").is_none());
    }
    let denied = visit(&caller, &[("__sandbox_consent", "deny")]).await;
    assert_eq!(
        parameter(&denied, "error").as_deref(),
        Some("access_denied")
    );
}

#[tokio::test]
async fn a_code_is_unknown_at_another_data_centre() {
    let caller = caller();
    caller.set(json!({ "location": "eu", "root_location": "us" }));
    let back = visit(&caller, &[]).await;
    assert_eq!(parameter(&back, "location").as_deref(), Some("eu"));
    let server = parameter(&back, "accounts-server").unwrap();
    assert_eq!(server, format!("{}/__dc/eu", caller.base));
    let code = parameter(&back, "code").unwrap();
    refused(&exchange(&caller, &code, &[]).await, "invalid_code");
    refused(
        &exchange_at(&caller, "/__dc/in/oauth/v2/token", &code, &[]).await,
        "invalid_code",
    );
    let reply = exchange_at(&caller, "/__dc/eu/oauth/v2/token", &code, &[]).await;
    assert_eq!(reply.body["api_domain"], server);
    let (access, kept) = (
        text(&reply.body["access_token"]),
        text(&reply.body["refresh_token"]),
    );
    refused(&refresh(&caller, &kept).await, "invalid_code");
    assert_eq!(me(&caller, &access).await.body, invalid_token());
    let revoke = format!("{TOKEN}/revoke?token={kept}");
    refused(&caller.form(&revoke, "", &[]).await, "invalid_token");
    let header = format!("Zoho-oauthtoken {access}");
    assert_eq!(
        caller.get("/__dc/eu/crm/v8/users", &header).await.status,
        200
    );
    assert!(
        refresh_at(&caller, "/__dc/eu/oauth/v2/token", &kept)
            .await
            .body["access_token"]
            .is_string()
    );
}

#[tokio::test]
async fn the_vendor_s_hosts_name_the_data_centre() {
    let caller = caller();
    caller.set(json!({ "location": "ca", "root_location": "us", "real_hosts": true }));
    let back = visit(&caller, &[]).await;
    let server = parameter(&back, "accounts-server").unwrap();
    assert_eq!(server, "https://accounts.zohocloud.ca");
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &caller.has("client_id")),
        ("client_secret", &caller.has("client_secret")),
        ("redirect_uri", &caller.redirect),
        ("code", &parameter(&back, "code").unwrap()),
    ];
    let request = Request::post(format!("{server}{TOKEN}")).body(Bytes::from(encoded(&fields)));
    let reply = caller.send(request.unwrap()).await;
    assert_eq!(reply.body["api_domain"], "https://www.zohoapis.ca");
    let request = Request::get("http://127.0.0.1:4105/crm/v8/users")
        .header("host", "www.zohoapis.ca")
        .header(
            "authorization",
            format!("Zoho-oauthtoken {}", text(&reply.body["access_token"])),
        )
        .body(Bytes::new());
    assert_eq!(caller.send(request.unwrap()).await.status, 200);
}

#[tokio::test]
async fn clients_and_secrets_of_other_data_centres() {
    let caller = caller();
    caller.set(json!({ "location": "eu", "secret_per_dc": true }));
    let wrong = text(&caller.sandbox.credentials()["client_secrets"]["us"]);
    let reply = exchange(&caller, &code(&caller).await, &[("client_secret", &wrong)]).await;
    refused(&reply, "invalid_client_secret");
    let code = code(&caller).await;
    caller.set(json!({ "multi_dc": false }));
    refused(&exchange(&caller, &code, &[]).await, "invalid_client");
    assert_eq!(visit(&caller, &[]).await.status, 400);
}

#[tokio::test]
async fn too_many_refreshes_are_throttled_until_there_is_silence() {
    let caller = caller();
    let kept = caller.has("refresh_token");
    for _ in 0..10 {
        assert!(refresh(&caller, &kept).await.body["access_token"].is_string());
    }
    let body = json!({ "error": "Access Denied", "status": "failure",
        "error_description": "You have made too many requests continuously. Please try again after some time." });
    caller.wait(300);
    let reply = refresh(&caller, &kept).await;
    assert_eq!((reply.status, &reply.body), (400, &body));
    caller.set(json!({ "throttle_status": 200 }));
    let reply = refresh(&caller, &kept).await;
    assert_eq!((reply.status, &reply.body), (200, &body));
    assert!(refresh(&caller, &caller.has("refresh_token")).await.body["access_token"].is_string());
    caller.wait(600);
    assert!(refresh(&caller, &kept).await.body["access_token"].is_string());
}

#[tokio::test]
async fn the_oldest_of_too_many_tokens_goes() {
    let caller = caller();
    let mut kept = Vec::new();
    for _ in 0..21 {
        let reply = exchange(&caller, &code(&caller).await, &[]).await;
        kept.push(text(&reply.body["refresh_token"]));
    }
    refused(&refresh(&caller, &kept[0]).await, "invalid_code");
    let mut access = Vec::new();
    for _ in 0..16 {
        caller.wait(60);
        access.push(text(&refresh(&caller, &kept[1]).await.body["access_token"]));
    }
    assert_eq!(me(&caller, &access[0]).await.body, invalid_token());
    assert_eq!(me(&caller, &access[1]).await.status, 200);
}

#[tokio::test]
async fn revoking_headers_and_scopes() {
    let caller = caller();
    let all = caller.sandbox.credentials();
    let (access, kept) = (text(&all["access_token"]), text(&all["refresh_token"]));
    let bearer = format!("Bearer {access}");
    assert_eq!(
        caller.get("/crm/v8/org", &bearer).await.body,
        invalid_token()
    );
    caller.set(json!({ "bearer": true }));
    assert_eq!(caller.get("/crm/v8/org", &bearer).await.status, 200);
    let bare = caller.get("/crm/v8/org", "").await;
    assert_eq!(
        (bare.status, &bare.body["code"]),
        (401, &json!("AUTHENTICATION_FAILURE"))
    );
    let reply = caller
        .form(&format!("{TOKEN}/revoke?token={kept}"), "", &[])
        .await;
    assert_eq!(
        (reply.status, reply.body),
        (200, json!({ "status": "success" }))
    );
    assert_eq!(me(&caller, &access).await.body, invalid_token());
    refused(&refresh(&caller, &kept).await, "invalid_code");
    refused(
        &caller
            .form(&format!("{TOKEN}/revoke?token={kept}"), "", &[])
            .await,
        "invalid_token",
    );
    let narrow = visit(&caller, &[("scope", "ZohoCRM.org.READ")]).await;
    let reply = exchange(&caller, &parameter(&narrow, "code").unwrap(), &[]).await;
    let reply = me(&caller, &text(&reply.body["access_token"])).await;
    assert_eq!(
        (reply.status, &reply.body["code"]),
        (401, &json!("OAUTH_SCOPE_MISMATCH"))
    );
}

#[tokio::test]
async fn faults() {
    let caller = caller();
    let all = caller.sandbox.credentials();
    let (access, kept) = (text(&all["access_token"]), text(&all["refresh_token"]));
    let arm = |name: &str| caller.sandbox.add_fault(json!({ "fault": name })).unwrap();
    arm("rate_limit");
    let reply = me(&caller, &access).await;
    assert_eq!(
        (reply.status, &reply.body["code"]),
        (429, &json!("TOO_MANY_REQUESTS"))
    );
    arm("rate_limit");
    assert_eq!(refresh(&caller, &kept).await.body["error"], "Access Denied");
    arm("expire_access_token");
    assert_eq!(me(&caller, &access).await.body, invalid_token());
    arm("revoke_refresh_token");
    refused(&refresh(&caller, &kept).await, "invalid_code");
}

#[tokio::test]
async fn the_calls_fit_the_vendor_s_specification() {
    let Some(folder) = spec::specs("the_calls_fit_the_vendor_s_specification") else {
        return;
    };
    let caller = caller();
    let header = format!("Zoho-oauthtoken {}", caller.has("access_token"));
    for part in ["users", "org"] {
        let file = std::fs::read(folder.join(format!("zoho-v8-{part}.json"))).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let path = format!("/crm/v8/{part}");
        let mut responses = file["paths"][&path]["get"]["responses"].clone();
        if responses["200"]["$ref"] == "#/components/responses/Users" {
            responses["200"] = file["components"]["responses"]["Users"].clone();
        }
        let reply = caller.get(&path, &header).await;
        spec::check(&file, &responses, reply.status, &reply.body, &path);
    }
}
