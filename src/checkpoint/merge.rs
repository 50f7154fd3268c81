//! The rows of several runs as one: the newest run wins, deleted rows are left out.
//!
//! Invariant: rows come in strict order of (bucket, key); after an error nothing more comes.
//! Cost: holds one decoded block a run, and compares about log2(runs) times a row.

use super::error::Error;
use super::index::Buckets;
use super::row::Row;
use super::run::Run;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::vec;

/// The rows of one run that are asked for, block by block.
#[derive(Debug)]
struct Cursor {
    run: Arc<Run>,
    blocks: vec::IntoIter<usize>,
    rows: vec::IntoIter<Row>,
}

impl Cursor {
    fn next(&mut self, wanted: &Buckets) -> Result<Option<Row>, Error> {
        loop {
            if let Some(row) = self.rows.by_ref().find(|row| wanted.contains(row.bucket)) {
                return Ok(Some(row));
            }
            let Some(block) = self.blocks.next() else { return Ok(None) };
            // What was read goes before the next comes.
            self.rows = Vec::new().into_iter();
            self.rows = self.run.block(block)?.into_iter();
        }
    }
}

/// The next row of a cursor; cursors are numbered from the newest run on.
#[derive(Debug)]
struct Head {
    row: Row,
    cursor: usize,
}

impl Ord for Head {
    /// The heap gives the greatest: the lowest place, and of one place the newest run.
    fn cmp(&self, other: &Head) -> Ordering {
        (other.row.place(), other.cursor).cmp(&(self.row.place(), self.cursor))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// Rows of a checkpoint in order of (bucket, key), each as the newest run has it.
#[derive(Debug)]
pub struct Rows {
    wanted: Buckets,
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Head>,
    /// Cursors whose next row is not in the heap.
    behind: Vec<usize>,
}

impl Rows {
    /// Merges runs, newest first.
    pub(super) fn of(runs: &[Arc<Run>], wanted: Buckets) -> Rows {
        let cursor = |run: &Arc<Run>| Cursor {
            run: Arc::clone(run),
            blocks: run.index().blocks_of(&wanted).into_iter(),
            rows: Vec::new().into_iter(),
        };
        let cursors: Vec<Cursor> = runs.iter().map(cursor).collect();
        let behind = (0..cursors.len()).collect();
        Rows { wanted, cursors, heap: BinaryHeap::new(), behind }
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        while let Some(number) = self.behind.pop() {
            if let Some(cursor) = self.cursors.get_mut(number)
                && let Some(row) = cursor.next(&self.wanted)?
            {
                self.heap.push(Head { row, cursor: number });
            }
        }
        Ok(())
    }

    /// The next place in order, deleted or not.
    fn next_place(&mut self) -> Result<Option<Row>, Error> {
        self.catch_up()?;
        let Some(newest) = self.heap.pop() else { return Ok(None) };
        self.behind.push(newest.cursor);
        while let Some(older) = self.heap.peek()
            && older.row.place() == newest.row.place()
        {
            self.behind.push(older.cursor);
            self.heap.pop();
        }
        Ok(Some(newest.row))
    }

    /// Rows that are held decoded.
    #[cfg(test)]
    pub(super) fn rows_held(&self) -> usize {
        self.heap.len() + self.cursors.iter().map(|cursor| cursor.rows.len()).sum::<usize>()
    }

    /// Blocks that are still to be read.
    #[cfg(test)]
    pub(super) fn blocks_ahead(&self) -> usize {
        self.cursors.iter().map(|cursor| cursor.blocks.len()).sum()
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Result<Row, Error>> {
        loop {
            match self.next_place() {
                Ok(Some(row)) if row.value.is_none() => {}
                Ok(row) => return row.map(Ok),
                Err(error) => {
                    self.heap.clear();
                    self.cursors.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl std::iter::FusedIterator for Rows {}
