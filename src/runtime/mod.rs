//! The dataflow at work: worker threads, ticks in, complete ticks out.
//!
//! Invariant: ticks are fed in order of time; a tick's messages are delivered once, when it is
//! complete, in order of time. No clock is read here. Back-pressure: [`Engine::submit`] waits while
//! too many ticks are unfinished. At the end the frontier is not run to infinity: what still waits for
//! its time is dropped with the graph.

mod board;
mod keeper;
mod worker;

pub use board::{Board, Progress};
pub use keeper::KeptRows;

use crate::runtime::worker::{Batch, Work, run_worker};
use crossbeam_channel::{Sender, bounded};
use shopbell_dataflows::clock::Clock;
use shopbell_dataflows::demand::Demand;
use shopbell_dataflows::fold::{Part, parts};
use shopbell_dataflows::kept::Restored;
use shopbell_dataflows::{Settings, fold::FoldSettings};
use shopbell_model::event::Event;
use shopbell_model::offer::Message;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use thiserror::Error;

/// What the engine is to do.
#[derive(Debug)]
pub struct Job {
    /// Worker threads.
    pub workers: usize,
    /// Milliseconds of the clock that make a tick.
    pub grid: u64,
    /// Batches of ticks that may be unfinished.
    pub unfinished: usize,
    /// How events become facts, and facts offers.
    pub settings: Settings,
    /// The rules in force.
    pub rules: Vec<Shared<Rule>>,
    /// Who takes what is to outlive the process.
    pub keep: Option<Sender<KeptRows>>,
    /// What each worker begins with; nothing where absent.
    pub restored: Vec<Restored>,
}

/// Why the engine failed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A worker thread could not be started.
    #[error("the workers cannot be started: {0}")]
    Start(String),
    /// A worker ended before it was told to.
    #[error("a worker ended unexpectedly; see the messages before this one")]
    WorkerLost,
}

impl EngineError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            EngineError::Start(_) => "engine-start",
            EngineError::WorkerLost => "engine-worker-lost",
        }
    }
}

/// Events of one tick, each with its place in the log.
#[derive(Debug, Default)]
pub struct Tick {
    /// When.
    pub time: Time,
    /// What.
    pub events: Vec<(u64, Event)>,
}

/// Settings of the graph from a configuration and the rules in force.
pub fn settings(config: &crate::config::Config, rules: &[Shared<Rule>]) -> Settings {
    Settings {
        fold: FoldSettings {
            presence: config.presence.clone(),
            retention: config.retention.clone(),
            demand: Demand::of(rules.iter().map(|rule| &**rule)),
        },
        identity: config.identity.clone(),
        decide: shopbell_dataflows::decide::DecideSettings {
            policy: config.policy.clone(),
            report_suppressed: config.output.suppressed,
        },
        ledger: config.retention.ledger,
    }
}

/// A running dataflow.
pub struct Engine {
    clock: Clock,
    board: Arc<Board>,
    senders: Vec<Sender<Batch>>,
    threads: Vec<Thread>,
    unfinished: usize,
    submitted: std::collections::VecDeque<Time>,
    submitted_until: Time,
    main: Option<JoinHandle<Result<(), EngineError>>>,
}

impl Engine {
    /// Starts the workers. `deliver` is called with every tick that has messages.
    pub fn start(
        job: Job,
        deliver: impl FnMut(Time, Vec<Message>) + Send + 'static,
    ) -> Result<Engine, EngineError> {
        let clock = Clock::new(job.grid);
        let board = Arc::new(Board::new(job.workers));
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..job.workers).map(|_| bounded(job.unfinished + 2)).unzip();
        let (ready_in, ready) = bounded(job.workers);
        let work = Arc::new(Work {
            receivers: Mutex::new(receivers.into_iter().map(Some).collect()),
            deliver: Mutex::new(Some(Box::new(deliver))),
            settings: job.settings,
            rules: job.rules,
            clock: clock.clone(),
            board: Arc::clone(&board),
            keep: job.keep,
            restored: Mutex::new(job.restored.into_iter().map(Some).collect()),
            ready: ready_in,
        });
        let workers = job.workers;
        let ended = Arc::clone(&board);
        let main = std::thread::Builder::new()
            .name("shopbell-workers".to_owned())
            .spawn(move || {
                let config = timely::Config::process(workers);
                let result = timely::execute(config, move |worker| run_worker(worker, &work));
                let result = match result {
                    Ok(guards) => {
                        guards.join().into_iter().try_for_each(|end| end.map_err(|_| EngineError::WorkerLost))
                    }
                    Err(error) => Err(EngineError::Start(error)),
                };
                ended.end();
                result
            })
            .map_err(|error| EngineError::Start(error.to_string()))?;
        let mut threads = vec![None; job.workers];
        for _ in 0..job.workers {
            let (index, thread) = ready.recv().map_err(|_| EngineError::WorkerLost)?;
            if let Some(slot) = threads.get_mut::<usize>(index) {
                *slot = Some(thread);
            }
        }
        Ok(Engine {
            clock,
            board,
            senders,
            threads: threads.into_iter().flatten().collect(),
            unfinished: job.unfinished,
            submitted: std::collections::VecDeque::new(),
            submitted_until: 0,
            main: Some(main),
        })
    }

    /// The clock's grid, and where it stops.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What goes on inside.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Feeds ticks, and lets time go on to `until` (not included). Waits while too much is unfinished.
    pub fn submit(&mut self, ticks: Vec<Tick>, until: Time) -> Result<(), EngineError> {
        let peers = self.senders.len();
        let mut batches: Vec<Batch> =
            (0..peers).map(|_| Batch { ticks: Vec::new(), until, keep: None }).collect();
        for tick in ticks {
            for batch in &mut batches {
                batch.ticks.push((tick.time, Vec::new()));
            }
            for (arrival, event) in tick.events {
                parts(event, arrival, peers, |part: Part| {
                    let worker = (part.shard % peers as u64) as usize;
                    let here = batches.get_mut(worker).and_then(|batch| batch.ticks.last_mut());
                    if let Some((_, parts)) = here {
                        parts.push(part);
                    }
                });
            }
        }
        // After the work of this thread, so that the next batch is ready when the oldest one is done.
        while self.submitted.len() >= self.unfinished {
            let Some(oldest) = self.submitted.pop_front() else { break };
            self.board.wait_for(oldest).map_err(|()| EngineError::WorkerLost)?;
        }
        for (sender, batch) in self.senders.iter().zip(batches) {
            sender.send(batch).map_err(|_| EngineError::WorkerLost)?;
        }
        self.threads.iter().for_each(Thread::unpark);
        self.submitted_until = until;
        self.submitted.push_back(until);
        Ok(())
    }

    /// Asks the workers for the rows of everything submitted so far, and gives its last tick. They come once
    /// time has gone on by more than a millisecond.
    pub fn keep(&mut self) -> Result<Time, EngineError> {
        let until = self.submitted_until;
        // On the grid: between its points nothing is decided, not even again.
        let tick = self.clock.tick_before(until);
        for sender in &self.senders {
            let batch = Batch { ticks: Vec::new(), until, keep: Some(tick) };
            sender.send(batch).map_err(|_| EngineError::WorkerLost)?;
        }
        self.threads.iter().for_each(Thread::unpark);
        Ok(tick)
    }

    /// Where time stands: everything before it was submitted.
    pub fn frontier(&self) -> Time {
        self.submitted_until
    }

    /// Waits until everything before `time` is complete and delivered.
    pub fn wait_for(&mut self, time: Time) -> Result<(), EngineError> {
        self.board.wait_for(time).map_err(|()| EngineError::WorkerLost)
    }

    /// Batches that are not finished yet.
    pub fn unfinished(&mut self) -> usize {
        let done = self.board.completed();
        while self.submitted.front().is_some_and(|until| *until <= done) {
            self.submitted.pop_front();
        }
        self.submitted.len()
    }

    /// Ends the workers and waits for them.
    pub fn stop(mut self) -> Result<(), EngineError> {
        self.senders.clear();
        self.threads.iter().for_each(Thread::unpark);
        match self.main.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(EngineError::WorkerLost),
        }
    }
}

/// Takes what a lock holds, also where somebody panicked with it: the value is replaced, not repaired.
fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
