//! Boards, columns, items, updates.

use serde_json::{Value, json};

use super::{ACCOUNTS, ACTIVITIES, CHANGE, CONTACTS, CREATE, TASKS, Vendor, code, item};

#[tokio::test]
async fn an_item_is_made_changed_and_read() {
    let vendor = Vendor::new();
    let ben = &vendor.having(CONTACTS, "name", "Ben Okafor").await[0]["id"];
    let columns = json!({ "kind": "Meeting", "starts_at": { "date": "2026-11-20", "time": "15:00:00" },
        "minutes": "46", "contacts": { "item_ids": [ben] } });
    let id = vendor.item(ACTIVITIES, "Discovery", columns).await;
    let changed = json!({ "b": ACTIVITIES, "i": id, "c": json!({ "name": "Discovery 2", "minutes": "47", "kind": "" }).to_string() });
    assert_eq!(
        vendor.data(CHANGE, changed).await["change_multiple_column_values"]["name"],
        "Discovery 2"
    );
    let query = "query($i:[ID!]){items(ids:$i){name created_at board{id name} group{id} column_values(ids:[\"kind\",\"minutes\",\"starts_at\",\"contacts\"]){id type text value ... on BoardRelationValue{linked_item_ids display_value}} linked_items(link_to_item_column_id:\"contacts\",linked_board_id:18000000001){name}}}";
    let data = vendor.data(query, json!({ "i": [id] })).await;
    let row = &data["items"][0];
    assert_eq!(
        (&row["name"], &row["board"]["id"]),
        (&json!("Discovery 2"), &json!(ACTIVITIES))
    );
    assert_eq!(row["created_at"], "2026-11-20T09:00:00Z");
    let of = |id: &str| {
        let values = row["column_values"].as_array().unwrap();
        values
            .iter()
            .find(|value| value["id"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(of("kind")["value"], Value::Null, "emptied");
    assert_eq!(of("minutes")["text"], "47");
    assert_eq!(of("starts_at")["text"], "2026-11-20 15:00");
    assert_eq!(of("contacts")["linked_item_ids"], json!([ben]));
    assert_eq!(of("contacts")["display_value"], "Ben Okafor");
    assert_eq!(row["linked_items"], json!([{ "name": "Ben Okafor" }]));
}

#[tokio::test]
async fn what_a_board_refuses_stands_in_a_200() {
    let vendor = Vendor::new();
    let long = "x".repeat(256);
    for (board, name, columns, expected, column) in [
        ("1", "A", json!({}), "InvalidBoardIdException", ""),
        (
            TASKS,
            "A",
            json!({ "nothing": "x" }),
            "InvalidColumnIdException",
            "nothing",
        ),
        (
            TASKS,
            "A",
            json!({ "status": { "label": "Nearly" } }),
            "ColumnValueException",
            "status",
        ),
        (
            TASKS,
            "A",
            json!({ "due_date": "2026-11-20" }),
            "ColumnValueException",
            "due_date",
        ),
        (
            TASKS,
            "A",
            json!({ "contacts": { "item_ids": [1] } }),
            "ColumnValueException",
            "contacts",
        ),
        (
            ACTIVITIES,
            "A",
            json!({ "last_touch": "x" }),
            "ColumnValueException",
            "last_touch",
        ),
        (
            TASKS,
            long.as_str(),
            json!({}),
            "ItemNameTooLongException",
            "",
        ),
        (TASKS, " ", json!({}), "InvalidArgumentException", ""),
    ] {
        let reply = vendor.ask(CREATE, item(board, name, &columns)).await;
        assert_eq!((reply.status, code(&reply)), (200, expected), "{columns}");
        let error = &reply.body["errors"][0];
        assert_eq!(error["path"], json!(["create_item"]));
        let told = error["extensions"]["error_data"]["column_id"].as_str();
        assert_eq!(told.unwrap_or_default(), column);
        assert_eq!(reply.body["data"], json!({ "create_item": null }));
    }
    assert!(vendor.held("tasks").is_empty());
    // An object in the place of a text of JSON.
    let reply = vendor
        .ask(
            CREATE,
            json!({ "b": TASKS, "n": "A", "c": { "status": { "label": "Done" } } }),
        )
        .await;
    assert_eq!(code(&reply), "InvalidArgumentException");
    let made = vendor.data(
        "mutation($c:JSON){create_item(board_id:18000000004,item_name:\"A\",column_values:$c,create_labels_if_missing:true){id}}",
        json!({ "c": json!({ "status": { "label": "Nearly" } }).to_string() }),
    );
    assert!(made.await["create_item"]["id"].is_string());
}

#[tokio::test]
async fn one_alias_that_fails_keeps_no_other() {
    let vendor = Vendor::new();
    let query = "mutation{a:create_item(board_id:18000000004,item_name:\"A\"){id} b:create_item(board_id:5,item_name:\"B\"){id} c:create_item(board_id:18000000004,item_name:\"C\"){id}}";
    let reply = vendor.ask(query, json!({})).await;
    assert!(reply.body["data"]["a"]["id"].is_string() && reply.body["data"]["c"]["id"].is_string());
    assert_eq!(reply.body["data"]["b"], Value::Null);
    assert_eq!(reply.body["errors"].as_array().unwrap().len(), 1);
    assert_eq!(reply.body["errors"][0]["path"], json!(["b"]));
    assert_eq!(vendor.held("tasks").len(), 2);
}

#[tokio::test]
async fn updates_are_written_edited_and_go_with_their_item() {
    let vendor = Vendor::new();
    let id = vendor.item(TASKS, "A", json!({})).await;
    let made = vendor
        .data(
            "mutation($i:ID!){create_update(item_id:$i,body:\"one\"){id item_id}}",
            json!({ "i": id }),
        )
        .await;
    let post = made["create_update"]["id"].clone();
    let edit = "mutation($p:ID!){edit_update(id:$p,body:\"two\"){body}}";
    vendor.data(edit, json!({ "p": post })).await;
    let query = "query($i:[ID!]){items(ids:$i){updates(limit:100){id body}}}";
    let shown = vendor.data(query, json!({ "i": [id] })).await;
    assert_eq!(
        shown["items"][0]["updates"],
        json!([{ "id": post, "body": "two" }])
    );
    vendor
        .data(
            "mutation($i:ID!){delete_item(item_id:$i){id}}",
            json!({ "i": id }),
        )
        .await;
    assert_eq!(
        code(&vendor.ask(edit, json!({ "p": post })).await),
        "ResourceNotFoundException"
    );
    let gone = json!({ "b": TASKS, "i": id, "c": "{}" });
    assert_eq!(
        code(&vendor.ask(CHANGE, gone).await),
        "ResourceNotFoundException"
    );
    assert_eq!(
        vendor.data(query, json!({ "i": [id] })).await["items"],
        json!([])
    );
    let lost = vendor
        .ask(
            "mutation{create_update(item_id:1,body:\"x\"){id}}",
            json!({}),
        )
        .await;
    assert_eq!(code(&lost), "ResourceNotFoundException");
}

#[tokio::test]
async fn pages_go_on_by_a_cursor() {
    let vendor = Vendor::new();
    let first = vendor
        .data(
            "{boards(ids:18000000001){items_page(limit:5){cursor items{name}}}}",
            json!({}),
        )
        .await;
    let page = &first["boards"][0]["items_page"];
    assert_eq!(page["items"].as_array().unwrap().len(), 5);
    let next = "query($c:String!){next_items_page(cursor:$c,limit:5){cursor items{name}}}";
    let rest = vendor.data(next, json!({ "c": page["cursor"] })).await;
    assert_eq!(
        rest["next_items_page"]["items"].as_array().unwrap().len(),
        3
    );
    assert_eq!(rest["next_items_page"]["cursor"], Value::Null);
    assert_eq!(
        code(&vendor.ask(next, json!({ "c": "x" })).await),
        "CursorException"
    );
}

#[tokio::test]
async fn a_board_tells_its_columns() {
    let vendor = Vendor::new();
    let query = "{boards(ids:[18000000004]){name columns(types:[status,board_relation]){id type archived settings}}}";
    let data = vendor.data(query, json!({})).await;
    let columns = data["boards"][0]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 3);
    let status = columns
        .iter()
        .find(|column| column["id"] == "status")
        .unwrap();
    assert_eq!(status["settings"]["labels"][1]["label"], "Done");
    let to_accounts = columns
        .iter()
        .find(|column| column["id"] == "accounts")
        .unwrap();
    assert_eq!(to_accounts["settings"]["boardIds"], json!([ACCOUNTS]));
    let made = vendor
        .data("mutation{create_column(board_id:18000000004,id:\"probe\",title:\"Probe\",column_type:text){id type}}", json!({}))
        .await;
    assert_eq!(
        made["create_column"],
        json!({ "id": "probe", "type": "text" })
    );
    vendor.item(TASKS, "A", json!({ "probe": "x" })).await;
}
