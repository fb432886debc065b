//! Entra ID: tenants, resources, AADSTS numbers.

use serde_json::{Value, json};

use crate::caller::{
    Caller, Reply, STATE, VERIFIER, basic, challenge, changed, claims, code_of, field, parameter,
    text,
};

const WHO: &str = "/api/data/v9.2/WhoAmI";

fn caller() -> Caller {
    Caller::new("dynamics365")
}

async fn visit(caller: &Caller, tenant: &str, more: &[(&str, &str)]) -> Reply {
    let (client, challenge) = (caller.has("client_id"), challenge(VERIFIER));
    let scope = format!("{}/.default offline_access", caller.base);
    let fields = [
        ("client_id", client.as_str()),
        ("response_type", "code"),
        ("redirect_uri", &caller.redirect),
        ("scope", &scope),
        ("state", STATE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("__sandbox_consent", "allow"),
    ];
    let path = format!("/{tenant}/oauth2/v2.0/authorize");
    caller.visit(&path, &changed(&fields, more)).await
}

async fn code(caller: &Caller) -> String {
    let reply = visit(caller, "common", &[]).await;
    code_of(&reply)
}

async fn token(caller: &Caller, tenant: &str, fields: &[(&str, &str)]) -> Reply {
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let client = [("client_id", client.as_str()), ("client_secret", &secret)];
    let path = format!("/{tenant}/oauth2/v2.0/token");
    caller.form(&path, "", &changed(&client, fields)).await
}

async fn exchange(caller: &Caller, code: &str, more: &[(&str, &str)]) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &caller.redirect),
        ("code_verifier", VERIFIER),
    ];
    let (client, secret) = (caller.has("client_id"), caller.has("client_secret"));
    let client = [("client_id", client.as_str()), ("client_secret", &secret)];
    let fields = changed(&changed(&client, &fields), more);
    caller
        .form("/organizations/oauth2/v2.0/token", "", &fields)
        .await
}

async fn refresh(caller: &Caller, value: &str) -> Reply {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", value)];
    token(caller, "common", &fields).await
}

async fn who(caller: &Caller, token: &str) -> Reply {
    caller.get(WHO, &format!("Bearer {token}")).await
}

fn refused(reply: &Reply, status: u16, error: &str, code: u32) {
    let found = (
        reply.status,
        &reply.body["error"],
        &reply.body["error_codes"],
    );
    assert_eq!(
        found,
        (status, &json!(error), &json!([code])),
        "{}",
        reply.text
    );
    let description = reply.body["error_description"].as_str().unwrap();
    assert!(
        description.starts_with(&format!("AADSTS{code}: ")),
        "{description}"
    );
    assert_eq!(reply.body["timestamp"], "2026-11-20 09:00:00Z");
    for id in ["trace_id", "correlation_id"] {
        assert_eq!(reply.body[id].as_str().unwrap().len(), 36);
    }
}

#[tokio::test]
async fn a_person_consents_and_the_token_opens_the_environment() {
    let caller = caller();
    for tenant in [
        "common",
        "organizations",
        "liveprompt.onmicrosoft.com",
        &caller.has("tenant"),
    ] {
        let page = visit(&caller, tenant, &[("__sandbox_consent", "")]).await;
        assert!(page.status == 200 && page.text.contains("value=\"deny\""));
        let code = parameter(&visit(&caller, tenant, &[]).await, "code").unwrap();
        let reply = exchange(&caller, &code, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let body = &reply.body;
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["scope"], format!("{}/user_impersonation", caller.base));
        assert_eq!(
            (&body["expires_in"], &body["ext_expires_in"]),
            (&json!(3599), &json!(3599))
        );
        assert!(body.get("id_token").is_none());
        let access = text(&body["access_token"]);
        assert_eq!(claims(&access)["aud"], caller.base);
        let who = who(&caller, &access).await;
        assert_eq!(who.status, 200);
        assert_eq!(
            who.body["@odata.context"],
            format!(
                "{}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
                caller.base
            )
        );
        assert_eq!(who.body["OrganizationId"], caller.has("account"));
        assert_eq!(who.body.as_object().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_refresh_brings_a_new_token_and_the_old_one_lives() {
    let caller = caller();
    let first = exchange(&caller, &code(&caller).await, &[]).await;
    let old = text(&first.body["refresh_token"]);
    let second = refresh(&caller, &old).await;
    assert_eq!(second.status, 200);
    let new = text(&second.body["refresh_token"]);
    assert_ne!(old, new);
    assert_eq!(refresh(&caller, &old).await.status, 200);
    assert_eq!(refresh(&caller, &new).await.status, 200);
    caller.wait(3599);
    assert_eq!(
        who(&caller, &text(&second.body["access_token"]))
            .await
            .status,
        401
    );
    caller.wait(90 * 86_400 + 1);
    let reply = refresh(&caller, &new).await;
    assert_eq!(reply.body["error_codes"], json!([70008]));
}

#[tokio::test]
async fn scopes_decide_what_comes_back() {
    let caller = caller();
    let scope = format!("openid {}/user_impersonation", caller.base);
    let reply = visit(&caller, "common", &[("scope", &scope)]).await;
    let reply = exchange(&caller, &parameter(&reply, "code").unwrap(), &[]).await;
    assert!(reply.body.get("refresh_token").is_none());
    assert_eq!(
        claims(&text(&reply.body["id_token"]))["aud"],
        caller.has("client_id")
    );
    // A token of another resource opens nothing here.
    let reply = visit(&caller, "common", &[("scope", "openid User.Read")]).await;
    let reply = exchange(&caller, &parameter(&reply, "code").unwrap(), &[]).await;
    assert_eq!(
        who(&caller, &text(&reply.body["access_token"]))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn an_app_by_itself() {
    let caller = caller();
    let (tenant, scope) = (caller.has("tenant"), format!("{}/.default", caller.base));
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", scope.as_str()),
    ];
    let reply = token(&caller, &tenant, &fields).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let mut names: Vec<&String> = reply.body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["access_token", "expires_in", "ext_expires_in", "token_type"]
    );
    let access = text(&reply.body["access_token"]);
    assert_eq!(who(&caller, &access).await.status, 200);
    caller.set(json!({ "application_user": false }));
    let reply = who(&caller, &access).await;
    assert_eq!(reply.status, 403);
    let message = "The user is not a member of the organization.";
    assert_eq!(
        reply.body,
        json!({ "error": { "code": "0x80072560", "message": message } })
    );

    let bare = "https://other.crm.dynamics.com/.default";
    for (tenant, scope, status, error, code) in [
        (tenant.as_str(), bare, 400, "invalid_resource", 500_011),
        (
            &tenant,
            "user_impersonation",
            400,
            "invalid_scope",
            1_002_012,
        ),
        (&tenant, &caller.base, 400, "invalid_scope", 1_002_012),
        ("common", &scope, 400, "invalid_request", 50059),
        (
            "fabrikam.onmicrosoft.com",
            &scope,
            400,
            "unauthorized_client",
            700_016,
        ),
        (
            "nobody.onmicrosoft.com",
            &scope,
            400,
            "invalid_request",
            90002,
        ),
    ] {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        refused(&token(&caller, tenant, &fields).await, status, error, code);
    }
    let reply = token(&caller, &tenant, &[("grant_type", "client_credentials")]).await;
    refused(&reply, 400, "invalid_request", 900_144);
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let caller = caller();
    let other = "another-verifier-of-more-than-forty-three-characters";
    let wrong_scope = "https://other.crm.dynamics.com/.default";
    for (change, status, error, number) in [
        (
            ("client_id", "00000000-0000-0000-0000-000000000000"),
            400,
            "unauthorized_client",
            700_016,
        ),
        (("client_id", ""), 400, "invalid_request", 900_144),
        (("client_secret", "guess"), 401, "invalid_client", 7_000_215),
        (("client_secret", ""), 401, "invalid_client", 7_000_218),
        (
            ("client_assertion", "e30.e30.e30"),
            401,
            "invalid_client",
            700_027,
        ),
        (("code", "0.Aunknown"), 400, "invalid_grant", 9_002_313),
        (
            ("redirect_uri", "http://127.0.0.1:3000/other"),
            400,
            "invalid_grant",
            500_112,
        ),
        (("code_verifier", other), 400, "invalid_grant", 501_481),
        (("code_verifier", ""), 400, "invalid_grant", 50148),
        (
            ("grant_type", "password"),
            400,
            "unsupported_grant_type",
            70003,
        ),
        (("grant_type", ""), 400, "invalid_request", 900_144),
        (("scope", wrong_scope), 400, "invalid_resource", 500_011),
        (("scope", "User.Read"), 400, "invalid_grant", 65001),
    ] {
        let code = code(&caller).await;
        refused(
            &exchange(&caller, &code, &[change]).await,
            status,
            error,
            number,
        );
    }
    caller.set(json!({ "secret_expired": true }));
    let reply = exchange(&caller, &code(&caller).await, &[]).await;
    refused(&reply, 401, "invalid_client", 7_000_222);
}

#[tokio::test]
async fn a_code_is_good_once_and_for_ten_minutes() {
    let caller = caller();
    let used = code(&caller).await;
    let first = exchange(&caller, &used, &[]).await;
    refused(
        &exchange(&caller, &used, &[]).await,
        400,
        "invalid_grant",
        54005,
    );
    let kept = text(&first.body["refresh_token"]);
    refused(&refresh(&caller, &kept).await, 400, "invalid_grant", 50173);
    let old = code(&caller).await;
    caller.wait(601);
    assert_eq!(
        exchange(&caller, &old, &[]).await.body["error_codes"],
        json!([70008])
    );
}

#[tokio::test]
async fn what_the_authorize_page_refuses() {
    let caller = caller();
    for (tenant, change, number) in [
        ("nobody.onmicrosoft.com", ("state", STATE), "AADSTS90002"),
        ("fabrikam.onmicrosoft.com", ("state", STATE), "AADSTS700016"),
        ("common", ("client_id", "x"), "AADSTS700016"),
        (
            "common",
            ("redirect_uri", "https://evil.example/"),
            "AADSTS50011",
        ),
    ] {
        let reply = visit(&caller, tenant, &[change]).await;
        assert!(
            reply.status == 400 && reply.text.contains(number),
            "{}",
            reply.text
        );
        assert!(reply.headers.get("location").is_none());
    }
    let two = format!(
        "{}/.default https://graph.microsoft.com/User.Read",
        caller.base
    );
    let unknown = format!("{}/everything", caller.base);
    for (change, error, number) in [
        (
            ("response_type", "token"),
            "unsupported_response_type",
            "AADSTS70007",
        ),
        (("scope", ""), "invalid_request", "AADSTS900144"),
        (("scope", &two), "invalid_scope", "AADSTS28000"),
        (("scope", &unknown), "invalid_client", "AADSTS650053"),
        (
            ("scope", "https://other.crm.dynamics.com/.default"),
            "invalid_resource",
            "AADSTS500011",
        ),
        (
            ("code_challenge", "short"),
            "invalid_request",
            "AADSTS501491",
        ),
        (
            ("code_challenge_method", "S512"),
            "invalid_request",
            "AADSTS501481",
        ),
        (
            ("__sandbox_consent", "deny"),
            "access_denied",
            "AADSTS65004",
        ),
    ] {
        let reply = visit(&caller, "common", &[change]).await;
        assert_eq!(
            parameter(&reply, "error").as_deref(),
            Some(error),
            "{change:?}"
        );
        assert!(
            parameter(&reply, "error_description")
                .unwrap()
                .starts_with(number)
        );
        assert_eq!(parameter(&reply, "state").as_deref(), Some(STATE));
    }
}

#[tokio::test]
async fn plain_challenges_basic_and_answers_by_post_work_too() {
    let caller = caller();
    let plain = [("code_challenge", VERIFIER), ("code_challenge_method", "")];
    let reply = visit(&caller, "common", &plain).await;
    let code = parameter(&reply, "code").unwrap();
    assert_eq!(exchange(&caller, &code, &[]).await.status, 200);
    let page = visit(&caller, "common", &[("response_mode", "form_post")]).await;
    assert_eq!(page.status, 200);
    assert_eq!(field(&page.text, "state").as_deref(), Some(STATE));
    let code = field(&page.text, "code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &caller.redirect),
        ("code_verifier", VERIFIER),
    ];
    let secret = caller.has("client_secret").replace('~', "%7E");
    let header = basic(&caller.has("client_id"), &secret);
    let reply = caller
        .form("/common/oauth2/v2.0/token", &header, &fields)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn without_a_token_the_challenge_names_the_tenant() {
    let caller = caller();
    let reply = caller.get(WHO, "Bearer x").await;
    assert_eq!((reply.status, reply.text.as_str()), (401, ""));
    let challenge = format!(
        "Bearer authorization_uri={base}/{}/oauth2/authorize, resource_id={base}/",
        caller.has("tenant"),
        base = caller.base
    );
    assert_eq!(reply.headers["www-authenticate"], challenge.as_str());
    let found = caller
        .get("/common/v2.0/.well-known/openid-configuration", "")
        .await;
    assert_eq!(
        found.body["token_endpoint"],
        format!("{}/common/oauth2/v2.0/token", caller.base)
    );
}

#[tokio::test]
async fn faults_and_state() {
    let caller = caller();
    let (access, kept) = (caller.has("access_token"), caller.has("refresh_token"));
    let fault = |fault: Value| caller.sandbox.add_fault(fault).unwrap();
    fault(json!({ "fault": "revoke_refresh_token" }));
    assert_eq!(
        who(&caller, &access).await.status,
        200,
        "nobody can take an access token back"
    );
    refused(&refresh(&caller, &kept).await, 400, "invalid_grant", 50173);
    fault(json!({ "fault": "expire_access_token" }));
    assert_eq!(who(&caller, &access).await.status, 401);
    fault(json!({ "fault": "rate_limit" }));
    let reply = who(&caller, &access).await;
    assert_eq!(
        (reply.status, &reply.body["error"]["code"]),
        (429, &json!("0x80072322"))
    );
    assert_eq!(reply.headers["retry-after"], "10");
    for (name, status, error, code) in [
        ("consent_required", 400, "invalid_grant", 65001),
        ("interaction_required", 400, "interaction_required", 50076),
        (
            "temporarily_unavailable",
            503,
            "temporarily_unavailable",
            90033,
        ),
    ] {
        fault(json!({ "fault": name }));
        refused(&refresh(&caller, &kept).await, status, error, code);
    }
    let state = caller.sandbox.state();
    assert_eq!(state["grants"][0]["ended"], true);
    assert_eq!(state["tokens"]["codes"], 0);
    assert!(!state.to_string().contains(&kept));
}
