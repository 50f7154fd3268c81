//! `shopbell test`: the tests in rule files.

use super::replay::output_closed;
use super::{Failure, files};
use crate::prove::{Outcome, prove, tell};
use clap::Args;
use serde_json::json;
use shopbell_model::rules::RuleTest;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Run the tests in rule files
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 0 where all hold, 1 where one does not or a rule file is wrong, 2 where there are none."
)]
pub(super) struct Arguments {
    /// Rule files and folders of rule files; all of them are one set
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only tests with this text in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print the outcomes, and all offers that came, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut paths = Vec::new();
    for path in &arguments.paths {
        paths.extend(files::rule_files(path)?);
    }
    let (mut set, _) = files::rules_of(&paths)?;
    if let Some(only) = &arguments.only {
        set.tests.retain(|test| test.name.contains(only.as_str()));
    }
    if set.tests.is_empty() {
        let message = format!("there is no such test in {} files", paths.len());
        return Err(Failure::usage("no-tests", message, "a test begins with [[test]]; see docs/rules.md"));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    let outcomes = prove(&set, cores).map_err(|error| Failure::engine(error.code(), &error, ""))?;
    let seconds = started.elapsed().as_secs_f64();
    let failed = outcomes.iter().filter(|outcome| !outcome.differences.is_empty()).count();
    let mut out = anstream::stdout();
    if arguments.json {
        let all = json(&set.tests, &outcomes)?;
        let whole = json!({ "ok": failed == 0, "tests": all, "failed": failed, "seconds": seconds });
        writeln!(out, "{whole}").map_err(output_closed)?;
    } else {
        for (test, outcome) in set.tests.iter().zip(&outcomes) {
            tell::tell(&mut out, test, outcome).map_err(output_closed)?;
        }
        let held = outcomes.len() - failed;
        writeln!(out, "{held} of {} tests hold ({seconds:.2} s)", outcomes.len()).map_err(output_closed)?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn json(tests: &[RuleTest], outcomes: &[Outcome]) -> Result<Vec<serde_json::Value>, Failure> {
    let one = |(test, outcome)| tell::as_json(test, outcome);
    let all = tests.iter().zip(outcomes).map(one).collect::<Result<Vec<_>, _>>();
    all.map_err(|error| Failure::engine("render", &error, ""))
}
