//! Nothing secret comes out: not in a log, an answer, a queue, the table or a debug text, whatever the
//! CRM says back to us.

mod seen;

use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method as Verb, Request, Response};
use hub_domain::Method;
use hub_e2e::{Machine, ORG, address, cookie};
use hub_engine::{
    CRMS, TransportError,
    connect::{self, Callback},
    connectable,
    connections::Change,
    lifecycle,
};
use hub_world::World;
use serde_json::{Value, json};

use self::seen::Seen;
use crate::sample::meeting;

/// What a CRM may do with what it was sent.
#[derive(Debug, Clone, Copy)]
enum Echo {
    /// An error in JSON that quotes the request.
    Words(u16),
    /// A page that quotes the request.
    Page(u16),
    /// Somewhere else, with the request in the address.
    Redirect,
    /// A success that is none.
    Nonsense,
    /// An answer that is no text.
    Bytes,
}

const ECHOES: [Echo; 9] = [
    Echo::Words(400),
    Echo::Words(401),
    Echo::Words(403),
    Echo::Words(429),
    Echo::Words(500),
    Echo::Page(502),
    Echo::Redirect,
    Echo::Nonsense,
    Echo::Bytes,
];

/// Everything that was sent, as somebody would quote it.
fn quoted(request: &Request<Bytes>) -> String {
    let headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()))
        .collect();
    let body = String::from_utf8_lossy(request.body()).into_owned();
    format!("{body} {} {}", request.uri(), headers.join(" "))
}

impl Echo {
    fn answer(self, request: &Request<Bytes>) -> Response<Bytes> {
        let said = quoted(request);
        let (status, body) = match self {
            Self::Words(status) => {
                let words = json!({
                    "error": "invalid_grant", "error_description": said, "message": said, "category": said,
                    "errorCode": said, "errors": [{ "message": said }], "code": said,
                });
                (status, words.to_string())
            }
            Self::Page(status) => (status, format!("<html><body>{said}</body></html>")),
            Self::Redirect => (302, said.clone()),
            Self::Nonsense => (200, json!({ "refresh": said, "data": said }).to_string()),
            Self::Bytes => (200, format!("\u{0}\u{1}{said}")),
        };
        let mut answer = Response::builder().status(status);
        if let Self::Redirect = self {
            let plain: String = said.chars().filter(char::is_ascii_graphic).collect();
            answer = answer.header("location", format!("https://elsewhere.example/?{plain}"));
        }
        answer.body(Bytes::from(body)).unwrap()
    }
}

/// Every CRM with every method it has.
fn ways() -> impl Iterator<Item = (&'static str, Method)> {
    connectable().flat_map(|crm| {
        let manifest = hub_connectors::manifest(crm).unwrap().unwrap();
        manifest.methods().into_iter().map(move |way| (crm, way))
    })
}

/// A person tests it, looks at it, and looks at what was delivered.
async fn look(machine: &Machine, id: &str, seen: &mut Seen) {
    for (verb, what) in [(Verb::POST, "/test"), (Verb::GET, "")] {
        seen.reply(&machine.connection(verb, id, what).await);
    }
    for path in ["/api/integrations/crm", "/api/deliveries"] {
        seen.reply(&machine.api(ORG, Verb::GET, path, None).await);
    }
    let hub = machine.hub("deliver");
    let one = id.parse().unwrap();
    let tested = lifecycle::test(&hub, &World::admin(ORG), &one).await;
    seen.text(format!("{tested:?}"));
    if let Err(error) = tested {
        seen.text(format!("{error} {:?}", error.public()));
    }
}

/// A person authorizes it; the one answer that is theirs alone is not looked at.
async fn authorize(machine: &Machine, id: &str, seen: &mut Seen) {
    for wrong in [true, false] {
        let begun = machine.begin(ORG, id).await;
        let (cookie, back) = (cookie(&begun), machine.consent(&address(&begun)).await);
        let query = back.split_once('?').unwrap().1;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if matches!(name.as_ref(), "code" | "state") {
                seen.secret(&value);
            }
        }
        seen.secret(cookie.split_once('=').unwrap().1);
        if wrong {
            let other = "__Host-hub-connect=other";
            seen.reply(&machine.call_back(&back, other).await);
            continue;
        }
        let done = machine.call_back(&back, &cookie).await;
        assert_eq!(done.status, 200, "{}", done.text);
        seen.reply(&done);
        seen.reply(&machine.call_back(&back, &cookie).await);
    }
    let callback = json!({ "code": "a-code-of-a-callback", "state": "a-state-of-a-callback" });
    let callback: Callback = serde_json::from_value(callback).unwrap();
    let (hub, crm) = (machine.hub("oauth"), machine.crm.parse().unwrap());
    for secret in ["a-code-of-a-callback", "a-state-of-a-callback"] {
        seen.secret(secret);
    }
    let refused = connect::finish(&hub, &crm, &callback, Some("a")).await;
    seen.text(format!("{callback:?} {refused:?}"));
    let begun = connect::begin(
        &hub,
        &World::admin(ORG),
        &crm,
        &id.parse().unwrap(),
        "https://a",
    )
    .await
    .unwrap();
    seen.secret(&begun.cookie);
    seen.text(format!("{begun:?}"));
}

#[tokio::test(start_paused = true)]
async fn no_secret_comes_out() {
    let (mut found, mut ways_walked) = (0, 0);
    for (crm, method) in ways() {
        let mut seen = Seen::new();
        let machine = Machine::at(crm, 1).await;
        seen.secret(&machine.admin(ORG));
        let wrong = machine.new_with_wrong_secret(method);
        seen.secrets_of(&wrong);
        seen.reply(&machine.create_by(ORG, wrong).await);
        let new = machine.new_by(method);
        seen.secrets_of(&new);
        let created = machine.create_by(ORG, new).await;
        seen.reply(&created);
        let id = created.json()["id"].as_str().unwrap().to_owned();
        if method == Method::AuthorizationCode {
            authorize(&machine, &id, &mut seen).await;
        }
        seen.reply(&machine.connection(Verb::POST, &id, "/approve").await);
        look(&machine, &id, &mut seen).await;
        let delivers = CRMS.contains(&crm) && method == Method::AuthorizationCode;
        // Each way a CRM may say it back, to a call of its API and to a refresh.
        for echo in ECHOES {
            for spent in [false, true] {
                if spent {
                    tokio::time::sleep(Duration::from_hours(3)).await;
                }
                if delivers {
                    machine.accept(&meeting("evt_1", "ses_1", "Echo")).await;
                }
                machine.wire.edit(move |request, _| echo.answer(request));
                look(&machine, &id, &mut seen).await;
                if delivers {
                    machine.work_for(Duration::from_secs(5)).await;
                }
                machine.wire.honest();
                if method == Method::AuthorizationCode {
                    authorize(&machine, &id, &mut seen).await;
                }
                look(&machine, &id, &mut seen).await;
            }
        }
        panics(&machine, &id, &mut seen).await;
        if delivers {
            dead_letters(&machine).await;
        }
        let change = json!({ "api_key": "a-key-of-a-change", "client": { "id": "a", "secret": "a-secret-of-a-change" } });
        seen.secrets_of(&change);
        seen.text(format!("{:?}", Change::read(&change)));
        let path = format!("/api/integrations/crm/{id}");
        seen.reply(&machine.api(ORG, Verb::PATCH, &path, Some(&change)).await);
        debugged(&machine, &id, &mut seen).await;
        machine
            .wire
            .edit(|request, _| Echo::Words(400).answer(request));
        seen.reply(&machine.connection(Verb::DELETE, &id, "").await);
        found += seen.nothing_secret(&machine, &format!("{crm} by {}", method.name()));
        ways_walked += 1;
    }
    println!("{ways_walked} ways, {found} secrets looked for");
    assert!(ways_walked >= 14 && found > 300, "{ways_walked}, {found}");
}

/// A delivery that is given up, and a message that is none.
async fn dead_letters(machine: &Machine) {
    machine
        .wire
        .edit(|request, _| Echo::Words(500).answer(request));
    let live = format!("{}-live", machine.crm);
    let poison = "not a reference".to_owned();
    machine
        .put("dispatch", &live, poison, BTreeMap::new())
        .await;
    machine.accept(&meeting("evt_2", "ses_2", "Dead")).await;
    machine.work_for(Duration::from_hours(6)).await;
    let dead = machine.world.messages(&format!("{}-dlq", machine.crm));
    assert!(dead.len() >= 2, "{dead:?}");
    machine.wire.honest();
}

/// The way out panics with the request in its words.
async fn panics(machine: &Machine, id: &str, seen: &mut Seen) {
    let out = hub_engine::Transport::new(tower::service_fn(|request: Request<Bytes>| async move {
        if request.uri().host() != Some("issuer.example") {
            std::panic::resume_unwind(Box::new(quoted(&request)));
        }
        Err::<Response<Bytes>, _>(TransportError::NotSent(quoted(&request)))
    }));
    tokio::time::sleep(Duration::from_hours(3)).await;
    let hub = machine.world.hub("deliver", out);
    let caller = World::admin(ORG);
    let one = id.parse().unwrap();
    let work = lifecycle::test(&hub, &caller, &one);
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    assert!(outcome.is_err(), "{}: {outcome:?}", machine.crm);
    tokio::time::sleep(Duration::from_mins(2)).await;
    look(machine, id, seen).await;
}

/// What holds secrets does not show them.
async fn debugged(machine: &Machine, id: &str, seen: &mut Seen) {
    let hub = machine.hub("operator");
    let credentials = hub.vault().credentials(ORG).await.unwrap();
    let platform = hub.vault().platform().await.unwrap();
    let item = machine.tokens(ORG, id).await;
    let ring = credentials.token_key.ring().unwrap();
    let tokens = item.as_ref().map(|item| item.open(&ring).unwrap());
    let all: Value = serde_json::to_value(&*credentials).unwrap();
    seen.secrets_of(&all);
    seen.secrets_of(&serde_json::to_value(&*platform).unwrap());
    for shown in [
        format!("{credentials:?}"),
        format!("{platform:?}"),
        format!("{ring:?}"),
        format!("{item:?}"),
        format!("{tokens:?}"),
        format!("{:?} {:?} {:?}", hub.vault(), hub.store(), hub.queues()),
        format!("{:?}", machine.stored(ORG, id).await),
    ] {
        seen.text(shown);
    }
}
