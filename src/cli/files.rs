//! Reading what commands are given: rule folders, configuration, event files, workers.

use super::Failure;
use crate::config::{Config, Problem};
use crate::rule_files::{self, Wrong};
use crate::same_file::Uses;
use crate::source::{Source, open_file, standard_input};
use crate::stored::RuleTexts;
use shopbell_model::rules::RuleSet;
use std::path::{Path, PathBuf};

/// The rule files of a folder (or one file), sorted by name.
pub(super) fn rule_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    rule_files::files(path).map_err(|error| Failure::usage(error.code(), &error, error.hint()))
}

/// Name and text of each file.
pub(super) fn texts(files: &[PathBuf]) -> Result<RuleTexts, Failure> {
    let (texts, unread) = rule_files::texts(files);
    if unread.is_empty() { Ok(texts) } else { Err(wrong(unread.into_iter().map(Wrong::from).collect())) }
}

/// The rules of a folder, or everything that is wrong with them.
pub(super) fn rules(path: &Path) -> Result<RuleSet, Failure> {
    Ok(rules_with_texts(path)?.0)
}

/// The same with name and text of each file.
pub(super) fn rules_with_texts(path: &Path) -> Result<(RuleSet, RuleTexts), Failure> {
    rules_of(&rule_files(path)?)
}

/// The same, of files.
pub(super) fn rules_of(files: &[PathBuf]) -> Result<(RuleSet, RuleTexts), Failure> {
    rule_files::load(files).map_err(wrong)
}

fn wrong(errors: Vec<Wrong>) -> Failure {
    match errors.as_slice() {
        [Wrong::File(error)] => Failure::found(error.code(), error, error.hint()),
        errors => Failure::all_found(errors),
    }
}

/// The configuration, the default one where no file is given.
pub(super) fn config(path: Option<&Path>) -> Result<Config, Failure> {
    path.map_or_else(
        || Ok(Config::default()),
        |path| {
            Config::load(path).map_err(|errors| match errors.as_slice() {
                // Named wrongly, as a folder of rules or a file of events that is not there.
                [error] if matches!(error.problem, Problem::Unreadable { .. }) => {
                    Failure::usage(error.code(), error, error.hint())
                }
                errors => Failure::all_found(errors),
            })
        },
    )
}

/// Worker threads: as many as were asked for, or as the configuration says for this machine.
pub(super) fn workers(asked: Option<usize>, config: &Config) -> Result<usize, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = asked.unwrap_or_else(|| config.engine.workers_on(cores));
    if workers == 0 || workers > 64 {
        return Err(Failure::usage("workers", "workers must be between 1 and 64", "one a core is best"));
    }
    Ok(workers)
}

/// Refuses to write over what is read, or twice into one file.
pub(super) fn apart(uses: &Uses) -> Result<(), Failure> {
    uses.check().map_err(|error| Failure::usage(error.code(), &error, error.hint()))
}

/// Files of events in their order; `-` is standard input.
pub(super) fn sources(paths: &[PathBuf], config: &Config) -> Result<Vec<Box<dyn Source>>, Failure> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            sources.push(Box::new(standard_input(config.limits.event_bytes)));
        } else {
            let file = open_file(path, config.limits.event_bytes);
            let file = file.map_err(|error| Failure::usage(error.code(), &error, error.hint()))?;
            sources.push(Box::new(file));
        }
    }
    Ok(sources)
}
