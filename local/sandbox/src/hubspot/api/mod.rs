//! The API below `/crm`, in all its versions, and the account's details.

mod associations;
mod associations_v3;
mod batch;
mod call;
mod merge;
mod objects;
mod others;
mod properties;
mod search;

use serde_json::{Value, json};

use super::answer::Answer;
use super::errors::{Outcome, Refusal};
use super::kinds::Kind;
use super::portal::Portal;
use super::times;
pub(super) use call::{Call, Version};

/// The most inputs a batch takes.
const BATCH_MOST: usize = 100;

/// Answers a call whose token has these scopes.
pub(super) fn answer(
    portal: &mut Portal,
    call: &Call,
    scopes: &[String],
    used: u64,
) -> Outcome<Answer> {
    let rest: Vec<&str> = call.rest.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    let access = Access { scopes };
    match (call.part.as_str(), rest.as_slice()) {
        ("objects", [kind, rest @ ..]) => {
            objects::answer(portal, call, &access, self::kind(kind)?, rest)
        }
        ("associations", [from, to, rest @ ..]) => {
            let (from, to) = (kind(from)?, kind(to)?);
            access.needs(from, writes(method, rest))?;
            if call.version == Version::V3 {
                return associations_v3::answer(portal, call, from, to, rest);
            }
            associations::answer(portal, call, from, to, rest)
        }
        ("properties", [kind, rest @ ..]) => {
            properties::answer(portal, call, &access, self::kind(kind)?, rest)
        }
        ("owners", rest) if method == "GET" => {
            access.any(&["crm.objects.owners.read"])?;
            others::owners(portal, call, rest)
        }
        ("pipelines", [kind, rest @ ..]) if method == "GET" => {
            let kind = self::kind(kind)?;
            access.any(&[kind.scope(false), "crm.schemas.deals.read"])?;
            others::pipelines(portal, kind, rest)
        }
        ("account-info", rest) if method == "GET" => others::account(portal, rest, used),
        _ => Err(Refusal::not_found()),
    }
}

/// Whether a call changes anything: a batch read is a POST too.
fn writes(method: &str, rest: &[&str]) -> bool {
    method != "GET" && !matches!(rest, ["batch", "read"])
}

fn kind(text: &str) -> Outcome<Kind> {
    Kind::parse(text)
        .ok_or_else(|| Refusal::validation(format!("Unable to infer object type from: {text}")))
}

/// What the caller's token allows.
struct Access<'a> {
    scopes: &'a [String],
}

impl Access<'_> {
    fn any(&self, any_of: &[&str]) -> Outcome<()> {
        if any_of
            .iter()
            .any(|wanted| self.scopes.iter().any(|s| s == wanted))
        {
            Ok(())
        } else {
            Err(Refusal::missing_scopes(any_of))
        }
    }

    fn needs(&self, kind: Kind, write: bool) -> Outcome<()> {
        self.any(&[kind.scope(write)])
    }
}

/// The result of a batch: with errors it is a 207.
fn batch(
    portal: &Portal,
    call: &Call,
    status: u16,
    results: Vec<Value>,
    errors: Vec<Value>,
) -> Answer {
    let now = times::written(portal.now);
    let mut body = json!({ "status": "COMPLETE", "startedAt": now, "completedAt": now });
    let failed = !errors.is_empty();
    if let Some(body) = body.as_object_mut() {
        body.insert("results".to_owned(), Value::Array(results));
        if failed {
            body.insert("numErrors".to_owned(), json!(errors.len()));
            body.insert("errors".to_owned(), Value::Array(errors));
        }
    }
    let partly = failed && (!call.version.dated() || portal.settings.multi_status);
    Answer::json(if partly { 207 } else { status }, body)
}

/// The `paging` of a list with more behind it.
fn paging(portal: &Portal, call: &Call, after: &str) -> Value {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(call.query.iter().filter(|(name, _)| name != "after"));
    query.append_pair("after", after);
    let link = format!("{}{}?{}", portal.base_url, call.path, query.finish());
    json!({ "next": { "after": after, "link": link } })
}

fn method_not_allowed() -> Refusal {
    Refusal::new(405, "", "HTTP 405 Method Not Allowed")
}
