//! One call to a CRM: a fresh token, the request, the answer; refreshed and sent again once when
//! the CRM says the token is spent.

use hub_connectors::{Answer, Connector, Idempotency, Operation, Reply};
use hub_domain::{Cause, Connection, Verdict};

use secrecy::ExposeSecret;

use crate::{
    hub::Hub,
    mask::masked,
    tokens::{self, Access, For},
    transport::{self, Purpose, TransportError},
};

/// Carries an operation out and gives the verdicts of its records, with the reply they came from.
#[tracing::instrument(skip_all, fields(crm = %connection.crm, connection.id = %connection.id))]
pub(crate) async fn call(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
) -> Result<(Vec<Verdict>, Reply), Verdict> {
    let mut access = tokens::access(hub, connector.manifest(), connection, None, For::Work).await?;
    let mut refreshed = false;
    loop {
        let reply = once(hub, connector, connection, operation, &access).await?;
        let verdicts = connector.interpret(operation, &reply);
        if !verdicts.contains(&Verdict::Refresh) {
            return Ok((verdicts, reply));
        }
        if refreshed {
            return Err(Verdict::Reauthorize {
                cause: Cause::Revoked,
                reason: "the CRM refuses a token that was just refreshed".to_owned(),
            });
        }
        refreshed = true;
        let spent = Some(access.version);
        access = tokens::access(hub, connector.manifest(), connection, spent, For::Work).await?;
    }
}

/// Carries a reading operation out and gives what it found.
pub(crate) async fn read(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
) -> Result<Answer, Verdict> {
    let (_, reply) = call(hub, connector, connection, operation).await?;
    connector.read(operation, &reply)
}

async fn once(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    operation: &Operation,
    access: &Access,
) -> Result<Reply, Verdict> {
    let mut request = connector.request(operation, connection)?;
    connector
        .manifest()
        .sign(request.headers_mut(), connection, &access.token)
        .map_err(|error| Verdict::Reauthorize {
            cause: Cause::ClientRefused,
            reason: error.to_string(),
        })?;
    let purpose = match operation {
        Operation::Write { .. } => Purpose::Write,
        Operation::FindPeople { .. } | Operation::Describe { .. } | Operation::ReadBack { .. } => {
            Purpose::Read
        }
    };
    request.extensions_mut().insert(purpose);
    let answer = transport::send(hub.transport(), request)
        .await
        .map_err(|error| unanswered(connector, operation, &error))?;
    let (parts, body) = answer.into_parts();
    Ok(Reply {
        status: parts.status,
        headers: parts.headers,
        body: masked(body, [access.token.expose_secret()]),
        at: hub.clock().now(),
    })
}

/// What it means that no answer came. A write that may have been applied is sent again only where
/// a repeat is harmless.
fn unanswered(connector: &dyn Connector, operation: &Operation, error: &TransportError) -> Verdict {
    let reason = error.to_string();
    let is_write = matches!(operation, Operation::Write { .. });
    match error {
        TransportError::Forbidden(_) => Verdict::Misconfigured { reason },
        TransportError::NotSent(_) => Verdict::Retry {
            after: None,
            reason,
        },
        TransportError::Lost(_) => match connector.manifest().idempotency {
            Idempotency::ReadBack | Idempotency::None if is_write => Verdict::Misconfigured {
                reason: format!("the write may have been made, and cannot be told: {reason}"),
            },
            Idempotency::Upsert
            | Idempotency::UniqueKey
            | Idempotency::ClientId
            | Idempotency::IdempotencyKey
            | Idempotency::ReadBack
            | Idempotency::None => Verdict::Retry {
                after: None,
                reason,
            },
        },
    }
}
