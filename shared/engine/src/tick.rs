//! What is due at a tick of the schedule, each minute. A tick may come twice, late, or not at all:
//! each task looks for what is due by now, and does nothing where nothing is.

use hub_domain::Timestamp;

use crate::{audit, hub::Hub};

/// Does what is due. `false` says that something of it failed; the next tick tries it again.
pub async fn tick(hub: &Hub, at: Timestamp) -> bool {
    audit::seal(hub, at).await
}
