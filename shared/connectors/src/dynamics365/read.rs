//! What is read: people by their addresses, columns, records under our ids.

use hub_domain::{Timestamp, Verdict, matching::Candidate, plan::client_id};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::{
    batch::{Inner, Part, answers},
    error::whole,
    primary_key,
};
use crate::{
    connector::{UNRESERVED, text_at},
    manifest::Manifest,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// People the CRM knows, and prospects.
pub(super) const CONTACTS: &str = "contacts";
pub(super) const LEADS: &str = "leads";
const EMAILS: [&str; 3] = ["emailaddress1", "emailaddress2", "emailaddress3"];
/// The table a look-up's value belongs to comes as an annotation.
const ANNOTATED: &[&str] =
    &["Prefer: odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\""];
const COMPANY: &str = "_parentcustomerid_value";
const COMPANY_TABLE: &str = "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname";

fn get(path: String, headers: &'static [&'static str]) -> Part {
    Part::Single(Inner {
        method: "GET",
        path,
        headers,
        body: None,
    })
}

/// Who has these addresses: active contacts, and leads that are open.
pub(super) fn people(emails: &[String]) -> Vec<Part> {
    let wanted: Vec<String> = emails
        .iter()
        .flat_map(|email| EMAILS.map(|column| format!("{column} eq {}", literal(email))))
        .collect();
    let filter = format!("statecode eq 0 and ({})", wanted.join(" or "));
    let filter = utf8_percent_encode(&filter, UNRESERVED);
    let columns = EMAILS.join(",");
    let rest = format!("&$filter={filter}&$orderby=modifiedon%20desc");
    vec![
        get(
            format!("{CONTACTS}?$select=contactid,{columns},modifiedon,{COMPANY}{rest}"),
            ANNOTATED,
        ),
        get(
            format!("{LEADS}?$select=leadid,{columns},modifiedon{rest}"),
            &[],
        ),
    ]
}

/// A text within a filter: a quote is doubled.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The columns of a table: what all have in common, then lengths and options of the types that have any. Metadata
/// has no pages.
pub(super) fn columns(table: &str) -> Vec<Part> {
    let all = "LogicalName,AttributeOf,AttributeType,DisplayName,RequiredLevel,IsValidForCreate,IsValidForUpdate,\
               IsPrimaryId";
    let path = |cast: &str, query: &str| {
        get(
            format!("EntityDefinitions(LogicalName='{table}')/Attributes{cast}?{query}"),
            &[],
        )
    };
    let mut parts = vec![path("", &format!("$select={all}"))];
    for kind in ["String", "Memo"] {
        let cast = format!("/Microsoft.Dynamics.CRM.{kind}AttributeMetadata");
        parts.push(path(&cast, "$select=LogicalName,MaxLength"));
    }
    for kind in ["Picklist", "MultiSelectPicklist", "State", "Status"] {
        let cast = format!("/Microsoft.Dynamics.CRM.{kind}AttributeMetadata");
        parts.push(path(
            &cast,
            "$select=LogicalName&$expand=OptionSet($select=Options)",
        ));
    }
    parts
}

/// The answer to a reading operation.
pub(super) fn answer(
    manifest: &Manifest,
    operation: &Operation,
    reply: &Reply,
) -> Result<Answer, Verdict> {
    let part = |found: &[Reply], place: usize| -> Result<Vec<Value>, Verdict> {
        let part = found
            .get(place)
            .ok_or_else(|| unreadable("a part is missing"))?;
        rows(manifest, part)
    };
    let parts = || {
        answers(reply).ok_or_else(|| {
            if reply.status.is_success() {
                unreadable("it is no batch")
            } else {
                whole(manifest, reply)
            }
        })
    };
    match operation {
        Operation::FindPeople { emails } => {
            let found = parts()?;
            let contacts = part(&found, 0)?;
            let mut people = candidates(CONTACTS, 0, &contacts, emails)?;
            // Without the Sales application the environment has no leads.
            let has_leads = found.get(1).is_none_or(|part| part.status.as_u16() != 404);
            if has_leads {
                people.extend(candidates(LEADS, 1, &part(&found, 1)?, emails)?);
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => {
            let found = parts()?;
            let columns = part(&found, 0)?;
            let mut more = Vec::new();
            for place in 1..found.len() {
                more.extend(part(&found, place)?);
            }
            columns
                .iter()
                .filter(|column| is_real(column, &more))
                .map(|column| field(column, &more))
                .collect::<Option<_>>()
                .map(Answer::Fields)
                .ok_or_else(|| unreadable("a column without a name"))
        }
        Operation::ReadBack { object, keys, .. } => {
            let id = primary_key(object);
            let held = rows(manifest, reply)?;
            let has = |wanted: &str| {
                held.iter().any(|row| {
                    let own = row.get(&id).and_then(Value::as_str);
                    own.is_some_and(|own| own.eq_ignore_ascii_case(wanted))
                })
            };
            let records = keys.iter().map(|key| (key, client_id(key)));
            let records = records.filter(|(_, id)| has(id)).map(|(key, id)| ReadBack {
                key: key.clone(),
                id,
            });
            Ok(Answer::Records(records.collect()))
        }
        Operation::Write { .. } => Err(answers_nothing()),
    }
}

/// The rows of a list.
fn rows(manifest: &Manifest, reply: &Reply) -> Result<Vec<Value>, Verdict> {
    if !reply.status.is_success() {
        return Err(whole(manifest, reply));
    }
    let body = reply.json().ok_or_else(|| unreadable("it is not JSON"))?;
    let rows = body.get("value").and_then(Value::as_array);
    rows.cloned()
        .ok_or_else(|| unreadable("it has no list of rows"))
}

/// The people as candidates for each address that was asked for and is one of theirs.
fn candidates(
    set: &str,
    rank: u8,
    rows: &[Value],
    asked: &[String],
) -> Result<Vec<Candidate>, Verdict> {
    let key = primary_key(set);
    let mut found = Vec::new();
    for row in rows {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = text(&key);
        if id.is_empty() {
            return Err(unreadable("a person without an id"));
        }
        let company = Some(text(COMPANY)).filter(|_| text(COMPANY_TABLE) == "account");
        let own = EMAILS.map(|column| text(column).to_lowercase());
        let modified_at: Option<Timestamp> = text("modifiedon").parse().ok();
        for email in asked.iter().filter(|email| own.contains(email)) {
            found.push(Candidate {
                object: set.to_owned(),
                rank,
                id: id.to_owned(),
                email: email.clone(),
                company: company.filter(|id| !id.is_empty()).map(str::to_owned),
                modified_at,
            });
        }
    }
    Ok(found)
}

/// Shadows of other columns (a choice's label, a look-up's name) and lists of parties are no columns to write. A list
/// of choices is `Virtual`, too.
fn is_real(column: &Value, more: &[Value]) -> bool {
    let name = text_at(column, "/LogicalName");
    let listed = || more.iter().any(|row| text_at(row, "/LogicalName") == name);
    text_at(column, "/AttributeOf").is_empty()
        && match text_at(column, "/AttributeType").as_str() {
            "Virtual" => listed(),
            "EntityName" | "PartyList" | "ManagedProperty" | "CalendarRules" => false,
            _ => true,
        }
}

fn field(column: &Value, more: &[Value]) -> Option<Field> {
    let name = column.get("LogicalName")?.as_str()?.to_owned();
    let is = |member: &str| column.get(member) == Some(&Value::Bool(true));
    let own = |member: &str| {
        let mut same = more
            .iter()
            .filter(|row| text_at(row, "/LogicalName") == name);
        same.find_map(|row| row.pointer(member).cloned())
    };
    let options = own("/OptionSet/Options");
    let listed = options.as_ref().and_then(Value::as_array);
    let kind = match text_at(column, "/AttributeType").as_str() {
        "String" | "Memo" => FieldType::Text,
        "Picklist" | "State" | "Status" => FieldType::Choice,
        "Boolean" => FieldType::Boolean,
        "Integer" | "BigInt" | "Decimal" | "Double" | "Money" => FieldType::Number,
        "DateTime" => FieldType::Datetime,
        "Lookup" | "Customer" | "Owner" => FieldType::Reference,
        _ if listed.is_some() => FieldType::Choices,
        _ => FieldType::Other,
    };
    let label = text_at(column, "/DisplayName/UserLocalizedLabel/Label");
    Some(Field {
        label: if label.is_empty() {
            name.clone()
        } else {
            label
        },
        kind,
        max: own("/MaxLength").and_then(|max| usize::try_from(max.as_u64()?).ok()),
        required: text_at(column, "/RequiredLevel/Value") == "ApplicationRequired",
        // A look-up is written under the name of its navigation property.
        writable: (is("IsValidForCreate") || is("IsValidForUpdate"))
            && kind != FieldType::Reference
            && !is("IsPrimaryId"),
        unique: is("IsPrimaryId"),
        options: listed
            .into_iter()
            .flatten()
            .filter_map(|option| option.get("Value").map(ToString::to_string))
            .collect(),
        name,
    })
}
