//! The connector of the CRM of this test.

use std::time::Duration;

use bytes::Bytes;
use hub_connectors::{Answer, Connector, Idempotency, Manifest, Operation, ReadBack, Reply};
use hub_domain::{Connection, FieldFault, Plan, Verdict, Write, plan::Step};
use serde_json::{Value, json};

/// Which CRM it is.
pub(crate) struct Acme {
    manifest: Manifest,
    has_steps: bool,
}

impl Acme {
    /// A CRM with this in its manifest.
    pub(crate) fn new(kind: &str) -> Self {
        let text = format!(
            r#"
            title = "Acme"
            {kind}
            oauth = {{ methods = ["authorization_code"], authorize_url = "https://acme.example/a", token_url = "https://acme.example/t", scopes = [], client_auth = "body", rotation = "keeps", default_lifetime_s = 3600 }}
            api = {{ version = "v1", base_url = "https://acme.example", host_patterns = ["acme.example"] }}
            batch = {{ plans = 10, writes = 10, lookup = 10 }}
            [[record]]
            kind = "meeting"
            object = "meetings"
            fields = [{{ to = "title", from = "session.title" }}]
            [[record]]
            kind = "task"
            object = "tasks"
            fields = [{{ to = "title", from = "task.title" }}]
            "#
        );
        Self {
            manifest: Manifest::parse("acme", &text).unwrap(),
            has_steps: false,
        }
    }

    /// A meeting is completed once everything is there, and then has a note that it can do without.
    pub(crate) fn with_steps(self) -> Self {
        Self {
            has_steps: true,
            ..self
        }
    }

    fn refused(&self, reply: &Reply) -> Verdict {
        let error = hub_connectors::Fields {
            code: String::new(),
            message: String::new(),
            fields: Vec::new(),
        };
        self.manifest.verdict(reply, &error)
    }

    fn write(&self, write: &Write) -> Value {
        let chosen = self.manifest.idempotency == Idempotency::ClientId && write.is_record();
        // The smallest key is the meeting's.
        let of = write.after.keys().find_map(|key| write.id_of(key));
        let title = write.fields.get("title").map(|field| field.value.clone());
        let id = match &write.id {
            None if chosen => Some(write.client_id()),
            id => id.clone(),
        };
        json!({
            "key": write.key, "id": id, "create": write.id.is_none(), "chosen": chosen, "token": write.token,
            "state": !write.is_record(), "of": of, "title": title.unwrap_or(json!("note")),
        })
    }
}

impl Connector for Acme {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn steps(&self, plan: &mut Plan, _: &Connection) {
        if !self.has_steps {
            return;
        }
        let Some(meeting) = plan.writes.first().cloned() else {
            return;
        };
        let step = |name: &str, creates| {
            let name = name.to_owned();
            Write::step(&plan.session, Step { name, creates }, &meeting)
        };
        let mut done = step("done", false);
        done.after = plan
            .writes
            .iter()
            .map(|write| (write.key.clone(), None))
            .collect();
        let mut note = Write {
            optional: true,
            ..step("note", true)
        };
        note.after.insert(done.key.clone(), None);
        // In the order in which they must not be sent.
        plan.writes.insert(0, done);
        plan.writes.push(note);
    }

    fn request(
        &self,
        operation: &Operation,
        _: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let (path, body) = match operation {
            Operation::FindPeople { .. } | Operation::Describe { .. } => ("people", json!({})),
            Operation::ReadBack {
                keys,
                writes,
                since,
                cursor,
                ..
            } => {
                let named = writes.iter().map(|write| &write.key);
                assert!(writes.is_empty() || named.eq(keys), "{writes:?}");
                (
                    "find",
                    json!({ "keys": keys, "since": since.map(|at| at.to_string()), "from": cursor }),
                )
            }
            Operation::Write { plans } => {
                let writes = plans.iter().flat_map(|plan| &plan.writes);
                let writes: Vec<Value> = writes.map(|write| self.write(write)).collect();
                ("write", json!({ "writes": writes }))
            }
        };
        let request = http::Request::post(format!("https://acme.example/{path}"));
        Ok(request.body(body.to_string().into()).unwrap())
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        let writes: Vec<&Write> = plans.iter().flat_map(|plan| &plan.writes).collect();
        if !reply.status.is_success() {
            return vec![self.refused(reply); writes.len()];
        }
        let again = |reason: &str| Verdict::Retry {
            after: Some(Duration::ZERO),
            reason: reason.to_owned(),
        };
        let answers = reply.json().unwrap();
        let verdict = |answer: &Value| match answer["id"].as_str() {
            Some(id) => Verdict::Done { id: id.to_owned() },
            None if answer["gone"] == json!(true) => again("gone"),
            None if answer["exists"] == json!(true) => again("exists"),
            None => Verdict::Reject(vec![FieldFault {
                field: "title".to_owned(),
                code: "REFUSED".to_owned(),
                message: "it is refused".to_owned(),
            }]),
        };
        answers.as_array().unwrap().iter().map(verdict).collect()
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        match operation {
            Operation::ReadBack { .. } if !reply.status.is_success() => Err(self.refused(reply)),
            Operation::ReadBack { .. } => {
                let found = reply.json().unwrap()["found"].take();
                let found: Vec<ReadBack> = serde_json::from_value(found).unwrap();
                Ok(Answer::Records(found))
            }
            _ => Ok(Answer::People(Vec::new())),
        }
    }

    fn next(&self, operation: &Operation, reply: &Reply) -> Option<Operation> {
        let mut next = operation.clone();
        let Operation::ReadBack { cursor, .. } = &mut next else {
            return None;
        };
        *cursor = Some(reply.json()?["more"].as_str()?.to_owned());
        Some(next)
    }
}
