//! A table's stream, brought to a function.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{AttributeValue, StreamSpecification, StreamViewType};
use futures_util::FutureExt;
use hub_local_aws::{Brought, Handler, StreamSource};
use serde_json::{Value, json};

use crate::world::World;

type Seen = Arc<Mutex<Vec<Vec<String>>>>;

/// A function that keeps the sort keys of each event, and answers by `answer`.
fn function(
    answer: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
) -> (Handler, Seen) {
    let seen = Seen::default();
    let kept = seen.clone();
    let handler: Handler = Arc::new(move |event| {
        let records = event["Records"].as_array().unwrap().clone();
        let keys = records.iter().map(|record| {
            record["dynamodb"]["Keys"]["sk"]["S"]
                .as_str()
                .unwrap()
                .to_owned()
        });
        kept.lock().unwrap().push(keys.collect());
        let answer = answer(&records);
        async move { answer }.boxed()
    });
    (handler, seen)
}

fn seen(seen: &Seen) -> Vec<String> {
    let events = std::mem::take(&mut *seen.lock().unwrap());
    events.iter().map(|keys| keys.concat()).collect()
}

/// A machine whose table has a stream.
async fn streaming() -> World {
    let world = World::new();
    world.table().await;
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .unwrap();
    let update = world.db.update_table().table_name("tab");
    update.stream_specification(stream).send().await.unwrap();
    world
}

async fn put(world: &World, keys: &str) {
    for sk in keys.chars() {
        let put = world.db.put_item().table_name("tab");
        put.item("pk", AttributeValue::S("p".to_owned()))
            .item("sk", AttributeValue::S(sk.to_string()))
            .send()
            .await
            .unwrap();
    }
}

fn from(record: &Value) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": record["dynamodb"]["SequenceNumber"] }] })
}

#[tokio::test(start_paused = true)]
async fn changes_come_in_order_a_batch_at_a_time() {
    let world = streaming().await;
    let (handler, events) = function(|_| Ok(json!({ "batchItemFailures": [] })));
    let source = StreamSource::new("tab", 2, handler);
    assert_eq!(
        world.aws.stream_once(&source).await.unwrap(),
        Brought::default()
    );
    put(&world, "abcab").await;
    for changes in [2, 2, 1, 0] {
        let brought = world.aws.stream_once(&source).await.unwrap();
        assert_eq!(brought, Brought { changes, again: 0 });
    }
    put(&world, "d").await;
    assert_eq!(world.aws.stream_once(&source).await.unwrap().changes, 1);
    // dynoxide makes a change even of a put that changes nothing; AWS does not.
    assert_eq!(seen(&events), ["ab", "ca", "b", "d"]);
}

#[tokio::test(start_paused = true)]
async fn everything_from_the_first_failure_on_comes_again() {
    let world = streaming().await;
    let once = Mutex::new(true);
    let (handler, events) = function(move |records| {
        let first_time = std::mem::take(&mut *once.lock().unwrap());
        Ok(if first_time {
            from(&records[2])
        } else {
            json!({ "batchItemFailures": [] })
        })
    });
    let source = StreamSource::new("tab", 10, handler);
    put(&world, "abcd").await;
    let brought = world.aws.stream_once(&source).await.unwrap();
    assert_eq!(
        brought,
        Brought {
            changes: 4,
            again: 2
        }
    );
    world.aws.stream_once(&source).await.unwrap();
    assert_eq!(seen(&events), ["abcd", "cd"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_fails_or_says_nothing_clear_brings_the_whole_batch_again() {
    let world = streaming().await;
    put(&world, "abc").await;
    let unknown = json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] });
    for answer in [Err("no".to_owned()), Ok(unknown)] {
        let (handler, _) = function(move |_| answer.clone());
        let source = StreamSource::new("tab", 10, handler);
        let brought = world.aws.stream_once(&source).await.unwrap();
        assert_eq!(
            brought,
            Brought {
                changes: 3,
                again: 3
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answer_is_lost_comes_again() {
    let world = streaming().await;
    put(&world, "ab").await;
    let (handler, events) = function(|_| Ok(Value::Null));
    let source = StreamSource::new("tab", 10, handler);
    assert_eq!(world.aws.stream_in_vain(&source).await.unwrap(), 2);
    assert_eq!(world.aws.stream_once(&source).await.unwrap().again, 0);
    assert_eq!(world.aws.stream_in_vain(&source).await.unwrap(), 0);
    assert_eq!(seen(&events), ["ab", "ab"]);
}
