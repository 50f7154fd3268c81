//! `shopbell demo`: Eva's afternoon, told step by step.

use super::replay::output_closed;
use super::{Failure, files};
use crate::config::Config;
use crate::demo::crowd::{Latency, crowd};
use crate::demo::stage::ticks;
use crate::demo::tell::{tell, tell_latency};
use crate::demo::{DemoError, Happening, Material, Play, Story, material, play};
use crate::progress::Progress;
use crate::replay::shared_rules;
use crate::rule_files;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Eva's afternoon, told step by step: what arrives, what is decided, and why
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Write the demo's files to a folder, to edit them, and do nothing else
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "events", "rules", "config", "story"])]
    write: Option<PathBuf>,
    /// Play the files of a folder that --write made
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Another file of events, in JSON Lines
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Another folder of rule files
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Another configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Another story: headings, narration and names
    #[arg(long, value_name = "FILE")]
    story: Option<PathBuf>,
    /// Play it again for so many copies of everybody, to measure the latency; 0: do not
    #[arg(long, default_value_t = 100, value_name = "COPIES")]
    repeat: u64,
    /// Worker threads
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Print the decisions as JSON Lines instead, and nothing else
    #[arg(long)]
    json: bool,
}

/// Copies of everybody at most: the crowd is held in memory.
const MOST_COPIES: u64 = 10_000;

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if let Some(folder) = &arguments.write {
        return write(folder);
    }
    if !(1..=64).contains(&arguments.workers) {
        return Err(Failure::usage("workers", "workers must be between 1 and 64", "1 is best for one story"));
    }
    if arguments.repeat > MOST_COPIES {
        let message = format!("--repeat must be at most {MOST_COPIES}");
        return Err(Failure::usage("demo-repeat", message, "`shopbell generate` and `replay` are for more"));
    }
    let material = material(arguments)?;
    let (name, text) = &material.config;
    let config = Config::parse(text, Path::new(name)).map_err(|errors| Failure::all_found(&errors))?;
    let rules = shopbell_model::rules::load(&material.rules).map_err(|errors| Failure::all_found(&errors))?;
    let rules = shared_rules(&rules);
    let (name, text) = &material.story;
    let story =
        Story::parse(name, text).map_err(|error| Failure::found(error.code(), &error, error.hint()))?;

    let on_stage = Play { config, rules, workers: arguments.workers, until: story.until };
    let events = ticks(&material.events, &on_stage.config).map_err(failure)?;
    let mut happenings = Vec::new();
    play(on_stage.clone(), events, |happening| happenings.push(happening)).map_err(failure)?;
    let mut out = anstream::stdout().lock();
    if arguments.json {
        for happening in &happenings {
            if let Happening::Decided(_, json) = happening {
                writeln!(out, "{json}").map_err(output_closed)?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    tell(&mut out, &story, &happenings).map_err(output_closed)?;
    if arguments.repeat > 0 {
        let latency = repeat(on_stage, &material.events, arguments.repeat).map_err(failure)?;
        writeln!(out).map_err(output_closed)?;
        tell_latency(&mut out, latency, arguments.repeat, arguments.workers).map_err(output_closed)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path) -> Result<ExitCode, Failure> {
    let written =
        material::write(folder).map_err(|error| Failure::usage(error.code(), &error, error.hint()))?;
    let mut out = anstream::stdout();
    for path in written {
        writeln!(out, "{}", path.display()).map_err(output_closed)?;
    }
    let shown = folder.display();
    writeln!(out, "\nplay them: shopbell demo --from {shown}").map_err(output_closed)?;
    let asked = format!("--events {shown}/events.jsonl --rules {shown}/rules --config {shown}/shopbell.toml");
    writeln!(out, "ask why:   shopbell explain --person wechat:eva {asked}").map_err(output_closed)?;
    Ok(ExitCode::SUCCESS)
}

/// The files inside the program, as far as none are given.
fn material(arguments: &Arguments) -> Result<Material, Failure> {
    let mut material = Material::embedded();
    let given = |named: &Option<PathBuf>, file: &str| {
        named.clone().or_else(|| arguments.from.as_ref().map(|folder| folder.join(file)))
    };
    if let Some(path) = given(&arguments.events, "events.jsonl") {
        material.events = text(&path)?.1;
    }
    if let Some(path) = given(&arguments.config, "shopbell.toml") {
        material.config = text(&path)?;
    }
    if let Some(path) = given(&arguments.story, "story.toml") {
        material.story = text(&path)?;
    }
    if let Some(path) = given(&arguments.rules, "rules") {
        material.rules = files::texts(&files::rule_files(&path)?)?;
    }
    Ok(material)
}

fn text(path: &Path) -> Result<(String, String), Failure> {
    let (mut texts, unread) = rule_files::texts(&[path.to_owned()]);
    if let Some(error) = unread.first() {
        return Err(Failure::usage(error.code(), error, error.hint()));
    }
    // One file was asked for, so one is there.
    Ok(texts.pop().unwrap_or_default())
}

/// The story for many, for its latency alone.
fn repeat(on_stage: Play, events: &str, copies: u64) -> Result<Option<Latency>, DemoError> {
    let crowd = ticks(&crowd(events, copies)?, &on_stage.config)?;
    let bar = Progress::start("measuring", Some(crowd.iter().map(|tick| tick.events.len() as u64).sum()));
    // Nobody reads what the crowd is told.
    let on_stage = Play { until: None, ..on_stage };
    let answers = play(on_stage, crowd, |happening| {
        if let Happening::Arrived(..) = happening {
            bar.advance(1);
        }
    })?;
    bar.finish();
    Latency::of(&answers)
}

fn failure(error: DemoError) -> Failure {
    match &error {
        DemoError::Event { .. } => Failure::found(error.code(), &error, error.hint()),
        DemoError::Engine(_) | DemoError::Render(_) | DemoError::Latency(_) => {
            Failure::engine(error.code(), &error, error.hint())
        }
    }
}
