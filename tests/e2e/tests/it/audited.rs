//! The audit log: what happened is in it, once, and a change of what is in it is seen.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use hub_e2e::{Machine, ORG};
use hub_local::audit::{check, holds, prove};
use hub_world::Fails;
use serde_json::{Value, json};

use crate::sample::{call, meeting};

/// A machine with a connection and a delivery, and its audit log with nothing under a checkpoint.
async fn delivered() -> (Machine, String) {
    let (machine, connection) = Machine::connected(1).await;
    machine
        .accept(&meeting("evt_1", "ses_1", "Discovery"))
        .await;
    machine.work().await;
    (machine, connection)
}

fn entries(pages: &[Value]) -> Vec<&Value> {
    let items = pages.iter().filter_map(|page| page["items"].as_array());
    items.flatten().collect()
}

/// What happened to what, in the order of the log.
fn told(pages: &[Value]) -> Vec<(&str, &str)> {
    entries(pages)
        .into_iter()
        .map(|entry| {
            (
                entry["leaf"]["kind"].as_str().unwrap(),
                entry["leaf"]["subject"].as_str().unwrap(),
            )
        })
        .collect()
}

fn file(pages: &[Value]) -> String {
    let lines: Vec<String> = pages.iter().map(Value::to_string).collect();
    lines.join("\n")
}

/// The newest checkpoint and its key, as a customer keeps them.
fn kept(pages: &[Value]) -> (String, String) {
    let text = |name: &str| pages[0][name].as_str().unwrap().to_owned();
    (text("checkpoint"), text("key"))
}

/// What the verifier says of an export.
fn findings(pages: &[Value], (checkpoint, key): &(String, String)) -> Vec<String> {
    let report = check(&file(pages), checkpoint, key).unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_in_the_log_once_and_under_a_checkpoint() {
    let (machine, connection) = delivered().await;
    let delivery = format!("dlv_{}.1", connection.strip_prefix("conn_").unwrap());
    let expected = [
        ("organization_changed", ORG),
        ("connection_changed", &*connection),
        ("connection_changed", &connection),
        ("connection_approved", &connection),
        ("delivery_outcome", &delivery),
    ];
    // The first append is lost, and all is brought twice.
    machine
        .world
        .outage
        .times("TransactWriteItems", Fails::Before, 1);
    assert!(machine.derive_twice().await > 5);
    assert_eq!(told(&machine.audit(ORG).await), expected);
    assert_eq!(
        machine.derive().await,
        0,
        "what is derived changes nothing that something is derived from"
    );

    // Not before it is due, and not later than five minutes.
    assert!(machine.tick().await);
    assert_eq!(machine.audit(ORG).await[0]["checkpoint"], Value::Null);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(machine.tick().await);
    }
    let pages = machine.audit(ORG).await;
    let kept = kept(&pages);
    assert!(
        kept.0
            .starts_with(&format!("crm-hub.liveprompt.ai/audit/{ORG}\n5\n")),
        "{}",
        kept.0
    );
    let report = check(&file(&pages), &kept.0, &kept.1).unwrap();
    assert_eq!((report.leaves, report.covered, report.erased), (5, 5, 0));
    assert_eq!(report.findings, []);

    // One entry can be shown without the others.
    let proof = prove(&file(&pages), 3, &kept.0, &kept.1).unwrap();
    assert!(proof.contains("connection_approved") && !proof.contains("dlv_"));
    assert!(holds(&proof, &kept.0, &kept.1).unwrap());
    let forged = proof.replace("ada@seller.example", "eve@seller.example");
    assert!(!holds(&forged, &kept.0, &kept.1).unwrap());
    assert!(prove(&file(&pages), 5, &kept.0, &kept.1).is_err());

    // It grows, and the earlier checkpoint still holds.
    for session in 2..12 {
        let (event, session) = (format!("evt_{session}"), format!("ses_{session}"));
        machine
            .accept(&call(&event, &session, "ada@acme.example"))
            .await;
    }
    machine.work().await;
    // This time an append takes effect, and its answer is lost.
    machine
        .world
        .outage
        .times("TransactWriteItems", Fails::After, 1);
    machine.derive().await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(machine.tick().await && machine.tick().await);
    let pages = machine.audit(ORG).await;
    assert!(pages.len() > 1);
    assert_eq!(entries(&pages).len(), 15);
    let report = check(&file(&pages), &kept.0, &kept.1).unwrap();
    assert_eq!((report.leaves, report.covered), (15, 15));
    assert_eq!(report.findings, []);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_some_failed_comes_again_from_there() {
    let (machine, _) = delivered().await;
    machine.world.organization("org_other").await;
    machine
        .world
        .outage
        .times("TransactWriteItems", Fails::Before, 1);
    // Pumped until done: the organization whose append failed comes again, the other is known.
    machine.derive().await;
    assert_eq!(entries(&machine.audit(ORG).await).len(), 5);
    assert_eq!(entries(&machine.audit("org_other").await).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_item_edited_in_the_table_is_named() {
    let (machine, connection) = delivered().await;
    machine.derive().await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(machine.tick().await);
    let kept = kept(&machine.audit(ORG).await);

    // What an admin approved, as the evidence has it.
    edit(&machine, "evid", |text| {
        let mut all: Value = serde_json::from_str(text).unwrap();
        for one in all.as_array_mut().unwrap() {
            let content = one["evidence"]["content"].as_str().unwrap();
            if content.contains("connection_approved") {
                let edited = content.replace("ada@seller.example", "eve@seller.example");
                one["evidence"]["content"] = json!(edited);
                return all.to_string();
            }
        }
        text.to_owned()
    });
    let belongs = "leaf 3: it and its evidence do not belong together";
    assert_eq!(findings(&machine.audit(ORG).await, &kept), [belongs]);

    // What a leaf says.
    edit(&machine, "audit", |text| {
        text.replacen("connection_approved", "connection_changed", 1)
    });
    assert_eq!(
        findings(&machine.audit(ORG).await, &kept),
        [
            belongs,
            "leaves 0 to 4: they do not lead to the checkpoint over 5 leaves"
        ]
    );
    // The edits are changes of the table, and make no entries.
    machine.derive().await;
    assert_eq!(entries(&machine.audit(ORG).await).len(), 5);
    // A forged checkpoint is no checkpoint.
    let (forged, key) = (kept.0.replace(ORG, "org_other"), kept.1);
    assert!(check(&file(&machine.audit(ORG).await), &forged, &key).is_err());
    assert!(!connection.is_empty());
}

/// Edits what is packed in the items of a class, past every function: one of them changes.
fn edit(machine: &Machine, class: &str, change: impl Fn(&str) -> String) {
    let mut edited = 0;
    for mut item in machine.world.aws.dump().unwrap().tables["hub"].clone() {
        let pk = item["pk"]["S"].as_str().unwrap();
        let packed = item["z"]["B"]
            .as_str()
            .filter(|_| pk.starts_with(&format!("{ORG}#{class}#")));
        let Some(packed) = packed else { continue };
        let packed = BASE64_STANDARD.decode(packed).unwrap();
        let text = String::from_utf8(zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
        let changed = change(&text);
        if changed != text {
            let packed = zstd::encode_all(changed.as_bytes(), 3).unwrap();
            item["z"] = json!({ "B": BASE64_STANDARD.encode(packed) });
            machine.world.aws.overwrite("hub", &item).unwrap();
            edited += 1;
        }
    }
    assert_eq!(edited, 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_gets_into_the_log() {
    let (machine, _) = delivered().await;
    machine.derive().await;
    let export = file(&machine.audit(ORG).await);
    let tokens = machine.sandbox.credentials();
    for secret in ["access_token", "refresh_token", "client_secret"] {
        assert!(!export.contains(tokens[secret].as_str().unwrap()));
    }
    // Nobody's address is in a leaf; who approved is in its evidence.
    for entry in entries(&machine.audit(ORG).await) {
        assert!(!entry["leaf"].to_string().contains('@'), "{entry}");
    }
    assert!(export.contains("ada@seller.example"));
}
