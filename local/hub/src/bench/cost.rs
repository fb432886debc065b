//! US dollars per million events: what was counted, by dated prices. Only durations are a model: published
//! latencies over the counted calls, and what the functions take by themselves.

use hub_connectors::CRMS;

use super::{
    Size,
    book::{Book, Prices},
    delivery::each,
    figures::{Figure, figure},
    spent::{Spent, many, number},
    traffic::{Steps, Traffic, steady},
};
use crate::terminal;

const MILLION: f64 = 1_000_000.0;

/// The dearest of the reference CRMs counts; three connections are to three of these, or to as many as there
/// are. Each CRM has its own figure beside it.
pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let book = Book::read()?;
    let steady = steady()?;
    let (mut batched, mut single, mut alone, mut derived) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for crm in &steady {
        let together = Traffic::of(crm, size.events);
        let steps = size.seen.steps(together.clone()).await?;
        show(&format!("{crm}, ten at once"), &steps);
        batched = batched.max(per_million(&book, &steps));
        derived = derived.max(derived_per_million(&book, &steps));
        let of_one = Traffic {
            request: 1,
            ..together
        };
        let steps = size.seen.steps(of_one.clone()).await?;
        show(&format!("{crm}, each in a request of its own"), &steps);
        single = single.max(per_million(&book, &steps));
        let by_itself = Traffic { batch: 1, ..of_one };
        let steps = size.seen.steps(by_itself).await?;
        show(&format!("{crm}, each by itself"), &steps);
        alone = alone.max(per_million(&book, &steps));
    }
    let three = Traffic {
        crms: steady.iter().copied().cycle().take(3).collect(),
        ..Traffic::of("", size.events)
    };
    let three = size.seen.steps(three).await?;
    show("three connections", &three);
    let three = per_million(&book, &three);
    let of = |name: &str, value| figure(format!("cost.usd_per_million.{name}"), value, "US$");
    let mut figures = vec![
        of("batched", batched),
        of("single", single),
        of("three_connections", three),
        of("alone", alone),
        of("derived", derived),
    ];
    for crm in CRMS {
        let steps = size.seen.steps(each(crm, size)?).await?;
        let value = per_million(&book, &steps);
        figures.push(figure(format!("cost.{crm}.usd_per_million"), value, "US$"));
    }
    Ok(figures)
}

/// What an event spends in each function, for whoever asks where the dollars go.
fn show(name: &str, steps: &Steps) {
    let each = |value: f64| value / many(steps.events);
    for (function, spent) in [
        ("ingest", &steps.ingest),
        ("dispatch", &steps.dispatch),
        ("deliver", &steps.deliver),
        ("batch", &steps.derive),
    ] {
        terminal::progress(&format!(
            "    {name}, an event in {function}: {:.2} AWS calls, {:.2} write units, {:.2} read units, {:.2} SQS requests, {:.2} calls to CRMs",
            each(number(spent.aws_calls())),
            each(spent.write_units),
            each(spent.read_units),
            each(number(spent.sqs_requests)),
            each(number(spent.crm.lookups + spent.crm.writes)),
        ));
    }
}

fn per_million(book: &Book, steps: &Steps) -> f64 {
    let (prices, requests) = (&book.prices, many(steps.requests));
    let way_in = prices.http_api_request.of(requests) + prices.lambda_request.of(requests);
    // Sessions of one request are stored side by side.
    let at_once = (many(steps.events) / requests).min(book.functions.ingest_at_once);
    let memory = &book.functions.memory_mb;
    let ingest = Work {
        memory_mb: memory.ingest,
        invocations: requests,
        messages: steps.events,
        at_once,
    };
    let dispatch = Work::of(&steps.dispatch, memory.dispatch, steps.events);
    let deliver = Work::of(&steps.deliver, memory.deliver, steps.deliveries);
    let functions = [
        (&steps.ingest, ingest),
        (&steps.dispatch, dispatch),
        (&steps.deliver, deliver),
    ];
    let each = functions.map(|(spent, work)| usd(prices, spent) + work.gb_seconds(book, spent));
    let all = way_in + each.iter().sum::<f64>();
    all * MILLION / many(steps.events)
}

/// What *batch* derives from the table's stream, beside it.
fn derived_per_million(book: &Book, steps: &Steps) -> f64 {
    let spent = &steps.derive;
    let work = Work::of(spent, book.functions.memory_mb.batch, steps.deliveries);
    let all = usd(&book.prices, spent) + work.gb_seconds(book, spent);
    all * MILLION / many(steps.events)
}

/// What was counted, by its prices.
fn usd(prices: &Prices, spent: &Spent) -> f64 {
    let sqs = number(spent.sqs_requests);
    prices.lambda_request.of(number(spent.invocations))
        + prices.sqs_request.of(sqs)
        + prices.sqs_fair_request.of(sqs)
        + prices.dynamodb_write_unit.of(spent.write_units)
        + prices.dynamodb_read_unit.of(spent.read_units)
        + prices.secrets_call.of(number(spent.secret_calls))
}

/// What a function did.
#[derive(Debug, Clone, Copy)]
struct Work {
    memory_mb: f64,
    invocations: f64,
    messages: usize,
    /// Messages that it works on side by side.
    at_once: f64,
}

impl Work {
    fn of(spent: &Spent, memory_mb: f64, messages: usize) -> Self {
        Self {
            memory_mb,
            invocations: number(spent.invocations),
            messages,
            at_once: 1.0,
        }
    }

    /// US dollars for the time that it ran.
    fn gb_seconds(&self, book: &Book, spent: &Spent) -> f64 {
        let seconds = self.ms(book, spent) / 1_000.0 * self.memory_mb / 1_024.0;
        book.prices.lambda_gb_second.of(seconds)
    }

    /// How long it ran in all: its calls one after the other, `at_once` of them side by side where it works so,
    /// and what it takes by itself.
    fn ms(&self, book: &Book, spent: &Spent) -> f64 {
        let latency = &book.latency;
        let messages = many(self.messages);
        let side_by_side = self
            .at_once
            .min((messages / self.invocations.max(1.0)).max(1.0));
        let crm = spent.crm.lookups + spent.crm.writes + spent.crm.others;
        number(spent.calls_of("dynamodb")) * latency.dynamodb.mean_ms / side_by_side
            + number(spent.calls_of("sqs")) * latency.sqs.mean_ms
            + number(spent.calls_of("secretsmanager")) * latency.secrets.mean_ms
            + number(crm) * latency.crm.mean_ms
            + book
                .functions
                .own_ms(self.memory_mb, self.invocations, messages)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bench::wire::CrmCalls;

    /// Ten events in one request, by hand: 61 write units, 15 read units, and so on.
    #[test]
    fn a_batch_is_priced_as_by_hand() {
        let book = Book::read().unwrap();
        let ingest = Spent {
            calls: BTreeMap::from([
                ("dynamodb.PutItem".to_owned(), 10),
                ("sqs.SendMessageBatch".to_owned(), 1),
            ]),
            write_units: 40.0,
            read_units: 10.0,
            sqs_requests: 1,
            ..Spent::default()
        };
        let deliver = Spent {
            calls: BTreeMap::from([("dynamodb.BatchExecuteStatement".to_owned(), 2)]),
            write_units: 20.0,
            read_units: 5.0,
            sqs_requests: 2,
            invocations: 1,
            crm: CrmCalls {
                lookups: 1,
                writes: 1,
                others: 0,
            },
            ..Spent::default()
        };
        let steps = Steps {
            events: 10,
            requests: 1,
            deliveries: 10,
            ingest,
            deliver,
            ..Steps::default()
        };
        // Per event: 0.1 HTTP requests 0.10, 0.2 Lambda requests 0.04, 6 write units 3.75, 1.5 read units
        // 0.1875, 0.3 SQS requests 0.15.
        let counted = 0.10 + 0.04 + 3.75 + 0.1875 + 0.15;
        // Milliseconds of ten: ingest 10 × 5 / 8 + 20 + 5 + 30; dispatch, of which nothing was counted, 30;
        // deliver, which has half the memory, 2 × 5 + 2 × 150 + 10 + 60.
        let gb_ms = (61.25 + 30.0) * 0.5 + 380.0 * 0.25;
        let lambda = gb_ms / 10.0 / 1_000.0 * 16.6667;
        let found = per_million(&book, &steps);
        assert!(
            (found - counted - lambda).abs() < 0.000_1,
            "{found} is not {}",
            counted + lambda
        );
    }
}
