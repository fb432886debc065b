//! One run: a fresh laboratory, a scenario, a script of faults, and what the history checker says.

use hub_connectors::Idempotency;
use hub_engine::CRMS;
use serde_json::Value;

use crate::{
    canon::{self, Reference},
    chaos::Weather,
    history::{Finding, History, Wrong},
    lab::{Lab, Setup, Struck},
    life, minimal,
    scenario::Step,
    seam::{Passed, Script, Strike},
};

/// What a run left.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Every call.
    pub passed: Passed,
    /// Events that were accepted for the connection or webhook.
    pub deliveries: usize,
    /// Deliveries that are parked with a reason, where the CRM leaves nothing else to do.
    pub parked: usize,
    /// What the CRM or receiver holds, in words that do not depend on times and ids.
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

/// What a run is made of.
pub struct Run<'a> {
    /// Where ids and chances come from.
    pub seed: u64,
    /// What is done.
    pub steps: &'a [Step],
    /// What happens to calls.
    pub script: Script,
    /// How queues behave.
    pub weather: Weather,
    /// Whether it goes on until what is looked at once a day was looked at.
    pub and_a_day: bool,
    /// What runs without faults leave, where that is known.
    pub reference: Option<&'a Reference>,
}

impl<'a> Run<'a> {
    /// A run without faults.
    pub fn of(steps: &'a [Step]) -> Self {
        Self {
            seed: 1,
            steps,
            script: Box::new(|_, _| Strike::default()),
            weather: Weather::default(),
            and_a_day: true,
            reference: None,
        }
    }

    /// Runs it, on a thread whose time is paused.
    pub async fn at(self, setup: &Setup) -> Outcome {
        let Self {
            seed,
            steps,
            script,
            weather,
            and_a_day,
            reference,
        } = self;
        life::panics();
        let lab = Lab::new(setup, seed, weather).await;
        let before = lab.remote.objects();
        lab.seam.arm(lab.world.clock.clone(), script);
        let worked = Box::pin(lab.work(lab.drive(steps), and_a_day)).await;
        lab.seam.disarm();
        lab.outcome(worked, &before, reference)
    }
}

impl Lab {
    fn outcome(
        &self,
        worked: Result<(), String>,
        before: &Value,
        reference: Option<&Reference>,
    ) -> Outcome {
        let passed = self.seam.passed();
        let history = self.history(&passed);
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
        let left = canon::changed(before, &self.remote.objects());
        if let Some(reference) = reference.filter(|_| findings.is_empty() && history.parked() == 0)
        {
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
            deliveries: self.told(|told| {
                let accepted = told.accepted.values();
                accepted
                    .filter(|event| self.destination.takes(event))
                    .count()
            }),
            left,
        }
    }

    fn history(&self, passed: &Passed) -> History {
        self.told(|told| {
            let wanted = self.destination.wanted(told.accepted.values());
            History {
                refused: told.refused.clone(),
                writes: passed.writes.clone(),
                held: self.destination.held(&self.remote.objects(), &wanted),
                entries: self.entries(),
                revisions: self.destination.revisions(self, &wanted),
                wanted,
                dead: self.dead(),
                poison: told.poison.clone(),
                may_park: self.may_park,
            }
        })
    }
}

/// One setup for each CRM of the registry, one for webhooks, and a minimal CRM for each kind of write that no CRM
/// of the registry has. What comes before and after delivering is the same for every CRM, so it is struck
/// over the first; of a minimal CRM only what is written counts.
pub fn setups() -> Vec<Setup> {
    let mut setups: Vec<Setup> = CRMS.iter().map(|crm| Setup::of(crm)).collect();
    let kinds: Vec<Idempotency> = setups.iter().filter_map(Setup::kind).collect();
    if let Some(first) = setups.first_mut() {
        first.struck = Struck::All;
    }
    setups.push(Setup::of_webhook());
    setups.extend(minimal::others(&kinds));
    setups
}
