//! How a binary begins and ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::ExitStatusExt,
    sync::Arc,
    time::Duration,
};

use hub_binaries::{Machine, PATIENCE, Process, binaries};
use hub_local::addresses::Function;
use serde_json::json;
use tokio::time::{sleep, timeout};

/// What a function cannot do without.
fn needed(function: &Function) -> BTreeSet<&'static str> {
    let common = ["HUB_TABLE", "HUB_QUEUE_URL_PREFIX", "HUB_SECRET_PREFIX"];
    let own: &[&str] = match function.binary {
        "api" => &["HUB_OIDC_ISSUER", "HUB_OIDC_AUDIENCE"],
        "oauth" => &["HUB_OIDC_ISSUER", "HUB_OIDC_AUDIENCE", "HUB_PUBLIC_URL"],
        "dispatch" => &["HUB_INGEST_SENDER", "HUB_BATCH_SENDER"],
        "batch" => &["HUB_DISPATCH_SENDER", "HUB_BATCH_SENDER"],
        "deliver" => &["CRM"],
        _ => &[],
    };
    common.into_iter().chain(own.iter().copied()).collect()
}

#[tokio::test]
async fn without_its_environment_a_binary_names_every_missing_variable_and_ends() {
    let Some(binaries) =
        binaries("without_its_environment_a_binary_names_every_missing_variable_and_ends")
    else {
        return;
    };
    for function in Function::all() {
        let binary = binaries.join(function.binary);
        let mut process = Process::start(&binary, &function.id, &BTreeMap::new()).await;
        let ended = process.ended().await;
        assert_eq!(ended.code(), Some(1), "{}", function.id);
        assert_eq!(process.asked(), 0, "{} asked for work", function.id);
        let errors = process.errors().join("\n");
        let words = errors.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: BTreeSet<&str> = words
            .filter(|word| word.starts_with("HUB_") || *word == "CRM")
            .collect();
        assert_eq!(named, needed(&function), "{}: {errors}", function.id);
        assert_eq!(errors.lines().count(), 1, "one line: {errors}");
    }
}

#[tokio::test]
async fn told_to_end_a_binary_ends_at_once_and_quietly() {
    let Some(binaries) = binaries("told_to_end_a_binary_ends_at_once_and_quietly") else {
        return;
    };
    let mut machine = Machine::start(&binaries).await;
    let (_, event) = machine.event("ApiFunction.health.json").await;
    let answer = machine.invoke("ApiFunction", event).await;
    assert_eq!(answer["statusCode"], 200);
    for (id, process) in std::mem::take(&mut machine.functions) {
        let asked = timeout(PATIENCE, async {
            while process.asked() == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        });
        asked.await.expect("it asks for work");
        process.terminate().await;
        let mut process = Arc::into_inner(process).unwrap();
        let ended = process.ended().await;
        // 15 is SIGTERM: nothing of ours is in its way.
        assert_eq!((ended.code(), ended.signal()), (None, Some(15)), "{id}");
        assert_eq!(process.errors(), Vec::<String>::new(), "{id}");
        let log = process.log().join("\n");
        assert!(
            !log.contains("panicked") && !log.contains("ERROR"),
            "{id}: {log}"
        );
    }
    machine.stop().await;
}

#[tokio::test]
async fn an_event_of_another_kind_fails_alone() {
    let Some(binaries) = binaries("an_event_of_another_kind_fails_alone") else {
        return;
    };
    let machine = Machine::start(&binaries).await;
    let process = &machine.functions["DispatchFunction"];
    let hub_binaries::Answer::Error(error) = process.invoke(json!({ "detail": {} })).await else {
        panic!("an answer to what comes from no queue");
    };
    assert_eq!(error["errorType"], "NotABatch", "{error}");
    let (_, event) = machine.event("DispatchFunction.references.json").await;
    let answer = machine.invoke("DispatchFunction", event).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    machine.stop().await;
}
