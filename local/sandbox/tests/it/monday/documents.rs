//! Documents: what is asked for is checked as a whole before anything is carried out.

use serde_json::json;

use super::{Vendor, code};

#[tokio::test]
async fn a_document_that_is_wrong_anywhere_does_nothing() {
    let vendor = Vendor::new();
    for (query, expected) in [
        (
            "mutation{create_item(board_id:18000000004,item_name:\"A\"){id}",
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            "mutation{create_item(board_id:18000000004,item_name:\"A\"){id nothing}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "mutation{create_item(board_id:18000000004,item_name:\"A\",label:\"x\"){id}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "mutation{create_item(board_id:18000000004){id}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "mutation($n:String){create_item(board_id:18000000004,item_name:$n){id}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "mutation{create_item(board_id:18000000004,item_name:\"A\")}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "mutation{create_item(board_id:18000000004,item_name:7){id}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query{create_item(board_id:18000000004,item_name:\"A\"){id}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        let reply = vendor.ask(query, json!({})).await;
        assert_eq!((reply.status, code(&reply)), (400, expected), "{query}");
    }
    assert!(vendor.held("tasks").is_empty());
}

#[tokio::test]
async fn aliases_fragments_directives_and_variables_are_known() {
    let vendor = Vendor::new();
    let query = "query($who:[String!],$no:Boolean!){one:users(emails:$who){...about __typename} me @skip(if:$no){id} version{value} complexity{before after query reset_in_x_seconds}} fragment about on User{email}";
    let data = vendor
        .data(
            query,
            json!({ "who": ["olivia@liveprompt.example"], "no": true }),
        )
        .await;
    assert_eq!(
        data["one"],
        json!([{ "email": "olivia@liveprompt.example", "__typename": "User" }])
    );
    assert!(data.get("me").is_none());
    assert_eq!(data["version"]["value"], "2026-10");
    let complexity = &data["complexity"];
    let spent = complexity["before"].as_i64().unwrap() - complexity["after"].as_i64().unwrap();
    assert_eq!(Some(spent), complexity["query"].as_i64());
    let several = "query a{me{id}} query b{account{id}}";
    assert_eq!(
        code(&vendor.ask(several, json!({})).await),
        "GRAPHQL_VALIDATION_FAILED"
    );
}

#[tokio::test]
async fn a_scope_is_asked_for_before_anything_is_done() {
    let vendor = Vendor::new();
    vendor.arm(json!({ "fault": "missing_scopes" }));
    let reply = vendor
        .ask(
            "mutation{create_item(board_id:18000000004,item_name:\"A\"){id}}",
            json!({}),
        )
        .await;
    assert_eq!(
        (reply.status, code(&reply)),
        (200, "missingRequiredPermissions")
    );
    assert!(vendor.held("tasks").is_empty());
}
