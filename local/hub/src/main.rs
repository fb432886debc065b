//! `cargo run`: the whole hub on one machine. `cargo run -- demo`: its main job, once. `bench`: what it costs.
//! `surroundings` and `event`: one function at a time. `sandbox`: the fake CRMs alone.
//! `redrive`: dead letters go back. `audit verify`: an export of the audit log, checked.
#![allow(
    clippy::print_stderr,
    reason = "the terminal is what this program is for"
)]

use std::{net::IpAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, builder::PossibleValuesParser};
use hub_local::{
    audit, bench,
    demo::{self, Outage},
    openapi,
    ports::{Place, Ports},
    redrive, sample, sandbox, stack, surroundings,
};
use hub_sandbox::Sandbox;
use mimalloc::MiMalloc;

/// The embedded AWS leaves holes in the heap, among which the system's allocator searches for each large piece: with a
/// thousand tenants that was a third of what the bench took for the hub's own time.
#[global_allocator]
static HEAP: MiMalloc = MiMalloc;

/// The CRM integration hub on this machine: API, functions, an embedded AWS and fake CRMs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Ports: 'random', or '+N' to move the documented ones.
    #[arg(long, global = true, default_value = "+0", value_name = "random|+N")]
    ports: Ports,
    /// The address of this machine at which everything is; a container cannot reach the usual one.
    #[arg(long, global = true, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Nothing goes out but to what runs here: no CRM's own server and no webhook's is called.
    #[arg(long, global = true)]
    closed: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Connects every destination, feeds the sample events, and checks that each record is there, once.
    Demo {
        /// A CRM that is gone in the middle, and for how long: NAME=10s.
        #[arg(long, value_name = "CRM=SECONDSs")]
        outage: Option<Outage>,
    },
    /// Measures what a delivery costs, how limits are kept, how the hub grows; docs/BENCH.md has the keys.
    Bench {
        /// One flat JSON object instead of a table.
        #[arg(long)]
        json: bool,
        /// Only keys that begin so.
        #[arg(long, value_name = "PREFIX")]
        only: Option<String>,
        /// A tenth of everything: for a look, not for figures.
        #[arg(long)]
        quick: bool,
    },
    /// Serves all but the functions (AWS, fake CRMs, issuer): for binaries, `sam local invoke`, `event`.
    Surroundings {
        /// Where to write the functions' environment, as JSON by logical id.
        #[arg(long, value_name = "FILE")]
        env: Option<PathBuf>,
    },
    /// Serves fake CRMs alone, for the tests of something else; docs/SANDBOX.md.
    Sandbox {
        /// Which ones; without a name, all.
        #[arg(value_name = "CRM", value_parser = PossibleValuesParser::new(Sandbox::crms().iter().copied()))]
        crms: Vec<String>,
        /// Decides ids and tokens: the same seed gives the same ones.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The addresses as one JSON object, in one line.
        #[arg(long)]
        json: bool,
    },
    /// Prints the document of the API, which is checked in as docs/openapi.json.
    Openapi,
    /// Prints a sample of `events/`, signed now, and makes what it refers to where `surroundings` runs.
    Event {
        /// Its name in `events/`, or the path of another file.
        file: String,
    },
    /// Moves dead letters back to their queue, of a hub that runs in another terminal.
    Redrive {
        /// `events`, or a CRM.
        queue: String,
        /// How many at most.
        #[arg(long, default_value_t = 1_000)]
        most: usize,
    },
    /// The audit log, offline.
    #[command(subcommand)]
    Audit(Audit),
}

#[derive(Subcommand)]
enum Audit {
    /// Checks an export against a checkpoint that was kept from earlier.
    Verify {
        /// All pages of `GET /api/audit`, one after the other in one file.
        export: PathBuf,
        /// A checkpoint: the signed note.
        #[arg(long)]
        checkpoint: PathBuf,
        /// The key that signs checkpoints, or the file that it is in.
        #[arg(long)]
        key: String,
    },
    /// Prints the proof that one entry of an export stands under a checkpoint.
    Prove {
        /// As for `verify`.
        export: PathBuf,
        /// The entry's index.
        #[arg(long)]
        leaf: usize,
        /// As for `verify`; it must cover the entry.
        #[arg(long)]
        checkpoint: PathBuf,
        /// As for `verify`.
        #[arg(long)]
        key: String,
    },
    /// Checks such a proof, without the rest of the log.
    Check {
        /// What `prove` printed.
        proof: PathBuf,
        /// The checkpoint that it was made for.
        #[arg(long)]
        checkpoint: PathBuf,
        /// As for `verify`.
        #[arg(long)]
        key: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments {
        ports,
        host,
        closed,
        command,
    } = Arguments::parse();
    let place = Place {
        host,
        ports,
        closed,
    };
    // The commands show results; what happens on the way is there with RUST_LOG=info.
    hub_lambda::telemetry::init_terminal(if command.is_some() { "error" } else { "info" });
    let outcome = match command {
        None => stack::until_interrupted(place).await.map(|()| true),
        Some(Command::Demo { outage }) => demo::run(place, outage).await,
        Some(Command::Bench { json, only, quick }) => {
            bench::run(bench::Options { json, only, quick }).await
        }
        Some(Command::Surroundings { env }) => {
            surroundings::until_interrupted(place, env.as_deref())
                .await
                .map(|()| true)
        }
        Some(Command::Sandbox { crms, seed, json }) => {
            let options = sandbox::Options { crms, seed, json };
            sandbox::until_interrupted(place, options)
                .await
                .map(|()| true)
        }
        Some(Command::Openapi) => openapi::print().map(|()| true),
        Some(Command::Event { file }) => sample::print(place, &file).await.map(|()| true),
        Some(Command::Redrive { queue, most }) => redrive::run(place, &queue, most).await,
        Some(Command::Audit(command)) => on_audit(&command),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn on_audit(command: &Audit) -> anyhow::Result<bool> {
    match command {
        Audit::Verify {
            export,
            checkpoint,
            key,
        } => audit::run(export, checkpoint, key),
        Audit::Prove {
            export,
            leaf,
            checkpoint,
            key,
        } => audit::run_prove(export, *leaf, checkpoint, key),
        Audit::Check {
            proof,
            checkpoint,
            key,
        } => audit::run_holds(proof, checkpoint, key),
    }
}
