//! The live job: events in as they come, offers out as they are due, until it is told to stop.
//!
//! Threads: the ticker (whoever calls [`run`]), the workers of the dataflow, one that delivers, one
//! that reads files and standard input, and a small runtime for HTTP, webhooks and signals.
//! Invariant: what was accepted (202, or read from a file) is decided before the job ends in good order,
//! and what was decided is in the output. With `[state]` it outlives the process too: what was acknowledged is
//! decided as if nothing had happened, whenever the process is killed.
//! Cost: one thread each; queues between them are bounded.

mod chapter;
mod clock;
mod control;
mod delivery;
mod error;
mod fault;
mod gathering;
pub mod inspect;
mod keeper;
mod kept;
mod parts;
mod readers;
mod signals;
mod state;
mod ticker;
mod under_way;

pub use error::RunError;

use crate::config::Config;
use crate::http::{self, Edge, Phase, Readiness};
use crate::intake::{CloudEventsJson, Duplicates};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::runtime::{Engine, Job, KeptRows, Progress, settings};
use crate::sink::Broadcast;
use crate::source::{Acknowledged, Decode, Intake, IntakeReceiver};
use crate::stored::{FORMAT, RuleTexts};
use chapter::{Chapter, chapter};
use clock::LiveClock;
use control::Control;
use crossbeam_channel::{Receiver, Sender, unbounded};
use delivery::{Complete, Delivery, Parcel, Safe};
use fault::Faults;
use gathering::Gathering;
use keeper::{Keeper, Work};
use kept::{Kept, Meta};
use readers::Readers;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use state::StateKeeper;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ticker::{LastSpoken, MOST_A_MILLISECOND, Ticker};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use under_way::UnderWay;

/// What a job needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// The rules in force: names and texts of their files, checked.
    pub texts: RuleTexts,
    /// The rules in force: what they say.
    pub rules: Vec<Shared<Rule>>,
    /// Worker threads.
    pub workers: usize,
}

/// What a job came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events taken in, copies not counted.
    pub events: u64,
    /// Offers made.
    pub made: u64,
    /// Offers withdrawn.
    pub withdrawn: u64,
}

/// Runs a job to its end. `ready` is told, when events are taken, where HTTP listens.
pub fn run(plan: Plan, ready: impl FnOnce(Option<SocketAddr>)) -> Result<Summary, RunError> {
    let runtime = parts::runtime()?;
    let metrics = Metrics::new();
    let (intake, receiver) = Intake::bounded(plan.config.engine.queue_events);
    let control = Control::new(intake.clone());
    let decoder: Arc<dyn Decode> =
        Arc::new(CloudEventsJson { wall_clock: crate::wall_clock, limits: plan.config.limits });
    let kept_at_all = plan.config.state.is_some();
    let acknowledged = if kept_at_all { Acknowledged::by_journal() } else { Acknowledged::at_once() };
    let offers = Broadcast::new(plan.config.http.streams, metrics.clone());
    let dead_letters = parts::dead_letters(&plan.config, &metrics)?;
    let edge = Edge {
        intake: intake.clone(),
        acknowledged: acknowledged.clone(),
        decoder: Arc::clone(&decoder),
        offers,
        readiness: Readiness::default(),
        metrics: metrics.clone(),
        settings: plan.config.http.clone(),
    };
    signals::watch(&runtime, control.clone())?;
    let faults = Faults::from_environment();
    let around = Around {
        plan: &plan,
        faults,
        runtime: &runtime,
        metrics,
        control: control.clone(),
        edge: edge.clone(),
    };
    let kept = around.turn_pages()?;
    let server =
        plan.config.http.listen.map(|address| Server::start(&runtime, address, &edge)).transpose()?;
    let Life { mut ticker, delivery } = around.begin(&plan.rules, kept, receiver)?;
    let ended = ticker.catch_up().and_then(|()| ticker.warm_up()).and_then(|()| {
        let readers = Readers {
            sources: parts::sources(&plan.config, ticker.gathering.read())?,
            decoder,
            dead_letters,
            intake,
            metrics: around.metrics.clone(),
        };
        readers.start(control.clone(), server.is_none())?;
        edge.readiness.set(Phase::Running);
        ready(server.as_ref().map(|server| server.address));
        ticker.run()
    });
    let ended = ended.and_then(|()| {
        edge.readiness.set(Phase::Stopping);
        tracing::info!(queued_events = edge.intake.waiting(), "stopping: finishing what was accepted");
        let (events, keeper) = ticker.finish()?;
        let delivered = delivery.join()?;
        keeper.into_iter().for_each(Keeper::join);
        control.check()?;
        Ok(Summary { events, made: delivered.made, withdrawn: delivered.withdrawn })
    });
    if ended.is_err() {
        // Threads that hang on the failure are not waited for: the process ends.
        edge.readiness.set(Phase::Failed);
        runtime.shutdown_background();
    } else {
        server.into_iter().for_each(|server| server.stop(&runtime));
    }
    ended
}

/// What the lives of a job share.
struct Around<'a> {
    plan: &'a Plan,
    faults: Faults,
    runtime: &'a Runtime,
    metrics: Metrics,
    control: Control,
    edge: Edge,
}

/// The dataflow from what was kept on, under one set of rules.
struct Life {
    ticker: Ticker,
    delivery: Delivery,
}

impl Around<'_> {
    /// Does again what was under way when rules changed, up to those that are wanted now.
    fn turn_pages(&self) -> Result<Option<(Kept, Chapter)>, RunError> {
        loop {
            let Some(kept) = open_kept(self.plan, &self.faults)? else { return Ok(None) };
            let chapter = chapter(&kept, &self.plan.texts)?;
            let Some(next) = chapter.next.clone() else { return Ok(Some((kept, chapter))) };
            tracing::info!("the rules changed: going on with the old ones to where they ended");
            let rules = chapter.rules.clone();
            let (_, receiver) = Intake::bounded(1);
            let Life { mut ticker, delivery } = self.begin(&rules, Some((kept, chapter)), receiver)?;
            ticker.catch_up()?;
            let keeper = ticker.turn_page(next)?;
            delivery.join()?;
            keeper.into_iter().for_each(Keeper::join);
            self.control.check()?;
        }
    }

    fn begin(
        &self,
        rules: &[Shared<Rule>],
        kept: Option<(Kept, Chapter)>,
        receiver: IntakeReceiver,
    ) -> Result<Life, RunError> {
        let (plan, metrics, control) = (self.plan, &self.metrics, &self.control);
        let retention = plan.config.retention.duplicates;
        let (mut kept, mut from) = (kept, 1);
        let meta = kept.as_mut().map(|(kept, chapter)| {
            from = chapter.from;
            Meta { rules: chapter.texts.clone(), sequence: chapter.from - 1, ..kept.meta.clone() }
        });
        let sinks = parts::sinks(&plan.config, meta.as_ref(), &self.edge.offers, self.runtime, metrics)?;
        let take = |kept: &mut Kept| {
            let duplicates = std::mem::replace(&mut kept.duplicates, Duplicates::new(retention));
            (std::mem::take(&mut kept.restored), duplicates)
        };
        let (restored, duplicates) = kept
            .as_mut()
            .map(|(kept, _)| take(kept))
            .unwrap_or_else(|| (Vec::new(), Duplicates::new(retention)));
        let restored_at = restored.first().map_or(0, |restored| restored.tick);
        let gathering = Gathering::new(duplicates, &meta.clone().unwrap_or_default());
        let (keep, rows) = unbounded();
        let (keeping, safe) = match kept {
            None => (None, None),
            Some((kept, _)) => {
                let acknowledged = self.edge.acknowledged.clone();
                let (keeping, safe) = Keeping::start(kept, rows, self, acknowledged)?;
                (Some(keeping), Some(safe))
            }
        };
        let (parcels, delivery) = Delivery::start(sinks, metrics.clone(), safe, control.clone())?;
        let under_way = Arc::new(UnderWay::new(metrics.clone()));
        let spoken = LastSpoken::default();
        let last = keeping.as_ref().map_or(0, |keeping| keeping.journal.last().sequence);
        let appended = Arc::new(AtomicU64::new(last));
        let job = Job {
            workers: plan.workers,
            grid: plan.config.engine.tick.0,
            unfinished: plan.config.engine.unfinished_ticks,
            settings: settings(&plan.config, rules),
            rules: rules.to_vec(),
            keep: keeping.is_some().then_some(keep),
            restored,
        };
        let engine = start_engine(job, &under_way, &spoken, &appended, parcels.clone(), control)?;
        let state = keeping.map(|keeping| {
            keeping.for_ticker(parcels, appended, meta.unwrap_or_default(), restored_at, plan)
        });
        let ticker = Ticker {
            engine,
            receiver,
            intake: self.edge.intake.clone(),
            gathering,
            control: control.clone(),
            under_way,
            spoken,
            metrics: metrics.clone(),
            clock: LiveClock::start(),
            kind: plan.config.engine.clock,
            most: MOST_A_MILLISECOND.saturating_mul(plan.config.engine.tick.0 as usize),
            restored_at,
            state,
            faults: self.faults.clone(),
        };
        Ok(Life { ticker, delivery })
    }
}

/// Opens what was kept; it must have been kept under the same settings.
fn open_kept(plan: &Plan, faults: &Faults) -> Result<Option<Kept>, RunError> {
    let Some(state) = &plan.config.state else { return Ok(None) };
    let mut kept = kept::open(state, plan.config.retention.duplicates, plan.workers, faults)?;
    let wanted = Meta {
        format: FORMAT,
        clock_kind: kept::clock_name(plan.config.engine.clock).to_owned(),
        grid: plan.config.engine.tick.0,
        ..kept.meta.clone()
    };
    // What was never kept was kept under any settings.
    if kept.meta.format != 0 {
        kept.meta.same_settings(&wanted)?;
    }
    kept.meta = wanted;
    Ok(Some(kept))
}

/// What is kept, until the ticker has it.
struct Keeping {
    journal: Arc<Journal>,
    keeper: Keeper,
    acknowledged: Acknowledged,
}

impl Keeping {
    fn start(
        kept: Kept,
        rows: Receiver<KeptRows>,
        around: &Around<'_>,
        acknowledged: Acknowledged,
    ) -> Result<(Keeping, Safe), RunError> {
        let Around { plan, metrics, control, faults, .. } = around;
        let journal = Arc::new(kept.journal);
        let (told, failed) = (acknowledged.clone(), control.clone());
        journal.watch(move |durable| match durable {
            Ok(position) => told.durable(position.sequence),
            Err(error) => {
                told.fail();
                failed.fail(error.clone().into());
            }
        });
        let sequences = kept.restored_at.into_iter().map(|tick| (tick, kept.meta.sequence)).collect();
        let work = Work {
            store: kept.store,
            journal: Arc::clone(&journal),
            sequences,
            workers: plan.workers,
            metrics: metrics.clone(),
        };
        let keeper = Keeper::start(work, rows, control.clone())?;
        let safe =
            Safe { journal: Arc::clone(&journal), keeper: keeper.news.clone(), faults: faults.clone() };
        Ok((Keeping { journal, keeper, acknowledged }, safe))
    }

    fn for_ticker(
        self,
        parcels: Sender<Parcel>,
        appended: Arc<AtomicU64>,
        meta: Meta,
        last: Time,
        plan: &Plan,
    ) -> StateKeeper {
        let every = plan.config.state.as_ref().map_or(0, |state| state.checkpoint_every.0);
        StateKeeper {
            journal: self.journal,
            acknowledged: self.acknowledged,
            keeper: self.keeper,
            parcels,
            appended,
            meta,
            every: Duration::from_millis(every),
            copies: Vec::new(),
            last,
            begun: Instant::now(),
            marks: VecDeque::new(),
            beyond: None,
        }
    }
}

/// Starts the workers; their complete ticks go to the delivery.
fn start_engine(
    job: Job,
    under_way: &Arc<UnderWay>,
    spoken: &Arc<AtomicU64>,
    appended: &Arc<AtomicU64>,
    delivery: Sender<Parcel>,
    control: &Control,
) -> Result<Engine, RunError> {
    let (spoken, beginnings, appended) = (Arc::clone(spoken), Arc::clone(under_way), Arc::clone(appended));
    let engine = Engine::start(job, move |tick, messages| {
        spoken.store(tick, Ordering::Release);
        let arrivals = beginnings.arrivals_of(tick);
        // Everything the tick follows from was appended before it was submitted.
        let sequence = appended.load(Ordering::Acquire);
        // Nobody takes it only where the delivery panicked, which ends the job anyway.
        let _ = delivery.send(Parcel::Tick(Complete { tick, messages, arrivals, sequence }));
    })?;
    let (under_way, control) = (Arc::clone(under_way), control.clone());
    engine.board().watch(move |progress| {
        if let Progress::Complete(time) = progress {
            under_way.complete(time);
        }
        control.wake();
    });
    Ok(engine)
}

/// The HTTP server of a job.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Server {
    fn start(runtime: &Runtime, address: SocketAddr, edge: &Edge) -> Result<Server, RunError> {
        let cannot = |error| RunError::Listen { address, error };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (stop, stopped) = oneshot::channel();
        let edge = edge.clone();
        let served = runtime.spawn(async move {
            let router = http::router(&edge);
            let stopped = async {
                // An end without a word is one too.
                let _ = stopped.await;
            };
            http::serve(listener, router, &edge, stopped).await;
        });
        Ok(Server { address, stop, served })
    }

    /// Ends it: requests under way are answered, streams get what waits for them, within a bound.
    fn stop(self, runtime: &Runtime) {
        // It ended by itself where nobody listens.
        let _ = self.stop.send(());
        let _ = runtime.block_on(self.served);
    }
}
