//! What every account has from the start: the same people and companies as the other fake CRMs.

use serde_json::{Value, json};

use super::Settings;
use super::account::{Account, OWNERS};
use super::kinds::Kind;
use super::store::{shifted, written};

const DAY: i64 = 86_400;

/// Plants the records, of which each passes the account's own checks.
pub(super) fn plant(account: &mut Account, settings: &Settings) {
    let user = OWNERS.first().copied().unwrap_or_default();
    let mut make = |kind: Kind, body: Value| {
        let none = serde_json::Map::new();
        let body = body.as_object().unwrap_or(&none);
        // The test below counts them.
        account
            .create(settings, kind, body, user)
            .unwrap_or_default()
    };
    let [acme, globex, initech] = ["Acme Corporation", "Globex", "Initech"]
        .map(|name| make(Kind::Account, json!({ "name": name })));
    let mut person = |first: &str, last: &str, emails: &[&str], account: Option<u64>| {
        let accounts: Vec<Value> = account
            .iter()
            .map(|id| json!({ "id": id, "is_primary": true }))
            .collect();
        make(
            Kind::Contact,
            json!({ "first_name": first, "last_name": last, "emails": emails, "sales_accounts": accounts }),
        )
    };
    let ada = person("Ada", "Moreno", &["ada@acme.example"], Some(acme));
    person("Ben", "Okafor", &["ben@acme.example"], Some(acme));
    let carla = person(
        "Carla",
        "Lindt",
        &["carla@globex.example", "c.lindt@globex.example"],
        Some(globex),
    );
    person("Dora", "Hale", &["dup@initech.example"], Some(initech));
    person(
        "Milton",
        "Waddams",
        &["milton@initech.example"],
        Some(initech),
    );
    person("Lee", "Park", &["lee@prospect.example"], None);
    person("Lia", "Sand", &["lia@prospect.example"], None);
    let started = account.now;
    for (name, amount, days, company, person) in [
        ("Acme expansion", 48_000, 45, acme, ada),
        ("Globex pilot", 120_000, 20, globex, carla),
    ] {
        let close = written(shifted(started, days * DAY));
        let body = json!({ "name": name, "amount": amount, "expected_close": close,
            "sales_account_id": company, "contacts_added_list": [person] });
        if let Value::Object(body) = body {
            account
                .create(settings, Kind::Deal, &body, user)
                .unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let mut account = Account::new("2026-11-20T09:00:00Z".parse()?);
        plant(&mut account, &Settings::default());
        let kinds = [Kind::Account, Kind::Contact, Kind::Deal, Kind::Appointment];
        let counts = kinds.map(|kind| account.store.all(kind).count());
        assert_eq!(counts, [3, 7, 2, 0]);
        Ok(())
    }
}
