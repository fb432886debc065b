//! Runs the laboratory: `docs/PROOF.md`.
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::{Parser, Subcommand};
use hub_faults::{
    Extent, Failure, Fault, Job, Name, Point, Stage, Tally, Task, chunks, pairs, setups, singles,
};

/// Every call on the path of a delivery fails; nothing is lost, twice or stale.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What every commit must pass: each call struck by each class, pairs that matter, seeds.
    Ci {
        /// How many seeds.
        #[arg(long, default_value_t = 300)]
        seeds: u64,
        /// This CRM alone, or `customwebhook`. A name that it does not call is no failure then.
        #[arg(long)]
        crm: Option<String>,
    },
    /// Every time of each call that changes something, struck by each class, in chunks that are kept.
    Calls {
        /// Where finished chunks are kept.
        #[arg(long)]
        keep: PathBuf,
    },
    /// All pairs of an unheard effect and a death there, in chunks that are kept.
    Pairs {
        /// Where finished chunks are kept.
        #[arg(long)]
        keep: PathBuf,
    },
    /// Seeds, in chunks that are kept.
    Seeds {
        /// Where finished chunks are kept.
        #[arg(long)]
        keep: PathBuf,
        /// From this one.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// To this one, which is not run.
        #[arg(long, default_value_t = 20_000)]
        to: u64,
    },
    /// One run again, with every call of it.
    Replay {
        /// The CRM, or `customwebhook`.
        #[arg(long)]
        crm: String,
        /// Its seed.
        #[arg(long, conflicts_with = "at")]
        seed: Option<u64>,
        /// Or its faults, as a failure prints them: `name#nth=class;…`.
        #[arg(long)]
        at: Option<String>,
    },
}

/// Failures that are printed.
const SHOWN: usize = 40;

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let only = match &command {
        Command::Ci { crm, .. } => crm.clone(),
        Command::Calls { .. }
        | Command::Pairs { .. }
        | Command::Seeds { .. }
        | Command::Replay { .. } => None,
    };
    let chosen = setups().into_iter();
    let chosen = chosen.filter(|setup| only.as_deref().is_none_or(|crm| setup.crm == crm));
    let stage = Stage::new(chosen.collect());
    let is_good = match command {
        Command::Ci { seeds, crm } => ci(&stage, seeds, crm.is_none()),
        Command::Pairs { keep } => kept(&stage, &keep, "pairs", &pairs(&stage, Extent::Long)),
        Command::Calls { keep } => kept(&stage, &keep, "calls", &singles(&stage, Extent::Long)),
        Command::Seeds { keep, from, to } => {
            let name = format!("seeds-{from}");
            kept(&stage, &keep, &name, &seeded(&stage, from, to))
        }
        Command::Replay { crm, seed, at } => replay(&stage, &crm, seed, at.as_deref()),
    };
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Seeds go round over the setups.
fn seeded(stage: &Stage, from: u64, to: u64) -> Vec<Job> {
    let setups = stage.setups().len();
    let job = |seed: u64| Job {
        setup: usize::try_from(seed).unwrap_or_default() % setups,
        task: Task::Seed(seed),
    };
    (from..to).map(job).collect()
}

fn ci(stage: &Stage, seeds: u64, is_whole: bool) -> bool {
    let mut sum = Tally::default();
    let mut is_good = true;
    let parts = [
        ("calls", singles(stage, Extent::Short)),
        ("pairs", pairs(stage, Extent::Short)),
        ("seeds", seeded(stage, 0, seeds)),
    ];
    for (name, jobs) in parts {
        let begun = Instant::now();
        let (tally, failures) = stage.run(&jobs, SHOWN);
        println!("{name}: {} runs in {:.1?}", tally.runs, begun.elapsed());
        is_good &= failures.is_empty();
        show(&failures);
        sum.join(&tally);
    }
    println!("{}", sum.table());
    let never = sum.never_called();
    for name in never.iter().filter(|_| is_whole) {
        println!(
            "{name} was never called: name.rs names a call that is gone, or a scenario has to make it"
        );
    }
    report(&sum) && is_good && (never.is_empty() || !is_whole)
}

/// The first failure with all of its calls, the others as they can be had again.
fn show(failures: &[Failure]) {
    for (place, failure) in failures.iter().enumerate() {
        println!("FAILED replay --crm {} {}", failure.crm, failure.task);
        for finding in &failure.outcome.findings {
            println!("  {finding}");
        }
        if place == 0 {
            println!("{}", failure.outcome.sequence());
        }
    }
}

/// Runs what is not kept yet, a chunk at a time, and prints the figures of all.
fn kept(stage: &Stage, keep: &std::path::Path, name: &str, jobs: &[Job]) -> bool {
    let mut is_good = true;
    println!("{name}: {} runs", jobs.len());
    let tally = chunks(keep, name, jobs, |jobs| {
        let begun = Instant::now();
        let (tally, failures) = stage.run(jobs, SHOWN);
        println!("{} more runs in {:.0?}", tally.runs, begun.elapsed());
        show(&failures);
        is_good &= failures.is_empty();
        failures.is_empty().then_some(tally)
    });
    match tally {
        Ok(tally) => report(&tally) && is_good,
        Err(error) => {
            println!("{}: {error}", keep.display());
            false
        }
    }
}

/// Prints what was found beside the line that closes a stage.
fn report(tally: &Tally) -> bool {
    for (wrong, count) in &tally.wrong {
        println!("{}: {count}", wrong.name());
    }
    for text in &tally.unnamed {
        println!("the call {text} has no name: a line in name.rs gives it one");
    }
    println!("runs {}, parked with a reason {}", tally.runs, tally.parked);
    println!("{tally}");
    tally.wrong.is_empty() && tally.unnamed.is_empty()
}

fn replay(stage: &Stage, crm: &str, seed: Option<u64>, at: Option<&str>) -> bool {
    let Some(setup) = stage.setups().iter().position(|setup| setup.crm == crm) else {
        let known: Vec<&str> = stage.setups().iter().map(|setup| setup.crm).collect();
        println!("no CRM {crm}; there are {}", known.join(", "));
        return false;
    };
    let points: Option<Vec<Point>> = at
        .unwrap_or_default()
        .split(';')
        .filter(|one| !one.is_empty())
        .map(point)
        .collect();
    let task = match (seed, points) {
        (Some(seed), _) => Task::Seed(seed),
        (None, Some(points)) => Task::Core(points),
        (None, None) => {
            println!("a fault is written name#nth=class, several with ; between them");
            return false;
        }
    };
    let outcome = stage.once(&Job { setup, task });
    print!("{}", outcome.sequence());
    for finding in &outcome.findings {
        println!("{finding}");
    }
    outcome.findings.is_empty()
}

fn point(text: &str) -> Option<Point> {
    let (call, fault) = text.split_once('=')?;
    let (name, nth) = call.split_once('#')?;
    Some(Point {
        name: Name::of(name)?,
        nth: nth.parse().ok()?,
        fault: Fault::ALL.into_iter().find(|known| known.name() == fault)?,
    })
}
