//! Segment files: their names, and reading one record after the other.
//!
//! Invariant: a record is given out only after length, checksum, sequence and tick were verified.
//! Cost: a buffer of 64 KiB and one payload; a payload is never larger than the file it claims to be in.

use super::layout::{self, CRC_BYTES, HEADER_BYTES, PREFIX_BYTES};
use super::{Flaw, JournalError, Position};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// The file of the segment that begins with record `first`.
pub(super) fn name(first: u64) -> String {
    format!("journal-{first:020}.log")
}

/// The first records of all segments in a folder, in order.
pub(super) fn list(folder: &Path) -> Result<Vec<u64>, JournalError> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(folder).map_err(JournalError::io("list", folder))? {
        let entry = entry.map_err(JournalError::io("list", folder))?;
        let file_name = entry.file_name();
        let digits = file_name.to_str().and_then(|name| name.strip_prefix("journal-")?.strip_suffix(".log"));
        let Some(digits) = digits else { continue };
        let first = digits.parse().ok().filter(|first| file_name.to_str() == Some(name(*first).as_str()));
        firsts.push(first.ok_or(JournalError::Misnamed { file: entry.path(), sequence: None })?);
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Reads one segment.
#[derive(Debug)]
pub(super) struct SegmentReader {
    path: PathBuf,
    reader: BufReader<File>,
    /// Bytes of the file when it was opened.
    length: u64,
    offset: u64,
    last: Position,
    record_bytes: u32,
}

impl SegmentReader {
    /// Opens the segment that begins with record `first`, after the record of tick `tick`.
    pub(super) fn open(
        folder: &Path,
        first: u64,
        tick: u64,
        record_bytes: u32,
    ) -> Result<SegmentReader, JournalError> {
        let path = folder.join(name(first));
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => JournalError::MissingSegment { file: path.clone(), sequence: first },
            _ => JournalError::io("open", &path)(error),
        })?;
        let length = file.metadata().map_err(JournalError::io("read", &path))?.len();
        let mut reader = BufReader::with_capacity(64 << 10, file);
        let mut header = Vec::new();
        let read = (&mut reader).take(HEADER_BYTES).read_to_end(&mut header);
        read.map_err(JournalError::io("read", &path))?;
        let found = layout::decode_header(&header).map_err(|flaw| flaw.at(&path, 0))?;
        if found != first {
            return Err(JournalError::Misnamed { file: path, sequence: Some(found) });
        }
        let last = Position { sequence: first.saturating_sub(1), tick };
        Ok(SegmentReader { path, reader, length, offset: HEADER_BYTES, last, record_bytes })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The record read last.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Reads the next record's payload; none at the end of the file. After an error the reader is done.
    pub(super) fn next(&mut self, payload: &mut Vec<u8>) -> Result<Option<Position>, JournalError> {
        let left = self.length.saturating_sub(self.offset);
        if left == 0 {
            return Ok(None);
        }
        let flaw = |flaw: Flaw, reader: &Self| flaw.at(&reader.path, reader.offset);
        let least = layout::record_bytes(0) as u64;
        if left < least {
            return Err(flaw(Flaw::Incomplete { expected: least, got: left }, self));
        }
        let mut prefix = [0; PREFIX_BYTES];
        self.fill(&mut prefix)?;
        let Some(read) = layout::decode_prefix(&prefix) else { return Ok(None) };
        if read.length > self.record_bytes {
            return Err(flaw(Flaw::Length { got: read.length, most: self.record_bytes }, self));
        }
        let size = layout::record_bytes(read.length as usize) as u64;
        if left < size {
            return Err(flaw(Flaw::Incomplete { expected: size, got: left }, self));
        }
        payload.clear();
        payload.resize(read.length as usize, 0);
        self.fill(payload)?;
        let mut crc = [0; CRC_BYTES];
        self.fill(&mut crc)?;
        layout::check_record(&prefix, payload, crc).map_err(|found| flaw(found, self))?;
        let (before, found) = (self.last, read.position);
        let expected = before.sequence.saturating_add(1);
        if found.sequence != expected {
            return Err(flaw(Flaw::Sequence { expected, got: found.sequence }, self));
        }
        if found.tick < before.tick {
            return Err(flaw(Flaw::Tick { before: before.tick, got: found.tick }, self));
        }
        self.offset = self.offset.saturating_add(size);
        self.last = found;
        Ok(Some(found))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), JournalError> {
        self.reader.read_exact(bytes).map_err(JournalError::io("read", &self.path))
    }
}
