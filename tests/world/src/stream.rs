//! The table's stream, brought to a function when a test says so.

use hub_local_aws::{Brought, Handler, StreamSource};

use crate::World;

/// Few, so that what a story changes comes in several events.
const BATCH_SIZE: usize = 10;
/// How often one batch may come again before a test takes it for stuck.
const ROUNDS: usize = 20;

impl World {
    /// The table's stream as a source of a function, from its beginning.
    pub fn stream(handler: Handler) -> StreamSource {
        StreamSource::new(Self::settings().table, BATCH_SIZE, handler)
    }

    /// Brings all changes that are not done, in their order, until all are done. Returns how many
    /// there were.
    pub async fn pump(&self, source: &StreamSource) -> usize {
        let (mut done, mut stuck) = (0, 0);
        loop {
            let Brought { changes, again } = self.aws.stream_once(source).await.expect("a stream");
            done += changes - again;
            stuck = if again == changes { stuck + 1 } else { 0 };
            assert!(stuck <= ROUNDS || changes == 0, "the stream is stuck");
            if changes == 0 {
                return done;
            }
        }
    }

    /// The same, with each batch brought once more before its answer counts.
    pub async fn pump_twice(&self, source: &StreamSource) -> usize {
        let (mut done, mut stuck) = (0, 0);
        while self.aws.stream_in_vain(source).await.expect("a stream") > 0 {
            let Brought { changes, again } = self.aws.stream_once(source).await.expect("a stream");
            done += changes - again;
            stuck = if again == changes { stuck + 1 } else { 0 };
            assert!(stuck <= ROUNDS, "the stream is stuck");
        }
        done
    }
}
