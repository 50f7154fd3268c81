//! Checkpoints of the engine's state: sorted runs of rows on disk, written as differences.
//!
//! Invariant: a checkpoint is a manifest and the runs it names, newest first; the last run is the
//! whole state at its tick, the others are the differences since. Files are never changed once they
//! have their name, and the manifest gets its name last, so a crash leaves the old checkpoint or the
//! new one, whole. Nothing is used before its checksums are verified.
//! Cost: a write sorts and writes the difference, with four calls for the disk to keep it (run,
//! directory, manifest, directory); reading holds one block of about 64 KiB a run.

mod block;
mod bytes;
mod compaction;
mod contents;
mod disk;
mod error;
mod failpoint;
mod forget;
mod index;
mod inspect;
mod manifest;
mod merge;
mod names;
mod row;
mod run;
mod run_writer;
mod store;

pub use compaction::{Compacted, Compaction, CompactionPolicy};
pub use contents::Checkpoint;
pub use error::{Damage, Error};
pub use failpoint::{Failpoint, Hook};
pub use forget::Forgotten;
pub use inspect::{InspectedCheckpoint, InspectedError, Inspection, Summary, inspect};
pub use manifest::{Edge, RunSummary};
pub use merge::Rows;
pub use row::{MAX_KEY_BYTES, MAX_VALUE_BYTES, Row};
pub use store::{Found, Settings, Skipped, Store, metas};

#[cfg(test)]
mod tests;
