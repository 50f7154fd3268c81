//! A checkpoint that can be read.
//!
//! Invariant: it never changes, and stays readable while it is held even where its files were
//! removed since. Clones share the open files.

use super::disk::Disk;
use super::error::Error;
use super::index::Buckets;
use super::manifest::{Manifest, RunSummary};
use super::merge::Rows;
use super::run::Run;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The whole state at a tick.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    number: u64,
    tick: u64,
    meta: Value,
    runs: Vec<Arc<Run>>,
}

impl Checkpoint {
    pub(super) fn new(number: u64, tick: u64, meta: Value, runs: Vec<Arc<Run>>) -> Checkpoint {
        Checkpoint { number, tick, meta, runs }
    }

    /// Opens the runs of a manifest. Checks their ends, not their blocks.
    pub(super) fn open(disk: &Disk, manifest: Manifest) -> Result<Checkpoint, Error> {
        let runs = manifest.runs.into_iter().map(|run| Run::open(disk, run).map(Arc::new));
        let runs = runs.collect::<Result<_, _>>()?;
        Ok(Checkpoint { number: manifest.checkpoint, tick: manifest.tick, meta: manifest.meta, runs })
    }

    /// Its number; later checkpoints have higher ones.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The tick at which it is the state.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// What the engine wrote with it. Fractions may differ in their last digit.
    pub fn meta(&self) -> &Value {
        &self.meta
    }

    /// What the manifest says of its runs, newest first.
    pub fn runs(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().map(|run| run.summary())
    }

    /// The rows of the wanted buckets in order of (bucket, key). An error ends them: what came before
    /// is not the whole state. Reads only the blocks that hold these buckets, one a run at a time;
    /// may be called on several threads at once.
    pub fn rows(&self, wanted: impl FnMut(u8) -> bool) -> Rows {
        Rows::of(&self.runs, Buckets::of(wanted))
    }

    /// Reads every byte of every run once and checks it. Holds one block.
    pub fn verify(&self) -> Result<(), Error> {
        self.runs.iter().try_for_each(|run| run.verify())
    }

    pub(super) fn open_runs(&self) -> &[Arc<Run>] {
        &self.runs
    }

    pub(super) fn run_numbers(&self) -> BTreeSet<u64> {
        self.runs().map(|run| run.run).collect()
    }
}
