//! Webhooks: created, shown, changed, tested, deleted; their secrets shown once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use http::{Method, Request};
use hub_api::router;
use hub_domain::Timestamp;
use hub_engine::{
    Insecure, Transport, TransportError,
    webhook::{Signed, verify},
};
use hub_world::{Fails, Reply, World, ask};
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::{admin, api, get, post, request};

const PATH: &str = "/api/integrations/webhooks";

fn new() -> Value {
    json!({
        "name": "Our own CRM", "url": "https://crm.example/events",
        "events": ["session.completed", "integration.*"],
        "headers": { "X-Team": "sales", "Authorization": "Bearer th3ir-t0ken" },
    })
}

/// The requests a receiver got.
type Received = Arc<Mutex<Vec<Request<Bytes>>>>;

/// An API whose way out leads to a receiver.
async fn with_receiver(
    answer: impl Fn(&Request<Bytes>) -> hub_world::Answer + Clone + Send + Sync + 'static,
) -> (World, Router, Received) {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let received = Received::default();
    let kept = received.clone();
    let transport = World::crm(move |request| {
        let answered = answer(&request);
        kept.lock().unwrap().push(request);
        answered
    });
    let router = router(world.hub("api", transport), World::identity());
    (world, router, received)
}

async fn with_header(
    router: &Router,
    method: Method,
    path: &str,
    bearer: &str,
    if_match: &str,
    body: &Value,
) -> Reply {
    let mut request = request(method, path, bearer, body.to_string());
    if !if_match.is_empty() {
        let value = if_match.parse().unwrap();
        request.headers_mut().insert("if-match", value);
    }
    ask(router, request).await
}

async fn created(router: &Router, bearer: &str) -> (String, SecretString) {
    let reply = post(router, PATH, bearer, &new()).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let view = reply.json();
    (
        reply.header("location").to_owned(),
        view["secret"].as_str().unwrap().into(),
    )
}

async fn tested(router: &Router, bearer: &str, place: &str) -> Reply {
    let id = place.rsplit('/').next().unwrap();
    let body = json!({ "webhook_id": id });
    post(router, &format!("{PATH}/test"), bearer, &body).await
}

/// Whether one of these secrets signed a request, sent at this time.
fn is_signed(request: &Request<Bytes>, secret: &SecretString, at: Timestamp) -> bool {
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    verify(request.body().clone(), signed, [secret], at).is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_created_and_its_secret_shown_once() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let created = post(&router, PATH, &bearer, &new()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let mut view = created.json();
    let secret = view["secret"].take();
    view.as_object_mut().unwrap().remove("secret");
    let id = view["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("whk_"), "{id}");
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    assert_eq!(
        (created.header("location"), created.header("etag")),
        (format!("{PATH}/{id}").as_str(), "\"1\"")
    );
    let at = "2026-11-20T12:00:00Z";
    assert_eq!(
        view,
        json!({
            "id": id, "name": "Our own CRM", "url": "https://crm.example/events",
            "events": ["integration.*", "session.completed"], "active": true, "off": null,
            "failing_since": null, "only": {}, "rate_limit": 20, "public_key": null,
            "headers": { "x-team": "sales" }, "secret_headers": ["authorization"], "version": 1,
            "created_at": at, "created_by": "ada@seller.example",
            "updated_at": at, "updated_by": "ada@seller.example", "secret_made_at": at,
        })
    );
    let read = get(&router, &format!("{PATH}/{id}"), &bearer).await;
    assert_eq!((read.json(), read.header("etag")), (view.clone(), "\"1\""));
    let list = get(&router, PATH, &bearer).await;
    assert_eq!(list.json(), json!({ "items": [view], "next": null }));
    for reply in [&read, &list] {
        assert!(!reply.text.contains("whsec_"), "{}", reply.text);
    }
    // Neither lies readable in the table.
    let stored = format!("{:?}", world.aws.dump().unwrap());
    assert!(!created.text.contains("th3ir") && !stored.contains("th3ir-t0ken"));
    let others = world.bearer("org_other", "admin", "eve");
    let reply = get(&router, &format!("{PATH}/{id}"), &others).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_webhook_is_named_at_once() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let wrong = json!({
        "name": " ", "url": "http://10.0.0.7/x", "events": ["session.completed", "nothing", 7], "active": "yes",
        "headers": {
            "Host": "x", "webhook-id": "x", "x team": "x", "x-a": "a\r\nb", "x-b": 1, "X-c": "1", "x-C": "2",
            "x-ok": "fine", "x-null": null,
        },
        "secret": "whsec_mine",
    });
    let reply = post(&router, PATH, &bearer, &wrong).await;
    assert_eq!(reply.status, 422);
    let faults = reply.json()["faults"].clone();
    // Which of two spellings is the second is JSON's business.
    let mut places: Vec<_> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap().to_ascii_lowercase())
        .collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "/active",
            "/events/1",
            "/events/2",
            "/headers/host",
            "/headers/webhook-id",
            "/headers/x team",
            "/headers/x-a",
            "/headers/x-b",
            "/headers/x-c",
            "/headers/x-null",
            "/name",
            "/secret",
            "/url",
        ]
    );
    for url in [
        "",
        "crm.example",
        "ftp://crm.example/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://user:pass@crm.example/",
        "https://crm.example:8443/",
        "https://crm.example/#here",
    ] {
        let mut wrong = new();
        wrong["url"] = json!(url);
        let reply = post(&router, PATH, &bearer, &wrong).await;
        assert_eq!(reply.json()["faults"][0]["pointer"], "/url", "{url}");
    }
    for headers in [
        json!(
            (0..21)
                .map(|n| (format!("x-{n}"), json!("v")))
                .collect::<BTreeMap<_, _>>()
        ),
        json!({ "x-a": "v".repeat(2_048), "x-b": "v".repeat(2_048) }),
        json!(["x"]),
    ] {
        let mut wrong = new();
        wrong["headers"] = headers;
        let reply = post(&router, PATH, &bearer, &wrong).await;
        assert_eq!(reply.json()["faults"][0]["pointer"], "/headers");
    }
    let missing = post(&router, PATH, &bearer, &json!({})).await;
    assert_eq!(missing.json()["faults"].as_array().unwrap().len(), 3);
    assert_eq!(get(&router, PATH, &bearer).await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_change_names_what_it_changes_and_may_name_the_version() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let (place, _) = created(&router, &bearer).await;
    let patch = async |if_match: &str, body: Value| {
        with_header(&router, Method::PATCH, &place, &bearer, if_match, &body).await
    };
    let changed = patch(
        "\"1\"",
        json!({ "active": false, "headers": { "x-team": null, "x-api-key": "k3y-of-theirs", "x-a": "b" } }),
    )
    .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let view = changed.json();
    assert_eq!(
        (
            &view["active"],
            &view["headers"],
            &view["secret_headers"],
            &view["version"],
            &view["name"]
        ),
        (
            &json!(false),
            &json!({ "x-a": "b" }),
            &json!(["authorization", "x-api-key"]),
            &json!(2),
            &json!("Our own CRM")
        )
    );
    assert_eq!(changed.header("etag"), "\"2\"");
    let stale = patch("\"1\"", json!({ "name": "Mine" })).await;
    assert_eq!(
        (
            stale.status.as_u16(),
            &stale.json()["type"],
            &stale.json()["version"]
        ),
        (412, &json!("urn:hub:problem:changed"), &json!(2))
    );
    assert_eq!(
        patch("W/\"2\"", json!({ "name": "Mine" })).await.status,
        412
    );
    for (if_match, version) in [("", 3), ("*", 4), ("\"3\", \"4\"", 5)] {
        let reply = patch(if_match, json!({ "name": format!("Mine {version}") })).await;
        assert_eq!(reply.json()["version"], version, "{if_match}");
    }
    // What is already so is no change.
    let same = patch(
        "",
        json!({ "name": "Mine 5", "headers": { "x-a": "b", "x-none": null } }),
    )
    .await;
    assert_eq!(same.json()["version"], 5);
    for wrong in [
        json!({ "name": "" }),
        json!({ "url": "http://x/" }),
        json!({ "events": [] }),
        json!([]),
    ] {
        assert_eq!(patch("", wrong.clone()).await.status, 422, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_takes_the_secret_and_can_be_taken_up_again() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let (place, _) = created(&router, &bearer).await;
    let id = place.rsplit('/').next().unwrap().to_owned();
    let hub = world.hub("deliver", World::no_crm());
    let has_secret = async || {
        hub.vault().forget("org_demo");
        let credentials = hub.vault().credentials("org_demo").await.unwrap();
        credentials.webhooks.contains_key(&id)
    };
    assert!(has_secret().await);
    let delete = async |if_match: &str| {
        with_header(
            &router,
            Method::DELETE,
            &place,
            &bearer,
            if_match,
            &Value::Null,
        )
        .await
    };
    assert_eq!(delete("\"7\"").await.status, 412);
    world.outage.begin("secretsmanager", Fails::Before);
    assert_eq!(delete("\"1\"").await.status, 503);
    world.outage.end();
    // Nobody sees it any more, and the deletion goes on where it stood.
    assert_eq!(get(&router, &place, &bearer).await.status, 404);
    assert_eq!(get(&router, PATH, &bearer).await.json()["items"], json!([]));
    assert!(has_secret().await);
    assert_eq!(delete("\"1\"").await.status, 204);
    assert!(!has_secret().await);
    assert_eq!(delete("").await.status, 404);
    let dump = format!("{:?}", world.aws.dump().unwrap());
    assert!(!dump.contains("crm.example"), "nothing is left of it");
}

#[tokio::test(start_paused = true)]
async fn an_organization_has_at_most_twenty() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    for _ in 0..20 {
        created(&router, &bearer).await;
    }
    let reply = post(&router, PATH, &bearer, &new()).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    assert!(reply.text.contains("20 webhooks"), "{}", reply.text);
    let list = get(&router, PATH, &bearer).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_test_is_a_signed_request_and_says_what_came_of_it() {
    let echo = |request: &Request<Bytes>| {
        let token = request.headers()["authorization"].to_str().unwrap();
        World::json(200, &json!({ "you sent": token }))
    };
    let (world, router, received) = with_receiver(echo).await;
    let bearer = admin(&world);
    let (place, secret) = created(&router, &bearer).await;
    let reply = tested(&router, &bearer, &place).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let requests = std::mem::take(&mut *received.lock().unwrap());
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    let now = world.clock.now();
    assert!(is_signed(request, &secret, now));
    assert!(!is_signed(
        request,
        &"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
        now
    ));
    assert_eq!(
        (
            request.method().as_str(),
            request.uri().to_string().as_str()
        ),
        ("POST", "https://crm.example/events")
    );
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (
            header("x-team"),
            header("authorization"),
            header("content-type")
        ),
        (
            "sales".to_owned(),
            "Bearer th3ir-t0ken".to_owned(),
            "application/json".to_owned()
        )
    );
    let event: Value = serde_json::from_slice(request.body()).unwrap();
    assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(
        (
            &event["type"],
            &event["organizationId"],
            &event["timestamp"],
            &event["payload"]["webhookId"]
        ),
        (
            &json!("integration.test"),
            &json!("org_demo"),
            &json!("2026-11-20T12:00:00Z"),
            &json!(place.rsplit('/').next().unwrap())
        )
    );
    assert_eq!(
        reply.json(),
        json!({
            "delivered": true, "message_id": header("webhook-id"), "status": 200, "latency_ms": 0, "verdict": "done",
            "advice": "Nothing: the receiver took it.", "answer": "{\"you sent\":\"Bearer ***\"}",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_signs_beside_the_old_one_for_a_day() {
    let (world, router, received) = with_receiver(|_| World::json(200, &json!({}))).await;
    let bearer = admin(&world);
    let (place, first) = created(&router, &bearer).await;
    let rotated = post(
        &router,
        &format!("{place}/rotate-secret"),
        &bearer,
        &json!({}),
    )
    .await;
    assert_eq!(
        (rotated.status.as_u16(), rotated.header("etag")),
        (200, "\"2\"")
    );
    let second = SecretString::from(rotated.json()["secret"].as_str().unwrap());
    for (wait, by_first) in [(0, true), (24 * 3_600 - 1, true), (1, false)] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let bearer = admin(&world);
        assert_eq!(tested(&router, &bearer, &place).await.status, 200);
        let request = received.lock().unwrap().pop().unwrap();
        let now = world.clock.now();
        assert!(is_signed(&request, &second, now));
        assert_eq!(
            is_signed(&request, &first, now),
            by_first,
            "after {wait} s more"
        );
    }
    let bearer = admin(&world);
    let rotate = async || {
        post(
            &router,
            &format!("{place}/rotate-secret"),
            &bearer,
            &json!({}),
        )
        .await
    };
    for _ in 0..5 {
        assert_eq!(rotate().await.status, 200);
    }
    assert_eq!(rotate().await.status, 409, "six at once are too many");
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_does_is_explained() {
    let answers: [(u16, &str); 6] = [
        (204, "done"),
        (302, "misconfigured"),
        (401, "misconfigured"),
        (410, "misconfigured"),
        (429, "throttle"),
        (500, "retry"),
    ];
    for (status, verdict) in answers {
        let (world, router, received) = with_receiver(move |_| {
            let answer = http::Response::builder()
                .status(status)
                .header("location", "https://10.0.0.7/");
            Ok(answer.body(Bytes::from("words")).unwrap())
        })
        .await;
        let bearer = admin(&world);
        let (place, _) = created(&router, &bearer).await;
        let reply = tested(&router, &bearer, &place).await.json();
        assert_eq!(
            (
                &reply["status"],
                &reply["verdict"],
                &reply["delivered"],
                &reply["answer"]
            ),
            (
                &json!(status),
                &json!(verdict),
                &json!(status < 300),
                &json!("words")
            )
        );
        assert_ne!(reply["advice"], "");
        assert_eq!(received.lock().unwrap().len(), 1, "no redirect is followed");
    }
    let errors = [
        (
            TransportError::Forbidden("10.0.0.7".to_owned()),
            "misconfigured",
        ),
        (
            TransportError::NotSent("dns of 10.0.0.7".to_owned()),
            "retry",
        ),
        (
            TransportError::Lost("reset by 10.0.0.7".to_owned()),
            "retry",
        ),
        (TransportError::Insecure(Insecure::Expired), "retry"),
    ];
    for (error, verdict) in errors {
        let (world, router, _) = with_receiver(move |_| Err(error.clone())).await;
        let bearer = admin(&world);
        let (place, _) = created(&router, &bearer).await;
        let reply = tested(&router, &bearer, &place).await;
        assert_eq!(
            (&reply.json()["status"], &reply.json()["verdict"]),
            (&json!(null), &json!(verdict))
        );
        assert!(!reply.text.contains("10.0.0.7"), "{}", reply.text);
    }
}

/// A receiver that thinks for a while.
fn slow(seconds: u64) -> Transport {
    BoxCloneSyncService::new(service_fn(move |_| async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        World::json(200, &json!({}))
    }))
}

#[tokio::test(start_paused = true)]
async fn a_receiver_has_ten_seconds() {
    for (seconds, status, latency_ms) in [(3, json!(200), 3_000), (11, json!(null), 10_000)] {
        let world = World::new(1).await;
        world.organization("org_demo").await;
        let router = router(world.hub("api", slow(seconds)), World::identity());
        let bearer = admin(&world);
        let (place, _) = created(&router, &bearer).await;
        let reply = tested(&router, &bearer, &place).await.json();
        let latency = reply["latency_ms"].as_u64().unwrap();
        assert_eq!(reply["status"], status);
        assert!((latency_ms..latency_ms + 5).contains(&latency), "{latency}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_secret_nothing_is_sent() {
    let (world, router, received) = with_receiver(|_| World::json(200, &json!({}))).await;
    let bearer = admin(&world);
    let (place, _) = created(&router, &bearer).await;
    let id = place.rsplit('/').next().unwrap();
    let hub = world.hub("operator", World::no_crm());
    let gone = hub
        .vault()
        .update_credentials("org_demo", "test", |credentials| {
            credentials.webhooks.clear();
        });
    gone.await.unwrap();
    let reply = tested(&router, &bearer, &place).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    let test = format!("{PATH}/test");
    for (body, status) in [
        (json!({ "webhook_id": "whk_none" }), 404),
        (json!({ "webhook_id": "conn_1" }), 422),
        (
            json!({ "webhook_id": id, "url": "https://elsewhere.example/" }),
            422,
        ),
        (json!({}), 422),
    ] {
        assert_eq!(
            post(&router, &test, &bearer, &body).await.status,
            status,
            "{body}"
        );
    }
    assert!(received.lock().unwrap().is_empty());
    // As the refusal says.
    let rotate = format!("{place}/rotate-secret");
    assert_eq!(
        post(&router, &rotate, &bearer, &json!({})).await.status,
        200
    );
    assert_eq!(
        tested(&router, &bearer, &place).await.json()["delivered"],
        true
    );
}
