//! The connector of the minimal CRMs.

use std::time::Duration;

use bytes::Bytes;
use hub_connectors::{Answer, Connector, Fields, Idempotency, Manifest, Operation, Reply};
use hub_domain::{Connection, FieldFault, Plan, Verdict, Write};
use serde_json::{Map, Value, json};

use super::{REMEMBERS_S, SHOWS_AFTER_S};

/// A connector of one kind.
pub(crate) struct Minimal {
    manifest: Manifest,
}

impl Minimal {
    pub(crate) fn new(crm: &str, kind: &str) -> Self {
        let remembers = match kind {
            "idempotency_key" => format!("idempotency_key = {{ window_s = {REMEMBERS_S} }}"),
            _ => String::new(),
        };
        let text = format!(
            r#"
            title = "Minimal"
            idempotency = "{kind}"
            {remembers}
            read_back = {{ settle_s = {SHOWS_AFTER_S} }}
            [api_key]
            description = "the laboratory has one"
            alphabet = "token"
            headers = {{ authorization = "Bearer {{key}}" }}
            [[check]]
            proves = "names the account"
            path = "/account"
            account_at = "/id"
            [api]
            version = "1"
            base_url = "https://minimal.example"
            host_patterns = ["minimal.example"]
            [batch]
            plans = 10
            writes = 10
            lookup = 10
            [[record]]
            kind = "meeting"
            object = "meetings"
            fields = [{{ to = "title", from = "session.title" }}, {{ to = "notes", from = "session.notes" }}]
            [[record]]
            kind = "task"
            object = "tasks"
            fields = [{{ to = "title", from = "task.title" }}]
            "#
        );
        let manifest = Manifest::parse(crm, &text).expect("a manifest");
        Self { manifest }
    }

    fn refused(&self, reply: &Reply) -> Verdict {
        let error = Fields {
            code: String::new(),
            message: String::new(),
            fields: Vec::new(),
        };
        self.manifest.verdict(reply, &error)
    }

    fn write(&self, write: &Write) -> Value {
        let chosen = self.manifest.idempotency == Idempotency::ClientId;
        let id = match &write.id {
            None if chosen => Some(write.client_id()),
            id => id.clone(),
        };
        let fields: Map<String, Value> = write
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), field.value.clone()))
            .collect();
        let people: Vec<&String> = write.people.iter().map(|person| &person.id).collect();
        json!({
            "object": write.object, "key": write.key, "id": id, "create": write.id.is_none(),
            "token": write.token, "fields": fields, "people": people,
        })
    }
}

fn body_of(operation: &Operation, write: impl Fn(&Write) -> Value) -> (&'static str, Value) {
    match operation {
        Operation::FindPeople { emails } => ("people", json!({ "emails": emails })),
        Operation::Describe { object } => ("describe", json!({ "object": object })),
        Operation::ReadBack { object, keys, .. } => {
            ("find", json!({ "object": object, "keys": keys }))
        }
        Operation::Write { plans } => {
            let writes = plans.iter().flat_map(|plan| &plan.writes);
            ("write", writes.map(write).collect())
        }
    }
}

impl Connector for Minimal {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let (path, body) = body_of(operation, |write| self.write(write));
        let base = link.base_url.as_deref().unwrap_or_default();
        let request = http::Request::post(format!("{}/{path}", base.trim_end_matches('/')));
        request
            .body(body.to_string().into())
            .map_err(|error| Verdict::Misconfigured {
                reason: error.to_string(),
            })
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        if !reply.status.is_success() {
            let writes = plans.iter().map(|plan| plan.writes.len()).sum();
            return vec![self.refused(reply); writes];
        }
        let answers: Vec<Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
        answers.iter().map(verdict).collect()
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        let unread = |error: serde_json::Error| Verdict::Bug {
            reason: error.to_string(),
        };
        match operation {
            _ if !reply.status.is_success() => Err(self.refused(reply)),
            Operation::ReadBack { .. } => serde_json::from_slice(&reply.body)
                .map(Answer::Records)
                .map_err(unread),
            Operation::Describe { .. } => Ok(Answer::Fields(Vec::new())),
            Operation::FindPeople { .. } | Operation::Write { .. } => {
                serde_json::from_slice(&reply.body)
                    .map(Answer::People)
                    .map_err(unread)
            }
        }
    }

    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        // A key of a request is of one write.
        if self.manifest.idempotency == Idempotency::IdempotencyKey {
            let single = |plan: Plan| {
                let writes = plan.writes.clone();
                writes.into_iter().map(move |write| Plan {
                    writes: vec![write],
                    ..plan.clone()
                })
            };
            let plans = plans.into_iter().flat_map(single);
            return plans
                .map(|plan| Operation::Write { plans: vec![plan] })
                .collect();
        }
        vec![Operation::Write { plans }]
    }
}

fn verdict(answer: &Value) -> Verdict {
    let again = |reason: &str| Verdict::Retry {
        after: Some(Duration::ZERO),
        reason: reason.to_owned(),
    };
    match (answer["id"].as_str(), answer["error"].as_str()) {
        (Some(id), _) => Verdict::Done { id: id.to_owned() },
        (None, Some(error @ ("gone" | "exists"))) => again(error),
        _ => Verdict::Reject(vec![FieldFault {
            field: "title".to_owned(),
            code: "REFUSED".to_owned(),
            message: answer.to_string(),
        }]),
    }
}
