//! Puts events into ticks.
//!
//! Invariant: events keep the order of the log; the clock is the greatest event time seen and never
//! goes back; all events whose clock value falls on one point of the grid are one tick.

use super::Duplicates;
use crate::runtime::Tick;
use shopbell_dataflows::clock::Clock;
use shopbell_model::event::Event;
use shopbell_model::time::{Duration, Time};

/// The clock of a replay, and the tick that is being filled.
#[derive(Debug)]
pub struct Sequencer {
    clock: Clock,
    duplicates: Duplicates,
    now: Time,
    arrival: u64,
    open: Tick,
    copies: u64,
}

impl Sequencer {
    /// Nothing has come yet.
    pub fn new(clock: Clock, retention: Duration) -> Self {
        let duplicates = Duplicates::new(retention);
        Sequencer { clock, duplicates, now: 0, arrival: 0, open: Tick::default(), copies: 0 }
    }

    /// Takes in the next event of the log; gives the tick before it once that is complete.
    pub fn take(&mut self, fingerprint: u128, event: Event) -> Option<Tick> {
        let now = self.now.max(event.time);
        if !self.duplicates.is_new(fingerprint, now) {
            self.copies += 1;
            return None;
        }
        self.now = now;
        self.arrival += 1;
        let tick = self.clock.tick_of(self.now);
        let complete =
            (tick > self.open.time && !self.open.events.is_empty()).then(|| std::mem::take(&mut self.open));
        self.open.time = tick;
        self.open.events.push((self.arrival, event));
        complete
    }

    /// Moves the clock on without an event; gives the tick that is complete by that.
    pub fn advance(&mut self, to: Time) -> Option<Tick> {
        self.now = self.now.max(to);
        let tick = self.clock.tick_of(self.now);
        let complete =
            (tick > self.open.time && !self.open.events.is_empty()).then(|| std::mem::take(&mut self.open));
        self.open.time = tick;
        complete
    }

    /// The tick being filled, at the end of the log.
    pub fn last(&mut self) -> Option<Tick> {
        (!self.open.events.is_empty()).then(|| std::mem::take(&mut self.open))
    }

    /// The clock.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Events taken in, copies not counted.
    pub fn taken(&self) -> u64 {
        self.arrival
    }

    /// Copies left out.
    pub fn copies(&self) -> u64 {
        self.copies
    }
}
