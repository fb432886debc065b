//! The receiver of webhooks: it believes what the official library signed, once.

use std::sync::Arc;

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

    async fn to(&self, sandbox: &Sandbox) -> (u16, Value) {
        let request = Request::post("http://127.0.0.1:4109/hooks/ours")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", self.at)
            .header("webhook-signature", &self.signature)
            .header("x-team", "sales")
            .body(Bytes::from(self.body.to_owned()))
            .unwrap();
        let answer = sandbox.handle(request).await.unwrap();
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
async fn it_can_be_gone_redirect_abort_and_name_its_records() {
    let (sandbox, webhook) = receiver();
    for (fault, status) in [
        ("gone", 410),
        ("redirect", 302),
        ("abort_message", 400),
        ("huge_answer", 200),
        ("rate_limit", 429),
        ("server_error", 500),
    ] {
        sandbox.add_fault(json!({ "fault": fault })).unwrap();
        let sent = Sent::signed(&webhook, "msg_1", NOW, BODY);
        assert_eq!(sent.to(&sandbox).await.0, status, "{fault}");
    }
    sandbox.set(&json!({ "external_ids": true })).unwrap();
    let sent = Sent::signed(&webhook, "msg_9", NOW, BODY);
    assert_eq!(
        sent.to(&sandbox).await,
        (200, json!({ "external_id": "rec_1" }))
    );
    sandbox.set(&json!({ "gone": true })).unwrap();
    assert_eq!(sent.to(&sandbox).await.0, 410);
}
