//! Opening what a process left behind.
//!
//! Invariant: all segments but the last were whole before the next was begun, and the last is whole up to
//! the mark; anything else is an error, and nothing was changed on disk then. Only what follows the mark
//! in the last segment can be the torn end of a write, and only that is cut off.
//! Cost: everything kept is read once, with the memory of one record.

use super::files::Files;
use super::layout::{HEADER_BYTES, Mark};
use super::mark::{self, Found};
use super::segment::{self, SegmentReader};
use super::store::Store;
use super::{Flaw, JournalError, Position, Settings};
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What was found when a journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The first record kept; one more than the last where there is none.
    pub first: u64,
    /// The last record. All up to it is durable.
    pub last: Position,
    /// Segments kept.
    pub segments: usize,
    /// Records that were kept although nobody may have been told that they are durable.
    pub after_mark: u64,
    /// The torn end of a write, which was cut off.
    pub cut: Option<Cut>,
    /// What was wrong without harm, and was put right.
    pub warnings: Vec<Warning>,
}

/// The end of a segment that was cut off. No record of it was ever told durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub file: PathBuf,
    /// Its length now; at 0 the file was removed.
    pub offset: u64,
    /// Bytes dropped.
    pub bytes: u64,
    /// What was wrong with them.
    pub flaw: Flaw,
}

/// Something wrong that did no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Warning {
    /// One slot of the durable mark could not be read; the other was used.
    #[error("slot {slot} of the durable mark was damaged, the other one was used")]
    MarkSlotDamaged {
        /// Which, from 0.
        slot: usize,
    },
    /// Segments that were forgotten had not been removed yet.
    #[error("{segments} forgotten segments were still there and are removed now")]
    ForgetUnfinished {
        /// How many.
        segments: usize,
    },
}

/// Verifies a journal, puts its end right, and goes on behind it.
pub(super) fn recover(files: &Files, settings: &Settings) -> Result<(Store, Report), JournalError> {
    let folder = files.folder();
    let listed = segment::list(folder)?;
    let found = match mark::load(folder)? {
        Some(found) => found,
        None if listed.is_empty() => mark::create(files)?,
        None => return Err(JournalError::MarkMissing { file: folder.join(mark::NAME) }),
    };
    let (forgotten, kept): (Vec<u64>, Vec<u64>) =
        listed.into_iter().partition(|first| *first < found.mark.first);
    let mut scan = Scan::new(folder, settings, &found);
    scan.all(&kept)?;

    let mut report = Report {
        first: found.mark.first,
        last: scan.end.last,
        segments: scan.whole.len().max(1),
        after_mark: scan.end.last.sequence.saturating_sub(found.mark.last.sequence),
        cut: scan.cut.take(),
        warnings: Vec::new(),
    };
    report.warnings.extend(found.damaged.map(|slot| Warning::MarkSlotDamaged { slot }));
    if let Some(cut) = report.cut.as_ref().filter(|cut| cut.offset == 0) {
        files.remove(&cut.file.file_name().unwrap_or_default().to_string_lossy())?;
        files.sync_folder()?;
    }
    let store = if scan.whole.is_empty() {
        Store::begin(files, settings.segment_bytes, &found)?
    } else {
        let mut store = Store::open(files, settings.segment_bytes, scan.whole, &found, scan.end)?;
        let truncate = report.cut.as_ref().is_some_and(|cut| cut.offset > 0);
        put_right(&mut store, &found, truncate)?;
        store
    };
    if !forgotten.is_empty() {
        remove_forgotten(files, &forgotten)?;
        report.warnings.push(Warning::ForgetUnfinished { segments: forgotten.len() });
    }
    Ok((store, report))
}

/// Makes the end durable as it stands, and the mark say so.
fn put_right(store: &mut Store, found: &Found, truncate: bool) -> Result<(), JournalError> {
    let (before, now) = (found.mark, *store.mark());
    if truncate || (now.segment, now.length) != (before.segment, before.length) {
        let kept_from = if now.segment == before.segment { before.length } else { 0 };
        store.repair(truncate, kept_from)?;
    }
    if now != before || found.damaged.is_some() {
        store.settle()?;
    }
    Ok(())
}

/// Removes segments that the mark on disk no longer counts, oldest first.
pub(super) fn remove_forgotten(files: &Files, segments: &[u64]) -> Result<(), JournalError> {
    segments.iter().try_for_each(|first| files.remove(&segment::name(*first)))?;
    files.sync_folder()
}

/// Reads all segments.
struct Scan<'a> {
    folder: &'a Path,
    record_bytes: u32,
    /// What is said to be durable.
    mark: Mark,
    /// What is there: the end of the last whole record so far.
    end: Mark,
    whole: VecDeque<u64>,
    cut: Option<Cut>,
}

impl<'a> Scan<'a> {
    fn new(folder: &'a Path, settings: &Settings, found: &Found) -> Self {
        let mark = found.mark;
        // Where every record up to the mark is forgotten, only the mark still knows the tick.
        let sequence = mark.first.saturating_sub(1);
        let tick = if mark.last.sequence == sequence { mark.last.tick } else { 0 };
        let end = Mark { last: Position { sequence, tick }, ..mark };
        let record_bytes = settings.record_bytes;
        Scan { folder, record_bytes, mark, end, whole: VecDeque::new(), cut: None }
    }

    fn all(&mut self, segments: &[u64]) -> Result<(), JournalError> {
        for needed in [self.mark.first, self.mark.segment] {
            if self.mark.length > 0 && !segments.contains(&needed) {
                let file = self.folder.join(segment::name(needed));
                return Err(JournalError::MissingSegment { file, sequence: needed });
            }
        }
        for first in segments {
            let expected = self.end.last.sequence.saturating_add(1);
            if *first != expected {
                let file = self.folder.join(segment::name(*first));
                return Err(JournalError::Gap { file, expected, got: *first });
            }
            self.one(*first, segments.last() == Some(first))?;
        }
        Ok(())
    }

    fn one(&mut self, first: u64, is_last: bool) -> Result<(), JournalError> {
        let path = self.folder.join(segment::name(first));
        let length = fs::metadata(&path).map_err(JournalError::io("read", &path))?.len();
        let durable = if self.mark.segment == first { self.mark.length } else { 0 };
        if length < durable {
            let sequence = self.mark.last.sequence;
            return Err(JournalError::Lost { file: path, offset: length, sequence });
        }
        let reader = SegmentReader::open(self.folder, first, self.end.last.tick, self.record_bytes);
        let mut reader = match reader {
            // Records follow only behind a synced header: a bad one with something behind it is damage.
            Err(JournalError::Damaged { flaw, .. }) if is_last && durable == 0 && length <= HEADER_BYTES => {
                self.cut = Some(Cut { file: path, offset: 0, bytes: length, flaw });
                return Ok(());
            }
            opened => opened?,
        };
        let mut payload = Vec::new();
        let mut met = durable == 0;
        loop {
            let offset = reader.offset();
            if !met && offset >= durable {
                met = offset == durable && reader.last().sequence == self.mark.last.sequence;
                if !met {
                    let (expected, got) = (self.mark.last.sequence, reader.last().sequence);
                    return Err(JournalError::MarkDisagrees { file: path, offset: durable, expected, got });
                }
            }
            match reader.next(&mut payload) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(JournalError::Damaged { flaw, .. }) if is_last && met => {
                    let bytes = length.saturating_sub(offset);
                    self.cut = Some(Cut { file: path, offset, bytes, flaw });
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.end.segment = first;
        self.end.length = reader.offset();
        self.end.last = reader.last();
        self.whole.push_back(first);
        Ok(())
    }
}
