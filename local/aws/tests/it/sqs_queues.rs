//! Queues themselves: creating, finding, changing, purging, deleting.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::world::{World, pass};

#[tokio::test]
async fn a_queue_is_created_once_and_found_by_name() {
    let world = World::new();
    let url = world.queue("orders", &[("VisibilityTimeout", "60")]).await;
    assert_eq!(url, "http://127.0.0.1:4566/000000000000/orders");
    assert_eq!(
        world.queue("orders", &[("VisibilityTimeout", "60")]).await,
        url
    );
    let other = world
        .sqs
        .create_queue()
        .queue_name("orders")
        .attributes(QueueAttributeName::VisibilityTimeout, "61");
    assert!(
        other
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
    let found = world
        .sqs
        .get_queue_url()
        .queue_name("orders")
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url, Some(url));
    let none = world
        .sqs
        .get_queue_url()
        .queue_name("none")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(none.is_queue_does_not_exist());
    assert_eq!(
        none.meta().code(),
        Some("AWS.SimpleQueueService.NonExistentQueue")
    );
}

#[tokio::test]
async fn any_url_that_ends_in_the_name_is_the_queue() {
    let world = World::new();
    world.queue("orders", &[]).await;
    world
        .send(
            "https://sqs.eu-central-1.amazonaws.com/123456789012/orders",
            "hello",
        )
        .await;
    assert_eq!(world.aws.queue("orders").unwrap().visible, 1);
    world.aws.set_endpoint("http://localhost:9/");
    let found = world
        .sqs
        .get_queue_url()
        .queue_name("orders")
        .send()
        .await
        .unwrap();
    assert_eq!(
        found.queue_url.as_deref(),
        Some("http://localhost:9/000000000000/orders")
    );
}

#[tokio::test]
async fn queues_are_listed_by_prefix() {
    let world = World::new();
    for name in ["a-1", "a-2", "b-1"] {
        world.queue(name, &[]).await;
    }
    let list = world
        .sqs
        .list_queues()
        .queue_name_prefix("a-")
        .send()
        .await
        .unwrap();
    assert_eq!(list.queue_urls.unwrap().len(), 2);
    assert_eq!(
        world
            .sqs
            .list_queues()
            .send()
            .await
            .unwrap()
            .queue_urls
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn attributes_tell_settings_and_depth() {
    let world = World::new();
    world.queue("dlq", &[]).await;
    let redrive =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dlq","maxReceiveCount":"5"}"#;
    let url = world
        .queue("q", &[("DelaySeconds", "0"), ("RedrivePolicy", redrive)])
        .await;
    world.send(&url, "one").await;
    world.send(&url, "two").await;
    world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(900)
        .send()
        .await
        .unwrap();
    world.receive(&url, 1).await;
    let get = world
        .sqs
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::All);
    let all = get.send().await.unwrap().attributes.unwrap();
    let of = |name: &str| all[&QueueAttributeName::from(name)].as_str();
    assert_eq!(of("ApproximateNumberOfMessages"), "1");
    assert_eq!(of("ApproximateNumberOfMessagesNotVisible"), "1");
    assert_eq!(of("ApproximateNumberOfMessagesDelayed"), "1");
    assert_eq!(of("QueueArn"), "arn:aws:sqs:us-east-1:000000000000:q");
    assert_eq!(of("VisibilityTimeout"), "30");
    assert_eq!(of("MaximumMessageSize"), "1048576");
    assert_eq!(of("CreatedTimestamp"), "1768478400");
    let policy: serde_json::Value = serde_json::from_str(of("RedrivePolicy")).unwrap();
    assert_eq!(policy["maxReceiveCount"], 5);
    let depth = world.aws.queue("q").unwrap();
    assert_eq!(
        (depth.visible, depth.in_flight, depth.delayed, depth.total()),
        (1, 1, 1, 3)
    );
}

#[tokio::test]
async fn attributes_have_limits() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    for (name, value) in [
        ("VisibilityTimeout", "43201"),
        ("DelaySeconds", "901"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        (
            "RedrivePolicy",
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":5}"#,
        ),
        (
            "RedrivePolicy",
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:q","maxReceiveCount":1001}"#,
        ),
        ("Nonsense", "1"),
    ] {
        let set = world
            .sqs
            .set_queue_attributes()
            .queue_url(&url)
            .attributes(name.into(), value);
        set.send().await.expect_err(name);
    }
    let set = world
        .sqs
        .set_queue_attributes()
        .queue_url(&url)
        .attributes("VisibilityTimeout".into(), "43200");
    set.send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_purge_empties_and_is_allowed_once_a_minute() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    world.send(&url, "one").await;
    world.send(&url, "two").await;
    world.receive(&url, 1).await;
    world
        .sqs
        .purge_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap();
    assert_eq!(world.aws.queue("q").unwrap().total(), 0);
    let again = world
        .sqs
        .purge_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(again.is_purge_queue_in_progress());
    pass(60).await;
    world
        .sqs
        .purge_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_deleted_queue_is_gone() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    world
        .sqs
        .delete_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap();
    let send = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .send()
        .await
        .unwrap_err();
    assert!(send.into_service_error().is_queue_does_not_exist());
    assert!(world.aws.queue("q").is_none());
}
