//! The writer thread: takes all that waits, makes it durable, and tells.
//!
//! Invariant: `durable` moves only after write, sync and mark succeeded; the first error is the last thing
//! this thread does on disk. Should it ever unwind, everyone who waits is told.
//! Cost: nothing of its own; while it syncs the next batch gathers.

use super::shared::{Shared, Watcher, Work};
use super::store::Store;
use super::{JournalError, Position};
use std::fs::File;
use std::sync::Arc;

/// Tells everyone when the thread ends, however it does.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed(JournalError::WriterGone);
        }
    }
}

/// The body of the writer thread. The lock is released when it ends.
pub(super) fn run(shared: Arc<Shared>, mut store: Store, _lock: File) {
    let ending = Ending(shared);
    let shared = &ending.0;
    let mut watchers: Vec<Watcher> = Vec::new();
    let mut spare = Vec::new();
    loop {
        match shared.next_work(std::mem::take(&mut spare)) {
            Work::End => return,
            Work::Greet { watchers: mut new } => {
                tell(&mut new, &shared.outcome());
                watchers.append(&mut new);
            }
            Work::Forget { before } => match store.forget(before) {
                Ok(segments) => shared.granted(segments, store.mark().first),
                Err(failure) => fail(shared, &mut watchers, failure),
            },
            Work::NewSegment => match store.begin_next() {
                Ok(()) => shared.granted(Vec::new(), store.mark().first),
                Err(failure) => fail(shared, &mut watchers, failure),
            },
            Work::Write { batch, last } => {
                match store.append(&batch, last) {
                    Ok(()) => {
                        shared.committed(batch.len(), last);
                        tell(&mut watchers, &Ok(last));
                    }
                    Err(failure) => fail(shared, &mut watchers, failure),
                }
                spare = batch;
            }
        }
    }
}

fn fail(shared: &Shared, watchers: &mut [Watcher], failure: JournalError) {
    shared.failed(failure.clone());
    tell(watchers, &Err(failure));
}

fn tell(watchers: &mut [Watcher], outcome: &Result<Position, JournalError>) {
    watchers.iter_mut().for_each(|watcher| watcher(outcome.as_ref().copied()));
}
