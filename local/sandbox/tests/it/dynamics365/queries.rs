//! Reading: filters, order, pages, annotations, expanded records.

use serde_json::{Value, json};

use super::vendor::{API, Vendor, refused};

async fn names(vendor: &Vendor, filter: &str) -> Vec<String> {
    let rows = vendor
        .rows(&format!(
            "contacts?$select=firstname&$orderby=firstname&$filter={filter}"
        ))
        .await;
    rows.iter()
        .map(|row| row["firstname"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn filters() {
    let vendor = Vendor::new();
    let acme = vendor.account("Acme Corp").await;
    let ada = vendor.contact("ada@acme.example").await;
    for (filter, wanted) in [
        ("emailaddress1 eq 'ADA@Acme.example'".to_owned(), &["Ada"][..]),
        ("emailaddress1 eq 'dup@initech.example'".to_owned(), &["Dora", "Dorothea"]),
        ("contains(emailaddress1,'acme')".to_owned(), &["Ada", "Ben"]),
        ("startswith(firstname,'d') and endswith(lastname,'E')".to_owned(), &["Dora", "Dorothea"]),
        ("not contains(emailaddress1,'initech') and jobtitle ne null".to_owned(), &["Ada", "Ben", "Carla"]),
        ("(firstname eq 'Ada' or firstname eq 'Ben') and statecode eq 0".to_owned(), &["Ada", "Ben"]),
        (format!("_parentcustomerid_value eq {acme}"), &["Ada", "Ben"]),
        (format!("contactid eq {ada}"), &["Ada"]),
        ("parentcustomerid_account/name eq 'Globex'".to_owned(), &["Carla"]),
        ("modifiedon gt 2026-11-01T00:00:00Z".to_owned(), &["Dorothea"]),
        ("birthdate eq null and firstname eq 'Ada'".to_owned(), &["Ada"]),
        ("emailaddress1 eq 'o''neil%2Bx@a.example'".to_owned(), &[]),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='emailaddress1',PropertyValues=['ada@acme.example','BEN@acme.example'])".to_owned(),
            &["Ada", "Ben"],
        ),
        (format!("Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=[\"{ada}\"])").replace('"', "%22"), &["Ada"]),
    ] {
        assert_eq!(names(&vendor, &filter).await, wanted, "{filter}");
    }
    let alias =
        "Microsoft.Dynamics.CRM.In(PropertyName=@a,PropertyValues=@b)&@a='firstname'&@b=['Ada']";
    assert_eq!(names(&vendor, alias).await, ["Ada"]);
}

#[tokio::test]
async fn what_cannot_be_asked() {
    let vendor = Vendor::new();
    for query in [
        "$select=colour",
        "$filter=colour eq 1",
        "$filter=firstname eq 1",
        "$filter=contactid eq 'x'",
        "$filter=statecode eq '0'",
        "$filter=tolower(firstname) eq 'ada'",
        "$filter=firstname",
        "$orderby=colour",
        "$expand=colour",
        "$top=x",
        "$skip=1",
        "$search=ada",
    ] {
        refused(
            &vendor.get(&format!("contacts?{query}")).await,
            400,
            "0x80060888",
        );
    }
}

#[tokio::test]
async fn pages_are_followed_as_they_come() {
    let vendor = Vendor::new();
    let one = ["Prefer: odata.maxpagesize=1,odata.include-annotations=\"*\""];
    let mut at = format!("{API}/contacts?$select=firstname&$orderby=firstname%20desc&$count=true");
    let mut seen = Vec::new();
    loop {
        let reply = vendor.call("GET", &at, &one, Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.body["@odata.count"], 6);
        assert_eq!(
            reply.body["@odata.context"],
            format!("{API}/$metadata#contacts(firstname)")
        );
        let rows = reply.body["value"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        seen.push(rows[0]["firstname"].clone());
        match reply.body["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut at),
            None => break,
        }
    }
    assert_eq!(seen, ["Milton", "Dorothea", "Dora", "Carla", "Ben", "Ada"]);
    let top = vendor.get("contacts?$top=2").await.body;
    assert_eq!(
        (
            top["value"].as_array().unwrap().len(),
            top.get("@odata.nextLink")
        ),
        (2, None)
    );
    assert_eq!(vendor.get("contacts/$count").await.text, "6");
}

#[tokio::test]
async fn annotations_say_what_a_value_means() {
    let vendor = Vendor::new();
    let all = ["Prefer: odata.include-annotations=\"*\""];
    let path = "contacts?$select=_parentcustomerid_value,statecode&$filter=firstname eq 'Ada'";
    let row = vendor.call("GET", path, &all, Value::Null).await.body["value"][0].clone();
    let of = |name: &str| row[format!("_parentcustomerid_value@{name}")].clone();
    assert_eq!(of("Microsoft.Dynamics.CRM.lookuplogicalname"), "account");
    assert_eq!(of("OData.Community.Display.V1.FormattedValue"), "Acme Corp");
    assert_eq!(
        of("Microsoft.Dynamics.CRM.associatednavigationproperty"),
        "parentcustomerid_account"
    );
    assert_eq!(
        row["statecode@OData.Community.Display.V1.FormattedValue"],
        "Active"
    );
    let one = ["Prefer: odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\""];
    let row = vendor.call("GET", path, &one, Value::Null).await.body["value"][0].clone();
    assert!(
        row.get("statecode@OData.Community.Display.V1.FormattedValue")
            .is_none()
    );
    assert!(
        row.get("_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname")
            .is_some()
    );
}

#[tokio::test]
async fn the_context_of_an_account_comes_in_one_call() {
    let vendor = Vendor::new();
    let acme = vendor.account("Acme Corp").await;
    let query = "$select=name,revenue,_primarycontactid_value&$expand=opportunity_customer_accounts($select=name,estimatedvalue;\
                 $filter=statecode eq 0;$top=10),incident_customer_accounts($select=title),contact_customer_accounts($select=fullname;$orderby=fullname desc)";
    let body = vendor.get(&format!("accounts({acme})?{query}")).await.body;
    assert_eq!(
        (&body["name"], &body["revenue"]),
        (&json!("Acme Corp"), &json!(12_000_000.0))
    );
    assert_eq!(
        body["opportunity_customer_accounts"][0]["name"],
        "Acme expansion"
    );
    assert_eq!(
        body["incident_customer_accounts"][0]["title"],
        "Export is slow"
    );
    assert_eq!(
        body["contact_customer_accounts"][0]["fullname"],
        "Ben Okafor"
    );
    let single = vendor.get("contacts?$select=fullname&$expand=parentcustomerid_account($select=name)&$filter=firstname eq 'Carla'").await;
    assert_eq!(
        single.body["value"][0]["parentcustomerid_account"]["name"],
        "Globex"
    );
}
