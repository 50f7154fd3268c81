//! What a folder of checkpoints holds, for people and for the store itself.
//!
//! Invariant: nothing is changed and no lock is taken, so it may be called while the engine writes;
//! a checkpoint that is forgotten meanwhile is left out. Cost: [`inspect`] reads every byte of every
//! run once; runs that several checkpoints share are read once.

use super::disk::{self, Disk};
use super::error::Error;
use super::failpoint::Hook;
use super::manifest::RunSummary;
use super::names::{self, Named};
use super::run::Run;
use super::store::manifests;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A checkpoint as its manifest says, and what is wrong with it.
#[derive(Debug)]
pub struct Summary {
    /// Its number.
    pub number: u64,
    /// Its tick; none where the manifest cannot be read.
    pub tick: Option<u64>,
    /// Its runs, newest first; none where the manifest cannot be read.
    pub runs: Vec<RunSummary>,
    /// What the engine wrote with it; none where the manifest cannot be read.
    pub meta: Option<Value>,
    /// None where it is good, as far as it was looked into.
    pub error: Option<Error>,
}

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Manifests, headers, indexes and footers.
    Ends,
    /// Every byte.
    Everything,
}

/// All checkpoints of a folder, newest first.
pub(super) fn survey(directory: &Path, depth: Depth) -> Result<Vec<Summary>, Error> {
    let disk = Disk::new(directory, Hook::default());
    let mut good: BTreeSet<(u64, u32)> = BTreeSet::new();
    let mut found = Vec::new();
    for (number, read) in manifests(&disk)? {
        let (tick, runs, meta, mut error) = match read {
            Ok(manifest) => (Some(manifest.tick), manifest.runs, Some(manifest.meta), None),
            Err(error) => (None, Vec::new(), None, Some(error)),
        };
        for run in &runs {
            let known = good.contains(&(run.run, run.checksum));
            let checked = Run::open(&disk, run.clone()).and_then(|open| match depth {
                Depth::Everything if !known => open.verify(),
                _ => Ok(()),
            });
            match checked {
                Ok(()) => _ = good.insert((run.run, run.checksum)),
                Err(damage) => error = error.or(Some(damage)),
            }
        }
        // What was forgotten while we looked is not damaged.
        if error.is_none() || disk.path(&names::manifest(number)).exists() {
            found.push(Summary { number, tick, runs, meta, error });
        }
    }
    Ok(found)
}

/// What is in a folder of checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// All checkpoints, newest first.
    pub checkpoints: Vec<InspectedCheckpoint>,
    /// Size of the runs that they name; a shared one counts once.
    pub bytes: u64,
    /// Files of ours that no readable manifest names: what a crash left, or a write under way.
    pub unnamed: Vec<String>,
}

/// One checkpoint of an [`Inspection`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedCheckpoint {
    /// Its number.
    pub number: u64,
    /// Its tick; none where the manifest cannot be read.
    pub tick: Option<u64>,
    /// Its runs, newest first.
    pub runs: Vec<RunSummary>,
    /// What the engine wrote with it; none where the manifest cannot be read.
    pub meta: Option<Value>,
    /// Rows of all runs, deleted and superseded ones among them.
    pub rows: u64,
    /// Size of all runs.
    pub bytes: u64,
    /// Whether every byte is as it was written.
    pub good: bool,
    /// What is wrong.
    pub error: Option<InspectedError>,
}

/// What is wrong with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedError {
    /// Stable name.
    pub code: &'static str,
    /// What was wrong, and where.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

/// Reads all checkpoints of a folder through, changing nothing.
pub fn inspect(directory: &Path) -> Result<Inspection, Error> {
    let checkpoints: Vec<InspectedCheckpoint> =
        survey(directory, Depth::Everything)?.into_iter().map(InspectedCheckpoint::from).collect();
    let runs = checkpoints.iter().flat_map(|checkpoint| &checkpoint.runs);
    let sizes: BTreeSet<(u64, u64)> = runs.map(|run| (run.run, run.bytes)).collect();
    let named: BTreeSet<u64> = sizes.iter().map(|(run, _)| *run).collect();
    let mut unnamed: Vec<String> = disk::list(directory)?
        .into_iter()
        .filter(|(_, file)| match file {
            Named::Manifest(_) => false,
            Named::Run(number) => !named.contains(number),
            Named::Temporary(_) => true,
        })
        .map(|(name, _)| name)
        .collect();
    unnamed.sort_unstable();
    let bytes = sizes.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    Ok(Inspection { checkpoints, bytes, unnamed })
}

impl From<Summary> for InspectedCheckpoint {
    fn from(summary: Summary) -> InspectedCheckpoint {
        let Summary { number, tick, runs, meta, error } = summary;
        let sum = |what: fn(&RunSummary) -> u64| runs.iter().map(what).fold(0u64, u64::saturating_add);
        let (rows, bytes) = (sum(|run| run.rows), sum(|run| run.bytes));
        let error = error.map(|error| InspectedError {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        });
        InspectedCheckpoint { number, tick, runs, meta, rows, bytes, good: error.is_none(), error }
    }
}
