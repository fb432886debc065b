//! A week of nine connections: how often their CRMs are asked for tokens, and how many versions the
//! organization's secrets get.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hub_connectors::{Manifest, connectable};
use hub_domain::{Connection, ConnectionId, Method};
use hub_engine::{
    Hub, Settings, Transport, TransportError, connect,
    connections::{self, NewConnection},
    lifecycle,
    tokens::refresh_idle,
};
use hub_sandbox::Sandbox;
use hub_world::{PUBLIC_URL, World};
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

const ORG: &str = "org_week";
struct Week {
    world: World,
    sandboxes: BTreeMap<&'static str, Sandbox>,
    /// Token calls by CRM.
    calls: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

/// Each CRM with the hosts where people log in and where its tokens come from.
static HOSTS: LazyLock<Vec<(&str, Manifest, Vec<String>)>> = LazyLock::new(|| {
    let of = |crm| {
        let manifest = hub_e2e::manifest(crm);
        let oauth = manifest.oauth.as_ref();
        let urls = oauth.map(|oauth| [&oauth.authorize_url, &oauth.token_url]);
        let host = |url: &String| {
            let filled = manifest.fill(url, &BTreeMap::new());
            let url = url::Url::parse(&filled).expect("an address");
            url.host_str().expect("a host").to_owned()
        };
        let hosts = urls.into_iter().flatten().map(host).collect();
        (crm, manifest, hosts)
    };
    connectable().map(of).collect()
});

/// Whose host it is.
fn crm_of(host: &str) -> &'static str {
    let serves = |(_, manifest, hosts): &&(&str, Manifest, Vec<String>)| {
        manifest.allows_host(host) || hosts.iter().any(|known| known == host)
    };
    HOSTS.iter().find(serves).expect("a CRM").0
}

impl Week {
    async fn new() -> Self {
        let world = World::new(7).await;
        let mut sandboxes = BTreeMap::new();
        for crm in connectable() {
            let clock = world.clock.clone();
            let address = hub_e2e::vendor_address(crm);
            let sandbox = Sandbox::new(crm, &address, Arc::new(move || clock.now()), 7).unwrap();
            let callback = format!("{PUBLIC_URL}/api/integrations/{crm}/callback");
            sandbox
                .set(&json!({ "redirect_uris": [callback] }))
                .unwrap();
            if sandbox.settings().get("real_hosts").is_some() {
                sandbox.set(&json!({ "real_hosts": true })).unwrap();
            }
            sandboxes.insert(crm, sandbox);
        }
        let week = Self {
            world,
            sandboxes,
            calls: Arc::default(),
        };
        let hub = week.hub();
        let mut platform = (*hub.vault().platform().await.unwrap()).clone();
        for (crm, sandbox) in &week.sandboxes {
            let all = sandbox.credentials();
            let Some(id) = all["client_id"].as_str() else {
                continue;
            };
            let app = platform.apps.get_mut(*crm).cloned().unwrap_or_default();
            let app = hub_aws::vault::OauthClient {
                client_id: id.to_owned(),
                client_secret: all["client_secret"].as_str().unwrap().into(),
                ..app
            };
            platform.apps.insert((*crm).to_owned(), app);
        }
        hub.vault().put_platform(&platform).await.unwrap();
        week.world.organization(ORG).await;
        week
    }

    fn hub(&self) -> Hub {
        let settings: Settings = World::settings();
        self.world.hub_with("week", self.way_out(), settings)
    }

    fn way_out(&self) -> Transport {
        let (sandboxes, calls) = (self.sandboxes.clone(), self.calls.clone());
        BoxCloneSyncService::new(service_fn(move |request: http::Request<Bytes>| {
            let crm = crm_of(request.uri().host().unwrap_or_default());
            if String::from_utf8_lossy(request.body()).contains("grant_type") {
                *calls.lock().unwrap().entry(crm).or_default() += 1;
            }
            let sandbox = sandboxes[crm].clone();
            async move {
                let answer = sandbox.handle(request).await;
                answer.map_err(|_| TransportError::Lost("the connection broke".to_owned()))
            }
        }))
    }

    async fn connect(&self, crm: &'static str) -> ConnectionId {
        let (hub, caller) = (self.hub(), World::admin(ORG));
        let mut new = json!({ "crm": crm, "name": crm, "settings": hub_samples::required(&hub_e2e::manifest(crm)) });
        if crm == "dynamics365" {
            let address = hub_e2e::vendor_address(crm);
            new["settings"]["environment"] = json!(address.trim_start_matches("https://"));
        }
        // Where nobody logs in, there is a key.
        if hub_e2e::manifest(crm).oauth.is_none() {
            new["method"] = json!("api_key");
            new["api_key"] = self.sandboxes[crm].credentials()["api_key"].clone();
        }
        let new = NewConnection::read(&hub, &new).unwrap();
        let made: Connection = connections::create(&hub, &caller, new).await.unwrap();
        if made.method == Method::AuthorizationCode {
            let begun = connect::begin(&hub, &caller, &made.crm, &made.id, PUBLIC_URL).await;
            let begun = begun.unwrap();
            let visit = format!("{}&__sandbox_consent=allow", begun.authorize_url);
            let visit = http::Request::get(visit).body(Bytes::new()).unwrap();
            let answer = self.sandboxes[crm].handle(visit).await.unwrap();
            let query = match answer.headers().get("location") {
                Some(back) => back.to_str().unwrap().split_once('?').unwrap().1.to_owned(),
                None => hub_e2e::fields(&String::from_utf8_lossy(answer.body())),
            };
            let fields = url::form_urlencoded::parse(query.as_bytes()).into_owned();
            let fields: BTreeMap<String, String> = fields.collect();
            let callback = serde_json::from_value(json!(fields)).unwrap();
            let done = connect::finish(&hub, &made.crm, &callback, Some(&begun.cookie)).await;
            done.unwrap();
        }
        connections::approve(&hub, &caller, &made.id).await.unwrap();
        made.id
    }

    /// The calls since the last time that make a version of a secret.
    fn versions(&self) -> u64 {
        let counts = self.world.aws.counts();
        self.world.aws.reset_counts();
        ["CreateSecret", "PutSecretValue", "UpdateSecret"]
            .iter()
            .map(|call| counts.calls_of(&format!("secretsmanager.{call}")))
            .sum()
    }
}

#[tokio::test(start_paused = true)]
async fn a_week_of_nine_connections_makes_few_versions_and_few_refreshes() {
    let week = Week::new().await;
    week.versions();
    let mut ids = Vec::new();
    for crm in connectable() {
        ids.push(week.connect(crm).await);
    }
    ids.push(week.connect("hubspot").await);
    let hub = week.hub();
    let (caller, organization) = (World::admin(ORG), ORG.parse().unwrap());
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    for day in 1..=7 {
        week.calls.lock().unwrap().clear();
        for _ in 0..24 * 3 {
            for id in &ids {
                let tested = lifecycle::test(&hub, &caller, id).await.unwrap();
                assert!(tested.works, "day {day}: {tested:?}");
            }
            tokio::time::sleep(Duration::from_mins(20)).await;
        }
        // The daily pass over idle grants finds none.
        for id in &ids {
            assert!(
                !refresh_idle(&hub, &organization, id)
                    .await
                    .unwrap()
                    .refreshed
            );
        }
        // One organization: its credentials are the one secret that is written at all.
        let versions = week.versions();
        let calls: Value = json!(*week.calls.lock().unwrap());
        println!("day {day}: {versions} versions of secrets, token calls {calls}");
        assert!(versions < 20, "day {day}: {versions}");
        assert!(day == 1 || versions == 0, "day {day}: {versions}");
        for (crm, calls) in week.calls.lock().unwrap().iter() {
            let known = most.entry(crm).or_default();
            *known = (*known).max(*calls);
        }
    }
    // A token of half an hour is used up every 20 minutes, of two connections; one of an hour every 40.
    for (crm, calls) in most {
        let limit = if crm == "hubspot" { 2 * 73 } else { 37 };
        assert!(calls <= limit, "{crm}: {calls} a day");
    }
}

/// A grant that nobody uses is refreshed before it lapses.
#[tokio::test(start_paused = true)]
async fn an_idle_grant_is_kept_alive() {
    for (crm, idle) in [("salesforce", 30), ("dynamics365", 90), ("pipedrive", 60)] {
        let week = Week::new().await;
        let id = week.connect(crm).await;
        let organization = ORG.parse().unwrap();
        let mut refreshed = 0;
        for day in 0..200 {
            let hub = week.hub();
            let found = refresh_idle(&hub, &organization, &id).await.unwrap();
            refreshed += i32::from(found.refreshed);
            let now = week.world.clock.now();
            let left = found.lapses_at.unwrap().duration_since(now).as_hours();
            assert!(left > idle * 24 / 3 - 24, "{crm}, day {day}: {left} hours");
            tokio::time::sleep(Duration::from_hours(24)).await;
        }
        println!("{crm}: {refreshed} refreshes in 200 idle days");
        assert_eq!(i64::from(refreshed), 199 / (idle * 2 / 3), "{crm}");
        let tested = lifecycle::test(&week.hub(), &World::admin(ORG), &id).await;
        assert!(tested.unwrap().works, "{crm}");
    }
}
