//! From signed events to records by the binaries alone, over the queues between them.

use hub_binaries::{Machine, binaries};
use hub_engine::CRMS;
use serde_json::{Value, json};

use crate::each_once;

#[tokio::test]
async fn events_become_records_through_the_binaries_and_their_queues() {
    let Some(binaries) = binaries("events_become_records_through_the_binaries_and_their_queues")
    else {
        return;
    };
    let machine = Machine::start(&binaries).await;
    for crm in CRMS {
        machine.seeder.connection(crm).await.unwrap();
    }
    for file in [
        "IngestFunction.organization.changed.json",
        "IngestFunction.session.completed.meeting.json",
        "IngestFunction.session.completed.call.json",
        "IngestFunction.session.completed.internal.json",
        "IngestFunction.list.json",
    ] {
        let (sample, event) = machine.event(file).await;
        let answer = machine.invoke(sample.function(), event).await;
        assert_eq!(answer["statusCode"], 202, "{file}: {answer}");
    }
    machine.work().await;
    each_once(&machine).await;

    // liveprompt sends the same again, now by the queue.
    let (_, event) = machine.event("DispatchFunction.signed-event.json").await;
    let answer = machine.invoke("DispatchFunction", event).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    machine.work().await;
    each_once(&machine).await;
    for (queue, depth) in machine.surroundings.aws.queues() {
        assert_eq!(depth.total(), 0, "{queue}");
    }
    machine.stop().await;
}

#[tokio::test]
async fn a_poison_record_stays_in_the_queue_and_the_others_leave_it() {
    let Some(binaries) = binaries("a_poison_record_stays_in_the_queue_and_the_others_leave_it")
    else {
        return;
    };
    let machine = Machine::start(&binaries).await;
    for (file, poisoned) in [
        ("DispatchFunction.references.json", 2),
        ("DeliversalesforceFunction.live.json", 3),
    ] {
        let (sample, mut event) = machine.event(file).await;
        let records = event["Records"].as_array_mut().unwrap();
        assert_eq!(records.len(), poisoned, "{file}");
        let mut poison = records[0].clone();
        poison["messageId"] = json!("poison");
        // Without it a message can be neither hidden nor deleted.
        poison["receiptHandle"] = Value::Null;
        records.insert(1, poison);
        let answer = machine.invoke(sample.function(), event).await;
        let expected = json!({ "batchItemFailures": [{ "itemIdentifier": "poison" }] });
        assert_eq!(answer, expected, "{file}");
    }
    machine.stop().await;
}
