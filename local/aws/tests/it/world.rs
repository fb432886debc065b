//! One fresh AWS per test, on tokio's clock, with SDK clients.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedHttpClient, retry::RetryConfig,
};
use hub_local_aws::{Clock, LocalAws};
use jiff::{SignedDuration, Timestamp};

/// The time at which every test begins.
pub(crate) const START: &str = "2026-01-15T12:00:00Z";

pub(crate) struct World {
    pub(crate) aws: LocalAws,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) db: aws_sdk_dynamodb::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) clock: Clock,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_seed(0)
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        let clock = clock();
        let aws = LocalAws::with_seed(clock.clone(), seed).unwrap();
        let http = aws.http_client();
        Self {
            sqs: sqs(http.clone(), "AKIDTEST", "http://127.0.0.1:4566"),
            db: db(http.clone(), "http://127.0.0.1:4566"),
            secrets: secrets(http, "http://127.0.0.1:4566"),
            aws,
            clock,
        }
    }

    /// Creates a queue with attributes and returns its URL.
    pub(crate) async fn queue(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let mut create = self.sqs.create_queue().queue_name(name);
        for (name, value) in attributes {
            create = create.attributes((*name).into(), *value);
        }
        create.send().await.unwrap().queue_url.unwrap()
    }

    pub(crate) async fn send(&self, url: &str, body: &str) -> String {
        self.sqs
            .send_message()
            .queue_url(url)
            .message_body(body)
            .send()
            .await
            .unwrap()
            .message_id
            .unwrap()
    }

    pub(crate) async fn send_in_group(&self, url: &str, group: &str, body: &str) {
        let send = self
            .sqs
            .send_message()
            .queue_url(url)
            .message_body(body)
            .message_group_id(group);
        send.send().await.unwrap();
    }

    pub(crate) async fn receive(&self, url: &str, most: i32) -> Vec<aws_sdk_sqs::types::Message> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(most);
        receive.send().await.unwrap().messages.unwrap_or_default()
    }

    pub(crate) async fn bodies(&self, url: &str, most: i32) -> Vec<String> {
        self.receive(url, most)
            .await
            .into_iter()
            .map(|m| m.body.unwrap())
            .collect()
    }

    /// A table `tab` with the keys `pk` and `sk`.
    pub(crate) async fn table(&self) {
        create_table(&self.db).await;
    }
}

/// Virtual time since [`START`]: it moves with tokio's.
pub(crate) fn clock() -> Clock {
    let (base, start) = (
        START.parse::<Timestamp>().unwrap(),
        tokio::time::Instant::now(),
    );
    Arc::new(move || base + SignedDuration::try_from(start.elapsed()).unwrap())
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

pub(crate) async fn create_table(db: &aws_sdk_dynamodb::Client) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    let mut create = db
        .create_table()
        .table_name("tab")
        .billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind);
        create = create
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(key.build().unwrap());
    }
    create.send().await.unwrap();
}

macro_rules! client {
    ($sdk:ident, $http:expr, $key:expr, $endpoint:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new($key, "secret", None, None, "test"))
                .retry_config(RetryConfig::disabled())
                .endpoint_url($endpoint)
                .http_client($http)
                .build(),
        )
    };
}

pub(crate) fn sqs(http: SharedHttpClient, key: &str, endpoint: &str) -> aws_sdk_sqs::Client {
    client!(aws_sdk_sqs, http, key, endpoint)
}

pub(crate) fn db(http: SharedHttpClient, endpoint: &str) -> aws_sdk_dynamodb::Client {
    client!(aws_sdk_dynamodb, http, "AKIDTEST", endpoint)
}

pub(crate) fn secrets(http: SharedHttpClient, endpoint: &str) -> aws_sdk_secretsmanager::Client {
    client!(aws_sdk_secretsmanager, http, "AKIDTEST", endpoint)
}
