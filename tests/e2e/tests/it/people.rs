//! People whom the CRM told of a moment ago are not asked for again, unless something of theirs is refused.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hub_e2e::{Machine, ORG};
use serde_json::{Value, json};

use crate::sample::call;

const ADA: &str = "ada@acme.example";

/// Delivers a call with one person; how many look-ups that took.
async fn looked_up(machine: &Machine, number: u32, email: &str) -> usize {
    let queries = || machine.calls("/composite") - machine.calls("/composite/graph");
    let before = queries();
    let (event, session) = (format!("evt_{number}"), format!("ses_{number}"));
    machine.accept(&call(&event, &session, email)).await;
    machine.work().await;
    queries() - before
}

async fn by_hand(machine: &Machine, method: Method, path: &str) -> (StatusCode, Value) {
    let given = machine.sandbox.credentials();
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", text("base_url")))
        .header("authorization", format!("Bearer {}", text("access_token")))
        .body(Bytes::new())
        .unwrap();
    let answer = machine.sandbox.handle(request).await.unwrap();
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status(), body)
}

/// Somebody deletes a contact.
async fn remove(machine: &Machine, email: &str) {
    let all = machine.held("Contact");
    let one = all.iter().find(|one| one["Email"] == email).unwrap();
    let path = format!(
        "/services/data/v67.0/sobjects/Contact/{}",
        one["Id"].as_str().unwrap()
    );
    let (status, answer) = by_hand(machine, Method::DELETE, &path).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn people_are_known_for_minutes_and_strangers_never() {
    let (machine, _) = Machine::connected(1).await;
    assert_eq!(looked_up(&machine, 1, ADA).await, 1);
    assert_eq!(looked_up(&machine, 2, ADA).await, 0);
    assert_eq!(looked_up(&machine, 3, "ben@acme.example").await, 1);
    for number in 4..6 {
        let found = looked_up(&machine, number, "nobody@nowhere.example").await;
        assert_eq!(found, 1, "somebody may add them any moment");
    }
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(looked_up(&machine, 6, ADA).await, 1);
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_changed_knows_nobody() {
    let (machine, connection) = Machine::connected(2).await;
    assert_eq!(looked_up(&machine, 1, ADA).await, 1);
    for what in ["/pause", "/resume"] {
        machine.connection(Method::POST, &connection, what).await;
    }
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(looked_up(&machine, 2, ADA).await, 1);
}

/// The write is refused for a contact that is gone: that is no fault of the session, which goes again
/// without them.
#[tokio::test(start_paused = true)]
async fn somebody_who_is_gone_is_looked_for_again_before_a_session_is_parked() {
    let (machine, _) = Machine::connected(3).await;
    assert_eq!(looked_up(&machine, 1, ADA).await, 1);
    remove(&machine, ADA).await;
    // The CRM says that she is gone: she is forgotten, and the next attempt looks for her.
    assert_eq!(looked_up(&machine, 2, ADA).await, 1);
    let delivery = machine.deliveries(ORG).await["ses_2"].clone();
    assert_eq!(delivery["status"], "delivered", "{delivery}");
    machine.each_once(ORG).await;
}

/// The same where the refusal does not tell: whoever was known is asked for before anything is parked.
#[tokio::test(start_paused = true)]
async fn a_refusal_parks_a_session_only_if_its_people_are_still_the_same() {
    for is_gone in [false, true] {
        let (machine, _) = Machine::connected(4).await;
        assert_eq!(looked_up(&machine, 1, ADA).await, 1);
        if is_gone {
            remove(&machine, ADA).await;
        }
        machine.fault(
            json!({ "fault": "record_error", "error_code": "INVALID_CROSS_REFERENCE_KEY",
            "message": "no such id", "object": "Task", "times": 1 }),
        );
        let looked = looked_up(&machine, 2, ADA).await;
        let delivery = machine.deliveries(ORG).await["ses_2"].clone();
        let found = (looked, delivery["status"].as_str().unwrap());
        let expected = if is_gone {
            (2, "delivered")
        } else {
            (1, "parked")
        };
        assert_eq!(found, expected, "{delivery}");
    }
}
