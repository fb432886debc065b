//! What happens, to which worker (by its place) in which of its lives.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A worker wants to make its next call.
    Next(usize, u32),
    /// The item is read for a worker.
    Read(usize, u32),
    /// The item comes to a worker: what it had noted is in `Worker::view`.
    Decide(usize, u32),
    /// A worker's write reaches the item.
    Write(usize, u32),
    /// The answer to it comes back.
    Written(usize, u32, bool),
    /// A call leaves.
    Send(usize, u32),
    /// A call arrives at the CRM; the worker's own number.
    Arrive(usize, u32),
    /// The answer comes: accepted, what is left.
    Reply(usize, u32, bool, u32),
    /// A refusal is written down.
    Refuse(usize, u32),
    /// The other application calls.
    Other,
    /// A worker dies.
    Die(usize),
}
