//! The trait every CRM implements, and the defaults its manifest drives.

use std::time::Duration;

use bytes::Bytes;
use hub_domain::{Cause, Connection, FieldFault, Plan, Verdict};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::Value;

use crate::{
    manifest::{ErrorRule, Manifest, RuleVerdict},
    operation::{Answer, Operation, Reply},
};

/// A CRM. Synchronous and pure.
pub trait Connector: Send + Sync {
    /// Whatever of the CRM is a value.
    fn manifest(&self) -> &Manifest;

    /// Adds to a plan what the CRM needs beyond the records of the mapping: *steps*. Each is one more
    /// [`Write`](hub_domain::Write), with [`step`](hub_domain::Write::step) saying what it does and `after` naming the writes that must be
    /// in the CRM first. The engine sends a plan stage by stage: whatever waits for nothing goes out in
    /// as few calls as [`Connector::writes`] makes of it, then whatever waited for that, with the ids
    /// filled in. Whatever is done is remembered, so a delivery that stopped (a limit, a refusal, a death)
    /// goes on behind it. The steps must be the same for the same plan.
    ///
    /// An appointment that can be completed only once it is there, and a note that must not cost the
    /// session if it is refused:
    ///
    /// ```
    /// use hub_domain::{Plan, Write, plan::Step};
    ///
    /// fn steps(plan: &mut Plan) {
    ///     let mut steps = Vec::new();
    ///     for write in &plan.writes {
    ///         let complete = Step { name: "done".to_owned(), creates: false };
    ///         steps.push(Write::step(&plan.session, complete, write));
    ///         let note = Step { name: "note".to_owned(), creates: true };
    ///         steps.push(Write {
    ///             object: "notes".to_owned(),
    ///             optional: true,
    ///             ..Write::step(&plan.session, note, write)
    ///         });
    ///     }
    ///     plan.writes.extend(steps);
    /// }
    /// ```
    ///
    /// In [`Connector::request`] a step is known by its name, and the record it belongs to by
    /// [`Write::id_of`](hub_domain::Write::id_of). A step with `creates` is a record like any other: it has an id of its own, and
    /// the manifest's [`Idempotency`](crate::Idempotency) keeps it from being made twice. Any other must bear repetition.
    fn steps(&self, _plan: &mut Plan, _link: &Connection) {}

    /// Splits plans into writing operations, each of which fits one call. The default never splits a
    /// plan; a CRM whose batches take one object may regroup the writes, each of them once.
    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        let batch = &self.manifest().batch;
        let mut operations: Vec<Vec<Plan>> = Vec::new();
        let mut writes = 0;
        for plan in plans {
            let fits = operations.last().is_some_and(|open| {
                open.len() < batch.plans && writes + plan.writes.len() <= batch.writes
            });
            if !fits {
                operations.push(Vec::new());
                writes = 0;
            }
            writes += plan.writes.len();
            if let Some(open) = operations.last_mut() {
                open.push(plan);
            }
        }
        operations
            .into_iter()
            .map(|plans| Operation::Write { plans })
            .collect()
    }

    /// The request of an operation, without its credentials.
    ///
    /// # Errors
    /// [`Verdict::Reject`] or [`Verdict::Misconfigured`] for what cannot be asked; it then costs no
    /// call.
    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict>;

    /// The verdict on each record of the operation: for a write [`Connector::written`], for anything else
    /// exactly one, by [`Connector::read`].
    fn interpret(&self, operation: &Operation, reply: &Reply) -> Vec<Verdict> {
        match operation {
            Operation::Write { plans } => self.written(plans, reply),
            Operation::FindPeople { .. }
            | Operation::Describe { .. }
            | Operation::ReadBack { .. } => {
                let found = self.read(operation, reply);
                vec![found.map_or_else(|verdict| verdict, |_| Verdict::Done { id: String::new() })]
            }
        }
    }

    /// The verdict on each write, plan by plan. A 200 can hold a failure, and a 4xx a success.
    ///
    /// A [`Verdict::Retry`] after zero seconds asks for the write again at once, in another call. It then
    /// has another id, by the manifest's kind: with
    /// [`Idempotency::UniqueKey`](crate::Idempotency::UniqueKey) the one that the CRM holds under our key,
    /// or none; with [`Idempotency::ClientId`](crate::Idempotency::ClientId) the one that we chose
    /// (an update: a create found it there), or none if it had one (a create: an update found it gone);
    /// with [`Idempotency::ReadBack`](crate::Idempotency::ReadBack) and
    /// [`Idempotency::IdempotencyKey`](crate::Idempotency::IdempotencyKey) none (a create: it is gone).
    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict>;

    /// What a reading operation found.
    ///
    /// # Errors
    /// What is wrong with the answer.
    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict>;

    /// Whether the CRM failed at a call, so that a write of it that is not `Done` may have been made all the
    /// same. The default goes by the status; a CRM that says so within a 200 looks there too.
    fn failed(&self, reply: &Reply) -> bool {
        reply.status.is_server_error() || reply.status == http::StatusCode::REQUEST_TIMEOUT
    }

    /// What must be asked next for the answer to be whole: the next page, or the next query. `None` when
    /// it is.
    fn next(&self, _operation: &Operation, _reply: &Reply) -> Option<Operation> {
        None
    }
}

/// How the errors of one CRM look: where the code, the message and the fields stand in a body.
pub struct Fields {
    /// The CRM's error code.
    pub code: String,
    /// Its message; shown to people, so without values of the record where the connector can tell.
    pub message: String,
    /// The fields it names.
    pub fields: Vec<String>,
}

impl Manifest {
    /// The verdict on an error, by the manifest's table, else by the status alone.
    pub fn verdict(&self, reply: &Reply, error: &Fields) -> Verdict {
        self.verdict_told(reply, &error.message, error)
    }

    /// The same, where the CRM told another message than is kept of it: the rules look at what was told. A message
    /// that quotes the record, or is cut, would hide from them what happened.
    pub(crate) fn verdict_told(&self, reply: &Reply, told: &str, error: &Fields) -> Verdict {
        by_rules(&self.errors, reply, told, error)
            .unwrap_or_else(|| by_status(reply, error, reason(reply, error)))
    }

    /// The verdict on an error of the token endpoint, by the manifest's table, else by the standard's
    /// codes (<https://www.rfc-editor.org/rfc/rfc6749#section-5.2>). Nothing is given up there: work
    /// waits until somebody has connected again.
    pub fn token_verdict(&self, reply: &Reply, error: &Fields) -> Verdict {
        let rules = self.oauth.iter().flat_map(|oauth| &oauth.errors);
        let reauthorize = |cause| Verdict::Reauthorize {
            cause,
            reason: reason(reply, error),
        };
        by_rules(rules, reply, &error.message, error).unwrap_or_else(|| match error.code.as_str() {
            "temporarily_unavailable" | "server_error" | "slow_down" => Verdict::Retry {
                after: retry_after(reply),
                reason: reason(reply, error),
            },
            "invalid_client" | "unauthorized_client" | "unsupported_grant_type" => {
                reauthorize(Cause::ClientRefused)
            }
            "invalid_scope" | "insufficient_scope" => reauthorize(Cause::MissingScope),
            _ => match reply.status.as_u16() {
                408 | 425 | 429 | 500..=599 => Verdict::Retry {
                    after: retry_after(reply),
                    reason: reason(reply, error),
                },
                _ => reauthorize(Cause::Revoked),
            },
        })
    }
}

/// What happened, in one line.
fn reason(reply: &Reply, error: &Fields) -> String {
    let status = reply.status.as_u16().to_string();
    let parts = [status.as_str(), error.code.as_str(), error.message.as_str()];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The verdict of the first rule that fits.
fn by_rules<'a>(
    rules: impl IntoIterator<Item = &'a ErrorRule>,
    reply: &Reply,
    told: &str,
    error: &Fields,
) -> Option<Verdict> {
    let mut rules = rules.into_iter();
    let rule = rules.find(|rule| matches(rule, reply, told, &error.code))?;
    let wait = retry_after(reply).or(rule.after_s.map(Duration::from_secs));
    let reason = || {
        let reason = reason(reply, error);
        match &rule.advice {
            Some(advice) => format!("{advice} ({reason})"),
            None => reason,
        }
    };
    Some(match rule.verdict {
        RuleVerdict::Done => Verdict::Done { id: String::new() },
        RuleVerdict::Retry => Verdict::Retry {
            after: wait,
            reason: reason(),
        },
        RuleVerdict::Throttle { scope } => {
            let wait = wait.unwrap_or(Duration::from_secs(10));
            Verdict::Throttle {
                until: reply.at.checked_add(wait).unwrap_or(reply.at),
                scope,
            }
        }
        RuleVerdict::Refresh => Verdict::Refresh,
        RuleVerdict::Reauthorize => Verdict::Reauthorize {
            cause: rule.cause.unwrap_or(Cause::Revoked),
            reason: reason(),
        },
        RuleVerdict::Reject => reject(error),
        RuleVerdict::Misconfigured => Verdict::Misconfigured { reason: reason() },
    })
}

fn matches(rule: &ErrorRule, reply: &Reply, told: &str, told_code: &str) -> bool {
    rule.status
        .is_none_or(|status| status == reply.status.as_u16())
        && (rule.codes.is_empty()
            || rule.codes.iter().any(|code| {
                code.strip_suffix('*')
                    .map_or(code == told_code, |start| told_code.starts_with(start))
            }))
        && rule
            .message
            .as_ref()
            .is_none_or(|part| told.contains(part.as_str()))
}

fn reject(error: &Fields) -> Verdict {
    let fault = |field: &str| FieldFault {
        field: field.to_owned(),
        code: error.code.clone(),
        message: error.message.clone(),
    };
    if error.fields.is_empty() {
        return Verdict::Reject(vec![fault("")]);
    }
    Verdict::Reject(error.fields.iter().map(|field| fault(field)).collect())
}

/// What a status means when the manifest says nothing of the error.
fn by_status(reply: &Reply, error: &Fields, reason: String) -> Verdict {
    match reply.status.as_u16() {
        401 => Verdict::Refresh,
        429 => Verdict::Throttle {
            until: reply
                .at
                .checked_add(retry_after(reply).unwrap_or(Duration::from_secs(10)))
                .unwrap_or(reply.at),
            scope: hub_domain::Scope::Connection,
        },
        408 | 420 | 500..=599 => Verdict::Retry {
            after: retry_after(reply),
            reason,
        },
        403 => Verdict::Misconfigured { reason },
        400..=499 => reject(error),
        _ => Verdict::Bug {
            reason: format!("an answer that cannot be read: {reason}"),
        },
    }
}

/// The wait a reply asks for: `Retry-After` in seconds, or as an HTTP date (RFC 9110, 10.2.3).
pub fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(reply.at)).unwrap_or_default())
}

/// What need not be escaped in a path or a query (RFC 3986, 2.3).
pub(crate) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A request to the connection's API, with a JSON body or none.
pub(crate) fn json_request(
    link: &Connection,
    method: http::Method,
    path: &str,
    body: Option<&Value>,
) -> Result<http::Request<Bytes>, Verdict> {
    let Some(base) = &link.base_url else {
        return Err(Verdict::Reauthorize {
            cause: Cause::NeverAuthorized,
            reason: "the connection was never authorized".to_owned(),
        });
    };
    let builder = http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", base.trim_end_matches('/')))
        .header(http::header::ACCEPT, "application/json");
    let request = match body {
        Some(body) => builder
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string())),
        None => builder.body(Bytes::new()),
    };
    request.map_err(|error| Verdict::Misconfigured {
        reason: format!("the connection's base URL cannot be used: {error}"),
    })
}

/// A JSON text at a pointer; empty when there is none.
pub(crate) fn text_at(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
