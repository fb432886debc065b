//! Many runs, on as many threads as there are, each run on one.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::{
    Fault, Name, Outcome, Setup, Step,
    canon::Reference,
    chaos::{self, Weather},
    points,
    run::Run,
    scenario::{at_once, sessions_first, sessions_last},
    tally::Tally,
};

/// A fault at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Which call.
    pub name: Name,
    /// Which time it is made.
    pub nth: usize,
    /// What strikes it.
    pub fault: Fault,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}={}", self.name, self.nth, self.fault)
    }
}

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// The core scenario, with faults at these calls.
    Core(Vec<Point>),
    /// What the seed says.
    Seed(u64),
}

/// One run of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The place of its setup.
    pub setup: usize,
    /// What it does.
    pub task: Task,
}

/// A run that found something.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The CRM, or `customwebhook`.
    pub crm: &'static str,
    /// What was done.
    pub task: Task,
    /// What came of it.
    pub outcome: Outcome,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core(points) => {
                let points: Vec<String> = points.iter().map(ToString::to_string).collect();
                write!(f, "--at '{}'", points.join(";"))
            }
            Self::Seed(seed) => write!(f, "--seed {seed}"),
        }
    }
}

/// Setups with what a run without faults leaves at each.
pub struct Stage {
    setups: Vec<Setup>,
    /// By setup and scenario.
    references: Mutex<BTreeMap<(usize, u64), Reference>>,
}

/// Runs a future on this thread, in paused time.
pub fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(work)
}

impl Stage {
    /// A stage over these setups.
    pub fn new(setups: Vec<Setup>) -> Self {
        Self {
            setups,
            references: Mutex::default(),
        }
    }

    /// The setups.
    pub fn setups(&self) -> &[Setup] {
        &self.setups
    }

    /// What runs of a scenario without faults leave: as it is, with its sessions before anything else, after
    /// everything else, and all of it within a minute, so that a session is written with what belongs to it.
    /// Scenarios are told by a number.
    fn reference(&self, setup: usize, scenario: u64, steps: &[Step]) -> Reference {
        let known = self
            .references
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&(setup, scenario)) {
            return known.clone();
        }
        drop(known);
        let mut reference = Reference::default();
        for steps in [
            steps.to_vec(),
            sessions_first(steps),
            sessions_last(steps),
            at_once(steps),
        ] {
            let outcome = paused(Run::of(&steps).at(&self.setups[setup]));
            assert!(
                outcome.findings.is_empty(),
                "{} without faults: {:#?}\n{}",
                self.setups[setup].crm,
                outcome.findings,
                outcome.sequence()
            );
            reference.add(&outcome.left);
        }
        let mut known = self
            .references
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert((setup, scenario), reference.clone());
        reference
    }

    /// One run, on this thread.
    pub fn once(&self, job: &Job) -> Outcome {
        let setup = &self.setups[job.setup];
        match &job.task {
            Task::Core(points) => {
                let steps = setup.destination().core();
                let reference = self.reference(job.setup, 0, &steps);
                let script = points::script(points.clone());
                // What comes once a day is waited for where it is struck.
                let and_a_day = points.iter().any(|point| point.name.is_scheduled());
                let run = Run {
                    script,
                    and_a_day,
                    reference: Some(&reference),
                    ..Run::of(&steps)
                };
                paused(run.at(setup))
            }
            Task::Seed(seed) => {
                let reference = self.reference(job.setup, 1, &chaos::calm());
                let weather = Weather::of(*seed);
                let script = chaos::script(*seed);
                let run = Run {
                    seed: *seed,
                    steps: &chaos::steps(*seed),
                    script,
                    weather,
                    and_a_day: false,
                    reference: Some(&reference),
                };
                paused(run.at(setup))
            }
        }
    }

    /// One run of the core scenario that is compared with nothing: for a hub that is wrong without any fault.
    pub fn once_alone(&self, job: &Job) -> Outcome {
        let points = match &job.task {
            Task::Core(points) => points.clone(),
            Task::Seed(_) => Vec::new(),
        };
        let setup = &self.setups[job.setup];
        let steps = setup.destination().core();
        let run = Run {
            script: points::script(points),
            ..Run::of(&steps)
        };
        paused(run.at(setup))
    }

    /// A run of the core scenario without faults, until what is looked at once a day was looked at.
    pub(crate) fn a_day_without_faults(&self, setup: usize) -> Outcome {
        let setup = &self.setups[setup];
        paused(Run::of(&setup.destination().core()).at(setup))
    }

    /// All runs, and those that found something, at most `most` of them.
    pub fn run(&self, jobs: &[Job], most: usize) -> (Tally, Vec<Failure>) {
        let done = Mutex::new((Tally::default(), Vec::new()));
        self.each(jobs, |_, job, outcome| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            let (tally, failures) = &mut *done;
            tally.add(&outcome, matches!(job.task, Task::Seed(_)));
            if !outcome.findings.is_empty() && failures.len() < most {
                failures.push(Failure {
                    crm: self.setups[job.setup].crm,
                    task: job.task.clone(),
                    outcome,
                });
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes of all runs, in their order.
    pub(crate) fn all(&self, jobs: &[Job]) -> Vec<Outcome> {
        let outcomes = Mutex::new(BTreeMap::new());
        self.each(jobs, |place, _, outcome| {
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.insert(place, outcome);
        });
        let outcomes = outcomes.into_inner();
        let outcomes = outcomes.unwrap_or_else(PoisonError::into_inner);
        outcomes.into_values().collect()
    }

    /// Makes all runs and tells the outcome of each, as they end.
    fn each(&self, jobs: &[Job], tell: impl Fn(usize, &Job, Outcome) + Sync) {
        static NOTED: OnceLock<()> = OnceLock::new();
        NOTED.get_or_init(crate::note_panics);
        let next = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Relaxed);
                        let Some(job) = jobs.get(place) else {
                            break;
                        };
                        tell(place, job, self.once(job));
                    }
                });
            }
        });
    }
}
