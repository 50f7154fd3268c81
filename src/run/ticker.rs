//! The ticker: mints ticks from the clock, what came in, and what is due.
//!
//! Invariant: every event taken from the intake is in exactly one tick, in order of arrival, and in the journal
//! before what follows from it is delivered; a tick is submitted when the clock has reached it, so that time in
//! the dataflow never runs ahead of the clock; at most one tick a grid point. Back-pressure:
//! [`Engine::submit`] waits while too many ticks are unfinished, and the intake fills. Cost: idle it sleeps
//! until the next due time.

use super::RunError;
use super::chapter::{FolderSays, folder_says, parse};
use super::clock::LiveClock;
use super::control::Control;
use super::fault::Faults;
use super::gathering::{Gathered, Gathering, Ticks};
use super::keeper::Keeper;
use super::reload::{Asked, Page};
use super::state::StateKeeper;
use super::under_way::{Arrivals, UnderWay};
use crate::config::ClockKind;
use crate::journal::Promise;
use crate::metrics::Metrics;
use crate::reload::{ReloadError, Wanted, compile};
use crate::runtime::{Engine, EngineError, Tick};
use crate::source::{Intake, IntakeReceiver};
use crate::stored::{Entry, RuleVersions, Ruling, ShadowSet, read_entry};
use shopbell_dataflows::demand::Demand;
use shopbell_model::rules::{Role, Rule};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Events of one tick for each millisecond of the grid: about what fifty milliseconds of work are.
/// More at once would make every one of them wait for all.
pub(super) const MOST_A_MILLISECOND: usize = 16_384;
/// Events submitted at once where they say what time it is: with many, a checkpoint takes long to become whole.
const MOST_AT_ONCE: usize = 4096;
/// Events and ticks of the journal that are submitted at once.
const AGAIN_EVENTS: usize = MOST_AT_ONCE;
const AGAIN_TICKS: usize = 256;
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
    pub(super) gathering: Gathering,
    pub(super) control: Control,
    pub(super) under_way: Arc<UnderWay>,
    pub(super) spoken: LastSpoken,
    pub(super) metrics: Metrics,
    pub(super) clock: LiveClock,
    pub(super) kind: ClockKind,
    /// Events of one tick at most.
    pub(super) most: usize,
    /// The tick of what was restored; 0 where nothing was.
    pub(super) restored_at: Time,
    /// What outlives the process, where anything does.
    pub(super) state: Option<StateKeeper>,
    pub(super) faults: Faults,
    /// The rules in force, and how they came to be.
    pub(super) rules: Vec<Shared<Rule>>,
    pub(super) ruling: Ruling,
    /// Rules that are only looked at: what would be otherwise under them.
    pub(super) shadow: Option<Wanted>,
    /// What is in the dataflow for that.
    pub(super) looks: Vec<Shared<Rule>>,
    /// What the graph was built for.
    pub(super) demand: Demand,
}

/// Why a run ended.
pub(super) enum Ran {
    /// The job is to stop.
    Stopped,
    /// Rules are to come into force that ask for more than the graph was built for.
    Outgrown(Page),
}

/// What is left of a ticker.
pub(super) struct Rest {
    /// Events taken in so far.
    pub(super) events: u64,
    pub(super) keeper: Option<Keeper>,
    pub(super) receiver: IntakeReceiver,
}

impl Ticker {
    /// Takes up what was restored and what the journal says came after it under the same rules.
    pub(super) fn catch_up(&mut self) -> Result<(), RunError> {
        self.engine.submit(Vec::new(), self.restored_at + 1)?;
        self.gathering.begin_at(self.restored_at + 1);
        self.again()
    }

    /// Brings time to where the job begins: now, or the end of what was caught up with.
    pub(super) fn warm_up(&mut self) -> Result<(), RunError> {
        let frontier = self.engine.frontier();
        let begin = match self.kind {
            ClockKind::Wall => self.clock.now().max(frontier),
            ClockKind::Events => frontier.max(self.gathering.open_tick()),
        };
        self.engine.submit(Vec::new(), begin)?;
        Ok(self.engine.wait_for(begin)?)
    }

    /// Submits again what the journal says came after what was restored. Checkpoints go on meanwhile: a job that
    /// is killed again and again gets further each time.
    fn again(&mut self) -> Result<(), RunError> {
        let Some(state) = &self.state else { return Ok(()) };
        let (mut ticks, mut events, mut all) = (Vec::new(), 0, 0);
        for record in state.records()? {
            let record = record?;
            let tick = match read_entry(&record.payload)? {
                Entry::Tick(tick) => tick,
                Entry::Rules(ruling) => {
                    all += std::mem::take(&mut events);
                    self.engine.submit(std::mem::take(&mut ticks), record.tick)?;
                    if let Some(state) = &mut self.state {
                        state.turn_again(record.sequence, &ruling);
                    }
                    let rules = parse(&ruling.texts)?;
                    self.put(record.tick, ruling, rules)?;
                    continue;
                }
                Entry::Open(part) => {
                    self.gathering.again_open(part);
                    if let Some(state) = &mut self.state {
                        state.open_again(record.sequence);
                    }
                    continue;
                }
                Entry::Shadow(shadow) => {
                    if let Some(state) = &mut self.state {
                        state.cast_again(record.sequence, shadow);
                    }
                    continue;
                }
            };
            let gathered = self.gathering.again(tick);
            if let Some(state) = &mut self.state {
                state.again(record.sequence, &gathered);
            }
            events += gathered.events.len();
            ticks.push(Tick { time: gathered.tick, events: gathered.events });
            if events >= AGAIN_EVENTS || ticks.len() >= AGAIN_TICKS {
                all += std::mem::take(&mut events);
                self.engine.submit(std::mem::take(&mut ticks), record.tick + 1)?;
                self.control.check()?;
                self.keep()?;
                let failed = |error| RunError::System { what: "catching up", error };
                self.faults.at("catching-up").map_err(failed)?;
            }
        }
        if let Some(last) = ticks.last().map(|tick| tick.time) {
            self.engine.submit(ticks, last + 1)?;
        }
        tracing::info!(events = all + events, "the journal is caught up with");
        Ok(())
    }

    /// Runs until the job is told to stop, or rules ask for another graph.
    pub(super) fn run(&mut self) -> Result<Ran, RunError> {
        // At the end of all input the job is told to stop; what was accepted is still to come.
        while !self.control.is_stopping() {
            self.control.check()?;
            if self.engine.board().has_ended() {
                return Err(EngineError::WorkerLost.into());
            }
            self.show();
            self.keep()?;
            if let Some(page) = self.control.page()
                && let Some(page) = self.heed(page)?
            {
                return Ok(Ran::Outgrown(page));
            }
            match self.kind {
                ClockKind::Wall => self.turn_by_wall()?,
                ClockKind::Events => self.turn_by_events()?,
            }
        }
        Ok(Ran::Stopped)
    }

    /// Does what is asked for about rules; gives it back where it asks for another graph.
    fn heed(&mut self, page: Page) -> Result<Option<Page>, RunError> {
        if !self.demand.covers(&Demand::of(page.asked.rules().iter().map(|rule| &**rule))) {
            if self.state.is_some() {
                return Ok(Some(page));
            }
            // Whoever asked may have gone.
            let _ = page.answer.send(Err(ReloadError::NeedsState));
            return Ok(None);
        }
        self.turn_to(page.asked)?;
        // Whoever asked may have gone.
        let _ = page.answer.send(Ok(self.promise()));
        Ok(None)
    }

    /// That what was turned to is kept for good, where anything is.
    pub(super) fn promise(&self) -> Option<Promise> {
        self.state.as_ref().map(StateKeeper::promise)
    }

    /// Puts rules into force in a tick of their own, or begins to look at others.
    pub(super) fn turn_to(&mut self, asked: Asked) -> Result<(), RunError> {
        match asked {
            Asked::Rules(wanted, beside) => {
                let tick = self.own_tick();
                self.turn(tick, wanted, beside)
            }
            Asked::Shadow(shadow, since) => {
                let texts = shadow.as_ref().map(|shadow| shadow.texts.clone());
                self.keep_shadow(texts.zip(since).map(|(texts, since)| ShadowSet { texts, since }))?;
                self.cast(shadow)
            }
        }
    }

    /// Keeps for the next process which rules are only looked at, or that none are.
    pub(super) fn keep_shadow(&mut self, shadow: Option<ShadowSet>) -> Result<(), RunError> {
        self.state.as_mut().map_or(Ok(()), |state| state.cast(shadow))
    }

    /// Looks again at the rules that the process before looked at, and tells since when; at none where they are
    /// wrong by now.
    pub(super) fn look_again(&mut self) -> Result<Option<(Wanted, Time)>, RunError> {
        let kept = self.state.as_ref().and_then(|state| state.meta.shadow.clone());
        let Some(ShadowSet { texts, since }) = kept else { return Ok(None) };
        match compile(texts) {
            Ok(wanted) => {
                self.cast(Some(wanted.clone()))?;
                Ok(Some((wanted, since)))
            }
            Err(error) => {
                let (code, errors) = (error.code(), error.errors());
                tracing::error!(
                    code,
                    ?errors,
                    "the shadow set that was kept is wrong by now, and is dropped"
                );
                self.keep_shadow(None)?;
                Ok(None)
            }
        }
    }

    /// Looks at what would be otherwise under other rules, or at nothing any more.
    pub(super) fn cast(&mut self, shadow: Option<Wanted>) -> Result<(), RunError> {
        self.shadow = shadow;
        let changes = self.look_changes();
        self.engine.change_looks(changes)?;
        if self.kind == ClockKind::Wall {
            let now = self.clock.now().max(self.engine.frontier());
            self.under_way.begin(now, now + 1, Arrivals::default());
            self.engine.submit(Vec::new(), now + 1)?;
        }
        Ok(())
    }

    /// What has to change in the dataflow so that it looks at the difference of both sets.
    fn look_changes(&mut self) -> Vec<(Shared<Rule>, isize)> {
        let as_role = |rule: &Shared<Rule>, role| Shared::new(Rule { role, ..(**rule).clone() });
        let differing = |rules: &[Shared<Rule>], from: &[Shared<Rule>], role| -> Vec<Shared<Rule>> {
            let is_in = |rule: &Shared<Rule>| {
                from.iter().any(|other| other.version == rule.version && other.id == rule.id)
            };
            rules.iter().filter(|rule| !is_in(rule)).map(|rule| as_role(rule, role)).collect()
        };
        let looks = match &self.shadow {
            None => Vec::new(),
            Some(shadow) => {
                let mut looks = differing(&self.rules, &shadow.rules, Role::Going);
                looks.extend(differing(&shadow.rules, &self.rules, Role::Coming));
                looks
            }
        };
        let changes = difference(&self.looks, &looks);
        self.looks = looks;
        changes
    }

    /// Comes to the rules of the folder where others were in force, before time goes on: what fell due since is up
    /// to them.
    pub(super) fn come_to(&mut self, wanted: Wanted) -> Result<(), RunError> {
        match folder_says(&self.ruling, &wanted.texts)? {
            FolderSays::NothingNew => return Ok(()),
            FolderSays::TheSame => {}
            FolderSays::Others => tracing::info!("the rules changed while the job did not run"),
        }
        let tick = self.engine.clock().tick_of(self.engine.frontier());
        self.turn(tick, wanted, None)
    }

    /// Puts rules into force at a tick, of which nothing was submitted, and writes that down.
    pub(super) fn turn(
        &mut self,
        tick: Time,
        wanted: Wanted,
        beside: Option<RuleVersions>,
    ) -> Result<(), RunError> {
        // Where the folder came to say what is in force, what was before that stays what was before.
        let is_change = !difference(&self.rules, &wanted.rules).is_empty();
        let before = if is_change { Some(self.ruling.texts.clone()) } else { self.ruling.before.clone() };
        let ruling = Ruling { texts: wanted.texts, before, beside };
        if let Some(state) = &mut self.state {
            state.turn(tick, &ruling)?;
        }
        self.under_way.begin(tick, tick + 1, Arrivals::default());
        self.put(tick, ruling, wanted.rules)
    }

    fn put(&mut self, tick: Time, ruling: Ruling, rules: Vec<Shared<Rule>>) -> Result<(), RunError> {
        let mut changes = difference(&self.rules, &rules);
        (self.rules, self.ruling) = (rules, ruling);
        changes.extend(self.look_changes());
        self.engine.change_rules(tick, changes)?;
        self.gathering.make_way(self.engine.clock().tick_of(tick + 1));
        Ok(())
    }

    /// The next tick, once the clock has come to it. Nothing was submitted of it.
    pub(super) fn own_tick(&mut self) -> Time {
        let frontier = self.engine.frontier();
        let now = match self.kind {
            ClockKind::Wall => self.clock.now().max(frontier),
            ClockKind::Events => frontier,
        };
        let tick = self.engine.clock().tick_of(now);
        if self.kind == ClockKind::Wall {
            std::thread::sleep(self.clock.until(tick));
        }
        tick
    }

    /// One look: submits a tick, or sleeps for a while.
    fn turn_by_wall(&mut self) -> Result<(), RunError> {
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

    /// One look where the events say what time it is: their ticks, each once the next one begins.
    fn turn_by_events(&mut self) -> Result<(), RunError> {
        if self.intake.waiting() == 0 {
            self.receiver.wait(IDLE);
            return Ok(());
        }
        let drained = self.receiver.drain_batches(MOST_AT_ONCE);
        let awaited = drained.only_here.then_some(drained.ticket);
        let gathered = self.gathering.take(drained, Ticks::ByEvents(self.engine.clock()));
        let until = self.gathering.open_tick();
        self.submit(gathered, until)?;
        match &mut self.state {
            Some(state) if awaited.is_some() => state.write_open(&mut self.gathering, awaited),
            _ => Ok(()),
        }
    }

    /// When time must go on though no event comes: the next due time, or, after offers were made, some
    /// time later, so that they become facts of the ledger; or so that a checkpoint becomes whole. What is
    /// due before the frontier is being decided already; its number is that of the last look.
    fn next_wanted(&self, frontier: Time) -> Option<Time> {
        let (_, due) = self.engine.board().waiting();
        let due = due.map(|due| self.engine.clock().tick_of(due)).filter(|tick| *tick >= frontier);
        let spoken = self.spoken.load(Ordering::Acquire);
        let ledger = (spoken > 0 && spoken + 1 >= frontier).then_some(frontier + LEDGER_PAUSE);
        let kept = self.state.as_ref().and_then(StateKeeper::waits_for).filter(|time| *time >= frontier);
        due.into_iter().chain(ledger).chain(kept).min()
    }

    /// Submits a tick of what waits.
    fn tick(&mut self, tick: Time, most: usize) -> Result<(), RunError> {
        let drained = self.receiver.drain_batches(most);
        let gathered = self.gathering.take(drained, Ticks::At(tick));
        self.submit(gathered, tick + 1)
    }

    /// Submits ticks: into the journal first, so that nobody sees what follows from them before.
    fn submit(&mut self, gathered: Vec<Gathered>, until: Time) -> Result<(), RunError> {
        let mut ticks = Vec::with_capacity(gathered.len());
        for gathered in gathered {
            self.metrics.duplicates.inc_by(gathered.copies);
            if let Some(state) = &mut self.state {
                state.write(&gathered)?;
            }
            let Gathered { tick, events, arrivals, .. } = gathered;
            self.under_way.begin(tick, tick + 1, arrivals);
            ticks.push(Tick { time: tick, events });
        }
        Ok(self.engine.submit(ticks, until.max(self.engine.frontier()))?)
    }

    /// Begins a checkpoint where it is time, and tells when one is complete.
    fn keep(&mut self) -> Result<(), RunError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        state.mark(self.engine.board().completed());
        if state.is_due() { state.begin(&mut self.engine, &mut self.gathering) } else { Ok(()) }
    }

    /// Keeps everything as it is, and ends, for another graph to go on with. Nothing falls due in that tick: what does
    /// is up to that one.
    pub(super) fn pause(self) -> Result<Rest, RunError> {
        let tick = self.engine.clock().tick_of(self.engine.frontier());
        self.engine.stop_at(self.engine.clock().tick_before(tick))?;
        let mut paused = self;
        paused.engine.submit(Vec::new(), tick + 1)?;
        if let Some(state) = &mut paused.state {
            // The graph that goes on fills the tick that is being filled.
            state.write_open(&mut paused.gathering, None)?;
        }
        paused.end_after(tick)
    }

    /// Ends with a last checkpoint, so that the next start has nothing to do again. The clock was stopped, so that
    /// nothing falls due in it.
    fn end_after(mut self, last: Time) -> Result<Rest, RunError> {
        let mut state = self.state.take();
        if let Some(state) = &mut state {
            state.begin(&mut self.engine, &mut self.gathering)?;
            self.engine.submit(Vec::new(), last + 3)?;
            self.engine.wait_for(last + 3)?;
            // What is delivered before the mark is not sent again by the next start.
            state.flush();
            state.mark(last + 3);
        }
        self.engine.stop()?;
        let keeper = state.map(StateKeeper::into_keeper);
        Ok(Rest { events: self.gathering.arrival(), keeper, receiver: self.receiver })
    }

    /// Puts everything that was accepted into a last tick, and waits until it is complete. What is
    /// due later than now does not fire, though the last tick may lie up to a grid point ahead.
    pub(super) fn finish(mut self) -> Result<Rest, RunError> {
        self.receiver.close();
        let frontier = self.engine.frontier();
        let last = match self.kind {
            ClockKind::Wall => {
                let now = self.clock.now();
                let last = self.engine.clock().tick_of(now.max(frontier));
                self.engine.submit(Vec::new(), last)?;
                self.engine.wait_for(last)?;
                self.engine.stop_at(now)?;
                self.tick(last, usize::MAX)?;
                last
            }
            ClockKind::Events => {
                let drained = self.receiver.drain_batches(usize::MAX);
                let gathered = self.gathering.take(drained, Ticks::ByEvents(self.engine.clock()));
                let last = self.gathering.open_tick().max(frontier);
                self.submit(gathered, last)?;
                self.engine.wait_for(last)?;
                let now = self.gathering.now();
                self.engine.stop_at(now)?;
                let open = self.gathering.close();
                self.submit(open.into_iter().collect(), last + 1)?;
                last
            }
        };
        self.engine.wait_for(last + 1)?;
        self.show();
        self.end_after(last)
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
        self.metrics.pools(&board.pools());
        self.metrics.shared_handles.set(identified.shared_handles as i64);
        self.metrics.capped_persons.set(identified.capped_links as i64);
        for ((brand, rule), (counts, rate)) in board.learned() {
            self.metrics.learned(brand.as_str(), &rule, counts.accepted, counts.answered, rate);
        }
    }
}

/// From some rules to others.
fn difference(before: &[Shared<Rule>], after: &[Shared<Rule>]) -> Vec<(Shared<Rule>, isize)> {
    let gone = before.iter().filter(|rule| !after.contains(rule)).map(|rule| (rule.clone(), -1));
    let come = after.iter().filter(|rule| !before.contains(rule)).map(|rule| (rule.clone(), 1));
    gone.chain(come).collect()
}
