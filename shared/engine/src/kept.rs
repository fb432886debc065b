//! Events that are kept whole for webhooks: the bytes that every attempt sends, sealed with the event's own
//! item, for as long as events are remembered.

use std::collections::BTreeMap;

use bytes::Bytes;
use hub_aws::{AwsError, KeyRing, seal, store::EventItem};
use hub_domain::{EventId, OrganizationId};

use crate::hub::Hub;

/// What an event is sealed for.
pub(crate) fn aad(organization: &OrganizationId, event: &EventId) -> String {
    format!("event/{organization}/{event}")
}

/// Keeps an event that the hub made itself. It may be repeated.
pub(crate) async fn keep(
    hub: &Hub,
    organization: &OrganizationId,
    event: &EventId,
    body: &str,
) -> Result<(), AwsError> {
    let ring = hub.vault().data(organization.as_str()).await?;
    let aad = aad(organization, event);
    let sealed = seal::seal_compressed(&ring, hub.entropy(), aad.as_bytes(), body.as_bytes())?;
    let item = EventItem {
        organization: organization.clone(),
        event: event.clone(),
        session: None,
        fields: BTreeMap::new(),
        accepted_at: hub.clock().now(),
        sealed: Some(sealed),
    };
    // One that is there is the same: its id is made of what it says.
    hub.store().put_event(&item).await.map(drop)
}

/// What is sent of an event; `None` where it is not kept.
pub(crate) async fn body(
    hub: &Hub,
    organization: &OrganizationId,
    event: &EventId,
) -> Result<Option<Bytes>, AwsError> {
    let Some(sealed) = hub.store().kept_event(organization, event).await? else {
        return Ok(None);
    };
    let ring = hub.vault().data(organization.as_str()).await?;
    open(&ring, organization, event, &sealed).map(Some)
}

/// What is sent of an event that was read.
pub(crate) fn open(
    ring: &KeyRing,
    organization: &OrganizationId,
    event: &EventId,
    sealed: &[u8],
) -> Result<Bytes, AwsError> {
    let plain = seal::open_compressed(ring, aad(organization, event).as_bytes(), sealed)?;
    Ok(Bytes::copy_from_slice(&plain))
}
