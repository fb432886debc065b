//! The ways to a token, and how tokens live and die.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::json;

use super::vendor::{BASE, REDIRECT, Reply, Vendor};
use crate::caller::{STATE, VERIFIER, challenge, code_of, encoded, parameter, replaced};

pub fn authorize_url(vendor: &Vendor, more: &[(&str, &str)]) -> String {
    let credentials = vendor.caller.sandbox.credentials();
    let challenge = challenge(VERIFIER);
    let fields = [
        ("response_type", "code"),
        ("client_id", credentials["client_id"].as_str().unwrap()),
        ("redirect_uri", REDIRECT),
        ("scope", "api refresh_token id"),
        ("state", STATE),
        ("code_challenge", challenge.as_str()),
    ];
    let query = encoded(&replaced(&fields, more));
    format!("{BASE}/services/oauth2/authorize?{query}")
}

pub async fn visit(vendor: &Vendor, url: &str) -> Reply {
    vendor
        .caller
        .send(Request::get(url).body(Bytes::new()).unwrap())
        .await
}

pub async fn code(vendor: &Vendor) -> String {
    let reply = visit(
        vendor,
        &authorize_url(vendor, &[("__sandbox_consent", "allow")]),
    )
    .await;
    code_of(&reply)
}

pub async fn exchange(vendor: &Vendor, code: &str, more: &[(&str, &str)]) -> Reply {
    let credentials = vendor.caller.sandbox.credentials();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", credentials["client_id"].as_str().unwrap()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap(),
        ),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let fields = replaced(&fields, more);
    vendor.form("/services/oauth2/token", &fields).await
}

pub async fn refresh(vendor: &Vendor, token: &str) -> Reply {
    let credentials = vendor.caller.sandbox.credentials();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", credentials["client_id"].as_str().unwrap()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap(),
        ),
    ];
    vendor.form("/services/oauth2/token", &fields).await
}

async fn status_with(vendor: &Vendor, token: &str) -> u16 {
    let request = Request::get(format!("{BASE}/services/data/v67.0/limits"))
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new());
    vendor.caller.send(request.unwrap()).await.status
}

#[tokio::test]
async fn a_person_consents_and_the_app_gets_tokens() {
    let vendor = Vendor::new();
    let page = visit(&vendor, &authorize_url(&vendor, &[])).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"allow\"") && page.text.contains("value=\"deny\""));
    assert!(page.text.contains("name=\"state\" value=\"st&amp;te\""));
    let reply = exchange(&vendor, &code(&vendor).await, &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(
        reply.body["access_token"]
            .as_str()
            .unwrap()
            .starts_with("00D")
    );
    assert!(reply.body["access_token"].as_str().unwrap().contains("!AQ"));
    assert!(
        reply.body["refresh_token"]
            .as_str()
            .unwrap()
            .starts_with("5Aep")
    );
    assert_eq!(reply.body["instance_url"], BASE);
    assert_eq!(reply.body["issued_at"], "1795165200000");
    assert!(reply.body.get("expires_in").is_none());
    assert_eq!(
        status_with(&vendor, reply.body["access_token"].as_str().unwrap()).await,
        200
    );
}

#[tokio::test]
async fn the_form_answers_like_the_query() {
    let vendor = Vendor::new();
    let url = authorize_url(&vendor, &[]);
    let query = url.split_once('?').unwrap().1;
    for (decision, expected) in [("allow", "code"), ("deny", "error")] {
        let body = format!("{query}&decision={decision}");
        let request = Request::post(format!("{BASE}/services/oauth2/authorize"))
            .body(Bytes::from(body))
            .unwrap();
        let reply = vendor.caller.send(request).await;
        assert_eq!(reply.status, 302);
        assert!(parameter(&reply, expected).is_some(), "{decision}");
    }
}

#[tokio::test]
async fn refreshing_rotates_the_refresh_token() {
    let vendor = Vendor::new();
    let first = exchange(&vendor, &code(&vendor).await, &[]).await;
    let old = first.body["refresh_token"].as_str().unwrap();
    let second = refresh(&vendor, old).await;
    assert_eq!(second.status, 200);
    let new = second.body["refresh_token"].as_str().unwrap();
    assert_ne!(old, new);
    assert_eq!(
        status_with(&vendor, second.body["access_token"].as_str().unwrap()).await,
        200
    );
    assert_eq!(refresh(&vendor, new).await.status, 200);
}

#[tokio::test]
async fn without_rotation_the_refresh_token_stays() {
    let vendor = Vendor::new();
    vendor
        .caller
        .sandbox
        .set(&json!({ "refresh_rotation": false }))
        .unwrap();
    let token = vendor.caller.sandbox.credentials()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let reply = refresh(&vendor, &token).await;
    assert!(reply.body.get("refresh_token").is_none());
    assert_eq!(refresh(&vendor, &token).await.status, 200);
}

#[tokio::test]
async fn an_idle_session_ends_after_two_hours_and_use_prolongs_it() {
    let vendor = Vendor::new();
    vendor.caller.wait(3600);
    assert_eq!(vendor.get("/limits").await.status, 200);
    vendor.caller.wait(7000);
    assert_eq!(vendor.get("/limits").await.status, 200);
    vendor.caller.wait(7300);
    let reply = vendor.get("/limits").await;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.body,
        json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }])
    );
}

#[tokio::test]
async fn a_refresh_token_dies_after_thirty_idle_days() {
    let vendor = Vendor::new();
    let token = vendor.caller.sandbox.credentials()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    vendor.caller.wait(29 * 86_400);
    let reply = refresh(&vendor, &token).await;
    assert_eq!(reply.status, 200);
    vendor.caller.wait(31 * 86_400);
    let reply = refresh(&vendor, reply.body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.body,
        json!({ "error": "invalid_grant", "error_description": "expired access/refresh token" })
    );
}

#[tokio::test]
async fn a_sixth_approval_ends_the_oldest() {
    let vendor = Vendor::new();
    let mut tokens = Vec::new();
    for _ in 0..6 {
        let reply = exchange(&vendor, &code(&vendor).await, &[]).await;
        tokens.push(reply.body["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(refresh(&vendor, &tokens[0]).await.status, 400);
    for token in &tokens[1..] {
        assert_eq!(refresh(&vendor, token).await.status, 200);
    }
}

#[tokio::test]
async fn the_other_grants() {
    let vendor = Vendor::new();
    let c = vendor.caller.sandbox.credentials();
    let text = |name: &str| c[name].as_str().unwrap();
    let basic = STANDARD.encode(format!("{}:{}", text("client_id"), text("client_secret")));
    let request = Request::post(format!("{BASE}/services/oauth2/token"))
        .header("authorization", format!("Basic {basic}"))
        .body(Bytes::from("grant_type=client_credentials"));
    let reply = vendor.caller.send(request.unwrap()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["api_instance_url"], BASE);
    assert!(reply.body.get("refresh_token").is_none());

    let mut fields = vec![
        ("grant_type", "password"),
        ("client_id", text("client_id")),
        ("client_secret", text("client_secret")),
        ("username", text("username")),
        ("password", text("password")),
    ];
    let reply = vendor.form("/services/oauth2/token", &fields).await;
    assert_eq!(
        status_with(&vendor, reply.body["access_token"].as_str().unwrap()).await,
        200
    );
    fields[4].1 = "wrong";
    let reply = vendor.form("/services/oauth2/token", &fields).await;
    assert_eq!(
        (reply.status, &reply.body["error_description"]),
        (400, &json!("authentication failure"))
    );

    let reply = vendor
        .form("/services/oauth2/token", &[("grant_type", "device")])
        .await;
    assert_eq!(
        reply.body,
        json!({ "error": "unsupported_grant_type", "error_description": "grant type not supported" })
    );
}

#[tokio::test]
async fn revoking_introspecting_and_asking_who() {
    let vendor = Vendor::new();
    let c = vendor.caller.sandbox.credentials();
    let text = |name: &str| c[name].as_str().unwrap();
    let (token, fresh) = (text("access_token"), text("refresh_token"));
    let client = [
        ("client_id", text("client_id")),
        ("client_secret", text("client_secret")),
        ("token", token),
    ];
    let about = vendor.form("/services/oauth2/introspect", &client).await;
    assert_eq!(about.body["active"], true);
    assert_eq!(about.body["username"], c["username"]);

    let identity = format!("{}?format=json&oauth_token={token}", text("identity_url"));
    let who = visit(&vendor, &identity).await;
    assert_eq!((who.status, &who.body["user_id"]), (200, &c["user_id"]));
    let root = vendor.get("/services/data/v67.0").await;
    assert_eq!(root.body["identity"], c["identity_url"]);

    let reply = vendor
        .form("/services/oauth2/revoke", &[("token", fresh)])
        .await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    assert_eq!(status_with(&vendor, token).await, 401);
    assert_eq!(refresh(&vendor, fresh).await.status, 400);
    let reply = vendor
        .form("/services/oauth2/revoke", &[("token", fresh)])
        .await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.starts_with("error=invalid_token"));
    let about = vendor.form("/services/oauth2/introspect", &client).await;
    assert_eq!(about.body, json!({ "active": false }));
    let who = visit(&vendor, &identity).await;
    assert_eq!((who.status, who.text.as_str()), (403, "Bad_OAuth_Token"));
    let found = visit(&vendor, &format!("{BASE}/.well-known/openid-configuration")).await;
    assert_eq!(
        found.body["token_endpoint"],
        format!("{BASE}/services/oauth2/token")
    );
}

#[tokio::test]
async fn soap_login_until_version_64() {
    let vendor = Vendor::new();
    let c = vendor.caller.sandbox.credentials();
    let envelope = format!(
        "<se:Envelope><se:Body><login xmlns=\"urn:partner.soap.sforce.com\"><username>{}</username>\
         <password>{}</password></login></se:Body></se:Envelope>",
        c["username"].as_str().unwrap(),
        c["password"].as_str().unwrap()
    );
    let login = async |version: &str, body: String| {
        let url = format!("{BASE}/services/Soap/u/{version}");
        vendor
            .caller
            .send(Request::post(url).body(Bytes::from(body)).unwrap())
            .await
    };
    let reply = login("59.0", envelope.clone()).await;
    assert_eq!(reply.status, 200);
    let session = reply
        .text
        .split_once("<sessionId>")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    assert!(reply.text.contains("<serverUrl>") && reply.text.contains("<organizationId>"));
    assert_eq!(status_with(&vendor, session).await, 200);
    assert_eq!(login("65.0", envelope.clone()).await.status, 500);
    let wrong = login("59.0", envelope.replace("sandbox-password", "x")).await;
    assert!(wrong.status == 500 && wrong.text.contains("INVALID_LOGIN"));
    let detail = "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>";
    assert!(wrong.text.contains(detail), "{}", wrong.text);
    let logout = format!(
        "<e:Envelope><e:Header><SessionHeader><sessionId>{session}</sessionId></SessionHeader></e:Header>\
         <e:Body><logout xmlns=\"urn:partner.soap.sforce.com\"/></e:Body></e:Envelope>"
    );
    assert_eq!(login("59.0", logout.clone()).await.status, 200);
    assert_eq!(status_with(&vendor, session).await, 401);
    let again = login("59.0", logout).await;
    assert!(again.status == 500 && again.text.contains("INVALID_SESSION_ID"));
}

#[tokio::test]
async fn a_token_opens_what_its_scope_says() {
    let vendor = Vendor::new();
    let url = authorize_url(
        &vendor,
        &[("scope", "id openid"), ("__sandbox_consent", "allow")],
    );
    let code = parameter(&visit(&vendor, &url).await, "code").unwrap();
    let reply = exchange(&vendor, &code, &[]).await;
    assert!(reply.body.get("refresh_token").is_none());
    let token = reply.body["access_token"].as_str().unwrap();
    assert_eq!(status_with(&vendor, token).await, 401);
    let about = Request::get(format!("{BASE}/services/oauth2/userinfo"))
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new());
    let about = vendor.caller.send(about.unwrap()).await;
    assert_eq!(
        (about.status, &about.body["email"]),
        (200, &json!("olivia@liveprompt.example"))
    );
}
