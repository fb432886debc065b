//! The receiver of webhooks: it believes what the official library signed, once.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Request;
use hub_sandbox::Sandbox;
use jiff::Timestamp;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

const NOW: i64 = 1_795_189_560;
const BODY: &str = r#"{"id":"evt_1","type":"session.completed"}"#;

fn receiver() -> (Sandbox, Webhook) {
    let clock = Arc::new(|| Timestamp::from_second(NOW).unwrap());
    let sandbox = Sandbox::new("receiver", "http://127.0.0.1:4109", clock, 1).unwrap();
    let secret = sandbox.credentials()["secret"].as_str().unwrap().to_owned();
    (sandbox, Webhook::new(&secret).unwrap())
}

struct Sent<'a> {
    id: &'a str,
    at: i64,
    signature: String,
    body: &'a str,
}

impl<'a> Sent<'a> {
    fn signed(webhook: &Webhook, id: &'a str, at: i64, body: &'a str) -> Self {
        let signature = webhook.sign(id, at, body.as_bytes()).unwrap();
        Self {
            id,
            at,
            signature,
            body,
        }
    }

    fn request(&self) -> Request<Bytes> {
        Request::post("http://127.0.0.1:4109/hooks/ours")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", self.at)
            .header("webhook-signature", &self.signature)
            .header("x-team", "sales")
            .body(Bytes::from(self.body.to_owned()))
            .unwrap()
    }

    async fn to(&self, sandbox: &Sandbox) -> (u16, Value) {
        let answer = sandbox.handle(self.request()).await.unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }
}

#[tokio::test]
async fn what_is_signed_is_taken_and_a_repeat_is_the_same_message() {
    let (sandbox, webhook) = receiver();
    for at in [NOW, NOW + 5] {
        let sent = Sent::signed(&webhook, "msg_1", at, BODY);
        assert_eq!(sent.to(&sandbox).await.0, 204);
    }
    let state = sandbox.state();
    assert_eq!(state["order"], json!(["msg_1"]));
    let message = &state["messages"]["msg_1"];
    assert_eq!(
        [
            &message["taken"],
            &message["differs"],
            &message["type"],
            &message["path"],
            &message["headers"]
        ],
        [
            &json!(2),
            &json!(false),
            &json!("session.completed"),
            &json!("/hooks/ours"),
            &json!({ "x-team": "sales" })
        ]
    );
    // Another body under the same id is taken, as a naive receiver would, and told.
    let other = Sent::signed(&webhook, "msg_1", NOW, r#"{"id":"evt_1"}"#);
    assert_eq!(other.to(&sandbox).await.0, 204);
    assert_eq!(sandbox.state()["messages"]["msg_1"]["differs"], true);
}

#[tokio::test]
async fn what_is_not_signed_so_is_refused_with_the_reason() {
    let (sandbox, webhook) = receiver();
    let good = Sent::signed(&webhook, "msg_1", NOW, BODY);
    let other = Webhook::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
    let cases = [
        (
            "no header webhook-id",
            Sent {
                id: "",
                ..copy(&good)
            },
        ),
        (
            "no signature fits",
            Sent {
                id: "msg_2",
                ..copy(&good)
            },
        ),
        (
            "no signature fits",
            Sent {
                body: "{}",
                ..copy(&good)
            },
        ),
        (
            "no signature fits",
            Sent {
                at: NOW + 1,
                ..copy(&good)
            },
        ),
        (
            "no signature fits",
            Sent::signed(&other, "msg_1", NOW, BODY),
        ),
        (
            "webhook-timestamp is too far off",
            Sent::signed(&webhook, "msg_1", NOW - 301, BODY),
        ),
        (
            "webhook-timestamp is too far off",
            Sent::signed(&webhook, "msg_1", NOW + 301, BODY),
        ),
    ];
    for (reason, sent) in &cases {
        let (status, body) = sent.to(&sandbox).await;
        assert_eq!((status, &body["error"]), (401, &json!(reason)));
    }
    assert_eq!(sandbox.state()["messages"], json!({}));
    assert_eq!(
        sandbox.state()["refused"].as_array().unwrap().len(),
        cases.len()
    );
    // During a rotation two signatures come, and versions that nobody knows are skipped.
    let both = Sent {
        signature: format!(
            "v2,AAAA v1a,AAAA {} {}",
            other.sign("msg_1", NOW, BODY.as_bytes()).unwrap(),
            good.signature
        ),
        ..copy(&good)
    };
    assert_eq!(both.to(&sandbox).await.0, 204);
}

fn copy<'a>(sent: &Sent<'a>) -> Sent<'a> {
    Sent {
        signature: sent.signature.clone(),
        ..*sent
    }
}

#[tokio::test]
async fn it_answers_in_every_way_that_a_receiver_may() {
    let (sandbox, webhook) = receiver();
    let status = |status: u16| json!({ "fault": "status", "status": status });
    let date = json!({ "fault": "retry_after_date", "seconds": 90 });
    let limited = json!({ "fault": "status", "status": 503, "headers": { "retry-after": "3" } });
    let private = json!({ "fault": "redirect", "status": 301, "location": "http://10.0.0.1/" });
    // Fault, status, a header and its value.
    let cases = [
        (status(200), 200, None),
        (status(201), 201, None),
        (status(204), 204, None),
        (private, 301, Some(("location", "http://10.0.0.1/"))),
        (
            json!({ "fault": "redirect" }),
            302,
            Some((
                "location",
                "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
            )),
        ),
        (status(400), 400, None),
        (
            json!({ "fault": "abort_message" }),
            400,
            Some(("webhook-delivery", "abort-message")),
        ),
        (status(404), 404, None),
        (json!({ "fault": "gone" }), 410, None),
        (
            json!({ "fault": "rate_limit" }),
            429,
            Some(("retry-after", "7")),
        ),
        (
            json!({ "fault": "retry_after", "seconds": 120 }),
            429,
            Some(("retry-after", "120")),
        ),
        (
            date,
            429,
            Some(("retry-after", "Fri, 20 Nov 2026 15:47:30 GMT")),
        ),
        (json!({ "fault": "server_error" }), 500, None),
        (status(502), 502, None),
        (limited, 503, Some(("retry-after", "3"))),
        (status(504), 504, None),
    ];
    for (fault, status, header) in &cases {
        sandbox.add_fault(fault.clone()).unwrap();
        let sent = Sent::signed(&webhook, "msg_1", NOW, BODY);
        let answer = sandbox.handle(sent.request()).await.unwrap();
        assert_eq!(answer.status(), *status, "{fault}");
        if let Some((name, value)) = header {
            assert_eq!(answer.headers()[*name], *value, "{fault}");
        }
    }
    let state = sandbox.state();
    assert_eq!(state["messages"], json!({}), "none of them was taken");
    let attempts = state["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), cases.len(), "but each was kept");
    assert!(attempts.iter().all(|one| one["verified"] == true));
}

#[tokio::test]
async fn a_gone_receiver_and_one_that_names_its_records() {
    let (sandbox, webhook) = receiver();
    sandbox.set(&json!({ "external_ids": true })).unwrap();
    let sent = Sent::signed(&webhook, "msg_9", NOW, BODY);
    let named = (200, json!({ "external_id": "rec_1" }));
    assert_eq!(sent.to(&sandbox).await, named);
    assert_eq!(sent.to(&sandbox).await, named, "a repeat has the same id");
    sandbox.set(&json!({ "gone": true })).unwrap();
    assert_eq!(sent.to(&sandbox).await.0, 410);
}

#[tokio::test]
async fn every_attempt_is_kept_as_it_came_with_what_verifying_gave() {
    let (sandbox, webhook) = receiver();
    let good = Sent::signed(&webhook, "msg_1", NOW, BODY);
    good.to(&sandbox).await;
    for fault in ["drop_before", "drop_after", "reset"] {
        sandbox.add_fault(json!({ "fault": fault })).unwrap();
        sandbox.handle(good.request()).await.unwrap_err();
    }
    let forged = Sent {
        body: " {}",
        ..copy(&good)
    };
    assert_eq!(forged.to(&sandbox).await.0, 401);
    let state = sandbox.state();
    let attempts = state["attempts"].as_array().unwrap();
    let reasons: Vec<&Value> = attempts.iter().map(|one| &one["reason"]).collect();
    let none = &Value::Null;
    assert_eq!(
        reasons,
        [none, none, none, none, &json!("no signature fits")]
    );
    assert_eq!(attempts[1]["body"], BODY);
    assert_eq!(
        attempts[4]["body_base64"], "IHt9",
        "the blank that came is kept"
    );
    assert_eq!(
        [
            &attempts[0]["id"],
            &attempts[0]["timestamp"],
            &attempts[0]["signature"]
        ],
        [
            &json!("msg_1"),
            &json!(NOW.to_string()),
            &json!(good.signature)
        ]
    );
    // One was taken at once, one before its connection was dropped.
    assert_eq!(state["messages"]["msg_1"]["taken"], 2);
    assert_eq!(state["messages"]["msg_1"]["differs"], false);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_and_a_dripping_answer_come_late() {
    let (sandbox, webhook) = receiver();
    let sent = Sent::signed(&webhook, "msg_1", NOW, BODY);
    let began = tokio::time::Instant::now();
    sandbox
        .add_fault(json!({ "fault": "hang", "seconds": 45 }))
        .unwrap();
    sandbox.handle(sent.request()).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 45);
    assert_eq!(
        sandbox.state()["messages"]["msg_1"]["taken"],
        1,
        "it was taken"
    );
    sandbox.set(&json!({ "external_ids": true })).unwrap();
    sandbox
        .add_fault(json!({ "fault": "slow_drip", "ms": 1000 }))
        .unwrap();
    let answer = sandbox.handle(sent.request()).await.unwrap();
    let bytes = r#"{"external_id":"rec_1"}"#;
    assert_eq!(answer.body(), bytes);
    let seconds = u64::try_from(bytes.len()).unwrap();
    assert_eq!(began.elapsed().as_secs(), 45 + seconds);
    sandbox
        .add_fault(json!({ "fault": "huge_answer", "bytes": 100_000 }))
        .unwrap();
    let answer = sandbox.handle(sent.request()).await.unwrap();
    assert_eq!(answer.body().len(), 100_000);
}

#[tokio::test]
async fn the_known_answer_and_a_signature_by_key_pair() {
    // https://github.com/standard-webhooks/standard-webhooks: v1 by the shared secret.
    let at = 1_674_087_231;
    let clock = Arc::new(move || Timestamp::from_second(at).unwrap());
    let sandbox = Sandbox::new("receiver", "http://127.0.0.1:4109", clock, 1).unwrap();
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = BASE64_STANDARD.encode(key.public_key());
    let known = Sent {
        id: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        at,
        signature: "v1,Inw/unYkpAh6Njpdz4O+hnN82xYMXQ6NjnZIQN/mzIQ=".to_owned(),
        body: r#"{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}"#,
    };
    sandbox.set(&json!({ "secrets": [secret] })).unwrap();
    assert_eq!(known.to(&sandbox).await.0, 204);
    // v1a by the public key, beside a v1 of a secret that the receiver does not have.
    let signed = format!("{}.{at}.{}", known.id, known.body);
    let signature = BASE64_STANDARD.encode(key.sign(signed.as_bytes()));
    let both = Sent {
        signature: format!("{} v1a,{signature}", known.signature),
        ..copy(&known)
    };
    let by_key = json!({ "secrets": [format!("whpk_{public}")] });
    sandbox.set(&by_key).unwrap();
    assert_eq!(both.to(&sandbox).await.0, 204);
    assert_eq!(known.to(&sandbox).await.0, 401, "no v1a");
    let tampered = Sent {
        body: "{}",
        ..copy(&both)
    };
    assert_eq!(tampered.to(&sandbox).await.0, 401);
}
