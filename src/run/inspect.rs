//! What a folder of state holds, and what a restart would make of it.
//!
//! Invariant: nothing is changed and no lock is taken, so a job may be writing there; what is wrong counts only
//! when a second look finds it too, as files come and go meanwhile. What a restart would do is asked of the code
//! that a restart runs. Cost: reads every byte once, and again where something is wrong.

mod report;

pub use report::{
    CheckpointReport, Inspection, JournalReport, MetaReport, Problem, Restart, RunKind, RunReport,
};

use super::RunError;
use super::beginning;
use super::chapter::versions;
use super::kept::Meta;
use crate::checkpoint::{self, InspectedCheckpoint};
use crate::journal::{self, JournalError};
use shopbell_model::time::format_rfc3339;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Looks after which what is wrong is believed, though no two of them were the same.
const MOST_LOOKS: usize = 5;

/// Why there was nothing to look at.
#[derive(Debug, Error)]
pub enum InspectError {
    /// No such folder.
    #[error("{} is not a folder", folder.display())]
    NoFolder {
        /// What was given.
        folder: PathBuf,
    },
    /// Nothing of ours is in it.
    #[error("{} holds no checkpoints and no journal", folder.display())]
    Nothing {
        /// What was given.
        folder: PathBuf,
    },
    /// It cannot be listed.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
}

impl InspectError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            InspectError::NoFolder { .. } => "state-no-folder",
            InspectError::Nothing { .. } => "state-nothing",
            InspectError::Checkpoint(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            InspectError::NoFolder { .. } | InspectError::Nothing { .. } => {
                "give the folder of `[state] folder`, in which are `checkpoints` and `journal`; a job makes it"
            }
            InspectError::Checkpoint(error) => error.hint(),
        }
    }
}

/// Reads a folder of state through: the one that is configured, or the `checkpoints` in it.
pub fn inspect(folder: &Path) -> Result<Inspection, InspectError> {
    let place = Place::find(folder)?;
    believed(|| place.look(), problems)
}

/// Looks until nothing is wrong, or the same as before.
fn believed<Seen, Wrong: PartialEq, Error>(
    mut look: impl FnMut() -> Result<Seen, Error>,
    wrong: impl Fn(&Seen) -> Vec<Wrong>,
) -> Result<Seen, Error> {
    let mut seen = look()?;
    for _ in 1..MOST_LOOKS {
        let before = wrong(&seen);
        if before.is_empty() {
            break;
        }
        seen = look()?;
        if wrong(&seen) == before {
            break;
        }
    }
    Ok(seen)
}

/// Where things are.
struct Place {
    folder: PathBuf,
    checkpoints: PathBuf,
    /// None where checkpoints lie alone, so that nothing can be said of a journal.
    journal: Option<PathBuf>,
}

impl Place {
    fn find(given: &Path) -> Result<Place, InspectError> {
        let folder = std::path::absolute(given).unwrap_or_else(|_| given.to_path_buf());
        if !folder.is_dir() {
            return Err(InspectError::NoFolder { folder: given.to_path_buf() });
        }
        let (checkpoints, journal) = (folder.join("checkpoints"), folder.join("journal"));
        if checkpoints.is_dir() || journal.is_dir() {
            return Ok(Place { folder, checkpoints, journal: Some(journal) });
        }
        let beside = folder.parent().filter(|_| folder.ends_with("checkpoints"));
        let journal = beside.map(|state| state.join("journal")).filter(|journal| journal.is_dir());
        Ok(Place { checkpoints: folder.clone(), folder, journal })
    }

    fn look(&self) -> Result<Inspection, InspectError> {
        let found = if self.checkpoints.is_dir() {
            checkpoint::inspect(&self.checkpoints)?
        } else {
            checkpoint::Inspection::default()
        };
        // With the settings of a restart: those that matter here cannot be configured.
        let settings = journal::Settings::default();
        let journal = self.journal.as_ref().and_then(|folder| journal::inspect(folder, &settings));
        if found.checkpoints.is_empty() && found.unnamed.is_empty() && journal.is_none() {
            return Err(InspectError::Nothing { folder: self.folder.clone() });
        }
        // A job begins a journal where there is none.
        let follows = journal.clone().or(self
            .journal
            .as_ref()
            .map(|_| journal::Inspection { begins: 1, ..journal::Inspection::default() }));
        let is_all_journal = found.checkpoints.is_empty() && journal.is_some();
        let state = self.journal.as_deref().and_then(Path::parent);
        let begun = state.map_or(Ok(()), |state| beginning::check(state, is_all_journal));
        let restart = restart(begun, &found.checkpoints, follows.as_ref());
        let checkpoints: Vec<_> =
            found.checkpoints.iter().map(|checkpoint| report_of(checkpoint, &found.checkpoints)).collect();
        let fallback = restart.checkpoint.and_then(|used| fallback(used, &checkpoints));
        let mut seen = Inspection {
            folder: self.folder.display().to_string(),
            good: true,
            checkpoints,
            bytes: found.bytes,
            unnamed: found.unnamed,
            journal: journal.map(journal_report),
            fallback,
            restart,
        };
        seen.good = problems(&seen).is_empty();
        Ok(seen)
    }
}

/// All that is wrong.
fn problems(seen: &Inspection) -> Vec<Problem> {
    let of_checkpoints = seen.checkpoints.iter().filter_map(|checkpoint| checkpoint.error.as_ref());
    let of_journal = seen.journal.iter().filter_map(|journal| journal.error.as_ref());
    of_checkpoints.chain(of_journal).chain(&seen.restart.error).cloned().collect()
}

/// A restart takes the newest checkpoint of which every byte is good, and fails where that or the journal cannot
/// be used.
fn restart(
    begun: Result<(), RunError>,
    checkpoints: &[InspectedCheckpoint],
    journal: Option<&journal::Inspection>,
) -> Restart {
    let used = checkpoints.iter().find(|checkpoint| checkpoint.good);
    let meta = used.and_then(|checkpoint| checkpoint.meta.as_ref());
    let again = move || -> Result<Option<u64>, RunError> {
        begun?;
        if let Some(error) = journal.and_then(|journal| journal.error.clone()) {
            return Err(error.into());
        }
        let meta = meta.map(Meta::read).transpose()?.unwrap_or_default();
        let Some(journal) = journal else { return Ok(None) };
        meta.is_followed_from(journal.begins)?;
        let last = journal.ends();
        let sequence = meta.sequence.saturating_add(1);
        let count = last.checked_sub(meta.sequence);
        count.map(Some).ok_or_else(|| JournalError::Beyond { sequence, last }.into())
    };
    let (records, error) = match again() {
        Ok(records) => (records, None),
        Err(error) => (None, Some(error.into())),
    };
    Restart { checkpoint: used.map(|checkpoint| checkpoint.number), records, error }
}

/// The newest good checkpoint before `used` that has no file of it.
fn fallback(used: u64, checkpoints: &[CheckpointReport]) -> Option<u64> {
    let older = checkpoints.iter().filter(|checkpoint| checkpoint.number < used && checkpoint.good);
    let mut independent = older.filter(|checkpoint| !checkpoint.shares_files_with.contains(&used));
    independent.next().map(|checkpoint| checkpoint.number)
}

fn report_of(checkpoint: &InspectedCheckpoint, all: &[InspectedCheckpoint]) -> CheckpointReport {
    let base = checkpoint.runs.len().saturating_sub(1);
    let runs: Vec<RunReport> = checkpoint
        .runs
        .iter()
        .enumerate()
        .map(|(index, run)| RunReport {
            run: run.run,
            kind: if index == base { RunKind::Base } else { RunKind::Difference },
            tick: run.tick,
            time: format_rfc3339(run.tick),
            rows: run.rows,
            deletions: run.deletions,
            bytes: run.bytes,
            shared_with: all
                .iter()
                .filter(|other| other.number != checkpoint.number)
                .filter(|other| other.runs.iter().any(|theirs| theirs.run == run.run))
                .map(|other| other.number)
                .collect(),
        })
        .collect();
    let mut shares_files_with: Vec<u64> = runs.iter().flat_map(|run| &run.shared_with).copied().collect();
    shares_files_with.sort_unstable_by(|one, other| other.cmp(one));
    shares_files_with.dedup();
    let (meta, unread) = match checkpoint.meta.as_ref().map(Meta::read).transpose() {
        Ok(meta) => (meta.map(meta_report), None),
        Err(error) => (None, Some(Problem::from(error))),
    };
    let error = checkpoint.error.clone().map(Problem::from).or(unread);
    CheckpointReport {
        number: checkpoint.number,
        tick: checkpoint.tick,
        time: checkpoint.tick.map(format_rfc3339),
        rows: checkpoint.rows,
        deletions: checkpoint.runs.iter().map(|run| run.deletions).fold(0, u64::saturating_add),
        bytes: checkpoint.bytes,
        runs,
        shares_files_with,
        good: error.is_none(),
        error,
        meta,
    }
}

fn meta_report(meta: Meta) -> MetaReport {
    MetaReport {
        sequence: meta.sequence,
        events: meta.arrival,
        clock: meta.clock,
        clock_time: format_rfc3339(meta.clock),
        clock_kind: meta.clock_kind,
        grid: meta.grid,
        read: meta.read.into_iter().map(|(source, place)| (source, place.position)).collect(),
        output: meta.output.into_iter().map(|(sink, position)| (sink, position.at)).collect(),
        // Rules that this version cannot read are told by a start.
        rules: versions(&meta.ruling.texts).unwrap_or_default().into_iter().collect(),
    }
}

fn journal_report(found: journal::Inspection) -> JournalReport {
    let to_tick = found.last.map(|last| last.tick);
    let from_tick = found.first_tick.or(to_tick);
    JournalReport {
        first: found.first.map(|first| first.sequence),
        last: found.last.map(|last| last.sequence),
        records: found.records,
        from_tick,
        from_time: from_tick.map(format_rfc3339),
        to_tick,
        to_time: to_tick.map(format_rfc3339),
        segments: found.segments,
        bytes: found.bytes,
        error: found.error.as_ref().map(Problem::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_believed_when_it_is_seen_again() {
        for (looks, expected, taken) in [
            (vec![vec![], vec![1]], vec![], 1),
            (vec![vec![1], vec![], vec![1]], vec![], 2),
            (vec![vec![1], vec![1], vec![]], vec![1], 2),
            (vec![vec![1], vec![1, 2], vec![3], vec![3], vec![]], vec![3], 4),
            ((1..9).map(|number| vec![number]).collect(), vec![5], MOST_LOOKS),
        ] {
            let mut count = 0;
            let look = || {
                count += 1;
                Ok::<Vec<i32>, ()>(looks[count - 1].clone())
            };
            assert_eq!(believed(look, Vec::clone).unwrap(), expected, "{looks:?}");
            assert_eq!(count, taken, "{looks:?}");
        }
    }
}
