//! What `[state]` costs, and what it gives back: one command, one table.
//!
//! Three measurements, each of the built engine as a process: large states that are killed and taken up again; the same
//! file with and without `[state]` in turn; the same live load with and without it in turn. What is compared was
//! measured in turn, so that a noisy machine is noisy for both. Everything is in one folder, which is removed at the end
//! unless it was named.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod beat;
mod disk;
mod file;
mod live;
mod material;
mod report;
mod restart;

use clap::Parser;
use report::Report;
use shopbell_bench::measure::bench::{Programs, run};
use shopbell_bench::measure::error::MeasureError;
use shopbell_bench::measure::{error, job};
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures recovery of a large state, and what journal and checkpoints cost.
#[derive(Clone, Debug, Parser)]
#[command(name = "recovery", args_override_self = true)]
struct Arguments {
    /// The engine; without it the one beside this program.
    #[arg(long)]
    shopbell: Option<PathBuf>,
    /// The load generator; without it the one beside this program.
    #[arg(long)]
    load: Option<PathBuf>,
    /// Where rules of `bench/` are.
    #[arg(long, default_value = "bench")]
    rules: PathBuf,
    /// Customers of the mall and of the crowd that are recovered; a tenth of them in the others.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,
    /// Events of the mall.
    #[arg(long, default_value_t = 4_000_000)]
    events: u64,
    /// Events of the file that is run with and without `[state]`.
    #[arg(long, default_value_t = 1_000_000)]
    file_events: u64,
    /// How often each of the two is run over it.
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Events a second of the live load; 0 leaves it out.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Seconds of each live run.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How often each of the two is loaded.
    #[arg(long, default_value_t = 2)]
    live_pairs: usize,
    /// Milliseconds from one checkpoint to the next.
    #[arg(long, default_value_t = 5000)]
    checkpoint_ms: u64,
    /// Another seed gives another day.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder to work in, which stays; some gigabytes.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where the report goes; without it to standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

type Bench = shopbell_bench::measure::bench::Bench<Arguments>;

impl Arguments {
    fn rules(&self, name: &str) -> PathBuf {
        self.rules.join(name)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let out = arguments.out.clone();
    run("recovery", out.as_deref(), || measure(arguments))
}

fn measure(arguments: Arguments) -> Result<String, MeasureError> {
    if arguments.pairs == 0
        || arguments.customers < 100
        || arguments.events == 0
        || arguments.file_events == 0
    {
        return Err(MeasureError::Arguments);
    }
    let Arguments { shopbell, load, folder, .. } = arguments.clone();
    let programs = Programs { shopbell: shopbell.as_deref(), load: load.as_deref() };
    let bench = Bench::new("recovery", programs, folder.as_deref(), arguments)?;
    Ok(all(&bench)?.text(&bench))
}

fn all(bench: &Bench) -> Result<Report, MeasureError> {
    let restarts = [restart::of_mall(bench)?, restart::of_crowd(bench)?];
    let file = file::measure(bench)?;
    let live = (bench.arguments.rate > 0).then(|| live::measure(bench)).transpose()?;
    Ok(Report { restarts, file, live })
}
