//! Writing an organization's credentials: one writer at a time, by a lease.

use std::time::Duration;

use hub_aws::{AwsError, seams::ulid, vault::Credentials};
use hub_domain::{ConnectionId, OrganizationId};

use crate::{error::EngineError, hub::Hub};

/// How long the lease is held.
const LEASE: Duration = Duration::from_secs(30);
/// How often a write is tried when somebody else writes.
const ATTEMPTS: u32 = 8;
/// How long to wait for somebody else's write, times the attempt: a write takes three calls.
const WAIT: Duration = Duration::from_millis(250);

/// Changes an organization's credentials. `change` may be called more than once.
///
/// # Errors
/// Somebody else writes all the time, or AWS does not answer.
pub(crate) async fn update(
    hub: &Hub,
    organization: &OrganizationId,
    change: impl Fn(&mut Credentials),
) -> Result<(), EngineError> {
    let mut attempt = 0;
    loop {
        match once(hub, organization, &change).await {
            Err(AwsError::Conflict { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(WAIT.mul_f64(f64::from(attempt) + hub.entropy().unit())).await;
            }
            outcome => return outcome.map_err(failed),
        }
    }
}

/// A secret has at most 100 versions, and none goes before it is a day old: whoever changes credentials
/// that often waits. <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
fn failed(error: AwsError) -> EngineError {
    match error {
        AwsError::Refused { code, .. } if code == "LimitExceededException" => {
            EngineError::Conflict(
                "the organization's credentials were changed about 100 times within a day, which is the most; try again tomorrow"
                    .to_owned(),
            )
        }
        other => EngineError::aws("the organization's credentials")(other),
    }
}

async fn once(
    hub: &Hub,
    organization: &OrganizationId,
    change: impl Fn(&mut Credentials),
) -> Result<(), AwsError> {
    let holder = ulid(hub.clock(), hub.entropy());
    let now = hub.now_ms();
    let until = now + i64::try_from(LEASE.as_millis()).unwrap_or(0);
    let lease = hub
        .store()
        .lease(organization, "credentials", &holder, now, until)
        .await?;
    let outcome = hub
        .vault()
        .update_credentials(organization.as_str(), &holder, change)
        .await;
    if let Err(error) = hub.store().release(&lease).await {
        tracing::warn!(error = %error, "a lease could not be given back; it ends by itself");
    }
    outcome.map(drop)
}

/// Takes everything out that belongs to a connection.
pub(crate) fn remove(credentials: &mut Credentials, connection: &ConnectionId) {
    let id = connection.as_str();
    credentials.clients.remove(id);
    credentials.refresh_tokens.remove(id);
    credentials.api_keys.remove(id);
    credentials.webhooks.remove(id);
}
