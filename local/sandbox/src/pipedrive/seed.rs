//! The records a new company starts with. They go through the same checks as a caller's.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::company::Company;
use super::kinds::Kind;
use super::times;

const DAY: i64 = 86_400;
const STAGES: [(&str, u64); 5] = [
    ("Qualified", 20),
    ("Contact Made", 40),
    ("Demo Scheduled", 60),
    ("Proposal Made", 80),
    ("Negotiations Started", 90),
];

/// Fills an empty company.
pub(super) fn plant(company: &mut Company, started: Timestamp) {
    company.now = times::shifted(started, -90 * DAY);
    let at = times::written(company.now);
    let pipeline = json!({ "id": 1, "name": "Sales pipeline", "order_nr": 1, "is_deleted": false,
        "is_deal_probability_enabled": true, "add_time": at, "update_time": at });
    keep(company, Kind::Pipeline, pipeline);
    for (number, (name, probability)) in (1..).zip(STAGES) {
        let stage = json!({ "id": number, "order_nr": number, "name": name, "is_deleted": false,
            "deal_probability": probability, "pipeline_id": 1, "is_deal_rot_enabled": false, "days_to_rotten": null,
            "add_time": at, "update_time": at });
        keep(company, Kind::Stage, stage);
    }
    let labels = |labels: &[&str]| -> Vec<Value> {
        labels
            .iter()
            .map(|label| json!({ "label": label }))
            .collect()
    };
    let source = json!({ "field_name": "Lead source", "field_type": "enum", "options": labels(&["Inbound", "Outbound"]) });
    field(company, Kind::Person, &source);
    let key = json!({ "field_name": "External key", "field_type": "varchar" });
    field(company, Kind::Deal, &key);
    business(company, started);
    company.now = started;
    company.store.settle(started, 0);
}

fn business(company: &mut Company, started: Timestamp) {
    let users: Vec<u64> = company.users().map(|(id, _)| id).collect();
    let owner = users.last().copied().unwrap_or_default();
    let mut make = |kind: Kind, body: Value| -> u64 {
        let Value::Object(body) = body else { return 0 };
        // 0, which the test below catches, when it is refused.
        company.create(kind, &body, owner).unwrap_or_default()
    };
    let acme = make(
        Kind::Organization,
        json!({ "name": "Acme Corp", "address": { "value": "1 Main St, Springfield" } }),
    );
    let globex = make(Kind::Organization, json!({ "name": "Globex" }));
    let initech = make(Kind::Organization, json!({ "name": "Initech" }));
    let mut person = |name: &str, email: &str, org: Option<u64>| {
        let emails = json!([{ "value": email, "primary": true, "label": "work" }]);
        make(
            Kind::Person,
            json!({ "name": name, "emails": emails, "org_id": org }),
        )
    };
    let ada = person("Ada Moreno", "ada@acme.example", Some(acme));
    person("Ben Okafor", "ben@acme.example", Some(acme));
    let carla = person("Carla Lindt", "carla@globex.example", Some(globex));
    // Nothing keeps two persons from having the same address.
    person("Dora Hale", "dup@initech.example", Some(initech));
    person("Dora Hale-Smith", "dup@initech.example", Some(initech));
    person("Milton Waddams", "milton@initech.example", Some(initech));
    person("Lee Park", "lee@prospect.example", None);
    person("Lia Sand", "lia@prospect.example", None);
    let mut deal = |title: &str, value: u64, stage: u64, days: i64, (org, person): (u64, u64)| {
        let close = times::written(times::shifted(started, days * DAY));
        let close = close.get(..10).unwrap_or_default();
        make(
            Kind::Deal,
            json!({ "title": title, "value": value, "currency": "EUR", "stage_id": stage, "org_id": org,
                "person_id": person, "expected_close_date": close }),
        )
    };
    deal("Acme expansion", 48_000, 2, 45, (acme, ada));
    deal("Globex pilot", 120_000, 4, 20, (globex, carla));
}

fn keep(company: &mut Company, kind: Kind, row: Value) {
    let id = company.store.next(kind);
    if let Value::Object(row) = row {
        company.store.put(kind, id, row, company.now);
    }
}

fn field(company: &mut Company, kind: Kind, body: &Value) {
    let none = Map::new();
    let body = body.as_object().unwrap_or(&none);
    // The test below counts them.
    company.fields.create(kind, body).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::Noise;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut company = Company::new(&Noise::new(1), now);
        plant(&mut company, now);
        let kinds = [
            Kind::Organization,
            Kind::Person,
            Kind::Deal,
            Kind::Pipeline,
            Kind::Stage,
        ];
        let counts = kinds.map(|kind| company.store.all(kind).count());
        assert_eq!(counts, [3, 8, 2, 1, 5]);
        assert_eq!(company.fields.of(Kind::Person).len(), 1);
        assert_eq!(company.fields.of(Kind::Deal).len(), 1);
        Ok(())
    }
}
