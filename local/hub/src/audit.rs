//! `audit verify`: checks an export of the audit log, offline.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use hub_domain::audit::{Entry, Report, VerifierKey, verify::verify};
use hub_engine::audit::open;
use serde::Deserialize;

use crate::terminal;

/// One page of `GET /api/audit`.
#[derive(Deserialize)]
struct Page {
    checkpoints: Vec<String>,
    items: Vec<Entry>,
}

/// Checks an export against a checkpoint held from earlier. `export` is the text of all pages of
/// `GET /api/audit`, one after the other.
///
/// # Errors
/// Export, checkpoint or key cannot be read, or the key did not sign the checkpoint.
pub fn check(export: &str, checkpoint: &str, key: &str) -> anyhow::Result<Report> {
    let key: VerifierKey = key.trim().parse().context("the key")?;
    let Some(held) = open(checkpoint, &key) else {
        bail!("the checkpoint is not one that this key signed");
    };
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for page in serde_json::Deserializer::from_str(export).into_iter::<Page>() {
        let page = page.context("the export")?;
        entries.extend(page.items);
        notes.extend(page.checkpoints);
    }
    Ok(verify(&entries, &notes, &held, |note| open(note, &key)))
}

/// The same with files, told to a person. `key` is the key itself, or the file that it is in.
/// Whether nothing was found.
///
/// # Errors
/// As [`check`].
pub fn run(export: &Path, checkpoint: &Path, key: &str) -> anyhow::Result<bool> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
    };
    let key = fs::read_to_string(key).unwrap_or_else(|_| key.to_owned());
    let report = check(&read(export)?, &read(checkpoint)?, &key)?;
    let Report {
        leaves,
        covered,
        erased,
        findings,
    } = report;
    terminal::line(&format!(
        "{leaves} leaves, {covered} under a signed checkpoint, {erased} without their evidence"
    ));
    for finding in &findings {
        terminal::line(&format!("FOUND  {finding}"));
    }
    let is_clean = findings.is_empty();
    terminal::line(if is_clean {
        "Nothing was changed."
    } else {
        "The log is not what it was."
    });
    Ok(is_clean)
}
