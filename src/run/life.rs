//! A life of the dataflow: from what was kept on, under one set of rules, with everything that hangs on it.
//!
//! Invariant: what is put together here ends together; a life ends where other rules come into force, and the next
//! one begins with what it kept. Cost: threads, and what was kept is read once.

use super::chapter::{Chapter, chapter};
use super::clock::LiveClock;
use super::cluster::watch_for_stalls;
use super::control::Control;
use super::delivery::{Complete, Delivered, Delivery, Parcel, Safe};
use super::fault::Faults;
use super::gathering::Gathering;
use super::keeper::{Keeper, Work};
use super::kept::{self, Kept, Meta};
use super::reload::Page;
use super::state::StateKeeper;
use super::ticker::{LastSpoken, MOST_A_MILLISECOND, Ticker};
use super::under_way::UnderWay;
use super::{Plan, RunError, parts};
use crate::cluster::{Head, LifeOf};
use crate::http::Edge;
use crate::intake::Duplicates;
use crate::journal::Journal;
use crate::kafka::Surroundings;
use crate::metrics::Metrics;
use crate::runtime::{Engine, Job, KeptRows, Progress, settings_for};
use crate::source::{Acknowledged, IntakeReceiver};
use crate::stored::{FORMAT, Ruling};
use crossbeam_channel::{Receiver, Sender, unbounded};
use shopbell_dataflows::demand::Demand;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// What the lives of a job share.
pub(super) struct Around<'a> {
    pub(super) plan: &'a Plan,
    pub(super) faults: Faults,
    pub(super) runtime: &'a Runtime,
    pub(super) metrics: Metrics,
    pub(super) control: Control,
    pub(super) edge: Edge,
    /// The members of the job, where it has any.
    pub(super) head: Option<RefCell<Head>>,
}

/// The dataflow from what was kept on, under one set of rules.
pub(super) struct Life {
    pub(super) ticker: Ticker,
    pub(super) delivery: Delivery,
}

impl Around<'_> {
    /// Opens what was kept, and finds the rules that it was under. The dataflow is to be good for those `also`.
    pub(super) fn open(&self, also: &[Shared<Rule>]) -> Result<Option<(Kept, Chapter)>, RunError> {
        let Some(kept) = open_kept(self.plan, &self.faults)? else { return Ok(None) };
        let chapter = chapter(&kept, &self.plan.texts, also)?;
        Ok(Some((kept, chapter)))
    }

    /// Ends a life in good order for rules that ask for another graph, and begins the next one with what it kept.
    pub(super) fn outgrow(
        &self,
        life: Life,
        delivered: Delivered,
        page: Page,
    ) -> Result<(Life, Delivered), RunError> {
        tracing::info!("the rules ask for other facts: building another dataflow from what was kept");
        self.edge.inquiries.set(None);
        let Page { asked, answer } = page;
        let shadow = life.ticker.shadow.clone();
        let mut also = life.ticker.rules.clone();
        also.extend_from_slice(asked.rules());
        also.extend(shadow.iter().flat_map(|shadow| shadow.rules.iter().cloned()));
        let rest = life.ticker.pause()?;
        let delivered = delivered.and(life.delivery.join()?);
        rest.keeper.into_iter().for_each(Keeper::join);
        self.control.check()?;
        let mut life = self.begin(self.open(&also)?, rest.receiver)?;
        life.ticker.catch_up()?;
        life.ticker.cast(shadow)?;
        life.ticker.turn_to(asked)?;
        life.ticker.warm_up()?;
        // Whoever asked may have gone.
        let _ = answer.send(Ok(life.ticker.promise()));
        Ok((life, delivered))
    }

    /// What the ends of the job need to know of it.
    pub(super) fn surroundings(&self) -> Surroundings {
        let (control, faults, losing) = (self.control.clone(), self.faults.clone(), self.faults.clone());
        Surroundings {
            stopping: Arc::new(move || control.is_stopping()),
            fault: Arc::new(move |moment| faults.at(moment)),
            loses: Arc::new(move |what| losing.loses(what)),
            metrics: self.metrics.clone(),
        }
    }

    /// Puts a life together, under the rules that what was kept was under; under those of the plan where nothing was.
    pub(super) fn begin(
        &self,
        kept: Option<(Kept, Chapter)>,
        receiver: IntakeReceiver,
    ) -> Result<Life, RunError> {
        let (plan, metrics, control) = (self.plan, &self.metrics, &self.control);
        let retention = plan.config.retention.duplicates;
        let mut kept = kept;
        let meta = kept.as_ref().map(|(kept, chapter)| Meta {
            ruling: chapter.ruling.clone(),
            sequence: chapter.from - 1,
            ..kept.meta.clone()
        });
        let mut sinks =
            parts::sinks(&plan.config, meta.as_ref(), &self.edge.offers, self.runtime, &self.surroundings())?;
        let outboxes = kept.as_mut().map(|(kept, _)| std::mem::take(&mut kept.outboxes));
        let webhooks = &self.edge.webhooks;
        sinks.extend(parts::webhooks(&plan.config, outboxes, webhooks, self.runtime, metrics, &self.faults)?);
        let take = |kept: &mut Kept| {
            let duplicates = std::mem::replace(&mut kept.duplicates, Duplicates::new(retention));
            (std::mem::take(&mut kept.restored), duplicates)
        };
        let (restored, duplicates) = kept
            .as_mut()
            .map(|(kept, _)| take(kept))
            .unwrap_or_else(|| (Vec::new(), Duplicates::new(retention)));
        let restored_at = restored.first().map_or(0, |restored| restored.tick);
        let checkpoint = kept.as_ref().and_then(|(kept, _)| kept.checkpoint.as_deref());
        let (ruling, rules, demand) = match &kept {
            Some((_, Chapter { ruling, rules, demand, .. })) => {
                (ruling.clone(), rules.clone(), demand.clone())
            }
            None => {
                let ruling = Ruling { texts: plan.texts.clone(), ..Ruling::default() };
                let demand = Demand::of(plan.rules.iter().map(|rule| &**rule));
                (ruling, plan.rules.clone(), demand)
            }
        };
        let life = self.company(&demand, checkpoint, restored_at)?;
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
            settings: settings_for(&plan.config, demand.clone()),
            rules: rules.clone(),
            keep: keeping.is_some().then_some(keep),
            restored,
        };
        let engine = start_engine(job, life, &under_way, &spoken, &appended, parcels.clone(), control)?;
        self.edge.inquiries.set(Some(engine.asker().clone()));
        self.edge.reloads.looks_at(engine.board());
        if self.head.is_some() {
            watch_for_stalls(engine.board(), control.clone())?;
        }
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
            rules,
            ruling,
            shadow: None,
            looks: Vec::new(),
            demand,
        };
        Ok(Life { ticker, delivery })
    }
}

/// Opens what was kept; it must have been kept under the same settings.
fn open_kept(plan: &Plan, faults: &Faults) -> Result<Option<Kept>, RunError> {
    let Some(state) = &plan.config.state else { return Ok(None) };
    let clock_kind = kept::clock_name(plan.config.engine.clock).to_owned();
    let wanted = Meta { format: FORMAT, clock_kind, grid: plan.config.engine.tick.0, ..Meta::default() };
    let peers = (plan.workers, plan.peers());
    kept::open(state, &wanted, plan.config.retention.duplicates, peers, faults).map(Some)
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
            workers: plan.peers(),
            metrics: metrics.clone(),
            erasing: kept.meta.erasing,
            generation: kept.meta.generation,
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
    life: Option<LifeOf>,
    under_way: &Arc<UnderWay>,
    spoken: &Arc<AtomicU64>,
    appended: &Arc<AtomicU64>,
    delivery: Sender<Parcel>,
    control: &Control,
) -> Result<Engine, RunError> {
    let (spoken, beginnings, appended) = (Arc::clone(spoken), Arc::clone(under_way), Arc::clone(appended));
    let engine = Engine::start_among(job, life, move |tick, messages| {
        spoken.store(tick, Ordering::Release);
        let arrivals = beginnings.arrivals_of(tick);
        // Everything the tick follows from was appended before it was submitted.
        let sequence = appended.load(Ordering::Acquire);
        // Nobody takes it only where the delivery panicked, which ends the job anyway.
        let _ = delivery.send(Parcel::Tick(Complete { tick, messages, arrivals, sequence }));
    })?;
    control.waits_for(engine.board());
    let (under_way, control) = (Arc::clone(under_way), control.clone());
    engine.board().watch(move |progress| {
        if let Progress::Complete(time) = progress {
            under_way.complete(time);
        }
        control.wake();
    });
    Ok(engine)
}
