//! A request that is refused as a whole: nothing of it is stored.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use hub_domain::limits::MAX_BODY_BYTES;
use hub_world::{Reply, ask};
use serde_json::json;

use crate::{ingest, queued, send, session, signed};

fn is_problem(reply: &Reply, status: u16, words: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert!(
        reply.json()["detail"].as_str().unwrap().contains(words),
        "{words}: {}",
        reply.text
    );
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_is_missing_bad_or_stale_says_so() {
    let (world, router) = ingest().await;
    let body = session("evt_1", "ses_1", "Kick-off").to_string();
    let changed = |name: &'static str, value: Option<&str>| {
        let mut request = signed(&world, body.as_bytes());
        match value {
            Some(value) => drop(request.headers_mut().insert(name, value.parse().unwrap())),
            None => drop(request.headers_mut().remove(name)),
        }
        request
    };
    let headers = "the headers webhook-id, webhook-timestamp and webhook-signature are needed";
    let mut tampered = signed(&world, body.as_bytes());
    *tampered.body_mut() = Bytes::from(body.replace("Kick-off", "Kick-0ff"));
    let cases = [
        (
            "no headers",
            Request::post("/api/events")
                .body(Bytes::from(body.clone()))
                .unwrap(),
            headers,
        ),
        ("no id", changed("webhook-id", None), headers),
        ("no timestamp", changed("webhook-timestamp", None), headers),
        ("no signature", changed("webhook-signature", None), headers),
        (
            "a timestamp in words",
            changed("webhook-timestamp", Some("now")),
            headers,
        ),
        (
            "another id",
            changed("webhook-id", Some("msg_other")),
            "no signature fits",
        ),
        (
            "another signature",
            changed("webhook-signature", Some("v1,AAAA")),
            "no signature fits",
        ),
        ("another body", tampered, "no signature fits"),
    ];
    for (name, request, words) in cases {
        let reply = ask(&router, request).await;
        is_problem(&reply, 401, words);
        assert_eq!(
            reply.header("www-authenticate"),
            "StandardWebhooks",
            "{name}"
        );
    }

    let old = signed(&world, body.as_bytes());
    tokio::time::advance(Duration::from_secs(301)).await;
    is_problem(
        &ask(&router, old).await,
        401,
        "more than five minutes from now",
    );
    assert_eq!(queued(&world), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_json_is_a_400_and_only_after_its_signature_was_checked() {
    let (world, router) = ingest().await;
    for body in ["", "{", "evt_1", "{\"id\": \"evt_1\",}", "\u{feff}{}"] {
        is_problem(
            &ask(&router, signed(&world, body.as_bytes())).await,
            400,
            "not JSON",
        );
        let unsigned = Request::post("/api/events")
            .body(Bytes::from(body))
            .unwrap();
        is_problem(&ask(&router, unsigned).await, 401, "are needed");
    }
    is_problem(
        &ask(&router, signed(&world, b"\xff\xfe")).await,
        400,
        "not JSON",
    );
}

#[tokio::test(start_paused = true)]
async fn no_event_and_101_events_are_a_422() {
    let (world, router) = ingest().await;
    let many: Vec<_> = (0..101)
        .map(|n| session(&format!("evt_{n}"), &format!("ses_{n}"), "One of many"))
        .collect();
    for (body, problem) in [
        (json!([]), "has 0 events"),
        (json!(many), "has 101 events"),
        (json!("evt_1"), "is neither an object nor an array"),
    ] {
        let reply = send(&world, &router, &body).await;
        is_problem(&reply, 422, "1 to 100 events");
        assert_eq!(reply.json()["faults"][0]["problem"], problem);
    }
    assert_eq!(queued(&world), [""; 0]);
    assert_eq!(send(&world, &router, &json!(many[..100])).await.status, 202);
    assert_eq!(queued(&world).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_body_of_2_mib_is_a_413_and_one_at_the_limit_is_read() {
    let (world, router) = ingest().await;
    let reply = ask(&router, signed(&world, &vec![b' '; 2 * 1024 * 1024])).await;
    is_problem(&reply, 413, "larger than the limit of 1048576 bytes");
    assert_eq!(reply.json()["limit_bytes"], 1_048_576);

    let mut event = session("evt_1", "ses_1", "Kick-off").to_string();
    event.push_str(&" ".repeat(MAX_BODY_BYTES - event.len()));
    assert_eq!(
        ask(&router, signed(&world, event.as_bytes())).await.status,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn other_paths_and_methods_are_problems_too() {
    let (_, router) = ingest().await;
    for (method, path, status) in [
        (Method::GET, "/api/events", 405),
        (Method::POST, "/api/event", 404),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Bytes::new())
            .unwrap();
        let reply = ask(&router, request).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (status, "application/problem+json")
        );
    }
}
