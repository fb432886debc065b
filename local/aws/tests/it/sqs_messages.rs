//! What a message may be, and what is told about it.

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName as System, SendMessageBatchRequestEntry,
};

use crate::world::{World, sqs};

fn text(kind: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(kind)
        .string_value(value)
        .build()
        .unwrap()
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

#[tokio::test]
async fn bodies_and_attributes_come_with_their_sums() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    let sent = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("hello");
    let sent = sent
        .message_attributes("timestamp", text("Number", "1493147359900"))
        .send()
        .await
        .unwrap();
    // The expected sums are from md5sum and from a script by AWS's description.
    assert_eq!(
        sent.md5_of_message_body.as_deref(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    assert_eq!(
        sent.md5_of_message_attributes.as_deref(),
        Some("235c5c510d26fb653d073faed50ae77c")
    );
    let binary = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0, 1, 255]));
    let sent = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("hello");
    let sent = sent.message_attributes("signature", binary.build().unwrap());
    let sent = sent
        .message_attributes("webhook-id", text("String", "evt_1"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent.md5_of_message_attributes.as_deref(),
        Some("0bcbf10504bcb8220e326218bb4bc509")
    );

    let url = world.queue("q2", &[]).await;
    let plain = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("hello");
    let both = plain.message_attributes("webhook-id", text("String", "evt_1"));
    both.message_attributes("other", text("String", "x"))
        .send()
        .await
        .unwrap();
    let receive = world
        .sqs
        .receive_message()
        .queue_url(&url)
        .visibility_timeout(0);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    assert!(message.message_attributes.is_none(), "none were asked for");
    let receive = world
        .sqs
        .receive_message()
        .queue_url(&url)
        .message_attribute_names("webhook.*");
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(
        message.md5_of_body.as_deref(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    assert_eq!(
        message.md5_of_message_attributes.as_deref(),
        Some("23b2424767665b41bb20ea8284453569")
    );
    let attributes = message.message_attributes.unwrap();
    assert_eq!(attributes.len(), 1);
    assert_eq!(
        attributes["webhook-id"].string_value.as_deref(),
        Some("evt_1")
    );
}

#[tokio::test(start_paused = true)]
async fn system_attributes_are_told_when_asked_for() {
    let world = World::new();
    let url = world.queue("q", &[("VisibilityTimeout", "0")]).await;
    let liveprompt = sqs(
        world.aws.http_client(),
        "AKIDLIVEPROMPT",
        "http://127.0.0.1:4566",
    );
    let send = liveprompt
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .message_group_id("org_1");
    send.send().await.unwrap();
    crate::world::pass(2).await;
    world.receive(&url, 1).await;
    let plain = world.receive(&url, 1).await;
    assert!(plain[0].attributes.is_none());
    crate::world::pass(1).await;
    let receive = world
        .sqs
        .receive_message()
        .queue_url(&url)
        .message_system_attribute_names(System::All);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    let all = message.attributes.unwrap();
    assert_eq!(all[&System::SenderId], "AKIDLIVEPROMPT");
    assert_eq!(all[&System::SentTimestamp], "1768478400000");
    assert_eq!(all[&System::ApproximateReceiveCount], "3");
    assert_eq!(
        all[&System::ApproximateFirstReceiveTimestamp],
        "1768478402000"
    );
    assert_eq!(all[&System::MessageGroupId], "org_1");
    assert!(!all.contains_key(&System::DeadLetterQueueSourceArn));
    let dump = &world.aws.dump().unwrap().queues["q"];
    assert_eq!(dump[0].sender_id, "AKIDLIVEPROMPT");
    assert_eq!(dump[0].receive_count, 3);
}

#[tokio::test]
async fn a_message_has_limits() {
    let world = World::new();
    let url = world.queue("q", &[("MaximumMessageSize", "1024")]).await;
    let send = |body: String| world.sqs.send_message().queue_url(&url).message_body(body);
    send("x".repeat(1024)).send().await.unwrap();
    send("x".repeat(1025)).send().await.unwrap_err();
    let attribute = send("x".repeat(1010)).message_attributes("name", text("String", "12345"));
    attribute.send().await.expect_err("attributes count");
    let invalid = send("\u{1}".into())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(invalid.is_invalid_message_contents());
    send("x".into())
        .delay_seconds(901)
        .send()
        .await
        .unwrap_err();
    send("x".into())
        .message_group_id("with space")
        .send()
        .await
        .unwrap_err();
    send("x".into())
        .message_deduplication_id("d")
        .send()
        .await
        .unwrap_err();
    let mut eleven = send("x".into());
    for name in 0..11 {
        eleven = eleven.message_attributes(name.to_string(), text("String", "v"));
    }
    eleven.send().await.unwrap_err();
    send(String::new()).send().await.unwrap_err();
    assert_eq!(world.aws.queue("q").unwrap().visible, 1);
}

#[tokio::test]
async fn a_batch_is_refused_whole_or_entry_by_entry() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    let batch = |entries: Vec<SendMessageBatchRequestEntry>| {
        world
            .sqs
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some(entries))
            .send()
    };
    assert!(
        batch(vec![])
            .await
            .unwrap_err()
            .into_service_error()
            .is_empty_batch_request()
    );
    let eleven = (0..11).map(|i| entry(&i.to_string(), "x")).collect();
    assert!(
        batch(eleven)
            .await
            .unwrap_err()
            .into_service_error()
            .is_too_many_entries_in_batch_request()
    );
    let twice = vec![entry("a", "x"), entry("a", "y")];
    assert!(
        batch(twice)
            .await
            .unwrap_err()
            .into_service_error()
            .is_batch_entry_ids_not_distinct()
    );
    assert!(
        batch(vec![entry("a b", "x")])
            .await
            .unwrap_err()
            .into_service_error()
            .is_invalid_batch_entry_id()
    );
    let long = vec![
        entry("a", &"x".repeat(600_000)),
        entry("b", &"x".repeat(600_000)),
    ];
    assert!(
        batch(long)
            .await
            .unwrap_err()
            .into_service_error()
            .is_batch_request_too_long()
    );
    assert_eq!(world.aws.queue("q").unwrap().total(), 0);

    let mixed = batch(vec![entry("good", "x"), entry("bad", "\u{1}")])
        .await
        .unwrap();
    assert_eq!(mixed.successful.len(), 1);
    assert_eq!(mixed.successful[0].id, "good");
    assert_eq!(mixed.failed.len(), 1);
    assert_eq!(
        (mixed.failed[0].id.as_str(), mixed.failed[0].code.as_str()),
        ("bad", "InvalidMessageContents")
    );
    assert!(mixed.failed[0].sender_fault);
    assert_eq!(world.aws.queue("q").unwrap().visible, 1);
}

#[tokio::test]
async fn deletion_goes_by_the_newest_receipt() {
    let world = World::new();
    let url = world.queue("q", &[("VisibilityTimeout", "0")]).await;
    world.send(&url, "x").await;
    let receipt = |messages: &[Message]| messages[0].receipt_handle.clone().unwrap();
    let first = receipt(&world.receive(&url, 1).await);
    let second = receipt(&world.receive(&url, 1).await);
    let delete = |handle: &str| {
        world
            .sqs
            .delete_message()
            .queue_url(&url)
            .receipt_handle(handle)
            .send()
    };
    delete(&first).await.expect("an old handle is accepted");
    assert_eq!(
        world.aws.queue("q").unwrap().total(),
        1,
        "and deletes nothing"
    );
    delete(&second).await.unwrap();
    assert_eq!(world.aws.queue("q").unwrap().total(), 0);
    delete(&second).await.expect("deleting twice is no error");
    let garbage = delete("garbage").await.unwrap_err().into_service_error();
    assert!(garbage.is_receipt_handle_is_invalid());
    let batch = world.sqs.delete_message_batch().queue_url(&url);
    let entry = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
    };
    let batch = batch
        .entries(entry("a", &second).unwrap())
        .entries(entry("b", "garbage").unwrap());
    let answer = batch.send().await.unwrap();
    assert_eq!((answer.successful.len(), answer.failed.len()), (1, 1));
    assert_eq!(answer.failed[0].code, "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn ids_and_receipts_replay_from_the_seed() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let world = World::with_seed(seed);
        let url = world.queue("q", &[]).await;
        let id = world.send(&url, "x").await;
        let receipt = world.receive(&url, 1).await[0]
            .receipt_handle
            .clone()
            .unwrap();
        runs.push((id, receipt));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0].0, runs[2].0);
    assert_ne!(runs[0].1, runs[2].1);
}
