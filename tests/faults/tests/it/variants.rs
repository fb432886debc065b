//! The laboratory notices: hubs that are wrong on purpose, by a connector or by what lies between them and AWS.
//! Nothing of it is a switch of the engine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use aws_smithy_runtime_api::{
    client::orchestrator::{HttpRequest, HttpResponse},
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hub_connectors::{Answer, Connector, Idempotency, Manifest, Operation, Reply};
use hub_domain::{Connection, Plan, Verdict};
use hub_engine::webhook;
use hub_faults::{
    Fault, Forge, Job, Name, Outcome, Point, Remote, Setup, Stage, Tampered, Task, Wrong, minimal,
};
use secrecy::SecretString;
use serde_json::{Value, json};

/// Runs the core scenario with these faults.
fn struck(setup: Setup, points: &[(Name, usize, Fault)]) -> Outcome {
    let points = points
        .iter()
        .map(|(name, nth, fault)| Point {
            name: *name,
            nth: *nth,
            fault: *fault,
        })
        .collect();
    let stage = Stage::new(vec![setup]);
    stage.once_alone(&Job {
        setup: 0,
        task: Task::Core(points),
    })
}

/// Makes a record where it should make or change one.
struct Creates(Arc<dyn Connector>);

impl Connector for Creates {
    fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        self.0.writes(plans)
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let request = self.0.request(operation, link)?;
        if !matches!(operation, Operation::Write { .. }) {
            return Ok(request);
        }
        Ok(request.map(|body| {
            let mut writes: Value = serde_json::from_slice(&body).unwrap();
            for write in writes.as_array_mut().unwrap() {
                write["create"] = json!(true);
            }
            Bytes::from(writes.to_string())
        }))
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        self.0.written(plans, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        self.0.read(operation, reply)
    }
}

#[test]
fn a_connector_that_creates_instead_of_changing_is_found() {
    let setup = minimal(Idempotency::ReadBack);
    let connector = setup.connector.clone().unwrap();
    let wrong = Setup {
        connector: Some(Arc::new(Creates(connector))),
        ..setup
    };
    let outcome = struck(wrong, &[]);
    assert!(
        outcome.count(Wrong::Duplicated) > 0,
        "{:#?}",
        outcome.findings
    );
    assert!(
        struck(minimal(Idempotency::ReadBack), &[])
            .findings
            .is_empty()
    );
}

fn body_of(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default()
}

fn answered(body: &Value) -> Tampered {
    let status = StatusCode::try_from(200_u16).unwrap();
    let mut answer = HttpResponse::new(status, SdkBody::from(body.to_string()));
    answer
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Tampered::Answered(Box::new(answer))
}

#[test]
fn claims_that_nobody_keeps_are_found() {
    // Every claim is answered as if it were the first, and none is stored.
    let swallow = |text: &str, request: HttpRequest| {
        if !text.contains(".claim.") {
            return Tampered::Goes(Box::new(request));
        }
        let statements = body_of(&request)["Statements"]
            .as_array()
            .map_or(0, Vec::len);
        answered(&json!({ "Responses": vec![json!({ "TableName": "hub" }); statements] }))
    };
    let wrong = Setup {
        tamper: Some(Arc::new(swallow)),
        ..Setup::of("salesforce")
    };
    let outcome = struck(wrong, &[]);
    let found =
        outcome.count(Wrong::Lost) + outcome.count(Wrong::Duplicated) + outcome.count(Wrong::Stale);
    assert!(found > 0, "{:#?}", outcome.findings);
}

#[test]
fn outcomes_that_nobody_keeps_are_found() {
    let swallow = |text: &str, request: HttpRequest| {
        if !text.ends_with(".settle") {
            return Tampered::Goes(Box::new(request));
        }
        let statements = body_of(&request)["Statements"]
            .as_array()
            .map_or(0, Vec::len);
        answered(&json!({ "Responses": vec![json!({ "TableName": "hub" }); statements] }))
    };
    let wrong = Setup {
        tamper: Some(Arc::new(swallow)),
        ..Setup::of("salesforce")
    };
    let outcome = struck(wrong, &[]);
    assert!(outcome.count(Wrong::Lost) > 0, "{:#?}", outcome.findings);
}

#[test]
fn a_queue_that_says_sent_and_sends_nothing_is_found() {
    let swallow = |text: &str, request: HttpRequest| {
        if text != "dispatch.sqs.SendMessageBatch.live" {
            return Tampered::Goes(Box::new(request));
        }
        let entries = body_of(&request)["Entries"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let sent: Vec<Value> = entries
            .iter()
            .map(|entry| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "" }))
            .collect();
        answered(&json!({ "Successful": sent, "Failed": [] }))
    };
    let wrong = Setup {
        tamper: Some(Arc::new(swallow)),
        ..Setup::of("salesforce")
    };
    let outcome = struck(wrong, &[]);
    assert!(outcome.count(Wrong::Lost) > 0, "{:#?}", outcome.findings);
}

/// Claims as they are, but what they ask of revision and lease holds for every delivery.
fn asks_nothing(text: &str, request: HttpRequest) -> Tampered {
    if !text.ends_with(".claim.again") {
        return Tampered::Goes(Box::new(request));
    }
    let mut body = body_of(&request);
    for statement in body["Statements"].as_array_mut().into_iter().flatten() {
        let words = statement["Statement"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        for asked in ["sd < ?", "rev <= ?", "lu <= ?"] {
            let (before, _) = words.split_once(asked).expect("a claim's condition");
            let place = before.matches('?').count();
            statement["Parameters"][place] = json!({ "N": "9007199254740991" });
        }
    }
    let mut request = request;
    let bytes = body.to_string();
    request
        .headers_mut()
        .insert("content-length", bytes.len().to_string());
    *request.body_mut() = SdkBody::from(bytes);
    Tampered::Goes(Box::new(request))
}

#[test]
fn writes_whatever_the_version_are_found() {
    let wrong = Setup {
        tamper: Some(Arc::new(asks_nothing)),
        ..Setup::of("salesforce")
    };
    // A write arrives half a minute late, after that of the revision which came meanwhile.
    let late = [(Name::DeliverCrmWrite, 5, Fault::Late)];
    let outcome = struck(wrong, &late);
    assert!(outcome.count(Wrong::Stale) > 0, "{:#?}", outcome.findings);
    let right = struck(Setup::of("salesforce"), &late);
    assert!(right.findings.is_empty(), "{:#?}", right.findings);
}

/// A webhook whose hub changes each message, and signs it again by the secret that the receiver has of itself.
fn forging(change: impl Fn(usize, &mut String, &mut Vec<u8>) + Send + Sync + 'static) -> Setup {
    let sent = AtomicUsize::new(0);
    let forge: Forge = Arc::new(move |request| {
        let (mut parts, body) = request.into_parts();
        let text = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
        let (mut id, at, mut body) = (text("webhook-id"), text("webhook-timestamp"), body.to_vec());
        change(sent.fetch_add(1, Relaxed), &mut id, &mut body);
        let secret = SecretString::from(Remote::own_secret());
        let signature = webhook::sign(&body, &id, at.parse().unwrap(), &secret).unwrap();
        for (name, value) in [("webhook-id", id), ("webhook-signature", signature)] {
            parts.headers.insert(name, value.parse().unwrap());
        }
        http::Request::from_parts(parts, Bytes::from(body))
    });
    Setup {
        forge: Some(forge),
        ..Setup::of_webhook()
    }
}

/// The first message is taken, and nobody hears it: so it comes again.
const UNHEARD: [(Name, usize, Fault); 1] = [(Name::DeliverWebhookPost, 1, Fault::ErrorAfter)];

#[test]
fn a_message_that_comes_again_as_it_was_is_one() {
    for setup in [Setup::of_webhook(), forging(|_, _, _| ())] {
        let outcome = struck(setup, &UNHEARD);
        assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    }
}

#[test]
fn a_message_with_another_id_at_each_attempt_is_found() {
    let wrong = forging(|sent, id, _| id.push_str(&sent.to_string()));
    let outcome = struck(wrong, &UNHEARD);
    assert_eq!(
        outcome.count(Wrong::Duplicated),
        1,
        "{:#?}",
        outcome.findings
    );
}

#[test]
fn a_message_with_other_bytes_at_each_attempt_is_found() {
    let wrong = forging(|sent, _, body| body.extend(vec![b' '; sent]));
    let outcome = struck(wrong, &UNHEARD);
    assert_eq!(
        outcome.count(Wrong::Different),
        1,
        "{:#?}",
        outcome.findings
    );
}
