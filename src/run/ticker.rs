//! The ticker: mints ticks from the wall clock, what came in, and what is due.
//!
//! Invariant: every event taken from the intake is in exactly one tick, in order of arrival; a tick is
//! submitted when the clock has reached it, so that time in the dataflow never runs ahead of the clock;
//! at most one tick a grid point. Back-pressure: [`Engine::submit`] waits while too many ticks are
//! unfinished, and the intake fills. Cost: idle it sleeps until the next due time.

use super::RunError;
use super::clock::LiveClock;
use super::control::Control;
use super::under_way::{Arrivals, UnderWay};
use crate::intake::{Duplicates, fingerprint};
use crate::metrics::Metrics;
use crate::runtime::{Engine, EngineError, Tick};
use crate::source::{Intake, IntakeReceiver};
use shopbell_model::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Events of one tick for each millisecond of the grid: about what fifty milliseconds of work are.
/// More at once would make every one of them wait for all.
pub(super) const MOST_A_MILLISECOND: usize = 16_384;
/// The longest sleep: what is missed is found after this time.
const IDLE: Duration = Duration::from_millis(500);
/// The longest sleep in which a stop is not seen.
const BLINK: Duration = Duration::from_millis(20);

/// How long after a tick with offers time goes on without an event, so that they become facts of the
/// ledger: nobody waits for that, and on a busy job the next event does it anyway.
const LEDGER_PAUSE: u64 = 10;

/// The latest tick with messages, told by the workers; 0 before there is one.
pub(super) type LastSpoken = Arc<AtomicU64>;

/// What the ticker works with.
pub(super) struct Ticker {
    pub(super) engine: Engine,
    pub(super) receiver: IntakeReceiver,
    pub(super) intake: Intake,
    pub(super) duplicates: Duplicates,
    pub(super) control: Control,
    pub(super) under_way: Arc<UnderWay>,
    pub(super) spoken: LastSpoken,
    pub(super) metrics: Metrics,
    pub(super) clock: LiveClock,
    /// Events of one tick at most.
    pub(super) most: usize,
    /// Events so far: the place of the last one in the log.
    pub(super) arrival: u64,
}

impl Ticker {
    /// Brings time to now, so that the rules are in force before the first event comes.
    pub(super) fn warm_up(&mut self) -> Result<(), RunError> {
        let now = self.clock.now();
        self.engine.submit(Vec::new(), now)?;
        Ok(self.engine.wait_for(now)?)
    }

    /// Runs until the job is told to stop.
    pub(super) fn run(&mut self) -> Result<(), RunError> {
        while !self.control.is_stopping() {
            self.control.check()?;
            if self.engine.board().has_ended() {
                return Err(EngineError::WorkerLost.into());
            }
            self.show();
            self.turn()?;
        }
        Ok(())
    }

    /// One look: submits a tick, or sleeps for a while.
    fn turn(&mut self) -> Result<(), RunError> {
        let now = self.clock.now();
        let frontier = self.engine.frontier();
        if self.intake.waiting() > 0 {
            let tick = self.engine.clock().tick_of(now.max(frontier));
            if tick > now {
                std::thread::sleep(self.clock.until(tick).min(BLINK));
                return Ok(());
            }
            return self.tick(tick, self.most);
        }
        match self.next_wanted(frontier) {
            Some(wanted) if wanted <= now => {
                self.under_way.begin(now, now + 1, Arrivals::default());
                self.engine.submit(Vec::new(), now + 1)?;
            }
            Some(wanted) => {
                let sleep = self.clock.until(wanted).min(IDLE);
                self.receiver.wait(sleep);
            }
            None => {
                self.receiver.wait(IDLE);
            }
        }
        Ok(())
    }

    /// When time must go on though no event comes: the next due time, or, after offers were made, some
    /// time later, so that they become facts of the ledger. What is due before the frontier is being
    /// decided already; its number is that of the last look.
    fn next_wanted(&self, frontier: Time) -> Option<Time> {
        let (_, due) = self.engine.board().waiting();
        let due = due.map(|due| self.engine.clock().tick_of(due)).filter(|tick| *tick >= frontier);
        let spoken = self.spoken.load(Ordering::Acquire);
        let ledger = (spoken > 0 && spoken + 1 >= frontier).then_some(frontier + LEDGER_PAUSE);
        due.into_iter().chain(ledger).min()
    }

    /// Submits a tick of what waits.
    fn tick(&mut self, tick: Time, most: usize) -> Result<(), RunError> {
        let mut events = Vec::new();
        let mut arrivals = Arrivals::default();
        for (came, event) in self.receiver.drain_timed(most) {
            let fingerprint = fingerprint(&event);
            if !self.duplicates.is_new(fingerprint, tick) {
                self.metrics.duplicates.inc();
                continue;
            }
            self.arrival += 1;
            arrivals.add(fingerprint, came);
            events.push((self.arrival, event));
        }
        self.under_way.begin(tick, tick + 1, arrivals);
        Ok(self.engine.submit(vec![Tick { time: tick, events }], tick + 1)?)
    }

    /// Puts everything that was accepted into a last tick, and waits until it is complete. What is
    /// due later than now does not fire, though the last tick may lie up to a grid point ahead.
    pub(super) fn finish(mut self) -> Result<u64, RunError> {
        self.receiver.close();
        let now = self.clock.now();
        let last = self.engine.clock().tick_of(now.max(self.engine.frontier()));
        self.engine.submit(Vec::new(), last)?;
        self.engine.wait_for(last)?;
        self.engine.clock().stop_at(now);
        self.tick(last, usize::MAX)?;
        self.engine.wait_for(last + 1)?;
        self.show();
        self.engine.stop()?;
        Ok(self.arrival)
    }

    /// Numbers of the workers, for whoever looks.
    fn show(&self) {
        let board = self.engine.board();
        let identified = board.identified();
        let folded = board.folded();
        self.metrics.skipped("unknown-beacon", folded.unknown_beacons);
        self.metrics.skipped("reading-too-late", folded.too_late);
        self.metrics.skipped("fact-dropped", folded.dropped_facts);
        self.metrics.waiting_deadlines.set(board.waiting().0 as i64);
        self.metrics.shared_handles.set(identified.shared_handles as i64);
        self.metrics.capped_persons.set(identified.capped_links as i64);
    }
}
