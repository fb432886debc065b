//! DynamoDB beyond statements and capacity: the clock, streams, errors, the dump.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use jiff::Timestamp;

use crate::world::{World, pass};

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn put(world: &World, pk: &str, expires: i64) {
    let put = world
        .db
        .put_item()
        .table_name("tab")
        .item("pk", s(pk))
        .item("sk", s("1"));
    put.item("ttl", AttributeValue::N(expires.to_string()))
        .send()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn time_to_live_reads_the_injected_clock() {
    let world = World::new();
    world.table().await;
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name("ttl")
        .enabled(true)
        .build()
        .unwrap();
    world
        .db
        .update_time_to_live()
        .table_name("tab")
        .time_to_live_specification(ttl)
        .send()
        .await
        .unwrap();
    let now = (world.clock)().as_second();
    put(&world, "soon", now + 60).await;
    put(&world, "late", now + 7200).await;
    assert_eq!(world.aws.sweep_ttl().unwrap(), 0);
    pass(3600).await;
    assert_eq!(world.aws.sweep_ttl().unwrap(), 1);
    let dump = world.aws.dump().unwrap();
    let keys: Vec<&str> = dump.tables["tab"]
        .iter()
        .map(|item| item["pk"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["late"]);
}

#[tokio::test(start_paused = true)]
async fn no_virtual_time_passes() {
    let world = World::new();
    world.table().await;
    for pk in 0..50 {
        put(&world, &pk.to_string(), 0).await;
    }
    assert_eq!(
        (world.clock)(),
        crate::world::START.parse::<Timestamp>().unwrap()
    );
}

#[tokio::test]
async fn the_dump_pages_through_everything() {
    let world = World::new();
    world.table().await;
    for pk in 0..8 {
        let put = world
            .db
            .put_item()
            .table_name("tab")
            .item("pk", s(&pk.to_string()))
            .item("sk", s("1"));
        put.item("data", s(&"x".repeat(300_000)))
            .send()
            .await
            .unwrap();
    }
    assert_eq!(world.aws.dump().unwrap().tables["tab"].len(), 8);
}

#[tokio::test]
async fn errors_are_typed_by_the_sdk() {
    let world = World::new();
    let get = world
        .db
        .get_item()
        .table_name("none")
        .key("pk", s("a"))
        .send()
        .await;
    assert!(
        get.unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
    let unknown = world
        .db
        .list_backups()
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(unknown.meta().code(), Some("UnknownOperationException"));
    let invalid = world
        .db
        .put_item()
        .table_name("tab")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(invalid.meta().code().is_some(), "{invalid:?}");
}

#[tokio::test]
async fn batches_and_queries_work() {
    use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
    let world = World::new();
    world.table().await;
    let write = |sk: &str| {
        let put = PutRequest::builder()
            .item("pk", s("a"))
            .item("sk", s(sk))
            .build()
            .unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    world
        .db
        .batch_write_item()
        .request_items("tab", vec![write("1"), write("2"), write("3")])
        .send()
        .await
        .unwrap();
    let query = world
        .db
        .query()
        .table_name("tab")
        .key_condition_expression("pk = :a")
        .limit(2);
    let page = query
        .expression_attribute_values(":a", s("a"))
        .send()
        .await
        .unwrap();
    assert_eq!(page.count, 2);
    assert!(page.last_evaluated_key.is_some());
    let key = |sk: &str| HashMap::from([("pk".to_owned(), s("a")), ("sk".to_owned(), s(sk))]);
    let keys = KeysAndAttributes::builder()
        .keys(key("1"))
        .keys(key("9"))
        .build()
        .unwrap();
    let found = world
        .db
        .batch_get_item()
        .request_items("tab", keys)
        .send()
        .await
        .unwrap();
    assert_eq!(found.responses.unwrap()["tab"].len(), 1);
}
