//! Every change on disk: the one place that writes, syncs, renames and removes.
//!
//! Invariant: the probe is asked before each change, in the order of the changes.
//! Cost: one system call each, and a sync is what the disk makes of it.

use super::{JournalError, Settings};
use crate::durable::make_folder;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A change on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new file is made.
    Create,
    /// This many bytes are written.
    Write {
        /// How many.
        bytes: usize,
    },
    /// A file is synced.
    Sync,
    /// The folder is synced: names that came or went.
    SyncFolder,
    /// A file is shortened.
    Truncate,
    /// A file is renamed.
    Rename,
    /// A file is removed.
    Remove,
}

/// Lets an operation fail.
#[derive(Debug)]
pub struct Fault {
    /// Bytes that a write still brings to the file, as a disk that fills up does.
    pub written: usize,
    /// The error that the operation ends with.
    pub error: io::Error,
}

/// Is asked before each change on disk.
pub trait Probe: fmt::Debug + Send + Sync {
    /// Counts, waits, or makes the operation on `path` fail. Called on the writer thread, or the one
    /// that opens or forgets.
    fn before(&self, operation: Operation, path: &Path) -> Result<(), Fault>;
}

/// The folder of a journal.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
    sync: bool,
    probe: Option<Arc<dyn Probe>>,
}

/// A file that is written to.
#[derive(Debug)]
pub(super) struct OutFile {
    path: PathBuf,
    file: File,
    files: Files,
}

impl Files {
    pub(super) fn new(folder: &Path, settings: &Settings) -> Self {
        Files { folder: folder.to_path_buf(), sync: settings.sync, probe: settings.probe.clone() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn ask(&self, operation: Operation, path: &Path) -> Result<(), Fault> {
        self.probe.as_ref().map_or(Ok(()), |probe| probe.before(operation, path))
    }

    /// One operation that is done or not done.
    fn change<T>(
        &self,
        operation: Operation,
        action: &'static str,
        path: &Path,
        change: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, JournalError> {
        let asked = self.ask(operation, path).map_err(|fault| fault.error);
        asked.and_then(|()| change()).map_err(JournalError::io(action, path))
    }

    /// Makes the folder where it is missing, and its name durable.
    pub(super) fn create_folder(&self) -> Result<(), JournalError> {
        let made = if self.sync { make_folder(&self.folder) } else { fs::create_dir_all(&self.folder) };
        made.map_err(JournalError::io("create", &self.folder))
    }

    /// Makes a new file; one that is there already is an error.
    pub(super) fn create(&self, name: &str) -> Result<OutFile, JournalError> {
        let path = self.folder.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = self.change(Operation::Create, "create", &path, || options.open(&path))?;
        Ok(OutFile { path, file, files: self.clone() })
    }

    /// Opens a file that is there.
    pub(super) fn open(&self, name: &str) -> Result<OutFile, JournalError> {
        let path = self.folder.join(name);
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.map_err(JournalError::io("open", &path))?;
        Ok(OutFile { path, file, files: self.clone() })
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), JournalError> {
        let (from, to) = (self.folder.join(from), self.folder.join(to));
        self.change(Operation::Rename, "rename", &from, || fs::rename(&from, &to))
    }

    /// Removes a file; none of that name is as good.
    pub(super) fn remove(&self, name: &str) -> Result<(), JournalError> {
        let path = self.folder.join(name);
        self.change(Operation::Remove, "remove", &path, || match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
    }

    /// Makes names that came or went durable.
    pub(super) fn sync_folder(&self) -> Result<(), JournalError> {
        if !self.sync {
            return Ok(());
        }
        let folder = &self.folder;
        self.change(Operation::SyncFolder, "sync", folder, || File::open(folder)?.sync_all())
    }
}

impl OutFile {
    /// Writes all bytes at an offset.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let fault = self.files.ask(Operation::Write { bytes: bytes.len() }, &self.path).err();
        let (bytes, error) = match fault {
            None => (bytes, None),
            Some(fault) => (bytes.get(..fault.written).unwrap_or_default(), Some(fault.error)),
        };
        let written = self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.write_all(bytes));
        error.map_or(written, Err).map_err(JournalError::io("write", &self.path))
    }

    /// Makes all that was written durable.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        if !self.files.sync {
            return Ok(());
        }
        self.files.change(Operation::Sync, "sync", &self.path, || self.file.sync_data())
    }

    /// Cuts the file off.
    pub(super) fn truncate(&self, length: u64) -> Result<(), JournalError> {
        self.files.change(Operation::Truncate, "truncate", &self.path, || self.file.set_len(length))
    }

    /// Writes the bytes of a range once more. Pages whose sync failed count as written although the disk
    /// never got them; only a new write makes the next sync true.
    pub(super) fn rewrite(&mut self, from: u64, to: u64) -> Result<(), JournalError> {
        let mut chunk = vec![0; 64 << 10];
        let mut offset = from;
        while offset < to {
            let size = (to - offset).min(chunk.len() as u64) as usize;
            let Some(part) = chunk.get_mut(..size) else { break };
            let read = self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.read_exact(part));
            read.map_err(JournalError::io("read", &self.path))?;
            self.write(offset, chunk.get(..size).unwrap_or_default())?;
            offset += size as u64;
        }
        Ok(())
    }
}
