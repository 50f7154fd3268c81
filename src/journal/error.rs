//! What can go wrong with a journal, and what to do about it.

use super::layout::VERSION;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// What is wrong with bytes that should be a header or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// The file ends too early.
    #[error("{expected} bytes expected, {got} there")]
    Incomplete {
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        got: u64,
    },
    /// The first bytes are those of something else.
    #[error("not the beginning of a journal file")]
    Magic,
    /// Written in a format that this program does not know.
    #[error("format version {got}, this program knows {VERSION}")]
    Version {
        /// The version found.
        got: u16,
    },
    /// The checksum does not fit the bytes.
    #[error("checksum {expected:08x} expected, {got:08x} there")]
    Checksum {
        /// Computed from the bytes.
        expected: u32,
        /// Stored with them.
        got: u32,
    },
    /// A payload is longer than the settings allow.
    #[error("payload of {got} bytes, at most {most} allowed")]
    Length {
        /// Bytes claimed.
        got: u32,
        /// Bytes allowed.
        most: u32,
    },
    /// Another record than the one that follows.
    #[error("record {expected} expected, {got} there")]
    Sequence {
        /// The sequence number that follows.
        expected: u64,
        /// The one found.
        got: u64,
    },
    /// Time went back.
    #[error("tick {got} after tick {before}")]
    Tick {
        /// Tick of the record before.
        before: u64,
        /// Tick found.
        got: u64,
    },
}

impl Flaw {
    /// The error that this flaw is at a place.
    pub(super) fn at(self, file: &Path, offset: u64) -> JournalError {
        let file = file.to_path_buf();
        match self {
            Flaw::Version { got } => JournalError::UnknownVersion { file, version: got },
            flaw => JournalError::Damaged { file, offset, flaw },
        }
    }
}

/// Why the journal could not do what it was asked for. Cheap to clone: a kept failure goes to every waiter.
#[derive(Clone, Debug, Error)]
pub enum JournalError {
    /// Another process, or another handle of this one, has it open.
    #[error("the journal is open elsewhere: {} is locked", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The operating system refused. After a write or a sync this failure is kept.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// A file is not what was written.
    #[error("{} is damaged at byte {offset}: {flaw}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the header or record begins.
        offset: u64,
        /// What is wrong there.
        flaw: Flaw,
    },
    /// A file is in a format of another version.
    #[error("{} has format version {version}, this program knows {VERSION}", file.display())]
    UnknownVersion {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u16,
    },
    /// The end is gone although it was durable.
    #[error("{} ends at byte {offset}, but record {sequence} was durable", file.display())]
    Lost {
        /// The segment.
        file: PathBuf,
        /// Where it ends.
        offset: u64,
        /// The last durable record.
        sequence: u64,
    },
    /// A segment is not there.
    #[error("the segment that begins with record {sequence} is missing: {}", file.display())]
    MissingSegment {
        /// The file that should be there.
        file: PathBuf,
        /// Its first record.
        sequence: u64,
    },
    /// A segment begins too late or too early: one between is missing, or one is there twice.
    #[error("{} begins with record {got}, {expected} expected", file.display())]
    Gap {
        /// The segment.
        file: PathBuf,
        /// The record that follows the segment before.
        expected: u64,
        /// Its first record.
        got: u64,
    },
    /// A segment's name says another first record than its header, or none.
    #[error("{} is misnamed: its first record is {sequence:?}", file.display())]
    Misnamed {
        /// The segment.
        file: PathBuf,
        /// First record of the header, where the name could be read.
        sequence: Option<u64>,
    },
    /// There is no durable mark.
    #[error("the durable mark {} is missing", file.display())]
    MarkMissing {
        /// The file that should be there.
        file: PathBuf,
    },
    /// No slot of the durable mark can be read.
    #[error("both slots of the durable mark {} are damaged", file.display())]
    MarkDamaged {
        /// The file.
        file: PathBuf,
    },
    /// The durable mark and the segment do not fit each other.
    #[error("{}: the durable mark says record {expected} ends at byte {offset}, record {got} is there", file.display())]
    MarkDisagrees {
        /// The segment.
        file: PathBuf,
        /// The byte of the mark.
        offset: u64,
        /// The last record of the mark.
        expected: u64,
        /// The last record found up to that byte.
        got: u64,
    },
    /// Reading from a record that was forgotten.
    #[error("record {sequence} was forgotten, the journal begins with {first}")]
    Forgotten {
        /// The record asked for.
        sequence: u64,
        /// The first one kept.
        first: u64,
    },
    /// Asking for a record that was not appended.
    #[error("record {sequence} is beyond the end, the last is {last}")]
    Beyond {
        /// The record asked for.
        sequence: u64,
        /// The last one.
        last: u64,
    },
    /// A payload is too large.
    #[error("payload of {length} bytes, at most {most} allowed")]
    TooLong {
        /// Its bytes.
        length: usize,
        /// The bound of the settings.
        most: u32,
    },
    /// A tick before the last one.
    #[error("tick {tick} after tick {last}")]
    TickBack {
        /// The tick given.
        tick: u64,
        /// That of the last record.
        last: u64,
    },
    /// The writer thread is gone.
    #[error("the writer thread of the journal ended by itself")]
    WriterGone,
}

impl JournalError {
    /// For `map_err` of an I/O call.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
        let path = path.to_path_buf();
        move |error| JournalError::Io { action, path, source: Arc::new(error) }
    }

    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            JournalError::Locked { .. } => "journal-locked",
            JournalError::Io { .. } => "journal-io",
            JournalError::Damaged { .. } => "journal-damaged",
            JournalError::UnknownVersion { .. } => "journal-unknown-version",
            JournalError::Lost { .. } => "journal-lost",
            JournalError::MissingSegment { .. } => "journal-missing-segment",
            JournalError::Gap { .. } => "journal-gap",
            JournalError::Misnamed { .. } => "journal-misnamed",
            JournalError::MarkMissing { .. } => "journal-mark-missing",
            JournalError::MarkDamaged { .. } => "journal-mark-damaged",
            JournalError::MarkDisagrees { .. } => "journal-mark-disagrees",
            JournalError::Forgotten { .. } => "journal-forgotten",
            JournalError::Beyond { .. } => "journal-beyond",
            JournalError::TooLong { .. } => "journal-too-long",
            JournalError::TickBack { .. } => "journal-tick-back",
            JournalError::WriterGone => "journal-writer-gone",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            JournalError::Locked { .. } => "stop the other process, or give this one its own folder",
            JournalError::Io { .. } => "check space and rights of the disk, then start again",
            JournalError::Damaged { flaw: Flaw::Length { .. }, .. } => {
                "raise the largest record if it was lowered; else restore the folder from a copy"
            }
            JournalError::UnknownVersion { .. } => "use the program version that wrote the journal",
            JournalError::Misnamed { .. }
            | JournalError::Gap { .. }
            | JournalError::MissingSegment { .. } => {
                "bring back the segments under their own names, or restore the folder from a copy"
            }
            JournalError::Damaged { .. }
            | JournalError::Lost { .. }
            | JournalError::MarkMissing { .. }
            | JournalError::MarkDamaged { .. }
            | JournalError::MarkDisagrees { .. } => "check the disk and restore the folder from a copy",
            JournalError::Forgotten { .. } => "begin with a newer checkpoint",
            JournalError::Beyond { .. } => "journal and checkpoint do not belong together: restore both",
            JournalError::TooLong { .. } => "send smaller events, or raise the largest record",
            JournalError::TickBack { .. } => "report this: the engine gave ticks out of order",
            JournalError::WriterGone => "report this with the logs, then start again",
        }
    }
}
