//! Each warning of `docs/setup/pipedrive.md` that no other story tells.

use serde_json::{Value, json};

use super::vendor::Vendor;

const PATH: &str = "/api/v2/activities";

#[tokio::test]
async fn nothing_keeps_a_second_activity_away() {
    let vendor = Vendor::new("nothing_keeps_a_second_activity_away");
    let body = json!({ "subject": "Kick-off", "type": "meeting", "note": "[liveprompt ses_1]" });
    let request = vendor.request("POST", PATH, &body);
    let fault = json!({ "fault": "drop_after" });
    vendor.caller.sandbox.add_fault(fault).unwrap();
    assert!(vendor.caller.sandbox.handle(request).await.is_err());
    vendor.data("POST", PATH, body).await;
    let all = vendor.data("GET", PATH, Value::Null).await;
    let subjects: Vec<&Value> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["subject"])
        .collect();
    assert_eq!(
        subjects,
        ["Kick-off", "Kick-off"],
        "the lost one was made too"
    );
}

#[tokio::test]
async fn a_comment_in_a_note_is_gone_and_a_visible_line_stays() {
    let vendor = Vendor::new("a_comment_in_a_note_is_gone_and_a_visible_line_stays");
    let body =
        json!({ "type": "task", "note": "<p>Hi</p><!-- ses_1 --><p>[liveprompt ses_1]</p>" });
    let made = vendor.data("POST", PATH, body).await;
    assert_eq!(made["note"], "<p>Hi</p><p>[liveprompt ses_1]</p>");
}

#[tokio::test]
async fn a_deleted_activity_is_still_read_and_no_more_changed() {
    let vendor = Vendor::new("a_deleted_activity_is_still_read_and_no_more_changed");
    let made = vendor.data("POST", PATH, json!({ "type": "task" })).await;
    let one = format!("{PATH}/{}", made["id"]);
    vendor.data("DELETE", &one, Value::Null).await;
    let read = vendor.data("GET", &one, Value::Null).await;
    assert_eq!(
        read["is_deleted"], true,
        "a 200 does not say that it is there"
    );
    let changed = vendor.call("PATCH", &one, json!({ "done": true })).await;
    assert_eq!(changed.status, 404);
}

#[tokio::test]
async fn a_task_without_a_time_takes_the_whole_day() {
    let vendor = Vendor::new("a_task_without_a_time_takes_the_whole_day");
    let body = json!({ "type": "task", "due_date": "2026-11-27" });
    let made = vendor.data("POST", PATH, body).await;
    assert_eq!(
        (&made["due_date"], &made["due_time"]),
        (&json!("2026-11-27"), &Value::Null)
    );
    let offset = json!({ "type": "task", "due_date": "2026-11-27", "due_time": "09:00+01:00" });
    assert_eq!(
        vendor.call("POST", PATH, offset).await.status,
        400,
        "times are in UTC and have no zone"
    );
}
