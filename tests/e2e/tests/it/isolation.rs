//! Tenants: made from the document of the API, every route with every id, filter and cursor of another
//! organization, answered exactly as for an id that nothing has.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use hub_e2e::{Machine, ORG};
use hub_world::Reply;
use serde_json::{Value, json};

use crate::{document, roles::deployed, sample::meeting};

const OTHER: &str = "org_other";
const ROLES: [&str; 3] = ["admin", "manager", "viewer"];
/// What looks like an id and is no tenant's, by the place where it stands.
const NO_TENANTS: [(&str, &str); 2] = [
    ("crm", "which CRM: a word of the manifests"),
    ("client/id", "an application's id at a CRM, stored as it is"),
];
/// Parameters that name nothing.
const NAMELESS: [&str; 7] = [
    "limit", "status", "If-Match", "verdict", "field", "since", "until",
];

/// What a parameter may be: another's, and one that nobody has. A mixed one is of both.
type Kinds = BTreeMap<&'static str, (Vec<String>, String)>;

/// An operation with one place for an id.
struct Probe {
    method: Method,
    path: String,
    function: String,
    place: Place,
    kind: String,
    body: Option<Value>,
}

enum Place {
    Path,
    Query(String),
    Body(String),
}

impl Probe {
    /// The request with this id at its place.
    fn with(&self, id: &str) -> (String, Option<Value>) {
        let path = self.path.replace("{crm}", hub_e2e::CRM);
        match &self.place {
            Place::Path => (path.replace("{id}", id), self.body.clone()),
            Place::Query(name) => (format!("{path}?{name}={id}"), self.body.clone()),
            Place::Body(name) => {
                let mut body = self.body.clone().unwrap();
                body[name] = json!(id);
                (path, Some(body))
            }
        }
    }
}

/// What the document says at a reference.
fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(at) => document.pointer(&at[1..]).unwrap(),
        None => schema,
    }
}

/// Which kind of id a parameter or member is; `None` where it is none.
fn kind(place: &str, schema: &Value) -> Option<String> {
    let name = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next());
    if NO_TENANTS.iter().any(|(known, _)| *known == place) || NAMELESS.contains(&place) {
        return None;
    }
    match name {
        Some(name) if name.ends_with("Id") => Some(name.to_owned()),
        _ if place == "cursor" => Some("cursor".to_owned()),
        _ if place.ends_with("id") => Some(format!("{place}, which is no kind of id")),
        _ => None,
    }
}

/// Members of a body that are ids. Those of objects within it are told by their path.
fn members(document: &Value, schema: &Value, within: &str, found: &mut Vec<(String, String)>) {
    for (name, member) in resolve(document, schema)["properties"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let place = format!("{within}{name}");
        found.extend(kind(&place, member).map(|kind| (place.clone(), kind)));
        let choices = member["oneOf"].as_array().into_iter().flatten();
        for choice in choices.chain([member]) {
            if choice["$ref"].is_string() || choice["properties"].is_object() {
                members(document, choice, &format!("{place}/"), found);
            }
        }
    }
}

fn probes(document: &Value) -> Vec<Probe> {
    let mut found = Vec::new();
    for (function, method, path, bearer) in deployed() {
        if !bearer {
            continue;
        }
        let operation = &document["paths"][&path][method.to_lowercase()];
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        let example = resolve(document, body).get("example").cloned();
        let mut add = |place: Place, kind: String| {
            found.push(Probe {
                method: Method::from_bytes(method.as_bytes()).unwrap(),
                path: path.clone(),
                function: function.clone(),
                place,
                kind,
                body: example.clone(),
            });
        };
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            // A number: a place in whoever asks' own log.
            if name == "cursor" && parameter["schema"]["pattern"] == "^[0-9]{1,19}$" {
                continue;
            }
            let Some(kind) = kind(name, &parameter["schema"]) else {
                let harmless = NAMELESS.contains(&name) || NO_TENANTS.iter().any(|n| n.0 == name);
                assert!(harmless, "{method} {path}: does {name} name something?");
                continue;
            };
            match parameter["in"].as_str().unwrap() {
                "path" => add(Place::Path, kind),
                "query" => add(Place::Query(name.to_owned()), kind),
                other => panic!("{method} {path}: an id in a {other}"),
            }
        }
        let mut ids = Vec::new();
        members(document, body, "", &mut ids);
        for (place, kind) in ids {
            assert!(!place.contains('/'), "{method} {path}: {place} lies deeper");
            add(Place::Body(place), kind);
        }
    }
    found
}

struct Tenant {
    connection: String,
    webhook: String,
    sessions: Vec<String>,
    deliveries: Vec<String>,
    cursor: String,
}

/// A full set of everything.
async fn furnish(machine: &Machine, organization: &str, mark: &str) -> Tenant {
    let connection = machine.connect(organization, json!({})).await;
    let new = json!({ "name": mark, "url": format!("https://{mark}.example/"), "events": ["*"] });
    let path = "/api/integrations/webhooks";
    let created = machine
        .api(organization, Method::POST, path, Some(&new))
        .await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let mut sessions = Vec::new();
    for number in 1..=3 {
        let session = format!("ses_{mark}{number}");
        let mut event = meeting(&format!("evt_{mark}{number}"), &session, mark);
        event["organizationId"] = json!(organization);
        machine.accept(&event).await;
        sessions.push(session);
    }
    machine.work().await;
    let found = machine.deliveries(organization).await;
    assert_eq!(found.len(), sessions.len());
    let path = "/api/deliveries?limit=1";
    let page = machine.api(organization, Method::GET, path, None).await;
    Tenant {
        connection,
        webhook: created.json()["id"].as_str().unwrap().to_owned(),
        deliveries: found
            .values()
            .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
            .collect(),
        sessions,
        cursor: page.json()["next"].as_str().unwrap().to_owned(),
    }
}

impl Tenant {
    /// What nobody else may ever be shown.
    fn marks(&self) -> Vec<String> {
        let ids = [&self.connection, &self.webhook].map(Clone::clone);
        let all = [&self.sessions[..], &self.deliveries[..], &ids[..]];
        all.concat()
    }

    /// Everything the API shows of it.
    async fn shown(&self, machine: &Machine, organization: &str) -> Vec<String> {
        let mut paths = vec![
            "/api/integrations/crm".to_owned(),
            format!("/api/integrations/crm/{}", self.connection),
            "/api/integrations/webhooks".to_owned(),
            format!("/api/integrations/webhooks/{}", self.webhook),
            "/api/deliveries".to_owned(),
        ];
        let deliveries = self.deliveries.iter();
        paths.extend(deliveries.map(|id| format!("/api/deliveries/{id}")));
        let mut shown = Vec::new();
        for path in paths {
            let reply = machine.api(organization, Method::GET, &path, None).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
            shown.push(reply.text);
        }
        shown
    }
}

/// A delivery's id is made of two others: parts of both tenants make more of them.
fn kinds(ours: &Tenant, theirs: &Tenant) -> Kinds {
    let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let tail = |id: &str| id.split_once('_').unwrap().1.to_owned();
    let mixed =
        |connection: &str, session: &str| format!("dlv_{}.{}", tail(connection), tail(session));
    let one = |id: &String| vec![id.clone()];
    BTreeMap::from([
        (
            "ConnectionId",
            (one(&theirs.connection), format!("conn_{unknown}")),
        ),
        (
            "WebhookId",
            (one(&theirs.webhook), format!("whk_{unknown}")),
        ),
        (
            "SessionId",
            (one(&theirs.sessions[0]), format!("ses_{unknown}")),
        ),
        (
            "DeliveryId",
            (
                vec![
                    theirs.deliveries[0].clone(),
                    mixed(&ours.connection, &theirs.sessions[0]),
                    mixed(&theirs.connection, &ours.sessions[0]),
                ],
                format!("dlv_{unknown}.{unknown}"),
            ),
        ),
        // A place in a list of one's own; whose place it was says nothing.
        ("cursor", (one(&theirs.cursor), theirs.cursor.clone())),
    ])
}

/// Whether an answer shows what is another's. What was sent may be named again.
fn shows(reply: &Reply, marks: &[String], sent: &str) -> bool {
    let shown = format!("{:?}{}", reply.headers, reply.text);
    marks
        .iter()
        .any(|mark| !sent.contains(mark.as_str()) && shown.contains(mark.as_str()))
}

#[tokio::test(start_paused = true)]
async fn what_is_another_s_is_answered_like_what_nobody_has() {
    let machine = Machine::new(23).await;
    machine.world.organization(OTHER).await;
    let ours = furnish(&machine, ORG, "ours").await;
    let theirs = furnish(&machine, OTHER, "theirs").await;
    let (our_state, their_state) = (
        ours.shown(&machine, ORG).await,
        theirs.shown(&machine, OTHER).await,
    );
    let kinds = kinds(&ours, &theirs);
    let mut marks = theirs.marks();
    marks.extend([OTHER.to_owned(), "theirs".to_owned()]);
    let (mut count, mut leaks) = (0, Vec::new());
    let document = document::served();
    for probe in probes(&document) {
        let what = format!("{} {} ({})", probe.method, probe.path, probe.kind);
        let Some((foreign, unknown)) = kinds.get(probe.kind.as_str()) else {
            panic!("{what}: no foreign value is known of this kind; add one to `kinds`");
        };
        for role in ROLES {
            // Somebody who took part in every session: what a viewer sees most of.
            let bearer = machine.world.bearer(ORG, role, "hana@seller.example");
            let ask = async |id: &str| {
                let (path, body) = probe.with(id);
                let method = probe.method.clone();
                let asked = machine.call(&probe.function, &bearer, method, &path, body.as_ref());
                asked.await
            };
            let nobody_s = ask(unknown).await;
            // Nothing but the id is in the way: otherwise the comparison shows nothing.
            if role == "admin" {
                let wanted = match probe.place {
                    // A filter that nothing fits finds nothing.
                    Place::Body(_) if probe.path == "/api/deliveries/retry" => StatusCode::OK,
                    Place::Path | Place::Body(_) => StatusCode::NOT_FOUND,
                    Place::Query(_) => StatusCode::OK,
                };
                assert_eq!(nobody_s.status, wanted, "{what}: {}", nobody_s.text);
            }
            for id in foreign {
                let reply = ask(id).await;
                count += 1;
                let same = (reply.status, &reply.text) == (nobody_s.status, &nobody_s.text);
                if !same || shows(&reply, &marks, id) {
                    leaks.push(format!(
                        "{role} {what} {id}: {} {}",
                        reply.status, reply.text
                    ));
                }
            }
        }
    }
    // Lists as they are.
    for (function, method, path, bearer) in deployed() {
        if method != "GET" || !bearer || path.contains('{') {
            continue;
        }
        for role in ROLES {
            let bearer = machine.world.bearer(ORG, role, "hana@seller.example");
            let reply = machine
                .call(&function, &bearer, Method::GET, &path, None)
                .await;
            count += 1;
            if shows(&reply, &marks, "") {
                leaks.push(format!("{role} GET {path}: {}", reply.text));
            }
        }
    }
    println!("probes {count}, leaks {}", leaks.len());
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert_eq!(theirs.shown(&machine, OTHER).await, their_state);
    assert_eq!(ours.shown(&machine, ORG).await, our_state);
    assert!(count >= 60, "only {count} probes");
}
