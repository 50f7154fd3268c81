//! Reading what commands are given: rule folders, configuration, event files.

use super::Failure;
use crate::config::Config;
use crate::stored::RuleTexts;
use shopbell_model::rules::{RuleSet, load};
use std::path::{Path, PathBuf};

/// The rule files of a folder (or one file), sorted by name.
pub(super) fn rule_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot = |error: std::io::Error| {
        let message = format!("the rules folder {} cannot be read: {error}", path.display());
        Failure::usage("rules-folder", message, "give a folder of .toml files, or one file")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|extension| extension == "toml") && file.is_file() {
            files.push(file);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Name and text of each file.
pub(super) fn texts(files: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let text = |file: &PathBuf| match std::fs::read_to_string(file) {
        Ok(text) => Ok((file.display().to_string(), text)),
        Err(error) => {
            let message = format!("{} cannot be read: {error}", file.display());
            Err(Failure::found("file-read", message, "check that it is a text file in UTF-8 and may be read"))
        }
    };
    files.iter().map(text).collect()
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
