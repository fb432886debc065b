//! `docs/bench.toml`: the goals, dated prices and published latencies.

use anyhow::Context;
use serde::Deserialize;

use super::figures::Goals;

const BOOK: &str = include_str!("../../../../docs/bench.toml");

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    pub(crate) goals: Goals,
    pub(crate) reference: Reference,
    pub(crate) prices: Prices,
    pub(crate) latency: Latencies,
    pub(crate) functions: Functions,
}

/// What the goals of cost and latency are set for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    pub(crate) crms: Vec<String>,
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

/// One price; the file says where it stands.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Price {
    usd: f64,
    per: u32,
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

/// How long one kind of call takes: lognormal. The file says what is published, and where.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Latency {
    pub(crate) mean_ms: f64,
    pub(crate) p99_ms: f64,
}

/// What the functions take by themselves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Functions {
    own_ms_per_invocation: f64,
    own_ms_per_message: f64,
    at_memory_mb: f64,
    pub(crate) ingest_at_once: f64,
    pub(crate) memory_mb: Memory,
}

/// How much each function has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    pub(crate) ingest: f64,
    pub(crate) dispatch: f64,
    pub(crate) deliver: f64,
    pub(crate) batch: f64,
}

impl Functions {
    /// What a function with so much memory takes by itself.
    pub(crate) fn own_ms(&self, memory_mb: f64, invocations: f64, messages: f64) -> f64 {
        let own = invocations * self.own_ms_per_invocation + messages * self.own_ms_per_message;
        own * self.at_memory_mb / memory_mb
    }
}

impl Book {
    /// Reads what is compiled in.
    pub(crate) fn read() -> anyhow::Result<Self> {
        toml::from_str(BOOK).context("docs/bench.toml")
    }
}

impl Prices {
    /// Where and when they hold.
    pub(crate) fn words(&self) -> String {
        format!("prices of {} on {}", self.region, self.as_of)
    }
}

#[cfg(test)]
mod tests {
    use toml::{Table, Value};

    use super::*;

    fn table(name: &str) -> Table {
        let book: Table = toml::from_str(BOOK).unwrap();
        book[name].as_table().unwrap().clone()
    }

    #[test]
    fn every_price_has_a_source_and_all_have_a_date() {
        let prices = Book::read().unwrap().prices;
        assert!(prices.as_of.date.is_some() && prices.as_of.time.is_none());
        assert!(prices.words().starts_with("prices of us-east-1 on 20"));
        for (name, price) in table("prices") {
            let Value::Table(price) = price else {
                continue;
            };
            let source = price["source"].as_str().unwrap();
            assert!(source.starts_with("https://"), "{name}");
            let usd = price["usd"].as_float().unwrap();
            assert!(usd > 0.0, "{name}");
        }
    }

    #[test]
    fn the_functions_have_the_memory_that_the_template_gives_them() {
        let template = include_str!("../../../../template.yaml");
        let memory = Book::read().unwrap().functions.memory_mb;
        assert!(template.contains(&format!("      MemoryMb: {}\n", memory.deliver)));
        for other in [memory.ingest, memory.dispatch, memory.batch] {
            assert!(template.contains(&format!("    MemorySize: {other}\n")));
        }
    }

    #[test]
    fn every_latency_says_what_is_published_and_where() {
        for (name, latency) in table("latency") {
            for part in ["published", "source"] {
                assert!(!latency[part].as_str().unwrap().is_empty(), "{name}");
            }
            let (mean, p99) = (&latency["mean_ms"], &latency["p99_ms"]);
            assert!(
                p99.as_integer().unwrap() > mean.as_integer().unwrap(),
                "{name}"
            );
        }
    }
}
