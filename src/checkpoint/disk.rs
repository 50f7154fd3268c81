//! Changes to a checkpoint folder, each behind its failpoint.
//!
//! Invariant: a file is written under a temporary name, synced, and only then renamed; an
//! [`Unfinished`] file is removed when it is dropped, so a failed write leaves nothing behind.

use super::error::Error;
use super::failpoint::{Failpoint, Hook};
use super::names::{self, Named};
use crate::durable::make_folder;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A folder and the hook of its writer.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    hook: Hook,
}

/// A file that nothing refers to yet.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Unfinished {
    /// From now on the file stays.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed when the folder is opened next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Disk {
    pub(super) fn new(directory: &Path, hook: Hook) -> Disk {
        Disk { directory: directory.to_path_buf(), hook }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(super) fn at(&self, point: Failpoint) -> Result<(), Error> {
        self.hook.at(point).map_err(Error::io("go on in", &self.directory))
    }

    /// Begins the file that will have this name.
    pub(super) fn create(&self, name: &str) -> Result<Unfinished, Error> {
        let path = self.path(&names::temporary(name));
        let created = self.hook.at(Failpoint::Create).and_then(|()| File::create_new(&path));
        let file = created.map_err(Error::io("create", &path))?;
        Ok(Unfinished { file, path, kept: false })
    }

    pub(super) fn write(&self, to: &mut Unfinished, bytes: &[u8]) -> Result<(), Error> {
        let written = self.hook.at(Failpoint::Write).and_then(|()| to.file.write_all(bytes));
        written.map_err(Error::io("write", &to.path))
    }

    pub(super) fn sync(&self, file: &Unfinished) -> Result<(), Error> {
        let synced = self.hook.at(Failpoint::SyncFile).and_then(|()| file.file.sync_all());
        synced.map_err(Error::io("sync", &file.path))
    }

    /// Gives the file its name.
    pub(super) fn rename(&self, point: Failpoint, file: &mut Unfinished, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        let renamed = self.hook.at(point).and_then(|()| fs::rename(&file.path, &path));
        renamed.map_err(Error::io("rename", &file.path))?;
        file.path = path;
        Ok(())
    }

    /// Makes renames and removals last.
    pub(super) fn sync_directory(&self) -> Result<(), Error> {
        let sync = || File::open(&self.directory)?.sync_all();
        self.hook
            .at(Failpoint::SyncDirectory)
            .and_then(|()| sync())
            .map_err(Error::io("sync", &self.directory))
    }

    /// Removes a file; one that is gone already is no error.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match self.hook.at(Failpoint::Remove).and_then(|()| fs::remove_file(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Creates the folder where it is missing, and locks it for one writer.
    pub(super) fn lock(&self) -> Result<File, Error> {
        make_folder(&self.directory).map_err(Error::io("create", &self.directory))?;
        let path = self.path(names::LOCK);
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path }),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
        }
    }
}

/// Our files of a folder, with their names, in no order.
pub(super) fn list(directory: &Path) -> Result<Vec<(String, Named)>, Error> {
    let entries = fs::read_dir(directory).map_err(Error::io("list", directory))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("list", directory))?;
        // Names that are not text are not ours.
        if let Ok(name) = entry.file_name().into_string()
            && let Some(named) = names::read(&name)
        {
            found.push((name, named));
        }
    }
    Ok(found)
}
