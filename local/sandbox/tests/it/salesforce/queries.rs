//! SOQL by table, paging, search.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, with};

#[tokio::test]
async fn conditions() {
    let vendor = Vendor::new();
    vendor
        .make(
            "Contact",
            json!({ "LastName": "O'Hara \"x\" 50%_\\n", "Email": "q@x.example" }),
        )
        .await;
    let cases = [
        ("Email = 'ADA@ACME.example'", 1),
        ("Email != 'ada@acme.example'", 6),
        (
            "Email IN ('ada@acme.example', 'ben@acme.example', 'none@x.example')",
            2,
        ),
        ("Email NOT IN ('ada@acme.example')", 6),
        ("Email LIKE '%@acme.example'", 2),
        ("Email LIKE '_da@acme.example'", 1),
        ("LastName LIKE '%50\\%\\_%'", 1),
        ("LastName LIKE '%5\\%%'", 0),
        ("LastName = 'O\\'Hara \\\"x\\\" 50%_\\\\n'", 1),
        ("AccountId = null", 1),
        ("AccountId != null", 6),
        ("Account.Name = 'Globex'", 1),
        ("Contact.Account.Industry = 'technology'", 2),
        (
            "Email = 'ada@acme.example' OR Email = 'ben@acme.example'",
            2,
        ),
        (
            "(Email = 'ada@acme.example' OR Email = 'ben@acme.example') AND FirstName = 'Ben'",
            1,
        ),
        ("NOT Email = 'ada@acme.example'", 6),
        ("NOT (Email LIKE '%acme%' OR AccountId = null)", 4),
        ("IsDeleted = false", 7),
        ("IsDeleted = TRUE", 0),
        ("LastName > 'M' AND LastName < 'N'", 1),
        ("CreatedDate = TODAY", 1),
        ("CreatedDate < TODAY", 6),
        ("CreatedDate = LAST_N_DAYS:10", 2),
        ("CreatedDate >= LAST_N_DAYS:90", 7),
        ("CreatedDate > 2026-11-01T00:00:00Z", 2),
        ("CreatedDate = 2026-11-20T09:00:00.000+0000", 1),
        (
            "Id IN (SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true)",
            2,
        ),
        (
            "Id NOT IN (SELECT ContactId FROM OpportunityContactRole)",
            5,
        ),
        ("Owner.Name = 'Olivia Admin'", 7),
        ("LastModifiedDate = LAST_MONTH", 0),
    ];
    for (condition, expected) in cases {
        let reply = vendor
            .query(&format!("SELECT Id FROM Contact WHERE {condition}"))
            .await;
        assert_eq!(
            reply.body["totalSize"], expected,
            "{condition}: {}",
            reply.text
        );
    }
    let numbers = [
        ("Amount > 50000", 1),
        ("Amount = 48000.0", 1),
        ("CloseDate > 2026-12-15", 1),
        ("Probability <= 20", 1),
        ("CloseDate = NEXT_N_DAYS:30", 1),
        ("IsClosed = false AND (Amount < 1e5 OR Amount = null)", 1),
    ];
    for (condition, expected) in numbers {
        let reply = vendor
            .query(&format!("select Id from opportunity where {condition}"))
            .await;
        assert_eq!(
            reply.body["totalSize"], expected,
            "{condition}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn shapes() {
    let vendor = Vendor::new();
    let row = vendor.one("SELECT Name, Account.Name, Account.Owner.Email, Owner.Name FROM Contact WHERE FirstName = 'Ada'").await;
    assert_eq!(row["Account"]["Name"], "Acme Corp");
    assert_eq!(row["Account"]["attributes"]["type"], "Account");
    assert_eq!(
        row["Account"]["Owner"]["Email"],
        "olivia@liveprompt.example"
    );
    assert!(row.get("Id").is_none());
    let ada = vendor.contact("ada@acme.example").await;
    vendor
        .make("Event", with(meeting(), json!({ "WhoId": ada })))
        .await;
    let event = vendor
        .one("SELECT Who.Name, Who.Type, What.Name FROM Event")
        .await;
    assert_eq!(
        (&event["Who"]["Name"], &event["Who"]["Type"]),
        (&json!("Ada Moreno"), &json!("Contact"))
    );
    assert_eq!(event["What"], Value::Null);

    let account = vendor.one("SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName), (SELECT Id FROM Cases WHERE IsClosed = true) FROM Account WHERE Name = 'Acme Corp'").await;
    let names: Vec<&Value> = account["Contacts"]["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["LastName"])
        .collect();
    assert_eq!(names, ["Moreno", "Okafor"]);
    assert_eq!(account["Contacts"]["totalSize"], 2);
    assert_eq!(account["Cases"], Value::Null);

    let count = vendor.query("SELECT COUNT() FROM Contact").await;
    assert_eq!(
        count.body,
        json!({ "totalSize": 6, "done": true, "records": [] })
    );
    let count = vendor.query("SELECT COUNT(Title) FROM Contact").await;
    assert_eq!(count.body["records"][0]["expr0"], 4);
    let all = vendor.one("SELECT FIELDS(ALL) FROM Lead LIMIT 1").await;
    assert_eq!(all["Company"], "Prospect Ltd");
    assert_eq!(
        vendor.query("SELECT FIELDS(ALL) FROM Lead").await.body[0]["errorCode"],
        "MALFORMED_QUERY"
    );
}

#[tokio::test]
async fn order_limit_offset() {
    let vendor = Vendor::new();
    let names = async |tail: &str| -> Vec<String> {
        let reply = vendor
            .query(&format!("SELECT FirstName FROM Contact {tail}"))
            .await;
        let rows = reply.body["records"]
            .as_array()
            .unwrap_or_else(|| panic!("{}", reply.text))
            .clone();
        rows.iter()
            .map(|row| row["FirstName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names("WHERE Email = 'dup@initech.example' ORDER BY LastModifiedDate DESC").await,
        ["Dorothea", "Dora"]
    );
    assert_eq!(names("ORDER BY FirstName LIMIT 2").await, ["Ada", "Ben"]);
    assert_eq!(
        names("ORDER BY FirstName DESC LIMIT 2 OFFSET 1").await,
        ["Dorothea", "Dora"]
    );
    assert_eq!(
        names("ORDER BY Account.Name DESC, FirstName ASC LIMIT 1").await,
        ["Dora"]
    );
    // Dora and Milton have no title.
    assert_eq!(
        names("ORDER BY Title, FirstName LIMIT 2").await,
        ["Dora", "Milton"]
    );
    assert_eq!(names("ORDER BY Title NULLS LAST LIMIT 1").await, ["Carla"]);
    assert_eq!(
        names("ORDER BY Title DESC NULLS LAST, FirstName LIMIT 1").await,
        ["Ada"]
    );
    assert_eq!(names("LIMIT 0").await, Vec::<String>::new());
}

#[tokio::test]
async fn refusals() {
    let vendor = Vendor::new();
    let cases = [
        ("SELECT Id FROM", "MALFORMED_QUERY"),
        ("SELECT Id Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Contact WHERE Email = 'open",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Id FROM Contact WHERE Email = 'bad \\q'",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Id FROM Contact WHERE Email = 'a' AND FirstName = 'b' OR LastName = 'c'",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Id FROM Contact WHERE Email = 'a'; DROP",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Contact c d", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Contact WHERE COUNT(Id) > 1",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Name, COUNT(Id) FROM Contact GROUP BY Email",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT COUNT(Id) FROM Contact GROUP BY CreatedDate",
            "INVALID_FIELD",
        ),
        ("SELECT SUM(Name) FROM Contact", "MALFORMED_QUERY"),
        (
            "SELECT Name FROM Contact USING SCOPE mine",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Contact", "INVALID_FIELD"),
        (
            "SELECT Id FROM Contact WHERE Description = 'x'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Event WHERE Description LIKE '%x%'",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM Event ORDER BY Description", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Email = 5", "INVALID_FIELD"),
        (
            "SELECT Id FROM Contact WHERE CreatedDate > 2026-11-20",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Contact WHERE CreatedDate > '2026-11-20T00:00:00Z'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Opportunity WHERE Amount > '5'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Contact WHERE AccountId = 'x'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        (
            "SELECT Id, (SELECT Id FROM Nopes) FROM Contact",
            "INVALID_TYPE",
        ),
        (
            "SELECT Id FROM Contact OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
        ),
    ];
    for (soql, code) in cases {
        let reply = vendor.query(soql).await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (400, &json!(code)),
            "{soql}: {}",
            reply.text
        );
    }
    let shown = vendor.query("SELECT Id, Nope FROM Contact").await.body[0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        shown.contains("ERROR at Row:1:Column:12\nNo such column 'Nope' on entity 'Contact'."),
        "{shown}"
    );
}

#[tokio::test]
async fn pages() {
    let vendor = Vendor::new();
    for batch in 0..3 {
        let records: Vec<Value> = (0..150)
            .map(
                |n| json!({ "attributes": { "type": "Task" }, "Subject": format!("t{batch}-{n}") }),
            )
            .collect();
        assert_eq!(
            vendor
                .call("POST", "/composite/sobjects", json!({ "records": records }))
                .await
                .status,
            200
        );
    }
    assert_eq!(vendor.query("SELECT Id FROM Task").await.body["done"], true);
    let options = async |path: &str| {
        let mut request = vendor.request("GET", path, &Value::Null);
        request
            .headers_mut()
            .insert("sforce-query-options", "batchSize=50".parse().unwrap());
        vendor.caller.send(request).await.body
    };
    let mut page = options("/query?q=SELECT+Id+FROM+Task").await;
    let mut sizes = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    loop {
        assert_eq!(page["totalSize"], 450);
        let rows = page["records"].as_array().unwrap();
        sizes.push(rows.len());
        seen.extend(
            rows.iter()
                .map(|row| row["Id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextRecordsUrl"].as_str() else {
            break;
        };
        assert!(next.starts_with("/services/data/v67.0/query/01g") && page["done"] == false);
        page = options(next).await;
    }
    assert_eq!(
        (sizes, seen.len()),
        (vec![200, 200, 50], 450),
        "200 is the smallest page"
    );
    assert_eq!(
        vendor.get("/query/01gnonsense-2000").await.body[0]["errorCode"],
        "INVALID_QUERY_LOCATOR"
    );
}

#[tokio::test]
async fn search_and_the_small_resources() {
    let vendor = Vendor::new();
    let find: String = form_urlencoded::byte_serialize(b"FIND {ada\\@acme.example} IN EMAIL FIELDS RETURNING Contact(Id, Email WHERE IsDeleted = false LIMIT 5), Lead(Id)").collect();
    let reply = vendor.get(&format!("/search?q={find}")).await;
    assert_eq!(
        reply.body["searchRecords"][0]["Email"], "ada@acme.example",
        "{}",
        reply.text
    );
    assert_eq!(reply.body["searchRecords"].as_array().unwrap().len(), 1);
    let body = json!({ "q": "lia@prospect.example", "in": "EMAIL", "fields": ["Id", "Email"],
        "sobjects": [{ "name": "Contact" }, { "name": "Lead" }] });
    let reply = vendor.call("POST", "/parameterizedSearch", body).await;
    assert_eq!(reply.body["searchRecords"][0]["attributes"]["type"], "Lead");
    assert_eq!(
        vendor.get("/search?q=nonsense").await.body[0]["errorCode"],
        "MALFORMED_SEARCH"
    );
    let plan = vendor.get("/query?explain=SELECT+Id+FROM+Contact").await;
    assert!(plan.body["plans"].is_array());
    assert_eq!(
        vendor.get("/recent?limit=1").await.body[0]["Name"],
        "Dorothea Hale"
    );
    assert_eq!(
        vendor.get("/limits").await.body["DailyApiRequests"]["Max"],
        100_000
    );
    let global = vendor.get("/sobjects").await;
    assert!(
        global.body["sobjects"]
            .as_array()
            .unwrap()
            .iter()
            .any(|o| o["name"] == "EventRelation")
    );
}

#[tokio::test]
async fn rows_of_a_subquery_are_paged() {
    let vendor = Vendor::new();
    let account = vendor.make("Account", json!({ "Name": "Many" })).await;
    for number in 0..201 {
        let body = json!({ "LastName": format!("c {number}"), "AccountId": account });
        vendor.make("Contact", body).await;
    }
    let soql = "SELECT (SELECT Id FROM Contacts) FROM Account WHERE Name = 'Many' WITH USER_MODE";
    let q: String = form_urlencoded::byte_serialize(soql.as_bytes()).collect();
    let mut request = vendor.request("GET", &format!("/query?q={q}"), &Value::Null);
    let small = "batchSize=200".parse().unwrap();
    request.headers_mut().insert("sforce-query-options", small);
    let children = &vendor.caller.send(request).await.body["records"][0]["Contacts"];
    assert_eq!(children["records"].as_array().unwrap().len(), 200);
    assert_eq!(
        (&children["totalSize"], &children["done"]),
        (&json!(201), &json!(false))
    );
    let rest = vendor
        .get(children["nextRecordsUrl"].as_str().unwrap())
        .await;
    assert_eq!(rest.body["records"].as_array().unwrap().len(), 1);
    assert_eq!(rest.body["done"], true);
}
