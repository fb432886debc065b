//! Callbacks, starts and forms: what a browser can be made to open.

use std::time::Duration;

use hub_e2e::cookie;

use super::{
    Attack, attack,
    stage::{Stage, parameter},
};

/// What the CRM's page makes a browser post.
async fn form(s: &Stage, authorize: &str) -> String {
    let answer = s.machine.visit_crm(authorize).await;
    hub_e2e::fields(&String::from_utf8_lossy(answer.body()))
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack(
            "open redirector: the callback",
            "RFC 9700, 4.11.1; RFC 6749, 10.15",
            |s| {
                Box::pin(async {
                    let cookie = s.victim.cookie.clone();
                    for name in [
                        "redirect_uri",
                        "next",
                        "return_to",
                        "url",
                        "RelayState",
                        "target_link_uri",
                    ] {
                        s.try_back(&format!("{name}=https%3A%2F%2Fevil.example"), &cookie)
                            .await;
                        s.try_back(&format!("error=x&{name}=%2F%2Fevil.example"), &cookie)
                            .await;
                    }
                })
            },
        ),
        attack("open redirector: the start", "RFC 9700, 4.11.1", |s| {
            Box::pin(async {
                for query in [
                    "handle=https%3A%2F%2Fevil.example",
                    "next=https%3A%2F%2Fevil.example",
                    "handle=",
                    "handle=AAAA&address=https%3A%2F%2Fevil.example",
                    "",
                ] {
                    s.try_get(&format!("/api/integrations/salesforce/start?{query}"), "")
                        .await;
                }
                for crm in [
                    "evil.example",
                    "%2F%2Fevil.example",
                    "..",
                    "hubspot%0d%0aLocation:%20https:%2f%2fevil.example",
                ] {
                    s.try_get(&format!("/api/integrations/{crm}/start?handle=AAAA"), "")
                        .await;
                }
            })
        }),
        attack("open redirector: connect", "RFC 9700, 4.11.1", |s| {
            Box::pin(async {
                let body = serde_json::json!({ "connection_id": s.victim.connection, "redirect_uri": "https://evil.example" });
                let request = http::Request::post("/api/integrations/salesforce/connect")
                    .header("authorization", s.machine.admin(hub_e2e::ORG));
                s.refuses(request.body(body.to_string().into()).unwrap())
                    .await;
            })
        }),
        attack(
            "forwarded host in the redirect address",
            "RFC 9700, 4.1; RFC 9700, 4.13",
            |s| {
                Box::pin(async {
                    let body = serde_json::json!({ "connection_id": s.victim.connection });
                    let request = http::Request::post("/api/integrations/salesforce/connect")
                        .header("authorization", s.machine.admin(hub_e2e::ORG))
                        .header("host", "evil.example")
                        .header("x-forwarded-host", "evil.example")
                        .header("forwarded", "host=evil.example");
                    let reply = s
                        .machine
                        .ask_oauth(request.body(body.to_string().into()).unwrap())
                        .await;
                    s.must(
                        !reply.text.contains("evil.example"),
                        "the host was believed",
                    );
                    s.saw(reply);
                })
            },
        ),
        attack("start: a handle twice", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                let start = s.victim.start.clone();
                let (page, started) = s.machine.start(&start).await;
                assert_eq!(started.status.as_u16(), 303);
                s.try_get(&start, "").await;
                let again = s.machine.go_on(&page, &cookie(&page)).await;
                s.must_be_refused("a form", again);
            })
        }),
        attack(
            "start: a victim's browser is sent to it, and nobody says yes",
            "RFC 9700, 4.7.1",
            |s| {
                Box::pin(async {
                    // The attacker's page opens it, and then the CRM's own page, which may ask nothing.
                    let page = s.machine.call_back(&s.attacker.start.clone(), "").await;
                    s.must(page.header("location").is_empty(), "it was sent on unasked");
                    let back = s.consent(&s.attacker.authorize).await;
                    s.try_get(&back, &cookie(&page)).await;
                    s.saw(page);
                })
            },
        ),
        attack(
            "start: its form posted by a stranger's page",
            "RFC 9700, 4.7.1",
            |s| {
                Box::pin(async {
                    // The browser brings no cookie along.
                    let page = s.machine.call_back(&s.attacker.start.clone(), "").await;
                    let posted = s.machine.go_on(&page, "").await;
                    s.must_be_refused("a form", posted);
                })
            },
        ),
        attack("start: a handle past its time", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(61)).await;
                let start = s.victim.start.clone();
                s.try_get(&start, "").await;
            })
        }),
        attack(
            "start: a handle of an authorization that is over",
            "RFC 9700, 4.7",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.victim.authorize).await;
                    let (start, cookie) = (s.victim.start.clone(), s.victim.cookie.clone());
                    assert!(s.legitimate(&back, &cookie).await.status.is_success());
                    s.mark().await;
                    s.try_get(&start, "").await;
                })
            },
        ),
        attack(
            "start: the browser that began is no longer the one",
            "RFC 9700, 4.7.1",
            |s| {
                Box::pin(async {
                    let start = s.victim.start.clone();
                    let (_, started) = s.machine.start(&start).await;
                    assert_eq!(started.status.as_u16(), 303);
                    let back = s.consent(&s.victim.authorize).await;
                    let old = s.victim.cookie.clone();
                    s.try_get(&back, &old).await;
                })
            },
        ),
        attack("start: its handle at the callback", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                let handle = parameter(&s.victim.start, "handle").unwrap();
                let cookie = s.victim.cookie.clone();
                s.try_back(&format!("handle={handle}"), &cookie).await;
            })
        }),
        attack(
            "form: posted by a stranger's page with the attacker's code",
            "RFC 9700, 4.7; RFC 6749, 10.12",
            |s| {
                Box::pin(async {
                    let fields = form(s, &s.attacker.authorize).await;
                    let put = s.machine.post_back(&fields).await;
                    let to = put.header("location").to_owned();
                    s.saw(put);
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&to, &cookie).await;
                })
            },
        )
        .at("copper"),
        attack(
            "form: a handle in another browser",
            "RFC 9700, 4.7.1",
            |s| {
                Box::pin(async {
                    let to = s.consent(&s.victim.authorize).await;
                    let cookie = s.attacker.cookie.clone();
                    s.try_get(&to, &cookie).await;
                })
            },
        )
        .at("copper"),
        attack("form: a handle without a cookie", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let to = s.consent(&s.victim.authorize).await;
                s.try_get(&to, "").await;
            })
        })
        .at("copper"),
        attack("form: a handle twice", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let to = s.consent(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                assert!(s.legitimate(&to, &cookie).await.status.is_success());
                s.mark().await;
                s.try_get(&to, &cookie).await;
            })
        })
        .at("copper"),
        attack("form: a handle past its time", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let to = s.consent(&s.victim.authorize).await;
                tokio::time::sleep(Duration::from_secs(61)).await;
                let cookie = s.victim.cookie.clone();
                s.try_get(&to, &cookie).await;
            })
        })
        .at("copper"),
        attack(
            "form: the callback's handle at the start",
            "RFC 9700, 4.11",
            |s| {
                Box::pin(async {
                    let to = s.consent(&s.victim.authorize).await;
                    let handle = parameter(&to, "handle").unwrap();
                    s.try_get(
                        &format!("/api/integrations/copper/start?handle={handle}"),
                        "",
                    )
                    .await;
                })
            },
        )
        .at("copper"),
        attack(
            "form: a handle inside what is posted",
            "RFC 9700, 4.7",
            |s| {
                Box::pin(async {
                    let inner =
                        parameter(&s.consent(&s.attacker.authorize).await, "handle").unwrap();
                    let put = s
                        .machine
                        .post_back(&format!("state={}&handle={inner}", s.victim.state))
                        .await;
                    let to = put.header("location").to_owned();
                    s.saw(put);
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&to, &cookie).await;
                })
            },
        )
        .at("copper"),
        attack("form: an unknown state", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                for fields in ["code=x&state=unknown", "code=x", "state=", "", "handle=x"] {
                    let reply = s.machine.post_back(fields).await;
                    s.must_be_refused("a form", reply);
                }
            })
        })
        .at("copper"),
        attack("form: the state of another CRM", "RFC 9700, 4.4", |s| {
            Box::pin(async {
                let fields = form(s, &s.victim.authorize).await;
                let put = s.machine.post_back(&fields).await;
                let to = put.header("location").replace("/copper/", "/hubspot/");
                s.saw(put);
                let cookie = s.victim.cookie.clone();
                s.try_get(&to, &cookie).await;
            })
        })
        .at("copper"),
        attack(
            "form: at a CRM that sends nobody back by one",
            "RFC 9700, 4.7",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.victim.authorize).await;
                    let reply = s.machine.post_back(back.split_once('?').unwrap().1).await;
                    s.must_be_refused("a form", reply);
                })
            },
        ),
        attack("duplicated parameters", "RFC 6749, 3.1", |s| {
            Box::pin(async {
                let code = s.code(&s.victim.authorize).await;
                let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                let theirs = s.attacker.state.clone();
                for query in [
                    format!("code={code}&code=x&state={state}"),
                    format!("code={code}&state={state}&state={theirs}"),
                    format!("code={code}&state={theirs}&state={state}"),
                    format!("code={code}&state={state}&%73tate={theirs}"),
                ] {
                    s.try_back(&query, &cookie).await;
                }
            })
        }),
        attack("duplicated parameters in a form", "RFC 6749, 3.1", |s| {
            Box::pin(async {
                let fields = form(s, &s.victim.authorize).await;
                let reply = s.machine.post_back(&format!("{fields}&code=x")).await;
                s.must_be_refused("a form", reply);
                let reply = s
                    .machine
                    .post_back(&format!("{fields}&state={}", s.attacker.state))
                    .await;
                s.must_be_refused("a form", reply);
            })
        })
        .at("copper"),
        attack("an error and a code together", "RFC 6749, 4.1.2.1", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                s.try_get(&format!("{back}&error=access_denied"), &cookie)
                    .await;
                let calls = s.machine.wire.sent().len();
                s.must(calls == 0, "the code was redeemed");
            })
        }),
        attack("a callback of another method", "RFC 9700, 4.12", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let path = back.strip_prefix(hub_world::PUBLIC_URL).unwrap();
                for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                    let request = http::Request::builder()
                        .method(method)
                        .uri(path)
                        .header("cookie", &s.victim.cookie);
                    s.refuses(request.body(bytes::Bytes::new()).unwrap()).await;
                }
            })
        }),
    ]
}
