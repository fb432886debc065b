//! The records a new org starts with. They go through the same checks as a caller's.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::oauth::Person;
use super::org::Org;
use super::times;

const DAY: i64 = 86_400;

/// Fills an empty org; gives the people who can log in, the administrator first.
pub(super) fn plant(org: &mut Org, started: Timestamp) -> Vec<Person> {
    org.now = times::shifted(started, -400 * DAY);
    let people = [
        ("Olivia", "Admin", "olivia@liveprompt.example"),
        ("Rafael", "Rep", "rafael@liveprompt.example"),
    ];
    let mut known = Vec::new();
    for (first, last, email) in people {
        let id = org.ids.next("005");
        if org.user.is_empty() {
            org.user.clone_from(&id);
        }
        let username = format!("{email}.sandbox");
        let values = json!({
            "FirstName": first, "LastName": last, "Name": format!("{first} {last}"), "Email": email,
            "Username": username, "Alias": first.to_lowercase(), "IsActive": true, "UserType": "Standard",
            "TimeZoneSidKey": "Europe/London", "LocaleSidKey": "en_GB", "LanguageLocaleKey": "en_US",
        });
        row(org, "User", &id, &values);
        known.push(Person {
            id,
            username,
            password: "sandbox-password".to_owned(),
        });
    }
    let organization = json!({ "Name": "Sandbox Org", "OrganizationType": "Enterprise Edition", "IsSandbox": false,
        "InstanceName": "SBX1" });
    let org_id = org.organization.clone();
    row(org, "Organization", &org_id, &organization);
    let set = org.ids.next("0PS");
    row(
        org,
        "PermissionSet",
        &set,
        &json!({ "Name": "Liveprompt", "Label": "Liveprompt", "IsOwnedByProfile": false }),
    );
    business(org, started);
    org.now = started;
    org.store.commit();
    known
}

fn business(org: &mut Org, started: Timestamp) {
    let day = |days: i64| times::day(times::shifted(started, days * DAY));
    org.now = times::shifted(started, -90 * DAY);
    let acme = add(
        org,
        "Account",
        json!({ "Name": "Acme Corp", "Website": "https://acme.example", "Industry": "Technology",
        "AnnualRevenue": 12_000_000, "NumberOfEmployees": 250, "Type": "Customer - Direct" }),
    );
    let globex = add(
        org,
        "Account",
        json!({ "Name": "Globex", "Website": "https://globex.example", "Industry": "Energy",
        "AnnualRevenue": 80_000_000, "NumberOfEmployees": 4_000, "Type": "Prospect" }),
    );
    let initech = add(
        org,
        "Account",
        json!({ "Name": "Initech", "Website": "https://initech.example", "Type": "Prospect" }),
    );
    let ada = add(
        org,
        "Contact",
        json!({ "FirstName": "Ada", "LastName": "Moreno", "Email": "ada@acme.example",
        "AccountId": acme, "Title": "VP Operations", "Phone": "+34 600 000 001" }),
    );
    add(
        org,
        "Contact",
        json!({ "FirstName": "Ben", "LastName": "Okafor", "Email": "ben@acme.example", "AccountId": acme,
        "Title": "IT Manager" }),
    );
    let carla = add(
        org,
        "Contact",
        json!({ "FirstName": "Carla", "LastName": "Lindt", "Email": "carla@globex.example",
        "AccountId": globex, "Title": "CFO" }),
    );
    add(
        org,
        "Contact",
        json!({ "FirstName": "Dora", "LastName": "Hale", "Email": "dup@initech.example",
        "AccountId": initech }),
    );
    add(
        org,
        "Contact",
        json!({ "FirstName": "Milton", "LastName": "Waddams", "Email": "milton@initech.example",
        "AccountId": initech }),
    );
    add(
        org,
        "Lead",
        json!({ "FirstName": "Lee", "LastName": "Park", "Email": "lee@prospect.example",
        "Company": "Prospect Ltd" }),
    );
    add(
        org,
        "Lead",
        json!({ "FirstName": "Lia", "LastName": "Sand", "Email": "lia@prospect.example",
        "Company": "Prospect Ltd" }),
    );
    let expansion = add(
        org,
        "Opportunity",
        json!({ "Name": "Acme expansion", "AccountId": acme, "Amount": 48_000,
        "StageName": "Needs Analysis", "CloseDate": day(45) }),
    );
    let renewal = add(
        org,
        "Opportunity",
        json!({ "Name": "Globex pilot", "AccountId": globex, "Amount": 120_000,
        "StageName": "Proposal/Price Quote", "CloseDate": day(20) }),
    );
    add(
        org,
        "OpportunityContactRole",
        json!({ "OpportunityId": expansion, "ContactId": ada, "Role": "Decision Maker",
        "IsPrimary": true }),
    );
    add(
        org,
        "OpportunityContactRole",
        json!({ "OpportunityId": renewal, "ContactId": carla, "Role": "Economic Buyer",
        "IsPrimary": true }),
    );
    add(
        org,
        "Case",
        json!({ "Subject": "Export is slow", "AccountId": acme, "ContactId": ada, "Origin": "Email" }),
    );
    // The newer twin of the shared address.
    org.now = times::shifted(started, -10 * DAY);
    add(
        org,
        "Contact",
        json!({ "FirstName": "Dorothea", "LastName": "Hale", "Email": "dup@initech.example",
        "AccountId": initech, "Title": "Director" }),
    );
}

/// Creates a record; an empty id, which the seed test catches, when it is refused.
fn add(org: &mut Org, object: &str, values: Value) -> String {
    let Value::Object(values) = values else {
        return String::new();
    };
    org.create(object, &values).unwrap_or_default()
}

/// Writes a record no caller could create.
fn row(org: &mut Org, object: &str, id: &str, values: &Value) {
    let mut row = org.stamped(id, None);
    row.extend(values.as_object().cloned().unwrap_or_default());
    org.store.put(&org.schema, object, id, &row);
}

#[cfg(test)]
mod tests {
    use super::super::org::Org;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut org = Org::new("http://sandbox", 1, now);
        super::plant(&mut org, now);
        let counts = [
            "User",
            "Account",
            "Contact",
            "Lead",
            "Opportunity",
            "OpportunityContactRole",
            "Case",
        ]
        .map(|object| org.store.all(object).count());
        assert_eq!(counts, [2, 3, 6, 2, 2, 2, 1]);
        Ok(())
    }
}
