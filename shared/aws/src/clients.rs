//! The SDK clients. Production builds them from the environment, one machine from given parts; what
//! they have in common is here: no retries of their own, short timeouts, one dated behaviour
//! version.

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::TimeSource};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, stalled_stream_protection::StalledStreamProtectionConfig,
};

use crate::seams::Clock;

/// Long enough for a TLS handshake within a region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// AWS answers in milliseconds; after this long it does not.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// One client per service, built once per process and shared by clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The store's.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queues'.
    pub sqs: aws_sdk_sqs::Client,
    /// The vault's.
    pub secrets: aws_sdk_secretsmanager::Client,
}

/// What clients for one machine are made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The embedded AWS in process, or `https_client()` for an emulator behind a socket.
    pub http_client: SharedHttpClient,
    /// Where the emulator listens; in process any address will do.
    pub endpoint: String,
    /// Who calls: the embedded SQS takes it as the `SenderId` of a message.
    pub access_key: String,
    /// The time of signatures.
    pub clock: Clock,
}

impl Clients {
    /// Production: region and credentials as the environment says (Lambda sets both as variables).
    /// `AWS_ENDPOINT_URL` is honoured by the SDK itself.
    pub async fn from_env() -> Self {
        let http_client = https_client();
        let found = aws_config::defaults(version())
            .http_client(http_client.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .load()
            .await;
        Self::new(found, http_client)
    }

    /// One machine: made-up credentials, and nothing is read from the environment.
    pub fn with(parts: Parts) -> Self {
        let Parts {
            http_client,
            endpoint,
            access_key,
            clock,
        } = parts;
        let credentials = Credentials::new(access_key, "not-a-secret", None, None, "hub-local");
        let given = SdkConfig::builder()
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .time_source(SdkTime(clock));
        Self::new(given.build(), http_client)
    }

    fn new(config: SdkConfig, http_client: SharedHttpClient) -> Self {
        let config = config
            .into_builder()
            .behavior_version(version())
            .http_client(http_client)
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            // The operation timeout covers a stalled body; the extra timers would only disturb
            // paused time.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
        }
    }
}

/// The SDK's HTTP client over rustls and aws-lc, the TLS that `reqwest` uses too. It speaks plain
/// http where the endpoint says so.
pub fn https_client() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https()
}

fn version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(OPERATION_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// Our clock, as the SDK asks for it.
#[derive(Debug)]
struct SdkTime(Clock);

impl TimeSource for SdkTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}
