//! Files and standard input of a live job: one thread reads them in order and hands their events over.
//!
//! Invariant: it waits while the engine is behind, and leaves room for those who cannot wait. Refused
//! records are in the dead letters before what comes after them is handed over.
//! Cost: one thread; decoding is done on it.

use super::RunError;
use super::control::Control;
use super::parts::Labelled;
use crate::intake::{DecodedChunk, Outcome};
use crate::metrics::Metrics;
use crate::source::{Chunk, DeadLetter, DeadLetters, Decode, Intake, Progress, ReadTo};
use crate::stored::Place;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is read, and with what.
pub(super) struct Readers {
    /// One after the other.
    pub(super) sources: Vec<Labelled>,
    pub(super) decoder: Arc<dyn Decode>,
    pub(super) dead_letters: DeadLetters,
    pub(super) intake: Intake,
    pub(super) metrics: Metrics,
}

/// Readers that have not come to their end. With the last one the job is told to stop, where that is wanted.
#[derive(Clone)]
pub(super) struct Open {
    left: Arc<AtomicUsize>,
    then_stop: bool,
}

impl Open {
    pub(super) fn new(readers: usize, then_stop: bool) -> Open {
        Open { left: Arc::new(AtomicUsize::new(readers)), then_stop }
    }

    pub(super) fn ended(&self, control: &Control) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 && self.then_stop {
            control.stop();
        }
    }
}

impl Readers {
    /// Reads on a thread of its own. The thread is not waited for: standard input may never end.
    pub(super) fn start(mut self, control: Control, open: Open) -> Result<(), RunError> {
        let read = move || match self.read_all() {
            Ok(()) => open.ended(&control),
            Err(error) => control.fail(error),
        };
        let thread = std::thread::Builder::new().name("shopbell-reader".to_owned()).spawn(read);
        thread.map(drop).map_err(|error| RunError::System { what: "the reader of files", error })
    }

    fn read_all(&mut self) -> Result<(), RunError> {
        let mut chunk = Chunk::default();
        for (label, mut source) in std::mem::take(&mut self.sources) {
            let accepted = self.metrics.source_events(label);
            let name: Arc<str> = Arc::from(source.name());
            loop {
                let progress = source.read(&mut chunk)?;
                let mut events = Vec::with_capacity(chunk.len());
                for outcome in DecodedChunk::decode(&chunk, &*self.decoder).outcomes {
                    match outcome {
                        Outcome::Event(_, event) => events.push(event),
                        Outcome::Unknown => {
                            self.metrics.unknown_types.inc();
                        }
                        Outcome::Refused(position, refused, raw) => {
                            let (source, refused, raw) = (source.name(), &refused, raw.as_slice());
                            self.dead_letters.take(&DeadLetter { source, position, refused, raw })?;
                        }
                    }
                }
                self.dead_letters.flush()?;
                let count = events.len() as u64;
                let place = source.position().map(|position| Place { position, mark: 0 });
                let read = place.map(|place| ReadTo { source: Arc::clone(&name), place });
                let read = read.into_iter().collect();
                if !events.is_empty() && self.intake.submit_waiting(events, read).is_err() {
                    // The job is stopping: what was not accepted can be read by the next one.
                    return Ok(());
                }
                accepted.inc_by(count);
                if progress == Progress::End {
                    break;
                }
            }
            tracing::info!(source = source.name(), events = accepted.get(), "read to its end");
        }
        Ok(())
    }
}
