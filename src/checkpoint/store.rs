//! The store: one folder of checkpoints, written by one process.
//!
//! Invariant: what is written next stands on the checkpoint that was written or chosen last; a
//! failed write leaves that one as it was. Numbers of checkpoints and runs only grow.
//! Cost: a write sorts its rows in memory and writes them once.

use super::contents::Checkpoint;
use super::disk::{self, Disk};
use super::error::Error;
use super::failpoint::{Failpoint, Hook};
use super::index::MAX_BLOCK_TARGET;
use super::inspect::{Depth, Summary, survey};
use super::manifest::{Manifest, VERSION};
use super::names::{self, Named};
use super::row::Row;
use super::run::Run;
use super::run_writer::{NewRun, RunWriter};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Weak};

/// How a store is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many of the newest checkpoints `forget` keeps in any case; at least one is.
    pub keep: usize,
    /// About how many bytes a block holds; from 1 to 1 MiB.
    pub block_bytes: usize,
    /// What is called at each failpoint.
    pub hook: Hook,
}

impl Default for Settings {
    /// Two checkpoints, blocks of 64 KiB, no hook.
    fn default() -> Settings {
        Settings { keep: 2, block_bytes: 64 * 1024, hook: Hook::default() }
    }
}

/// A checkpoint that was passed over, and why.
#[derive(Debug)]
pub struct Skipped {
    /// Its number.
    pub number: u64,
    /// What is wrong with it.
    pub error: Error,
}

/// The newest checkpoint that is good.
#[derive(Debug)]
pub struct Found {
    /// None where there is no good one: the state begins empty.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// Newer ones that are damaged, newest first.
    pub skipped: Vec<Skipped>,
}

/// What the next write stands on.
#[derive(Debug)]
enum Below {
    /// There are checkpoints, and none was chosen.
    Unknown,
    Nothing,
    Checkpoint(Arc<Checkpoint>),
}

/// A folder of checkpoints, open for writing.
#[derive(Debug)]
pub struct Store {
    pub(super) disk: Disk,
    pub(super) settings: Settings,
    below: Below,
    next_checkpoint: u64,
    next_run: u64,
    /// The checkpoint that is being compacted, while somebody works on it.
    pub(super) compacting: Weak<Checkpoint>,
    /// An older checkpoint that was read through and found good.
    pub(super) verified: Option<u64>,
    /// Checkpoints that were found damaged.
    pub(super) damaged: BTreeSet<u64>,
    /// Held for as long as anything may still write here.
    pub(super) lock: Arc<File>,
}

impl Store {
    /// Opens the folder, creating it where it is missing, and removes what a crash left: temporary
    /// files, and runs that no manifest names. (The runs stay where a manifest cannot be read: it
    /// may name them, and a newer program may read it.) Reads the manifests, not the runs.
    pub fn open(directory: &Path, settings: Settings) -> Result<Store, Error> {
        let disk = Disk::new(directory, settings.hook.clone());
        let lock = Arc::new(disk.lock()?);
        let manifests = manifests(&disk)?;
        let files = disk::list(directory)?;
        let named = manifests.iter().filter_map(|(_, read)| read.as_ref().ok());
        let named: Vec<u64> = named.flat_map(|manifest| manifest.runs.iter().map(|run| run.run)).collect();
        let all_read = manifests.iter().all(|(_, read)| read.is_ok());
        let (mut next_checkpoint, mut next_run) = (1, named.iter().max().map_or(1, |run| run + 1));
        let mut removed = false;
        for (name, file) in files {
            let left_over = match file {
                Named::Manifest(number) => {
                    next_checkpoint = next_checkpoint.max(number + 1);
                    false
                }
                Named::Run(number) => {
                    next_run = next_run.max(number + 1);
                    all_read && !named.contains(&number)
                }
                Named::Temporary(number) => {
                    // Either of them: a gap does no harm.
                    next_checkpoint = next_checkpoint.max(number + 1);
                    next_run = next_run.max(number + 1);
                    true
                }
            };
            if left_over {
                disk.remove(&name)?;
                removed = true;
            }
        }
        if removed {
            disk.sync_directory()?;
        }
        let below = if manifests.is_empty() { Below::Nothing } else { Below::Unknown };
        let compacting = Weak::new();
        let (verified, damaged) = (None, BTreeSet::new());
        Ok(Store { disk, settings, below, next_checkpoint, next_run, compacting, verified, damaged, lock })
    }

    /// All checkpoints, newest first, the damaged ones with what is wrong. Checks manifests and the
    /// ends of runs, not their blocks: [`super::inspect`] does.
    pub fn checkpoints(&self) -> Result<Vec<Summary>, Error> {
        survey(self.disk.directory(), Depth::Ends)
    }

    /// Finds the newest checkpoint of which every byte is as it was written, and goes on from it:
    /// later writes stand on it. Reads all of its runs once.
    pub fn newest_good(&mut self) -> Result<Found, Error> {
        let mut skipped = Vec::new();
        for (number, read) in manifests(&self.disk)? {
            let opened = read.and_then(|manifest| Checkpoint::open(&self.disk, manifest));
            match opened.and_then(|checkpoint| checkpoint.verify().map(|()| Arc::new(checkpoint))) {
                Ok(checkpoint) => {
                    self.below = Below::Checkpoint(Arc::clone(&checkpoint));
                    return Ok(Found { checkpoint: Some(checkpoint), skipped });
                }
                Err(error) => {
                    self.damaged.insert(number);
                    skipped.push(Skipped { number, error });
                }
            }
        }
        self.below = Below::Nothing;
        Ok(Found { checkpoint: None, skipped })
    }

    /// The next write is the whole state: it stands on nothing. Older checkpoints stay until they
    /// are forgotten.
    pub fn start_afresh(&mut self) {
        self.below = Below::Nothing;
    }

    /// The checkpoint that was written or chosen last.
    pub fn newest(&self) -> Result<Option<&Arc<Checkpoint>>, Error> {
        match &self.below {
            Below::Unknown => Err(Error::NotChosen { path: self.disk.directory().to_path_buf() }),
            Below::Nothing => Ok(None),
            Below::Checkpoint(checkpoint) => Ok(Some(checkpoint)),
        }
    }

    /// Writes a checkpoint at `tick`: the newest one with these rows set or deleted, one list a
    /// worker, in any order. It is on disk for good when this returns. After an error the difference
    /// has to be handed over again, with what came since, at that or a later tick.
    pub fn write(&mut self, tick: u64, meta: &Value, rows: Vec<Vec<Row>>) -> Result<Arc<Checkpoint>, Error> {
        let below = self.newest()?.map(Arc::clone);
        if let Some(below) = below.as_ref().filter(|below| below.tick() >= tick) {
            return Err(Error::TickNotNewer { tick, newest: below.tick() });
        }
        let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
        rows.sort_unstable_by(|one, other| one.place().cmp(&other.place()));
        let new = if rows.is_empty() { None } else { Some(self.write_run(tick, &rows)?) };
        let older = below.as_ref().map(|below| below.open_runs()).unwrap_or_default();
        self.publish(tick, meta, new, &[], older)
    }

    fn write_run(&mut self, tick: u64, rows: &[Row]) -> Result<NewRun, Error> {
        let number = self.take_run_number();
        let mut writer = RunWriter::create(&self.disk, self.block_bytes(), number, tick)?;
        rows.iter().try_for_each(|row| writer.add(row))?;
        writer.finish()
    }

    pub(super) fn take_run_number(&mut self) -> u64 {
        let number = self.next_run;
        self.next_run += 1;
        number
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.settings.block_bytes.clamp(1, MAX_BLOCK_TARGET)
    }

    /// Gives a new run its name, then the manifest its: from there on the checkpoint is there.
    pub(super) fn publish(
        &mut self,
        tick: u64,
        meta: &Value,
        new: Option<NewRun>,
        newer: &[Arc<Run>],
        older: &[Arc<Run>],
    ) -> Result<Arc<Checkpoint>, Error> {
        let number = self.next_checkpoint;
        self.next_checkpoint += 1;
        let mut runs = newer.to_vec();
        let mut unfinished = None;
        if let Some(NewRun { mut file, summary }) = new {
            self.disk.rename(Failpoint::RenameRun, &mut file, &names::run(summary.run))?;
            unfinished = Some(file);
            self.disk.sync_directory()?;
            runs.push(Arc::new(Run::open(&self.disk, summary)?));
        }
        runs.extend_from_slice(older);
        let summaries = runs.iter().map(|run| run.summary().clone()).collect();
        let manifest =
            Manifest { format: VERSION, checkpoint: number, tick, runs: summaries, meta: meta.clone() };
        let name = names::manifest(number);
        let bytes = manifest.encode()?;
        let mut file = self.disk.create(&name)?;
        self.disk.write(&mut file, &bytes)?;
        self.disk.sync(&file)?;
        self.disk.rename(Failpoint::RenameManifest, &mut file, &name)?;
        // A manifest that is there must not lose its run, even where the rest fails.
        file.keep();
        unfinished.into_iter().for_each(|run| run.keep());
        self.disk.sync_directory()?;
        let checkpoint = Arc::new(Checkpoint::new(number, tick, manifest.meta, runs));
        self.disk.at(Failpoint::Done)?;
        self.below = Below::Checkpoint(Arc::clone(&checkpoint));
        Ok(checkpoint)
    }
}

/// What the manifests of a folder say besides rows, newest first. Changes nothing and takes no lock. What is damaged or
/// forgotten meanwhile is left out: the [`Store`] tells.
///
/// # Errors
/// [`Error::UnknownVersion`] where another version of the program wrote a manifest.
pub fn metas(directory: &Path) -> Result<Vec<Value>, Error> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let read = manifests(&Disk::new(directory, Hook::default()))?.into_iter().map(|(_, read)| read);
    let metas = read.filter_map(|read| match read {
        Ok(manifest) => Some(Ok(manifest.meta)),
        Err(error @ Error::UnknownVersion { .. }) => Some(Err(error)),
        Err(_) => None,
    });
    metas.collect()
}

/// The number in a manifest's name, and what was in the file.
pub(super) type ReadManifest = (u64, Result<Manifest, Error>);

/// All manifests of a folder, newest first, with what is wrong with them.
pub(super) fn manifests(disk: &Disk) -> Result<Vec<ReadManifest>, Error> {
    let files = disk::list(disk.directory())?;
    let numbers = files.into_iter().filter_map(|(name, file)| match file {
        Named::Manifest(number) => Some((number, name)),
        _ => None,
    });
    let mut numbers: Vec<(u64, String)> = numbers.collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    Ok(numbers
        .into_iter()
        .map(|(number, name)| (number, Manifest::read(&disk.path(&name), number)))
        .collect())
}
