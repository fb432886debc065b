//! Which calls the core scenario makes, and what strikes them.

use std::collections::BTreeMap;

use crate::{
    Call, Fault, Name, Script, Strike,
    lab::{Setup, Struck},
    stage::{Job, Point, Stage, Task},
};

/// The classes that a pair is made of: what takes effect unheard, and a death.
pub(crate) const PAIRED: [Fault; 2] = [Fault::ErrorAfter, Fault::DeathAfter];

/// Strikes exactly these calls.
pub(crate) fn script(points: Vec<Point>) -> Script {
    Box::new(move |name, nth| {
        let mut points = points.iter();
        let point = points.find(|point| point.name == name && point.nth == nth);
        Strike {
            fault: point.map(|point| point.fault),
            ..Strike::default()
        }
    })
}

/// Whether a class of fault can strike a call at all.
pub(crate) fn applies(name: Name, fault: Fault) -> bool {
    !name.is_answer() || fault == Fault::DeathAfter
}

/// How much a stage strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Of each call the first and the last time, and pairs of those that decide what is written.
    Short,
    /// Every time of each call that changes something, and all pairs of them over one setup for each kind of
    /// write and webhooks: with what comes before and after delivering over the first.
    Long,
}

impl Extent {
    /// Which of the times of a call are struck.
    fn times(self, name: Name, all: &[usize]) -> Vec<usize> {
        if self == Self::Long && name.changes() {
            return all.to_vec();
        }
        let mut times: Vec<usize> = all.first().into_iter().chain(all.last()).copied().collect();
        times.dedup();
        times
    }

    /// Whether a call is struck in pairs, of those of a setup that are struck at all.
    fn pairs(self, name: Name) -> bool {
        match self {
            Self::Short => name.decides(),
            Self::Long => name.changes(),
        }
    }

    /// The setups over which pairs are struck, and which of their calls.
    fn paired(self, setups: &[Setup]) -> Vec<(usize, Struck)> {
        let mut paired = Vec::new();
        for (place, setup) in setups.iter().enumerate() {
            let known = setups[..place]
                .iter()
                .any(|known| known.kind() == setup.kind());
            let struck = match setup.struck {
                Struck::All if place > 0 => Struck::Delivering,
                struck => struck,
            };
            if self == Self::Short || !known {
                paired.push((place, struck));
            }
        }
        paired
    }

    /// What strikes these calls.
    fn points(self, calls: &[Call], classes: &[Fault], takes: impl Fn(Name) -> bool) -> Vec<Point> {
        let mut times: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for call in calls.iter().filter(|call| takes(call.name)) {
            times.entry(call.name).or_default().push(call.nth);
        }
        let mut points = Vec::new();
        for (name, all) in times {
            for nth in self.times(name, &all) {
                let classes = classes.iter().filter(|fault| applies(name, **fault));
                points.extend(classes.map(|&fault| Point { name, nth, fault }));
            }
        }
        points
    }
}

/// Whether a call of a setup is struck.
fn is_chosen(struck: Struck, name: Name) -> bool {
    match struck {
        Struck::All => true,
        Struck::Delivering => name.text().starts_with("deliver."),
        Struck::Deciding => name.decides(),
    }
}

/// Runs of the core scenario of a setup with faults at these points.
fn core(setup: usize, points: Vec<Point>) -> Job {
    Job {
        setup,
        task: Task::Core(points),
    }
}

/// Calls of the core scenario of every setup, struck by every class.
pub fn singles(stage: &Stage, extent: Extent) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (setup, made) in stage.setups().iter().enumerate() {
        let calls = stage.a_day_without_faults(setup).passed.calls;
        let points = extent.points(&calls, &Fault::ALL, |name| is_chosen(made.struck, name));
        jobs.extend(points.into_iter().map(|point| core(setup, vec![point])));
    }
    jobs
}

/// Two faults in one run: the second at the calls that come after the first, among them those of mending it.
pub fn pairs(stage: &Stage, extent: Extent) -> Vec<Job> {
    let takes = |struck, name| is_chosen(struck, name) && extent.pairs(name);
    let mut firsts = Vec::new();
    for (setup, struck) in extent.paired(stage.setups()) {
        let calls = stage.a_day_without_faults(setup).passed.calls;
        let points = extent.points(&calls, &PAIRED, |name| takes(struck, name));
        firsts.extend(points.into_iter().map(|first| (setup, struck, first)));
    }
    let jobs: Vec<Job> = firsts
        .iter()
        .map(|(setup, _, first)| core(*setup, vec![*first]))
        .collect();
    let outcomes = stage.all(&jobs);
    let mut jobs = Vec::new();
    for ((setup, struck, first), outcome) in firsts.into_iter().zip(outcomes) {
        let mut calls = outcome.passed.calls.as_slice();
        if let Some(place) = calls.iter().position(|call| call.fault.is_some()) {
            calls = &calls[place + 1..];
        }
        let seconds = extent.points(calls, &PAIRED, |name| takes(struck, name));
        jobs.extend(
            seconds
                .into_iter()
                .map(|second| core(setup, vec![first, second])),
        );
    }
    jobs
}
