//! What is derived from the table's changes. Each change comes at least once; whatever is derived
//! from it is told by the change's sequence number, so that a second time makes nothing.
//!
//! What is derived is no change that something is derived from.

use hub_domain::TableChange;

use crate::{audit, hub::Hub};

/// Derives all there is from changes, in their order. `Some` is the sequence number of the first
/// change of which something is still missing: it and all behind it have to come again.
pub async fn derive(hub: &Hub, changes: &[TableChange]) -> Option<String> {
    audit::record(hub, changes).await
}
