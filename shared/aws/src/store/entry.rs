//! An item of the ledger, read.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use hub_domain::{
    OrganizationId, Subject,
    ledger::{Attempt, DeliveryStatus, LedgerEntry, Retried, Unfinished},
};
use serde::de::DeserializeOwned;

use super::{
    attributes::{Item, must, number_of, text, text_of},
    held::mark,
    ledger::UNKNOWN,
};
use crate::error::AwsError;

/// The entry that an item holds. What the key says is not stored twice.
pub(super) fn entry(item: &Item) -> Result<LedgerEntry, AwsError> {
    const WHAT: &str = "a ledger entry";
    fn json<T: DeserializeOwned + Default>(item: &Item, name: &str) -> Result<T, AwsError> {
        text_of(item, name).map_or(Ok(T::default()), |json| {
            serde_json::from_str(json).map_err(|_| AwsError::Corrupt { what: WHAT })
        })
    }
    let organization = must(
        text_of(item, "pk").and_then(|pk| pk.split('#').next()),
        WHAT,
    )?;
    let (destination, matter) = must(text_of(item, "sk").and_then(|sk| sk.split_once('#')), WHAT)?;
    let organization: OrganizationId = must(organization.parse().ok(), WHAT)?;
    let subject = must(Subject::read(destination, matter), WHAT)?;
    let stored: DeliveryStatus = must(
        text_of(item, "st").and_then(|name| serde_json::from_value(name.into()).ok()),
        WHAT,
    )?;
    let (revision, settled) = (
        must(number_of(item, "rev"), WHAT)?,
        must(number_of(item, "sd"), WHAT)?,
    );
    let held = mark(item);
    let (status, reason) = match held
        .as_ref()
        .filter(|held| held.shows(stored, revision, settled))
    {
        Some(held) => (DeliveryStatus::Held, held.reason.clone()),
        None => (stored, text_of(item, "rs").unwrap_or_default().to_owned()),
    };
    let short: BTreeMap<String, String> = json(item, "rc")?;
    let records = short
        .into_iter()
        .map(|(tail, id)| (format!("{matter}{tail}"), id))
        .collect();
    let unfinished = match text_of(item, "uf") {
        Some(text) => must(Unfinished::read(text, matter), WHAT)?,
        None => Unfinished::default(),
    };
    Ok(LedgerEntry {
        event: must(text_of(item, "ev").and_then(|id| id.parse().ok()), WHAT)?,
        status,
        revision,
        settled,
        lease_until: must(number_of(item, "lu"), WHAT)?,
        worker: text_of(item, "wk").unwrap_or_default().to_owned(),
        failures: must(number_of(item, "fl"), WHAT)?,
        content: text_of(item, "ct")
            .filter(|hash| *hash != UNKNOWN)
            .map(str::to_owned),
        mapping_version: number_of(item, "mv").unwrap_or_default(),
        records,
        attempt: text_of(item, "am").and_then(attempt),
        unfinished,
        matches: json(item, "mt")?,
        verdict: text_of(item, "vd").unwrap_or_default().to_owned(),
        reason,
        held,
        retried: text_of(item, "rb").and_then(|by| {
            Some(Retried {
                by: by.to_owned(),
                at: number_of(item, "ra")?,
            })
        }),
        faults: json(item, "ff")?,
        created_at: must(number_of(item, "ca"), WHAT)?,
        updated_at: must(number_of(item, "ua"), WHAT)?,
        organization,
        subject,
    })
}

/// What a claim noted of its attempt: when it began, and the beginning of its content.
fn attempt(text: &str) -> Option<Attempt> {
    let (since, content) = text.split_once('.')?;
    Some(Attempt::at(since.parse().ok()?, content))
}

/// A status as an item has it.
pub(super) fn status_text(status: DeliveryStatus) -> AttributeValue {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(name)) => text(name),
        _ => text("claimed"),
    }
}
