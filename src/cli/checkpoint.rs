//! `shopbell checkpoint`: what a job keeps, for people.

mod tell;

use super::Failure;
use super::replay::output_closed;
use crate::run::inspect::{Inspection, inspect};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Look at what a job keeps in its `[state]` folder
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a folder of state through: what it holds, what is damaged, what a restart would do
    ///
    /// Every byte of checkpoints and journal is read and checked. Nothing is changed and no lock is taken, so a
    /// job may be running on the folder; damage is told when a second look finds it too. Keys and values of rows
    /// are not shown, as they may be personal.
    ///
    /// A run is a file of rows: the base of a checkpoint is the whole state, its differences are what changed
    /// since. Checkpoints share runs. A fallback is an older good checkpoint without a file of the one that a
    /// restart would use: no single damaged file takes both.
    ///
    /// What a restart would do is told as far as the folder says: it also needs the clock, the ticks and the
    /// rules of the checkpoint, and the output file.
    #[command(after_help = "Exit codes: 0 all is good, 1 something is damaged or a restart would fail, \
                            2 there is no folder of state.")]
    Inspect(Inspect),
}

#[derive(Debug, Args)]
struct Inspect {
    /// The folder given as `[state] folder`, or the `checkpoints` in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print all of it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Command::Inspect(Inspect { folder, json }) = &arguments.command;
    let seen = inspect(folder).map_err(|error| Failure::usage(error.code(), &error, error.hint()))?;
    print(&seen, *json).map_err(output_closed)?;
    Ok(if seen.good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print(seen: &Inspection, json: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if json { writeln!(out, "{}", serde_json::to_string(seen)?) } else { tell::tell(&mut out, seen) }
}
