//! `shopbell import`: public data sets as events.

use super::generate::output;
use super::replay::output_closed;
use super::{Failure, files};
use crate::import::{Format, ImportError, ImportOptions, files_of, import};
use crate::same_file::Uses;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Turn public data sets into events
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Format of the files: snowplow, ibeacon-csv or online-retail
    format: Format,
    /// The files of the data set, or their folder
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where events go, in JSON Lines; `-` is standard output
    #[arg(long, default_value = "-")]
    out: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let found = |error: ImportError| Failure::found(error.code(), &error, error.hint());
    let mut uses = Uses::default();
    uses.reads("input", &files_of(&arguments.files).map_err(found)?);
    uses.writes("--out", &arguments.out);
    files::apart(&uses)?;
    let mut writer = output(&arguments.out)?;
    let report =
        import(arguments.format, &arguments.files, &mut writer, &ImportOptions::default()).map_err(found)?;
    writer.flush().map_err(output_closed)?;
    let mut err = anstream::stderr();
    let summary = report.by_type.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>();
    writeln!(err, "{} events from {} rows: {}", report.events, report.rows, summary.join(", "))
        .map_err(output_closed)?;
    for (reason, count) in &report.skipped {
        writeln!(err, "  {count} rows skipped: {reason}").map_err(output_closed)?;
    }
    Ok(ExitCode::SUCCESS)
}
