//! What is due at a tick of the schedule, each minute. A tick may come twice, late, or not at all:
//! each task looks for what is due by now, and does nothing where nothing is.

use hub_domain::Timestamp;

use crate::{audit, daily, held, hub::Hub};

/// Does what is due. `false` says that something of it failed; the next tick tries it again.
pub async fn tick(hub: &Hub, at: Timestamp) -> bool {
    let sealed = audit::seal(hub, at).await;
    // One task that fails keeps no other from being done.
    sealed & release(hub, at).await & daily::look(hub, at).await
}

/// Held work whose time has come goes back to its queue.
async fn release(hub: &Hub, at: Timestamp) -> bool {
    match held::release_due(hub, at).await {
        Ok(released) => {
            if released.sent > 0 {
                tracing::info!(sent = released.sent, "held deliveries go on");
            }
            true
        }
        Err(error) => {
            tracing::error!(error = %error, "held work could not be released; the next tick tries it again");
            false
        }
    }
}
