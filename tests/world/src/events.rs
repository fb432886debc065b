//! The samples of `events/`, filled in and signed in this world.

use bytes::Bytes;
use http::Request;
use hub_samples::{Sample, Values};
use serde_json::Value;

use crate::{INGEST, World};

/// A file of `events/payloads`: an event as liveprompt sends it.
pub fn payload(file: &str) -> Value {
    hub_samples::payload(file).expect("a payload")
}

/// The HTTP request that an API Gateway event stands for.
pub fn request(event: &Value) -> Request<Bytes> {
    hub_samples::request(event).expect("a request")
}

impl World {
    /// A sample as Lambda gets it, signed now. `fills` are placeholders and their values; what they
    /// refer to is made by the test.
    pub fn event(&self, file: &str, fills: &[(&str, &str)]) -> Value {
        let sent_at = self.clock.now().as_millisecond().to_string();
        let known = [("sent-at-ms", sent_at.as_str()), ("ingest-sender", INGEST)];
        let values: Values = known
            .iter()
            .chain(fills)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sample = Sample::read(file).expect("a sample");
        let filled = sample.fill(&values, |body| Some(self.signature(body, self.clock.now())));
        filled.expect("a sample that is filled in")
    }
}
