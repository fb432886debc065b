//! `cargo run --release -- bench`: what the hub costs, how it keeps limits, how it grows. Counted on the
//! functions' own handlers over the embedded AWS and the fake CRMs; docs/BENCH.md explains each key.
//!
//! It runs on one thread, and its time is injected: what is counted comes out the same each time. Only
//! `own.*` and `growth.*` look at the processor's time, as ratios.

mod book;
mod cost;
mod delivery;
mod drain;
mod fairness;
mod figures;
mod growth;
mod latency;
mod limiter;
pub mod limits;
mod processor;
mod reference;
mod rig;
mod spent;
mod success;
mod traffic;
mod wire;

use std::time::Instant;

use anyhow::ensure;
use futures_util::future::LocalBoxFuture;
use hub_connectors::CRMS;

use self::{book::Book, figures::Figure, traffic::Seen};
use crate::terminal;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// One flat JSON object instead of a table.
    pub json: bool,
    /// Only keys that begin so.
    pub only: Option<String>,
    /// A tenth of everything: for a look, not for figures.
    pub quick: bool,
}

/// How much is measured.
#[derive(Debug)]
struct Size {
    /// What was counted already.
    seen: Seen,
    /// Events of a run of steady traffic.
    events: usize,
    /// The same for a CRM whose limits do not take it.
    few: usize,
    /// Draws of a model.
    draws: usize,
    /// Simulated minutes of each limit.
    limit_minutes: i64,
    /// How long a CRM is gone, in seconds.
    outage_s: u64,
    /// How long a flood lasts, in seconds.
    flood_s: i64,
    /// Runs of what is timed, of which the shortest counts.
    runs: usize,
    /// Deliveries of a run that is timed.
    own: usize,
    /// Messages in a queue.
    backlogs: Vec<usize>,
    /// Organizations with messages in a queue.
    tenants: Vec<usize>,
    /// Events for each CRM while it fails.
    accepted: usize,
}

impl Size {
    /// A minute of ten events a second, and so on.
    fn full() -> Self {
        Self {
            seen: Seen::default(),
            events: 600,
            few: 60,
            draws: 100_000,
            limit_minutes: 30,
            outage_s: 600,
            flood_s: 60,
            runs: 5,
            own: 1_000,
            backlogs: vec![1_000, 10_000, 100_000],
            tenants: vec![10, 100, 1_000],
            accepted: 500,
        }
    }

    /// About a tenth, in a debug build too.
    fn quick() -> Self {
        Self {
            events: 100,
            few: 20,
            draws: 10_000,
            limit_minutes: 3,
            outage_s: 60,
            flood_s: 6,
            runs: 3,
            own: 100,
            backlogs: vec![100, 1_000, 10_000],
            tenants: vec![1, 10, 100],
            accepted: 50,
            ..Self::full()
        }
    }
}

type Measured<'a> = LocalBoxFuture<'a, anyhow::Result<Vec<Figure>>>;

/// One part: what it is called while it runs, its keys, and how to measure them.
struct Part {
    name: &'static str,
    keys: Vec<String>,
    measure: for<'a> fn(&'a Size) -> Measured<'a>,
}

/// All parts, in the order of the table.
fn parts() -> Vec<Part> {
    let keys = |prefix: &str, names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{prefix}.{name}"))
            .collect()
    };
    let costs = [
        "aws_calls",
        "write_units",
        "read_units",
        "secret_calls",
        "log_bytes",
    ];
    let by_crm = hub_connectors::destinations()
        .flat_map(|crm| keys(&format!("delivery.{crm}"), &delivery::BY_CRM));
    let latencies = CRMS
        .iter()
        .flat_map(|crm| keys(&format!("latency.{crm}"), &["mean_ms"]));
    let dollars = CRMS
        .iter()
        .flat_map(|crm| keys(&format!("cost.{crm}"), &["usd_per_million"]));
    let of_crms = hub_connectors::destinations()
        .flat_map(|crm| keys(&format!("crm_calls.{crm}"), &["per_10_sessions", "lookups"]));
    let of_limits = limiter::LIMITS.iter().flat_map(|(limit, ..)| {
        let names = ["utilisation", "refused", "writes_per_call"];
        keys(&format!("limits.{limit}"), &names)
    });
    vec![
        Part {
            name: "deliveries of one connection, and of ten tenants",
            keys: [keys("delivery", &costs), keys("delivery.mixed", &costs)].concat(),
            measure: |size| Box::pin(delivery::run(size)),
        },
        Part {
            name: "deliveries to each CRM, and to a webhook",
            keys: by_crm.collect(),
            measure: |size| Box::pin(delivery::by_crm(size)),
        },
        Part {
            name: "calls to each CRM, and to a webhook",
            keys: of_crms.collect(),
            measure: |size| Box::pin(delivery::crm_calls(size)),
        },
        Part {
            name: "US dollars",
            keys: keys(
                "cost.usd_per_million",
                &["batched", "single", "three_connections", "alone", "derived"],
            )
            .into_iter()
            .chain(dollars)
            .collect(),
            measure: |size| Box::pin(cost::run(size)),
        },
        Part {
            name: "limits",
            keys: of_limits
                .chain(keys(
                    "limits.shared",
                    &["refused_per_1000", "utilisation_of_rest"],
                ))
                .collect(),
            measure: |size| Box::pin(async { Ok(limiter::run(size)) }),
        },
        Part {
            name: "draining after an outage",
            keys: keys("drain", &["utilisation", "attempts_per_delivery"]),
            measure: |size| Box::pin(drain::run(size)),
        },
        Part {
            name: "latency",
            keys: keys("latency", &["mean_ms", "p99_ms"])
                .into_iter()
                .chain(latencies)
                .collect(),
            measure: |size| Box::pin(latency::run(size)),
        },
        Part {
            name: "fairness under a flood",
            keys: keys("fairness", &["p99_ratio"]),
            measure: |size| Box::pin(fairness::run(size)),
        },
        Part {
            name: "success while the CRM fails",
            keys: keys("success", &["rate"]),
            measure: |size| Box::pin(success::run(size)),
        },
        Part {
            name: "the hub's own work",
            keys: keys("own", &["deliveries_per_s", "cpu_s_per_1000"]),
            measure: |size| Box::pin(growth::own(size)),
        },
        Part {
            name: "memory so far",
            keys: keys("memory", &["peak_mb"]),
            measure: |_| Box::pin(async { growth::memory() }),
        },
        Part {
            name: "growth",
            keys: keys(
                "growth",
                &["backlog_exponent", "tenants_exponent", "rss_exponent"],
            ),
            measure: |size| Box::pin(growth::run(size)),
        },
    ]
}

/// Measures and shows. `true` when every goal is met.
///
/// # Errors
/// A part could not be measured, or no key begins as `only` says.
pub async fn run(options: Options) -> anyhow::Result<bool> {
    // A thread of its own: the terminal's runtime has several.
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()?;
        runtime.block_on(on_one_thread(&options))
    })
    .await?
}

async fn on_one_thread(options: &Options) -> anyhow::Result<bool> {
    let size = if options.quick {
        Size::quick()
    } else {
        Size::full()
    };
    let only = options.only.as_deref().unwrap_or_default();
    let (figures, failed) = measure(only, &size).await?;
    let Book { goals, prices, .. } = Book::read()?;
    if options.json {
        terminal::line(&format!("{:#}", figures::json(&figures)?));
    } else {
        let rows: Vec<_> = figures
            .iter()
            .map(|figure| figures::cells(figure, &goals))
            .collect();
        terminal::table(&["key", "value", "unit", "goal", ""], &rows);
        let prices = prices.words();
        terminal::line(&format!(
            "docs/BENCH.md explains the keys; docs/bench.toml has the goals, {prices} and latencies."
        ));
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join("; "));
    let is_met = |figure: &Figure| {
        let goal = goals.of(&figure.key);
        goal.is_none_or(|goal| goal.is_met(figure.value))
    };
    Ok(figures.iter().all(is_met))
}

/// The figures of all keys that begin so, and which parts could not be measured, with the reason: the others are
/// worth something all the same.
async fn measure(only: &str, size: &Size) -> anyhow::Result<(Vec<Figure>, Vec<String>)> {
    let parts = parts().into_iter();
    let wanted: Vec<Part> = parts
        .filter(|part| part.keys.iter().any(|key| key.starts_with(only)))
        .collect();
    ensure!(!wanted.is_empty(), "no key begins with {only}");
    let (mut figures, mut failed) = (Vec::new(), Vec::new());
    for (index, part) in wanted.iter().enumerate() {
        terminal::progress(&format!("{}/{} {}", index + 1, wanted.len(), part.name));
        let begun = Instant::now();
        let found = match (part.measure)(size).await {
            Ok(found) => found,
            Err(error) => {
                failed.push(format!("{}: {error:#}", part.name));
                continue;
            }
        };
        terminal::progress(&format!("    {:.1} s", begun.elapsed().as_secs_f64()));
        let keys: Vec<&String> = found.iter().map(|figure| &figure.key).collect();
        ensure!(
            keys.iter().copied().eq(&part.keys),
            "{} was to be measured, and this was: {keys:?}",
            part.keys.join(", ")
        );
        figures.extend(
            found
                .into_iter()
                .filter(|figure| figure.key.starts_with(only)),
        );
    }
    Ok((figures, failed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::fits;

    /// As little as shows each figure.
    fn small() -> Size {
        Size {
            seen: Seen::default(),
            events: 10,
            few: 10,
            draws: 100,
            limit_minutes: 1,
            outage_s: 20,
            flood_s: 2,
            runs: 1,
            own: 10,
            backlogs: vec![10, 40],
            tenants: vec![1, 3],
            accepted: 20,
        }
    }

    async fn keys_of(only: &str) -> Vec<String> {
        let (figures, failed) = measure(only, &small()).await.unwrap();
        assert_eq!(failed, Vec::<String>::new());
        for figure in &figures {
            assert!(figure.value.is_finite(), "{figure:?}");
        }
        figures.into_iter().map(|figure| figure.key).collect()
    }

    fn all_keys() -> Vec<String> {
        parts().into_iter().flat_map(|part| part.keys).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn every_key_is_measured() {
        assert_eq!(keys_of("").await, all_keys());
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_was_asked_for_is_measured() {
        let found = keys_of("delivery.mixed").await;
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found.iter().all(|key| key.starts_with("delivery.mixed.")));
        let none = measure("nothing", &small()).await;
        assert!(none.unwrap_err().to_string().contains("nothing"));
    }

    #[test]
    fn every_goal_is_of_a_key() {
        let keys = all_keys();
        for goal in Book::read().unwrap().goals.0.keys() {
            let found = keys.iter().any(|key| fits(goal, key));
            assert!(found, "{goal} is no key of the bench");
        }
    }

    /// Each key stands in the documentation, a CRM's or webhook's as `<crm>` and a limit's as `<limit>`.
    #[test]
    fn every_key_is_documented() {
        let documented = include_str!("../../../../docs/BENCH.md");
        for key in all_keys() {
            let mut parts: Vec<&str> = key.split('.').collect();
            match parts.as_mut_slice() {
                ["crm_calls" | "delivery" | "latency" | "cost", crm, _]
                    if hub_connectors::destinations().any(|known| known == *crm) =>
                {
                    *crm = "<crm>";
                }
                ["limits", limit, _] if *limit != "shared" => *limit = "<limit>",
                _ => {}
            }
            let key = parts.join(".");
            assert!(documented.contains(&format!("`{key}`")), "{key}");
        }
    }
}
