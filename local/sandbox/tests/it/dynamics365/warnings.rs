//! Each warning of `docs/setup/dynamics365.md` that no other story tells.

use serde_json::json;

use super::vendor::{Vendor, guid, meeting, with};

#[tokio::test]
async fn a_task_and_a_call_say_less_than_a_meeting() {
    let vendor = Vendor::new();
    let long = json!({ "description": "x".repeat(2_001) });
    for table in ["tasks", "phonecalls"] {
        let body = with(json!({ "subject": "Long" }), long.clone());
        let reply = vendor.call("POST", table, &[], body).await;
        assert_eq!(
            (reply.status, &reply.body["error"]["code"]),
            (400, &json!("0x80044331")),
            "{table}"
        );
    }
    let reply = vendor
        .call("POST", "appointments", &[], with(meeting("Long"), long))
        .await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    assert!(vendor.rows("tasks").await.is_empty(), "nothing was cut");
}

#[tokio::test]
async fn the_name_of_a_look_up_is_taken_to_the_letter() {
    let vendor = Vendor::new();
    let account = format!("/accounts({})", vendor.account("Acme Corp").await);
    let regarding = async |name: &str| {
        let body = json!({ "subject": "Send pricing", name: account });
        vendor.call("POST", "tasks", &[], body).await
    };
    let taken = regarding("regardingobjectid_account_task@odata.bind").await;
    assert_eq!(taken.status, 204, "{}", taken.text);
    for wrong in [
        "RegardingObjectId_account_task@odata.bind",
        "regardingobjectid@odata.bind",
    ] {
        let refused = regarding(wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    assert_eq!(vendor.rows("tasks").await.len(), 1);
}

#[tokio::test]
async fn a_deleted_record_comes_back_by_a_change_without_a_condition() {
    let vendor = Vendor::new();
    let at = format!("tasks({})", guid(1));
    let body = json!({ "subject": "Send pricing" });
    assert_eq!(vendor.patch(&at, &[], body.clone()).await.status, 204);
    let gone = vendor.call("DELETE", &at, &[], json!(null)).await;
    assert_eq!(gone.status, 204);
    let bound = vendor.patch(&at, &["If-Match: *"], body.clone()).await;
    assert_eq!(bound.status, 404);
    assert_eq!(vendor.patch(&at, &[], body).await.status, 204);
    assert_eq!(vendor.rows("tasks").await.len(), 1);
}
