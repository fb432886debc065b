//! From an event that liveprompt sends to its outcome: a model. The calls are counted on one event through a
//! warm hub; how long each takes is drawn from published latencies.

use hub_connectors::CRMS;
use hub_engine::Entropy;

use super::{
    Size,
    book::{Book, Latency},
    figures::{Figure, figure},
    spent::number,
    traffic::{Steps, Traffic, steady},
};

const SEED: u64 = 0x5EED;
/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874;

/// The slowest of the reference CRMs counts; each has its own mean beside it.
pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let book = Book::read()?;
    let steady = steady()?;
    let (mut mean, mut p99) = (0.0_f64, 0.0_f64);
    let mut each = Vec::new();
    for crm in CRMS {
        let alone = Traffic {
            request: 1,
            batch: 1,
            ..Traffic::of(crm, 1)
        };
        let steps = size.seen.steps(alone).await?;
        let mut drawn = draw(&book, &steps, size.draws);
        drawn.sort_by(f64::total_cmp);
        let sum: f64 = drawn.iter().sum();
        let of_crm = sum / super::spent::many(drawn.len());
        each.push(figure(format!("latency.{crm}.mean_ms"), of_crm, "ms"));
        if steady.contains(crm) {
            mean = mean.max(of_crm);
            p99 = p99.max(percentile(&drawn, 99));
        }
    }
    let all = [
        figure("latency.mean_ms", mean, "ms"),
        figure("latency.p99_ms", p99, "ms"),
    ];
    Ok(all.into_iter().chain(each).collect())
}

/// So many events: their calls one after the other, and Lambda's receive before each of the two functions
/// behind a queue.
fn draw(book: &Book, steps: &Steps, draws: usize) -> Vec<f64> {
    let latency = &book.latency;
    let all = [&steps.ingest, &steps.dispatch, &steps.deliver];
    let of = |service: &str| all.iter().map(|spent| spent.calls_of(service)).sum::<u64>();
    let crm = steps.deliver.crm;
    let receives = 2;
    let calls = [
        (&latency.http_api, 1),
        (&latency.dynamodb, of("dynamodb")),
        (&latency.sqs, of("sqs") + receives),
        (&latency.secrets, of("secretsmanager")),
        (&latency.crm, crm.lookups + crm.writes + crm.others),
    ];
    let functions = &book.functions;
    let memory = &functions.memory_mb;
    let own: f64 = [
        (memory.ingest, 1.0),
        (memory.dispatch, number(steps.dispatch.invocations)),
        (memory.deliver, number(steps.deliver.invocations)),
    ]
    .map(|(memory_mb, invocations)| functions.own_ms(memory_mb, invocations, invocations))
    .iter()
    .sum();
    let entropy = Entropy::seeded(SEED);
    let one = |_| {
        let each = calls.iter().map(|(latency, count)| {
            let draws = (0..*count).map(|_| Lognormal::of(latency).draw(&entropy));
            draws.sum::<f64>()
        });
        own + each.sum::<f64>()
    };
    (0..draws).map(one).collect()
}

/// The value that so many of a hundred do not exceed, of sorted values.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Lognormal {
    mu: f64,
    sigma: f64,
}

impl Lognormal {
    /// By mean and 99th percentile: `mean = exp(mu + sigma²/2)` and `p99 = exp(mu + z sigma)`, so sigma is the
    /// smaller root of `sigma²/2 - z sigma + ln(p99/mean) = 0`. A p99 that no sigma reaches (more than 14 times
    /// the mean) is cut to the farthest.
    pub(crate) fn of(latency: &Latency) -> Self {
        let wanted = (latency.p99_ms / latency.mean_ms).ln();
        let sigma = Z99 - (Z99 * Z99 - 2.0 * wanted).max(0.0).sqrt();
        Self {
            mu: latency.mean_ms.ln() - sigma * sigma / 2.0,
            sigma,
        }
    }

    /// Box and Muller.
    pub(crate) fn draw(self, entropy: &Entropy) -> f64 {
        let (first, second) = (1.0 - entropy.unit(), entropy.unit());
        let normal = (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos();
        (self.mu + self.sigma * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_mean_and_the_percentile_they_are_made_of() {
        let book = Book::read().unwrap();
        for latency in [&book.latency.dynamodb, &book.latency.crm, &book.latency.sqs] {
            let entropy = Entropy::seeded(1);
            let one = Lognormal::of(latency);
            let mut drawn: Vec<f64> = (0..100_000).map(|_| one.draw(&entropy)).collect();
            drawn.sort_by(f64::total_cmp);
            let mean = drawn.iter().sum::<f64>() / 100_000.0;
            let p99 = percentile(&drawn, 99);
            assert!((mean / latency.mean_ms - 1.0).abs() < 0.02, "{mean}");
            assert!((p99 / latency.p99_ms - 1.0).abs() < 0.04, "{p99}");
        }
    }

    #[test]
    fn percentiles_are_ranks() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!((percentile(&values, 99) - 99.0).abs() < f64::EPSILON);
        assert!((percentile(&[7.0], 99) - 7.0).abs() < f64::EPSILON);
    }
}
