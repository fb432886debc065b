//! What follows from what in the other objects: stages, names, numbers. Activities have their own
//! file.

use serde_json::{Value, json};

use super::errors::{Outcome, Refusal};
use super::org::Org;
use super::store::{Row, text};

/// Stage, probability, closed, won, forecast category, its name.
const STAGES: &[(&str, u8, bool, bool, &str, &str)] = &[
    ("Prospecting", 10, false, false, "Pipeline", "Pipeline"),
    ("Qualification", 10, false, false, "Pipeline", "Pipeline"),
    ("Needs Analysis", 20, false, false, "Pipeline", "Pipeline"),
    (
        "Value Proposition",
        50,
        false,
        false,
        "Pipeline",
        "Pipeline",
    ),
    (
        "Id. Decision Makers",
        60,
        false,
        false,
        "Pipeline",
        "Pipeline",
    ),
    (
        "Perception Analysis",
        70,
        false,
        false,
        "Pipeline",
        "Pipeline",
    ),
    (
        "Proposal/Price Quote",
        75,
        false,
        false,
        "Pipeline",
        "Pipeline",
    ),
    (
        "Negotiation/Review",
        90,
        false,
        false,
        "Pipeline",
        "Pipeline",
    ),
    ("Closed Won", 100, true, true, "Closed", "Closed"),
    ("Closed Lost", 0, true, false, "Omitted", "Omitted"),
];

/// Applies the rules of one object to a record about to be written.
pub(super) fn apply(
    org: &mut Org,
    object: &str,
    row: &mut Row,
    changes: &Row,
    creating: bool,
) -> Outcome<()> {
    match object {
        "Contact" | "Lead" => full_name(row),
        "Opportunity" => opportunity(row, changes),
        "Case" => case(org, row, creating),
        "Event" => super::event_times::settle(row, changes, creating)?,
        "EventRelation" | "TaskRelation" if creating => {
            super::activity::check_relation(org, object, row)?;
        }
        "FieldPermissions" => grant(org, row)?,
        _ => {}
    }
    Ok(())
}

fn full_name(row: &mut Row) {
    let parts = [text(row, "FirstName"), text(row, "LastName")];
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    row.insert("Name".to_owned(), json!(name));
}

fn opportunity(row: &mut Row, changes: &Row) {
    let stage = text(row, "StageName").unwrap_or_default();
    let Some((_, probability, closed, won, category, name)) =
        STAGES.iter().find(|(name, ..)| *name == stage)
    else {
        return;
    };
    if changes.contains_key("StageName") {
        if !changes.contains_key("Probability") {
            row.insert("Probability".to_owned(), json!(f64::from(*probability)));
        }
        if !changes.contains_key("ForecastCategoryName") {
            row.insert("ForecastCategoryName".to_owned(), json!(name));
        }
    }
    row.insert("IsClosed".to_owned(), json!(closed));
    row.insert("IsWon".to_owned(), json!(won));
    let category = match text(row, "ForecastCategoryName") {
        Some("Best Case") => "BestCase",
        Some("Commit") => "Forecast",
        Some(named @ ("Omitted" | "Pipeline" | "Closed")) => named,
        _ => category,
    };
    let category = json!(category);
    row.insert("ForecastCategory".to_owned(), category);
    let amount = row.get("Amount").and_then(Value::as_f64);
    let probability = row
        .get("Probability")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    row.insert(
        "ExpectedRevenue".to_owned(),
        json!(amount.map(|amount| amount * probability / 100.0)),
    );
}

fn case(org: &mut Org, row: &mut Row, creating: bool) {
    if creating {
        org.cases += 1;
        row.insert("CaseNumber".to_owned(), json!(format!("{:08}", org.cases)));
    }
    let closed = text(row, "Status") == Some("Closed");
    row.insert("IsClosed".to_owned(), json!(closed));
    let since =
        text(row, "ClosedDate").map_or_else(|| super::times::written(org.now), str::to_owned);
    row.insert(
        "ClosedDate".to_owned(),
        if closed { json!(since) } else { Value::Null },
    );
    let contact = text(row, "ContactId").and_then(|id| org.store.get("Contact", id));
    for (theirs, ours) in [
        ("Email", "ContactEmail"),
        ("Phone", "ContactPhone"),
        ("MobilePhone", "ContactMobile"),
    ] {
        let value = contact
            .and_then(|contact| contact.get(theirs))
            .cloned()
            .unwrap_or_default();
        row.insert(ours.to_owned(), value);
    }
}

/// A field made through the Tooling API becomes visible once someone is granted reading and editing
/// it.
fn grant(org: &mut Org, row: &Row) -> Outcome<()> {
    let object = text(row, "SobjectType").unwrap_or_default().to_owned();
    let field = text(row, "Field").unwrap_or_default();
    let named = field
        .split_once('.')
        .filter(|(prefix, _)| *prefix == object)
        .map(|(_, name)| name.to_owned());
    let may = |flag: &str| row.get(flag).and_then(Value::as_bool).unwrap_or(false);
    let open = may("PermissionsRead") && may("PermissionsEdit");
    let found = org.schema.object_mut(&object).and_then(|object| {
        object
            .fields
            .iter_mut()
            .find(|field| field.custom() && named.as_deref() == Some(field.name.as_str()))
    });
    let Some(found) = found else {
        let message = format!("Field Name: bad value for restricted picklist field: {field}");
        return Err(Refusal::fields(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            message,
            &["Field"],
        ));
    };
    found.hidden = !open;
    org.schema_changed = super::times::shifted(org.now, 1);
    Ok(())
}
