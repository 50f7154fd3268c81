//! The live job: events in as they come, offers out as they are due, until it is told to stop.
//!
//! Threads: the ticker (whoever calls [`run`]), the workers of the dataflow, one that delivers, one
//! that reads files and standard input, and a small runtime for HTTP, webhooks and signals.
//! Invariant: what was accepted (202, or read from a file) is decided before the job ends in good order,
//! and what was decided is in the output. What waits for a later time is not: nothing is kept on disk.
//! Cost: one thread each; queues between them are bounded.

mod clock;
mod control;
mod delivery;
mod error;
mod parts;
mod readers;
mod signals;
mod ticker;
mod under_way;

pub use error::RunError;

use crate::config::Config;
use crate::http::{self, Edge, Phase, Readiness};
use crate::intake::{CloudEventsJson, Duplicates};
use crate::metrics::Metrics;
use crate::runtime::{Engine, Job, Progress, settings};
use crate::sink::Broadcast;
use crate::source::{Decode, Intake};
use clock::LiveClock;
use control::Control;
use delivery::{Complete, Delivery};
use readers::Readers;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// The rules in force.
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
    let offers = Broadcast::new(plan.config.http.streams, metrics.clone());
    let decoder: Arc<dyn Decode> =
        Arc::new(CloudEventsJson { wall_clock: crate::wall_clock, limits: plan.config.limits });
    let readers = Readers {
        sources: parts::sources(&plan.config)?,
        decoder: Arc::clone(&decoder),
        dead_letters: parts::dead_letters(&plan.config, &metrics)?,
        intake: intake.clone(),
        metrics: metrics.clone(),
    };
    let sinks = parts::sinks(&plan.config, &offers, &runtime, &metrics)?;
    let edge = Edge {
        intake: intake.clone(),
        decoder,
        offers,
        readiness: Readiness::default(),
        metrics: metrics.clone(),
        settings: plan.config.http.clone(),
    };
    let server =
        plan.config.http.listen.map(|address| Server::start(&runtime, address, &edge)).transpose()?;
    signals::watch(&runtime, control.clone())?;

    let (delivery_in, delivery) = Delivery::start(sinks, metrics.clone(), control.clone())?;
    let under_way = Arc::new(UnderWay::new(metrics.clone()));
    let spoken = LastSpoken::default();
    let engine = start_engine(&plan, &under_way, &spoken, delivery_in, &control)?;
    let mut ticker = Ticker {
        engine,
        receiver,
        intake,
        duplicates: Duplicates::new(plan.config.retention.duplicates),
        control: control.clone(),
        under_way,
        spoken,
        metrics,
        clock: LiveClock::start(),
        most: MOST_A_MILLISECOND.saturating_mul(plan.config.engine.tick.0 as usize),
        arrival: 0,
    };
    let ended = ticker.warm_up().and_then(|()| {
        readers.start(control.clone(), server.is_none())?;
        edge.readiness.set(Phase::Running);
        ready(server.as_ref().map(|server| server.address));
        ticker.run()
    });
    let ended = ended.and_then(|()| {
        edge.readiness.set(Phase::Stopping);
        tracing::info!(queued_events = edge.intake.waiting(), "stopping: finishing what was accepted");
        let events = ticker.finish()?;
        let delivered = delivery.join()?;
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

/// Starts the workers; their complete ticks go to the delivery.
fn start_engine(
    plan: &Plan,
    under_way: &Arc<UnderWay>,
    spoken: &Arc<AtomicU64>,
    delivery: crossbeam_channel::Sender<Complete>,
    control: &Control,
) -> Result<Engine, RunError> {
    let job = Job {
        workers: plan.workers,
        grid: plan.config.engine.tick.0,
        unfinished: plan.config.engine.unfinished_ticks,
        settings: settings(&plan.config, &plan.rules),
        rules: plan.rules.clone(),
        keep: None,
        restored: Vec::new(),
    };
    let (spoken, beginnings) = (Arc::clone(spoken), Arc::clone(under_way));
    let engine = Engine::start(job, move |tick, messages| {
        spoken.store(tick, Ordering::Release);
        let arrivals = beginnings.arrivals_of(tick);
        // Nobody takes it only where the delivery panicked, which ends the job anyway.
        let _ = delivery.send(Complete { tick, messages, arrivals });
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
