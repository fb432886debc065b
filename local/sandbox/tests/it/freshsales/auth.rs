//! Freshsales: keys per user, and the organisation's OAuth server.

use serde_json::{Value, json};

use crate::caller::{Caller, Reply, STATE, basic, changed, code_of, parameter, text};

const OWNERS: &str = "/crm/sales/api/selector/owners";
const TOKEN: &str = "/org/oauth/v2/token";

fn caller() -> Caller {
    Caller::new("freshsales")
}

async fn visit(caller: &Caller, more: &[(&str, &str)]) -> Reply {
    let client = caller.has("client_id");
    let fields = [
        ("response_type", "code"),
        ("client_id", client.as_str()),
        ("redirect_uri", &caller.redirect),
        ("scope", "freshsales.contacts.manage"),
        ("state", STATE),
        ("__sandbox_consent", "allow"),
    ];
    caller
        .visit("/org/oauth/v2/authorize", &changed(&fields, more))
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
    caller
        .form(TOKEN, &caller.basic(), &changed(&fields, more))
        .await
}

async fn refresh(caller: &Caller, token: &str) -> Reply {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    caller.form(TOKEN, &caller.basic(), &fields).await
}

fn bad_key() -> Value {
    json!({ "login": "failed", "message": "Invalid credentials" })
}

#[tokio::test]
async fn a_key_opens_the_api_of_both_editions() {
    let caller = caller();
    let header = format!("Token token={}", caller.has("api_key"));
    for base in ["/crm/sales/api", "/api"] {
        let owners = caller
            .get(&format!("{base}/selector/owners"), &header)
            .await;
        assert_eq!(
            (owners.status, &owners.body["users"][1]["email"]),
            (200, &json!("rafael@liveprompt.example"))
        );
        let fields = caller
            .get(&format!("{base}/settings/contacts/fields"), &header)
            .await;
        assert_eq!(
            (fields.status, &fields.body["fields"][0]["name"]),
            (200, &json!("first_name"))
        );
    }
    caller.set(json!({ "edition": "suite" }));
    let reply = caller.get("/api/selector/owners", &header).await;
    assert_eq!(
        (reply.status, &reply.headers["location"]),
        (302, &format!("{}/login", caller.base).parse().unwrap())
    );
    assert_eq!(caller.get(OWNERS, &header).await.status, 200);
    caller.set(json!({ "edition": "classic" }));
    assert_eq!(caller.get(OWNERS, &header).await.status, 302);
    assert!(caller.sandbox.set(&json!({ "edition": "x" })).is_err());
}

#[tokio::test]
async fn the_header_has_one_form_and_keys_are_per_user() {
    let caller = caller();
    let key = caller.has("api_key");
    for header in [
        String::new(),
        key.clone(),
        format!("Token {key}"),
        format!("Bearer {key}"),
        "Token token=wrong".to_owned(),
    ] {
        let reply = caller.get(OWNERS, &header).await;
        assert_eq!((reply.status, reply.body), (401, bad_key()), "{header}");
    }
    let rep = text(&caller.sandbox.credentials()["api_keys"]["rafael@liveprompt.example"]);
    assert_ne!(rep, key);
    caller.set(json!({ "denied_users": ["rafael@liveprompt.example"] }));
    let reply = caller.get(OWNERS, &format!("Token token={rep}")).await;
    let denied = json!({ "errors": { "code": 403, "message": ["Access Denied"] } });
    assert_eq!((reply.status, reply.body), (403, denied));
    assert_eq!(
        caller
            .get(OWNERS, &format!("Token token=\"{key}\""))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_organisation_gives_tokens() {
    let caller = caller();
    let page = visit(&caller, &[("__sandbox_consent", "")]).await;
    assert!(page.status == 200 && page.text.contains("value=\"deny\""));
    let reply = exchange(&caller, &code(&caller).await, &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        (&reply.body["expires_in"], &reply.body["scope"]),
        (&json!(1800), &json!("freshsales.contacts.manage"))
    );
    let (access, kept) = (
        text(&reply.body["access_token"]),
        text(&reply.body["refresh_token"]),
    );
    let bearer = format!("Bearer {access}");
    assert_eq!(caller.get(OWNERS, &bearer).await.status, 200);
    caller.set(json!({ "oauth_opens_api": false }));
    assert_eq!(caller.get(OWNERS, &bearer).await.body, bad_key());
    caller.set(json!({ "oauth_opens_api": true }));
    caller.wait(1800);
    assert_eq!(caller.get(OWNERS, &bearer).await.status, 401);
    let again = refresh(&caller, &kept).await;
    assert_eq!(
        (again.status, &again.body["refresh_token"]),
        (200, &json!(kept))
    );
    caller.set(json!({ "refresh_rotation": true }));
    let next = refresh(&caller, &kept).await;
    assert_ne!(next.body["refresh_token"], json!(kept));
    assert_eq!(refresh(&caller, &kept).await.body["error"], "invalid_grant");
}

#[tokio::test]
async fn what_the_organisation_refuses() {
    let caller = caller();
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let code_of_form = code(&caller).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code_of_form.as_str()),
        ("redirect_uri", &caller.redirect),
        ("client_id", &client),
        ("client_secret", &secret),
    ];
    for header in [String::new(), basic(&client, "guess"), basic("x", &secret)] {
        let reply = caller.form(TOKEN, &header, &fields).await;
        assert_eq!(
            (reply.status, &reply.body["error"]),
            (401, &json!("invalid_client"))
        );
    }
    for (change, error) in [
        (("code", "x"), "invalid_grant"),
        (
            ("redirect_uri", "http://127.0.0.1:3000/other"),
            "invalid_grant",
        ),
        (
            ("grant_type", "client_credentials"),
            "unsupported_grant_type",
        ),
    ] {
        let reply = exchange(&caller, &code(&caller).await, &[change]).await;
        assert_eq!((reply.status, &reply.body["error"]), (400, &json!(error)));
    }
    let used = code(&caller).await;
    let kept = text(&exchange(&caller, &used, &[]).await.body["refresh_token"]);
    assert_eq!(
        exchange(&caller, &used, &[]).await.body["error"],
        "invalid_grant"
    );
    assert_eq!(refresh(&caller, &kept).await.body["error"], "invalid_grant");
    let old = code(&caller).await;
    caller.wait(601);
    assert_eq!(
        exchange(&caller, &old, &[]).await.body["error"],
        "invalid_grant"
    );
    for change in [
        ("client_id", "x"),
        ("redirect_uri", "https://evil.example/"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert!(reply.status == 400 && reply.headers.get("location").is_none());
    }
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "freshdesk.tickets.view"), "invalid_scope"),
        (("__sandbox_consent", "deny"), "access_denied"),
    ] {
        let reply = visit(&caller, &[change]).await;
        assert_eq!(parameter(&reply, "error").as_deref(), Some(error));
        assert_eq!(parameter(&reply, "state").as_deref(), Some(STATE));
    }
}

#[tokio::test]
async fn faults() {
    let caller = caller();
    let header = format!("Token token={}", caller.has("api_key"));
    let arm = |name: &str| caller.sandbox.add_fault(json!({ "fault": name })).unwrap();
    arm("rate_limit");
    let reply = caller.get(OWNERS, &header).await;
    assert_eq!(
        (reply.status, &reply.headers["retry-after"]),
        (429, &"60".parse().unwrap())
    );
    arm("wrapped_rate_limit");
    let reply = caller.get(OWNERS, &header).await;
    assert!(
        reply.status == 400
            && reply
                .text
                .contains(":: 429 :: response :: Too many requests")
    );
    arm("maintenance_html");
    assert_eq!(caller.get(OWNERS, &header).await.status, 503);
    arm("revoke_refresh_token");
    assert_eq!(
        caller.get(OWNERS, &header).await.status,
        200,
        "a key is no token"
    );
}

#[tokio::test]
async fn every_fake_crm_has_what_the_hub_s_stack_takes() {
    let crms = hub_sandbox::Sandbox::crms().iter();
    for crm in crms.filter(|crm| **crm != "receiver") {
        let caller = Caller::new(crm);
        let all = caller.sandbox.credentials();
        for name in [
            "base_url",
            "client_id",
            "client_secret",
            "redirect_uri",
            "access_token",
        ] {
            assert!(all[name].is_string(), "{crm}: {name}");
        }
        assert_eq!(all["redirect_uri"], caller.redirect);
        let other = json!({ "redirect_uris": ["http://127.0.0.1:1/callback"] });
        caller.set(other.clone());
        assert_eq!(
            caller.sandbox.settings()["redirect_uris"],
            other["redirect_uris"]
        );
        assert!(
            caller.sandbox.state()["tokens"]["access_tokens"]
                .as_u64()
                .unwrap()
                > 0
        );
        let before = caller.has("client_id");
        caller.sandbox.reset();
        assert_eq!(caller.has("client_id"), before);
        assert_eq!(
            caller.sandbox.credentials()["redirect_uri"],
            caller.redirect
        );
        assert!(
            caller
                .sandbox
                .add_fault(json!({ "fault": "nothing" }))
                .is_err()
        );
    }
}
