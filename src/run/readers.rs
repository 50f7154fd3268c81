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
use std::sync::Arc;

/// What is read, and with what.
pub(super) struct Readers {
    /// One after the other.
    pub(super) sources: Vec<Labelled>,
    pub(super) decoder: Arc<dyn Decode>,
    pub(super) dead_letters: DeadLetters,
    pub(super) intake: Intake,
    pub(super) metrics: Metrics,
}

impl Readers {
    /// Reads on a thread of its own. At the end of all input the job is told to stop where
    /// `then_stop`. The thread is not waited for: standard input may never end.
    pub(super) fn start(mut self, control: Control, then_stop: bool) -> Result<(), RunError> {
        let read = move || match self.read_all() {
            Ok(()) if then_stop => control.stop(),
            Ok(()) => {}
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
                let read = source.position().map(|position| ReadTo { source: Arc::clone(&name), position });
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
