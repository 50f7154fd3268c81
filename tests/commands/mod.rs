//! Commands as they are typed: which files they take, what they refuse, and with which exit code.

mod check;
mod config;
mod events;
mod rule_files;
mod same_file;

use std::path::Path;
use std::process::{Command, Stdio};

const EVENT: &str = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"app\",\"type\":\"store.check_in\",\
                     \"subject\":\"card:1\",\"time\":\"2026-01-05T10:00:00Z\",\"data\":{\"location\":\"S\"}}\n";

const RULE: &str = "[rule.welcome]\nwhen = \"checked_in\"\n[rule.welcome.offer]\ntitle = \"Welcome\"\n\
                    channels = [\"sms\"]\n";

/// What came of a command.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs a command in a folder.
fn shopbell(folder: &Path, arguments: &[&str]) -> Said {
    shopbell_reading(folder, arguments, Stdio::null())
}

fn shopbell_reading(folder: &Path, arguments: &[&str], input: Stdio) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shopbell"));
    let output = command.args(arguments).current_dir(folder).stdin(input).output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with an event and a rule.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/welcome.toml"), RULE).unwrap();
    std::fs::write(folder.path().join("events.jsonl"), EVENT).unwrap();
    folder
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}
