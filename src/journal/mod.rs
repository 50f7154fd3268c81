//! The write-ahead journal: what came in, on disk before it counts.
//!
//! Invariant: a record that was told durable is read back as it was, or its loss is a named error; only
//! the torn end of a write that nobody was told of is cut off, and the report says so.
//! Cost: an append copies the payload and takes one lock; all that waits shares one write and one sync.

mod error;
mod files;
mod handle;
mod inspect;
mod layout;
mod mark;
mod records;
mod recovery;
mod segment;
mod settings;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{Flaw, JournalError};
pub use files::{Fault, Operation, Probe};
pub use handle::{Journal, Promise};
pub use inspect::{Inspection, inspect};
pub use records::{Records, read};
pub use recovery::{Cut, Report, Warning};
pub use settings::Settings;

/// A place in the journal: a record's sequence number and its tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Sequence number, from 1; 0 where there is no record yet.
    pub sequence: u64,
    /// Tick, in milliseconds.
    pub tick: u64,
}

/// One record as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Sequence number, from 1, without gaps over all segments.
    pub sequence: u64,
    /// Tick, in milliseconds; never less than that of the record before.
    pub tick: u64,
    /// The bytes that were appended.
    pub payload: Vec<u8>,
}
