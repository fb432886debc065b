//! The records a new account starts with. They go through the same checks as a caller's.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::kinds::Kind;
use super::setup;

const DAYS_AGO: i64 = 90;

/// Fills an empty account.
pub(super) fn plant(account: &mut Account, started: Timestamp) {
    let before = started.checked_sub(SignedDuration::from_hours(24 * DAYS_AGO));
    account.now = before.unwrap_or(started);
    for field in [
        json!({ "name": "Hub key", "data_type": "Float", "available_on": ["task"] }),
        json!({ "name": "Region", "data_type": "String", "available_on": ["person", "task"] }),
        json!({ "name": "Color", "data_type": "Dropdown", "available_on": ["task", "opportunity"],
            "options": [{ "name": "Yellow" }, { "name": "Blue" }] }),
    ] {
        // The test below counts them.
        drop(setup::define(
            account,
            field.as_object().unwrap_or(&Map::new()),
        ));
    }
    let owner = account
        .user_id("rafael@liveprompt.example")
        .unwrap_or_default();
    let mut make = |kind: Kind, body: Value| -> u64 {
        let Value::Object(body) = body else { return 0 };
        // 0, which the test below catches, when it is refused.
        account.create(kind, &body, owner).unwrap_or_default()
    };
    let acme = make(
        Kind::Company,
        json!({ "name": "Acme Corp", "email_domain": "acme.example" }),
    );
    let globex = make(
        Kind::Company,
        json!({ "name": "Globex", "email_domain": "globex.example" }),
    );
    let initech = make(Kind::Company, json!({ "name": "Initech" }));
    let mut person = |name: &str, email: &str, company: u64| {
        let emails = json!([{ "email": email, "category": "work" }]);
        make(
            Kind::Person,
            json!({ "name": name, "emails": emails, "company_id": company, "assignee_id": owner }),
        )
    };
    let ada = person("Ada Moreno", "ada@acme.example", acme);
    person("Ben Okafor", "ben@acme.example", acme);
    let carla = person("Carla Lindt", "carla@globex.example", globex);
    person("Dora Hale", "dup@initech.example", initech);
    person("Milton Waddams", "milton@initech.example", initech);
    let mut lead = |name: &str, email: &str| {
        let email = json!({ "email": email, "category": "work" });
        make(
            Kind::Lead,
            json!({ "name": name, "email": email, "status_id": 1 }),
        )
    };
    lead("Lee Park", "lee@prospect.example");
    lead("Lia Sand", "lia@prospect.example");
    // A lead and a person may have the same address.
    lead("Carla Lindt", "carla@globex.example");
    let mut deal = |name: &str, value: u64, (company, person): (u64, u64)| {
        make(
            Kind::Opportunity,
            json!({ "name": name, "monetary_value": value, "pipeline_id": 1, "pipeline_stage_id": 1,
                "company_id": company, "primary_contact_id": person, "close_date": "12/31/2026" }),
        )
    };
    deal("Acme expansion", 48_000, (acme, ada));
    deal("Globex pilot", 120_000, (globex, carla));
    make(Kind::Project, json!({ "name": "Acme roll-out" }));
    account.now = started;
    account.store.settle(started);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::Noise;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut account = Account::new(&Noise::new(1), now);
        plant(&mut account, now);
        let counts = Kind::ALL.map(|kind| account.store.all(kind).count());
        assert_eq!(counts, [5, 3, 3, 2, 1, 0, 0]);
        assert_eq!(account.definitions.len(), 3);
        Ok(())
    }
}
