//! Deliveries that somebody wants tried again: one, or all that failed for the same reason.

use http::{Method, StatusCode};
use hub_e2e::{CRM, Machine, ORG};
use hub_world::{Fails, Reply};
use serde_json::{Value, json};

use crate::sample::call;

/// What the CRM says of a value that a picklist does not have.
const CODE: &str = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";

fn refusal() -> Value {
    json!({ "fault": "record_error", "error_code": CODE, "message": "bad value", "object": "Task", "times": 1 })
}

/// A connection with so many calls that were parked.
async fn parked(seed: u64, calls: usize) -> Machine {
    let (machine, _) = Machine::connected(seed).await;
    for n in 0..calls {
        machine.fault(refusal());
        machine
            .accept(&call(
                &format!("evt_{n}"),
                &format!("ses_{n}"),
                "ada@acme.example",
            ))
            .await;
        machine.work().await;
    }
    machine
}

async fn retry(machine: &Machine, id: &str) -> Reply {
    let path = format!("/api/deliveries/{id}/retry");
    machine.api(ORG, Method::POST, &path, None).await
}

async fn retry_all(machine: &Machine, body: Value) -> Value {
    let path = "/api/deliveries/retry";
    let reply = machine.api(ORG, Method::POST, path, Some(&body)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    reply.json()
}

#[tokio::test(start_paused = true)]
async fn a_parked_delivery_goes_again_and_the_log_says_who_asked() {
    let machine = parked(1, 1).await;
    let delivery = machine.deliveries(ORG).await["ses_0"].clone();
    assert_eq!(delivery["status"], "parked", "{delivery}");
    let id = delivery["id"].as_str().unwrap();
    // Asked twice: one attempt, and one that finds nothing to do.
    for _ in 0..2 {
        let reply = retry(&machine, id).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text);
        assert_eq!(reply.json()["retried_by"], "ada@seller.example");
        assert_eq!(reply.json()["failures"], 0);
    }
    machine.work().await;
    machine.each_once(ORG).await;
    machine.derive().await;
    let log: Vec<Value> = machine.audit(ORG).await;
    let entries = log
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap());
    let asked: Vec<_> = entries
        .filter(|entry| entry["leaf"]["kind"] == "delivery_retried")
        .collect();
    assert!(!asked.is_empty());
    let content = asked[0]["evidence"]["content"].as_str().unwrap();
    assert!(
        content.contains(r#""actor":"ada@seller.example""#),
        "{content}"
    );

    let again = retry(&machine, id).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("it is delivered"), "{}", again.text);
    let missing = retry(&machine, "dlv_none.none").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_dies_at_any_point_is_made_by_the_next_tick_or_by_asking_again() {
    for point in 1.. {
        let machine = parked(2, 1).await;
        let id = machine.deliveries(ORG).await["ses_0"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let asked = machine
            .world
            .outage
            .until(point, retry(&machine, &id))
            .await;
        assert!(machine.tick().await);
        machine.work().await;
        if machine.deliveries(ORG).await["ses_0"]["status"] != "delivered" {
            // Nothing had happened yet: the entry says so, and may be asked for again.
            assert_eq!(
                machine.deliveries(ORG).await["ses_0"]["status"],
                "parked",
                "{point}"
            );
            assert_eq!(retry(&machine, &id).await.status, StatusCode::ACCEPTED);
            machine.work().await;
        }
        machine.each_once(ORG).await;
        if let Some(reply) = asked {
            assert_eq!(reply.status, StatusCode::ACCEPTED);
            assert!(point > 6, "{point}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_or_is_held_goes_now_unless_its_connection_is_not_in_use() {
    let (machine, connection) = Machine::connected(3).await;
    machine.fault(json!({ "fault": "daily_limit", "times": 1 }));
    machine
        .accept(&call("evt_1", "ses_1", "ada@acme.example"))
        .await;
    machine.work().await;
    let delivery = machine.deliveries(ORG).await["ses_1"].clone();
    assert_eq!(delivery["status"], "held");
    let id = delivery["id"].as_str().unwrap();
    let paused = machine
        .connection(Method::POST, &connection, "/pause")
        .await;
    assert_eq!(paused.status, StatusCode::OK);
    let refused = retry(&machine, id).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(refused.text.contains("not in use"), "{}", refused.text);
    machine
        .connection(Method::POST, &connection, "/resume")
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(31)).await;
    assert_eq!(retry(&machine, id).await.status, StatusCode::ACCEPTED);
    machine.work().await;
    // That the account has no calls left is known, so the CRM is not asked again before the limit ends.
    assert_eq!(machine.deliveries(ORG).await["ses_1"]["status"], "held");
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    assert!(machine.tick().await);
    machine.work().await;
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn all_that_failed_for_one_field_go_by_one_call() {
    let machine = parked(4, 3).await;
    let first = "2026-11-20T00:00:00Z";
    machine
        .accept(&call("evt_8", "ses_8", "ada@acme.example"))
        .await;
    machine.work().await;
    for (question, matched) in [
        (json!({ "field": CODE, "since": first }), 3),
        (json!({ "verdict": "reject", "crm": CRM }), 3),
        (json!({ "field": "Priority" }), 0),
        (json!({ "until": first, "field": CODE }), 0),
        (json!({ "crm": "hubspot" }), 0),
        (json!({ "status": "dead_lettered" }), 0),
        (json!({}), 3),
    ] {
        let mut question = question;
        question["dry_run"] = json!(true);
        let answer = retry_all(&machine, question.clone()).await;
        assert_eq!(answer["matched"], matched, "{question}: {answer}");
        assert_eq!(
            answer["deliveries"].as_array().unwrap().len(),
            matched,
            "{answer}"
        );
        assert_eq!(
            (&answer["dry_run"], &answer["next"]),
            (&json!(true), &Value::Null)
        );
    }
    // The same filter shows them.
    let shown = &format!("/api/deliveries?field={CODE}&verdict=reject&status=parked&since={first}");
    let shown = machine.api(ORG, Method::GET, shown, None).await.json();
    assert_eq!(shown["items"].as_array().unwrap().len(), 3, "{shown}");
    let delivered = retry_all(&machine, json!({ "status": "delivered" })).await;
    assert_eq!(
        (&delivered["matched"], &delivered["retried"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(delivered["refused"][0]["count"], 1, "{delivered}");

    // The queue does not answer: it goes with the next tick.
    machine
        .world
        .outage
        .begin("SendMessageBatch", Fails::Before);
    let answer = retry_all(&machine, json!({ "field": CODE, "since": first })).await;
    assert_eq!(
        (&answer["matched"], &answer["retried"]),
        (&json!(3), &json!(3))
    );
    machine.world.outage.end();
    assert!(machine.tick().await);
    machine.work().await;
    machine.each_once(ORG).await;
    let none = retry_all(&machine, json!({ "field": CODE })).await;
    assert_eq!(none["matched"], 0, "{none}");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_makes_no_sense_is_refused_with_its_faults() {
    let (machine, _) = Machine::connected(5).await;
    for (body, pointer) in [
        (json!({ "status": "lost" }), "/status"),
        (json!({ "crm": "none" }), "/crm"),
        (json!({ "connection": "ses_1" }), "/connection"),
        (json!({ "since": "yesterday" }), "/since"),
        (json!({ "field": 3 }), "/field"),
        (json!({ "cursor": "AAAA" }), "/cursor"),
        (json!({ "everything": true }), "/everything"),
    ] {
        let path = "/api/deliveries/retry";
        let reply = machine.api(ORG, Method::POST, path, Some(&body)).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.text);
        assert_eq!(
            reply.json()["faults"][0]["pointer"],
            pointer,
            "{}",
            reply.text
        );
    }
}
