//! `shopbell schema`: the JSON Schema of rule files, for editors.

use super::Failure;
use clap::Args;
use std::io::Write;
use std::process::ExitCode;

/// Print the JSON Schema of rule files, so that editors complete and check them
///
/// In an editor with a TOML language server, a first line of a rule file such as `#:schema ../rules.schema.json` is enough.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Result<ExitCode, Failure> {
    let schema = serde_json::to_string_pretty(&shopbell_model::rules::schema::schema());
    let written = schema.map_err(std::io::Error::from).and_then(|schema| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{schema}")
    });
    written.map_err(super::replay::output_closed)?;
    Ok(ExitCode::SUCCESS)
}
