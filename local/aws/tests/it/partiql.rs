//! How statements behave in a batch: what the claims of the ledger rest on. The findings stand in the crate's docs.

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementRequest, BatchStatementResponse,
    ReturnValuesOnConditionCheckFailure as OnFailure,
};

use crate::world::World;

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn n(value: i32) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn statement(text: &str, parameters: Vec<AttributeValue>) -> BatchStatementRequest {
    let request = BatchStatementRequest::builder()
        .statement(text)
        .set_parameters(Some(parameters));
    request
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .build()
        .unwrap()
}

async fn batch(
    world: &World,
    statements: Vec<BatchStatementRequest>,
) -> Vec<BatchStatementResponse> {
    let batch = world
        .db
        .batch_execute_statement()
        .set_statements(Some(statements));
    batch.send().await.unwrap().responses.unwrap()
}

/// One statement alone, on the item `a`/`1` with `ver` 1 and `state` `open`.
async fn one(world: &World, text: &str, parameters: Vec<AttributeValue>) -> BatchStatementResponse {
    batch(world, vec![statement(text, parameters)])
        .await
        .remove(0)
}

async fn with_item() -> World {
    let world = World::new();
    world.table().await;
    let text = r#"INSERT INTO "tab" VALUE {'pk': ?, 'sk': ?, 'ver': ?, 'state': ?}"#;
    let first = one(&world, text, vec![s("a"), s("1"), n(1), s("open")]).await;
    assert!(first.error.is_none(), "{first:?}");
    world
}

fn code(response: &BatchStatementResponse) -> &str {
    response
        .error
        .as_ref()
        .map_or("none", |e| e.code.as_ref().unwrap().as_str())
}

fn item_ver(response: &BatchStatementResponse) -> Option<&AttributeValue> {
    response.error.as_ref()?.item.as_ref()?.get("ver")
}

#[tokio::test]
async fn an_insert_of_what_exists_is_a_duplicate_without_the_item() {
    let world = with_item().await;
    let text = r#"INSERT INTO "tab" VALUE {'pk': ?, 'sk': ?, 'ver': ?}"#;
    let again = one(&world, text, vec![s("a"), s("1"), n(2)]).await;
    assert_eq!(code(&again), "DuplicateItem");
    assert!(again.error.unwrap().item.is_none());
}

#[tokio::test]
async fn an_update_whose_condition_fails_brings_the_item_that_stands() {
    let world = with_item().await;
    let text = r#"UPDATE "tab" SET ver = ? WHERE pk = ? AND sk = ? AND ver < ?"#;
    let stale = one(&world, text, vec![n(1), s("a"), s("1"), n(1)]).await;
    assert_eq!(code(&stale), "ConditionalCheckFailed");
    assert_eq!(item_ver(&stale), Some(&n(1)));
    let fresh = one(&world, text, vec![n(2), s("a"), s("1"), n(2)]).await;
    assert_eq!(code(&fresh), "none");
}

#[tokio::test]
async fn an_update_of_what_does_not_exist_fails_without_an_item() {
    let world = with_item().await;
    for text in [
        r#"UPDATE "tab" SET ver = ? WHERE pk = ? AND sk = ? AND ver < ?"#,
        r#"UPDATE "tab" SET ver = ? WHERE pk = ? AND sk = ? AND other <> ?"#,
    ] {
        let none = one(&world, text, vec![n(1), s("nobody"), s("1"), n(1)]).await;
        assert_eq!(code(&none), "ConditionalCheckFailed");
        assert!(item_ver(&none).is_none());
    }
}

#[tokio::test]
async fn returning_brings_items_within_a_batch() {
    let world = with_item().await;
    let old = r#"UPDATE "tab" SET ver = ? WHERE pk = ? AND sk = ? RETURNING ALL OLD *"#;
    let updated = one(&world, old, vec![n(2), s("a"), s("1")]).await;
    assert_eq!(updated.item.unwrap()["ver"], n(1));
    let new = r#"UPDATE "tab" SET ver = ? WHERE pk = ? AND sk = ? RETURNING ALL NEW *"#;
    let updated = one(&world, new, vec![n(3), s("a"), s("1")]).await;
    assert_eq!(updated.item.unwrap()["ver"], n(3));
}

#[tokio::test]
async fn conditions_take_missing_or_and_parentheses() {
    let cases: &[(&str, &str)] = &[
        ("lease IS MISSING", "none"),
        ("ver IS MISSING", "ConditionalCheckFailed"),
        ("ver IS NOT MISSING", "none"),
        ("attribute_not_exists(lease)", "none"),
        ("attribute_exists(lease)", "ConditionalCheckFailed"),
        ("attribute_type(ver, 'N')", "none"),
        ("begins_with(state, 'op')", "none"),
        ("contains(state, 'pe')", "none"),
        ("size(state) = 4", "none"),
        ("(lease IS MISSING OR lease < 5)", "none"),
        ("(ver > 5 OR state = 'done')", "ConditionalCheckFailed"),
        ("(ver > 5 OR (state = 'open' AND lease IS MISSING))", "none"),
        ("NOT (state = 'done')", "none"),
        ("ver BETWEEN 1 AND 2", "none"),
        ("state IN ['open', 'held']", "none"),
        ("state <> 'open'", "ConditionalCheckFailed"),
    ];
    for (condition, expected) in cases {
        let world = with_item().await;
        let text =
            format!(r#"UPDATE "tab" SET touched = ? WHERE pk = ? AND sk = ? AND {condition}"#);
        let response = one(&world, &text, vec![n(1), s("a"), s("1")]).await;
        assert_eq!(code(&response), *expected, "{condition}: {response:?}");
    }
}

#[tokio::test]
async fn updates_take_arithmetic_removal_and_several_sets() {
    for text in [
        r#"UPDATE "tab" SET ver = ver + 1 WHERE pk = ? AND sk = ?"#,
        r#"UPDATE "tab" SET ver = 2 REMOVE state WHERE pk = ? AND sk = ?"#,
        r#"UPDATE "tab" SET ver = 2 SET state = 'done' WHERE pk = ? AND sk = ?"#,
    ] {
        let world = with_item().await;
        let response = one(&world, text, vec![s("a"), s("1")]).await;
        assert_eq!(code(&response), "none", "{text}: {response:?}");
        let get = world
            .db
            .get_item()
            .table_name("tab")
            .key("pk", s("a"))
            .key("sk", s("1"));
        assert_eq!(
            get.send().await.unwrap().item.unwrap()["ver"],
            n(2),
            "{text}"
        );
    }
}

#[tokio::test]
async fn if_not_exists_is_no_part_of_the_language() {
    let world = with_item().await;
    let text = r#"UPDATE "tab" SET ver = if_not_exists(lease, 2) WHERE pk = ? AND sk = ?"#;
    assert_eq!(
        code(&one(&world, text, vec![s("a"), s("1")]).await),
        "ValidationError"
    );
}

#[tokio::test]
async fn one_failure_leaves_the_others_alone_and_answers_keep_their_places() {
    let world = with_item().await;
    let insert = r#"INSERT INTO "tab" VALUE {'pk': ?, 'sk': ?}"#;
    let update = r#"UPDATE "tab" SET ver = ? WHERE pk = ? AND sk = ? AND ver = ?"#;
    let answers = batch(
        &world,
        vec![
            statement(insert, vec![s("a"), s("1")]),
            statement(insert, vec![s("b"), s("1")]),
            statement(update, vec![n(9), s("c"), s("1"), n(1)]),
        ],
    )
    .await;
    let codes: Vec<&str> = answers.iter().map(code).collect();
    assert_eq!(codes, ["DuplicateItem", "none", "ConditionalCheckFailed"]);
}

#[tokio::test]
async fn two_statements_on_one_key_or_reads_beside_writes_refuse_the_batch() {
    let world = with_item().await;
    let insert = r#"INSERT INTO "tab" VALUE {'pk': ?, 'sk': ?}"#;
    let select = r#"SELECT * FROM "tab" WHERE pk = ? AND sk = ?"#;
    for second in [insert, select] {
        let key = vec![s("b"), s("1")];
        let statements = vec![statement(insert, key.clone()), statement(second, key)];
        let batch = world
            .db
            .batch_execute_statement()
            .set_statements(Some(statements));
        let error = batch.send().await.unwrap_err().into_service_error();
        assert_eq!(error.meta().code(), Some("ValidationException"), "{second}");
    }
}
