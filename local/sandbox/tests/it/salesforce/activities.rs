//! The people events are with.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, with};

async fn relations(vendor: &Vendor, event: &str) -> Vec<(String, bool)> {
    let soql = format!(
        "SELECT RelationId, IsWhat, IsParent FROM EventRelation WHERE EventId = '{event}' AND IsParent = true"
    );
    let reply = vendor.query(&soql).await;
    let rows = reply.body["records"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", reply.body));
    rows.iter()
        .map(|row| {
            (
                row["RelationId"].as_str().unwrap().to_owned(),
                row["IsWhat"].as_bool().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn several_people_by_the_junction_list() {
    let vendor = Vendor::new();
    let (ada, ben) = (
        vendor.contact("ada@acme.example").await,
        vendor.contact("ben@acme.example").await,
    );
    let carla = vendor.contact("carla@globex.example").await;
    let deal = vendor.deal().await;
    let id = vendor
        .make(
            "Event",
            with(
                meeting(),
                json!({ "EventWhoIds": [ben, ada, ben], "WhatId": deal }),
            ),
        )
        .await;
    let seen = vendor
        .one(&format!(
            "SELECT WhoId, WhoCount, WhatCount, AccountId, EventWhoIds FROM Event WHERE Id = '{id}'"
        ))
        .await;
    assert_eq!(
        (&seen["WhoId"], &seen["WhoCount"], &seen["WhatCount"]),
        (&json!(ben), &json!(2), &json!(1))
    );
    assert_eq!(seen["EventWhoIds"], json!([ben, ada]));
    assert!(seen["AccountId"].is_string());
    let mut rows = relations(&vendor, &id).await;
    rows.sort();
    let mut expected = vec![(ada.clone(), false), (ben.clone(), false), (deal, true)];
    expected.sort();
    assert_eq!(rows, expected);

    // Setting the list replaces the set; the first of a list without the old Who becomes the Who.
    let path = format!("/sobjects/Event/{id}");
    assert_eq!(
        vendor
            .call("PATCH", &path, json!({ "EventWhoIds": [carla, ada] }))
            .await
            .status,
        204
    );
    let seen = vendor
        .one(&format!(
            "SELECT WhoId, WhoCount FROM Event WHERE Id = '{id}'"
        ))
        .await;
    assert_eq!(
        (&seen["WhoId"], &seen["WhoCount"]),
        (&json!(carla), &json!(2))
    );
    // A Who that is named leads the list.
    assert_eq!(
        vendor
            .call(
                "PATCH",
                &path,
                json!({ "EventWhoIds": [ada], "WhoId": ben })
            )
            .await
            .status,
        204
    );
    let seen = vendor
        .one(&format!("SELECT EventWhoIds FROM Event WHERE Id = '{id}'"))
        .await;
    assert_eq!(seen["EventWhoIds"], json!([ben, ada]));
    // Null leaves the Who alone.
    assert_eq!(
        vendor
            .call("PATCH", &path, json!({ "EventWhoIds": null }))
            .await
            .status,
        204
    );
    let seen = vendor
        .one(&format!("SELECT EventWhoIds FROM Event WHERE Id = '{id}'"))
        .await;
    assert_eq!(seen["EventWhoIds"], json!([ben]));
}

#[tokio::test]
async fn fifty_contacts_or_one_lead() {
    let vendor = Vendor::new();
    let lead = vendor.lead("lee@prospect.example").await;
    let other = vendor.lead("lia@prospect.example").await;
    let ada = vendor.contact("ada@acme.example").await;
    let deal = vendor.deal().await;
    let refused = [
        json!({ "WhoId": lead, "WhatId": deal }),
        json!({ "EventWhoIds": [lead, other] }),
        json!({ "EventWhoIds": [ada, lead] }),
        json!({ "WhoId": lead, "EventWhoIds": [ada] }),
    ];
    for body in refused {
        assert_eq!(
            vendor.refused("Event", with(meeting(), body)).await,
            "FIELD_INTEGRITY_EXCEPTION"
        );
    }
    vendor
        .make("Event", with(meeting(), json!({ "EventWhoIds": [lead] })))
        .await;
    let mut many = Vec::new();
    for n in 0..51 {
        many.push(
            vendor
                .make("Contact", json!({ "LastName": format!("n{n}") }))
                .await,
        );
    }
    assert_eq!(
        vendor
            .refused("Event", with(meeting(), json!({ "EventWhoIds": many })))
            .await,
        "FIELD_INTEGRITY_EXCEPTION"
    );
    many.pop();
    vendor
        .make("Event", with(meeting(), json!({ "EventWhoIds": many })))
        .await;
    assert_eq!(
        vendor.query("SELECT COUNT() FROM Event").await.body["totalSize"],
        2,
        "nothing is left of the refused"
    );
}

#[tokio::test]
async fn relations_of_their_own() {
    let vendor = Vendor::new();
    let (ada, ben) = (
        vendor.contact("ada@acme.example").await,
        vendor.contact("ben@acme.example").await,
    );
    let id = vendor
        .make("Event", with(meeting(), json!({ "WhoId": ada })))
        .await;
    let body = json!({ "EventId": id, "RelationId": ben, "IsParent": true, "IsInvitee": false, "IsWhat": false });
    let relation = vendor.make("EventRelation", body.clone()).await;
    assert_eq!(
        vendor.refused("EventRelation", body).await,
        "DUPLICATE_VALUE"
    );
    let seen = vendor
        .one(&format!(
            "SELECT WhoId, WhoCount FROM Event WHERE Id = '{id}'"
        ))
        .await;
    assert_eq!(
        (&seen["WhoId"], &seen["WhoCount"]),
        (&json!(ada), &json!(2))
    );
    // Removing the row of the Who promotes the next.
    let first = vendor
        .one(&format!(
            "SELECT Id FROM EventRelation WHERE EventId = '{id}' AND RelationId = '{ada}'"
        ))
        .await;
    let path = format!("/sobjects/EventRelation/{}", first["Id"].as_str().unwrap());
    assert_eq!(vendor.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(
        vendor
            .one(&format!("SELECT WhoId FROM Event WHERE Id = '{id}'"))
            .await["WhoId"],
        json!(ben)
    );
    // Deleting the event takes its relations along.
    vendor
        .call("DELETE", &format!("/sobjects/Event/{id}"), Value::Null)
        .await;
    assert_eq!(
        vendor
            .get(&format!("/sobjects/EventRelation/{relation}"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn without_shared_activities_there_is_one_who() {
    let vendor = Vendor::new();
    vendor
        .caller
        .sandbox
        .set(&json!({ "shared_activities": false }))
        .unwrap();
    let ada = vendor.contact("ada@acme.example").await;
    let reply = vendor
        .call(
            "POST",
            "/sobjects/Event",
            with(meeting(), json!({ "EventWhoIds": [ada] })),
        )
        .await;
    assert_eq!(
        reply.body,
        json!([{ "message": "No such column 'EventWhoIds' on sobject of type Event",
        "errorCode": "INVALID_FIELD" }])
    );
    let id = vendor
        .make("Event", with(meeting(), json!({ "WhoId": ada })))
        .await;
    assert_eq!(
        vendor
            .query("SELECT IsParent FROM EventRelation")
            .await
            .body[0]["errorCode"],
        "INVALID_FIELD"
    );
    let relation = json!({ "EventId": id, "RelationId": ada });
    assert_eq!(
        vendor
            .refused(
                "EventRelation",
                with(relation.clone(), json!({ "IsParent": true }))
            )
            .await,
        "INVALID_FIELD"
    );
    vendor.make("EventRelation", relation).await;
    let described = vendor.get("/sobjects/EventRelation/describe").await;
    assert!(!described.text.contains("\"IsParent\"") && !described.text.contains("\"IsInvitee\""));
    assert!(
        !vendor
            .get("/sobjects/Event/describe")
            .await
            .text
            .contains("EventWhoIds")
    );
    vendor
        .caller
        .sandbox
        .set(&json!({ "shared_activities": true }))
        .unwrap();
    assert!(
        vendor
            .get("/sobjects/Event/describe")
            .await
            .text
            .contains("EventWhoIds")
    );
}
