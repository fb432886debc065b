//! `audit …`: checks an export of the audit log, and makes and checks proofs of single entries,
//! offline.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use hub_domain::audit::{Checkpoint, Entry, Proof, Report, VerifierKey, verify::verify};
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
    let (key, held) = held(checkpoint, key)?;
    let (entries, notes) = pages(export)?;
    Ok(verify(&entries, &notes, &held, |note| open(note, &key)))
}

fn held(checkpoint: &str, key: &str) -> anyhow::Result<(VerifierKey, Checkpoint)> {
    let key: VerifierKey = key.trim().parse().context("the key")?;
    match open(checkpoint, &key) {
        Some(held) => Ok((key, held)),
        None => bail!("the checkpoint is not one that this key signed"),
    }
}

/// The entries and the checkpoints of an export.
fn pages(export: &str) -> anyhow::Result<(Vec<Entry>, Vec<String>)> {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for page in serde_json::Deserializer::from_str(export).into_iter::<Page>() {
        let page = page.context("the export")?;
        entries.extend(page.items);
        notes.extend(page.checkpoints);
    }
    Ok((entries, notes))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// The key itself, or the file that it is in.
fn key_of(given: &str) -> String {
    fs::read_to_string(given).unwrap_or_else(|_| given.to_owned())
}

/// The proof that one entry of an export stands under a checkpoint, as JSON.
///
/// # Errors
/// As [`check`], or the checkpoint does not cover the entry, or the export does not lead to it.
pub fn prove(export: &str, leaf: usize, checkpoint: &str, key: &str) -> anyhow::Result<String> {
    let (_, held) = held(checkpoint, key)?;
    let (entries, _) = pages(export)?;
    let proof = Proof::of(&entries, leaf, held.size)
        .with_context(|| format!("the checkpoint and the export have no leaf {leaf}"))?;
    if !proof.holds(&held) {
        bail!("the export does not lead to the checkpoint: verify it");
    }
    Ok(serde_json::to_string(&proof)?)
}

/// Whether a proof holds.
///
/// # Errors
/// Proof, checkpoint or key cannot be read, or the key did not sign the checkpoint.
pub fn holds(proof: &str, checkpoint: &str, key: &str) -> anyhow::Result<bool> {
    let (_, held) = held(checkpoint, key)?;
    let proof: Proof = serde_json::from_str(proof).context("the proof")?;
    Ok(proof.holds(&held))
}

/// [`prove`] with files; the proof goes to standard output.
///
/// # Errors
/// As [`prove`].
pub fn run_prove(export: &Path, leaf: usize, checkpoint: &Path, key: &str) -> anyhow::Result<bool> {
    let proof = prove(&read(export)?, leaf, &read(checkpoint)?, &key_of(key))?;
    terminal::line(&proof);
    Ok(true)
}

/// [`holds`] with files, told to a person.
///
/// # Errors
/// As [`holds`].
pub fn run_holds(proof: &Path, checkpoint: &Path, key: &str) -> anyhow::Result<bool> {
    let holds = holds(&read(proof)?, &read(checkpoint)?, &key_of(key))?;
    terminal::line(if holds {
        "The entry stands in the log."
    } else {
        "The proof does not hold."
    });
    Ok(holds)
}

/// [`check`] with files, told to a person. Whether nothing was found.
///
/// # Errors
/// As [`check`].
pub fn run(export: &Path, checkpoint: &Path, key: &str) -> anyhow::Result<bool> {
    let report = check(&read(export)?, &read(checkpoint)?, &key_of(key))?;
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
