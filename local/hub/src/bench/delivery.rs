//! What a delivery costs: calls to AWS, capacity, bytes of log, calls to the CRM. Counted over a minute of
//! steady traffic through a warm function, so that what caches read again is in it.

use hub_connectors::{WEBHOOKS, destinations};

use super::{
    Size,
    figures::{Figure, figure},
    spent::{many, number},
    traffic::{Steps, Traffic, steady},
};

/// Organizations of a mixed batch.
const TENANTS: usize = 10;

/// The dearest CRM that takes the traffic counts: to AWS they hardly differ.
pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let mut figures: Vec<Figure> = Vec::new();
    for (prefix, tenants) in [("delivery", 1), ("delivery.mixed", TENANTS)] {
        let mut worst: Vec<Figure> = Vec::new();
        for crm in steady()? {
            let traffic = Traffic {
                tenants,
                ..Traffic::of(crm, size.events)
            };
            let found = costs(prefix, &size.seen.steps(traffic).await?);
            if worst.is_empty() {
                worst = found;
                continue;
            }
            for (worst, found) in worst.iter_mut().zip(found) {
                worst.value = worst.value.max(found.value);
            }
        }
        figures.extend(worst);
    }
    Ok(figures)
}

fn costs(prefix: &str, steps: &Steps) -> Vec<Figure> {
    let each = many(steps.deliveries);
    let spent = &steps.deliver;
    let of = |name: &str, value: f64, unit| figure(format!("{prefix}.{name}"), value / each, unit);
    vec![
        of("aws_calls", number(spent.aws_calls()), "calls"),
        of("write_units", spent.write_units, "units"),
        of("read_units", spent.read_units, "units"),
        of("secret_calls", number(spent.secret_calls), "calls"),
        of("log_bytes", number(steps.log_bytes), "bytes"),
    ]
}

/// The same for each destination by itself; whose limits do not take the traffic gets less of it.
pub(crate) async fn by_crm(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for crm in destinations() {
        let steps = size.seen.steps(each(crm, size)?).await?;
        let found = costs(&format!("delivery.{crm}"), &steps).into_iter();
        figures.extend(found.take(BY_CRM.len()));
    }
    Ok(figures)
}

/// What is told of each destination: the first of [`costs`].
pub(crate) const BY_CRM: [&str; 3] = ["aws_calls", "write_units", "read_units"];

/// The traffic that each destination is looked at by.
pub(crate) fn each(crm: &'static str, size: &Size) -> anyhow::Result<Traffic> {
    // A webhook takes twenty messages a second.
    let is_steady = crm == WEBHOOKS || steady()?.contains(&crm);
    let events = if is_steady { size.events } else { size.few };
    Ok(Traffic::of(crm, events))
}

/// Calls to each destination for ten sessions with three action items each, in one batch.
pub(crate) async fn crm_calls(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for crm in destinations() {
        let steps = size.seen.steps(each(crm, size)?).await?;
        let per_ten = |count| number(count) * 10.0 / many(steps.deliveries);
        let calls = steps.deliver.crm;
        figures.extend([
            figure(
                format!("crm_calls.{crm}.per_10_sessions"),
                per_ten(calls.writes),
                "calls",
            ),
            figure(
                format!("crm_calls.{crm}.lookups"),
                per_ten(calls.lookups),
                "calls",
            ),
        ]);
    }
    Ok(figures)
}
