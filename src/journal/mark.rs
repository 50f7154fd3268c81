//! The durable mark: how far the journal is durable, so that losing its end is noticed.
//!
//! Invariant: the slots are written in turn, so one of them is whole at any time. Both lie in one disk
//! sector. Cost: 62 bytes written in place after each sync, without a sync of its own.

use super::JournalError;
use super::files::{Files, OutFile};
use super::layout::{self, Mark, SLOT_BYTES};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Name of the mark's file.
pub(super) const NAME: &str = "durable";
/// Name while it is made.
const NEW_NAME: &str = "durable.new";

/// The mark as it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) mark: Mark,
    counter: u64,
    /// The slot that cannot be read, where one cannot.
    pub(super) damaged: Option<usize>,
}

/// Reads the mark; none where the file is missing.
pub(super) fn load(folder: &Path) -> Result<Option<Found>, JournalError> {
    let path = folder.join(NAME);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(JournalError::io("open", &path))?,
    };
    let mut bytes = Vec::new();
    file.take(2 * SLOT_BYTES as u64).read_to_end(&mut bytes).map_err(JournalError::io("read", &path))?;
    let (first, second) = bytes.split_at(bytes.len().min(SLOT_BYTES));
    let slots = [layout::decode_slot(first), layout::decode_slot(second)];
    for slot in &slots {
        if let Err(flaw @ super::Flaw::Version { .. }) = slot {
            return Err(flaw.at(&path, 0));
        }
    }
    let (counter, mark, damaged) = match slots {
        [Ok(a), Ok(b)] if a.0 > b.0 => (a.0, a.1, None),
        [Ok(_), Ok(b)] => (b.0, b.1, None),
        [Ok(a), Err(_)] => (a.0, a.1, Some(1)),
        [Err(_), Ok(b)] => (b.0, b.1, Some(0)),
        [Err(_), Err(_)] => return Err(JournalError::MarkDamaged { file: path }),
    };
    Ok(Some(Found { mark, counter, damaged }))
}

/// The mark of a journal without a record, made under another name so that it is there whole or not.
pub(super) fn create(files: &Files) -> Result<Found, JournalError> {
    let mark = Mark { first: 1, segment: 1, length: 0, last: super::Position::default() };
    files.remove(NEW_NAME)?;
    let mut file = MarkFile { file: files.create(NEW_NAME)?, counter: 0 };
    file.write_both(&mark)?;
    files.rename(NEW_NAME, NAME)?;
    files.sync_folder()?;
    Ok(Found { mark, counter: file.counter, damaged: None })
}

/// The mark's file, open for writing.
#[derive(Debug)]
pub(super) struct MarkFile {
    file: OutFile,
    counter: u64,
}

impl MarkFile {
    pub(super) fn open(files: &Files, found: &Found) -> Result<MarkFile, JournalError> {
        Ok(MarkFile { file: files.open(NAME)?, counter: found.counter })
    }

    /// Writes the older slot.
    pub(super) fn write(&mut self, mark: &Mark) -> Result<(), JournalError> {
        self.counter = self.counter.wrapping_add(1);
        let offset = (self.counter % 2) * SLOT_BYTES as u64;
        self.file.write(offset, &layout::encode_slot(self.counter, mark))
    }

    /// Writes one slot after the other and syncs them: no slot says anything older from now on.
    pub(super) fn write_both(&mut self, mark: &Mark) -> Result<(), JournalError> {
        self.write(mark)?;
        self.write(mark)?;
        self.file.sync()
    }
}
