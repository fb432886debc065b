//! Timelines of Emails & Activities.

use serde_json::json;

use super::{CONTACTS, Vendor, code};

const MAKE: &str = "mutation($i:ID!,$a:String!,$t:String!,$s:ISO8601DateTime!,$r:TimelineItemTimeRange){create_timeline_item(item_id:$i,custom_activity_id:$a,title:$t,timestamp:$s,time_range:$r,content:\"words\"){id}}";

#[tokio::test]
async fn an_entry_is_made_seen_and_deleted() {
    let vendor = Vendor::new();
    let ben = vendor.having(CONTACTS, "name", "Ben Okafor").await[0]["id"].clone();
    let range = json!({ "start_timestamp": "2026-11-20T15:00:00Z", "end_timestamp": "2026-11-20T15:46:00Z" });
    let good = json!({ "i": ben, "a": "meeting_summary", "t": "Discovery", "s": "2026-11-20T15:00:00Z", "r": range });
    let made = vendor.data(MAKE, good.clone()).await;
    let id = &made["create_timeline_item"]["id"];
    let query = "query($i:ID!){timeline(id:$i){timeline_items_page(limit:10){cursor timeline_items{id title content custom_activity_id}}}}";
    let shown = vendor.data(query, json!({ "i": ben })).await;
    let entries = &shown["timeline"]["timeline_items_page"]["timeline_items"];
    assert_eq!(entries[0]["id"], *id);
    assert_eq!(
        (&entries[0]["title"], &entries[0]["content"]),
        (&json!("Discovery"), &json!("words"))
    );
    for (member, value, expected) in [
        ("i", json!("1"), "ResourceNotFoundException"),
        ("a", json!("nothing"), "ResourceNotFoundException"),
        ("t", json!("x".repeat(256)), "InvalidArgumentException"),
        ("s", json!("yesterday"), "InvalidArgumentException"),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        assert_eq!(code(&vendor.ask(MAKE, bad).await), expected, "{member}");
    }
    vendor
        .data(
            "mutation($i:String!){delete_timeline_item(id:$i){id}}",
            json!({ "i": id }),
        )
        .await;
    let look = "query($i:ID!){timeline_item(id:$i){id}}";
    assert_eq!(
        vendor.data(look, json!({ "i": id })).await["timeline_item"],
        json!(null)
    );
}
