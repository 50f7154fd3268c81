//! What ends a job: a signal, the end of all input, a failure.
//!
//! Invariant: each of them wakes the ticker, wherever it waits; the first failure stays.

use super::RunError;
use super::reload::Page;
use crate::runtime::Board;
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
    board: Mutex<Option<Arc<Board>>>,
    /// Rules that are to come into force.
    page: Mutex<Option<Page>>,
}

impl Control {
    pub(super) fn new(intake: Intake) -> Self {
        let (stop, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        let (failure, board, page) = (Mutex::new(None), Mutex::new(None), Mutex::new(None));
        Control(Arc::new(Shared { stop, failed, failure, intake, board, page }))
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

    /// The job cannot go on, and nobody is to wait for the dataflow any more.
    pub(super) fn abandon(&self, error: RunError) {
        self.fail(error);
        let board = self.0.board.lock().unwrap_or_else(PoisonError::into_inner).clone();
        board.iter().for_each(|board| board.end());
    }

    /// The dataflow that is waited for from now on.
    pub(super) fn waits_for(&self, board: &Arc<Board>) {
        let mut waited_for = self.0.board.lock().unwrap_or_else(PoisonError::into_inner);
        *waited_for = Some(Arc::clone(board));
        drop(waited_for);
        if self.0.failed.load(Ordering::Acquire) {
            board.end();
        }
    }

    /// The failure, where there was one.
    pub(super) fn check(&self) -> Result<(), RunError> {
        if !self.0.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    /// What ended the job: it may have shown itself elsewhere before it did here.
    pub(super) fn first_failure(&self, here: RunError) -> RunError {
        self.check().err().unwrap_or(here)
    }

    /// Other rules are to come into force.
    pub(super) fn turn(&self, page: Page) {
        *self.0.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
        self.0.intake.wake();
    }

    /// The rules that are to come into force, if any are.
    pub(super) fn page(&self) -> Option<Page> {
        self.0.page.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Wakes the ticker: something is complete.
    pub(super) fn wake(&self) {
        self.0.intake.wake();
    }
}
