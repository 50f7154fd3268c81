//! What a journal holds, for people.
//!
//! Invariant: nothing is changed and no lock is taken, so a process may be writing to it; what that process
//! removes or begins meanwhile can look like damage, which a second look does not find again. Cost: reads every
//! record once, with the memory of one.

use super::{JournalError, Position, Settings, mark, records, segment};
use std::fs;
use std::path::Path;

/// What is in the folder of a journal.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The first sequence number that is kept, also where there is no such record yet; 0 where it is not known.
    pub begins: u64,
    /// The first record.
    pub first: Option<Position>,
    /// The first tick; what was written before there was any has none.
    pub first_tick: Option<u64>,
    /// The last record that could be read.
    pub last: Option<Position>,
    /// Records that could be read.
    pub records: u64,
    /// Files that hold them.
    pub segments: usize,
    /// Size of these files.
    pub bytes: u64,
    /// Why reading ended before the end.
    pub error: Option<JournalError>,
}

/// Reads a journal through; none where it was not begun. `settings` are those it is opened with.
pub fn inspect(folder: &Path, settings: &Settings) -> Option<Inspection> {
    let mut found = Inspection::default();
    match found.fill(folder, settings) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => found.error = Some(error),
    }
    Some(found)
}

impl Inspection {
    /// The last sequence number given out.
    pub fn ends(&self) -> u64 {
        self.last.map_or(self.begins.saturating_sub(1), |last| last.sequence)
    }

    /// Whether there is anything.
    fn fill(&mut self, folder: &Path, settings: &Settings) -> Result<bool, JournalError> {
        if !folder.is_dir() {
            return Ok(false);
        }
        let listed = segment::list(folder)?;
        let mark = mark::load(folder);
        self.begins = mark.as_ref().ok().and_then(Option::as_ref).map_or(0, |found| found.mark.first);
        for first in listed.iter().filter(|first| **first >= self.begins) {
            let path = folder.join(segment::name(*first));
            self.bytes += fs::metadata(&path).map_err(JournalError::io("read", &path))?.len();
            self.segments += 1;
        }
        if mark?.is_none() && listed.is_empty() {
            return Ok(false);
        }
        for record in records::read(folder, settings, self.begins)? {
            let record = record?;
            let position = Position { sequence: record.sequence, tick: record.tick };
            self.first.get_or_insert(position);
            self.first_tick = self.first_tick.or(Some(record.tick).filter(|tick| *tick > 0));
            self.last = Some(position);
            self.records += 1;
        }
        Ok(true)
    }
}
