//! What the ticker keeps: ticks in the journal, and checkpoints begun.
//!
//! Invariant: a tick is in the journal before it is in the dataflow; a checkpoint says of itself exactly the
//! ticks that were submitted before it; what of a tick that is still being filled was acknowledged is behind it in the journal.
//! Cost: the events of a tick are written out once, those that somebody waits for while their tick is being filled twice
//! (and with each checkpoint meanwhile); sixteen bytes are held for each event until the next checkpoint.

use super::RunError;
use super::delivery::Parcel;
use super::gathering::{Gathered, Gathering};
use super::keeper::Keeper;
use super::kept::{Erasing, Meta};
use crate::journal::{Journal, Promise, Records};
use crate::runtime::Engine;
use crate::source::{Acknowledged, Ticket};
use crate::stored::{
    Ruling, ShadowSet, StoredRow, copy_row, journal_open, journal_rules, journal_shadow, journal_tick,
};
use crossbeam_channel::Sender;
use shopbell_model::event::{Act, Body, Event};
use shopbell_model::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The ticker's side of what is kept.
pub(super) struct StateKeeper {
    pub(super) journal: Arc<Journal>,
    pub(super) acknowledged: Acknowledged,
    pub(super) keeper: Keeper,
    /// Where it is told that everything up to a tick was delivered.
    pub(super) parcels: Sender<Parcel>,
    /// The last record that was appended, for whoever must not speak before it is durable.
    pub(super) appended: Arc<AtomicU64>,
    /// What every checkpoint says of itself, but for what changes.
    pub(super) meta: Meta,
    pub(super) every: Duration,
    /// Rows of events that were taken in since the last checkpoint.
    pub(super) copies: Vec<StoredRow>,
    /// The tick of the last checkpoint.
    pub(super) last: Time,
    pub(super) begun: Instant,
    /// Checkpoints whose ticks are not complete yet.
    pub(super) marks: VecDeque<Time>,
    /// Time must go on beyond this, or a checkpoint never becomes whole.
    pub(super) beyond: Option<Time>,
}

impl StateKeeper {
    /// Writes a tick into the journal. Does not wait until it is durable.
    pub(super) fn write(&mut self, gathered: &Gathered) -> Result<(), RunError> {
        if !gathered.events.is_empty() {
            let Gathered { tick, clock, events, read, .. } = gathered;
            let bytes = journal_tick(*tick, *clock, events, read)?;
            self.meta.sequence = self.journal.append(*tick, &bytes)?;
            self.appended.store(self.meta.sequence, Ordering::Release);
            self.remember(gathered);
        }
        self.acknowledged.written(gathered.ticket, self.meta.sequence);
        // It may have become durable before anybody waited for it.
        self.acknowledged.durable(self.journal.durable().sequence);
        Ok(())
    }

    /// Writes events of a tick that is still being filled into the journal, so that whoever waits up to `ticket` need not wait
    /// for time to move on. Nothing follows from them yet.
    pub(super) fn write_open(
        &mut self,
        gathering: &mut Gathering,
        ticket: Option<Ticket>,
    ) -> Result<(), RunError> {
        self.append_open(gathering, false)?;
        if let Some(ticket) = ticket {
            self.acknowledged.written(ticket, self.meta.sequence);
            // It may have become durable before anybody waited for it.
            self.acknowledged.durable(self.journal.durable().sequence);
        }
        Ok(())
    }

    /// Writes them down, all of them or those that are not there yet; nothing where there are none.
    fn append_open(&mut self, gathering: &mut Gathering, all: bool) -> Result<(), RunError> {
        let (tick, clock, events) = gathering.open_events(all);
        if !events.is_empty() {
            // Its place among the ticks is behind the last one that is written.
            let record = journal_open(tick, clock, events)?;
            self.meta.sequence = self.journal.append(self.journal.last().tick, &record)?;
            gathering.note_written();
        }
        Ok(())
    }

    /// Takes up that the journal tells of such events.
    pub(super) fn open_again(&mut self, sequence: u64) {
        self.meta.sequence = sequence;
    }

    /// Writes down that other rules come into force at a tick.
    pub(super) fn turn(&mut self, tick: Time, ruling: &Ruling) -> Result<(), RunError> {
        self.meta.sequence = self.journal.append(tick, &journal_rules(ruling)?)?;
        self.appended.store(self.meta.sequence, Ordering::Release);
        self.meta.ruling.clone_from(ruling);
        Ok(())
    }

    /// Takes up a change of rules that the journal tells of.
    pub(super) fn turn_again(&mut self, sequence: u64, ruling: &Ruling) {
        self.meta.sequence = sequence;
        self.meta.ruling.clone_from(ruling);
    }

    /// Writes down that other rules are looked at, or none any more.
    pub(super) fn cast(&mut self, shadow: Option<ShadowSet>) -> Result<(), RunError> {
        if shadow == self.meta.shadow {
            return Ok(());
        }
        let record = journal_shadow(shadow.as_ref())?;
        self.meta.sequence = self.journal.append(self.journal.last().tick, &record)?;
        self.appended.store(self.meta.sequence, Ordering::Release);
        self.meta.shadow = shadow;
        Ok(())
    }

    /// That everything written so far is kept for good, for whoever is told of it.
    pub(super) fn promise(&self) -> Promise {
        self.journal.promise(self.meta.sequence)
    }

    /// Takes up that the journal tells of other rules to look at.
    pub(super) fn cast_again(&mut self, sequence: u64, shadow: Option<ShadowSet>) {
        (self.meta.sequence, self.meta.shadow) = (sequence, shadow);
    }

    /// What the journal says came after what was restored.
    pub(super) fn records(&self) -> Result<Records, RunError> {
        Ok(self.journal.read(self.meta.sequence + 1)?)
    }

    /// Takes up a tick of the journal that was submitted again.
    pub(super) fn again(&mut self, sequence: u64, gathered: &Gathered) {
        self.meta.sequence = sequence;
        self.remember(gathered);
    }

    fn remember(&mut self, gathered: &Gathered) {
        let copies = gathered.fingerprints.iter();
        self.copies.extend(copies.map(|(fingerprint, generation)| copy_row(*fingerprint, *generation)));
        let forgets = |(_, event): &(u64, Event)| matches!(event.body, Body::Person { act: Act::Forget, .. });
        if gathered.events.iter().any(forgets) {
            self.meta.erasing = Some(Erasing { tick: gathered.tick, sequence: self.meta.sequence });
        }
    }

    /// Whether the next checkpoint is to begin.
    pub(super) fn is_due(&self) -> bool {
        self.begun.elapsed() >= self.every && !self.keeper.is_busy()
    }

    /// Begins a checkpoint of everything submitted, unless nothing was since the last one.
    pub(super) fn begin(&mut self, engine: &mut Engine, gathering: &mut Gathering) -> Result<(), RunError> {
        self.begun = Instant::now();
        let frontier = engine.frontier();
        if engine.clock().tick_before(frontier) <= self.last {
            return Ok(());
        }
        // Until the journal is rid of whoever was forgotten, with every checkpoint what is before it can go.
        self.meta.erasing = self.meta.erasing.filter(|erasing| self.journal.first() <= erasing.sequence);
        if self.meta.erasing.is_some() {
            self.journal.begin_segment()?;
        }
        let sequence = self.meta.sequence;
        if gathering.is_open_known() {
            // What the journal knows of a tick that is not submitted yet must stand behind the checkpoint.
            self.append_open(gathering, true)?;
            self.journal.wait_durable(self.meta.sequence)?;
        }
        let tick = engine.keep()?;
        let (generation, turns) = gathering.generation();
        let meta = Meta {
            arrival: gathering.submitted(),
            clock: gathering.submitted_clock(),
            read: gathering.read().clone(),
            generation,
            turns,
            sequence,
            ..self.meta.clone()
        };
        (self.last, self.beyond) = (tick, Some(frontier));
        self.marks.push_back(tick);
        // The delivery is gone only where it failed, which ends the job.
        let _ = self.parcels.send(Parcel::Want(tick));
        self.keeper.begin(tick, meta, std::mem::take(&mut self.copies));
        Ok(())
    }

    /// Until when time must have gone on, so that a checkpoint becomes whole.
    pub(super) fn waits_for(&self) -> Option<Time> {
        self.beyond
    }

    /// Tells the delivery that the last mark comes next.
    pub(super) fn flush(&self) {
        // The delivery is gone only where it failed, which ends the job.
        let _ = self.parcels.send(Parcel::Flush);
    }

    /// Tells the delivery of the ticks that are complete: what is before `completed` is.
    pub(super) fn mark(&mut self, completed: Time) {
        while let Some(tick) = self.marks.front().copied().filter(|tick| *tick < completed) {
            self.marks.pop_front();
            // The delivery is gone only where it failed, which ends the job.
            let _ = self.parcels.send(Parcel::Mark(tick));
        }
    }

    /// The keeper, to be waited for once everything is delivered.
    pub(super) fn into_keeper(self) -> Keeper {
        self.keeper
    }
}
