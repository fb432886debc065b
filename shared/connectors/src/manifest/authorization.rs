//! How a connection is authorized, as data: one engine runs what stands here.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use hub_domain::{Connection, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{ErrorRule, Manifest};

/// OAuth 2. `{setting}`s in addresses, scopes and parameters are filled in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The ways to a token, the usual one first.
    pub methods: Vec<Method>,
    /// Where people log in.
    pub authorize_url: String,
    /// What the authorization request says beyond the standard.
    #[serde(default)]
    pub authorize_parameters: BTreeMap<String, String>,
    /// Where codes, refresh tokens and assertions are exchanged.
    pub token_url: String,
    /// How a grant is given back, if the CRM can.
    #[serde(default)]
    pub revocation: Option<Revocation>,
    /// What is asked for, and what a token reply that lists scopes has to list.
    pub scopes: Vec<String>,
    /// Whether scopes stand in the authorization request; some CRMs fix them when the application is
    /// registered.
    #[serde(default = "yes")]
    pub ask_scopes: bool,
    /// Whether a token reply lists the granted scopes under the names they were asked for by.
    #[serde(default = "yes")]
    pub scopes_in_reply: bool,
    /// What separates scopes in the authorization request.
    #[serde(default = "space")]
    pub scope_separator: String,
    /// The scope that an application without a person asks for.
    #[serde(default)]
    pub client_scope: Option<String>,
    /// The audience of an assertion (RFC 7523).
    #[serde(default)]
    pub assertion_audience: Option<String>,
    /// The setting that names the user an assertion is for.
    #[serde(default)]
    pub assertion_subject: Option<String>,
    /// Whether PKCE (S256) is used; only providers that refuse it may say no.
    #[serde(default = "yes")]
    pub pkce: bool,
    /// How the client proves itself.
    pub client_auth: ClientAuth,
    /// How a token request is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether a refresh brings a new refresh token and ends the old one.
    pub rotation: Rotation,
    /// How the browser is sent back.
    #[serde(default)]
    pub returns_by: Return,
    /// The authorization servers of a CRM that has one per region.
    #[serde(default)]
    pub servers: Option<Servers>,
    /// How the CRM tells that somebody removed the application.
    #[serde(default)]
    pub uninstall: Option<Uninstall>,
    /// Where in the token reply the API's base URL stands, as a JSON pointer.
    #[serde(default)]
    pub base_url_at: Option<String>,
    /// Where in the token reply the account's id stands, as a JSON pointer.
    #[serde(default)]
    pub account_at: Option<String>,
    /// Which segment of its path the account's id is, from 0, where an address stands there.
    #[serde(default)]
    pub account_segment: Option<usize>,
    /// Whether the access token is a JWT that says itself when it ends (`exp`).
    #[serde(default)]
    pub expiry_in_token: bool,
    /// How long an access token lives where nothing says so, in seconds; 0 means for ever.
    pub default_lifetime_s: u64,
    /// After how many days without a refresh the grant lapses.
    #[serde(default)]
    pub idle_days: Option<u32>,
    /// After how many days the grant lapses, used or not.
    #[serde(default)]
    pub grant_days: Option<u32>,
    /// What the token endpoint's errors mean; the first rule that fits counts. What is not here is
    /// judged by the standard's codes (RFC 6749, 5.2).
    #[serde(rename = "error", default)]
    pub errors: Vec<ErrorRule>,
}

/// How a grant is given back.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Where.
    pub url: String,
    /// Whether the token stands in the address instead of the body.
    #[serde(default)]
    pub in_query: bool,
    /// Whether the client proves itself too.
    #[serde(default = "yes")]
    pub with_client: bool,
}

/// How the CRM tells that somebody removed the application: a `DELETE` of the callback, with the
/// client's id and secret by HTTP Basic.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uninstall {
    /// Where in its body the account's id stands, as a JSON pointer.
    pub account_at: String,
}

/// The authorization servers of a CRM that has one per region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Servers {
    /// The parameter of the callback that names the server.
    pub parameter: String,
    /// Which there are; any other is refused.
    pub hosts: Vec<String>,
}

/// How a client proves itself at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the body.
    Body,
    /// By HTTP Basic.
    Basic,
}

/// How a token request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As a form.
    #[default]
    Form,
    /// As JSON.
    Json,
}

/// What a refresh does to the refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It stays.
    Keeps,
    /// A new one comes; the old one is dead, or will be.
    Rotates,
}

/// How the browser is sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Return {
    /// By a redirect.
    #[default]
    Get,
    /// By a form.
    Post,
}

/// Keys that somebody copies from the CRM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Where people find one.
    pub description: String,
    /// What a key looks like.
    pub alphabet: Alphabet,
    /// The headers of each call; `{key}` and `{setting}`s are filled in.
    pub headers: BTreeMap<String, String>,
}

/// What a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// 0 to 9 and a to f.
    Hex,
    /// Letters, digits, `-`, `_`, `.`.
    Token,
}

impl Alphabet {
    /// Whether a key can be one.
    pub fn fits(self, key: &str) -> bool {
        !key.is_empty()
            && key.bytes().all(|b| match self {
                Self::Hex => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
                Self::Token => b.is_ascii_alphanumeric() || b"-_.".contains(&b),
            })
    }

    /// What would be right, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Hex => "digits and the letters a to f",
            Self::Token => "letters, digits, '-', '_' and '.'",
        }
    }
}

/// A call that shows whether a connection works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it shows, in words: "reads contacts".
    pub proves: String,
    /// The path; `{setting}`s are filled in.
    pub path: String,
    /// The body, for a POST; `{setting}`s are filled in.
    #[serde(default)]
    pub body: Option<String>,
    /// Where in the answer the account's id stands, as a JSON pointer.
    #[serde(default)]
    pub account_at: Option<String>,
    /// Where the code of an error stands, as a JSON pointer.
    #[serde(default)]
    pub code_at: Option<String>,
    /// What stands in the body of a 200 that is a failure, as a JSON pointer.
    #[serde(default)]
    pub failed_at: Option<String>,
}

fn yes() -> bool {
    true
}

fn space() -> String {
    " ".to_owned()
}

/// A credential cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential has characters that no header can have")]
pub struct NoHeader;

impl Manifest {
    /// The ways to authorize a connection, the usual one first.
    pub fn methods(&self) -> Vec<Method> {
        let oauth = self.oauth.iter().flat_map(|oauth| oauth.methods.clone());
        oauth
            .chain(self.api_key.as_ref().map(|_| Method::ApiKey))
            .collect()
    }

    /// Puts a connection's credential, an access token or a key, into the headers of a call.
    ///
    /// # Errors
    /// It has characters that no header can have.
    pub fn sign(
        &self,
        headers: &mut HeaderMap,
        link: &Connection,
        credential: &SecretString,
    ) -> Result<(), NoHeader> {
        let own = match (link.method, &self.api_key) {
            (Method::ApiKey, Some(keys)) => Some(&keys.headers),
            _ => None,
        };
        let bearer = BTreeMap::from([("authorization".to_owned(), self.api.authorization.clone())]);
        for (name, template) in own.unwrap_or(&bearer) {
            let text = self
                .fill(template, &link.settings)
                .replace("{key}", credential.expose_secret())
                .replace("{token}", credential.expose_secret());
            let name = HeaderName::try_from(name.as_str()).map_err(|_| NoHeader)?;
            let mut value = HeaderValue::try_from(text).map_err(|_| NoHeader)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }
}
