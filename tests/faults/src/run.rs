//! One run: a fresh laboratory, a scenario, a script of faults, and what the history checker says.

use std::collections::BTreeSet;

use hub_engine::CRMS;

use crate::{
    canon::{self, Reference},
    history::{Finding, History, Wrong, ours},
    lab::{Lab, Setup},
    life, minimal,
    scenario::{Step, wanted},
    seam::{Passed, Script, Strike},
};

/// What a run left.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Every call.
    pub passed: Passed,
    /// Events that were accepted for the connection.
    pub deliveries: usize,
    /// Deliveries that are parked with a reason, where the CRM leaves nothing else to do.
    pub parked: usize,
    /// What the CRM holds, in words that do not depend on times and ids.
    pub left: Vec<String>,
}

impl Outcome {
    /// How many findings are of a kind.
    pub fn count(&self, wrong: Wrong) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.wrong == wrong)
            .count()
    }

    /// Its calls, numbered, one a line.
    pub fn sequence(&self) -> String {
        let calls = self.passed.calls.iter().enumerate();
        calls.fold(String::new(), |text, (place, call)| {
            format!("{text}{:>5} {call}\n", place + 1)
        })
    }
}

/// A script without any fault.
pub fn faultless() -> Script {
    Box::new(|_, _| Strike::default())
}

/// Runs a scenario. `reference` is what runs without faults leave.
pub async fn run(
    setup: &Setup,
    seed: u64,
    steps: &[Step],
    script: Script,
    reference: Option<&Reference>,
) -> Outcome {
    life::panics();
    let lab = Lab::new(setup, seed).await;
    let before = lab.remote.objects();
    lab.seam.arm(lab.world.clock.clone(), script);
    let worked = lab.work(lab.drive(steps)).await;
    lab.seam.disarm();
    let passed = lab.seam.passed();
    let history = lab.history(&passed);
    let mut findings = history.check();
    let mut find = |wrong, what| findings.push(Finding { wrong, what });
    if let Err(left) = worked {
        find(Wrong::Lost, left);
    }
    for text in &passed.unnamed {
        find(Wrong::Different, format!("the call {text} has no name"));
    }
    for panic in life::panics() {
        find(Wrong::Different, format!("a panic: {panic}"));
    }
    let left = canon::changed(&before, &lab.remote.objects());
    if let Some(reference) = reference.filter(|_| findings.is_empty() && history.parked() == 0) {
        for difference in reference.differences(&left) {
            findings.push(Finding {
                wrong: Wrong::Different,
                what: difference,
            });
        }
    }
    Outcome {
        findings,
        passed,
        parked: history.parked(),
        deliveries: lab.told(|told| told.accepted.len()),
        left,
    }
}

impl Lab {
    fn history(&self, passed: &Passed) -> History {
        self.told(|told| {
            let wanted = wanted(told.accepted.values());
            let keys: BTreeSet<String> = wanted.iter().map(|wanted| wanted.key.clone()).collect();
            History {
                wanted,
                refused: told.refused.clone(),
                writes: passed.writes.clone(),
                held: ours(&self.remote.objects(), &keys),
                entries: self.entries(),
                revisions: self.revisions(),
                dead: self.dead(),
                poison: told.poison.clone(),
                may_park: self.may_park,
            }
        })
    }
}

/// One setup for each CRM of the registry, and a minimal CRM for each kind of write that none of them has.
pub fn setups() -> Vec<Setup> {
    let mut kinds = Vec::new();
    for crm in CRMS {
        let connector = hub_connectors::connector(crm).and_then(Result::ok);
        kinds.extend(connector.map(|connector| connector.manifest().idempotency));
    }
    let setups = CRMS.iter().map(|crm| Setup::of(crm));
    setups.chain(minimal::others(&kinds)).collect()
}
