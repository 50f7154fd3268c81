//! The dataflow at work: worker threads, ticks in, complete ticks out.
//!
//! Invariant: ticks are fed in order of time; a tick's messages are delivered once, when it is
//! complete, in order of time. No clock is read here. Back-pressure: [`Engine::submit`] waits while
//! too many ticks are unfinished. At the end the frontier is not run to infinity: what still waits for
//! its time is dropped with the graph.

mod board;
mod keeper;
mod members;
mod questions;
mod share;
mod worker;
mod workers;

pub use board::{Board, Progress};
pub use keeper::KeptRows;
pub use questions::{AskError, Asker};
pub use share::Share;
pub use worker::Batch;

use crate::cluster::{LifeOf, ToMember};
use crossbeam_channel::{Sender, bounded};
use members::Members;
use questions::{Elsewhere, question_queues};
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
use thiserror::Error;
use worker::{Deliver, RuleChanges, Work};
use workers::{Crew, Workers, queues};

/// What the engine is to do.
#[derive(Debug)]
pub struct Job {
    /// Worker threads, in each process.
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
    /// What each worker of this process begins with; nothing where absent.
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
    /// A member of the cluster did not do what it was told.
    #[error("process {process} {what}")]
    Member {
        /// Which process.
        process: usize,
        /// What it did, or did not.
        what: &'static str,
    },
}

impl EngineError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            EngineError::Start(_) => "engine-start",
            EngineError::WorkerLost => "engine-worker-lost",
            EngineError::Member { .. } => "engine-member",
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
    settings_for(config, Demand::of(rules.iter().map(|rule| &**rule)))
}

/// Settings of the graph from a configuration and what rules ask for.
pub fn settings_for(config: &crate::config::Config, demand: Demand) -> Settings {
    let pools = demand.pools();
    Settings {
        fold: FoldSettings { presence: config.presence.clone(), retention: config.retention.clone(), demand },
        identity: config.identity.clone(),
        decide: shopbell_dataflows::decide::DecideSettings {
            policy: config.policy.clone(),
            report_suppressed: config.output.suppressed,
            pools,
            learning: config.learning.clone().unwrap_or_default(),
        },
        learning: config.learning.clone(),
    }
}

/// A running dataflow.
pub struct Engine {
    clock: Clock,
    board: Arc<Board>,
    workers: Workers,
    asker: Asker,
    /// Workers of other processes; none where there are none.
    members: Option<Members>,
    /// Workers in all.
    peers: usize,
    unfinished: usize,
    submitted: std::collections::VecDeque<Time>,
    submitted_until: Time,
}

impl Engine {
    /// Starts the workers. `deliver` is called with every tick that has messages.
    pub fn start(
        job: Job,
        deliver: impl FnMut(Time, Vec<Message>) + Send + 'static,
    ) -> Result<Engine, EngineError> {
        Self::start_among(job, None, deliver)
    }

    /// The same, with workers of other processes.
    pub fn start_among(
        job: Job,
        life: Option<LifeOf>,
        deliver: impl FnMut(Time, Vec<Message>) + Send + 'static,
    ) -> Result<Engine, EngineError> {
        let LifeOf { sockets, links, said } = life.unwrap_or_default();
        let crew = Crew { threads: job.workers, sockets };
        let peers = crew.peers();
        let clock = Clock::new(job.grid);
        let board = Arc::new(Board::new(peers));
        let keep = job.keep.clone();
        let unfinished = job.unfinished;
        let workers = job.workers;
        let elsewhere = Elsewhere::default();
        let asked = links.clone();
        let members = (!links.is_empty())
            .then(|| Members::start(links, said, workers, Arc::clone(&board), keep, elsewhere.clone()))
            .transpose()?;
        let workers = start_workers(job, crew, &clock, &board, Some(Box::new(deliver)))?;
        let asker = workers.asker(asked, elsewhere);
        if let Some(members) = &members {
            members.wait_ready()?;
        }
        Ok(Engine {
            clock,
            board,
            workers,
            asker,
            members,
            peers,
            unfinished,
            submitted: std::collections::VecDeque::new(),
            submitted_until: 0,
        })
    }

    /// The clock's grid.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// From here on nothing that is due later than `moment` fires, on any worker. To be said before the tick of
    /// `moment` is closed.
    pub fn stop_at(&self, moment: Time) -> Result<(), EngineError> {
        self.clock.stop_at(moment);
        self.members.as_ref().map_or(Ok(()), |members| members.tell(|_| ToMember::StopAt(moment)))
    }

    /// What goes on inside.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Who asks the workers.
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// Changes the rules in force at a tick, which is submitted with that and nothing else. All that follows from
    /// the change follows in that tick. The new rules must not ask for more than the graph was built for.
    pub fn change_rules(
        &mut self,
        tick: Time,
        changes: Vec<(Shared<Rule>, isize)>,
    ) -> Result<(), EngineError> {
        self.submit(Vec::new(), tick)?;
        self.send(Vec::new(), tick + 1, Some((tick, changes)))
    }

    /// Changes rules that are only looked at, as of now: nothing that is said follows from them.
    pub fn change_looks(&mut self, changes: Vec<(Shared<Rule>, isize)>) -> Result<(), EngineError> {
        let now = self.submitted_until;
        self.send(Vec::new(), now, Some((now, changes)))
    }

    /// Feeds ticks, and lets time go on to `until` (not included). Waits while too much is unfinished.
    pub fn submit(&mut self, ticks: Vec<Tick>, until: Time) -> Result<(), EngineError> {
        self.send(ticks, until, None)
    }

    fn send(&mut self, ticks: Vec<Tick>, until: Time, rules: Option<RuleChanges>) -> Result<(), EngineError> {
        let (peers, mut rules) = (self.peers, rules);
        let batch = |_| Batch { ticks: Vec::new(), until, keep: None, rules: rules.take() };
        let mut batches: Vec<Batch> = (0..peers).map(batch).collect();
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
        self.give(batches)?;
        self.submitted_until = until;
        self.board.submit(until);
        self.submitted.push_back(until);
        Ok(())
    }

    /// Asks the workers for the rows of everything submitted so far, and gives its last tick. They come once
    /// time has gone on by more than a millisecond.
    pub fn keep(&mut self) -> Result<Time, EngineError> {
        let until = self.submitted_until;
        // On the grid: between its points nothing is decided, not even again.
        let tick = self.clock.tick_before(until);
        let batch = |_| Batch { ticks: Vec::new(), until, keep: Some(tick), rules: None };
        self.give((0..self.peers).map(batch).collect())?;
        Ok(tick)
    }

    /// Gives each worker its batch.
    fn give(&self, batches: Vec<Batch>) -> Result<(), EngineError> {
        let mut batches = batches.into_iter();
        self.workers.give(batches.by_ref().take(self.workers.senders.len()))?;
        self.members.as_ref().map_or(Ok(()), |members| members.give(batches))
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
    pub fn stop(self) -> Result<(), EngineError> {
        self.members.as_ref().map_or(Ok(()), |members| members.tell(|_| ToMember::End))?;
        self.workers.stop()?;
        self.members.map_or(Ok(()), Members::end)
    }
}

/// Workers of one process with their graphs built; `deliver` where the first of all is among them.
fn start_workers(
    job: Job,
    crew: Crew,
    clock: &Clock,
    board: &Arc<Board>,
    deliver: Option<Deliver>,
) -> Result<Workers, EngineError> {
    // Besides the batches of ticks there may be some that only ask for rows.
    let (senders, receivers) = queues(job.workers, job.unfinished + 2);
    let (askers, questions) = question_queues(job.workers);
    let (ready_in, ready) = bounded(job.workers);
    let work = Work {
        first: crew.first(),
        receivers: Mutex::new(receivers),
        questions: Mutex::new(questions),
        deliver: Mutex::new(deliver),
        settings: job.settings,
        rules: job.rules,
        clock: clock.clone(),
        board: Arc::clone(board),
        keep: job.keep,
        restored: Mutex::new(job.restored.into_iter().map(Some).collect()),
        ready: ready_in,
    };
    Workers::start(crew, Arc::new(work), (senders, askers), &ready)
}

/// Takes what a lock holds, also where somebody panicked with it: the value is replaced, not repaired.
fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
