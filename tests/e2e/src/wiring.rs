//! How the functions are put together.

use hub_local_aws::{EventSource, Handler};

pub(crate) fn source(queue: String, handler: Handler) -> EventSource {
    EventSource {
        queue,
        batch_size: 10,
        max_concurrency: 1,
        handler,
    }
}
