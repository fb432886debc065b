//! The records a new environment starts with. They go through the same checks as a caller's.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::environment::Environment;
use crate::oauth::PEOPLE;

const DAY: i64 = 86_400;

fn shifted(at: Timestamp, days: i64) -> Timestamp {
    let later = at.checked_add(SignedDuration::from_secs(days * DAY));
    later.unwrap_or(at)
}

/// Fills an empty environment. `users` are the ids of the people who can log in, and of the application.
pub(super) fn plant(env: &mut Environment, users: &[String], started: Timestamp) {
    env.now = shifted(started, -400);
    let named = PEOPLE
        .iter()
        .map(|person| (person.first, person.last, person.email));
    for ((first, last, email), id) in named.chain([("Liveprompt", "App", "")]).zip(users) {
        let values = json!({ "systemuserid": id, "firstname": first, "lastname": last, "fullname": format!("{first} {last}"),
            "internalemailaddress": email, "domainname": email, "isdisabled": false });
        let values = values.as_object().cloned().unwrap_or_default();
        env.put("systemuser", id, Some(values.into_iter().collect()));
    }
    users
        .first()
        .unwrap_or(&String::new())
        .clone_into(&mut env.caller);
    env.now = shifted(started, -90);
    business(env, started);
    env.now = started;
}

fn business(env: &mut Environment, started: Timestamp) {
    let day = |days: i64| {
        let at = shifted(started, days).to_zoned(jiff::tz::TimeZone::UTC);
        at.date().to_string()
    };
    let acme = add(
        env,
        "accounts",
        json!({ "name": "Acme Corp", "websiteurl": "https://acme.example",
        "revenue": 12_000_000, "numberofemployees": 250, "industrycode": 7, "telephone1": "+34 600 000 000" }),
    );
    let globex = add(
        env,
        "accounts",
        json!({ "name": "Globex", "websiteurl": "https://globex.example",
        "revenue": 80_000_000, "numberofemployees": 4_000, "industrycode": 31 }),
    );
    let initech = add(
        env,
        "accounts",
        json!({ "name": "Initech", "websiteurl": "https://initech.example" }),
    );
    let mut person = |first: &str, last: &str, email: &str, title: &str, account: &str| {
        let values = json!({ "firstname": first, "lastname": last, "emailaddress1": email, "jobtitle": title,
            "parentcustomerid_account@odata.bind": format!("/accounts({account})") });
        add(env, "contacts", values)
    };
    let ada = person("Ada", "Moreno", "ada@acme.example", "VP Operations", &acme);
    person("Ben", "Okafor", "ben@acme.example", "IT Manager", &acme);
    let carla = person("Carla", "Lindt", "carla@globex.example", "CFO", &globex);
    person("Dora", "Hale", "dup@initech.example", "Director", &initech);
    person("Milton", "Waddams", "milton@initech.example", "", &initech);
    for (first, last, email) in [
        ("Lee", "Park", "lee@prospect.example"),
        ("Lia", "Sand", "lia@prospect.example"),
    ] {
        add(
            env,
            "leads",
            json!({ "subject": "Asked for a demo", "firstname": first, "lastname": last,
            "emailaddress1": email, "companyname": "Prospect Ltd" }),
        );
    }
    for (name, value, days, account, contact) in [
        ("Acme expansion", 48_000, 45, &acme, &ada),
        ("Globex pilot", 120_000, 20, &globex, &carla),
    ] {
        add(
            env,
            "opportunities",
            json!({ "name": name, "estimatedvalue": value, "estimatedclosedate": day(days),
            "closeprobability": 60, "stepname": "2-Develop",
            "customerid_account@odata.bind": format!("/accounts({account})"),
            "parentaccountid@odata.bind": format!("/accounts({account})"),
            "parentcontactid@odata.bind": format!("/contacts({contact})") }),
        );
    }
    add(
        env,
        "incidents",
        json!({ "title": "Export is slow", "ticketnumber": "CAS-01001-A1B2C3", "prioritycode": 2,
        "customerid_account@odata.bind": format!("/accounts({acme})") }),
    );
    // The newer twin of the shared address.
    env.now = shifted(started, -10);
    add(
        env,
        "contacts",
        json!({ "firstname": "Dorothea", "lastname": "Hale", "emailaddress1": "dup@initech.example",
        "jobtitle": "Director", "parentcustomerid_account@odata.bind": format!("/accounts({initech})") }),
    );
}

/// Creates a record; an empty id, which the seed test catches, when it is refused.
fn add(env: &mut Environment, set: &str, values: Value) -> String {
    let (Ok(table), Value::Object(values)) = (env.set(set), values) else {
        return String::new();
    };
    env.create(&table, None, &values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut env = Environment::new("http://sandbox", 1, now);
        let users = ["a", "b", "c"].map(str::to_owned);
        plant(&mut env, &users, now);
        let tables = [
            "systemuser",
            "account",
            "contact",
            "lead",
            "opportunity",
            "incident",
        ];
        let counts = tables.map(|table| env.rows(table).count());
        assert_eq!(counts, [3, 3, 6, 2, 2, 1]);
        Ok(())
    }
}
