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
    /// Every time of each call that changes something, and all pairs of those of delivering, over one CRM for each
    /// kind of write; of those that decide what is written over webhooks and minimal CRMs.
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

    /// Whether a setup's pairs are of all calls of delivering that change something, or of those alone that decide
    /// what is written.
    fn pairs_all(self, setup: &Setup) -> bool {
        self == Self::Long && setup.struck != Struck::Deciding && setup.kind().is_some()
    }

    /// The setups over which pairs are struck.
    fn paired(self, setups: &[Setup]) -> Vec<usize> {
        let is_first = |place: &usize| {
            let kind = setups[*place].kind();
            setups[..*place].iter().all(|before| before.kind() != kind)
        };
        let all = 0..setups.len();
        all.filter(|place| self == Self::Short || is_first(place))
            .collect()
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
        Struck::Delivering => name.is_delivering(),
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
    let points = |setup: usize, calls: &[Call]| {
        let all = extent.pairs_all(&stage.setups()[setup]);
        extent.points(calls, &PAIRED, |name| {
            name.decides() || all && name.is_delivering() && name.changes()
        })
    };
    let mut firsts = Vec::new();
    for setup in extent.paired(stage.setups()) {
        let calls = stage.a_day_without_faults(setup).passed.calls;
        let points = points(setup, &calls).into_iter();
        firsts.extend(points.map(|first| (setup, first)));
    }
    let jobs: Vec<Job> = firsts
        .iter()
        .map(|(setup, first)| core(*setup, vec![*first]))
        .collect();
    let outcomes = stage.all(&jobs);
    let mut jobs = Vec::new();
    for ((setup, first), outcome) in firsts.into_iter().zip(outcomes) {
        let mut calls = outcome.passed.calls.as_slice();
        if let Some(place) = calls.iter().position(|call| call.fault.is_some()) {
            calls = &calls[place + 1..];
        }
        let seconds = points(setup, calls).into_iter();
        jobs.extend(seconds.map(|second| core(setup, vec![first, second])));
    }
    jobs
}
