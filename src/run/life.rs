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
use crate::runtime::{Engine, Job, KeptRows, Progress, settings};
use crate::source::{Acknowledged, Intake, IntakeReceiver};
use crate::stored::{FORMAT, RuleTexts};
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
    /// Does again what was under way when rules changed, up to those that are wanted now.
    pub(super) fn turn_pages(&self, wanted: &RuleTexts) -> Result<Option<(Kept, Chapter)>, RunError> {
        loop {
            let Some(kept) = open_kept(self.plan, &self.faults)? else { return Ok(None) };
            let chapter = chapter(&kept, wanted)?;
            let Some(next) = chapter.next.clone() else { return Ok(Some((kept, chapter))) };
            tracing::info!("the rules changed: going on with the old ones to where they ended");
            let rules = chapter.rules.clone();
            let (_, receiver) = Intake::bounded(1);
            let Life { mut ticker, delivery } = self.begin(&rules, Some((kept, chapter)), receiver)?;
            ticker.catch_up()?;
            let rest = ticker.turn_page(next)?;
            delivery.join()?;
            rest.keeper.into_iter().for_each(Keeper::join);
            self.control.check()?;
        }
    }

    /// Ends a life in good order for rules that ask for another graph, and begins the next one with what it kept.
    pub(super) fn outgrow(
        &self,
        life: Life,
        delivered: Delivered,
        page: Page,
    ) -> Result<(Life, Delivered), RunError> {
        tracing::info!("the rules ask for other facts: building another dataflow from what was kept");
        let (mut ticker, Page { wanted, answer }) = (life.ticker, page);
        let Some(turn) = ticker.announce(wanted.texts.clone())? else { return Err(RunError::DeliveryLost) };
        let rest = ticker.turn_page(turn)?;
        let delivered = delivered.and(life.delivery.join()?);
        rest.keeper.into_iter().for_each(Keeper::join);
        self.control.check()?;
        let kept = self.turn_pages(&wanted.texts)?;
        let mut life = self.begin(&wanted.rules, kept, rest.receiver)?;
        life.ticker.catch_up()?;
        life.ticker.warm_up()?;
        // Whoever asked may have gone.
        let _ = answer.send(Ok(()));
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

    /// Puts a life together.
    pub(super) fn begin(
        &self,
        rules: &[Shared<Rule>],
        kept: Option<(Kept, Chapter)>,
        receiver: IntakeReceiver,
    ) -> Result<Life, RunError> {
        let (plan, metrics, control) = (self.plan, &self.metrics, &self.control);
        let retention = plan.config.retention.duplicates;
        let mut kept = kept;
        let meta = kept.as_ref().map(|(kept, chapter)| Meta {
            rules: chapter.texts.clone(),
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
        let texts = kept.as_ref().map_or(&plan.texts, |(_, chapter)| &chapter.texts);
        let life = self.company(texts, checkpoint, restored_at)?;
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
        let engine = start_engine(job, life, &under_way, &spoken, &appended, parcels.clone(), control)?;
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
            rules: rules.to_vec(),
            demand: Demand::of(rules.iter().map(|rule| &**rule)),
        };
        Ok(Life { ticker, delivery })
    }
}

/// Opens what was kept; it must have been kept under the same settings.
fn open_kept(plan: &Plan, faults: &Faults) -> Result<Option<Kept>, RunError> {
    let Some(state) = &plan.config.state else { return Ok(None) };
    let mut kept = kept::open(state, plan.config.retention.duplicates, (plan.workers, plan.peers()), faults)?;
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
