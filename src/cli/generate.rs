//! `shopbell generate`: the events of a mall that never was.

use super::Failure;
use super::replay::{duration, moment, output_closed};
use crate::progress::Progress;
use clap::Args;
use shopbell_bench::generator::{Mall, generate};
use shopbell_model::time::{Duration, Time};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make the events of a mall that never was, the same for the same seed
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Customers, each with a member card, a phone and one or two browsers
    #[arg(long, default_value_t = 1000)]
    customers: u32,
    /// Events to write
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// Another seed gives another day
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Shops
    #[arg(long, default_value_t = 20)]
    shops: u32,
    /// Articles
    #[arg(long, default_value_t = 20_000)]
    items: u32,
    /// Time from the first event to the last
    #[arg(long, default_value = "1h", value_parser = duration)]
    span: Duration,
    /// When it starts
    #[arg(long, default_value = "2026-01-05T09:00:00Z", value_parser = moment)]
    start: Time,
    /// Where events go, in JSON Lines; `-` is standard output
    #[arg(long, default_value = "-")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mall = Mall {
        customers: arguments.customers,
        events: arguments.events,
        seed: arguments.seed,
        shops: arguments.shops,
        items: arguments.items,
        span_ms: arguments.span.0,
        start_ms: arguments.start,
    };
    let mut writer = output(&arguments.out)?;
    let progress = Progress::start("generating", Some(arguments.events));
    let mut pending = 0;
    generate(&mall, &mut |line: &[u8]| {
        pending += 1;
        if pending == 4096 {
            progress.advance(std::mem::take(&mut pending));
        }
        writer.write_all(line)
    })
    .and_then(|()| writer.flush())
    .map_err(output_closed)?;
    progress.finish();
    Ok(ExitCode::SUCCESS)
}

/// A file, or standard output for `-`.
pub(super) fn output(path: &Path) -> Result<BufWriter<Box<dyn Write>>, Failure> {
    let writer: Box<dyn Write> = if path == Path::new("-") {
        Box::new(std::io::stdout().lock())
    } else {
        Box::new(File::create(path).map_err(|error| {
            let message = format!("{} cannot be written: {error}", path.display());
            Failure::usage("output-open", message, "check the path and who may write there")
        })?)
    };
    Ok(BufWriter::with_capacity(1 << 18, writer))
}
