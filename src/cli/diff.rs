//! `shopbell diff`: the same history under two sets of rules.

use super::replay::{duration, failure, moment, output_closed};
use super::{Failure, files};
use crate::config::Config;
use crate::diff::{Both, DiffError, Input, diff, page, tell};
use crate::intake::CloudEventsJson;
use crate::replay::{Plan, shared_rules};
use crate::same_file::Uses;
use crate::source::{Decode, Source, open_file};
use clap::Args;
use shopbell_model::time::{Duration, Time};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Replay the same events under two sets of rules, and show what they say differently
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 0 whether there is a difference or not; in the JSON, `differ` says which."
)]
pub(super) struct Arguments {
    /// Event files in JSON Lines, replayed one after the other
    #[arg(long, required = true, num_args = 1..)]
    events: Vec<PathBuf>,
    /// Folder of the rules there are
    #[arg(long, value_name = "OLD")]
    rules: PathBuf,
    /// Folder of the rules there may be
    #[arg(long, value_name = "NEW")]
    against: PathBuf,
    /// Configuration file, for both
    #[arg(long)]
    config: Option<PathBuf>,
    /// Worker threads of each side [default: half of the cores]
    #[arg(long)]
    workers: Option<usize>,
    /// How much of the clock makes a tick
    #[arg(long, default_value = "100ms", value_parser = duration)]
    tick: Duration,
    /// Let the clock go on to this moment after the last event
    #[arg(long, value_parser = moment)]
    until: Option<Time>,
    /// Differences shown of each kind and rule
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=1000))]
    samples: u16,
    /// Write a page with charts to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the difference as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut config = files::config(arguments.config.as_deref())?;
    // What was kept back went to nobody.
    config.output.suppressed = false;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = arguments.workers.unwrap_or_else(|| config.engine.workers_on(cores / 2).max(1));
    if workers == 0 || workers > 64 {
        return Err(Failure::usage(
            "workers",
            "workers must be between 1 and 64",
            "half of the cores is best",
        ));
    }
    if arguments.events.iter().any(|path| path == Path::new("-")) {
        let hint = "write the events to a file: they are read twice";
        return Err(Failure::usage("diff-standard-input", "events cannot come from standard input", hint));
    }
    if let Some(html) = &arguments.html {
        apart(arguments, html)?;
    }
    let decoder: Arc<dyn Decode> =
        Arc::new(CloudEventsJson { wall_clock: crate::wall_clock, limits: config.limits });
    let old = input(arguments, &config, workers, &arguments.rules)?;
    let new = input(arguments, &config, workers, &arguments.against)?;
    // Before the work is done, so that a place that cannot be written to costs none.
    let html = arguments.html.as_ref().map(|path| create(path)).transpose()?;
    let bar = crate::progress::Progress::start("replaying", None);
    let mut shown = 0;
    let difference = diff(old, new, &decoder, arguments.samples.into(), |events| {
        bar.advance(events - shown);
        shown = events;
    })
    .map_err(|error| match error {
        DiffError::Replay(error) => failure(error),
        DiffError::Message(_) => Failure::engine("diff-message", &error, ""),
    })?;
    bar.finish();
    if let (Some(mut file), Some(path)) = (html, &arguments.html) {
        let name = |folder: &Path| folder.display().to_string();
        let page = page::page(&difference, &name(&arguments.rules), &name(&arguments.against));
        file.write_all(page.as_bytes()).map_err(|error| cannot_write(path, &error))?;
    }
    let mut out = anstream::stdout();
    let told = if arguments.json {
        writeln!(out, "{}", tell::as_json(&difference))
    } else {
        tell::tell(&mut out, &difference)
    };
    told.map_err(output_closed)?;
    let Both { old, .. } = &difference.outcomes;
    if !arguments.json && old.refused > 0 {
        let _ =
            writeln!(anstream::stderr(), "{} records are no events; `shopbell replay` says why", old.refused);
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a page that is a file which is read.
fn apart(arguments: &Arguments, html: &Path) -> Result<(), Failure> {
    let mut uses = Uses::default();
    uses.reads("--events", &arguments.events);
    uses.reads("--config", &arguments.config);
    uses.reads("--rules", &files::rule_files(&arguments.rules)?);
    uses.reads("--against", &files::rule_files(&arguments.against)?);
    uses.writes("--html", html);
    files::apart(&uses)
}

fn input(arguments: &Arguments, config: &Config, workers: usize, rules: &Path) -> Result<Input, Failure> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for path in &arguments.events {
        let file = open_file(path, config.limits.event_bytes);
        sources.push(Box::new(file.map_err(|error| Failure::usage(error.code(), &error, error.hint()))?));
    }
    let rules = shared_rules(&files::rules(rules)?);
    let (config, grid, until) = (config.clone(), arguments.tick.0, arguments.until);
    Ok(Input { plan: Plan { config, rules, workers, grid, until }, sources })
}

fn create(path: &Path) -> Result<std::fs::File, Failure> {
    std::fs::File::create(path).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("{} cannot be written: {error}", path.display());
    Failure::usage("diff-html", message, "check the path and who may write there")
}
