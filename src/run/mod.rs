//! The live job: events in as they come, offers out as they are due, until it is told to stop.
//!
//! Threads: the ticker (whoever calls [`run`]), the workers of the dataflow, one that delivers, one
//! that reads files and standard input, and a small runtime for HTTP, webhooks and signals.
//! Invariant: what was accepted (202, or read from a file) is decided before the job ends in good order,
//! and what was decided is in the output. With `[state]` it outlives the process too: what was acknowledged is
//! decided as if nothing had happened, whenever the process is killed.
//! Cost: one thread each; queues between them are bounded.

mod beginning;
mod chapter;
mod clock;
mod cluster;
mod control;
mod delivery;
mod error;
mod fault;
mod gathering;
pub mod inspect;
mod keeper;
mod kept;
mod life;
mod member;
mod parts;
mod readers;
mod reload;
mod signals;
mod state;
mod ticker;
mod under_way;

pub use error::RunError;
pub use member::run_member;

use crate::cluster::Place;
use crate::config::Config;
use crate::explain::Inquiries;
use crate::http::{self, Edge, Phase, Readiness};
use crate::intake::CloudEventsJson;
use crate::kafka::Running;
use crate::metrics::Metrics;
use crate::reload::{Reloads, Wanted};
use crate::sink::{Broadcast, Webhooks};
use crate::source::{Acknowledged, Decode, Intake};
use crate::stored::RuleTexts;
use control::Control;
use delivery::Delivered;
use fault::Faults;
use keeper::Keeper;
use life::Around;
use readers::{Open, Readers};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use ticker::{Ran, Rest};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What a job needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Where the rules are; they are read again when they change there.
    pub folder: PathBuf,
    /// Where rules are that are only looked at: what would be otherwise under them.
    pub shadow: Option<PathBuf>,
    /// The rules in force: names and texts of their files, checked.
    pub texts: RuleTexts,
    /// The rules in force: what they say.
    pub rules: Vec<Shared<Rule>>,
    /// Worker threads of each process.
    pub workers: usize,
    /// This process's place among several; none where it is the only one.
    pub place: Option<Place>,
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
    let wanted = Wanted { texts: plan.texts.clone(), rules: plan.rules.clone() };
    let mut also = plan.rules.clone();
    if let Some(folder) = &plan.shadow {
        // Where they are wrong, that is told when they are read to be looked at.
        also.extend(reload::rules_of(folder));
    }
    let offers = Broadcast::new(plan.config.http.streams, metrics.clone());
    let dead_letters = parts::dead_letters(&plan.config, &metrics)?;
    let edge = Edge {
        intake: intake.clone(),
        acknowledged: acknowledged.clone(),
        decoder: Arc::clone(&decoder),
        offers,
        webhooks: Webhooks::default(),
        reloads: Reloads::new(plan.folder.clone(), plan.shadow.clone(), wanted.clone(), metrics.clone()),
        readiness: Readiness::default(),
        inquiries: Inquiries::default(),
        clock: plan.config.engine.clock,
        metrics: metrics.clone(),
        settings: plan.config.http.clone(),
        admin: parts::admin_token(&plan.config)?,
    };
    signals::watch(&runtime, control.clone())?;
    let faults = Faults::from_environment();
    let head = match &plan.place {
        None => None,
        Some(place) => match cluster::gather(place, &runtime, &control)? {
            Some(head) => Some(RefCell::new(head)),
            None => return Ok(Summary::default()),
        },
    };
    let mut around = Around {
        plan: &plan,
        faults,
        runtime: &runtime,
        metrics,
        control: control.clone(),
        edge: edge.clone(),
        head,
    };
    let first = |error| control.first_failure(error);
    let kept = around.open(&also).map_err(first)?;
    let server =
        plan.config.http.listen.map(|address| Server::start(&runtime, address, &edge)).transpose()?;
    if let Some(address) = server.as_ref().map(|server| server.address)
        && !address.ip().is_loopback()
        && edge.admin.is_none()
    {
        tracing::warn!(
            %address,
            "other machines can see persons and change rules: set `[http] admin_token`, or put a proxy in front"
        );
    }
    let mut life = around.begin(kept, receiver).map_err(first)?;
    let mut reading = None;
    let mut delivered = Delivered::default();
    let ended = life.ticker.catch_up().and_then(|()| {
        life.ticker.come_to(wanted)?;
        life.ticker.warm_up()?;
        edge.reloads.begin_with(&life.ticker.ruling, &life.ticker.rules);
        // Those of a folder are looked at instead, once they are read.
        if plan.shadow.is_none()
            && let Some((shadow, since)) = life.ticker.look_again()?
        {
            edge.reloads.note_shadow(since, Some(shadow));
        }
        let surroundings = around.surroundings();
        let topics = parts::kafka_reader(
            &plan.config,
            life.ticker.gathering.read(),
            Arc::clone(&decoder),
            intake.clone(),
            &runtime,
            &surroundings,
        )?;
        let open = Open::new(1 + usize::from(topics.is_some()), server.is_none());
        let readers = Readers {
            sources: parts::sources(&plan.config, life.ticker.gathering.read())?,
            decoder,
            dead_letters,
            intake,
            metrics: around.metrics.clone(),
        };
        readers.start(control.clone(), open.clone())?;
        reading = topics.map(|topics| parts::start_reading(topics, control.clone(), open)).transpose()?;
        edge.readiness.set(Phase::Running);
        ready(server.as_ref().map(|server| server.address));
        reload::watch(edge.reloads.clone(), plan.config.clone(), &runtime, control.clone())?;
        loop {
            match life.ticker.run()? {
                Ran::Stopped => return Ok(life),
                Ran::Outgrown(page) => (life, delivered) = around.outgrow(life, delivered, page)?,
            }
        }
    });
    let ended = ended.and_then(|life| {
        edge.readiness.set(Phase::Stopping);
        edge.inquiries.set(None);
        tracing::info!(queued_events = edge.intake.waiting(), "stopping: finishing what was accepted");
        // Nobody waits for rules that do not come into force any more.
        drop(control.page());
        let Rest { events, keeper, .. } = life.ticker.finish()?;
        let delivered = delivered.and(life.delivery.join()?);
        keeper.into_iter().for_each(Keeper::join);
        reading.into_iter().for_each(Running::join);
        control.check()?;
        Ok(Summary { events, made: delivered.made, withdrawn: delivered.withdrawn })
    });
    let ended = ended.map_err(first);
    if ended.is_err() {
        // Threads that hang on the failure are not waited for: the process ends.
        edge.readiness.set(Phase::Failed);
        edge.inquiries.set(None);
        runtime.shutdown_background();
    } else {
        around.head.take().into_iter().for_each(|head| head.into_inner().dismiss());
        server.into_iter().for_each(|server| server.stop(&runtime));
    }
    ended
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
