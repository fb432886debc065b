//! Connecting: bound to one browser, one state, one CRM.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod callback;
mod connect;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::Router;
use bytes::Bytes;
use http::Request;
use hub_domain::ConnectionId;
use hub_engine::connections::{self, NewConnection};
use hub_lambda::Env;
use hub_oauth::{Config, router};
use hub_world::{Answer, PUBLIC_URL, Reply, World, ask};
use serde_json::{Value, json};
use url::Url;

/// A world with one organization and a connection that nobody has authorized; the requests that
/// the CRM's token endpoint got.
struct Oauth {
    world: World,
    router: Router,
    connection: ConnectionId,
    asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

/// An authorization that a browser has begun.
struct Begun {
    state: String,
    cookie: String,
}

impl Oauth {
    async fn new() -> Self {
        Self::answering(|| World::json(200, &token_reply("https://acme.my.salesforce.com"))).await
    }

    async fn answering(answer: impl Fn() -> Answer + Clone + Send + Sync + 'static) -> Self {
        let world = World::new(1).await;
        world.organization("org_demo").await;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let crm = World::crm(move |request| {
            assert_eq!(
                request.uri(),
                "https://login.salesforce.com/services/oauth2/token"
            );
            let form =
                Url::parse(&format!("x:?{}", String::from_utf8_lossy(request.body()))).unwrap();
            seen.lock()
                .unwrap()
                .push(form.query_pairs().into_owned().collect());
            answer()
        });
        let hub = world.hub("oauth", crm);
        let new = NewConnection::read(&hub, &json!({ "crm": "salesforce", "name": "Ours <b>&" }))
            .unwrap();
        let connection = connections::create(&hub, &World::admin("org_demo"), new)
            .await
            .unwrap()
            .id;
        let router = router(hub, World::identity(), PUBLIC_URL.to_owned());
        Self {
            world,
            router,
            connection,
            asked,
        }
    }

    async fn connect(&self, crm: &str, bearer: &str, body: &Value) -> Reply {
        let request = Request::post(format!("/api/integrations/{crm}/connect"))
            .header("authorization", bearer);
        ask(
            &self.router,
            request.body(Bytes::from(body.to_string())).unwrap(),
        )
        .await
    }

    async fn begin(&self) -> Begun {
        let body = json!({ "connection_id": self.connection.as_str() });
        let reply = self.connect("salesforce", &self.admin(), &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let url = Url::parse(reply.json()["authorize_url"].as_str().unwrap()).unwrap();
        let state = url
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1
            .into_owned();
        let cookie = reply
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        Begun { state, cookie }
    }

    async fn callback(&self, crm: &str, query: &str, cookie: Option<&str>) -> Reply {
        let mut request = Request::get(format!("/api/integrations/{crm}/callback?{query}"));
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        ask(&self.router, request.body(Bytes::new()).unwrap()).await
    }

    fn admin(&self) -> String {
        self.world.bearer("org_demo", "admin", "ada@seller.example")
    }

    async fn state(&self) -> hub_domain::ConnectionState {
        let hub = self.world.hub("api", World::no_crm());
        connections::get(&hub, &World::admin("org_demo"), &self.connection)
            .await
            .unwrap()
            .state
    }
}

fn token_reply(instance: &str) -> Value {
    json!({
        "access_token": "00Dxx!access", "refresh_token": "5Aep861", "instance_url": instance, "token_type": "Bearer",
        "id": "https://login.salesforce.com/id/00Dxx0000001gPL/005xx000001SwiU", "scope": "api refresh_token id",
    })
}

#[tokio::test(start_paused = true)]
async fn a_function_without_its_configuration_names_every_missing_variable() {
    let error = Config::from_env(Env::of::<&str, &str>([])).unwrap_err();
    assert_eq!(
        error.names(),
        [
            "HUB_TABLE",
            "HUB_QUEUE_URL_PREFIX",
            "HUB_SECRET_PREFIX",
            "HUB_OIDC_ISSUER",
            "HUB_OIDC_AUDIENCE",
            "HUB_PUBLIC_URL"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_samples_connect() {
    let oauth = Oauth::new().await;
    let (bearer, id) = (oauth.admin(), oauth.connection.as_str());
    let event = oauth.world.event(
        "OauthFunction.connect.json",
        &[("bearer", &bearer), ("connection-id", id)],
    );
    let reply = ask(&oauth.router, hub_world::request(&event)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);

    let Begun { state, cookie } = oauth.begin().await;
    let cookie = cookie.split_once('=').unwrap().1;
    let fills = [("code", "aPrx"), ("state", &state), ("cookie", cookie)];
    let event = oauth.world.event("OauthFunction.callback.json", &fills);
    let reply = ask(&oauth.router, hub_world::request(&event)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}
