//! The journal as the engine sees it.
//!
//! Invariant: one handle a folder on the whole machine, by a lock that ends with the process.
//! Cost: one thread.

use super::files::Files;
use super::records::Span;
use super::shared::Shared;
use super::{JournalError, Position, Records, Report, Settings, recovery, writer};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Name of the lock file. It is never removed: a removed one could be locked twice.
const LOCK_NAME: &str = "lock";

/// An open journal. Dropping it writes what waits.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    files: Files,
    record_bytes: u32,
    wishing: Mutex<()>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in a folder, which is made where it is missing.
    ///
    /// Reads and verifies everything kept. Nothing is changed on disk where something durable is missing
    /// or damaged: that is an error. The torn end of a write is cut off and reported.
    pub fn open(folder: impl AsRef<Path>, settings: Settings) -> Result<(Journal, Report), JournalError> {
        let files = Files::new(folder.as_ref(), &settings);
        files.create_folder()?;
        let lock = lock(files.folder())?;
        let (store, report) = recovery::recover(&files, &settings)?;
        let shared = Arc::new(Shared::new(&settings, report.first, report.last));
        let for_writer = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer::run(for_writer, store, lock))
            .map_err(JournalError::io("start the writer of", files.folder()))?;
        let journal = Journal {
            shared,
            files,
            record_bytes: settings.record_bytes,
            wishing: Mutex::new(()),
            writer: Some(writer),
        };
        Ok((journal, report))
    }

    /// Appends a record and returns its sequence number. It is not durable yet: see
    /// [`wait_durable`](Self::wait_durable). Waits while too many bytes wait. `tick` is in milliseconds
    /// and never less than before.
    ///
    /// # Errors
    /// [`JournalError::TooLong`] and [`JournalError::TickBack`] leave the journal as it was; any other is
    /// the failure that ended it.
    pub fn append(&self, tick: u64, payload: &[u8]) -> Result<u64, JournalError> {
        self.shared.append(tick, payload)
    }

    /// Waits until a record is durable and returns the last one that is.
    ///
    /// # Errors
    /// The failure that ended the journal, where the record was not durable before it;
    /// [`JournalError::Beyond`] where it was never appended.
    pub fn wait_durable(&self, sequence: u64) -> Result<Position, JournalError> {
        self.shared.wait_durable(sequence)
    }

    /// The same wait for whoever has no hold on the journal, which may end meanwhile: it then ends with what
    /// became durable.
    pub fn promise(&self, sequence: u64) -> Promise {
        Promise { shared: Arc::clone(&self.shared), sequence }
    }

    /// Calls back on the writer thread: once with what is durable now, after each commit, and once with
    /// the failure that ends the journal. A slow callback delays the next commit; one that waits for the
    /// journal never ends.
    pub fn watch(&self, watcher: impl FnMut(Result<Position, &JournalError>) + Send + 'static) {
        self.shared.watch(Box::new(watcher));
    }

    /// The last record that is durable.
    pub fn durable(&self) -> Position {
        self.shared.state().durable
    }

    /// The last record that was appended.
    pub fn last(&self) -> Position {
        self.shared.state().last
    }

    /// The first record kept.
    pub fn first(&self) -> u64 {
        self.shared.state().first
    }

    /// Why nothing becomes durable any more, where that is so.
    pub fn failure(&self) -> Option<JournalError> {
        self.shared.state().failure.clone()
    }

    /// Reads from a record on (0 counts as 1) up to the last one that is durable now.
    ///
    /// # Errors
    /// [`JournalError::Forgotten`] before the first record kept, [`JournalError::Beyond`] behind the one
    /// that follows the last durable one.
    pub fn read(&self, from: u64) -> Result<Records, JournalError> {
        let span = {
            let state = self.shared.state();
            let durable = state.durable.sequence;
            Span { first: state.first, durable, end: Some(durable) }
        };
        Records::new(self.files.folder(), self.record_bytes, from, span)
    }

    /// Begins a segment behind all that was appended, so that it can be forgotten apart from what follows.
    /// Returns when all of that is durable and the segment is there; nobody may append meanwhile.
    pub fn begin_segment(&self) -> Result<(), JournalError> {
        let _one = self.wishing.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.begin_segment()
    }

    /// Removes segments that hold nothing but records before `sequence`, never the last one. Returns how
    /// many. Waits for the commit under way.
    pub fn forget_before(&self, sequence: u64) -> Result<usize, JournalError> {
        let _one = self.wishing.lock().unwrap_or_else(PoisonError::into_inner);
        let segments = self.shared.forget(sequence)?;
        if !segments.is_empty() {
            recovery::remove_forgotten(&self.files, &segments)?;
        }
        Ok(segments.len())
    }

    /// Makes durable what waits and ends the writer. Returns the last durable record.
    pub fn close(mut self) -> Result<Position, JournalError> {
        self.end();
        self.shared.outcome()
    }

    fn end(&mut self) {
        self.shared.close();
        // On the writer thread itself, from a callback, there is nobody to wait for.
        if let Some(writer) =
            self.writer.take().filter(|writer| writer.thread().id() != thread::current().id())
        {
            // A panic there was already told as a failure.
            let _ = writer.join();
        }
    }
}

/// That a record becomes durable.
#[derive(Debug)]
pub struct Promise {
    shared: Arc<Shared>,
    sequence: u64,
}

impl Promise {
    /// Waits until it is; as [`Journal::wait_durable`] does.
    pub fn wait(&self) -> Result<Position, JournalError> {
        self.shared.wait_durable(self.sequence)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join(LOCK_NAME);
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(JournalError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(JournalError::io("lock", &path)(error)),
    }
}
