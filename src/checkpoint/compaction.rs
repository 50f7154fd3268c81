//! Compaction: all runs of a checkpoint become one, while writing goes on.
//!
//! Invariant: the run that is made is the whole state at its tick, without deletions; it takes the
//! place of exactly the runs it was made of, below the differences that came since. The checkpoint
//! it was made of is kept meanwhile: it shares no file with what comes out, so one damaged file
//! never takes both. Cost: reads and writes the state once, on the caller's thread; planning and
//! installing take milliseconds.

use super::contents::Checkpoint;
use super::disk::Disk;
use super::error::Error;
use super::manifest::RunSummary;
use super::run_writer::{NewRun, RunWriter};
use super::store::Store;
use std::fs::File;
use std::sync::Arc;

/// When compacting is worth its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionPolicy {
    /// More runs than this are compacted.
    pub most_runs: usize,
    /// Differences above this share of the last run, in percent of its bytes, are compacted...
    pub most_delta_percent: u64,
    /// ...unless they are below this many bytes.
    pub least_delta_bytes: u64,
}

impl Default for CompactionPolicy {
    /// More than 32 runs, or differences of more than half the base and at least 4 MiB.
    fn default() -> CompactionPolicy {
        CompactionPolicy { most_runs: 32, most_delta_percent: 50, least_delta_bytes: 4 * 1024 * 1024 }
    }
}

impl CompactionPolicy {
    /// Whether these runs, newest first, should become one.
    pub fn is_due<'a>(&self, runs: impl IntoIterator<Item = &'a RunSummary>) -> bool {
        let bytes: Vec<u64> = runs.into_iter().map(|run| run.bytes).collect();
        let Some((base, deltas)) = bytes.split_last() else { return false };
        let delta: u128 = deltas.iter().map(|bytes| u128::from(*bytes)).sum();
        let heavy = delta * 100 > u128::from(*base) * u128::from(self.most_delta_percent);
        let many = bytes.len() > self.most_runs.max(1);
        many || (heavy && delta >= self.least_delta_bytes.into())
    }
}

/// A compaction that can run on any thread. The store stays locked while one is held.
#[derive(Debug)]
pub struct Compaction {
    disk: Disk,
    block_bytes: usize,
    run: u64,
    source: Arc<Checkpoint>,
    lock: Arc<File>,
}

/// A run that was made and waits to be installed; dropping it removes its file.
#[derive(Debug)]
pub struct Compacted {
    new: NewRun,
    source: Arc<Checkpoint>,
    _lock: Arc<File>,
}

impl Compaction {
    /// Merges the runs, leaving out the rows that `keep_row(bucket, key, value)` refuses. Holds one
    /// block a run.
    pub fn run(self, mut keep_row: impl FnMut(u8, &[u8], &[u8]) -> bool) -> Result<Compacted, Error> {
        let mut writer = RunWriter::create(&self.disk, self.block_bytes, self.run, self.source.tick())?;
        for row in self.source.rows(|_| true) {
            let row = row?;
            if row.value.as_ref().is_some_and(|value| keep_row(row.bucket, &row.key, value)) {
                writer.add(&row)?;
            }
        }
        Ok(Compacted { new: writer.finish()?, source: self.source, _lock: self.lock })
    }
}

impl Compacted {
    /// What the new run is.
    pub fn summary(&self) -> &RunSummary {
        &self.new.summary
    }
}

impl Store {
    /// Prepares the compaction of the newest checkpoint; none where it has no runs.
    pub fn plan_compaction(&mut self) -> Result<Option<Compaction>, Error> {
        let newest = self.newest()?.filter(|newest| !newest.open_runs().is_empty());
        let Some(source) = newest.map(Arc::clone) else { return Ok(None) };
        self.compacting = Arc::downgrade(&source);
        let (disk, lock) = (self.disk.clone(), Arc::clone(&self.lock));
        let (run, block_bytes) = (self.take_run_number(), self.block_bytes());
        Ok(Some(Compaction { disk, block_bytes, run, source, lock }))
    }

    /// Writes a checkpoint of the newest one's tick and meta in which the new run takes the place of
    /// the runs it was made of.
    pub fn install(&mut self, compacted: Compacted) -> Result<Arc<Checkpoint>, Error> {
        let Compacted { new, source, _lock } = compacted;
        let stale = Error::StaleCompaction { run: new.summary.run };
        let Some(newest) = self.newest()?.map(Arc::clone) else { return Err(stale) };
        let same = |one: &[Arc<_>], other: &[Arc<_>]| {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let newer = newest.open_runs().len().checked_sub(source.open_runs().len());
        let split = newer.and_then(|newer| newest.open_runs().split_at_checked(newer));
        let Some((newer, _)) = split.filter(|(_, older)| same(older, source.open_runs())) else {
            return Err(stale);
        };
        let installed = self.publish(newest.tick(), newest.meta(), Some(new), newer, &[])?;
        // Making the new run has read all blocks of the old ones.
        self.verified = Some(source.number());
        Ok(installed)
    }

    /// Compacts the newest checkpoint on this thread; none where it has no runs.
    pub fn compact(
        &mut self,
        keep_row: impl FnMut(u8, &[u8], &[u8]) -> bool,
    ) -> Result<Option<Arc<Checkpoint>>, Error> {
        let Some(job) = self.plan_compaction()? else { return Ok(None) };
        let compacted = job.run(keep_row)?;
        self.install(compacted).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(policy: CompactionPolicy, bytes: &[u64]) -> bool {
        let run = |bytes: &u64| RunSummary {
            run: 1,
            tick: 1,
            rows: 0,
            deletions: 0,
            bytes: *bytes,
            checksum: 0,
            lowest: None,
            highest: None,
        };
        policy.is_due(&bytes.iter().map(run).collect::<Vec<_>>())
    }

    #[test]
    fn many_runs_or_heavy_differences_are_due() {
        let policy = CompactionPolicy { most_runs: 3, most_delta_percent: 50, least_delta_bytes: 10 };
        for (bytes, expected) in [
            (&[][..], false),
            (&[1_000], false),
            (&[50, 100], false),
            (&[51, 100], true),
            (&[25, 26, 100], true),
            (&[25, 25, 100], false),
            (&[1, 1, 1_000], false),
            (&[1, 1, 1, 1_000], true),
            (&[9, 1], false),
            (&[10, 1], true),
            (&[u64::MAX, u64::MAX, u64::MAX], true),
        ] {
            assert_eq!(due(policy, bytes), expected, "{bytes:?}");
        }
        assert!(!due(CompactionPolicy { most_runs: 0, ..policy }, &[1]));
    }
}
