//! SOQL that puts rows together, and other names for objects.

use serde_json::{Value, json};

use super::vendor::Vendor;

async fn rows(vendor: &Vendor, soql: &str) -> Value {
    let reply = vendor.query(soql).await;
    assert_eq!(reply.status, 200, "{soql}: {}", reply.text);
    let mut rows = reply.body["records"].clone();
    for row in rows.as_array_mut().unwrap() {
        let attributes = row.as_object_mut().unwrap().remove("attributes");
        assert!(attributes.is_some());
    }
    rows
}

#[tokio::test]
async fn groups_and_aggregates() {
    let vendor = Vendor::new();
    let cases = [
        (
            "SELECT Account.Name, COUNT(Id) n FROM Contact GROUP BY Account.Name HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC",
            json!([{ "Name": "Initech", "n": 3 }, { "Name": "Acme Corp", "n": 2 }]),
        ),
        (
            "SELECT COUNT(Id), SUM(Amount), AVG(Amount), MIN(Amount) least, MAX(Name) FROM Opportunity",
            json!([{ "expr0": 2, "expr1": 168_000.0, "expr2": 84_000.0, "least": 48_000.0, "expr3": "Globex pilot" }]),
        ),
        (
            "SELECT COUNT_DISTINCT(Email) FROM Contact WHERE Email LIKE '%initech%'",
            json!([{ "expr0": 2 }]),
        ),
        (
            "SELECT SUM(Amount) FROM Opportunity WHERE Name = 'none'",
            json!([{ "expr0": null }]),
        ),
        (
            "SELECT Email address FROM Contact GROUP BY Email HAVING Email LIKE '%acme%' AND NOT Email IN ('ben@acme.example') LIMIT 5",
            json!([{ "address": "ada@acme.example" }]),
        ),
        (
            "SELECT COUNT(Title) FROM Contact GROUP BY Email HAVING Email = 'none' OR Email = 'nobody'",
            json!([]),
        ),
        (
            "SELECT c.FirstName FROM Contact AS c WHERE c.Account.Name = 'Globex' ORDER BY c.Id LIMIT 1 FOR VIEW",
            json!([{ "FirstName": "Carla" }]),
        ),
        (
            "SELECT Name, (SELECT p.FirstName FROM Contacts p WHERE p.FirstName = 'Ben') FROM Account a WHERE a.Name = 'Globex'",
            json!([{ "Name": "Globex", "Contacts": null }]),
        ),
    ];
    for (soql, expected) in cases {
        assert_eq!(rows(&vendor, soql).await, expected, "{soql}");
    }
    let wrong = vendor
        .query("SELECT COUNT(Id) FROM Contact GROUP BY Email HAVING Id IN (SELECT ContactId FROM OpportunityContactRole)")
        .await;
    assert_eq!(wrong.body[0]["errorCode"], "MALFORMED_QUERY");
}
