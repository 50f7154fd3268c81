//! Commands: arguments in, exit code out.
//!
//! Exit codes: 0 done, 1 something was found wrong (rules, tests, input where `--strict`), 2 used wrongly,
//! 3 the engine failed. Results go to standard output, logs and progress to standard error.

mod check;
mod checkpoint;
mod demo;
mod diff;
mod explain;
mod failure;
mod files;
mod generate;
mod import;
mod logs;
mod replay;
mod run;
mod schema;
mod test;
mod webhooks;

pub use failure::Failure;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Real-time offers for retailers: one best offer per person, withdrawn when its reason is gone.
#[derive(Debug, Parser)]
#[command(name = "shopbell", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Eva's afternoon, told step by step: what arrives, what is decided, and why
    Demo(demo::Arguments),
    /// Run the live job until SIGINT or SIGTERM
    Run(run::Arguments),
    /// Replay events from files through the whole engine, by their own clock
    Replay(replay::Arguments),
    /// Check rule files and configuration files, and name everything that is wrong
    Check(check::Arguments),
    /// Print the JSON Schema of rule files, so that editors complete and check them
    Schema(schema::Arguments),
    /// Run the tests in rule files
    Test(test::Arguments),
    /// Replay the same events under two sets of rules, and show what they say differently
    Diff(diff::Arguments),
    /// Why an offer was made, or what is known of a person and why no rule makes an offer
    Explain(explain::Arguments),
    /// Make the events of a mall that never was, the same for the same seed
    Generate(generate::Arguments),
    /// Turn public data sets into events
    Import(import::Arguments),
    /// Look at what a job keeps in its `[state]` folder
    Checkpoint(checkpoint::Arguments),
    /// See what webhook receivers of a running job are still to get, send it again, or drop it
    Webhooks(webhooks::Arguments),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Checkpoint(arguments) => checkpoint::run(&arguments),
        Command::Webhooks(arguments) => webhooks::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            failure.report();
            failure.exit_code()
        }
    }
}
