//! Copper's errors: a text for a call, the fields with their faults for a row of a bulk call. Neither has a code.

use std::mem;

use hub_domain::{FieldFault, Verdict, Write};
use serde_json::Value;

use super::{ACTIVITIES, body};
use crate::{
    connector::Fields,
    manifest::Manifest,
    operation::Reply,
    refusal::{blameless, discreet_but, or_look_again, short},
};

/// What stands before the text of a refusal.
const INVALID: &str = "Invalid input: ";
/// Where a record says what it belongs to.
const LINKS: [&str; 2] = ["parent", "related_resource"];
/// The longest code.
const MOST_CODE: usize = 60;

/// The verdict on a call that is about no record, so that none is to blame.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    let verdict = manifest.verdict(reply, &error(&reply.json().unwrap_or_default()));
    blameless(verdict, reply)
}

/// The verdict on a record that was refused, by a call or in a row of one.
pub(super) fn of_write(
    manifest: &Manifest,
    write: &Write,
    reply: &Reply,
    refusal: &Value,
) -> Verdict {
    let mut error = error(refusal);
    let is_link = |field: &String| LINKS.contains(&field.as_str());
    let about_link = error.fields.iter().any(is_link);
    let is_homeless = write.object == ACTIVITIES && write.people.is_empty();
    let shown = discreet_but(&error.message, write, body::DETAILS);
    let told = mem::replace(&mut error.message, shown);
    let verdict = manifest.verdict_told(reply, &told, &error);
    if about_link && is_homeless && write.id.is_none() && matches!(verdict, Verdict::Reject(_)) {
        return Verdict::Reject(vec![FieldFault {
            field: "parent".to_owned(),
            code: "NO_PARENT".to_owned(),
            message: format!(
                "nobody of the session is a person or a lead in Copper, and an activity has to belong to a record: \
                 add one of them, or say in the setting unmatched_parent where such sessions go ({})",
                error.message
            ),
        }]);
    }
    or_look_again(verdict, about_link, error.message)
}

/// Whether a refusal says that there is no such record.
pub(super) fn is_gone(refusal: &Value) -> bool {
    let message = refusal.get("message").and_then(Value::as_str);
    message.is_some_and(|message| message.contains("Resource not found"))
}

/// What a refusal says. A code is made of what it says of its first field: `type.invalid`.
fn error(body: &Value) -> Fields {
    let message = body.get("message").or_else(|| body.get("error"));
    match message {
        Some(Value::Object(faults)) => {
            let told = faults.iter().map(|(field, faults)| {
                let faults = faults.as_array().map_or(&[][..], Vec::as_slice);
                let faults = faults.iter().filter_map(|one| one.get("error")?.as_str());
                (field.clone(), faults.collect::<Vec<_>>().join(", "))
            });
            let told: Vec<(String, String)> = told.collect();
            let code = told.first().map(|(field, fault)| code(field, fault));
            let texts: Vec<String> = told
                .iter()
                .map(|(field, fault)| format!("{field}: {fault}"))
                .collect();
            Fields {
                code: code.unwrap_or_default(),
                message: short(&texts.join("; ")),
                fields: told.into_iter().map(|(field, _)| field).collect(),
            }
        }
        Some(Value::String(text)) => {
            let named = text
                .strip_prefix(INVALID)
                .and_then(|rest| rest.split_once(": "));
            let named = named.filter(|(field, _)| is_name(field));
            Fields {
                code: named.map_or_else(String::new, |(field, fault)| code(field, fault)),
                message: short(text),
                fields: named
                    .map(|(field, _)| field.to_owned())
                    .into_iter()
                    .collect(),
            }
        }
        _ => Fields {
            code: String::new(),
            message: String::new(),
            fields: Vec::new(),
        },
    }
}

fn is_name(text: &str) -> bool {
    let mut letters = text.bytes();
    !text.is_empty() && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn code(field: &str, fault: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let fault: String = fault.chars().map(word).collect();
    format!("{field}.{fault}").chars().take(MOST_CODE).collect()
}
