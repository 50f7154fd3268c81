//! Reading records back, one after the other.
//!
//! Invariant: records come without gaps and verified, or the iterator ends with an error; it never ends
//! quietly before the last record that was durable when it was made.
//! Cost: the memory of one record. A segment is read from its beginning, so finding the first record can
//! cost reading one segment.

use super::segment::{self, SegmentReader};
use super::{JournalError, Record, Settings, mark};
use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::path::{Path, PathBuf};

/// Reads a journal that need not be open, from record `from` on (0 counts as 1). All up to the durable
/// mark must be there; what follows it is given out as far as it is whole. Changes nothing on disk.
///
/// # Errors
/// As [`Journal::read`](super::Journal::read); that `from` is beyond the end comes from the iterator.
///
/// While a process writes to the journal, records behind the mark may not be durable yet.
pub fn read(folder: impl AsRef<Path>, settings: &Settings, from: u64) -> Result<Records, JournalError> {
    let folder = folder.as_ref();
    let missing = || JournalError::MarkMissing { file: folder.join(mark::NAME) };
    let mark = mark::load(folder)?.ok_or_else(missing)?.mark;
    let span = Span { first: mark.first, durable: mark.last.sequence, end: None };
    Records::new(folder, settings.record_bytes, from, span)
}

/// What can be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The first record kept.
    pub(super) first: u64,
    /// The last record that must be there.
    pub(super) durable: u64,
    /// The last record to give out; none to go on as long as records are whole.
    pub(super) end: Option<u64>,
}

/// Records in order. After an error there is nothing more.
#[derive(Debug)]
pub struct Records {
    folder: PathBuf,
    record_bytes: u32,
    segments: VecDeque<u64>,
    reader: Option<SegmentReader>,
    from: u64,
    /// The record that comes next, given out or passed over.
    next: u64,
    tick: u64,
    span: Span,
    over: bool,
}

impl Records {
    pub(super) fn new(
        folder: &Path,
        record_bytes: u32,
        from: u64,
        span: Span,
    ) -> Result<Records, JournalError> {
        let from = from.max(1);
        if from < span.first {
            return Err(JournalError::Forgotten { sequence: from, first: span.first });
        }
        if span.end.is_some_and(|end| from > end.saturating_add(1)) {
            return Err(JournalError::Beyond { sequence: from, last: span.durable });
        }
        let mut segments = VecDeque::from(segment::list(folder)?);
        while segments.get(1).is_some_and(|second| *second <= from) {
            segments.pop_front();
        }
        let next = segments.front().copied().filter(|first| *first <= from).unwrap_or(from);
        let (folder, reader) = (folder.to_path_buf(), None);
        Ok(Records { folder, record_bytes, segments, reader, from, next, tick: 0, span, over: false })
    }

    /// Opens the segment that holds the next record, where one is left.
    fn open_next(&mut self) -> Result<(), JournalError> {
        if self.reader.is_none() {
            let Some(first) = self.segments.pop_front() else { return Ok(()) };
            if first != self.next {
                let file = self.folder.join(segment::name(first));
                return Err(JournalError::Gap { file, expected: self.next, got: first });
            }
            self.reader = Some(SegmentReader::open(&self.folder, first, self.tick, self.record_bytes)?);
        }
        Ok(())
    }

    /// No segment is left: everything that was asked for must have come.
    fn finish(&mut self) -> Result<Option<Record>, JournalError> {
        self.over = true;
        if self.next <= self.span.durable {
            let file = self.folder.join(segment::name(self.next));
            return Err(JournalError::MissingSegment { file, sequence: self.next });
        }
        if self.next < self.from {
            return Err(JournalError::Beyond { sequence: self.from, last: self.next.saturating_sub(1) });
        }
        Ok(None)
    }

    /// The next record of the current segment, or none where another segment follows or the end is here.
    fn advance(&mut self) -> Result<Option<Record>, JournalError> {
        self.open_next()?;
        let Some(reader) = self.reader.as_mut() else { return self.finish() };
        let mut payload = Vec::new();
        if let Some(position) = reader.next(&mut payload)? {
            self.next = position.sequence.saturating_add(1);
            self.tick = position.tick;
            return Ok(Some(Record { sequence: position.sequence, tick: position.tick, payload }));
        }
        let (file, offset) = (reader.path().to_path_buf(), reader.offset());
        self.reader = None;
        if self.segments.is_empty() && self.next <= self.span.durable {
            return Err(JournalError::Lost { file, offset, sequence: self.span.durable });
        }
        Ok(None)
    }
}

impl Iterator for Records {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over && self.span.end.is_none_or(|end| self.next <= end) {
            match self.advance() {
                Ok(Some(record)) if record.sequence >= self.from => return Some(Ok(record)),
                Ok(_) => {}
                Err(error) => {
                    self.over = true;
                    let torn = matches!(error, JournalError::Damaged { .. })
                        && self.segments.is_empty()
                        && self.next > self.span.durable;
                    return (!torn).then_some(Err(error));
                }
            }
        }
        None
    }
}

impl FusedIterator for Records {}
