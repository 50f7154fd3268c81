//! What can go wrong with checkpoints, by name.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a checkpoint could not be written, read or removed.
#[derive(Debug, Error)]
pub enum Error {
    /// The disk or the operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// Somebody else has the folder open for writing.
    #[error("another process holds {}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {damage}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A file was written by another version of the program.
    #[error("{} has format version {found}, this program reads version {known}", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The version it says.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// Two rows of one write have the same key. The key is not shown: it may name a person.
    #[error("two rows of one checkpoint have the same key of {key_bytes} bytes in bucket {bucket}")]
    DuplicateKey {
        /// Bucket of the key.
        bucket: u8,
        /// Length of the key, in bytes.
        key_bytes: usize,
    },
    /// A key or value is longer than the format allows.
    #[error("a {what} in bucket {bucket} has {bytes} bytes, at most {most} are allowed")]
    RowTooLarge {
        /// `key` or `value`.
        what: &'static str,
        /// Bucket of the row.
        bucket: u8,
        /// Its length.
        bytes: usize,
        /// What is allowed.
        most: usize,
    },
    /// A run or manifest would be larger than what is read back.
    #[error("the {what} would have {bytes} bytes, at most {most} are allowed")]
    TooLarge {
        /// `index` or `manifest`.
        what: &'static str,
        /// Its length.
        bytes: u64,
        /// What is allowed.
        most: u64,
    },
    /// The opaque part of the manifest could not be read back.
    #[error("the meta part of the checkpoint cannot be stored: {reason}")]
    Meta {
        /// What the JSON reader said.
        reason: String,
    },
    /// A difference must be of a later tick than what it stands on.
    #[error("tick {tick} does not come after tick {newest} of the newest checkpoint")]
    TickNotNewer {
        /// The tick of the write.
        tick: u64,
        /// The tick of the checkpoint below.
        newest: u64,
    },
    /// There are checkpoints, and nobody said which one to go on from.
    #[error("{} holds checkpoints, and none was chosen to go on from", path.display())]
    NotChosen {
        /// The folder.
        path: PathBuf,
    },
    /// The runs that were compacted are not part of the newest checkpoint any more.
    #[error("compacted run {run} stands on runs that are no longer in use")]
    StaleCompaction {
        /// Number of the run that was made.
        run: u64,
    },
    /// Files of the newest checkpoint itself may hold what was erased.
    #[error("run {run} of tick {tick} may hold what was erased at tick {erased_at}")]
    NotCompacted {
        /// The last run of the newest checkpoint.
        run: u64,
        /// Its tick.
        tick: u64,
        /// The tick of the erasure.
        erased_at: u64,
    },
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// It does not begin as a run does.
    #[error("it does not begin as a run of rows")]
    NotARun,
    /// The bytes of a part are not those that were written.
    #[error("the checksum of the {part} is wrong")]
    Checksum {
        /// Which part.
        part: &'static str,
    },
    /// A part is cut off, or says a length that cannot be.
    #[error("the {part} has a wrong length")]
    Length {
        /// Which part.
        part: &'static str,
    },
    /// The checksums are right, but what is said contradicts itself.
    #[error("the {part} makes no sense")]
    Content {
        /// Which part.
        part: &'static str,
    },
    /// The run is whole, but it is not the one the manifest names.
    #[error("its {what} differs from what the manifest says")]
    OtherRun {
        /// What differs.
        what: &'static str,
    },
    /// The manifest is not the JSON it should be.
    #[error("its JSON cannot be read: {reason}")]
    Json {
        /// What the JSON reader said.
        reason: String,
    },
}

impl Damage {
    fn code(&self) -> &'static str {
        match self {
            Damage::NotARun => "checkpoint-not-a-run",
            Damage::Checksum { .. } => "checkpoint-checksum",
            Damage::Length { .. } => "checkpoint-length",
            Damage::Content { .. } => "checkpoint-content",
            Damage::OtherRun { .. } => "checkpoint-other-run",
            Damage::Json { .. } => "checkpoint-json",
        }
    }
}

impl Error {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "checkpoint-disk-full",
                io::ErrorKind::NotFound => "checkpoint-file-missing",
                _ => "checkpoint-io",
            },
            Error::Locked { .. } => "checkpoint-locked",
            Error::Damaged { damage, .. } => damage.code(),
            Error::UnknownVersion { .. } => "checkpoint-unknown-version",
            Error::DuplicateKey { .. } => "checkpoint-duplicate-key",
            Error::RowTooLarge { .. } => "checkpoint-row-too-large",
            Error::TooLarge { .. } => "checkpoint-too-large",
            Error::Meta { .. } => "checkpoint-meta",
            Error::TickNotNewer { .. } => "checkpoint-tick-not-newer",
            Error::NotChosen { .. } => "checkpoint-not-chosen",
            Error::StaleCompaction { .. } => "checkpoint-stale-compaction",
            Error::NotCompacted { .. } => "checkpoint-not-compacted",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free space on the disk of the checkpoints; the previous checkpoint is still good"
                }
                io::ErrorKind::NotFound => "do not remove files of the checkpoint folder by hand",
                _ => "look at the disk and the rights of the checkpoint folder",
            },
            Error::Locked { .. } => "stop the other process, or give this one another folder",
            Error::Damaged { .. } => "check the disk; an older checkpoint and the journal are used instead",
            Error::UnknownVersion { .. } => "start the version of the program that wrote it",
            Error::DuplicateKey { .. } => "hand over each key once a checkpoint: this is a defect",
            Error::RowTooLarge { .. } => "keep less in one row of the state",
            Error::TooLarge { .. } => "keep keys and positions shorter",
            Error::Meta { .. } => "nest the positions less deeply: this is a defect",
            Error::TickNotNewer { .. } => "write each tick once, in order: this is a defect",
            Error::NotChosen { .. } => "choose the newest good checkpoint or start afresh: this is a defect",
            Error::StaleCompaction { .. } => "plan the compaction again",
            Error::NotCompacted { .. } => "compact after the erasure, then forget",
        }
    }

    /// For `map_err`: what was tried on which file.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, path: path.to_path_buf(), source }
    }

    /// For `map_err`: which file is damaged.
    pub(super) fn damaged(path: &Path) -> impl FnOnce(Damage) -> Error {
        move |damage| Error::Damaged { path: path.to_path_buf(), damage }
    }
}
