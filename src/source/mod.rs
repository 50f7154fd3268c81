//! Where events come from: files, standard input, HTTP; later brokers.
//!
//! Two seams. What can be read again from a position is a [`Source`]: the engine pulls raw records
//! from it, decodes and journals positions. What cannot (HTTP) is decoded where it arrives and
//! handed over as events through an [`Intake`], which says no when the engine is behind.
//! [`Decode`] stands between raw bytes and events for both; refusals of a source go to
//! [`DeadLetters`].

pub mod acknowledged;
pub mod dead_letters;
pub mod intake;
pub mod lines;

pub use acknowledged::{Acknowledged, NotKept};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use intake::{Behind, Drained, Intake, IntakeReceiver, ReadTo, Ticket};
pub use lines::{JsonLines, open_file, open_file_at, standard_input};

use shopbell_model::event::Event;
use shopbell_model::key::Text;
use std::path::PathBuf;
use thiserror::Error;

/// Input that can be read in order, and again from a position.
pub trait Source: Send {
    /// Its name in dead letters and metrics.
    fn name(&self) -> &str;

    /// Reads more records into `chunk`, which is emptied first. Waits for input where there is
    /// none yet; runs in a thread of its own therefore.
    fn read(&mut self, chunk: &mut Chunk) -> Result<Progress, SourceError>;

    /// How far it was read, where it can be read again from there: bytes of a file.
    fn position(&self) -> Option<u64> {
        None
    }
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more.
    More,
    /// There is no more, now or ever; the chunk may hold the last records.
    End,
}

/// Records as they came in, one after the other in one buffer: no allocation a record.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    position: u64,
    start: usize,
    end: usize,
}

impl Chunk {
    /// Forgets the records, keeps the buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    /// Adds a record. `position` is a line number for lines, an offset for brokers.
    pub fn push(&mut self, position: u64, raw: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(raw);
        self.records.push(Record { position, start, end: self.bytes.len() });
    }

    /// Positions and bytes of the records, in order.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.records
            .iter()
            .map(|record| (record.position, self.bytes.get(record.start..record.end).unwrap_or_default()))
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// What raw bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An event.
    Event(Event),
    /// An event of a type that is not known: counted and skipped.
    UnknownType(Text),
}

/// Why raw bytes are not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Stable name of the reason.
    pub code: &'static str,
    /// What was wrong, and where in the record.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

/// From raw bytes to an event. The clock and the limits are inside.
pub trait Decode: Send + Sync {
    /// Decodes one record.
    fn decode(&self, raw: &[u8]) -> Result<Decoded, Refused>;
}

impl<F: Fn(&[u8]) -> Result<Decoded, Refused> + Send + Sync> Decode for F {
    fn decode(&self, raw: &[u8]) -> Result<Decoded, Refused> {
        self(raw)
    }
}

/// Why a source cannot go on.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It could not be opened.
    #[error("the event file {} cannot be opened: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is a folder.
    #[error("{} is a folder, not a file of events", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// It could not be read on.
    #[error("reading {name} failed after line {line}: {error}")]
    Read {
        /// The source.
        name: String,
        /// The last line that was read whole.
        line: u64,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is shorter than what was read of it before.
    #[error("the event file {} has {length} bytes, but {read} of them were read before", path.display())]
    Shorter {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: u64,
        /// What was read.
        read: u64,
    },
    /// A topic of Kafka.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::Error),
    /// Dead letters could not be written.
    #[error("dead letters cannot be written: {error}")]
    DeadLetters {
        /// What the system said.
        error: std::io::Error,
    },
}

impl SourceError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            SourceError::Open { .. } => "source-open",
            SourceError::Folder { .. } => "source-folder",
            SourceError::Read { .. } => "source-read",
            SourceError::Shorter { .. } => "source-shorter",
            SourceError::Kafka(error) => error.code(),
            SourceError::DeadLetters { .. } => "dead-letters-write",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            SourceError::Open { .. } => "check the path and who may read it",
            SourceError::Folder { .. } => "name the files in it one by one",
            SourceError::Read { .. } => {
                "check the disk or the process that writes the input, then start again"
            }
            SourceError::Shorter { .. } => {
                "put the file back that was read before, or remove the folder of `[state]` to begin anew"
            }
            SourceError::Kafka(error) => error.hint(),
            SourceError::DeadLetters { .. } => "make room, or choose another `[source] dead_letters`",
        }
    }
}
