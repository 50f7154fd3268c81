//! `shopbell replay`: history through the whole engine.

use super::{Failure, files};
use crate::intake::CloudEventsJson;
use crate::metrics::Metrics;
use crate::replay::{Outcomes, Plan, ReplayError, replay, shared_rules};
use crate::same_file::Uses;
use crate::sink::json_lines::Flush;
use crate::sink::{JsonLines, Sink};
use crate::source::DeadLetters;
use clap::Args;
use shopbell_model::time::{Duration, Time, format_rfc3339, parse_rfc3339};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Replay events from files through the whole engine, by their own clock
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Event files in JSON Lines, replayed one after the other; `-` is standard input
    #[arg(long, required = true, num_args = 1..)]
    events: Vec<PathBuf>,
    /// Folder of rule files
    #[arg(long)]
    rules: Option<PathBuf>,
    /// Configuration file
    #[arg(long)]
    config: Option<PathBuf>,
    /// Worker threads [default: one a core]
    #[arg(long)]
    workers: Option<usize>,
    /// How much of the clock makes a tick
    #[arg(long, default_value = "100ms", value_parser = duration)]
    tick: Duration,
    /// Let the clock go on to this moment after the last event
    #[arg(long, value_parser = moment)]
    until: Option<Time>,
    /// Where offers go, in JSON Lines; `-` is standard output
    #[arg(long, default_value = "-")]
    out: PathBuf,
    /// Where events go that cannot be understood, with the reason
    #[arg(long)]
    dead_letters: Option<PathBuf>,
    /// Exit with 1 where any event could not be understood
    #[arg(long)]
    strict: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// A duration with a unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text)
        .filter(|span| span.0 > 0)
        .ok_or_else(|| "a duration like 100ms, 30s, 10m, 48h or 7d".to_owned())
}

/// A moment in RFC 3339.
pub(super) fn moment(text: &str) -> Result<Time, String> {
    let time = parse_rfc3339(text).and_then(|time| Time::try_from(time).ok());
    time.ok_or_else(|| "a moment like 2026-01-05T10:00:00Z".to_owned())
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let config = files::config(arguments.config.as_deref())?;
    let folder = arguments.rules.clone().or_else(|| config.engine.rules.clone());
    let rules = match &folder {
        Some(folder) => shared_rules(&files::rules(folder)?),
        None => Vec::new(),
    };
    let workers = files::workers(arguments.workers, &config)?;
    apart(&arguments, folder.as_deref())?;
    let sources = files::sources(&arguments.events, &config)?;
    let sink: Box<dyn Sink> = if arguments.out == Path::new("-") {
        Box::new(JsonLines::standard_output(Flush::WhenFull))
    } else {
        let file = JsonLines::create(&arguments.out, Flush::WhenFull);
        Box::new(file.map_err(|error| Failure::usage(error.code(), &error, error.hint()))?)
    };
    let letters: Option<Box<dyn Write + Send>> = match &arguments.dead_letters {
        None => None,
        Some(path) => Some(Box::new(std::io::BufWriter::new(File::create(path).map_err(|error| {
            let message = format!("{} cannot be written: {error}", path.display());
            Failure::usage("dead-letters-open", message, "check the path and who may write there")
        })?))),
    };
    let mut dead_letters = DeadLetters::new(letters, Metrics::new());
    let decoder = CloudEventsJson { wall_clock: crate::wall_clock, limits: config.limits };
    let plan = Plan { config, rules, workers, grid: arguments.tick.0, until: arguments.until };
    let bar = crate::progress::Progress::start("replaying", None);
    let mut shown = 0;
    let started = Instant::now();
    let outcomes = replay(plan, sources, Arc::new(decoder), sink, &mut dead_letters, |events| {
        bar.advance(events - shown);
        shown = events;
    })
    .map_err(failure)?;
    bar.finish();
    let seconds = started.elapsed().as_secs_f64();
    report(&outcomes, dead_letters.counts(), seconds, workers, arguments.json).map_err(output_closed)?;
    Ok(if arguments.strict && outcomes.refused > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Refuses outputs that are files which are read, or one another.
fn apart(arguments: &Arguments, rules: Option<&Path>) -> Result<(), Failure> {
    let mut uses = Uses::default();
    uses.reads("--events", &arguments.events);
    uses.reads("--config", &arguments.config);
    if let Some(folder) = rules {
        uses.reads("--rules", &files::rule_files(folder)?);
    }
    uses.writes("--out", &arguments.out);
    if let Some(letters) = &arguments.dead_letters {
        uses.writes("--dead-letters", letters);
    }
    files::apart(&uses)
}

/// A replay's error as a failure of the command.
pub(super) fn failure(error: ReplayError) -> Failure {
    match error {
        ReplayError::Source(error) => Failure::engine(error.code(), &error, error.hint()),
        ReplayError::Sink(error) => Failure::engine(error.code(), &error, error.hint()),
        ReplayError::Engine(error) => Failure::engine(error.code(), &error, ""),
        ReplayError::Render(_) => Failure::engine("render", &error, ""),
    }
}

/// Standard output or error was closed by its reader.
pub(super) fn output_closed(error: std::io::Error) -> Failure {
    Failure::engine(
        "output-closed",
        format!("the result cannot be printed: {error}"),
        "keep the reader running",
    )
}

fn report(
    outcomes: &Outcomes,
    refused: &std::collections::BTreeMap<&'static str, u64>,
    seconds: f64,
    workers: usize,
    json: bool,
) -> std::io::Result<()> {
    let mut err = anstream::stderr();
    let rate = outcomes.events as f64 / seconds.max(1e-9);
    let clock = format_rfc3339(outcomes.clock);
    if json {
        let summary = serde_json::json!({
            "events": outcomes.events, "copies": outcomes.copies, "unknown": outcomes.unknown,
            "refused": outcomes.refused, "refused_by_code": refused, "ticks": outcomes.ticks,
            "offers": outcomes.made, "withdrawals": outcomes.withdrawn, "clock": clock,
            "seconds": seconds, "events_per_second": rate.round(), "workers": workers,
        });
        return writeln!(err, "{summary}");
    }
    writeln!(
        err,
        "{} events in {} ticks to {clock}: {} offers, {} withdrawn ({rate:.0} events/s, {workers} workers, {seconds:.2} s)",
        outcomes.events, outcomes.ticks, outcomes.made, outcomes.withdrawn
    )?;
    if outcomes.copies + outcomes.unknown + outcomes.refused > 0 {
        writeln!(
            err,
            "{} second copies, {} of unknown types, {} refused",
            outcomes.copies, outcomes.unknown, outcomes.refused
        )?;
    }
    for (code, count) in refused {
        writeln!(err, "  {count} {code}")?;
    }
    Ok(())
}
