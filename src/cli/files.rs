//! Reading what commands are given: rule folders, configuration, event files.

use super::Failure;
use crate::config::Config;
use crate::rule_files;
use crate::stored::RuleTexts;
use shopbell_model::rules::{RuleSet, load};
use std::path::{Path, PathBuf};

/// The rule files of a folder (or one file), sorted by name.
pub(super) fn rule_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    rule_files::files(path).map_err(|error| Failure::usage(error.code(), &error, error.hint()))
}

/// Name and text of each file.
pub(super) fn texts(files: &[PathBuf]) -> Result<RuleTexts, Failure> {
    rule_files::texts(files).map_err(|error| Failure::found(error.code(), &error, error.hint()))
}

/// The rules of a folder, or everything that is wrong with them.
pub(super) fn rules(path: &Path) -> Result<RuleSet, Failure> {
    Ok(rules_with_texts(path)?.0)
}

/// The same with name and text of each file.
pub(super) fn rules_with_texts(path: &Path) -> Result<(RuleSet, RuleTexts), Failure> {
    let texts = texts(&rule_files(path)?)?;
    let set = load(&texts).map_err(|errors| Failure::all_found(&errors))?;
    Ok((set, texts))
}

/// The configuration, the default one where no file is given.
pub(super) fn config(path: Option<&Path>) -> Result<Config, Failure> {
    path.map_or_else(
        || Ok(Config::default()),
        |path| Config::load(path).map_err(|errors| Failure::all_found(&errors)),
    )
}
