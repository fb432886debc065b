//! The records a new org starts with. They go through the same checks as a caller's.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::modules::module;
use super::org::Org;
use super::times::{shifted, written};

const DAY: i64 = 86_400;

/// Fills an empty org.
pub(super) fn plant(org: &mut Org, started: Timestamp) {
    org.now = shifted(started, -90 * DAY);
    let owner = org.users.last().map(|(id, ..)| id.clone());
    let owner = owner.unwrap_or_default();
    let mut make = |name: &str, body: Value| -> String {
        let (Some(module), Value::Object(body)) = (module(name), body) else {
            return String::new();
        };
        // Empty, which the test below catches, when it is refused.
        org.create(module, &body, &owner).unwrap_or_default()
    };
    let acme = make(
        "Accounts",
        json!({ "Account_Name": "Acme Corp", "Website": "https://acme.example" }),
    );
    let globex = make("Accounts", json!({ "Account_Name": "Globex" }));
    let initech = make("Accounts", json!({ "Account_Name": "Initech" }));
    let mut contact = |first: &str, last: &str, email: &str, account: &str| {
        make(
            "Contacts",
            json!({ "First_Name": first, "Last_Name": last, "Email": email, "Account_Name": { "id": account } }),
        )
    };
    let ada = contact("Ada", "Moreno", "ada@acme.example", &acme);
    contact("Ben", "Okafor", "ben@acme.example", &acme);
    let carla = contact("Carla", "Lindt", "carla@globex.example", &globex);
    // Nothing keeps two contacts from having the same address.
    contact("Dora", "Hale", "dup@initech.example", &initech);
    contact("Dora", "Hale-Smith", "dup@initech.example", &initech);
    contact("Milton", "Waddams", "milton@initech.example", &initech);
    let mut lead = |first: &str, last: &str, email: &str| {
        make(
            "Leads",
            json!({ "First_Name": first, "Last_Name": last, "Email": email, "Company": "Prospect Inc" }),
        )
    };
    lead("Lee", "Park", "lee@prospect.example");
    lead("Lia", "Sand", "lia@prospect.example");
    let mut deal =
        |name: &str, amount: u64, stage: &str, days: i64, (account, contact): (&str, &str)| {
            let close = written(shifted(started, days * DAY), 0);
            let close = close.get(..10).unwrap_or_default();
            make(
                "Deals",
                json!({ "Deal_Name": name, "Amount": amount, "Stage": stage, "Closing_Date": close,
                "Account_Name": { "id": account }, "Contact_Name": { "id": contact } }),
            )
        };
    deal(
        "Acme expansion",
        48_000,
        "Needs Analysis",
        45,
        (&acme, &ada),
    );
    deal(
        "Globex pilot",
        120_000,
        "Proposal/Price Quote",
        20,
        (&globex, &carla),
    );
    org.now = started;
    org.store.settle(started, 0);
    org.workflows = 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::Noise;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut org = Org::new(&Noise::new(1), now);
        plant(&mut org, now);
        let modules = ["Accounts", "Contacts", "Leads", "Deals", "Events"];
        let counts = modules.map(|name| org.store.all(name).count());
        assert_eq!(counts, [3, 6, 2, 2, 0]);
        Ok(())
    }
}
