//! What an inspection says, in the words of its JSON.
//!
//! Invariant: keys of rows are not in it, they may be personal; times in milliseconds stand beside the same in
//! RFC 3339. Cost: none.

use super::super::RunError;
use crate::checkpoint::InspectedError;
use crate::journal::JournalError;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is in a folder of state, and what a restart would make of it.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The folder.
    pub folder: String,
    /// Whether nothing is wrong.
    pub good: bool,
    /// All checkpoints, newest first.
    pub checkpoints: Vec<CheckpointReport>,
    /// Size of their runs; a shared one counts once.
    pub bytes: u64,
    /// Files of ours that no readable manifest names: what a crash left, or a write under way.
    pub unnamed: Vec<String>,
    /// The journal; none where there is none.
    pub journal: Option<JournalReport>,
    /// The newest good checkpoint that shares no file with the one that a restart would use.
    pub fallback: Option<u64>,
    /// What a restart would do.
    pub restart: Restart,
}

/// A checkpoint.
#[derive(Clone, Debug, Serialize)]
pub struct CheckpointReport {
    /// Its number.
    pub number: u64,
    /// Its tick; none where the manifest cannot be read.
    pub tick: Option<u64>,
    /// The same in RFC 3339.
    pub time: Option<String>,
    /// Rows of all runs, deleted and superseded ones among them.
    pub rows: u64,
    /// Deleted rows of all runs.
    pub deletions: u64,
    /// Size of all runs.
    pub bytes: u64,
    /// Its runs, newest first.
    pub runs: Vec<RunReport>,
    /// Other checkpoints with a run of this one.
    pub shares_files_with: Vec<u64>,
    /// Whether nothing is wrong with it.
    pub good: bool,
    /// What is wrong.
    pub error: Option<Problem>,
    /// What it says besides rows; none where that cannot be read.
    pub meta: Option<MetaReport>,
}

/// A run: the whole state at a tick, or what changed since the run below it.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Number of its file.
    pub run: u64,
    /// Which of the two it is.
    pub kind: RunKind,
    /// The tick up to which it holds changes.
    pub tick: u64,
    /// The same in RFC 3339.
    pub time: String,
    /// Rows, deleted ones among them.
    pub rows: u64,
    /// Deleted rows.
    pub deletions: u64,
    /// Size of its file.
    pub bytes: u64,
    /// Other checkpoints that need the same file.
    pub shared_with: Vec<u64>,
}

/// What a run is to its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// The whole state.
    Base,
    /// What changed since.
    Difference,
}

/// What a checkpoint says besides rows.
#[derive(Clone, Debug, Serialize)]
pub struct MetaReport {
    /// The last record of the journal that its rows stand for.
    pub sequence: u64,
    /// Events so far.
    pub events: u64,
    /// How far the clock had come, in milliseconds.
    pub clock: u64,
    /// The same in RFC 3339.
    pub clock_time: String,
    /// Whose clock: `wall` or `events`.
    pub clock_kind: String,
    /// Milliseconds between ticks.
    pub grid: u64,
    /// Bytes read of each file, and next offset of each partition, by its name.
    pub read: BTreeMap<String, u64>,
    /// Bytes of the output file (`file`) and messages of the topic of offers (`kafka`), where there are any.
    pub output: BTreeMap<String, u64>,
    /// Versions of the rules in force, by id.
    pub rules: BTreeMap<String, String>,
}

/// A journal.
#[derive(Clone, Debug, Serialize)]
pub struct JournalReport {
    /// Sequence number of the first record.
    pub first: Option<u64>,
    /// That of the last record that could be read.
    pub last: Option<u64>,
    /// Records that could be read.
    pub records: u64,
    /// Tick of the first one.
    pub from_tick: Option<u64>,
    /// The same in RFC 3339.
    pub from_time: Option<String>,
    /// Tick of the last one.
    pub to_tick: Option<u64>,
    /// The same in RFC 3339.
    pub to_time: Option<String>,
    /// Files.
    pub segments: usize,
    /// Their size.
    pub bytes: u64,
    /// What is wrong.
    pub error: Option<Problem>,
}

/// What a restart would do, as far as the folder tells: its configuration has a say, too.
#[derive(Clone, Debug, Serialize)]
pub struct Restart {
    /// The checkpoint it would use; none where it would begin with nothing.
    pub checkpoint: Option<u64>,
    /// Records of the journal that it would do again; none where it would fail, or the journal is not there.
    pub records: Option<u64>,
    /// Why it would fail.
    pub error: Option<Problem>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable name.
    pub code: &'static str,
    /// What is wrong, and where.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl From<InspectedError> for Problem {
    fn from(error: InspectedError) -> Problem {
        Problem { code: error.code, message: error.message, hint: error.hint.to_owned() }
    }
}

impl From<&JournalError> for Problem {
    fn from(error: &JournalError) -> Problem {
        Problem { code: error.code(), message: error.to_string(), hint: error.hint().to_owned() }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Problem {
        Problem { code: error.code(), message: error.to_string(), hint: error.hint() }
    }
}
