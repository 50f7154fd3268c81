//! What ends a job: a signal, the end of all input, a failure.
//!
//! Invariant: each of them wakes the ticker, wherever it waits; the first failure stays.

use super::RunError;
use crate::source::Intake;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all threads of a job. Clones are the same.
#[derive(Clone)]
pub(super) struct Control(Arc<Shared>);

struct Shared {
    stop: AtomicBool,
    failed: AtomicBool,
    failure: Mutex<Option<RunError>>,
    intake: Intake,
}

impl Control {
    pub(super) fn new(intake: Intake) -> Self {
        let (stop, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        Control(Arc::new(Shared { stop, failed, failure: Mutex::new(None), intake }))
    }

    /// Finish what was accepted, then end.
    pub(super) fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.intake.wake();
    }

    /// Whether the job is to finish.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.stop.load(Ordering::Acquire)
    }

    /// The job cannot go on.
    pub(super) fn fail(&self, error: RunError) {
        let mut failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        drop(failure);
        self.0.failed.store(true, Ordering::Release);
        self.0.intake.wake();
    }

    /// The failure, where there was one.
    pub(super) fn check(&self) -> Result<(), RunError> {
        if !self.0.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    /// Wakes the ticker: something is complete.
    pub(super) fn wake(&self) {
        self.0.intake.wake();
    }
}
