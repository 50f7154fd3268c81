//! A run on disk: rows in order of (bucket, key), in blocks, with an index at the end.
//!
//! Invariant: a run that could be opened is the one its summary names, as far as its ends say so;
//! every block is checked when it is read. The file stays open, so a run in use outlives the removal
//! of its name. Cost: opening reads the index; reading holds one block.

use super::bytes::Bytes;
use super::disk::Disk;
use super::error::{Damage, Error};
use super::index::{FOOTER_BYTES, Footer, HEADER_BYTES, Index, MAX_INDEX_BYTES};
use super::manifest::{Edge, RunSummary, VERSION};
use super::row::Row;
use super::{block, names};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The first bytes of a run.
pub(super) const MAGIC: &[u8; 8] = b"SHOPBRUN";

/// An open run.
#[derive(Debug)]
pub(super) struct Run {
    file: File,
    path: PathBuf,
    summary: RunSummary,
    index: Index,
}

impl Run {
    /// Opens the run that the summary names, and checks header, index and footer.
    pub(super) fn open(disk: &Disk, summary: RunSummary) -> Result<Run, Error> {
        let path = disk.path(&names::run(summary.run));
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let mut run = Run { file, path, summary, index: Index::default() };
        run.check_header()?;
        run.index = run.read_index()?;
        Ok(run)
    }

    pub(super) fn summary(&self) -> &RunSummary {
        &self.summary
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    fn damaged(&self, damage: Damage) -> Error {
        Error::damaged(&self.path)(damage)
    }

    /// Bytes of a part; the caller has checked the length against a limit.
    fn read(&self, part: &'static str, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(Damage::Length { part }))
            }
            Err(error) => Err(Error::io("read", &self.path)(error)),
        }
    }

    fn check_header(&self) -> Result<(), Error> {
        let header = self.read("header", 0, HEADER_BYTES as usize)?;
        let mut left = Bytes(&header);
        if left.take(MAGIC.len()) != Some(MAGIC) {
            return Err(self.damaged(Damage::NotARun));
        }
        match left.u32() {
            Some(VERSION) => Ok(()),
            found => Err(Error::UnknownVersion {
                path: self.path.clone(),
                found: found.unwrap_or_default(),
                known: VERSION,
            }),
        }
    }

    fn read_index(&self) -> Result<Index, Error> {
        let size = self.file.metadata().map_err(Error::io("read", &self.path))?.len();
        let wrong_length = |part| self.damaged(Damage::Length { part });
        let other = |what| self.damaged(Damage::OtherRun { what });
        if size != self.summary.bytes {
            return Err(other("size"));
        }
        let footer_at = size.checked_sub(FOOTER_BYTES).ok_or_else(|| wrong_length("footer"))?;
        let bytes = self.read("footer", footer_at, FOOTER_BYTES as usize)?;
        let (footer, checksum) = Footer::decode(&bytes).map_err(|damage| self.damaged(damage))?;
        if checksum != self.summary.checksum {
            return Err(other("checksum"));
        }
        if footer.rows != self.summary.rows || footer.deletions != self.summary.deletions {
            return Err(other("number of rows"));
        }
        let length = Some(footer.index_bytes).filter(|length| *length <= MAX_INDEX_BYTES);
        let begin = length.and_then(|length| footer_at.checked_sub(length));
        let (Some(length), Some(begin)) = (length, begin) else { return Err(wrong_length("index")) };
        let bytes = self.read("index", begin, length as usize)?;
        if crc32c::crc32c(&bytes) != footer.index_checksum {
            return Err(self.damaged(Damage::Checksum { part: "index" }));
        }
        let index = Index::decode(&bytes).map_err(|damage| self.damaged(damage))?;
        if index.end_of_blocks() == begin { Ok(index) } else { Err(wrong_length("index")) }
    }

    /// The rows of a block, checked.
    pub(super) fn block(&self, number: usize) -> Result<Vec<Row>, Error> {
        let entry = self.index.blocks.get(number);
        let entry = entry.ok_or_else(|| self.damaged(Damage::Content { part: "index" }))?;
        let bytes = self.read("block", entry.offset, entry.length as usize)?;
        let decoded = block::decode(&bytes, entry, self.index.blocks.get(number + 1));
        decoded.map_err(|damage| self.damaged(damage))
    }

    /// Reads every block once and compares all that index and summary say. Holds one block.
    pub(super) fn verify(&self) -> Result<(), Error> {
        let (mut rows, mut deletions) = (0u64, 0u64);
        let mut found = Index::default();
        let mut highest = None;
        for (number, entry) in self.index.blocks.iter().enumerate() {
            let block = self.block(number)?;
            rows += block.len() as u64;
            deletions += block.iter().filter(|row| row.value.is_none()).count() as u64;
            block.iter().for_each(|row| found.note(row.bucket));
            found.blocks.push(entry.clone());
            highest = block.last().map(|row| Edge::at(row.place()));
        }
        let lowest = found.blocks.first().map(|entry| entry.first.clone());
        let part = if found != self.index {
            "index"
        } else if (rows, deletions) != (self.summary.rows, self.summary.deletions) {
            "footer"
        } else if (&lowest, &highest) != (&self.summary.lowest, &self.summary.highest) {
            return Err(self.damaged(Damage::OtherRun { what: "range" }));
        } else {
            return Ok(());
        };
        Err(self.damaged(Damage::Content { part }))
    }
}
