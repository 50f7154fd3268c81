//! Removing checkpoints that are no longer needed.
//!
//! Invariant: the newest checkpoint stays, and the newest one that shares no file with it and was
//! found good: one damaged file never takes both. Manifests go before the runs they name, so a crash
//! in between leaves only runs that nobody names. Cost: reads manifests; the runs of an older
//! checkpoint only when it is first relied upon.

use super::contents::Checkpoint;
use super::disk;
use super::error::Error;
use super::manifest::Manifest;
use super::names::{self, Named};
use super::store::{Store, manifests};
use std::collections::BTreeSet;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Numbers of checkpoints, newest first.
    pub checkpoints: Vec<u64>,
    /// Numbers of runs, in order.
    pub runs: Vec<u64>,
}

fn runs_of(manifest: &Manifest) -> BTreeSet<u64> {
    manifest.runs.iter().map(|run| run.run).collect()
}

impl Store {
    /// Removes what is not needed: all but the newest checkpoints as the settings say, the newest
    /// good one that shares no file with the newest, and one that is being compacted. Those that were
    /// found damaged go.
    pub fn forget(&mut self) -> Result<Forgotten, Error> {
        let Some(newest) = self.newest()?.cloned() else { return Ok(Forgotten::default()) };
        let manifests = self.readable()?;
        let compacting = self.compacting.upgrade().map(|source| source.number());
        let mut kept: Vec<&Manifest> = manifests.iter().take(self.settings.keep.max(1)).collect();
        kept.extend(manifests.iter().filter(|manifest| Some(manifest.checkpoint) == compacting));
        let newest_runs = newest.run_numbers();
        for candidate in manifests.iter().filter(|manifest| manifest.checkpoint < newest.number()) {
            if runs_of(candidate).is_disjoint(&newest_runs) && self.is_good(candidate) {
                kept.push(candidate);
                break;
            }
        }
        self.remove_all_but(&newest, &kept)
    }

    /// Removes all but the newest checkpoint, once every byte of it was read back. For the erasure
    /// of a person at tick `erased_at`: refused where the last run is older than that or holds
    /// deletions, as the newest checkpoint's own files then may hold a trace; compact before. The
    /// disk may hold the bytes of removed files for longer.
    pub fn forget_all_but_newest(&mut self, erased_at: u64) -> Result<Forgotten, Error> {
        let Some(newest) = self.newest()?.cloned() else { return Ok(Forgotten::default()) };
        if let Some(last) = newest.runs().last().filter(|last| last.tick < erased_at || last.deletions > 0) {
            return Err(Error::NotCompacted { run: last.run, tick: last.tick, erased_at });
        }
        let path = self.disk.path(&names::manifest(newest.number()));
        let read_back = Manifest::read(&path, newest.number())?;
        Checkpoint::open(&self.disk, read_back)?.verify()?;
        self.remove_all_but(&newest, &[])
    }

    /// The tick of the oldest kept checkpoint that is not known to be damaged: the journal is needed
    /// from there on. Best asked after [`Store::forget`]. While [`Store::has_fallback`] is false, a
    /// damaged file can take every checkpoint, and only the whole journal helps.
    pub fn oldest_needed_tick(&self) -> Result<Option<u64>, Error> {
        Ok(self.readable()?.iter().map(|manifest| manifest.tick).min())
    }

    /// Whether some checkpoint shares no file with the newest.
    pub fn has_fallback(&self) -> Result<bool, Error> {
        let Some(newest) = self.newest()? else { return Ok(false) };
        let runs = newest.run_numbers();
        let other = |manifest: &Manifest| manifest.checkpoint < newest.number();
        Ok(self.readable()?.iter().any(|found| other(found) && runs_of(found).is_disjoint(&runs)))
    }

    /// Manifests of the checkpoints that are not known to be damaged, newest first.
    fn readable(&self) -> Result<Vec<Manifest>, Error> {
        // Where none was chosen, nothing is known.
        self.newest()?;
        let read = manifests(&self.disk)?.into_iter().filter(|(number, _)| !self.damaged.contains(number));
        Ok(read.filter_map(|(_, manifest)| manifest.ok()).collect())
    }

    /// Whether an older checkpoint can be relied upon.
    fn is_good(&mut self, manifest: &Manifest) -> bool {
        if self.verified == Some(manifest.checkpoint) {
            return true;
        }
        let opened = Checkpoint::open(&self.disk, manifest.clone());
        let good = opened.and_then(|checkpoint| checkpoint.verify()).is_ok();
        if good {
            self.verified = Some(manifest.checkpoint);
        } else {
            self.damaged.insert(manifest.checkpoint);
        }
        good
    }

    /// The newest is kept as memory knows it: what is written next names its runs, even where its
    /// manifest was damaged meanwhile.
    fn remove_all_but(&self, newest: &Checkpoint, kept: &[&Manifest]) -> Result<Forgotten, Error> {
        let mut checkpoints = BTreeSet::from([newest.number()]);
        let mut runs = newest.run_numbers();
        for manifest in kept {
            checkpoints.insert(manifest.checkpoint);
            runs.append(&mut runs_of(manifest));
        }
        let mut forgotten = Forgotten::default();
        for (_, file) in disk::list(self.disk.directory())? {
            match file {
                Named::Manifest(number) if !checkpoints.contains(&number) => {
                    forgotten.checkpoints.push(number);
                }
                Named::Run(number) if !runs.contains(&number) => forgotten.runs.push(number),
                // A compaction may be writing to it.
                _ => {}
            }
        }
        forgotten.checkpoints.sort_unstable_by(|one, other| other.cmp(one));
        forgotten.runs.sort_unstable();
        self.remove(forgotten.checkpoints.iter().map(|number| names::manifest(*number)))?;
        self.remove(forgotten.runs.iter().map(|number| names::run(*number)))?;
        Ok(forgotten)
    }

    /// Removes files and makes that last, before anything else is removed.
    fn remove(&self, names: impl Iterator<Item = String>) -> Result<(), Error> {
        let mut removed = false;
        for name in names {
            self.disk.remove(&name)?;
            removed = true;
        }
        if removed { self.disk.sync_directory() } else { Ok(()) }
    }
}
