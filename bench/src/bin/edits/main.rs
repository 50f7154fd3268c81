//! What an edit of rules costs while everything lives: one command, one table.
//!
//! Every customer has an article in the cart; a rule speaks to those whose article costs at least so much. Its threshold
//! is moved, so that a fifth of all answers appear or disappear, without and with a load beside it; then rules are read
//! anew again and again under the same load, broken and torn files among them. The load's own offers come from another
//! rule: their latency is told before and during. Everything is in one folder, which is removed at the end.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod http;
mod load;
mod offers;
mod report;

use clap::Parser;
use load::Load;
use offers::Offers;
use report::Report;
use shopbell_bench::measure::bench::{Programs, run};
use shopbell_bench::measure::crowd::{Crowd, rule};
use shopbell_bench::measure::job::{Job, Wanted};
use shopbell_bench::measure::{error, error::MeasureError};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Measures edits of rules over many customers, alone and under load.
#[derive(Clone, Debug, Parser)]
#[command(name = "edits")]
struct Arguments {
    /// The engine; without it the one beside this program.
    #[arg(long)]
    shopbell: Option<PathBuf>,
    /// The load generator; without it the one beside this program.
    #[arg(long)]
    load: Option<PathBuf>,
    /// Customers; an edit moves the answers of a fifth of them.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,
    /// Worker threads.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Events a second of the load beside it.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Seconds of load before, while edits are made, and while rules are read anew.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How often rules are read anew; two of five are wrong.
    #[arg(long, default_value_t = 500)]
    reloads: u64,
    /// Another seed gives another day.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave `[state]` out.
    #[arg(long)]
    no_state: bool,
    /// Where the report goes; without it to standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Where the rule is that is edited.
const DEAR: &str = "rules/dear.toml";

/// The rule that the load is about, in a version of its own.
fn here(version: u64) -> String {
    format!(
        "[rule.here]\nwhen = \"zone_entered\"\ndwell = \"0s\"\ninterest = [\"none\"]\nscore = 50\n\
         [rule.here.offer]\ntitle = \"Welcome {version}\"\nvalid = \"5m\"\nchannels = [\"associate\"]\n"
    )
}

type Bench = shopbell_bench::measure::bench::Bench<Arguments>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let out = arguments.out.clone();
    run("edits", out.as_deref(), || {
        if arguments.customers < 100 || arguments.rate == 0 || arguments.seconds == 0 {
            return Err(MeasureError::Arguments);
        }
        let Arguments { shopbell, load, .. } = arguments.clone();
        let programs = Programs { shopbell: shopbell.as_deref(), load: load.as_deref() };
        let bench = Bench::new("edits", programs, None, arguments)?;
        Ok(measure(&bench)?.text(&bench))
    })
}

/// How long it was from the word to read the rules until they were in force, and until every answer had moved.
pub(crate) struct Edit {
    pub(crate) what: String,
    pub(crate) moved: u64,
    pub(crate) in_force: Duration,
    pub(crate) all: Duration,
}

fn measure(bench: &Bench) -> Result<Report, MeasureError> {
    let arguments = &bench.arguments;
    bench.tell("writing customers and the load");
    let crowd = Crowd { customers: arguments.customers };
    crowd.write(&bench.path("crowd.jsonl"))?;
    let load = Load::write(bench)?;
    bench.write(DEAR, &rule(80))?;
    bench.write("rules/here.toml", &here(0))?;
    let state = if arguments.no_state { "" } else { "[state]\nfolder = \"state\"\n" };
    let config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[source]\nfiles = [\"crowd.jsonl\"]\n[output]\nfile = \"offers.jsonl\"\n{state}"
    );
    bench.write("job.toml", &config)?;
    let (config, rules) = (bench.path("job.toml"), bench.path("rules"));
    let mut job =
        Job::start(&bench.shopbell, &Wanted { config: &config, rules, workers: arguments.workers })?;
    let address = job.says("running")?.text("http");
    let mut offers = Offers::new(bench.path("offers.jsonl"));
    let fifth = arguments.customers / 5;
    bench.tell("waiting until everybody is known");
    job.watch(|| offers.look().made < fifth)?;
    let begun = Instant::now();
    job.watch(|| begun.elapsed() < Duration::from_secs(3))?;

    let mut edits = Edits { bench, job: &mut job, offers: &mut offers, address: &address, fifth };
    bench.tell("edits alone");
    let mut alone = Vec::new();
    for (threshold, come) in [(60, true), (80, false), (40, true), (80, false)] {
        alone.push(edits.edit(threshold, come)?);
    }
    bench.tell("the load alone");
    let before = load.run(bench, &address, |_| Ok(()))?;
    bench.tell("edits under load");
    let mut beside = Vec::new();
    let during = load.run(bench, &address, |time| {
        for (threshold, come) in [(20, true), (80, false), (0, true), (80, false)] {
            time.reach(beside.len() as f64 / 4.0 + 0.1);
            beside.push(edits.edit(threshold, come)?);
        }
        Ok(())
    })?;
    bench.tell("rules read anew under load");
    let mut reloads = Reloads::default();
    let reloading = load.run(bench, &address, |time| reloads.run(bench, &address, time))?;
    job.stop()?;
    Ok(Report { alone, beside, before, during, reloading, reloads, peak: job.peak })
}

struct Edits<'a> {
    bench: &'a Bench,
    job: &'a mut Job,
    offers: &'a mut Offers,
    address: &'a str,
    fifth: u64,
}

impl Edits<'_> {
    /// Moves the threshold, and waits until every answer has moved.
    fn edit(&mut self, threshold: u64, come: bool) -> Result<Edit, MeasureError> {
        self.bench.write(DEAR, &rule(threshold))?;
        let before = self.offers.look();
        let began = Instant::now();
        http::expect(self.address, "POST /v1/rules/reload", 200)?;
        let in_force = began.elapsed();
        let (offers, fifth) = (&mut *self.offers, self.fifth);
        self.job.watch(|| {
            let now = offers.look();
            if come { now.made < before.made + fifth } else { now.withdrawn < before.withdrawn + fifth }
        })?;
        let what = if come { "offers made" } else { "offers withdrawn" };
        Ok(Edit { what: what.to_owned(), moved: fifth, in_force, all: began.elapsed() })
    }
}

/// How often rules were read anew, and what came of it.
#[derive(Default)]
pub(crate) struct Reloads {
    pub(crate) applied: u64,
    pub(crate) refused: u64,
}

impl Reloads {
    fn run(&mut self, bench: &Bench, address: &str, time: &load::Time) -> Result<(), MeasureError> {
        let reloads = bench.arguments.reloads;
        for number in 1..=reloads {
            time.reach(0.05 + 0.9 * number as f64 / reloads as f64);
            let text = here(number);
            let (text, status) = match number % 5 {
                0 => ("[rule.here]\nwhen = 3\n".to_owned(), 422),
                1 => (text.chars().take(text.len() - 9).collect(), 422),
                _ => (text, 200),
            };
            bench.write("rules/here.toml", &text)?;
            http::expect(address, "POST /v1/rules/reload", status)?;
            *(if status == 200 { &mut self.applied } else { &mut self.refused }) += 1;
        }
        Ok(())
    }
}
