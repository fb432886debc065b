//! Which calls the core scenario makes, and what strikes them.

use std::collections::BTreeMap;

use crate::{
    Fault, Name, Script, Strike,
    lab::Struck,
    run::Run,
    stage::{Job, Point, Stage, Task, paused},
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

/// The calls of the core scenario, and how often it makes each.
pub(crate) fn calls(stage: &Stage, setup: usize) -> BTreeMap<Name, usize> {
    let setup = &stage.setups()[setup];
    let outcome = paused(Run::of(&setup.destination().core()).at(setup));
    let mut counts = BTreeMap::new();
    for call in outcome.passed.calls {
        *counts.entry(call.name).or_default() += 1;
    }
    counts
}

/// Which times of a call are struck: all of them, or the first and the last.
fn times(count: usize, all: bool) -> Vec<usize> {
    let chosen = |nth: &usize| all || *nth == 1 || *nth == count;
    (1..=count).filter(chosen).collect()
}

/// Whether a call is struck in the short stage.
fn is_chosen(struck: Struck, name: Name) -> bool {
    match struck {
        Struck::All => true,
        Struck::Delivering => name.text().starts_with("deliver."),
        Struck::Deciding => name.decides(),
    }
}

/// Every call of the core scenario of every setup, struck by every class.
pub fn singles(stage: &Stage, all: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    for setup in 0..stage.setups().len() {
        let struck = stage.setups()[setup].struck;
        let calls = calls(stage, setup).into_iter();
        let chosen = calls.filter(|(name, _)| all || is_chosen(struck, *name));
        for (name, count) in chosen {
            for nth in times(count, all) {
                for fault in Fault::ALL.into_iter().filter(|fault| applies(name, *fault)) {
                    let point = Point { name, nth, fault };
                    jobs.push(Job {
                        setup,
                        task: Task::Core(vec![point]),
                    });
                }
            }
        }
    }
    jobs
}

/// Two faults in one run, at all times of all calls that are struck there. Not all: of the calls that decide what
/// is written, the first and the last time.
pub fn pairs(stage: &Stage, all: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    for setup in 0..stage.setups().len() {
        let struck = stage.setups()[setup].struck;
        let is_paired = |name: Name| name.decides() || all && is_chosen(struck, name);
        let calls = calls(stage, setup);
        let mut points = Vec::new();
        for (name, count) in calls.into_iter().filter(|(name, _)| is_paired(*name)) {
            for nth in times(count, all) {
                for fault in PAIRED.into_iter().filter(|fault| applies(name, *fault)) {
                    points.push(Point { name, nth, fault });
                }
            }
        }
        for (place, first) in points.iter().enumerate() {
            for second in &points[place + 1..] {
                if (first.name, first.nth) != (second.name, second.nth) {
                    jobs.push(Job {
                        setup,
                        task: Task::Core(vec![*first, *second]),
                    });
                }
            }
        }
    }
    jobs
}
