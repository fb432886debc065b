//! Every file of `events/`, through the binary it is for.

use std::{collections::BTreeSet, sync::Arc};

use hub_binaries::{Machine, binaries};
use hub_engine::CRMS;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::each_once;

/// The status of the answer to a sample of an HTTP function.
fn status(file: &str) -> u16 {
    match file {
        "ApiFunction.create-connection.json" | "ApiFunction.create-webhook.json" => 201,
        "ApiFunction.delete-webhook.json" => 204,
        _ if file.starts_with("IngestFunction.") => 202,
        _ => 200,
    }
}

#[tokio::test]
async fn every_sample_is_answered_and_the_crms_hold_each_record_once() {
    let Some(binaries) = binaries("every_sample_is_answered_and_the_crms_hold_each_record_once")
    else {
        return;
    };
    let mut machine = Machine::start(&binaries).await;
    let mut secrets = Secrets::default();
    let files = hub_samples::all().unwrap();
    let mut driven = BTreeSet::new();
    // What happens to a session comes before what is seen of it.
    for prefix in ["Ingest", "Dispatch", "Deliver", "Oauth", "Api", "Batch"] {
        for file in files.iter().filter(|file| file.starts_with(prefix)) {
            let (sample, event) = machine.event(file).await;
            secrets.of_event(&event);
            let mut answer = machine.invoke(sample.function(), event.clone()).await;
            // What waits for a limit of the CRM comes again, as from the queue.
            for _ in 0..10 {
                let waits = answer["batchItemFailures"].as_array();
                if prefix != "Deliver" || waits.is_none_or(Vec::is_empty) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
                answer = machine.invoke(sample.function(), event.clone()).await;
            }
            if event.get("tick").is_some() {
                assert_eq!(answer, Value::Null, "{file}");
            } else if event.get("Records").is_some() {
                assert_eq!(answer, json!({ "batchItemFailures": [] }), "{file}");
            } else {
                assert_eq!(answer["statusCode"], status(file), "{file}: {answer}");
            }
            if prefix == "Deliver" {
                // The queue may hand over a batch again: nothing is left to do.
                let name = sample.crm().unwrap_or(RECEIVER);
                let fake = &machine.surroundings.sandboxes[name];
                let (state, calls) = (fake.state()[held(name)].clone(), fake.calls());
                if name == RECEIVER {
                    received(&state, &event, file);
                }
                let again = machine.invoke(sample.function(), event).await;
                assert_eq!(again, json!({ "batchItemFailures": [] }), "{file}");
                assert_eq!(fake.state()[held(name)], state, "{file} again");
                assert_eq!(fake.calls(), calls, "{file} again");
            }
            driven.insert(file.clone());
        }
    }
    assert_eq!(driven, files.into_iter().collect(), "every file is driven");
    for crm in CRMS {
        let live = machine.surroundings.aws.queue(&format!("hub-{crm}-live"));
        assert!(live.unwrap().total() > 0, "dispatch sent on to {crm}");
    }
    each_once(&machine).await;

    secrets.of_the_machine(&machine).await;
    for (id, process) in std::mem::take(&mut machine.functions) {
        process.terminate().await;
        let mut process = Arc::into_inner(process).unwrap();
        process.ended().await;
        let log = process.log();
        assert_eq!(process.errors(), Vec::<String>::new(), "{id}");
        // That the egress rules have exceptions, if nothing else.
        assert!(!log.is_empty(), "{id} logs nothing");
        for line in log {
            let parsed: Result<Value, _> = serde_json::from_str(&line);
            assert!(parsed.is_ok(), "{id} logs no JSON: {line}");
            for secret in &secrets.0 {
                assert!(!line.contains(secret), "{id} logs {secret}: {line}");
            }
        }
    }
    machine.stop().await;
}

/// What goes to a webhook has no CRM: it goes to the receiver.
const RECEIVER: &str = "receiver";

/// Where the state of a fake has what it took.
fn held(name: &str) -> &'static str {
    if name == RECEIVER {
        "messages"
    } else {
        "objects"
    }
}

/// The receiver took each event that the batch names, once, with a signature that it believed.
fn received(messages: &Value, event: &Value, file: &str) {
    for record in event["Records"].as_array().unwrap() {
        let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        let of_it = |message: &&Value| message["body"]["id"] == body["event"];
        let found: Vec<&Value> = messages
            .as_object()
            .unwrap()
            .values()
            .filter(of_it)
            .collect();
        assert_eq!(found.len(), 1, "{file}: {messages}");
        assert_eq!(
            (&found[0]["taken"], &found[0]["differs"]),
            (&json!(1), &json!(false)),
            "{file}"
        );
    }
}

/// What no log may hold.
struct Secrets(BTreeSet<String>);

impl Default for Secrets {
    fn default() -> Self {
        let people = ["acme", "globex", "prospect", "seller"];
        Self(people.map(|who| format!("@{who}.example")).into())
    }
}

impl Secrets {
    /// What lets somebody in: bearer, authorization code, state, cookie.
    fn of_event(&mut self, event: &Value) {
        for pointer in [
            "/headers/authorization",
            "/queryStringParameters/code",
            "/queryStringParameters/state",
            "/cookies/0",
        ] {
            let found = event.pointer(pointer).and_then(Value::as_str);
            let found = found.map(|text| text.trim_start_matches("Bearer ").to_owned());
            self.0.extend(found);
        }
    }

    /// What the hub keeps: signing secrets, client secrets, tokens, keys.
    async fn of_the_machine(&mut self, machine: &Machine) {
        // A fresh hub: what it was asked before is not asked again for minutes.
        let hub = machine.surroundings.function("operator");
        let admin = machine.seeder.admin().unwrap();
        let platform = hub.vault().platform().await.unwrap();
        let mut found = vec![platform.webhook.current.clone()];
        found.extend(platform.apps.values().map(|app| app.client_secret.clone()));
        let organization = admin.organization.as_str();
        let credentials = hub.vault().credentials(organization).await.unwrap();
        found.extend(credentials.refresh_tokens.values().cloned());
        found.extend(credentials.api_keys.values().cloned());
        let webhooks = credentials.webhooks.values();
        found.extend(webhooks.map(|secret| secret.current.clone()));
        let ring = credentials.token_key.ring().unwrap();
        let mut tokens = credentials.api_keys.len();
        for connection in hub_engine::connections::list(&hub, &admin).await.unwrap() {
            let item = hub.store().token(&admin.organization, &connection.id).await;
            let Some(item) = item.unwrap() else { continue };
            let kept = item.open(&ring).unwrap();
            found.extend([kept.access].into_iter().chain(kept.refresh));
            tokens += 1;
        }
        assert!(tokens >= CRMS.len(), "a token or key per CRM");
        self.0
            .extend(found.iter().map(|secret| secret.expose_secret().to_owned()));
    }
}
