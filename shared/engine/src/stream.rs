//! What is derived from the table's changes. Each change comes at least once; whatever is derived
//! from it is told by the change's sequence number, so that a second time makes nothing.

use hub_domain::TableChange;

use crate::hub::Hub;

/// Derives all there is from changes, in their order. `Some` is the sequence number of the first
/// change of which something is still missing: it and all behind it have to come again.
#[allow(clippy::unused_async, reason = "nothing is derived yet")]
pub async fn derive(_hub: &Hub, _changes: &[TableChange]) -> Option<String> {
    None
}
