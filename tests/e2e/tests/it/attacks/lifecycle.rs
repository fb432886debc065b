//! Who may begin and end, and when it is too late.

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request};
use hub_aws::store::OAuthState;
use hub_e2e::ORG;
use serde_json::{Value, json};

use super::{
    Attack, attack,
    stage::{EVIL, Stage},
};

/// A call as the CRM makes it when the application is removed from an account.
fn removal(s: &Stage, authorization: Option<&str>, body: &Value) -> Request<Bytes> {
    let mut request = Request::delete(s.callback());
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.body(Bytes::from(body.to_string())).unwrap()
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

fn hash(text: &str) -> String {
    use aws_lc_rs::digest;
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack("uninstall: forged", "RFC 6749, 10.1; RFC 9700, 2.5", |s| Box::pin(async {
            s.connect().await;
            let all = s.machine.sandbox.credentials();
            let (id, secret) = (all["client_id"].as_str().unwrap(), all["client_secret"].as_str().unwrap());
            let company: u64 = all["account"].as_str().unwrap().parse().unwrap();
            let body = json!({ "client_id": id, "company_id": company });
            let forged = [
                basic(id, ""), basic(id, "wrong"), basic("", secret), basic("wrong", secret), basic(id, &secret[1..]), basic(id, &secret.to_uppercase()),
                basic(&format!("{id}:"), secret), format!("Bearer {secret}"), "Basic".to_owned(), "Basic !!!".to_owned(), format!("Basic {secret}"),
                s.machine.admin(ORG),
            ];
            s.refuses(removal(s, None, &body)).await;
            for authorization in forged {
                let request = removal(s, Some(&authorization), &body);
                s.refuses(request).await;
            }
        })).at("pipedrive"),
        attack("uninstall: another organization's account, by its own application", "RFC 9700, 2.5", |s| Box::pin(async {
            s.connect().await;
            let account = s.machine.sandbox.credentials()["account"].clone();
            let account: u64 = account.as_str().unwrap().parse().unwrap();
            let own = json!({ "client": { "id": "attackers-app", "secret": "attackers-secret" } });
            s.machine.create_by(EVIL, own).await;
            s.mark().await;
            let request = removal(s, Some(&basic("attackers-app", "attackers-secret")), &json!({ "company_id": account }));
            s.refuses(request).await;
        })).at("pipedrive"),
        attack("uninstall: an account that is none", "RFC 6749, 10.14", |s| Box::pin(async {
            s.connect().await;
            let all = s.machine.sandbox.credentials();
            let proof = basic(all["client_id"].as_str().unwrap(), all["client_secret"].as_str().unwrap());
            for body in [json!({}), json!({ "company_id": null }), json!({ "company_id": [1] }), json!({ "company_id": { "x": 1 } }), json!([])] {
                let request = removal(s, Some(&proof), &body);
                s.refuses(request).await;
            }
            // They name nobody: nothing happens to anybody.
            for company in ["", "*", "#", "1#", "%", "0"] {
                let request = removal(s, Some(&proof), &json!({ "company_id": company }));
                let reply = s.machine.ask_oauth(request).await;
                s.saw(reply);
            }
        })).at("pipedrive"),
        attack("uninstall: at a CRM that makes no such calls", "RFC 9700, 2.5", |s| Box::pin(async {
            s.connect().await;
            let all = s.machine.sandbox.credentials();
            let proof = basic(all["client_id"].as_str().unwrap(), all["client_secret"].as_str().unwrap());
            let account = s.machine.stored(ORG, &s.victim.connection).await.account;
            let request = removal(s, Some(&proof), &json!({ "company_id": account }));
            s.refuses(request).await;
        })),
        attack("connect as a manager or a viewer", "RFC 9700, 2.3", |s| Box::pin(async {
            let id = s.victim.connection.clone();
            for role in ["manager", "viewer", "owner", ""] {
                let bearer = s.machine.world.bearer(ORG, role, "mallory@seller.example");
                s.try_begin(&bearer, &id).await;
            }
        })),
        attack("connect as somebody of another organization", "RFC 9700, 4.7", |s| Box::pin(async {
            let id = s.victim.connection.clone();
            let bearer = s.machine.admin(EVIL);
            s.try_begin(&bearer, &id).await;
            let id = s.attacker.connection.clone();
            let bearer = s.machine.admin(ORG);
            s.try_begin(&bearer, &id).await;
        })),
        attack("connect without a token, or with one of another time or issuer", "RFC 9700, 4.9", |s| Box::pin(async {
            let id = s.victim.connection.clone();
            let now = s.machine.world.clock.now().as_second();
            let claims = |change: (&str, Value)| {
                let mut claims = json!({ "iss": "https://issuer.example", "aud": "hub", "exp": now + 3_600, "org": ORG, "role": "admin", "sub": "mallory" });
                claims[change.0] = change.1;
                claims
            };
            let world = &s.machine.world;
            let bearers = [
                world.bearer_of(&claims(("exp", json!(now - 61)))),
                world.bearer_of(&claims(("iss", json!("https://evil.example")))),
                world.bearer_of(&claims(("aud", json!("other")))),
                world.bearer_of(&claims(("nbf", json!(now + 3_600)))),
                String::new(),
                "Bearer e30.e30.".to_owned(),
            ];
            for bearer in bearers {
                s.try_begin(&bearer, &id).await;
            }
        })),
        attack("another organization approves, changes, tests and ends", "RFC 9700, 4.7", |s| Box::pin(async {
            s.connect().await;
            let path = format!("/api/integrations/crm/{}", s.victim.connection);
            for what in ["/approve", "/pause", "/resume", "/test"] {
                let reply = s.machine.api(EVIL, Method::POST, &format!("{path}{what}"), None).await;
                s.must_be_refused(what, reply);
            }
            let change = json!({ "name": "Mine" });
            for (method, body) in [(Method::GET, None), (Method::DELETE, None), (Method::PATCH, Some(&change))] {
                let reply = s.machine.api(EVIL, method, &path, body).await;
                s.must_be_refused("a call", reply);
            }
        })),
        attack("a callback after the connection has ended", "RFC 9700, 4.7", |s| Box::pin(async {
            let back = s.consent(&s.victim.authorize).await;
            let (id, cookie, start) = (s.victim.connection.clone(), s.victim.cookie.clone(), s.victim.start.clone());
            s.machine.connection(Method::DELETE, &id, "").await;
            s.mark().await;
            s.try_get(&back, &cookie).await;
            let calls = s.machine.wire.sent().len();
            s.must(calls == 0, "the code was redeemed");
            s.try_get(&start, "").await;
        })),
        attack("a form after the connection has ended", "RFC 9700, 4.7", |s| Box::pin(async {
            let to = s.consent(&s.victim.authorize).await;
            let (id, cookie) = (s.victim.connection.clone(), s.victim.cookie.clone());
            s.machine.connection(Method::DELETE, &id, "").await;
            s.mark().await;
            s.try_get(&to, &cookie).await;
        })).at("copper"),
        attack("a callback for a connection that is gone", "RFC 9700, 4.7", |s| Box::pin(async {
            let state = OAuthState {
                organization: ORG.parse().unwrap(),
                connection: "conn_gone".parse().unwrap(),
                person: "ada".to_owned(),
                browser: hash("cookie"),
                verifier: "A".repeat(43),
                redirect_uri: format!("{}{}", hub_world::PUBLIC_URL, s.callback()),
                expires_at: s.machine.world.clock.now().as_millisecond() + 60_000,
            };
            s.machine.hub("operator").store().put_oauth_state(&hash("state"), &state).await.unwrap();
            s.try_back("code=x&state=state", "__Host-hub-connect=cookie").await;
        })),
        attack("a connection by key is logged in to", "RFC 9700, 4.4", |s| Box::pin(async {
            let new = s.machine.new_by(hub_domain::Method::ApiKey);
            let id = s.machine.create_by(ORG, new).await.json()["id"].as_str().unwrap().to_owned();
            s.mark().await;
            let bearer = s.machine.admin(ORG);
            s.try_begin(&bearer, &id).await;
        })).at("hubspot"),
        attack("approved before it was authorized", "RFC 9700, 4.7", |s| Box::pin(async {
            let id = s.victim.connection.clone();
            let reply = s.machine.connection(Method::POST, &id, "/approve").await;
            s.must_be_refused("an approval", reply);
        })),
        attack("whoever connects approves nothing", "RFC 9700, 4.16", |s| Box::pin(async {
            let back = s.consent(&s.victim.authorize).await;
            let cookie = s.victim.cookie.clone();
            assert!(s.legitimate(&back, &cookie).await.status.is_success());
            let found = s.machine.stored(ORG, &s.victim.connection).await;
            s.must(!found.takes_events() && !found.approved, "it takes events");
            s.mark().await;
            for role in ["manager", "viewer"] {
                let bearer = s.machine.world.bearer(ORG, role, "mallory@seller.example");
                let path = format!("/api/integrations/crm/{}/approve", s.victim.connection);
                let reply = s.machine.api_as(&bearer, Method::POST, &path, None).await;
                s.must_be_refused("an approval", reply);
            }
        })),
    ]
}
