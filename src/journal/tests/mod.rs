//! The journal as a whole, on a real folder.

mod crash;
mod damage;
mod failure;
mod group;
mod life;
mod round_trip;

use super::*;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

type Answer = Result<(), Fault>;

/// A probe made of a closure.
struct Hook<F>(F);

impl<F> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl<F: Fn(Operation, &Path) -> Answer + Send + Sync> Probe for Hook<F> {
    fn before(&self, operation: Operation, path: &Path) -> Answer {
        self.0(operation, path)
    }
}

fn hook(asked: impl Fn(Operation, &Path) -> Answer + Send + Sync + 'static) -> Option<Arc<dyn Probe>> {
    Some(Arc::new(Hook(asked)))
}

/// Small segments, and no sync: a process that ends does not lose what it wrote.
fn small() -> Settings {
    Settings { segment_bytes: 130, waiting_bytes: 80, record_bytes: 64, sync: false, probe: None }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The record of a sequence number in most tests.
fn record(sequence: u64) -> Record {
    let payload = format!("payload {sequence}").into_bytes();
    Record { sequence, tick: sequence * 10, payload }
}

/// Appends the records up to `last`, each durable before the next.
fn fill(journal: &Journal, last: u64) {
    for sequence in journal.last().sequence + 1..=last {
        let Record { tick, payload, .. } = record(sequence);
        assert_eq!(journal.append(tick, &payload).unwrap(), sequence);
        journal.wait_durable(sequence).unwrap();
    }
}

fn collect(records: Result<Records, JournalError>) -> Result<Vec<Record>, JournalError> {
    records?.collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    segment::list(folder).unwrap().into_iter().map(|first| folder.join(segment::name(first))).collect()
}
