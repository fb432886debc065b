//! A CRM that refuses a second record with our key: an answer that was lost, and a record that was deleted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hub_domain::ledger::DeliveryStatus;
use hub_engine::{
    Settings, Transport, TransportError,
    connect::{self, Callback},
    connections, ingest,
};
use hub_world::{INGEST, PUBLIC_URL, World, payload};
use serde_json::{Value, json};

use crate::{DEADLINE, deliver_to, statuses};

/// A HubSpot that holds records of any object by key: an id, and properties.
#[derive(Clone, Default)]
struct Crm {
    held: Arc<Mutex<BTreeMap<String, (String, Value)>>>,
    calls: Arc<Mutex<Vec<String>>>,
    loses_answers: bool,
}

impl Crm {
    fn transport(&self) -> Transport {
        let crm = self.clone();
        World::crm(move |request| {
            let path = request.uri().path().to_owned();
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let name = path.replace("/crm/objects/2026-09/", "");
            crm.calls.lock().unwrap().push(name.clone());
            let (results, errors) = match name.split('/').next_back() {
                _ if name.starts_with("contacts/") => (Vec::new(), Vec::new()),
                Some("create") => crm.create(&body),
                Some("update") => crm.update(&body),
                Some("read") => crm.read(&body),
                other => panic!("{other:?}"),
            };
            if crm.loses_answers && name.ends_with("create") {
                return Err(TransportError::Lost("timed out".to_owned()));
            }
            let status = if errors.is_empty() { 200 } else { 207 };
            World::json(
                status,
                &json!({ "status": "COMPLETE", "results": results, "errors": errors }),
            )
        })
    }

    fn create(&self, body: &Value) -> (Vec<Value>, Vec<Value>) {
        let mut held = self.held.lock().unwrap();
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in inputs(body) {
            let trace = &input["objectWriteTraceId"];
            let key = text(&input["properties"]["liveprompt_key"]);
            if held.contains_key(&key) {
                let message = format!(
                    "Property values were not valid: {}",
                    json!([{ "error": "CONFLICTING_UNIQUE_VALUE", "name": "liveprompt_key" }])
                );
                errors.push(json!({ "category": "VALIDATION_ERROR", "message": message,
                    "context": { "objectWriteTraceId": [trace] } }));
                continue;
            }
            let id = format!("{}", 500 + held.len());
            results.push(json!({ "id": id, "objectWriteTraceId": trace }));
            held.insert(key, (id, input["properties"].clone()));
        }
        (results, errors)
    }

    fn update(&self, body: &Value) -> (Vec<Value>, Vec<Value>) {
        let mut held = self.held.lock().unwrap();
        let mut results = Vec::new();
        for input in inputs(body) {
            let id = text(&input["id"]);
            if let Some((_, properties)) = held.values_mut().find(|(known, _)| *known == id) {
                *properties = input["properties"].clone();
                results.push(json!({ "id": id }));
            }
        }
        (results, Vec::new())
    }

    fn read(&self, body: &Value) -> (Vec<Value>, Vec<Value>) {
        let held = self.held.lock().unwrap();
        let found = inputs(body).iter().filter_map(|input| {
            let (id, _) = held.get(input["id"].as_str()?)?;
            Some(json!({ "id": id, "properties": { "liveprompt_key": input["id"] } }))
        });
        (found.collect(), Vec::new())
    }

    /// The id and the title of the meeting.
    fn meeting(&self) -> (String, Value) {
        let held = self.held.lock().unwrap();
        let (id, properties) = &held["ses_demo_meeting"];
        (id.clone(), properties["hs_meeting_title"].clone())
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

fn inputs(body: &Value) -> &Vec<Value> {
    body["inputs"].as_array().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A world with one session, a meeting, and the event that asks for its delivery.
async fn world() -> (World, Value) {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let reply = json!({ "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 1800, "hub_id": 12345 });
    let connection = world.connection("org_demo", "hubspot", reply).await;
    accept(&world, payload("session.completed.meeting.json")).await;
    let mut event = world.event(
        "DeliversalesforceFunction.live.json",
        &[("connection-id", connection.as_str())],
    );
    event["Records"].as_array_mut().unwrap().truncate(1);
    (world, event)
}

async fn accept(world: &World, event: Value) {
    let accepted = ingest::accept(&world.hub(INGEST, World::no_crm()), &[event]).await;
    assert!(
        accepted.iter().all(|result| result.outcome.is_ok()),
        "{accepted:?}"
    );
}

/// The session once more, with another title.
async fn change(world: &World, title: &str) {
    let mut event = payload("session.completed.meeting.json");
    event["id"] = json!(format!("evt_{}", title.replace(' ', "_")));
    event["timestamp"] = json!("2026-11-20T16:46:00Z");
    event["payload"]["session"]["title"] = json!(title);
    accept(world, event).await;
}

async fn delivered(world: &World) {
    let wanted = [("ses_demo_meeting".to_owned(), DeliveryStatus::Delivered)];
    assert_eq!(statuses(world).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_ends_as_the_present_content_once() {
    let (world, event) = world().await;
    let mut crm = Crm {
        loses_answers: true,
        ..Crm::default()
    };
    let stay = deliver_to(&world, "hubspot", crm.transport(), &event, DEADLINE).await;
    assert_eq!(stay.len(), 1);
    assert_eq!(
        crm.calls(),
        ["contacts/batch/read", "meetings/batch/create"]
    );
    let (id, title) = crm.meeting();
    assert_eq!(title, "Acme: evaluation and pilot");

    change(&world, "A later title").await;
    crm.loses_answers = false;
    // The wait after the failure is the delivery's: what was sent may still arrive.
    tokio::time::sleep(std::time::Duration::from_secs(37)).await;
    let stay = deliver_to(&world, "hubspot", crm.transport(), &event, DEADLINE).await;
    assert!(stay.is_empty(), "{stay:?}");
    assert_eq!(
        crm.calls(),
        [
            "contacts/batch/read",
            "meetings/batch/create",
            "tasks/batch/create",
            "meetings/batch/read",
            "meetings/batch/update",
        ]
    );
    assert_eq!(crm.meeting(), (id, json!("A later title")));
    delivered(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_deleted_is_made_anew_and_one_that_is_known_is_updated() {
    let (world, event) = world().await;
    let crm = Crm::default();
    deliver_to(&world, "hubspot", crm.transport(), &event, DEADLINE).await;
    assert_eq!(
        crm.calls(),
        [
            "contacts/batch/read",
            "meetings/batch/create",
            "tasks/batch/create"
        ]
    );
    delivered(&world).await;
    let tasks = crm.held.lock().unwrap().len();

    crm.held.lock().unwrap().remove("ses_demo_meeting");
    change(&world, "A later title").await;
    let stay = deliver_to(&world, "hubspot", crm.transport(), &event, DEADLINE).await;
    assert!(stay.is_empty(), "{stay:?}");
    assert_eq!(
        crm.calls(),
        [
            "contacts/batch/read",
            "meetings/batch/update",
            "tasks/batch/update",
            "meetings/batch/read",
            "meetings/batch/create",
        ]
    );
    assert_eq!(crm.meeting().1, "A later title");
    assert_eq!(crm.held.lock().unwrap().len(), tasks);
    delivered(&world).await;
}

#[tokio::test(start_paused = true)]
async fn the_address_of_a_crm_with_one_for_all_is_the_manifest_s_or_the_sandbox_s() {
    let (world, _) = world().await;
    let admin = World::admin("org_demo");
    let hub = world.hub("api", World::no_crm());
    let found = connections::list(&hub, &admin).await.unwrap();
    assert_eq!(found[0].base_url.as_deref(), Some("https://api.hubapi.com"));
    assert_eq!(found[0].account.as_deref(), Some("12345"));

    // Authorized again where a sandbox is configured.
    let settings = Settings {
        base_urls: BTreeMap::from([("hubspot".to_owned(), "http://127.0.0.1:4102".to_owned())]),
        ..World::settings()
    };
    let reply = json!({ "access_token": "b", "refresh_token": "r", "token_type": "bearer" });
    let token = World::crm(move |_| World::json(200, &reply));
    let hub = world.hub_with("oauth", token, settings);
    let crm = "hubspot".parse().unwrap();
    let begun = connect::begin(&hub, &admin, &crm, &found[0].id, PUBLIC_URL)
        .await
        .unwrap();
    let mut query = begun.authorize_url.query_pairs();
    let state = query.find_map(|(name, state)| (name == "state").then(|| state.into_owned()));
    let callback = Callback {
        code: Some("code".to_owned()),
        state,
        ..Callback::default()
    };
    let connection = connect::finish(&hub, &crm, &callback, Some(&begun.cookie))
        .await
        .unwrap();
    assert_eq!(
        connection.base_url.as_deref(),
        Some("http://127.0.0.1:4102")
    );
}
