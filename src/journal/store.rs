//! The writer's side of the disk: the segment that is written to, and the mark.
//!
//! Invariant: `append` returns only when its batch is durable and the mark says so; a new segment is
//! begun only when all of the one before is durable. After an error nothing may be written any more.
//! Cost: one write and one sync a batch, and 62 bytes into the mark; a new segment costs three syncs more.

use super::files::{Files, OutFile};
use super::layout::{self, HEADER_BYTES, Mark};
use super::mark::{Found, MarkFile};
use super::{JournalError, Position, segment};
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Store {
    files: Files,
    segment_bytes: u64,
    /// First records of the segments kept, oldest first.
    segments: VecDeque<u64>,
    current: OutFile,
    mark_file: MarkFile,
    /// What is durable, and so also where the next batch goes.
    mark: Mark,
}

impl Store {
    /// Goes on behind `mark`, in a segment that is there.
    pub(super) fn open(
        files: &Files,
        segment_bytes: u64,
        segments: VecDeque<u64>,
        found: &Found,
        mark: Mark,
    ) -> Result<Store, JournalError> {
        let (files, mark_file) = (files.clone(), MarkFile::open(files, found)?);
        let current = files.open(&segment::name(mark.segment))?;
        Ok(Store { files, segment_bytes, segments, current, mark_file, mark })
    }

    /// Begins the very first segment.
    pub(super) fn begin(files: &Files, segment_bytes: u64, found: &Found) -> Result<Store, JournalError> {
        let (files, mark_file, mut mark) = (files.clone(), MarkFile::open(files, found)?, found.mark);
        let current = begin_segment(&files, mark.first)?;
        let segments = VecDeque::from([mark.first]);
        mark.length = HEADER_BYTES;
        let mut store = Store { files, segment_bytes, segments, current, mark_file, mark };
        store.settle()?;
        Ok(store)
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Bytes of the segment written to are made durable as they stand, up to the mark.
    pub(super) fn repair(&mut self, truncate: bool, kept_from: u64) -> Result<(), JournalError> {
        if truncate {
            self.current.truncate(self.mark.length)?;
        }
        self.current.rewrite(kept_from, self.mark.length)?;
        self.current.sync()
    }

    /// Makes both slots of the mark say what is durable.
    pub(super) fn settle(&mut self) -> Result<(), JournalError> {
        self.mark_file.write_both(&self.mark)
    }

    /// Makes whole records durable, the last of which is `last`.
    pub(super) fn append(&mut self, batch: &[u8], last: Position) -> Result<(), JournalError> {
        let bytes = batch.len() as u64;
        if self.mark.length > HEADER_BYTES && self.mark.length.saturating_add(bytes) > self.segment_bytes {
            self.roll()?;
        }
        self.current.write(self.mark.length, batch)?;
        self.current.sync()?;
        self.mark.length = self.mark.length.saturating_add(bytes);
        self.mark.last = last;
        self.mark_file.write(&self.mark)
    }

    /// Lets the next record begin a segment.
    pub(super) fn begin_next(&mut self) -> Result<(), JournalError> {
        if self.mark.length > HEADER_BYTES { self.roll() } else { Ok(()) }
    }

    /// Begins the next segment. The mark is synced with it: it is never older than the last segment, even
    /// when the machine stops.
    fn roll(&mut self) -> Result<(), JournalError> {
        let first = self.mark.last.sequence.saturating_add(1);
        self.current = begin_segment(&self.files, first)?;
        self.segments.push_back(first);
        self.mark.segment = first;
        self.mark.length = HEADER_BYTES;
        self.settle()
    }

    /// Notes that segments with nothing but records before `sequence` are forgotten, and names them; they
    /// can be removed then.
    pub(super) fn forget(&mut self, sequence: u64) -> Result<Vec<u64>, JournalError> {
        let mut forgotten = Vec::new();
        while self.segments.get(1).is_some_and(|next| *next <= sequence) {
            forgotten.extend(self.segments.pop_front());
        }
        if let Some(first) = self.segments.front().filter(|_| !forgotten.is_empty()) {
            self.mark.first = *first;
            self.settle()?;
        }
        Ok(forgotten)
    }
}

/// Makes a segment and its name durable.
fn begin_segment(files: &Files, first: u64) -> Result<OutFile, JournalError> {
    let mut file = files.create(&segment::name(first))?;
    file.write(0, &layout::encode_header(first))?;
    file.sync()?;
    files.sync_folder()?;
    Ok(file)
}
