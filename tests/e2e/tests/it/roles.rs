//! Who may call which route: every route of the template is in the table, and the table holds.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use bytes::Bytes;
use http::{Method, Request};
use hub_tidy::{Tree, yaml::Node};
use hub_world::{PUBLIC_URL, Reply, World, ask};
use serde_json::{Value, json};

/// From the least to the most.
const ROLES: [&str; 3] = ["viewer", "manager", "admin"];

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Everybody, without a bearer: what the route is for is its own proof, if it needs one.
    Nobody,
    Viewer,
    Manager,
    Admin,
}

impl Least {
    fn may(self, role: &str) -> bool {
        let place = |role: &str| ROLES.iter().position(|known| *known == role).unwrap();
        match self {
            Self::Nobody | Self::Viewer => true,
            Self::Manager => place(role) >= 1,
            Self::Admin => place(role) >= 2,
        }
    }
}

/// Function, method, path, least role.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str, Least)] = &[
    ("ingest", "POST", "/api/events", Least::Nobody),
    ("api", "GET", "/api/health", Least::Manager),
    ("api", "GET", "/api/openapi.json", Least::Nobody),
    ("api", "POST", "/api/integrations/crm", Least::Admin),
    ("api", "GET", "/api/integrations/crm", Least::Manager),
    ("api", "GET", "/api/integrations/crm/{id}", Least::Manager),
    ("api", "PATCH", "/api/integrations/crm/{id}", Least::Admin),
    ("api", "DELETE", "/api/integrations/crm/{id}", Least::Admin),
    ("api", "POST", "/api/integrations/crm/{id}/approve", Least::Admin),
    ("api", "POST", "/api/integrations/crm/{id}/pause", Least::Admin),
    ("api", "POST", "/api/integrations/crm/{id}/resume", Least::Admin),
    ("api", "POST", "/api/integrations/crm/{id}/test", Least::Manager),
    ("api", "POST", "/api/integrations/webhooks", Least::Admin),
    ("api", "GET", "/api/integrations/webhooks", Least::Manager),
    ("api", "POST", "/api/integrations/webhooks/test", Least::Manager),
    ("api", "GET", "/api/integrations/webhooks/{id}", Least::Manager),
    ("api", "PATCH", "/api/integrations/webhooks/{id}", Least::Admin),
    ("api", "DELETE", "/api/integrations/webhooks/{id}", Least::Admin),
    ("api", "POST", "/api/integrations/webhooks/{id}/rotate-secret", Least::Admin),
    ("api", "POST", "/api/integrations/webhooks/{id}/recover", Least::Manager),
    ("api", "POST", "/api/integrations/webhooks/{id}/replay-missing", Least::Manager),
    ("api", "GET", "/api/audit", Least::Admin),
    ("api", "GET", "/api/deliveries", Least::Viewer),
    ("api", "GET", "/api/deliveries/{id}", Least::Viewer),
    ("api", "POST", "/api/deliveries/retry", Least::Manager),
    ("api", "POST", "/api/deliveries/{id}/retry", Least::Manager),
    ("oauth", "POST", "/api/integrations/{crm}/connect", Least::Admin),
    ("oauth", "GET", "/api/integrations/{crm}/start", Least::Nobody),
    ("oauth", "POST", "/api/integrations/{crm}/start", Least::Nobody),
    ("oauth", "GET", "/api/integrations/{crm}/callback", Least::Nobody),
    ("oauth", "POST", "/api/integrations/{crm}/callback", Least::Nobody),
    ("oauth", "DELETE", "/api/integrations/{crm}/callback", Least::Nobody),
];

/// What a route takes, so that nothing but the role is in the way.
fn body(method: &str, path: &str) -> Value {
    match (method, path) {
        ("POST", "/api/integrations/crm") => json!({ "crm": "salesforce", "name": "Ours" }),
        ("POST", "/api/integrations/webhooks") => {
            json!({ "name": "Ours", "url": "https://crm.example/", "events": ["*"] })
        }
        ("POST", "/api/integrations/webhooks/test") => json!({ "webhook_id": "whk_none" }),
        ("POST", path) if path.ends_with("/recover") || path.ends_with("/replay-missing") => {
            json!({ "since": "2026-11-20T12:00:00Z" })
        }
        ("POST", "/api/integrations/{crm}/connect") => json!({ "connection_id": "conn_none" }),
        _ => json!({}),
    }
}

/// A path with ids that no thing has.
fn filled(path: &str) -> String {
    let id = if path.contains("/webhooks/") {
        "whk_none"
    } else if path.contains("/deliveries/") {
        "dlv_none.none"
    } else {
        "conn_none"
    };
    path.replace("{crm}", "salesforce").replace("{id}", id)
}

/// Function, method, path, and whether API Gateway asks for a bearer.
pub(crate) fn deployed() -> BTreeSet<(String, String, String, bool)> {
    let template = Tree::repository().get("template.yaml").unwrap();
    let root = Node::parse(template).unwrap();
    let mut found = BTreeSet::new();
    for (name, resource) in root.get("Resources").unwrap().entries() {
        let events = resource.at(&["Properties", "Events"]);
        for (_, event) in events.into_iter().flat_map(Node::entries) {
            if event.get("Type").and_then(Node::text) != Some("HttpApi") {
                continue;
            }
            let text = |keys: &[&str]| event.at(keys).and_then(Node::text).unwrap_or_default();
            let function = name.text().unwrap().trim_end_matches("Function");
            found.insert((
                function.to_ascii_lowercase(),
                text(&["Properties", "Method"]).to_owned(),
                text(&["Properties", "Path"]).to_owned(),
                text(&["Properties", "Auth", "Authorizer"]) != "NONE",
            ));
        }
    }
    found
}

async fn send(router: &Router, method: &str, path: &str, bearer: Option<&str>) -> Reply {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(filled(path));
    if let Some(bearer) = bearer {
        request = request.header("authorization", bearer);
    }
    let body = Bytes::from(body(method, path).to_string());
    ask(router, request.body(body).unwrap()).await
}

#[test]
fn every_route_of_the_template_has_its_role() {
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|(function, method, path, least)| {
            let bearer = *least != Least::Nobody;
            let texts = [function, method, path].map(|text| (*text).to_owned());
            let [function, method, path] = texts;
            (function, method, path, bearer)
        })
        .collect();
    assert_eq!(table, deployed());
}

#[tokio::test(start_paused = true)]
async fn a_route_refuses_who_is_unknown_and_who_is_below_its_role() {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let hub = |identity: &str| world.hub(identity, World::no_crm());
    let routers = BTreeMap::from([
        ("ingest", hub_ingest::router(hub("ingest"))),
        ("api", hub_api::router(hub("api"), World::identity())),
        (
            "oauth",
            hub_oauth::router(hub("oauth"), World::identity(), PUBLIC_URL.to_owned()),
        ),
    ]);
    for (function, method, path, least) in ROUTES {
        let router = &routers[function];
        let unknown = send(router, method, path, None).await;
        if *least == Least::Nobody {
            assert_ne!(
                unknown.header("www-authenticate"),
                "Bearer",
                "{method} {path}"
            );
            continue;
        }
        assert_eq!(unknown.status, 401, "{method} {path}: {}", unknown.text);
        assert_eq!(unknown.header("www-authenticate"), "Bearer");
        let forged = send(router, method, path, Some("Bearer a.b.c")).await;
        assert_eq!(forged.status, 401, "{method} {path}: {}", forged.text);
        for role in ROLES {
            let bearer = world.bearer("org_demo", role, "somebody");
            let reply = send(router, method, path, Some(&bearer)).await;
            let refused = reply.status == 403;
            assert_eq!(
                refused,
                !least.may(role),
                "{role} {method} {path}: {}",
                reply.text
            );
            assert_ne!(reply.status, 401, "{role} {method} {path}: {}", reply.text);
            assert_ne!(reply.status, 422, "{role} {method} {path}: {}", reply.text);
            assert!(
                reply.status.as_u16() < 500,
                "{role} {method} {path}: {}",
                reply.text
            );
        }
    }
}
