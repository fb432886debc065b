//! The stage of an attack: a victim and an attacker who have each begun, and what must not happen.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, header};
use hub_domain::Method as By;
use hub_e2e::{Machine, ORG, address, cookie, fields};
use hub_world::{PUBLIC_URL, Reply, ask};
use serde_json::Value;
use url::Url;

/// The attacker's organization: everybody can have one.
pub(super) const EVIL: &str = "org_evil";

/// An authorization that somebody has begun.
pub(super) struct Begun {
    pub(super) connection: String,
    pub(super) authorize: String,
    pub(super) state: String,
    pub(super) cookie: String,
    pub(super) start: String,
}

pub(super) struct Stage {
    pub(super) machine: Machine,
    pub(super) victim: Begun,
    pub(super) attacker: Begun,
    replies: Vec<Reply>,
    harm: Vec<String>,
    before: BTreeMap<String, String>,
}

impl Stage {
    pub(super) async fn new(crm: &'static str) -> Self {
        let machine = Machine::at(crm, 1).await;
        machine.world.organization(EVIL).await;
        let victim = begin(&machine, ORG).await;
        let attacker = begin(&machine, EVIL).await;
        let mut stage = Self {
            machine,
            victim,
            attacker,
            replies: Vec::new(),
            harm: Vec::new(),
            before: BTreeMap::new(),
        };
        stage.mark().await;
        stage
    }

    /// One whose victim has a connection in use.
    pub(super) async fn connect(&mut self) {
        let back = self.consent(&self.victim.authorize.clone()).await;
        let cookie = self.victim.cookie.clone();
        let done = self.legitimate(&back, &cookie).await;
        assert!(done.status.is_success(), "{}", done.text);
        let path = format!("/api/integrations/crm/{}/approve", self.victim.connection);
        self.machine.api(ORG, Method::POST, &path, None).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        self.mark().await;
    }

    /// What stands now is as it should be.
    pub(super) async fn mark(&mut self) {
        self.before = self.snapshot().await;
    }

    /// Somebody else begins the victim's authorization anew.
    pub(super) async fn begin_again(&mut self) -> Begun {
        begin_for(&self.machine, ORG, self.victim.connection.clone()).await
    }

    /// The person at the CRM says yes; where the browser is sent.
    pub(super) async fn consent(&self, authorize: &str) -> String {
        self.machine.consent(authorize).await
    }

    /// The code of a consent to this address.
    pub(super) async fn code(&self, authorize: &str) -> String {
        parameter(&self.consent(authorize).await, "code").expect("a code")
    }

    /// A browser comes back as it should; nothing is held against the answer.
    pub(super) async fn legitimate(&mut self, address: &str, cookie: &str) -> Reply {
        self.machine.call_back(address, cookie).await
    }

    /// A browser comes back as the attacker wants it to: a success is one too many.
    pub(super) async fn try_back(&mut self, query: &str, cookie: &str) {
        let path = format!("{}?{query}", self.callback());
        self.try_get(&path, cookie).await;
    }

    pub(super) fn callback(&self) -> String {
        format!("/api/integrations/{}/callback", self.machine.crm)
    }

    /// Any address of ours.
    pub(super) async fn try_get(&mut self, path: &str, cookie: &str) {
        let path = path.strip_prefix(PUBLIC_URL).unwrap_or(path);
        let mut request = Request::get(path);
        if !cookie.is_empty() {
            request = request.header(header::COOKIE, cookie);
        }
        self.refuses(request.body(Bytes::new()).expect("a request"))
            .await;
    }

    /// The function behind connect and callback must refuse this.
    pub(super) async fn refuses(&mut self, request: Request<Bytes>) {
        let what = format!("{} {}", request.method(), request.uri().path());
        let reply = self.machine.ask_oauth(request).await;
        self.must_be_refused(&what, reply);
    }

    pub(super) fn must_be_refused(&mut self, what: &str, reply: Reply) {
        if !reply.status.is_client_error() && !reply.status.is_server_error() {
            self.hold_against(format!("{what} was answered {}", reply.status));
        }
        self.saw(reply);
    }

    /// An answer that is looked through for secrets and for where it sends a browser.
    pub(super) fn saw(&mut self, reply: Reply) {
        self.replies.push(reply);
    }

    pub(super) fn must(&mut self, holds: bool, otherwise: &str) {
        if !holds {
            self.hold_against(otherwise.to_owned());
        }
    }

    fn hold_against(&mut self, what: String) {
        self.harm.push(what);
    }

    /// What the CRM answers to a browser with an authorization request that was tampered with: it
    /// must not send a code anywhere.
    pub(super) async fn crm_refuses(&mut self, authorize: &str) {
        let answer = self.machine.visit_crm(authorize).await;
        let location = answer.headers().get(header::LOCATION);
        let location = location.map(|to| to.to_str().unwrap_or_default().to_owned());
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let code = location
            .as_deref()
            .and_then(|to| parameter(to, "code"))
            .or_else(|| parameter(&format!("x:?{}", fields(&page)), "code"));
        if let Some(code) = code {
            self.hold_against(format!("the CRM gave the code {code} to {location:?}"));
        }
        if let Some(to) = location.filter(|to| !to.starts_with(&format!("{PUBLIC_URL}/"))) {
            self.hold_against(format!("the CRM sent the browser to {to}"));
        }
    }

    /// All that went wrong.
    pub(super) async fn harm(mut self) -> Vec<String> {
        let after = self.snapshot().await;
        if after != self.before {
            let changes = after.iter().filter(|entry| {
                !self.before.contains_key(entry.0) || self.before[entry.0] != *entry.1
            });
            let changes: Vec<_> = changes.collect();
            self.harm
                .push(format!("it changed {changes:?} of {:?}", self.before));
        }
        self.look_at_hosts();
        self.look_at_replies();
        self.harm
    }

    /// Requests go to the CRM's hosts alone.
    fn look_at_hosts(&mut self) {
        let manifest = hub_connectors::manifest(self.machine.crm);
        let manifest = manifest.expect("a CRM").expect("a manifest");
        let oauth = manifest.oauth.iter();
        let log_in = oauth.clone().map(|oauth| {
            let url = manifest.fill(&oauth.token_url, &BTreeMap::new());
            Url::parse(&url)
                .expect("an address")
                .host_str()
                .unwrap_or_default()
                .to_owned()
        });
        let regions = oauth
            .filter_map(|oauth| oauth.servers.as_ref())
            .flat_map(|servers| servers.hosts.clone());
        let hosts: Vec<String> = log_in.chain(regions).collect();
        for sent in self.machine.wire.sent() {
            let host = sent.url.host_str().unwrap_or_default();
            let known = manifest.allows_host(host) || hosts.iter().any(|known| known == host);
            if !known || sent.url.scheme() != "https" || sent.url.port().is_some() {
                self.harm.push(format!("a request went to {}", sent.url));
            }
        }
    }

    /// Answers have no secret in them, and send nobody anywhere but to us and to the CRM.
    fn look_at_replies(&mut self) {
        let log_in = self.crm_origin();
        let secrets = self.secrets();
        for reply in &self.replies {
            let all = format!("{:?}\n{}", reply.headers, reply.text);
            if let Some(secret) = secrets.iter().find(|secret| all.contains(secret.as_str())) {
                self.harm
                    .push(format!("an answer has the secret {secret}: {all}"));
            }
            let to = reply.header("location");
            let ours = to.is_empty() || (to.starts_with('/') && !to.starts_with("//"));
            if !ours && !to.starts_with(&format!("{log_in}/")) {
                self.harm.push(format!("a browser was sent to {to}"));
            }
        }
    }

    /// Where people log in at the CRM.
    pub(super) fn crm_origin(&self) -> String {
        let log_in = Url::parse(&self.victim.authorize).expect("an address");
        log_in.origin().ascii_serialization()
    }

    /// What nobody may see: the application's secret, every token and every verifier there was.
    fn secrets(&self) -> Vec<String> {
        let credentials = self.machine.sandbox.credentials();
        let mut secrets = vec![
            credentials["client_secret"]
                .as_str()
                .expect("a secret")
                .to_owned(),
        ];
        for sent in self.machine.wire.sent() {
            let answer: Value = serde_json::from_str(&sent.answer).unwrap_or_default();
            let names = ["access_token", "refresh_token"];
            secrets.extend(
                names
                    .iter()
                    .filter_map(|name| answer[name].as_str())
                    .map(str::to_owned),
            );
            secrets.extend(parameter(&format!("x:?{}", sent.body), "code_verifier"));
        }
        secrets.retain(|secret| secret.len() > 8);
        secrets
    }

    /// The connections of both, and what is kept for them.
    async fn snapshot(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let hub = self.machine.hub("operator");
        for organization in [ORG, EVIL] {
            let id = organization.parse().expect("an id");
            for connection in hub.store().connections(&id).await.expect("a store") {
                let item = self
                    .machine
                    .tokens(organization, connection.id.as_str())
                    .await;
                let kept = item.map(|item| (item.version, item.expires_at));
                found.insert(
                    connection.id.to_string(),
                    format!("{connection:?} {kept:?}"),
                );
            }
            let all = hub
                .vault()
                .credentials(organization)
                .await
                .expect("a vault");
            found.insert(
                organization.to_owned(),
                format!(
                    "{:?} {:?} {:?}",
                    all.refresh_tokens.keys(),
                    all.api_keys.keys(),
                    all.clients.keys()
                ),
            );
        }
        found
    }

    /// `POST …/connect` as anybody.
    pub(super) async fn try_begin(&mut self, bearer: &str, connection: &str) {
        let reply = self.machine.begin_as(bearer, connection).await;
        self.must_be_refused("connect", reply);
    }
}

async fn begin(machine: &Machine, organization: &str) -> Begun {
    let methods = hub_connectors::manifest(machine.crm)
        .expect("a CRM")
        .expect("a manifest")
        .methods();
    assert!(methods.contains(&By::AuthorizationCode));
    let settings = machine.new_by(By::AuthorizationCode)["settings"].clone();
    let connection = machine.create(organization, settings).await;
    begin_for(machine, organization, connection).await
}

async fn begin_for(machine: &Machine, organization: &str, connection: String) -> Begun {
    let begun = machine.begin(organization, &connection).await;
    let authorize = address(&begun);
    Begun {
        connection,
        state: parameter(&authorize, "state").expect("a state"),
        authorize,
        cookie: cookie(&begun),
        start: begun.json()["start_url"]
            .as_str()
            .expect("an address")
            .to_owned(),
    }
}

/// A parameter of an address.
pub(super) fn parameter(address: &str, name: &str) -> Option<String> {
    let base = Url::parse(PUBLIC_URL).expect("an address");
    let url = Url::options().base_url(Some(&base)).parse(address).ok()?;
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// An address with a parameter set to another value, or taken out.
pub(super) fn with(address: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(address).expect("an address");
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let kept = kept.into_iter().filter(|(key, _)| key != name);
    let all: Vec<(String, String)> = kept
        .chain(value.map(|value| (name.to_owned(), value.to_owned())))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(all);
    url.into()
}

/// Asks another router than that of the machine.
pub(super) async fn ask_at(router: &axum::Router, path: &str, cookie: &str) -> Reply {
    let request = Request::get(path).header(header::COOKIE, cookie);
    ask(router, request.body(Bytes::new()).expect("a request")).await
}
