//! What an answer to a write means, record by record, and what the errors of any answer mean.

use std::{mem, time::Duration};

use hub_domain::{FieldFault, Plan, Verdict, Write};
use serde_json::Value;

use super::{graph_id, node_id};
use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::{rejected, short, unreadable},
};

/// Codes of a record that failed only because another did.
const ROLLED_BACK: [&str; 2] = ["PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK"];
/// What an error in a query has before its last line.
const IN_A_QUERY: &str = "ERROR at Row:";

/// One verdict per write, plan by plan.
pub(super) fn written(manifest: &Manifest, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
    let all = |verdict| vec![verdict; plans.iter().map(|plan| plan.writes.len()).sum()];
    if !reply.status.is_success() {
        return all(whole(manifest, reply));
    }
    let answer = reply.json().unwrap_or_default();
    let Some(graphs) = answer.get("graphs").and_then(Value::as_array) else {
        return all(unreadable("it has no graphs"));
    };
    plans
        .iter()
        .enumerate()
        .flat_map(|(index, plan)| {
            graph(
                manifest,
                plan,
                named(graphs, "graphId", &graph_id(index)),
                reply,
            )
        })
        .collect()
}

/// The part of an answer with this name.
pub(super) fn named<'a>(parts: &'a [Value], field: &str, name: &str) -> Option<&'a Value> {
    parts
        .iter()
        .find(|part| part.get(field).and_then(Value::as_str) == Some(name))
}

/// The reply as it would be if this part of it were the whole: with the part's own status.
pub(super) fn part_of(reply: &Reply, part: &Value) -> Option<Reply> {
    let status = u16::try_from(part.get("httpStatusCode")?.as_u64()?).ok()?;
    Some(Reply {
        status: http::StatusCode::from_u16(status).ok()?,
        ..reply.clone()
    })
}

/// The verdict on a call that was refused as a whole. A record is not to blame for it.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    refused(manifest, reply, &reply.json().unwrap_or_default())
}

/// The verdict on a part of a call that concerns no record.
pub(super) fn refused(manifest: &Manifest, reply: &Reply, body: &Value) -> Verdict {
    match rejected(judge(manifest, reply, errors(body), None)) {
        Ok(faults) => {
            let reasons: Vec<String> = faults
                .iter()
                .map(|fault| format!("{} {}", fault.code, fault.message))
                .collect();
            Verdict::Bug {
                reason: format!(
                    "a call that was refused as a whole: {} {}",
                    reply.status.as_u16(),
                    reasons.join("; ")
                )
                .trim_end()
                .to_owned(),
            }
        }
        Err(verdict) => verdict,
    }
}

/// The verdicts on one plan. Its records were all written or none: those that are fine by themselves
/// take over what holds the others up, or go again at once without the one that never will.
fn graph(manifest: &Manifest, plan: &Plan, graph: Option<&Value>, reply: &Reply) -> Vec<Verdict> {
    let parts = graph
        .and_then(|graph| graph.pointer("/graphResponse/compositeResponse"))
        .and_then(Value::as_array);
    let whole = graph
        .and_then(|graph| graph.get("isSuccessful"))
        .and_then(Value::as_bool);
    let (Some(parts), Some(whole)) = (parts, whole) else {
        return vec![unreadable("a graph is missing or has no result"); plan.writes.len()];
    };
    let own: Vec<Option<Verdict>> = plan
        .writes
        .iter()
        .enumerate()
        .map(
            |(index, write)| match named(parts, "referenceId", &node_id(index)) {
                Some(part) => node(manifest, write, part, whole, reply),
                None => Some(unreadable("a node is missing")),
            },
        )
        .collect();
    let culprit = plan.writes.iter().zip(&own).find_map(|(write, verdict)| {
        let verdict = verdict.as_ref()?;
        (!matches!(verdict, Verdict::Done { .. })).then_some((write, verdict))
    });
    let others = match culprit {
        Some((
            _,
            verdict @ (Verdict::Retry { .. }
            | Verdict::Throttle { .. }
            | Verdict::Refresh
            | Verdict::Reauthorize { .. }),
        )) => verdict.clone(),
        Some((
            write,
            Verdict::Reject(_)
            | Verdict::Misconfigured { .. }
            | Verdict::Bug { .. }
            | Verdict::Skip(_)
            | Verdict::Done { .. },
        )) => Verdict::Retry {
            after: Some(Duration::ZERO),
            reason: format!("rolled back with {}", write.key),
        },
        // After 14 failed graphs Salesforce does not try the rest.
        None => Verdict::Retry {
            after: None,
            reason: "halted with other sessions of the same call".to_owned(),
        },
    };
    own.into_iter()
        .map(|verdict| verdict.unwrap_or_else(|| others.clone()))
        .collect()
}

/// The verdict on one record; `None` if it failed only because another did.
fn node(
    manifest: &Manifest,
    write: &Write,
    part: &Value,
    whole: bool,
    reply: &Reply,
) -> Option<Verdict> {
    let (Some(reply), Some(body)) = (part_of(reply, part), part.get("body")) else {
        return Some(unreadable("a node has no status or no body"));
    };
    if reply.status.is_success() && body.get("success") != Some(&Value::Bool(false)) {
        // An update may be answered without a body.
        return whole.then(|| Verdict::Done {
            id: text_at(body, "/id"),
        });
    }
    if reply.status == http::StatusCode::MULTIPLE_CHOICES {
        let message =
            "several records have our key: delete all but one, and make the key field unique"
                .to_owned();
        return Some(Verdict::Reject(vec![FieldFault {
            field: String::new(),
            code: "MULTIPLE_CHOICES".to_owned(),
            message,
        }]));
    }
    let errors = errors(body.get("errors").unwrap_or(body));
    if errors
        .iter()
        .any(|error| ROLLED_BACK.contains(&error.code.as_str()))
    {
        return None;
    }
    Some(judge(manifest, &reply, errors, Some(write)))
}

/// The verdict on errors that came together: all faults of the record, unless one is no fault of it.
fn judge(
    manifest: &Manifest,
    reply: &Reply,
    mut errors: Vec<Fields>,
    write: Option<&Write>,
) -> Verdict {
    if errors.is_empty() {
        errors.push(Fields {
            code: String::new(),
            message: String::new(),
            fields: Vec::new(),
        });
    }
    let mut faults = Vec::new();
    for mut error in errors {
        let shown = discreet(&error.code, &error.message);
        let told = mem::replace(&mut error.message, shown);
        let mapped = write.map_or_else(Vec::new, |write| mapped_fields(write, &error));
        if error.fields.is_empty() {
            error.fields.clone_from(&mapped);
        }
        let is_about_a_field = matches!(error.code.as_str(), "INVALID_FIELD" | "DUPLICATE_VALUE")
            && !mapped.is_empty();
        match rejected(manifest.verdict_told(reply, &told, &error)) {
            Ok(found) => faults.extend(found),
            Err(_) if is_about_a_field => {
                faults.extend(mapped.into_iter().map(|field| FieldFault {
                    field,
                    code: error.code.clone(),
                    message: error.message.clone(),
                }));
            }
            Err(verdict) => return verdict,
        }
    }
    Verdict::Reject(faults)
}

/// The fields of the mapping that an error names. One that it names and the mapping lacks is ours: the
/// key field.
fn mapped_fields(write: &Write, error: &Fields) -> Vec<String> {
    let names = |name: &str| {
        let mut words = error
            .message
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        error.fields.iter().any(|field| field == name) || words.any(|word| word == name)
    };
    write
        .fields
        .keys()
        .filter(|name| names(name))
        .cloned()
        .collect()
}

/// The errors of a body: an array of them; none if it is anything else.
fn errors(body: &Value) -> Vec<Fields> {
    let error = |error: &Value| {
        let code = error
            .get("errorCode")
            .or_else(|| error.get("statusCode"))?
            .as_str()?
            .to_owned();
        let fields = error
            .get("fields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Some(Fields {
            message: text_at(error, "/message"),
            fields: fields
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            code,
        })
    };
    body.as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(error)
        .collect()
}

/// A message without the record's values, which these errors quote.
fn discreet(code: &str, message: &str) -> String {
    match code {
        "STRING_TOO_LONG" => {
            let limit = message
                .rfind("(max length=")
                .and_then(|at| message.get(at..))
                .unwrap_or_default();
            format!("the text is too long {limit}")
                .trim_end()
                .to_owned()
        }
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => {
            "the picklist does not have this value".to_owned()
        }
        "INVALID_EMAIL_ADDRESS" => "this is no e-mail address".to_owned(),
        "MALFORMED_ID" => "this is no record id".to_owned(),
        "MALFORMED_QUERY" => "the query cannot be read".to_owned(),
        "JSON_PARSER_ERROR" => "a value has the wrong type".to_owned(),
        // An error in a query repeats the query, and says what is wrong in the last line.
        _ if message.contains(IN_A_QUERY) => short(message.lines().next_back().unwrap_or_default()),
        _ => short(message),
    }
}
