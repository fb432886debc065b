//! A customer's own system gets each event once, signed, however often it fails.

use std::time::Duration;

use http::Method;
use hub_e2e::{Machine, ORG};
use serde_json::{Value, json};

use crate::sample::{meeting, summary};

/// What was sent to the host, as `(webhook-id, body)`.
fn sent(machine: &Machine, host: &str) -> Vec<String> {
    let all = machine.wire.sent();
    let there = all
        .into_iter()
        .filter(|sent| sent.url.host_str() == Some(host));
    there.map(|sent| sent.body).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_once_signed_and_without_the_transcript() {
    let machine = Machine::new(1).await;
    let hook = machine
        .hook(ORG, "hooks.acme.example", json!({ "events": ["*"] }))
        .await;
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine
        .accept(&summary("evt_2", "ses_1", "2026-11-20T12:00:00Z", "Short."))
        .await;
    // The same once more, as liveprompt may send it.
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    assert_eq!(hook.events(), ["evt_1", "evt_2"]);
    let messages = hook.messages();
    for (id, message) in &messages {
        assert!(id.starts_with("msg_") && id.len() == 36, "{id}");
        assert_eq!(message["taken"], 1, "{message}");
        assert!(!message.to_string().contains("pricing by Friday"));
    }
    let first = messages
        .values()
        .find(|message| message["body"]["id"] == "evt_1")
        .unwrap();
    let session = &first["body"]["payload"]["session"];
    assert_eq!(first["body"]["type"], "session.completed");
    assert_eq!(session["participants"].as_array().unwrap().len(), 5);
    assert_eq!(
        session["action_items"][0]["evidence"],
        json!({ "segment_ids": ["s1"] })
    );
    let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
    assert_eq!(deliveries.len(), 2);
    for delivery in deliveries.values() {
        assert_eq!(delivery["status"], "delivered", "{delivery}");
        assert_eq!(delivery["webhook"], json!(hook.id));
        assert_eq!(
            (&delivery["connection"], &delivery["session"]),
            (&Value::Null, &Value::Null)
        );
    }
    assert_eq!(hook.receiver.state()["refused"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn eight_attempts_in_28_hours_send_the_same_bytes_then_its_owner_looks() {
    let machine = Machine::new(2).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    let fault = json!({ "fault": "server_error", "times": 8 });
    hook.receiver.add_fault(fault).unwrap();
    let began = machine.world.clock.now();
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    // Half an hour and more is held, and a tick brings it back.
    machine.work_through().await;
    let took = machine.world.clock.now().duration_since(began);
    let bodies = sent(&machine, &hook.host);
    assert_eq!(bodies.len(), 8, "{took}");
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    // The jitter is a fifth to either side of 27 hours and 35 minutes.
    assert!((22..=33).contains(&(took.as_secs() / 3_600)), "{took}");
    let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
    let delivery = &deliveries["evt_1"];
    assert_eq!(
        (&delivery["status"], &delivery["failures"]),
        (&json!("parked"), &json!(8)),
        "{delivery}"
    );
    assert_eq!(
        delivery["reason"],
        "failed 8 times, last: the receiver answered 500"
    );
    // Its owner asks once more: the receiver works again.
    let id = delivery["id"].as_str().unwrap();
    let path = format!("/api/deliveries/{id}/retry");
    let again = machine.api(ORG, Method::POST, &path, None).await;
    assert_eq!(again.status, 202, "{}", again.text);
    machine.work().await;
    assert_eq!(hook.events(), ["evt_1"]);
    assert_eq!(sent(&machine, &hook.host).len(), 9);
    assert_eq!(sent(&machine, &hook.host)[8], bodies[0]);
    let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
    assert_eq!(deliveries["evt_1"]["status"], "delivered");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_turned_off_told_and_nothing_is_lost() {
    let machine = Machine::new(3).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    let told = json!({ "events": ["integration.*"] });
    let other = machine.hook(ORG, "ops.acme.example", told).await;
    hook.receiver.set(&json!({ "gone": true })).unwrap();
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    machine.derive().await;
    machine.work().await;
    let shown = machine.of_hook(ORG, Method::GET, &hook.id, "", None).await;
    let shown = shown.json();
    assert_eq!(shown["active"], false);
    assert!(shown["off"]["reason"].as_str().unwrap().contains("410"));
    let held = machine.hook_deliveries(ORG, &hook.id).await;
    assert_eq!(held["evt_1"]["status"], "held", "{held:?}");
    assert_eq!(held["evt_1"]["held_until"], Value::Null);
    let messages = other.messages();
    let kinds: Vec<&Value> = messages.values().map(|one| &one["type"]).collect();
    assert_eq!(kinds, ["integration.webhook_off"]);
    let notice = messages.values().next().unwrap();
    assert_eq!(notice["body"]["payload"]["webhook"], json!(hook.id));
    // What comes meanwhile is not sent there, and is found later.
    tokio::time::sleep(Duration::from_secs(31)).await;
    machine.accept(&meeting("evt_2", "ses_2", "Two")).await;
    machine.work().await;
    let sent_before = sent(&machine, &hook.host).len();
    assert_eq!(sent_before, 1);
    hook.receiver.set(&json!({ "gone": false })).unwrap();
    let on = json!({ "active": true });
    let on = machine.of_hook(ORG, Method::PATCH, &hook.id, "", Some(&on));
    assert_eq!(on.await.json()["off"], Value::Null);
    machine.derive().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    machine.work().await;
    assert_eq!(hook.events(), ["evt_1"]);
    let since = json!({ "since": "2026-11-20T00:00:00Z" });
    for (sent, looked_at) in [(1, 2), (0, 2)] {
        let replayed = machine
            .of_hook(ORG, Method::POST, &hook.id, "/replay-missing", Some(&since))
            .await;
        assert_eq!(replayed.status, 200, "{}", replayed.text);
        let replayed = replayed.json();
        assert_eq!(replayed["sent"], sent, "{replayed}");
        // The notice is kept as an event too, and the organization began with one.
        assert_eq!(replayed["looked_at"], looked_at + 2, "{replayed}");
        machine.work().await;
    }
    assert_eq!(hook.events(), ["evt_1", "evt_2"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_never_taken_is_parked_at_once_and_others_go_on() {
    let machine = Machine::new(4).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    let abort = json!({ "fault": "abort_message", "times": 1 });
    hook.receiver.add_fault(abort).unwrap();
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    machine.accept(&meeting("evt_2", "ses_2", "Two")).await;
    machine.work().await;
    let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
    let parked = &deliveries["evt_1"];
    assert_eq!(
        (&parked["status"], &parked["verdict"]),
        (&json!("parked"), &json!("reject"))
    );
    assert_eq!(parked["faults"][0]["code"], "abort-message");
    assert_eq!(deliveries["evt_2"]["status"], "delivered");
    let shown = machine.of_hook(ORG, Method::GET, &hook.id, "", None).await;
    assert_eq!(shown.json()["active"], true);
    // Recovered since before; what was delivered is not sent again.
    let since = json!({ "since": "2026-11-20T00:00:00Z" });
    let again = machine
        .of_hook(ORG, Method::POST, &hook.id, "/recover", Some(&since))
        .await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(again.json()["retried"], 1, "{}", again.text);
    machine.work().await;
    assert_eq!(hook.events(), ["evt_1", "evt_2"]);
    let taken: Vec<_> = hook
        .messages()
        .into_values()
        .map(|one| one["taken"].clone())
        .collect();
    assert_eq!(taken, [1, 1]);
    let later = json!({ "since": "2026-11-21T00:00:00Z" });
    let none = machine
        .of_hook(ORG, Method::POST, &hook.id, "/recover", Some(&later))
        .await;
    assert_eq!(none.json()["matched"], 0, "{}", none.text);
}

#[tokio::test(start_paused = true)]
async fn every_other_answer_comes_again_with_the_same_bytes() {
    let machine = Machine::new(5).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    let faults = [
        301, 302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504,
    ]
    .map(|status| json!({ "fault": "status", "status": status, "body": "no", "times": 1 }));
    let lost =
        ["drop_before", "drop_after", "redirect"].map(|name| json!({ "fault": name, "times": 1 }));
    let slow = json!({ "fault": "delay", "ms": 60_000, "times": 1 });
    for (place, fault) in faults.into_iter().chain(lost).chain([slow]).enumerate() {
        hook.receiver.add_fault(fault.clone()).unwrap();
        let (event, session) = (format!("evt_{place}"), format!("ses_{place}"));
        let before = sent(&machine, &hook.host).len();
        machine.accept(&meeting(&event, &session, "Story")).await;
        machine.work().await;
        let bodies = sent(&machine, &hook.host);
        let made = bodies.len() - before;
        // A request that the machine gave up waiting for is not among those that were answered.
        assert!((1..=2).contains(&made), "{fault}: {made}");
        assert_eq!(bodies[before], bodies[bodies.len() - 1], "{fault}");
        let delivery = &machine.hook_deliveries(ORG, &hook.id).await[&event];
        assert_eq!(delivery["status"], "delivered", "{fault}: {delivery}");
        assert!(hook.events().contains(&event), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn during_a_rotation_both_secrets_sign_and_afterwards_the_new_one_alone() {
    let machine = Machine::new(6).await;
    let asymmetric = json!({ "asymmetric": true });
    let hook = machine.hook(ORG, "hooks.acme.example", asymmetric).await;
    let shown = machine.of_hook(ORG, Method::GET, &hook.id, "", None).await;
    let public = shown.json()["public_key"].as_str().unwrap().to_owned();
    assert!(public.starts_with("whpk_"), "{public}");
    let rotated = machine
        .of_hook(ORG, Method::POST, &hook.id, "/rotate-secret", None)
        .await
        .json();
    let new = [&rotated["secret"], &rotated["public_key"]];
    assert!(new[0] != &json!(hook.secret) && new[1] != &json!(public));
    // Functions may know the secrets of five minutes ago: both are among those that sign.
    tokio::time::sleep(Duration::from_mins(6)).await;
    let knows = |secret: &Value| {
        hook.receiver.set(&json!({ "secrets": [secret] })).unwrap();
    };
    for (place, secret) in [&json!(hook.secret), &json!(public), new[0], new[1]]
        .into_iter()
        .enumerate()
    {
        knows(secret);
        let (event, session) = (format!("evt_{place}"), format!("ses_{place}"));
        machine.accept(&meeting(&event, &session, "Story")).await;
        machine.work().await;
        assert!(hook.events().contains(&event), "{secret}");
    }
    assert_eq!(hook.receiver.state()["refused"], json!([]));
    tokio::time::sleep(Duration::from_hours(25)).await;
    for (event, secret, taken) in [
        ("evt_8", &json!(hook.secret), false),
        ("evt_9", new[0], true),
    ] {
        knows(secret);
        machine
            .accept(&meeting(
                event,
                event.replace("evt", "ses").as_str(),
                "Late",
            ))
            .await;
        machine.work_for(Duration::from_secs(3)).await;
        assert_eq!(hook.events().contains(&event.to_owned()), taken, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_receiver_made_of_an_event_is_linked() {
    let machine = Machine::new(7).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    hook.receiver.set(&json!({ "external_ids": true })).unwrap();
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
    assert_eq!(
        deliveries["evt_1"]["records"],
        json!([{ "key": "evt_1", "id": "rec_1" }])
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_is_asked_for_comes_and_no_faster_than_that() {
    let machine = Machine::new(8).await;
    let only = json!({ "/payload/session/title": ["One", "Burst"] });
    let slow = json!({ "only": only, "rate_limit": 1, "events": ["session.completed"] });
    let hook = machine.hook(ORG, "hooks.acme.example", slow).await;
    for (event, title) in [("evt_1", "One"), ("evt_2", "Two")] {
        let session = event.replace("evt", "ses");
        machine.accept(&meeting(event, &session, title)).await;
    }
    let other = summary("evt_3", "ses_1", "2026-11-20T12:00:00Z", "Short.");
    machine.accept(&other).await;
    machine.work().await;
    assert_eq!(hook.events(), ["evt_1"]);
    assert_eq!(machine.hook_deliveries(ORG, &hook.id).await.len(), 1);
    let burst: Vec<Value> = (10..30)
        .map(|n| meeting(&format!("evt_{n}"), &format!("ses_{n}"), "Burst"))
        .collect();
    machine.accept(&json!(burst)).await;
    let began = machine.world.clock.now();
    machine.work().await;
    assert_eq!(hook.events().len(), 21);
    let took = machine.world.clock.now().duration_since(began).as_secs();
    assert!((18..=120).contains(&took), "{took} seconds");
    let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
    assert!(
        deliveries.values().all(|one| one["failures"] == 0),
        "waiting for its turn is no failure"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_leaves_a_message_with_the_same_id() {
    for point in 1..60 {
        let machine = Machine::new(9).await;
        let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
        machine.accept(&meeting("evt_1", "ses_1", "One")).await;
        let died = machine.works_and_dies(point).await;
        machine.work().await;
        assert_eq!(hook.events(), ["evt_1"], "point {point}");
        let deliveries = machine.hook_deliveries(ORG, &hook.id).await;
        assert_eq!(deliveries["evt_1"]["status"], "delivered", "point {point}");
        let taken = hook.messages().into_values().next().unwrap()["taken"].clone();
        assert!(taken == 1 || taken == 2, "point {point}: {taken}");
        if !died {
            assert!(point > 6, "only {point} points");
            return;
        }
    }
    panic!("more points than were tried");
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_a_connection_is_told_to_who_asks() {
    let machine = Machine::new(10).await;
    let told = json!({ "events": ["integration.*"] });
    let hook = machine.hook(ORG, "ops.acme.example", told).await;
    machine.connect(ORG, json!({})).await;
    machine.derive_twice().await;
    machine.work().await;
    let messages = hook.messages();
    let kinds: Vec<&Value> = messages.values().map(|one| &one["type"]).collect();
    assert_eq!(kinds, ["integration.connected"]);
    let notice = messages.values().next().unwrap();
    assert_eq!(notice["taken"], 1);
    assert_eq!(notice["body"]["organizationId"], ORG);
}

#[tokio::test(start_paused = true)]
async fn endpoints_have_nothing_to_do_with_each_other() {
    let machine = Machine::new(11).await;
    let other_org = "org_other";
    machine.world.organization(other_org).await;
    let dead = machine.hook(ORG, "dead.acme.example", json!({})).await;
    let ours = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    let theirs = machine
        .hook(other_org, "hooks.other.example", json!({}))
        .await;
    let fault = json!({ "fault": "server_error", "times": 1_000 });
    dead.receiver.add_fault(fault).unwrap();
    let mut of_theirs = meeting("evt_1", "ses_1", "Theirs");
    of_theirs["organizationId"] = json!(other_org);
    machine.accept(&meeting("evt_1", "ses_1", "Ours")).await;
    machine.accept(&of_theirs).await;
    machine.work_for(Duration::from_secs(2)).await;
    assert_eq!(ours.events(), ["evt_1"]);
    assert_eq!(theirs.events(), ["evt_1"]);
    let title = |hook: &hub_e2e::Hook| {
        let messages = hook.messages();
        messages.values().next().unwrap()["body"]["payload"]["session"]["title"].clone()
    };
    assert_eq!(
        (title(&ours), title(&theirs)),
        (json!("Ours"), json!("Theirs"))
    );
    let ids = [&ours, &theirs].map(|hook| hook.messages().into_keys().next());
    assert_ne!(ids[0], ids[1], "an id is of one endpoint");
    // Nobody of another organization sees or moves them.
    let delivery = machine.hook_deliveries(ORG, &ours.id).await["evt_1"]["id"].clone();
    let path = format!("/api/deliveries/{}", delivery.as_str().unwrap());
    assert_eq!(machine.api(ORG, Method::GET, &path, None).await.status, 200);
    for path in [
        path.clone(),
        format!("/api/integrations/webhooks/{}", ours.id),
    ] {
        let seen = machine.api(other_org, Method::GET, &path, None).await;
        assert_eq!(seen.status, 404, "{path}");
    }
    let since = json!({ "since": "2026-11-20T00:00:00Z" });
    for what in ["/recover", "/replay-missing"] {
        let moved = machine.of_hook(other_org, Method::POST, &ours.id, what, Some(&since));
        assert_eq!(moved.await.status, 404, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_waits_while_a_webhook_is_off_and_ends_with_it() {
    let machine = Machine::new(12).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    for (place, ends) in [false, true].into_iter().enumerate() {
        let (event, session) = (format!("evt_{place}"), format!("ses_{place}"));
        machine.accept(&meeting(&event, &session, "Story")).await;
        machine.dispatch().await;
        let off = json!({ "active": false });
        let off = machine.of_hook(ORG, Method::PATCH, &hook.id, "", Some(&off));
        assert_eq!(off.await.status, 200);
        tokio::time::sleep(Duration::from_secs(31)).await;
        machine.work().await;
        let held = machine.hook_deliveries(ORG, &hook.id).await;
        assert_eq!(held[&event]["status"], "held", "{held:?}");
        if ends {
            let gone = machine.of_hook(ORG, Method::DELETE, &hook.id, "", None);
            assert_eq!(gone.await.status, 204);
        } else {
            let on = json!({ "active": true });
            let on = machine.of_hook(ORG, Method::PATCH, &hook.id, "", Some(&on));
            assert_eq!(on.await.status, 200);
        }
        machine.derive().await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert!(machine.tick().await);
        machine.work().await;
        let after = machine.hook_deliveries(ORG, &hook.id).await;
        let status = if ends { "skipped" } else { "delivered" };
        assert_eq!(after[&event]["status"], status, "{after:?}");
    }
    assert_eq!(hook.events(), ["evt_0"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_nothing_for_five_days_is_told_of_then_turned_off() {
    let machine = Machine::new(13).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    let told = json!({ "events": ["integration.*"] });
    let other = machine.hook(ORG, "ops.acme.example", told).await;
    let fault = json!({ "fault": "server_error", "times": 100_000 });
    hook.receiver.add_fault(fault).unwrap();
    let kinds = || {
        let messages = other.messages();
        let kinds = messages.values().map(|one| one["type"].clone());
        let mut kinds: Vec<_> = kinds
            .map(|kind| kind.as_str().unwrap().to_owned())
            .filter(|kind| kind.contains("webhook"))
            .collect();
        kinds.sort();
        kinds
    };
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work_through().await;
    machine.derive().await;
    machine.work().await;
    assert_eq!(kinds(), ["integration.webhook_failing"]);
    let shown = machine
        .of_hook(ORG, Method::GET, &hook.id, "", None)
        .await
        .json();
    assert_eq!(shown["active"], true);
    assert!(shown["failing_since"].is_string(), "{shown}");
    tokio::time::sleep(Duration::from_hours(4 * 24)).await;
    machine.accept(&meeting("evt_2", "ses_2", "Two")).await;
    machine.work_through().await;
    machine.derive().await;
    machine.work().await;
    assert_eq!(
        kinds(),
        ["integration.webhook_failing", "integration.webhook_off"]
    );
    let shown = machine
        .of_hook(ORG, Method::GET, &hook.id, "", None)
        .await
        .json();
    assert_eq!(shown["active"], false, "{shown}");
}

#[tokio::test(start_paused = true)]
async fn an_event_to_a_webhook_costs_a_claim_an_outcome_and_two_looks() {
    let machine = Machine::new(14).await;
    let hook = machine.hook(ORG, "hooks.acme.example", json!({})).await;
    machine.accept(&meeting("evt_0", "ses_0", "Warm")).await;
    machine.work().await;
    machine.world.aws.reset_counts();
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    let counts = machine.world.aws.counts();
    let calls = counts.calls.iter();
    let calls: Vec<_> = calls
        .filter(|(name, _)| !name.starts_with("poller."))
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    println!(
        "one event to a webhook: {} write units, {} read units",
        counts.write_units, counts.read_units
    );
    let count = |wanted: &str| calls.iter().find(|(name, _)| *name == wanted);
    for expected in [
        ("dynamodb.BatchExecuteStatement", 2), // claim, outcome
        ("sqs.SendMessageBatch", 2),           // events, live
    ] {
        assert_eq!(count(expected.0), Some(&expected), "{calls:?}");
    }
    assert_eq!(hook.events(), ["evt_0", "evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn that_a_checkpoint_was_taken_makes_no_other_checkpoint() {
    let machine = Machine::new(14).await;
    let hook = machine
        .hook(ORG, "all.acme.example", json!({ "events": ["*"] }))
        .await;
    machine.connect(ORG, json!({})).await;
    machine.accept(&meeting("evt_1", "ses_1", "Told of")).await;
    let checkpoints = || {
        let messages = hook.messages();
        let of = |one: &&Value| one["type"] == "integration.audit_checkpoint";
        messages.values().filter(of).count()
    };
    let mut after_each_hour = Vec::new();
    for _ in 0..3 {
        for _ in 0..60 {
            machine.work().await;
            machine.derive().await;
            assert!(machine.tick().await);
            tokio::time::advance(Duration::from_mins(1)).await;
        }
        after_each_hour.push(checkpoints());
    }
    assert!(after_each_hour[0] > 0, "{after_each_hour:?}");
    assert_eq!(
        after_each_hour[0], after_each_hour[2],
        "{after_each_hour:?}"
    );
}
