//! What was called and what it would have cost.

use std::collections::BTreeMap;

use crate::call::{Call, Service};

/// Calls, capacity units and bytes since the last [`reset_counts`](crate::LocalAws::reset_counts).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Calls by `service.Operation`, as in `dynamodb.PutItem`. The poller's own calls are under `poller.`,
    /// invocations for a stream under `stream.`.
    pub calls: BTreeMap<String, u64>,
    /// Write units of DynamoDB, failed conditions included.
    pub write_units: f64,
    /// Read units of DynamoDB.
    pub read_units: f64,
    /// Calls of SQS by clients.
    pub sqs_calls: u64,
    /// Receives that found something, and deletes, by the event-source poller. AWS bills them as SQS calls.
    pub poller_calls: u64,
    /// Calls of Secrets Manager.
    pub secret_calls: u64,
    /// Bytes of all request bodies.
    pub bytes_in: u64,
    /// Bytes of all answer bodies.
    pub bytes_out: u64,
}

impl Counts {
    /// Bytes of all bodies, both ways.
    pub fn payload_bytes(&self) -> u64 {
        self.bytes_in + self.bytes_out
    }

    /// How often one operation was called, as in `calls_of("dynamodb.PutItem")`.
    pub fn calls_of(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or(0)
    }

    pub(crate) fn asked(&mut self, call: &Call) {
        self.called(call.service.name(), &call.operation);
        self.bytes_in += call.body.len() as u64;
        match call.service {
            Service::DynamoDb => {}
            Service::Sqs => self.sqs_calls += 1,
            Service::Secrets => self.secret_calls += 1,
        }
    }

    pub(crate) fn polled(&mut self, operation: &str) {
        self.called("poller", operation);
        self.poller_calls += 1;
    }

    /// Reading a stream for Lambda costs nothing.
    pub(crate) fn streamed(&mut self) {
        self.called("stream", "Invoke");
    }

    fn called(&mut self, service: &str, operation: &str) {
        *self
            .calls
            .entry(format!("{service}.{operation}"))
            .or_insert(0) += 1;
    }
}
