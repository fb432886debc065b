//! The vault: two secrets per organization and one of the platform, in Secrets Manager.
//!
//! Reads are cached for minutes. Secrets Manager has no compare-and-swap on put, so writers of
//! `credentials` hold the organization's lease, put a version that nobody reads yet, and move
//! `AWSCURRENT` from the version they read: a writer whose lease ran out is refused there.

mod cache;
mod document;

use std::{sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    operation::{
        create_secret::CreateSecretError,
        update_secret_version_stage::UpdateSecretVersionStageError,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use tracing::instrument;

use self::cache::Cache;
pub use self::document::{
    Credentials, Keys, OauthClient, Platform, Retiring, Unknown, WebhookSecret,
};
use crate::{
    error::{AwsError, classify},
    seal::KeyRing,
    seams::{Clock, Entropy},
};

const GET: &str = "secrets:GetSecretValue";
const CREATE: &str = "secrets:CreateSecret";
const PUT: &str = "secrets:PutSecretValue";
const MOVE: &str = "secrets:UpdateSecretVersionStage";

/// The label of a version that was put and is not current yet. One label for all attempts, on
/// purpose: it moves from version to version, so it never holds more than one back from clean-up,
/// where a label per attempt would fill the hundred versions that a secret may have. Which attempt
/// wins is decided by the move of `AWSCURRENT` alone, which names versions.
const PENDING: &str = "hub-pending";
const CURRENT: &str = "AWSCURRENT";

const PLATFORM_KEPT: Duration = Duration::from_mins(10);
const DATA_KEPT: Duration = Duration::from_mins(10);
const CREDENTIALS_KEPT: Duration = Duration::from_mins(5);
const ORGANIZATIONS_KEPT: usize = 1_000;

/// Reads and writes the secrets whose names begin with the prefix.
#[derive(Debug)]
pub struct Vault {
    client: Client,
    prefix: String,
    clock: Clock,
    entropy: Entropy,
    platform: Cache<Platform>,
    data: Cache<KeyRing>,
    credentials: Cache<Credentials>,
}

impl Vault {
    /// Secrets are named `{prefix}/platform`, `{prefix}/{org}/data` and
    /// `{prefix}/{org}/credentials`.
    pub fn new(client: Client, prefix: impl Into<String>, clock: Clock, entropy: Entropy) -> Self {
        Self {
            client,
            prefix: prefix.into(),
            clock,
            entropy,
            platform: Cache::new(1, PLATFORM_KEPT),
            data: Cache::new(ORGANIZATIONS_KEPT, DATA_KEPT),
            credentials: Cache::new(ORGANIZATIONS_KEPT, CREDENTIALS_KEPT),
        }
    }

    /// The platform's secret, at most ten minutes old.
    #[instrument(skip_all)]
    pub async fn platform(&self) -> Result<Arc<Platform>, AwsError> {
        let name = self.platform_name();
        self.cached(&self.platform, &name, |text| parse(text, "platform secret"))
            .await
    }

    /// The keys that seal an organization's personal data, at most ten minutes old. A new
    /// generation therefore opens before it seals: add it to the keys, wait out the cache, then
    /// make it current.
    #[instrument(skip_all, fields(organization.id = org))]
    pub async fn data(&self, org: &str) -> Result<Arc<KeyRing>, AwsError> {
        let name = self.name(org, "data")?;
        self.cached(&self.data, &name, |text| {
            parse::<Keys>(text, "data secret")?.ring()
        })
        .await
    }

    /// An organization's credentials, at most five minutes old.
    #[instrument(skip_all, fields(organization.id = org))]
    pub async fn credentials(&self, org: &str) -> Result<Arc<Credentials>, AwsError> {
        let name = self.name(org, "credentials")?;
        self.cached(&self.credentials, &name, |text| {
            parse(text, "credentials secret")
        })
        .await
    }

    /// Forgets what is cached of an organization: it is being erased, or a value turned out to be
    /// too old.
    pub fn forget(&self, org: &str) {
        if let (Ok(data), Ok(credentials)) = (self.name(org, "data"), self.name(org, "credentials"))
        {
            self.data.forget(&data);
            self.credentials.forget(&credentials);
        }
    }

    /// Forgets what a call to a token endpoint is made of, so that a changed client secret or refresh
    /// token is not met by an old one: an old one may be refused, or be another account's.
    pub fn forget_credentials(&self, org: &str) {
        self.platform.forget(&self.platform_name());
        if let Ok(name) = self.name(org, "credentials") {
            self.credentials.forget(&name);
        }
    }

    /// Creates both secrets of an organization with fresh keys. It may be repeated: what exists
    /// stays as it is.
    #[instrument(skip_all, fields(organization.id = org))]
    pub async fn create_organization(&self, org: &str) -> Result<(), AwsError> {
        let data = Keys::fresh(&self.entropy);
        self.create(&self.name(org, "data")?, &data, "data secret")
            .await?;
        let credentials = Credentials {
            token_key: Keys::fresh(&self.entropy),
            ..Credentials::default()
        };
        self.create(
            &self.name(org, "credentials")?,
            &credentials,
            "credentials secret",
        )
        .await?;
        Ok(())
    }

    /// Changes an organization's credentials. The caller holds the organization's lease, whose
    /// token is recorded.
    ///
    /// `Conflict` means somebody else wrote in between: take the lease again and repeat. After
    /// `Unavailable` the change may or may not stand, so `change` must be one that can be repeated.
    #[instrument(skip_all, fields(organization.id = org, lease = lease_token))]
    pub async fn update_credentials(
        &self,
        org: &str,
        lease_token: &str,
        change: impl FnOnce(&mut Credentials),
    ) -> Result<Arc<Credentials>, AwsError> {
        let name = self.name(org, "credentials")?;
        let (text, version) = self.read(&name).await?;
        let mut credentials: Credentials = parse(&text, "credentials secret")?;
        change(&mut credentials);
        let changed = print(&credentials, "credentials secret")?;
        // A version less: about 100 may exist, and those younger than a day are not cleaned up.
        if changed.expose_secret() != text.expose_secret() {
            self.replace(&name, version, &changed)
                .await
                .inspect_err(|_| self.credentials.forget(&name))?;
        }
        let ticket = self.credentials.ticket();
        Ok(self
            .credentials
            .put(&name, credentials, ticket, self.clock.now()))
    }

    /// Writes the platform's secret, for set-up and for one machine.
    #[instrument(skip_all)]
    pub async fn put_platform(&self, platform: &Platform) -> Result<(), AwsError> {
        let name = self.platform_name();
        if !self.create(&name, platform, "platform secret").await? {
            let text = print(platform, "platform secret")?;
            self.client
                .put_secret_value()
                .secret_id(&name)
                .client_request_token(self.token())
                .secret_string(text.expose_secret())
                .send()
                .await
                .map_err(|error| classify(PUT, error))?;
        }
        self.platform.forget(&name);
        Ok(())
    }

    async fn cached<T>(
        &self,
        cache: &Cache<T>,
        name: &str,
        read: impl FnOnce(&SecretString) -> Result<T, AwsError>,
    ) -> Result<Arc<T>, AwsError> {
        if let Some(value) = cache.get(name, self.clock.now()) {
            return Ok(value);
        }
        // Both before the call: a value is as old as the question, and an older question never wins
        // over a newer one.
        let (ticket, asked_at) = (cache.ticket(), self.clock.now());
        let (text, _) = self.read(name).await?;
        Ok(cache.put(name, read(&text)?, ticket, asked_at))
    }

    /// The current version's text and id.
    async fn read(&self, name: &str) -> Result<(SecretString, String), AwsError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(name)
            .send()
            .await
            .map_err(|error| classify(GET, error))?;
        match (answer.secret_string, answer.version_id) {
            (Some(text), Some(version)) => Ok((text.into(), version)),
            _ => Err(AwsError::Corrupt {
                what: "secret without a string",
            }),
        }
    }

    /// Whether it was created; false means that it exists already.
    async fn create(
        &self,
        name: &str,
        document: &impl Serialize,
        what: &'static str,
    ) -> Result<bool, AwsError> {
        let text = print(document, what)?;
        let request = self
            .client
            .create_secret()
            .name(name)
            .client_request_token(self.token());
        match request.secret_string(text.expose_secret()).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateSecretError::is_resource_exists_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(classify(CREATE, error)),
        }
    }

    /// Puts a version that nobody reads yet and makes it current, if `read` still is.
    async fn replace(&self, name: &str, read: String, text: &SecretString) -> Result<(), AwsError> {
        let written = self.token();
        self.client
            .put_secret_value()
            .secret_id(name)
            .client_request_token(&written)
            .version_stages(PENDING)
            .secret_string(text.expose_secret())
            .send()
            .await
            .map_err(|error| classify(PUT, error))?;
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(name)
            .version_stage(CURRENT)
            .remove_from_version_id(read)
            .move_to_version_id(written)
            .send()
            .await;
        match moved {
            Ok(_) => Ok(()),
            // The label is no longer where we read it, or our version lost its own label to another
            // writer's and was cleaned up.
            Err(error) if error.as_service_error().is_some_and(lost_the_race) => {
                Err(AwsError::Conflict { operation: MOVE })
            }
            Err(error) => Err(classify(MOVE, error)),
        }
    }

    fn platform_name(&self) -> String {
        format!("{}/platform", self.prefix)
    }

    /// An organization is part of a path that IAM policies match, so it must not contain a step of
    /// its own.
    fn name(&self, org: &str, class: &str) -> Result<String, AwsError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if org.is_empty() || !org.bytes().all(plain) {
            return Err(AwsError::refused(
                GET,
                "InvalidOrganization",
                "an organization's id is letters, digits, _ - .",
            ));
        }
        Ok(format!("{}/{org}/{class}", self.prefix))
    }

    /// A version's id and the call's idempotency token in one: a version 4 UUID.
    fn token(&self) -> String {
        let id = u128::from_be_bytes(self.entropy.bytes());
        let id = id & !(0xF << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            id >> 96,
            id >> 80 & 0xFFFF,
            id >> 64 & 0xFFFF,
            id >> 48 & 0xFFFF,
            id & 0xFFFF_FFFF_FFFF
        )
    }
}

fn lost_the_race(error: &UpdateSecretVersionStageError) -> bool {
    error.is_invalid_parameter_exception() || error.is_resource_not_found_exception()
}

/// The parser's own error is dropped: it quotes what it could not read.
fn parse<T: DeserializeOwned>(text: &SecretString, what: &'static str) -> Result<T, AwsError> {
    serde_json::from_str(text.expose_secret()).map_err(|_| AwsError::Corrupt { what })
}

fn print(document: &impl Serialize, what: &'static str) -> Result<SecretString, AwsError> {
    serde_json::to_string(document)
        .map(Into::into)
        .map_err(|_| AwsError::Corrupt { what })
}
