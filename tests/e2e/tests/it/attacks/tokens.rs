//! Token endpoints that lie, and tokens that were stolen.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use hub_domain::Method;
use serde_json::{Value, json};

use super::{Attack, attack, stage::Stage};

/// The victim's callback, the token endpoint answering this.
async fn answered(s: &mut Stage, answer: fn() -> Response<Bytes>) {
    let back = s.consent(&s.victim.authorize).await;
    s.machine.wire.edit(move |_, _| answer());
    let cookie = s.victim.cookie.clone();
    s.try_get(&back, &cookie).await;
    let calls = s.machine.wire.sent().len();
    s.must(calls == 1, "the code was sent again");
}

fn response(status: u16, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Asks the CRM's token endpoint, as somebody who stole a refresh token.
async fn steal(s: &Stage, refresh: &str, secret: &str) -> Value {
    let all = s.machine.sandbox.credentials();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", refresh)
        .append_pair("client_id", all["client_id"].as_str().unwrap())
        .append_pair("client_secret", secret)
        .finish();
    let sent = s.machine.wire.sent();
    let token = sent
        .iter()
        .find(|sent| sent.body.contains("grant_type"))
        .unwrap();
    let request = Request::post(token.url.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = s
        .machine
        .sandbox
        .handle(request.body(Bytes::from(body)).unwrap())
        .await;
    serde_json::from_slice(answer.unwrap().body()).unwrap_or_default()
}

/// The refresh token that the hub was given first.
fn first_refresh(s: &Stage) -> String {
    let sent = s.machine.wire.sent();
    let reply = sent.iter().find_map(|sent| {
        let answer: Value = serde_json::from_str(&sent.answer).ok()?;
        answer["refresh_token"].as_str().map(str::to_owned)
    });
    reply.unwrap()
}

/// The access token that the hub was given first.
fn first_access(s: &Stage) -> String {
    let sent = s.machine.wire.sent();
    let answer: Value = serde_json::from_str(&sent[0].answer).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn test(s: &mut Stage) -> Value {
    let path = format!("/api/integrations/crm/{}/test", s.victim.connection);
    let reply = s
        .machine
        .api(hub_e2e::ORG, http::Method::POST, &path, None)
        .await;
    let tested = reply.json();
    s.saw(reply);
    tested
}

/// An old refresh token is shown: the thief gets nothing, and the whole grant ends, in words.
async fn reuse(s: &mut Stage) {
    s.connect().await;
    let stolen = first_refresh(s);
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(test(s).await["works"], true);
    let secret = s.machine.sandbox.credentials()["client_secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let got = steal(s, &stolen, &secret).await;
    s.must(got.get("access_token").is_none(), "the thief got a token");
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(test(s).await["works"], false);
    let found = s.machine.stored(hub_e2e::ORG, &s.victim.connection).await;
    s.must(
        found.cause == Some(hub_domain::Cause::Revoked),
        "nobody was told",
    );
    s.mark().await;
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack("token reply: another account", "RFC 9700, 4.5", |s| {
            Box::pin(async {
                s.connect().await;
                s.machine
                    .wire
                    .edit_tokens(|reply| reply["hub_id"] = json!(4_711));
                let begun = s.begin_again().await;
                let back = s.consent(&begun.authorize).await;
                s.try_get(&back, &begun.cookie).await;
            })
        })
        .at("hubspot"),
        attack(
            "token reply: another organization of the CRM",
            "RFC 9700, 4.5",
            |s| {
                Box::pin(async {
                    s.connect().await;
                    s.machine.wire.edit_tokens(|reply| {
                        reply["id"] = json!("https://login.salesforce.com/id/00Dother/005xx");
                    });
                    let begun = s.begin_again().await;
                    let back = s.consent(&begun.authorize).await;
                    s.try_get(&back, &begun.cookie).await;
                })
            },
        ),
        attack(
            "token reply: another company, told by the API",
            "RFC 9700, 4.5",
            |s| {
                Box::pin(async {
                    s.connect().await;
                    s.machine.wire.edit(|request, answer| {
                        if !request.uri().path().ends_with("/users/me") {
                            return answer;
                        }
                        let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
                        body["data"]["company_id"] = json!(4_711);
                        answer.map(|_| Bytes::from(body.to_string()))
                    });
                    let begun = s.begin_again().await;
                    let back = s.consent(&begun.authorize).await;
                    s.try_get(&back, &begun.cookie).await;
                })
            },
        )
        .at("pipedrive"),
        attack(
            "token reply: fewer scopes",
            "RFC 6749, 3.3; RFC 9700, 2.3",
            |s| {
                Box::pin(async {
                    s.machine
                        .wire
                        .edit_tokens(|reply| reply["scope"] = json!("id"));
                    let back = s.consent(&s.victim.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&back, &cookie).await;
                })
            },
        ),
        attack("token endpoint: redirect with 307", "RFC 9700, 4.12", |s| {
            Box::pin(async {
                answered(s, || {
                    Response::builder()
                        .status(307)
                        .header("location", "https://evil.example/")
                        .body(Bytes::new())
                        .unwrap()
                })
                .await;
            })
        }),
        attack(
            "token endpoint: redirect with 308 to another path",
            "RFC 9700, 4.12",
            |s| {
                Box::pin(async {
                    answered(s, || {
                        Response::builder()
                            .status(308)
                            .header("location", "/services/oauth2/token")
                            .body(Bytes::new())
                            .unwrap()
                    })
                    .await;
                })
            },
        ),
        attack(
            "token endpoint: a body that nests without end",
            "RFC 6749, 10.11",
            |s| {
                Box::pin(async {
                    answered(s, || response(200, &"[".repeat(1_000_000))).await;
                })
            },
        ),
        attack("token endpoint: no token", "RFC 6749, 5.1", |s| {
            Box::pin(async {
                answered(s, || response(200, "{\"token_type\":\"Bearer\"}")).await;
            })
        }),
        attack(
            "token endpoint: an error with status 200",
            "RFC 6749, 5.2",
            |s| {
                Box::pin(async {
                    answered(s, || {
                        response(
                            200,
                            "{\"error\":\"invalid_grant\",\"error_description\":\"<b>x</b>\"}",
                        )
                    })
                    .await;
                })
            },
        ),
        attack(
            "token endpoint: a token with an error",
            "RFC 6749, 5.2",
            |s| {
                Box::pin(async {
                    answered(s, || response(400, "{\"error\":\"invalid_grant\",\"access_token\":\"stolen-token\",\"instance_url\":\"https://acme.my.salesforce.com\"}")).await;
                })
            },
        ),
        attack(
            "token endpoint: a secret in its words",
            "RFC 9700, 4.10",
            |s| {
                Box::pin(async {
                    // What was sent to it is not shown to the browser.
                    s.machine.wire.edit(|request, _| {
                        let sent = String::from_utf8_lossy(request.body()).into_owned();
                        response(
                            400,
                            &json!({ "error": "invalid_request", "error_description": sent })
                                .to_string(),
                        )
                    });
                    let back = s.consent(&s.victim.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&back, &cookie).await;
                })
            },
        ),
        attack("API: a token in its words", "RFC 9700, 4.10", |s| {
            Box::pin(async {
                s.connect().await;
                s.machine.wire.edit(|request, _| {
                    let sent = &request.headers()["authorization"];
                    response(403, &format!("you sent {}", sent.to_str().unwrap()))
                });
                assert_eq!(test(s).await["works"], false);
                let found = s.machine.stored(hub_e2e::ORG, &s.victim.connection).await;
                let secret = first_access(s);
                s.must(
                    !found.reason.contains(&secret),
                    "the token is kept in words",
                );
                s.mark().await;
            })
        }),
        attack(
            "refresh: a token that was replaced",
            "RFC 9700, 4.14.2",
            |s| Box::pin(reuse(s)),
        ),
        attack(
            "refresh: a token that was replaced, written as JSON",
            "RFC 9700, 4.14.2",
            |s| Box::pin(reuse(s)),
        )
        .at("monday"),
        attack(
            "refresh: a stolen token without the application's secret",
            "RFC 6749, 10.4",
            |s| {
                Box::pin(async {
                    s.connect().await;
                    let stolen = first_refresh(s);
                    for secret in ["", "wrong"] {
                        let got = steal(s, &stolen, secret).await;
                        s.must(got.get("access_token").is_none(), "the thief got a token");
                    }
                })
            },
        ),
        attack(
            "refresh: an endpoint that redirects",
            "RFC 9700, 4.12",
            |s| {
                Box::pin(async {
                    s.connect().await;
                    tokio::time::sleep(Duration::from_hours(3)).await;
                    s.machine.wire.edit(|_, _| {
                        Response::builder()
                            .status(307)
                            .header("location", "https://evil.example/")
                            .body(Bytes::new())
                            .unwrap()
                    });
                    assert_eq!(test(s).await["works"], false);
                    s.machine.wire.honest();
                    s.mark().await;
                })
            },
        ),
        attack(
            "assertion: signed by another key",
            "RFC 7523, 3; RFC 9700, 2.5",
            |s| {
                Box::pin(async {
                    let new = s.machine.new_with_wrong_secret(Method::JwtBearer);
                    let reply = s.machine.create_by(hub_e2e::ORG, new).await;
                    s.must_be_refused("a connection", reply);
                })
            },
        ),
    ]
}
