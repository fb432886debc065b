//! Capacity units, counted whether the client asks for them or not.

use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest, ReturnConsumedCapacity};

use crate::world::World;

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn big(bytes: usize) -> AttributeValue {
    AttributeValue::S("x".repeat(bytes))
}

async fn world() -> World {
    let world = World::new();
    world.table().await;
    world.aws.reset_counts();
    world
}

async fn put(world: &World, pk: &str, bytes: usize) {
    let put = world
        .db
        .put_item()
        .table_name("tab")
        .item("pk", s(pk))
        .item("sk", s("1"))
        .item("data", big(bytes));
    let answer = put.send().await.unwrap();
    assert!(answer.consumed_capacity.is_none(), "nobody asked");
}

#[tokio::test]
async fn writes_count_by_the_kilobyte_and_reads_by_four() {
    let world = world().await;
    put(&world, "a", 10).await;
    put(&world, "b", 2500).await;
    assert_eq!(world.aws.counts().write_units.to_string(), "4");
    let get = || {
        world
            .db
            .get_item()
            .table_name("tab")
            .key("pk", s("b"))
            .key("sk", s("1"))
    };
    get().send().await.unwrap();
    get().consistent_read(true).send().await.unwrap();
    let counts = world.aws.counts();
    assert_eq!(counts.read_units.to_string(), "1.5");
    assert_eq!(counts.calls_of("dynamodb.PutItem"), 2);
    assert_eq!(counts.calls_of("dynamodb.GetItem"), 2);
    assert!(counts.bytes_in > 2500 && counts.bytes_out > 2500);
    assert_eq!(counts.payload_bytes(), counts.bytes_in + counts.bytes_out);
}

#[tokio::test]
async fn capacity_that_was_asked_for_is_answered() {
    let world = world().await;
    let put = world
        .db
        .put_item()
        .table_name("tab")
        .item("pk", s("a"))
        .item("sk", s("1"));
    let answer = put
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.consumed_capacity.unwrap().capacity_units, Some(1.0));
}

#[tokio::test]
async fn a_failed_condition_costs_the_larger_item_and_shows_no_item_that_was_not_asked_for() {
    let world = world().await;
    put(&world, "a", 2500).await;
    world.aws.reset_counts();
    let put = world
        .db
        .put_item()
        .table_name("tab")
        .item("pk", s("a"))
        .item("sk", s("1"));
    let error = put
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
        failed,
    ) = error
    else {
        panic!("{error:?}")
    };
    assert!(failed.item.is_none());
    assert_eq!(world.aws.counts().write_units.to_string(), "3");
    let update = world
        .db
        .update_item()
        .table_name("tab")
        .key("pk", s("none"))
        .key("sk", s("1"));
    let update = update
        .update_expression("SET v = :v")
        .expression_attribute_values(":v", s("1"));
    update
        .condition_expression("attribute_exists(pk)")
        .send()
        .await
        .unwrap_err();
    assert_eq!(world.aws.counts().write_units.to_string(), "4");
}

fn insert(pk: &str, bytes: usize) -> BatchStatementRequest {
    let text = r#"INSERT INTO "tab" VALUE {'pk': ?, 'sk': ?, 'data': ?}"#;
    let request = BatchStatementRequest::builder().statement(text);
    request
        .parameters(s(pk))
        .parameters(s("1"))
        .parameters(big(bytes))
        .build()
        .unwrap()
}

fn update(pk: &str) -> BatchStatementRequest {
    let request = BatchStatementRequest::builder()
        .statement(r#"UPDATE "tab" SET v = ? WHERE pk = ? AND sk = ? AND v = ?"#);
    request
        .parameters(s("2"))
        .parameters(s(pk))
        .parameters(s("1"))
        .parameters(s("9"))
        .build()
        .unwrap()
}

async fn batch(world: &World, statements: Vec<BatchStatementRequest>) -> f64 {
    world.aws.reset_counts();
    let batch = world
        .db
        .batch_execute_statement()
        .set_statements(Some(statements));
    let answer = batch
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    let told: f64 = answer
        .consumed_capacity
        .unwrap_or_default()
        .iter()
        .filter_map(|c| c.capacity_units)
        .fold(0.0, |sum, units| sum + units);
    for response in answer.responses.unwrap() {
        assert!(
            response.error.and_then(|e| e.item).is_none(),
            "ALL_OLD was not asked for"
        );
    }
    told
}

#[tokio::test]
async fn failed_statements_cost_and_a_batch_of_failures_reports_nothing() {
    let world = world().await;
    put(&world, "a", 10).await;
    put(&world, "large", 2500).await;
    let told = batch(
        &world,
        vec![insert("new", 10), insert("a", 10), update("large")],
    )
    .await;
    assert_eq!(told.to_string(), "5", "1 + 1 + 3");
    assert_eq!(world.aws.counts().write_units.to_string(), "5");
    let told = batch(
        &world,
        vec![insert("a", 1500), update("large"), update("nobody")],
    )
    .await;
    assert_eq!(told.to_string(), "0", "AWS is silent when all fail");
    assert_eq!(world.aws.counts().write_units.to_string(), "6", "2 + 3 + 1");
}

#[tokio::test]
async fn transactions_cost_twice_and_cancelled_ones_too() {
    use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
    let world = world().await;
    let item = |pk: &str| {
        let put = Put::builder()
            .table_name("tab")
            .item("pk", s(pk))
            .item("sk", s("1"));
        let put = put
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let transact = |a: &str, b: &str| {
        world
            .db
            .transact_write_items()
            .transact_items(item(a))
            .transact_items(item(b))
    };
    transact("a", "b").send().await.unwrap();
    assert_eq!(world.aws.counts().write_units.to_string(), "4");
    transact("b", "c").send().await.unwrap_err();
    assert_eq!(world.aws.counts().write_units.to_string(), "8");
}
