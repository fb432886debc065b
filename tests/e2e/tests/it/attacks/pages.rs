//! What our own pages give away, and what can be made of them.

use http::Request;
use hub_world::Reply;

use super::{Attack, attack, stage::Stage};

/// One answer of each kind that a browser gets.
async fn pages(s: &mut Stage) -> Vec<Reply> {
    let back = s.consent(&s.victim.authorize).await;
    let cookie = s.victim.cookie.clone();
    let start = s.attacker.start.clone();
    let refused = s.machine.call_back(&back, "").await;
    let unread = s
        .machine
        .call_back(&format!("{back}&code=x"), &cookie)
        .await;
    let unknown = s
        .machine
        .call_back("/api/integrations/abacus/callback?state=x", &cookie)
        .await;
    let done = s.machine.call_back(&back, &cookie).await;
    assert!(done.status.is_success());
    s.mark().await;
    let started = s.machine.call_back(&start, "").await;
    let denied = {
        let begun = s.begin_again().await;
        s.machine
            .call_back(
                &format!("{}?error=access_denied&state={}", s.callback(), begun.state),
                &begun.cookie,
            )
            .await
    };
    vec![refused, unread, unknown, done, started, denied]
}

/// A refusal of the CRM with these words, shown on our page.
async fn shown(s: &mut Stage, error: &str, words: &str) -> String {
    let begun = s.begin_again().await;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("error", error)
        .append_pair("error_description", words)
        .append_pair("state", &begun.state)
        .finish();
    let reply = s
        .machine
        .call_back(&format!("{}?{query}", s.callback()), &begun.cookie)
        .await;
    let text = reply.text.clone();
    s.must_be_refused("a refusal", reply);
    text
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack(
            "referrer: code and state leave with a link",
            "RFC 9700, 4.2.4; RFC 6749, 10.5",
            |s| {
                Box::pin(async {
                    for page in pages(s).await {
                        s.must(
                            page.header("referrer-policy") == "no-referrer",
                            "a page tells where it was",
                        );
                        s.must(
                            !page.text.contains("http://") && !page.text.contains("https://"),
                            "a page has a link",
                        );
                        s.saw(page);
                    }
                })
            },
        ),
        attack("history: pages that are kept", "RFC 9700, 4.3", |s| {
            Box::pin(async {
                for page in pages(s).await {
                    s.must(page.header("cache-control") == "no-store", "a page is kept");
                    s.saw(page);
                }
            })
        }),
        attack(
            "clickjacking: our pages in a frame",
            "RFC 9700, 4.16; RFC 6749, 10.13",
            |s| {
                Box::pin(async {
                    for page in pages(s).await {
                        let policy = page.header("content-security-policy").to_owned();
                        s.must(
                            policy.contains("frame-ancestors 'none'"),
                            "a page can be framed",
                        );
                        s.must(
                            policy.contains("default-src 'none'") && !policy.contains("script-src"),
                            "a page runs scripts",
                        );
                        let forms = if page.text.contains("<form") {
                            format!("form-action 'self' {};", s.crm_origin())
                        } else {
                            "form-action 'none'".to_owned()
                        };
                        s.must(
                            policy.contains(&forms) && policy.contains("base-uri 'none'"),
                            "a page sends forms",
                        );
                        s.must(
                            page.header("x-content-type-options") == "nosniff",
                            "a page is guessed at",
                        );
                        s.saw(page);
                    }
                })
            },
        ),
        attack("script in the CRM's words", "RFC 6749, 10.14", |s| {
            Box::pin(async {
                for words in [
                    "<script>alert(1)</script>",
                    "<img src=x onerror=alert(1)>",
                    "\"><svg onload=alert(1)>",
                    "</p></main><base href=//evil.example>",
                    "' onmouseover='x",
                    "\u{0}<b>",
                    "&lt;script&gt;",
                ] {
                    let page = shown(s, words, words).await;
                    let main = page.split_once("<main>").unwrap().1;
                    let inside = main.split_once("</main>").unwrap().0;
                    let tags: Vec<_> = inside
                        .match_indices('<')
                        .map(|(at, _)| inside[at..].split_once('>').unwrap().0)
                        .collect();
                    s.must(tags == ["<h1", "</h1", "<p", "</p"], "words became markup");
                }
            })
        }),
        attack("a new header in the CRM's words", "RFC 6749, 10.14", |s| {
            Box::pin(async {
                for words in [
                    "x\r\nSet-Cookie: __Host-hub-connect=evil",
                    "x\r\n\r\n<html>",
                ] {
                    shown(s, words, words).await;
                    let reply = s
                        .machine
                        .call_back(
                            &format!(
                                "{}?error={}",
                                s.callback(),
                                "x%0d%0aLocation:%20https:%2f%2fevil.example"
                            ),
                            "",
                        )
                        .await;
                    s.must(reply.header("location").is_empty(), "a header was made");
                    s.saw(reply);
                }
            })
        }),
        attack(
            "a whole page in the CRM's words",
            "RFC 6749, 10.14; RFC 9700, 4.11",
            |s| {
                Box::pin(async {
                    let words = "Call this number and tell your password. ".repeat(1_000);
                    let page = shown(s, "access_denied", &words).await;
                    s.must(page.len() < 4_000, "a page of somebody else's words");
                })
            },
        ),
        attack(
            "script in the name of a connection",
            "RFC 6749, 10.14",
            |s| {
                Box::pin(async {
                    let path = format!("/api/integrations/crm/{}", s.victim.connection);
                    let name = serde_json::json!({ "name": "<script>alert(1)</script>" });
                    s.machine
                        .api(hub_e2e::ORG, http::Method::PATCH, &path, Some(&name))
                        .await;
                    let back = s.consent(&s.victim.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    let done = s.legitimate(&back, &cookie).await;
                    s.must(
                        done.status.is_success() && !done.text.contains("<script"),
                        "a name became a script",
                    );
                    s.mark().await;
                    s.saw(done);
                })
            },
        ),
        attack(
            "cookie: readable, sent without TLS or to other hosts",
            "RFC 9700, 4.7.1",
            |s| {
                Box::pin(async {
                    let start = s.attacker.start.clone();
                    let started = s.machine.call_back(&start, "").await;
                    let begun = s
                        .machine
                        .begin(hub_e2e::ORG, &s.victim.connection.clone())
                        .await;
                    for reply in [started, begun] {
                        let set = reply.header("set-cookie").to_owned();
                        s.must(
                            set.starts_with("__Host-") && !set.contains("Domain"),
                            "other hosts get it",
                        );
                        s.must(
                            ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"]
                                .iter()
                                .all(|rule| set.contains(rule)),
                            "a rule is missing",
                        );
                        s.saw(reply);
                    }
                })
            },
        ),
        attack(
            "another site reads connect's answer",
            "RFC 9700, 4.17",
            |s| {
                Box::pin(async {
                    let body =
                        serde_json::json!({ "connection_id": s.victim.connection }).to_string();
                    let request = Request::post("/api/integrations/salesforce/connect")
                        .header("authorization", s.machine.admin(hub_e2e::ORG))
                        .header("origin", "https://evil.example");
                    let reply = s
                        .machine
                        .ask_oauth(request.body(body.into()).unwrap())
                        .await;
                    s.must(
                        reply.header("access-control-allow-origin").is_empty(),
                        "another site may read it",
                    );
                    s.must(reply.header("cache-control") == "no-store", "it is kept");
                    s.saw(reply);
                })
            },
        ),
        attack(
            "secrets in what the API shows",
            "RFC 9700, 4.10; RFC 6749, 10.3",
            |s| {
                Box::pin(async {
                    s.connect().await;
                    let id = s.victim.connection.clone();
                    for (method, what) in [
                        (http::Method::GET, ""),
                        (http::Method::POST, "/test"),
                        (http::Method::POST, "/pause"),
                        (http::Method::POST, "/resume"),
                    ] {
                        let reply = s.machine.connection(method, &id, what).await;
                        s.saw(reply);
                    }
                    let list = s
                        .machine
                        .api(
                            hub_e2e::ORG,
                            http::Method::GET,
                            "/api/integrations/crm",
                            None,
                        )
                        .await;
                    s.saw(list);
                    s.mark().await;
                })
            },
        ),
    ]
}
