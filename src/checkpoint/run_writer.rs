//! Writing a run, row by row in order.
//!
//! Invariant: the file is whole and synced when [`RunWriter::finish`] returns, still under its
//! temporary name. Cost: holds one block and the index.

use super::block;
use super::bytes::length;
use super::disk::{Disk, Unfinished};
use super::error::Error;
use super::index::{BlockEntry, FOOTER_BYTES, Footer, Index, MAX_INDEX_BYTES};
use super::manifest::{Edge, RunSummary, VERSION};
use super::names;
use super::row::Row;
use super::run::MAGIC;

/// A run under way.
#[derive(Debug)]
pub(super) struct RunWriter {
    disk: Disk,
    file: Unfinished,
    run: u64,
    tick: u64,
    block_bytes: usize,
    block: Vec<u8>,
    block_rows: u32,
    block_first: Option<Edge>,
    index: Index,
    rows: u64,
    deletions: u64,
    last: Option<Edge>,
}

/// A whole run that has no name yet.
#[derive(Debug)]
pub(super) struct NewRun {
    pub(super) file: Unfinished,
    pub(super) summary: RunSummary,
}

impl RunWriter {
    /// Begins a run whose blocks hold about `block_bytes`.
    pub(super) fn create(disk: &Disk, block_bytes: usize, run: u64, tick: u64) -> Result<RunWriter, Error> {
        let mut file = disk.create(&names::run(run))?;
        let header: Vec<u8> = MAGIC.iter().copied().chain(VERSION.to_le_bytes()).collect();
        disk.write(&mut file, &header)?;
        Ok(RunWriter {
            disk: disk.clone(),
            file,
            run,
            tick,
            block_bytes,
            block: Vec::new(),
            block_rows: 0,
            block_first: None,
            index: Index::default(),
            rows: 0,
            deletions: 0,
            last: None,
        })
    }

    /// Adds a row that comes after all before. The same place again is refused by name.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), Error> {
        row.check()?;
        match &mut self.last {
            Some(last) if row.place() <= last.place() => {
                return Err(Error::DuplicateKey { bucket: row.bucket, key_bytes: row.key.len() });
            }
            Some(last) => {
                last.bucket = row.bucket;
                last.key.clone_from(&row.key);
            }
            none => *none = Some(Edge::at(row.place())),
        }
        if self.block_first.is_none() {
            self.block_first.clone_from(&self.last);
        }
        block::encode(row, &mut self.block);
        self.index.note(row.bucket);
        self.block_rows += 1;
        self.rows += 1;
        self.deletions += u64::from(row.value.is_none());
        if self.block.len() >= self.block_bytes { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), Error> {
        let Some(first) = self.block_first.take() else { return Ok(()) };
        self.disk.write(&mut self.file, &self.block)?;
        let offset = self.index.end_of_blocks();
        let (length, checksum) = (length(self.block.len()), crc32c::crc32c(&self.block));
        self.index.blocks.push(BlockEntry { offset, length, checksum, rows: self.block_rows, first });
        self.block.clear();
        self.block_rows = 0;
        Ok(())
    }

    /// Writes the index and syncs.
    pub(super) fn finish(mut self) -> Result<NewRun, Error> {
        self.end_block()?;
        let mut end = self.index.encode();
        let index_bytes = end.len() as u64;
        if index_bytes > MAX_INDEX_BYTES {
            return Err(Error::TooLarge { what: "index", bytes: index_bytes, most: MAX_INDEX_BYTES });
        }
        let index_checksum = crc32c::crc32c(&end);
        let footer = Footer { index_bytes, index_checksum, rows: self.rows, deletions: self.deletions };
        let (footer, checksum) = footer.encode();
        end.extend(footer);
        self.disk.write(&mut self.file, &end)?;
        self.disk.sync(&self.file)?;
        let summary = RunSummary {
            run: self.run,
            tick: self.tick,
            rows: self.rows,
            deletions: self.deletions,
            bytes: self.index.end_of_blocks() + index_bytes + FOOTER_BYTES,
            checksum,
            lowest: self.index.blocks.first().map(|block| block.first.clone()),
            highest: self.last,
        };
        Ok(NewRun { file: self.file, summary })
    }
}
