//! The records a new account starts with. They go through the same checks as a caller's.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::links::Links;
use super::portal::{Owner, Portal};
use super::times;
use super::write::Taken;

const DAY: i64 = 86_400;

/// Fills an empty account.
pub(super) fn plant(portal: &mut Portal, started: Timestamp) {
    for (first, last, email) in [
        ("Olivia", "Admin", "olivia@liveprompt.example"),
        ("Rafael", "Rep", "rafael@liveprompt.example"),
    ] {
        let number = 1 + u64::try_from(portal.owners.len()).unwrap_or_default();
        portal.owners.push(Owner {
            id: 70_000_000 + portal.app_id % 1_000_000 + number,
            user_id: 10_000_000 + portal.app_id % 1_000_000 + number,
            email: email.to_owned(),
            first: first.to_owned(),
            last: last.to_owned(),
        });
    }
    portal.now = times::shifted(started, -90 * DAY);
    business(portal, started);
    portal.now = started;
    portal.store.settle(started, 0);
}

fn business(portal: &mut Portal, started: Timestamp) {
    let owner = portal.owners.last().map(|owner| owner.id.to_string());
    let in_days = |days: i64| times::value(times::shifted(started, days * DAY));
    let mut company = |name: &str, domain: &str, industry: &str, revenue: &str, people: &str| {
        let values = json!({ "name": name, "domain": domain, "website": format!("https://{domain}"),
            "industry": industry, "annualrevenue": revenue, "numberofemployees": people,
            "hubspot_owner_id": owner });
        add(portal, Kind::Company, values, &[])
    };
    let acme = company(
        "Acme Corp",
        "acme.example",
        "COMPUTER_SOFTWARE",
        "12000000",
        "250",
    );
    let globex = company("Globex", "globex.example", "OIL_ENERGY", "80000000", "4000");
    let initech = company("Initech", "initech.example", "", "", "");
    let mut person = |first: &str, last: &str, email: &str, title: &str, company: Option<u64>| {
        let mut values =
            json!({ "firstname": first, "lastname": last, "email": email, "jobtitle": title });
        if let (None, Some(values)) = (company, values.as_object_mut()) {
            values.insert("lifecyclestage".to_owned(), json!("lead"));
            values.insert("company".to_owned(), json!("Prospect Ltd"));
        }
        let to: Vec<(Kind, u64)> = company.into_iter().map(|id| (Kind::Company, id)).collect();
        add(portal, Kind::Contact, values, &to)
    };
    let ada = person(
        "Ada",
        "Moreno",
        "ada@acme.example",
        "VP Operations",
        Some(acme),
    );
    person(
        "Ben",
        "Okafor",
        "ben@acme.example",
        "IT Manager",
        Some(acme),
    );
    let carla = person(
        "Carla",
        "Lindt",
        "carla@globex.example",
        "CFO",
        Some(globex),
    );
    person(
        "Dora",
        "Hale",
        "dup@initech.example",
        "Director",
        Some(initech),
    );
    person(
        "Milton",
        "Waddams",
        "milton@initech.example",
        "",
        Some(initech),
    );
    person("Lee", "Park", "lee@prospect.example", "", None);
    person("Lia", "Sand", "lia@prospect.example", "", None);
    let mut deal = |name: &str,
                    amount: &str,
                    stage: &str,
                    days: i64,
                    company: u64,
                    contact: u64| {
        let values = json!({ "dealname": name, "amount": amount, "dealstage": stage, "pipeline": "default",
            "closedate": in_days(days), "hubspot_owner_id": owner });
        add(
            portal,
            Kind::Deal,
            values,
            &[(Kind::Company, company), (Kind::Contact, contact)],
        )
    };
    deal("Acme expansion", "48000", "qualifiedtobuy", 45, acme, ada);
    deal("Globex pilot", "120000", "contractsent", 20, globex, carla);
    let ticket = json!({ "subject": "Export is slow", "hs_pipeline": "0", "hs_pipeline_stage": "1",
        "hs_ticket_priority": "MEDIUM" });
    add(
        portal,
        Kind::Ticket,
        ticket,
        &[(Kind::Contact, ada), (Kind::Company, acme)],
    );
}

/// Creates a record; 0, which the seed test catches, when it is refused.
#[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
fn add(portal: &mut Portal, kind: Kind, values: Value, to: &[(Kind, u64)]) -> u64 {
    let input = json!({ "properties": values });
    let Ok(draft) = portal.draft_new(kind, &input, false, &mut Taken::new()) else {
        return 0;
    };
    let id = portal.write(draft);
    for (other, number) in to {
        if let Some(tag) = Links::plain(kind, *other) {
            portal.link((kind, id), (*other, *number), tag);
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::super::kinds::Kind;
    use super::super::portal::Portal;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut portal = Portal::new("http://sandbox", 1, now);
        super::plant(&mut portal, now);
        let kinds = [Kind::Company, Kind::Contact, Kind::Deal, Kind::Ticket];
        let counts = kinds.map(|kind| portal.store.all(kind).count());
        assert_eq!(counts, [3, 7, 2, 1]);
        assert_eq!(portal.owners.len(), 2);
        Ok(())
    }
}
