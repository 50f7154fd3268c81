//! A member's share of the workers: fed by the head, not by an engine of its own.
//!
//! Invariant: what the head gives is given on as it is. Cost: that of the workers.

use super::board::Board;
use super::questions::{Asker, Elsewhere};
use super::workers::{Crew, Workers};
use super::{Batch, EngineError, Job, start_workers};
use crate::cluster::{Pulse, Sockets};
use shopbell_dataflows::clock::Clock;
use shopbell_model::time::Time;
use std::ops::Range;
use std::sync::Arc;

/// The workers of a member.
pub struct Share {
    clock: Clock,
    board: Arc<Board>,
    workers: Workers,
    asker: Asker,
    mine: Range<usize>,
}

impl Share {
    /// Starts them. `changed` is told when their numbers are others than before; it must not wait for anything.
    pub fn start(
        job: Job,
        sockets: Sockets,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Result<Share, EngineError> {
        let crew = Crew { threads: job.workers, sockets };
        let mine = crew.first()..crew.first() + job.workers;
        let clock = Clock::new(job.grid);
        let board = Arc::new(Board::new(crew.peers()));
        board.watch_numbers(changed);
        let workers = start_workers(job, crew, &clock, &board, None)?;
        let asker = workers.asker(Vec::new(), Elsewhere::default());
        Ok(Share { clock, board, workers, asker, mine })
    }

    /// Gives each worker its batch.
    pub fn give(&self, batches: Vec<Batch>) -> Result<(), EngineError> {
        self.workers.give(batches.into_iter())
    }

    /// Who asks these workers.
    pub fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Nothing that is due later than this fires from now on.
    pub fn stop_at(&self, moment: Time) {
        self.clock.stop_at(moment);
    }

    /// What goes on inside.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// The numbers of these workers among all.
    pub fn mine(&self) -> Range<usize> {
        self.mine.clone()
    }

    /// How these workers are.
    pub fn pulse(board: &Board, mine: Range<usize>) -> Pulse {
        board.pulse(mine)
    }

    /// Ends them and waits for that.
    pub fn stop(self) -> Result<(), EngineError> {
        self.workers.stop()
    }
}
