//! What a manifest may say. One TOML file per CRM, compiled in; an unknown field is a fault.

mod authorization;
mod limits;

use std::collections::BTreeMap;

use hub_domain::{Cause, CrmId, Mapping, Scope, mapping::RecordRule};
use serde::Deserialize;

pub use authorization::{
    ApiKey, Check, ClientAuth, Encoding, OAuth, Return, Revocation, Rotation, Servers, Uninstall,
};

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the manifest of {crm} is wrong")]
pub struct ManifestError {
    /// Which one.
    crm: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A CRM's manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its id; the file's name.
    #[serde(skip)]
    pub crm: Option<CrmId>,
    /// What people call it.
    pub title: String,
    /// How to authorize by OAuth 2, if the CRM has it.
    #[serde(default)]
    pub oauth: Option<OAuth>,
    /// How to authorize by a key that somebody copies from the CRM, if it has such keys.
    #[serde(default)]
    pub api_key: Option<ApiKey>,
    /// The calls that show whether a connection works and may do what it has to.
    #[serde(rename = "check", default)]
    pub checks: Vec<Check>,
    /// Where its API is.
    pub api: Api,
    /// What one call takes.
    pub batch: Batch,
    /// Its buckets.
    #[serde(rename = "limit", default)]
    pub limits: Vec<Limit>,
    /// How a write is kept from happening twice.
    pub idempotency: Idempotency,
    /// How long the CRM remembers a key of a request, where that is how it tells a repeat.
    #[serde(default)]
    pub idempotency_key: Option<Remembered>,
    /// How a write of which nobody knows whether it was made is looked for.
    #[serde(default)]
    pub read_back: LookedFor,
    /// What the customer may set, with defaults.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// What its errors mean; the first rule that fits counts.
    #[serde(rename = "error", default)]
    pub errors: Vec<ErrorRule>,
    /// The default mapping.
    #[serde(rename = "record", default)]
    pub records: Vec<RecordRule>,
}

/// Where the API is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The API's version, as it stands in paths.
    pub version: String,
    /// Where every account's API is, for a CRM whose token reply names no address.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Which hosts a base URL may have: a leading `*.` stands for one or more labels.
    pub host_patterns: Vec<String>,
    /// How many calls may run at once for one account, where the CRM limits that.
    #[serde(default)]
    pub at_once: Option<u32>,
    /// What `Authorization` says with an access token, which stands for `{token}`.
    #[serde(default = "bearer")]
    pub authorization: String,
}

fn bearer() -> String {
    "Bearer {token}".to_owned()
}

/// What one call takes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Plans in one writing call.
    pub plans: usize,
    /// Writes in one writing call.
    pub writes: usize,
    /// Addresses, or keys of ours, in one look-up.
    pub lookup: usize,
}

/// A bucket of a CRM account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What it is called in logs.
    pub name: String,
    /// Calls in a window.
    pub requests: u64,
    /// The window in seconds.
    pub window_s: u64,
    /// What it covers.
    pub scope: Scope,
    /// The header that tells what is left, or what is used ([`Limit::header_reads`]).
    #[serde(default)]
    pub header: Option<String>,
    /// What stands in that header before the number, where it says more than one thing.
    #[serde(default)]
    pub header_after: String,
    /// What the number says.
    #[serde(default)]
    pub header_reads: HeaderReads,
    /// The header that tells the limit itself.
    #[serde(default)]
    pub limit_header: Option<String>,
    /// What stands in that header before the number.
    #[serde(default)]
    pub limit_header_after: String,
    /// How much of what the headers count a call takes at most, where they count something else than calls.
    #[serde(default = "one")]
    pub units: u32,
    /// How many of a hundred calls are left to the customer's other applications, where the window is
    /// hours or a day. The setting `limit_reserve_percent` of a connection comes first.
    #[serde(default)]
    pub reserve_percent: u32,
    /// What each operation costs; more than 1 only where the window is ten minutes or more.
    #[serde(default)]
    pub cost: Cost,
}

fn one() -> u32 {
    1
}

/// What the number in a limit's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderReads {
    /// What is left.
    #[default]
    Left,
    /// What is used, a slash, and the limit.
    UsedOfLimit,
}

/// What each operation costs of a limit; 0 where it does not count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// [`crate::Operation::FindPeople`]
    pub find_people: u32,
    /// [`crate::Operation::Write`]
    pub write: u32,
    /// The same with several records, for a CRM that limits bulk calls apart; as one without it.
    pub write_many: Option<u32>,
    /// [`crate::Operation::Describe`]
    pub describe: u32,
    /// [`crate::Operation::ReadBack`]
    pub read_back: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            find_people: 1,
            write: 1,
            write_many: None,
            describe: 1,
            read_back: 1,
        }
    }
}

/// How long a CRM remembers a key of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// In seconds, from the first request with the key on.
    pub window_s: u64,
    /// What a key is of. Of a call: a write that was alone in it may be sent again with the same key;
    /// one that was not is looked for, since nobody knows that the next call would be the same.
    #[serde(default)]
    pub of: KeyOf,
}

/// What a key of a request is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOf {
    /// Each write has one of its own.
    #[default]
    Write,
    /// One for all that a call writes.
    Call,
}

/// How a write is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookedFor {
    /// How long the CRM may take to show what it holds, in seconds: no earlier than this after an
    /// attempt is it asked whether the attempt took effect.
    pub settle_s: u64,
}

impl Default for LookedFor {
    fn default() -> Self {
        Self { settle_s: 60 }
    }
}

/// How a write is kept from happening twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// Our key is a unique field: a repeat is an update.
    Upsert,
    /// Our key is a unique field, and a second record with it is refused: it is then looked up by our
    /// key, and updated.
    UniqueKey,
    /// We choose the record's id ([`Write::client_id`](hub_domain::Write::client_id)): a create that finds
    /// it taken made it before, and a write of which nobody knows whether it was made goes out with that
    /// id, which makes or updates it.
    ClientId,
    /// The CRM remembers a key of the request ([`Write::token`](hub_domain::Write::token)) for a while: a
    /// repeat within it is harmless, and later the write is looked for first, as with `read_back`. The key
    /// is of one write, or of a call ([`Remembered::of`]): then a call may make several records, and those that
    /// nobody heard of are looked for.
    IdempotencyKey,
    /// A write of which nobody knows whether it was made is looked for before it is sent again.
    ReadBack,
    /// Nothing helps: at most once, and an ambiguous write waits for a person.
    None,
}

/// Something a customer may set on a connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What holds without it.
    pub default: String,
    /// What it is for.
    pub description: String,
    /// What it may be, as a closed list; empty for anything.
    #[serde(default)]
    pub options: Vec<String>,
    /// What kind of text it is.
    #[serde(default)]
    pub kind: SettingKind,
    /// Whether a connection cannot be made without it; its default is then an example.
    #[serde(default)]
    pub required: bool,
}

/// What kind of text a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingKind {
    /// Letters, digits, `.`, `_`, `-`.
    #[default]
    Name,
    /// A host that the manifest's patterns allow.
    Host,
    /// An e-mail address.
    Email,
}

/// What an error means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The HTTP status (of the record, in a batch), if it matters.
    #[serde(default)]
    pub status: Option<u16>,
    /// The CRM's codes; a trailing `*` stands for any ending. Empty fits all.
    #[serde(default)]
    pub codes: Vec<String>,
    /// What the message contains, if it matters.
    #[serde(default)]
    pub message: Option<String>,
    /// The verdict.
    pub verdict: RuleVerdict,
    /// The wait where the reply names none, in seconds.
    #[serde(default)]
    pub after_s: Option<u64>,
    /// What a person should do.
    #[serde(default)]
    pub advice: Option<String>,
    /// What is wrong with the grant, where the verdict is that it has to be given again.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// A verdict as a manifest writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// It is there already.
    Done,
    /// Again, with backoff.
    Retry,
    /// A limit.
    Throttle {
        /// What the limit covers.
        scope: Scope,
    },
    /// The access token is expired.
    Refresh,
    /// The grant is gone.
    Reauthorize,
    /// The record is invalid.
    Reject,
    /// Somebody has to set something up.
    Misconfigured,
}

impl Manifest {
    /// Parses a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(crm: &str, text: &str) -> Result<Self, ManifestError> {
        let fault = |source: Box<dyn std::error::Error + Send + Sync>| ManifestError {
            crm: crm.to_owned(),
            source,
        };
        let mut manifest: Self = toml::from_str(text).map_err(|error| fault(error.into()))?;
        if (manifest.idempotency == Idempotency::IdempotencyKey)
            != manifest.idempotency_key.is_some()
        {
            let words =
                "idempotency_key = { window_s = … } goes with idempotency = \"idempotency_key\"";
            return Err(fault(words.into()));
        }
        manifest.crm = Some(
            crm.parse()
                .map_err(|error: hub_domain::id::InvalidId| fault(error.into()))?,
        );
        if let Some(limit) = manifest.limits.iter().find(|limit| limit.is_overcharged()) {
            let Limit { name, .. } = limit;
            let why = format!(
                "limit {name}: a cost above 1 needs a window_s of 600 or more, since calls of a shorter one are spread one by one"
            );
            return Err(fault(why.into()));
        }
        Ok(manifest)
    }

    /// The mapping a connection has until somebody changes it.
    pub fn default_mapping(&self) -> Mapping {
        Mapping {
            version: 0,
            records: self.records.clone(),
        }
    }

    /// The value of a setting on a connection, or its default.
    pub fn setting<'a>(&'a self, settings: &'a BTreeMap<String, String>, name: &str) -> &'a str {
        let default = self
            .settings
            .get(name)
            .map_or("", |setting| setting.default.as_str());
        settings.get(name).map_or(default, String::as_str)
    }

    /// An address with its `{setting}`s filled in.
    pub fn fill(&self, template: &str, settings: &BTreeMap<String, String>) -> String {
        self.settings
            .keys()
            .fold(template.to_owned(), |text, name| {
                text.replace(&format!("{{{name}}}"), self.setting(settings, name))
            })
    }

    /// Whether a host may serve this CRM's API, compared on label boundaries.
    pub fn allows_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.api
            .host_patterns
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(suffix) => host
                    .strip_suffix(suffix)
                    .is_some_and(|front| front.len() > 1 && front.ends_with('.')),
                None => host == *pattern,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_on_label_boundaries() {
        let text = r#"
            title = "T"
            idempotency = "upsert"
            oauth = { methods = ["authorization_code"], authorize_url = "https://{login_host}/a", token_url = "t", scopes = [], client_auth = "body", rotation = "keeps", default_lifetime_s = 1 }
            api = { version = "v1", host_patterns = ["*.my.crm.example", "api.crm.example"] }
            batch = { plans = 1, writes = 1, lookup = 1 }
            settings.login_host = { default = "login.crm.example", description = "d" }
        "#;
        let manifest = Manifest::parse("acme", text).unwrap();
        for (host, right) in [
            ("a.my.crm.example", true),
            ("a--b.sandbox.my.crm.example", true),
            ("A.MY.CRM.EXAMPLE", true),
            ("api.crm.example", true),
            (".my.crm.example", false),
            ("my.crm.example", false),
            ("evilmy.crm.example", false),
            ("a.my.crm.example.evil.example", false),
            ("x.api.crm.example", false),
        ] {
            assert_eq!(manifest.allows_host(host), right, "{host}");
        }
        let address = "https://{login_host}/a";
        let mut settings = BTreeMap::new();
        assert_eq!(
            manifest.fill(address, &settings),
            "https://login.crm.example/a"
        );
        settings.insert("login_host".to_owned(), "test.crm.example".to_owned());
        assert_eq!(
            manifest.fill(address, &settings),
            "https://test.crm.example/a"
        );
    }
}
