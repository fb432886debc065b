//! The identity platform: the Entra ID v2.0 endpoints of one tenant, and who a token stands for.

mod authorize;
mod errors;
mod token;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::settings::Settings;
use crate::frame::{Fault, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, credential, person};

/// The tenant with its app.
#[derive(Debug)]
pub(super) struct Entra {
    tables: Tables,
    settings: Settings,
    /// Also the environment's address and so the audience of its tokens.
    base_url: String,
    tenant: String,
    client_id: String,
    client_secret: String,
}

/// The tenant's domain, which addresses it as well as its id.
const DOMAIN: &str = "liveprompt.onmicrosoft.com";
/// Who a token of client credentials stands for.
pub(super) const APP: &str = "app";
/// Tokens for anything but the environment open nothing here.
const GRAPH: &str = "https://graph.microsoft.com";

impl Entra {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        Self {
            settings: Settings::default(),
            base_url: setup.base_url.clone(),
            tenant: noise.guid("tenant"),
            client_id: noise.guid("client"),
            // Real ones have a tilde, which a form has to escape.
            client_secret: format!("8Q8~{}", noise.text("secret", 36)),
            tables,
        }
    }

    /// The token of a consent, and when it ends.
    fn access(&mut self, grant: Option<u64>, consent: &Consent, now: Timestamp) -> String {
        let ends = crate::oauth::after(now, self.settings.access_seconds);
        let id = self.tables.noise.label("access");
        let noise = &self.tables.noise;
        let mut claims = json!({
            "aud": consent.realm,
            "iss": format!("https://sts.windows.net/{}/", self.tenant),
            "iat": now.as_second(), "nbf": now.as_second(), "exp": ends.as_second(),
            "appid": self.client_id, "tid": self.tenant, "oid": noise.guid(&consent.user),
            "uti": noise.text(&id, 22), "ver": "1.0",
        });
        if let (false, Some(claims)) = (consent.user == APP, claims.as_object_mut()) {
            claims.insert("scp".to_owned(), json!("user_impersonation"));
            claims.insert("upn".to_owned(), json!(consent.user));
        }
        let value = noise.jwt(&claims);
        self.tables
            .keep_access(&value, grant, consent.clone(), Some(ends));
        value
    }

    /// A new refresh token; those before it live on.
    fn refresh_token(&mut self, grant: u64, now: Timestamp) -> String {
        let value = format!("0.A{}", self.tables.noise.fresh("refresh", 400));
        self.tables.keep_refresh(&value, grant, now);
        value
    }

    /// Whose token opens the environment.
    pub(super) fn admitted(
        &self,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<String, Answer> {
        let live = credential(request, "Bearer").and_then(|token| self.tables.access(token, now));
        let Some(access) = live.filter(|access| access.consent.realm == self.base_url) else {
            let challenge = format!(
                "Bearer authorization_uri={base}/{}/oauth2/authorize, resource_id={base}/",
                self.tenant,
                base = self.base_url
            );
            return Err(Answer::empty(401).with("www-authenticate", challenge));
        };
        if access.consent.user == APP && !self.settings.application_user {
            let message = "The user is not a member of the organization.";
            return Err(Refusal::new(403, "0x80072560", message).answer());
        }
        Ok(access.consent.user.clone())
    }

    /// The id that the environment has for a user.
    pub(super) fn user_id(&self, user: &str) -> String {
        self.tables.noise.guid(&format!("systemuser/{user}"))
    }

    /// What `WhoAmI` says.
    pub(super) fn who(&self, user_id: &str, business_unit: &str) -> Value {
        json!({
            "@odata.context": format!(
                "{}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
                self.base_url
            ),
            "BusinessUnitId": business_unit,
            "UserId": user_id,
            "OrganizationId": self.tables.noise.guid("organization"),
        })
    }

    fn is_here(&self, tenant: &str) -> bool {
        tenant == self.tenant || tenant.eq_ignore_ascii_case(DOMAIN)
    }

    /// Whether the address names this tenant, or leaves it open.
    fn tenant(&mut self, name: &str, now: Timestamp) -> Result<(), Answer> {
        if self.is_here(name) || matches!(name, "organizations" | "common") {
            return Ok(());
        }
        if self
            .settings
            .other_tenants
            .iter()
            .any(|other| other == name)
        {
            return Err(self.unknown_app(&self.client_id.clone(), name, now));
        }
        let text = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud. Check with your subscription administrator, this may happen if there are no active \
             subscriptions for the tenant."
        );
        Err(self.refused(400, "invalid_request", 90002, &text, now))
    }

    fn discovery(&self, tenant: &str) -> Answer {
        let at = |path: &str| format!("{}/{tenant}/oauth2/v2.0/{path}", self.base_url);
        Answer::json(
            200,
            json!({
                "issuer": format!("{}/{}/v2.0", self.base_url, self.tenant),
                "authorization_endpoint": at("authorize"),
                "token_endpoint": at("token"),
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
                "response_modes_supported": ["query", "form_post"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "subject_types_supported": ["pairwise"],
            }),
        )
    }
}

impl Server for Entra {
    type Switches = Settings;

    // A token is checked by its signature: nobody can take it back.
    const ACCESS_ENDS_WITH_GRANT: bool = false;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (request.method().as_str(), segments.as_slice()) {
            ("GET" | "POST", [tenant, "oauth2", "v2.0", "authorize"]) => {
                self.authorize(tenant, request, now)
            }
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => self.token(tenant, request, now),
            ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
                match self.tenant(tenant, now) {
                    Ok(()) => self.discovery(tenant),
                    Err(answer) => answer,
                }
            }
            _ => Answer::html(
                404,
                "<html><body>404 - File or directory not found.</body></html>",
            ),
        }
    }

    fn troubled(&mut self, trouble: Trouble, _: &Request<Bytes>, now: Timestamp) -> Answer {
        let (status, code, text) = match trouble {
            Trouble::Server => (
                500,
                90033,
                "A transient error has occurred. Please try again.",
            ),
            _ => (
                429,
                90055,
                "The server is too busy to handle the request. Please try again later.",
            ),
        };
        self.refused(status, "temporarily_unavailable", code, text, now)
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, now: Timestamp) -> Option<Answer> {
        Some(self.named_fault(&fault.name, now))
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let user = PEOPLE.first().map_or("", |person| person.email);
        let scopes = vec!["user_impersonation".to_owned(), "offline_access".to_owned()];
        let consent = Consent {
            user: user.to_owned(),
            scopes,
            realm: self.base_url.clone(),
        };
        let grant = self.tables.open(consent.clone(), None, now);
        let refresh = self.refresh_token(grant, now);
        let access = self.access(Some(grant), &consent, now);
        json!({
            "base_url": self.base_url,
            "environment_url": self.base_url,
            "tenant": self.tenant,
            "tenant_domain": DOMAIN,
            "account": self.tables.noise.guid("organization"),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": format!("{}/user_impersonation", self.base_url),
            "username": user,
            "name": person(user).map(|(_, person)| person.first),
        })
    }

    fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    fn switches(&self) -> &Settings {
        &self.settings
    }

    fn switches_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}
