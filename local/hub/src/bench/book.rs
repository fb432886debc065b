//! `docs/bench.toml`: the goals, dated prices and published latencies.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

use super::figures::Goals;

const BOOK: &str = include_str!("../../../../docs/bench.toml");

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    pub(crate) goals: Goals,
    pub(crate) prices: Prices,
    pub(crate) latency: Latencies,
    pub(crate) functions: Functions,
}

/// What AWS asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) region: String,
    pub(crate) as_of: toml::value::Datetime,
    pub(crate) http_api_request: Price,
    pub(crate) lambda_request: Price,
    pub(crate) lambda_gb_second: Price,
    pub(crate) sqs_request: Price,
    pub(crate) sqs_fair_request: Price,
    pub(crate) dynamodb_write_unit: Price,
    pub(crate) dynamodb_read_unit: Price,
    pub(crate) secrets_call: Price,
}

/// One price, with where it stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    usd: f64,
    per: u32,
    pub(crate) source: String,
}

impl Price {
    /// Of so many.
    pub(crate) fn of(&self, count: f64) -> f64 {
        count * self.usd / f64::from(self.per)
    }
}

/// How long calls take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latencies {
    pub(crate) http_api: Latency,
    pub(crate) sqs: Latency,
    pub(crate) dynamodb: Latency,
    pub(crate) secrets: Latency,
    pub(crate) crm: Latency,
}

/// How long one kind of call takes: lognormal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latency {
    pub(crate) mean_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) published: String,
    pub(crate) source: String,
}

/// What the functions take by themselves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Functions {
    pub(crate) memory_mb: f64,
    pub(crate) own_ms_per_invocation: f64,
    pub(crate) own_ms_per_message: f64,
    pub(crate) ingest_at_once: f64,
}

impl Book {
    /// Reads what is compiled in.
    pub(crate) fn read() -> anyhow::Result<Self> {
        toml::from_str(BOOK).context("docs/bench.toml")
    }
}

impl Prices {
    /// All of them, by name.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, &Price> {
        BTreeMap::from([
            ("http_api_request", &self.http_api_request),
            ("lambda_request", &self.lambda_request),
            ("lambda_gb_second", &self.lambda_gb_second),
            ("sqs_request", &self.sqs_request),
            ("sqs_fair_request", &self.sqs_fair_request),
            ("dynamodb_write_unit", &self.dynamodb_write_unit),
            ("dynamodb_read_unit", &self.dynamodb_read_unit),
            ("secrets_call", &self.secrets_call),
        ])
    }
}
