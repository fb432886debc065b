//! Deliveries: found, paged through, explained.

use std::collections::BTreeMap;

use axum::Router;
use hub_domain::{
    ConnectionId, FieldFault, SessionId, Subject,
    ledger::{Claim, ClaimOutcome, DeliveryStatus, Outcome, Unfinished},
    matching::{Chosen, Rejection},
};
use hub_engine::{connections, ingest};
use hub_world::World;
use serde_json::{Value, json};

use crate::{admin, api, get};

fn claim(connection: &str, session: &str) -> Claim {
    Claim {
        organization: "org_demo".parse().unwrap(),
        subject: Subject::session_to(&connection.parse().unwrap(), &session.parse().unwrap()),
        event: "evt_1".parse().unwrap(),
        revision: 1,
        content: "hash".to_owned(),
        worker: "w1".to_owned(),
        now: 1_795_176_000_000,
        lease_until: 1_795_176_060_000,
        probably_new: true,
    }
}

/// Deliveries that workers hold.
async fn claimed(world: &World, of: impl IntoIterator<Item = (&'static str, String)>) {
    let claims: Vec<_> = of
        .into_iter()
        .map(|(connection, session)| claim(connection, &session))
        .collect();
    let hub = world.hub("deliver", World::no_crm());
    for outcome in hub.store().claim(&claims).await {
        assert!(
            matches!(outcome, Ok(ClaimOutcome::Granted { .. })),
            "{outcome:?}"
        );
    }
}

async fn settled(world: &World, claim: Claim) {
    let outcome = Outcome {
        status: DeliveryStatus::Parked,
        settled: true,
        not_before: 0,
        failures: 2,
        mapping_version: 0,
        records: BTreeMap::from([(claim.subject.matter().to_owned(), "00U1".to_owned())]),
        unfinished: Unfinished::default(),
        matches: vec![Chosen {
            person: 0,
            object: Some("Contact".to_owned()),
            id: Some("0031".to_owned()),
            rejected: vec![("00Q1".to_owned(), Rejection::LessPreferred)],
        }],
        verdict: "reject",
        reason: "a field is too long".to_owned(),
        faults: vec![FieldFault {
            field: "Subject".to_owned(),
            code: "STRING_TOO_LONG".to_owned(),
            message: "at most 255".to_owned(),
        }],
        hold: None,
        now: claim.now + 1_500,
        claim,
    };
    let done = world
        .hub("deliver", World::no_crm())
        .store()
        .settle(&[outcome])
        .await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}

/// All pages, and how many there were.
async fn pages(router: &Router, bearer: &str, query: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let reply = get(router, &format!("/api/deliveries?{query}{cursor}"), bearer).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let page = reply.json();
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(next) = page["next"].as_str() else {
            return (ids, pages);
        };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_hold_every_delivery_once() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    claimed(&world, (0..23).map(|n| ("conn_a", format!("ses_{n}")))).await;
    claimed(&world, (0..4).map(|n| ("conn_b", format!("ses_{n}")))).await;

    for (query, all) in [
        ("limit=5", 27),
        ("limit=100", 27),
        ("connection=conn_a&limit=4", 23),
        ("session=ses_3&limit=1", 2),
        ("status=claimed&limit=9", 27),
        ("status=parked&limit=9", 0),
    ] {
        let (mut ids, pages) = pages(&router, &bearer, query).await;
        assert_eq!(ids.len(), all, "{query}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{query}: each once");
        assert!(pages <= all + 1, "{query}: {pages} pages");
    }
    let (none, pages) = pages(
        &router,
        &world.bearer("org_other", "admin", "eve"),
        "limit=5",
    )
    .await;
    assert_eq!((none.len(), pages), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_leads_on_only_in_its_own_query() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    claimed(&world, (0..3).map(|n| ("conn_a", format!("ses_{n}")))).await;
    let first = get(&router, "/api/deliveries?limit=1", &bearer)
        .await
        .json();
    let next = first["next"].as_str().unwrap();
    assert!(
        !next.contains(['/', '#', '=', '+']),
        "it goes into an address as it is: {next}"
    );
    for query in [
        format!("connection=conn_a&cursor={next}"),
        "cursor=AAAA".to_owned(),
        "cursor=!".to_owned(),
        "cursor=".to_owned(),
    ] {
        let reply = get(&router, &format!("/api/deliveries?{query}"), &bearer).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["faults"][0]["pointer"]),
            (422, &json!("cursor")),
            "{query}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_wrong_parameter_is_named() {
    let (world, router) = api().await;
    let query = "connection=a&session=ses_%23&status=lost&limit=101&cursor=*&page=2&limit=5";
    let reply = get(&router, &format!("/api/deliveries?{query}"), &admin(&world)).await;
    assert_eq!(reply.status, 422);
    let faults = reply.json()["faults"].clone();
    let found: Vec<_> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (
                f["pointer"].as_str().unwrap(),
                f["problem"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("connection", "is not such an id"),
            ("session", "is not such an id"),
            ("status", "is not a status"),
            ("limit", "is out of range, or no number"),
            ("page", "is unknown"),
            ("limit", "is given more than once"),
            ("cursor", "is not of this query"),
        ]
    );
    for limit in ["0", "-1", "1.5", "", "many"] {
        let reply = get(
            &router,
            &format!("/api/deliveries?limit={limit}"),
            &admin(&world),
        )
        .await;
        assert_eq!(reply.status, 422, "limit={limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_shows_what_happened_and_why() {
    let (world, router) = api().await;
    let hub = world.hub("ingest", World::no_crm());
    let caller = World::admin("org_demo");
    let new =
        connections::NewConnection::read(&hub, &json!({ "crm": "salesforce", "name": "Ours" }))
            .unwrap();
    let connection: ConnectionId = connections::create(&hub, &caller, new).await.unwrap().id;
    let accepted = ingest::accept(&hub, &[hub_world::payload("session.completed.call.json")]).await;
    assert!(accepted[0].outcome.is_ok(), "{accepted:?}");
    let session: SessionId = "ses_demo_call".parse().unwrap();
    let claim = claim(connection.as_str(), session.as_str());
    let done = hub.store().claim(std::slice::from_ref(&claim)).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    settled(&world, claim).await;

    let id = format!("dlv_{}.demo_call", connection.tail());
    let path = format!("/api/deliveries/{id}");
    let reply = get(&router, &path, &admin(&world)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let mut detail = reply.json();
    let plan = detail["plan"].take();
    assert_eq!(
        detail,
        json!({
            "id": id, "connection": connection.as_str(), "session": "ses_demo_call", "webhook": null, "event": "evt_1", "status": "parked",
            "revision": 1, "failures": 2, "verdict": "reject", "reason": "a field is too long",
            "faults": [{ "field": "Subject", "code": "STRING_TOO_LONG", "message": "at most 255" }],
            "records": [{ "key": "ses_demo_call", "id": "00U1" }],
            "held_until": null, "retried_by": null, "created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:01.5Z",
            "matches": [{ "person": 0, "object": "Contact", "id": "0031", "rejected": [{ "id": "00Q1", "why": "less_preferred" }] }],
            "plan": null,
        })
    );
    assert_eq!(plan["revision"], 1);
    let writes = plan["writes"].as_array().unwrap();
    let keys: Vec<_> = writes
        .iter()
        .map(|write| {
            (
                write["key"].as_str().unwrap(),
                write["kind"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        keys,
        [
            ("ses_demo_call", "call"),
            ("ses_demo_call-task-act_invite", "task")
        ]
    );
    assert_eq!(
        writes[0]["people"],
        json!([{ "object": "Contact", "id": "0031", "email": "lee@prospect.example" }])
    );
    let subject = writes[0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["to"] == "Subject")
        .unwrap();
    assert_eq!(
        (&subject["value"], &subject["from"]),
        (
            &json!("First call with Lee Prospect"),
            &json!("session.title")
        )
    );

    // A viewer sees it only if they took part.
    let host = world.bearer("org_demo", "viewer", "hana@seller.example");
    assert_eq!(get(&router, &path, &host).await.status, 200);
    let stranger = world.bearer("org_demo", "viewer", "omar@seller.example");
    assert_eq!(get(&router, &path, &stranger).await.status, 404);
    let elsewhere = world.bearer("org_other", "admin", "lee@prospect.example");
    assert_eq!(get(&router, &path, &elsewhere).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_finds_the_deliveries_of_their_own_sessions_page_by_page() {
    let (world, router) = api().await;
    let hub = world.hub("ingest", World::no_crm());
    for n in 0..12 {
        let mut event = hub_world::payload("session.completed.call.json");
        event["id"] = json!(format!("evt_{n}"));
        event["payload"]["sessionId"] = json!(format!("ses_{n}"));
        event["payload"]["session"]["id"] = json!(format!("ses_{n}"));
        if n % 3 == 0 {
            event["payload"]["session"]["host"]["email"] = json!("vera@seller.example");
        }
        let accepted = ingest::accept(&hub, &[event]).await;
        assert!(accepted[0].outcome.is_ok(), "{accepted:?}");
    }
    claimed(&world, (0..12).map(|n| ("conn_a", format!("ses_{n}")))).await;
    // A delivery whose session is gone is nobody's.
    claimed(&world, [("conn_a", "ses_gone".to_owned())]).await;
    let now = world.clock.now().as_second();
    let viewer = |claims: Value| {
        let mut all = json!({
            "iss": World::issuer().issuer, "aud": "hub", "exp": now + 60, "org": "org_demo", "role": "viewer", "sub": "user-7",
        });
        let more = claims.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        world.bearer_of(&all)
    };
    for (claims, seen) in [
        (json!({ "sub": "vera@seller.example" }), 4),
        (json!({ "email": "Vera@Seller.example" }), 4),
        (
            json!({ "email": "vera@seller.example", "email_verified": true }),
            4,
        ),
        (
            json!({ "email": "vera@seller.example", "email_verified": false }),
            0,
        ),
        (json!({ "email": "omar@seller.example" }), 0),
        (json!({}), 0),
        (json!({ "role": "manager" }), 13),
    ] {
        for limit in [1, 3, 100] {
            let (ids, _) = pages(&router, &viewer(claims.clone()), &format!("limit={limit}")).await;
            assert_eq!(ids.len(), seen, "{claims} {limit}: {ids:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_cannot_be_is_answered_like_an_unknown_one() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let unknown: Value = get(&router, "/api/deliveries/dlv_a.b", &bearer)
        .await
        .json();
    assert_eq!(unknown["status"], 404);
    for id in ["dlv_nodot", "conn_1", "dlv_a.", "%2e%2e"] {
        assert_eq!(
            get(&router, &format!("/api/deliveries/{id}"), &bearer)
                .await
                .json(),
            unknown,
            "{id}"
        );
    }
}
