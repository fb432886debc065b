//! The ways to a token, and how tokens live and die.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::vendor::{BASE, REDIRECT, Reply, Vendor, text};
use crate::caller::{STATE, VERIFIER, challenge, changed, code_of, encoded, parameter};

const VERSIONS: [&str; 4] = ["v1", "v3", "2026-03", "2026-09"];

fn authorize_url(vendor: &Vendor, more: &[(&str, &str)]) -> String {
    let credentials = vendor.caller.sandbox.credentials();
    let challenge = challenge(VERIFIER);
    let fields = [
        ("client_id", credentials["client_id"].as_str().unwrap()),
        ("redirect_uri", REDIRECT),
        (
            "scope",
            "crm.objects.contacts.read crm.objects.contacts.write",
        ),
        ("optional_scope", "crm.objects.deals.read"),
        ("state", STATE),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    format!(
        "{BASE}/oauth/authorize?{}",
        encoded(&changed(&fields, more))
    )
}

async fn visit(vendor: &Vendor, more: &[(&str, &str)]) -> Reply {
    let request = Request::get(authorize_url(vendor, more)).body(Bytes::new());
    vendor.caller.send(request.unwrap()).await
}

async fn code(vendor: &Vendor, more: &[(&str, &str)]) -> String {
    let mut more = more.to_vec();
    more.push(("__sandbox_consent", "allow"));
    let reply = visit(vendor, &more).await;
    code_of(&reply)
}

async fn token(vendor: &Vendor, version: &str, more: &[(&str, &str)]) -> Reply {
    let credentials = vendor.caller.sandbox.credentials();
    let fields = [
        ("client_id", credentials["client_id"].as_str().unwrap()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap(),
        ),
    ];
    vendor
        .form(&format!("/oauth/{version}/token"), &changed(&fields, more))
        .await
}

async fn exchange(vendor: &Vendor, version: &str, code: &str, more: &[(&str, &str)]) -> Reply {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    fields.extend(more);
    token(vendor, version, &fields).await
}

async fn refresh(vendor: &Vendor, refresh_token: &str) -> Reply {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
    ];
    token(vendor, "2026-09", &fields).await
}

async fn status_with(vendor: &Vendor, token: &str) -> Reply {
    let request = Request::get(format!("{BASE}/crm/objects/2026-09/contacts?limit=1"))
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new());
    vendor.caller.send(request.unwrap()).await
}

#[tokio::test]
async fn a_person_consents_and_the_app_gets_tokens_by_every_version() {
    let vendor = Vendor::new();
    let page = visit(&vendor, &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"allow\"") && page.text.contains("value=\"deny\""));
    assert!(page.text.contains("name=\"state\" value=\"st&amp;te\""));
    for version in VERSIONS {
        let reply = exchange(&vendor, version, &code(&vendor, &[]).await, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let body = &reply.body;
        assert_eq!(
            (&body["expires_in"], &body["token_type"]),
            (&json!(1800), &json!("bearer"))
        );
        assert_eq!(
            body["hub_id"],
            vendor.caller.sandbox.credentials()["hub_id"]
        );
        let scopes = [
            "crm.objects.contacts.read",
            "crm.objects.contacts.write",
            "crm.objects.deals.read",
            "oauth",
        ];
        assert_eq!(body["scopes"], json!(scopes));
        let access = text(&body["access_token"]);
        assert_eq!(status_with(&vendor, &access).await.status, 200);
        let info = vendor
            .get(&format!("/oauth/{version}/access-tokens/{access}"))
            .await;
        assert_eq!((info.status, &info.body["hub_id"]), (200, &body["hub_id"]));
        assert_eq!(info.body["user"], "olivia@liveprompt.example");
    }
}

#[tokio::test]
async fn a_refresh_brings_a_new_access_token_and_the_same_refresh_token() {
    let vendor = Vendor::new();
    let first = exchange(&vendor, "2026-09", &code(&vendor, &[]).await, &[]).await;
    let (access, kept) = (
        text(&first.body["access_token"]),
        text(&first.body["refresh_token"]),
    );
    vendor.caller.wait(1_799);
    assert_eq!(status_with(&vendor, &access).await.status, 200);
    vendor.caller.wait(2);
    let reply = status_with(&vendor, &access).await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (401, &json!("EXPIRED_AUTHENTICATION"))
    );
    assert_eq!(
        reply.body["message"],
        "The OAuth token used to make this call expired 1 second(s) ago."
    );
    assert_eq!(
        reply.body["context"]["expire time"],
        json!(["2026-11-20T09:30:00.000Z"])
    );
    for _ in 0..2 {
        let second = refresh(&vendor, &kept).await;
        assert_eq!(second.body["refresh_token"], json!(kept));
        assert_ne!(second.body["access_token"], first.body["access_token"]);
        assert_eq!(
            status_with(&vendor, second.body["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn the_errors_of_the_token_endpoint_have_both_styles() {
    let vendor = Vendor::new();
    let reply = refresh(&vendor, "na1-unknown").await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.body,
        json!({ "error": "invalid_grant", "error_description": "missing or invalid refresh token",
            "status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token" })
    );
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("grant_type", "password")], "BAD_GRANT_TYPE"),
        (&[("client_id", "x")], "BAD_CLIENT_ID"),
        (&[("client_secret", "x")], "BAD_CLIENT_SECRET"),
        (
            &[("redirect_uri", "http://127.0.0.1:3000/other")],
            "BAD_REDIRECT_URI",
        ),
        (&[("code_verifier", "wrong")], "BAD_CODE_VERIFIER"),
    ];
    for (change, status) in cases {
        let code = code(&vendor, &[]).await;
        let mut more = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        more.extend(change);
        let reply = token(&vendor, "v3", &more).await;
        assert_eq!((reply.status, &reply.body["status"]), (400, &json!(status)));
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_for_ten_minutes() {
    let vendor = Vendor::new();
    let used = code(&vendor, &[]).await;
    let first = exchange(&vendor, "v3", &used, &[]).await;
    let again = exchange(&vendor, "v3", &used, &[]).await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (400, &json!("BAD_AUTH_CODE"))
    );
    let access = text(&first.body["access_token"]);
    assert_eq!(
        status_with(&vendor, &access).await.status,
        401,
        "the second use ended what the first gave"
    );
    let old = code(&vendor, &[]).await;
    vendor.caller.wait(601);
    assert_eq!(
        exchange(&vendor, "v3", &old, &[]).await.body["status"],
        "EXPIRED_AUTH_CODE"
    );
}

#[tokio::test]
async fn without_a_challenge_no_verifier_is_needed_and_enforcement_is_a_switch() {
    let vendor = Vendor::new();
    let plain = code(&vendor, &[("code_challenge", "")]).await;
    let reply = exchange(&vendor, "v3", &plain, &[("code_verifier", "")]).await;
    assert_eq!(reply.status, 200);
    vendor.caller.set(json!({ "pkce": false }));
    let lax = code(&vendor, &[]).await;
    assert_eq!(
        exchange(&vendor, "v3", &lax, &[("code_verifier", "x")])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_app_is_shown_and_never_redirected() {
    let vendor = Vendor::new();
    for change in [
        ("redirect_uri", "https://evil.example/"),
        ("client_id", "x"),
        ("scope", "crm.objects.contacts.read crm.everything"),
        ("scope", ""),
    ] {
        let reply = visit(&vendor, &[("__sandbox_consent", "allow"), change]).await;
        assert_eq!(reply.status, 400, "{change:?}");
        assert!(reply.headers.get("location").is_none());
    }
    let denied = visit(&vendor, &[("__sandbox_consent", "deny")]).await;
    assert_eq!(
        parameter(&denied, "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(parameter(&denied, "state").as_deref(), Some(STATE));
}

#[tokio::test]
async fn a_scope_the_plan_lacks_is_left_out_when_optional_and_missed_later() {
    let vendor = Vendor::new();
    vendor
        .caller
        .set(json!({ "withheld_scopes": ["crm.objects.deals.read"] }));
    let reply = exchange(&vendor, "v3", &code(&vendor, &[]).await, &[]).await;
    let access = text(&reply.body["access_token"]);
    let request = Request::get(format!("{BASE}/crm/v3/objects/deals"))
        .header("authorization", format!("Bearer {access}"))
        .body(Bytes::new());
    let reply = vendor.caller.send(request.unwrap()).await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (403, &json!("MISSING_SCOPES"))
    );
    let needed = &reply.body["errors"][0]["context"]["requiredGranularScopes"];
    assert_eq!(*needed, json!(["crm.objects.deals.read"]));
}

#[tokio::test]
async fn introspection_and_revocation() {
    let vendor = Vendor::new();
    let credentials = vendor.caller.sandbox.credentials();
    let client = [
        ("client_id", credentials["client_id"].as_str().unwrap()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap(),
        ),
    ];
    let ask = async |what: &str, token: &str| {
        let mut fields = client.to_vec();
        fields.push(("token", token));
        vendor
            .form(&format!("/oauth/2026-09/token/{what}"), &fields)
            .await
    };
    let access = text(&credentials["access_token"]);
    let kept = text(&credentials["refresh_token"]);
    let info = ask("introspect", &access).await;
    assert_eq!(
        (&info.body["active"], &info.body["hub_id"]),
        (&json!(true), &credentials["hub_id"])
    );
    assert_eq!(info.body["signed_access_token"]["hublet"], "na1");
    assert_eq!(
        ask("introspect", &kept).await.body["token_use"],
        "refresh_token"
    );
    assert_eq!(ask("revoke", &kept).await.status, 200);
    assert_eq!(
        ask("introspect", &kept).await.body,
        json!({ "active": false })
    );
    assert_eq!(
        refresh(&vendor, &kept).await.body["status"],
        "BAD_REFRESH_TOKEN"
    );
    assert_eq!(
        status_with(&vendor, &access).await.status,
        200,
        "the access token lives on"
    );
}

#[tokio::test]
async fn the_app_uninstalls_itself() {
    let vendor = Vendor::new();
    let reply = vendor
        .call(
            "DELETE",
            "/appinstalls/2026-09/external-install",
            Value::Null,
        )
        .await;
    assert_eq!(reply.status, 204);
    let reply = status_with(&vendor, &vendor.token).await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (401, &json!("INVALID_AUTHENTICATION"))
    );
}

#[tokio::test]
async fn a_private_app_a_service_key_and_a_caller_without_token() {
    let vendor = Vendor::new();
    let private = text(&vendor.caller.sandbox.credentials()["private_app_token"]);
    let reply = status_with(&vendor, &private).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["x-hubspot-ratelimit-max"], "190");
    assert_eq!(
        reply.headers["x-hubspot-ratelimit-daily-remaining"],
        "624999"
    );
    vendor.caller.wait(100_000);
    assert_eq!(
        status_with(&vendor, &private).await.status,
        200,
        "it does not end"
    );
    let key = text(&vendor.caller.sandbox.credentials()["service_key"]);
    let reply = status_with(&vendor, &key).await;
    assert_eq!(
        (reply.status, &reply.headers["x-hubspot-ratelimit-max"]),
        (200, &"190".parse().unwrap())
    );
    vendor
        .caller
        .set(json!({ "service_key_scopes": ["crm.objects.deals.read"] }));
    let reply = status_with(&vendor, &key).await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (403, &json!("MISSING_SCOPES"))
    );
    let bare = Request::get(format!("{BASE}/crm/v3/objects/contacts")).body(Bytes::new());
    let reply = vendor.caller.send(bare.unwrap()).await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (401, &json!("INVALID_AUTHENTICATION"))
    );
}
