//! What a step of the hub spent, counted.

use std::collections::BTreeMap;

use hub_local_aws::Counts;

use super::wire::CrmCalls;

/// What was called, and what it consumed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Spent {
    /// Calls of the functions by `service.Operation`.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    /// Requests of SQS that are billed: the functions' own, and the receives and deletes of Lambda.
    pub(crate) sqs_requests: u64,
    pub(crate) secret_calls: u64,
    /// Invocations by queues and by the stream.
    pub(crate) invocations: u64,
    pub(crate) crm: CrmCalls,
}

impl Spent {
    pub(crate) fn of(counts: &Counts, crm: CrmCalls) -> Self {
        let by_queue = counts.calls_of("poller.Invoke");
        let is_lambdas = |name: &str| name.starts_with("poller.") || name.starts_with("stream.");
        let calls = counts.calls.iter().filter(|(name, _)| !is_lambdas(name));
        Self {
            calls: calls.map(|(name, count)| (name.clone(), *count)).collect(),
            write_units: counts.write_units,
            read_units: counts.read_units,
            sqs_requests: counts.sqs_calls + counts.poller_calls - by_queue,
            secret_calls: counts.secret_calls,
            invocations: by_queue + counts.calls_of("stream.Invoke"),
            crm,
        }
    }

    /// Calls to AWS that the functions made.
    pub(crate) fn aws_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls of one service.
    pub(crate) fn calls_of(&self, service: &str) -> u64 {
        let of = self.calls.iter().filter(|(name, _)| {
            name.strip_prefix(service)
                .is_some_and(|rest| rest.starts_with('.'))
        });
        of.map(|(_, count)| *count).sum()
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (name, count) in other.calls {
            *self.calls.entry(name).or_default() += count;
        }
        Self {
            calls: self.calls,
            write_units: self.write_units + other.write_units,
            read_units: self.read_units + other.read_units,
            sqs_requests: self.sqs_requests + other.sqs_requests,
            secret_calls: self.secret_calls + other.secret_calls,
            invocations: self.invocations + other.invocations,
            crm: CrmCalls {
                lookups: self.crm.lookups + other.crm.lookups,
                writes: self.crm.writes + other.crm.writes,
                others: self.crm.others + other.crm.others,
            },
        }
    }
}

/// A count as a number to divide: exact up to 2^32, which no run reaches.
pub(crate) fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The same for a size.
pub(crate) fn many(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
