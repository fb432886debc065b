//! Events in time, tasks, and what was done last.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting};

#[tokio::test]
async fn the_times_of_an_event() {
    let vendor = Vendor::new();
    let start = "2026-11-20T15:00:00Z";
    let cases = [
        (
            json!({ "StartDateTime": start, "EndDateTime": "2026-11-20T15:45:00Z" }),
            45,
        ),
        (
            json!({ "StartDateTime": start, "DurationInMinutes": 45 }),
            45,
        ),
        (
            json!({ "ActivityDateTime": start, "DurationInMinutes": 45 }),
            45,
        ),
        (
            json!({ "StartDateTime": start, "EndDateTime": "2026-11-20T16:45:00+01:00", "DurationInMinutes": 45 }),
            45,
        ),
        (json!({ "StartDateTime": start, "DurationInMinutes": 0 }), 0),
        (
            json!({ "StartDateTime": start, "DurationInMinutes": 20_160 }),
            20_160,
        ),
    ];
    for (body, minutes) in cases {
        let id = vendor.make("Event", body.clone()).await;
        let seen = vendor.get(&format!("/sobjects/Event/{id}")).await.body;
        assert_eq!(seen["DurationInMinutes"], minutes, "{body}");
        assert_eq!(seen["StartDateTime"], "2026-11-20T15:00:00.000+0000");
        assert_eq!(seen["ActivityDateTime"], seen["StartDateTime"]);
        assert_eq!(seen["ActivityDate"], "2026-11-20");
        if minutes == 45 {
            assert_eq!(seen["EndDateTime"], "2026-11-20T15:45:00.000+0000");
        }
        assert_eq!(seen["ShowAs"], "Busy");
    }
    let refused = [
        (json!({}), "REQUIRED_FIELD_MISSING"),
        (json!({ "StartDateTime": start }), "REQUIRED_FIELD_MISSING"),
        (
            json!({ "StartDateTime": start, "EndDateTime": "2026-11-20T14:00:00Z" }),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({ "StartDateTime": start, "DurationInMinutes": -1 }),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({ "StartDateTime": start, "DurationInMinutes": 20_161 }),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({ "StartDateTime": start, "DurationInMinutes": 5, "EndDateTime": "2026-11-20T15:45:00Z" }),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({ "StartDateTime": start, "ActivityDateTime": "2026-11-20T16:00:00Z", "DurationInMinutes": 5 }),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({ "StartDateTime": "20.11.2026", "DurationInMinutes": 5 }),
            "JSON_PARSER_ERROR",
        ),
    ];
    for (body, code) in refused {
        assert_eq!(vendor.refused("Event", body.clone()).await, code, "{body}");
    }
    let day = vendor
        .make(
            "Event",
            json!({ "IsAllDayEvent": true, "ActivityDate": "2026-11-23" }),
        )
        .await;
    let seen = vendor.get(&format!("/sobjects/Event/{day}")).await.body;
    assert_eq!(
        (&seen["DurationInMinutes"], &seen["ActivityDateTime"]),
        (&json!(1440), &Value::Null)
    );
    assert_eq!(seen["EndDate"], "2026-11-23");
}

#[tokio::test]
async fn moving_an_event_keeps_its_length() {
    let vendor = Vendor::new();
    let id = vendor.make("Event", meeting()).await;
    let path = format!("/sobjects/Event/{id}");
    assert_eq!(
        vendor
            .call(
                "PATCH",
                &path,
                json!({ "StartDateTime": "2026-11-21T10:00:00Z" })
            )
            .await
            .status,
        204
    );
    let seen = vendor.get(&path).await.body;
    assert_eq!(seen["EndDateTime"], "2026-11-21T10:30:00.000+0000");
    assert_eq!(
        vendor
            .call(
                "PATCH",
                &path,
                json!({ "EndDateTime": "2026-11-21T11:00:00Z" })
            )
            .await
            .status,
        204
    );
    assert_eq!(vendor.get(&path).await.body["DurationInMinutes"], 60);
}

#[tokio::test]
async fn tasks() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let id = vendor
        .make(
            "Task",
            json!({ "Subject": "Call: Acme", "TaskSubtype": "Call", "TaskWhoIds": [ada],
        "ActivityDate": "2026-11-27", "CallDurationInSeconds": 1800 }),
        )
        .await;
    let path = format!("/sobjects/Task/{id}");
    let seen = vendor.get(&path).await.body;
    assert_eq!(
        (&seen["Status"], &seen["Priority"], &seen["IsClosed"]),
        (&json!("Not Started"), &json!("Normal"), &json!(false))
    );
    assert_eq!(seen["WhoId"], json!(ada));
    assert_eq!(
        seen["OwnerId"],
        vendor.caller.sandbox.credentials()["user_id"]
    );
    let reply = vendor
        .call("PATCH", &path, json!({ "TaskSubtype": "Task" }))
        .await;
    assert_eq!(
        reply.body[0]["errorCode"],
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    );
    assert_eq!(
        vendor
            .call("PATCH", &path, json!({ "Status": "Completed" }))
            .await
            .status,
        204
    );
    let seen = vendor.get(&path).await.body;
    assert_eq!(
        (&seen["IsClosed"], &seen["CompletedDateTime"]),
        (&json!(true), &json!("2026-11-20T09:00:00.000+0000"))
    );
    assert_eq!(
        vendor
            .call("PATCH", &path, json!({ "Status": null }))
            .await
            .body[0]["errorCode"],
        "REQUIRED_FIELD_MISSING"
    );
    assert_eq!(
        vendor
            .query(&format!(
                "SELECT Id FROM TaskRelation WHERE TaskId = '{id}'"
            ))
            .await
            .body["totalSize"],
        1
    );
    assert_eq!(
        vendor
            .refused("Task", json!({ "ActivityDate": "2026-11-27T10:00:00Z" }))
            .await,
        "JSON_PARSER_ERROR"
    );
}

#[tokio::test]
async fn the_last_activity_of_a_person_and_a_deal() {
    let vendor = Vendor::new();
    let (ada, deal) = (
        vendor.contact("ada@acme.example").await,
        vendor.deal().await,
    );
    let seen = async || {
        let deal = vendor.one("SELECT LastActivityDate, Account.LastActivityDate FROM Opportunity WHERE Name = 'Acme expansion'").await;
        (
            deal["LastActivityDate"].clone(),
            deal["Account"]["LastActivityDate"].clone(),
        )
    };
    assert_eq!(seen().await, (Value::Null, Value::Null));
    for (start, day) in [
        ("2026-11-18T10:00:00Z", "2026-11-18"),
        ("2026-12-24T10:00:00Z", "2026-11-18"),
    ] {
        let body =
            json!({ "StartDateTime": start, "DurationInMinutes": 5, "WhoId": ada, "WhatId": deal });
        vendor.make("Event", body).await;
        assert_eq!(
            seen().await,
            (json!(day), json!(day)),
            "what is to come does not count"
        );
    }
}
