//! `shopbell check`: everything that is wrong with rule and configuration files.

use super::failure::Hinted;
use super::{Failure, files};
use crate::config::Config;
use crate::replay::{shared_rules, too_far};
use crate::rule_files::{self, Wrong};
use crate::stored::RuleTexts;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check rule files and configuration files
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Rule files, folders of rule files, configuration files
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// One thing that is wrong.
struct Finding {
    text: String,
    json: serde_json::Value,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut paths = Vec::new();
    for path in &arguments.paths {
        paths.extend(files::rule_files(path)?);
    }
    let (texts, unread) = rule_files::texts(&paths);
    let (config_files, rule_files): (RuleTexts, RuleTexts) =
        texts.into_iter().partition(|(_, text)| is_configuration(text));
    let mut findings = Vec::new();
    for error in unread.into_iter().map(Wrong::from) {
        let (file, line, column) = error.place();
        let place = json!({ "file": file, "line": line, "column": column });
        findings.push(finding(&error, place, error.code()));
    }
    // What is kept is the configuration's to say, where one is given.
    let mut config = Config::default();
    for (file, text) in &config_files {
        let parsed = Config::parse(text, Path::new(file));
        for error in parsed.map(|parsed| config = parsed).err().unwrap_or_default() {
            let place = json!({ "file": error.file, "line": error.line, "column": error.column });
            findings.push(finding(&error, place, error.code()));
        }
    }
    let (mut warnings, mut idle_budgets, mut reaching) = (Vec::new(), Vec::new(), Vec::new());
    let mut summary = format!("{} configuration files", config_files.len());
    match shopbell_model::rules::load(&rule_files) {
        Ok(set) => {
            summary = format!(
                "{} rules ({} disabled) in {} files, {summary}",
                set.rules.len() + set.disabled.len(),
                set.disabled.len(),
                rule_files.len()
            );
            warnings.extend(crate::prove::untested(&set).into_iter().map(|rule| rule.id.to_string()));
            idle_budgets.extend(set.idle_budgets.iter().map(ToString::to_string));
            reaching = too_far(&shared_rules(&set), &config);
        }
        Err(errors) => {
            for error in errors {
                let place = json!({ "file": error.file, "line": error.line, "column": error.column });
                findings.push(finding(&error, place, error.code()));
            }
        }
    }
    let warnings = Warnings { untested: warnings, idle_budgets, too_far: reaching };
    print(arguments.json, &findings, &warnings, &summary).map_err(super::replay::output_closed)?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Whether a file is a configuration: it has a table that only those have, perhaps misspelt, and no rules.
fn is_configuration(text: &str) -> bool {
    const OF_RULES: [&str; 3] = ["rule", "budget", "test"];
    let table = text.parse::<toml::Table>();
    table.is_ok_and(|table| OF_RULES.iter().all(|name| !table.contains_key(*name)))
        && Config::is_meant_by(text)
}

fn finding(error: &impl Hinted, place: serde_json::Value, code: &str) -> Finding {
    let text = error.with_hint();
    let mut json = place;
    if let Some(object) = json.as_object_mut() {
        object.insert("code".to_owned(), code.into());
        object.insert("message".to_owned(), error.to_string().into());
        object.insert("hint".to_owned(), error.hint().into());
    }
    Finding { text, json }
}

/// What is worth a word, though nothing is wrong.
struct Warnings {
    /// Rules of which no test expects an offer.
    untested: Vec<String>,
    /// Budgets that no rule is paid from.
    idle_budgets: Vec<String>,
    /// Spans that reach further than what is kept.
    too_far: Vec<String>,
}

fn print(json: bool, findings: &[Finding], warnings: &Warnings, summary: &str) -> std::io::Result<()> {
    let Warnings { untested, idle_budgets, too_far } = warnings;
    let mut out = anstream::stdout();
    if json {
        let list: Vec<_> = findings.iter().map(|finding| &finding.json).collect();
        return writeln!(
            out,
            "{}",
            json!({
                "ok": findings.is_empty(), "findings": list, "untested": untested, "idle_budgets": idle_budgets,
                "too_far": too_far
            })
        );
    }
    for rule in untested {
        writeln!(out, "warning: no test expects an offer of `{rule}`")?;
    }
    for budget in idle_budgets {
        writeln!(out, "warning: no rule is paid from the budget `{budget}`")?;
    }
    for found in too_far {
        writeln!(out, "warning: {found}")?;
    }
    for finding in findings {
        writeln!(out, "{}", finding.text)?;
    }
    if findings.is_empty() {
        writeln!(out, "ok: {summary}")
    } else {
        writeln!(out, "{} problems found", findings.len())
    }
}
