//! From what was accepted to ticks: copies left out, places in the log given.
//!
//! Invariant: events keep the order in which they were accepted; what is said of their batches (which ticket,
//! how far a source was read) is said with the tick that holds the last event of the batch, never before.
//! What of a tick that is still being filled is in the journal already is known; after a restart it is being filled again.
//! Cost: two look-ups an event.

use super::kept::Meta;
use super::under_way::Arrivals;
use crate::intake::{Duplicates, fingerprint};
use crate::source::{Drained, ReadTo, Ticket};
use crate::stored::{JournalTick, Place};
use shopbell_dataflows::clock::Clock;
use shopbell_model::event::Event;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, VecDeque};

/// A tick, ready to be submitted.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) tick: Time,
    /// How far the clock had come.
    pub(super) clock: Time,
    /// Events with their places in the log.
    pub(super) events: Vec<(u64, Event)>,
    /// Fingerprints of the events, with the generation that they are remembered in.
    pub(super) fingerprints: Vec<(u128, u64)>,
    pub(super) arrivals: Arrivals,
    /// Second copies that were left out.
    pub(super) copies: u64,
    /// Sources that were read up to here.
    pub(super) read: Vec<(String, Place)>,
    /// The last batch that is in here whole.
    pub(super) ticket: Ticket,
}

/// What time events make it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ticks<'a> {
    /// All are of this tick: it is what the wall clock says.
    At(Time),
    /// The greatest event time seen says it; a tick is complete when the next one begins.
    ByEvents(&'a Clock),
}

/// Gathers events.
#[derive(Debug)]
pub(super) struct Gathering {
    duplicates: Duplicates,
    /// Events so far: the place of the last one in the log.
    arrival: u64,
    /// How far the clock had come with the last event.
    now: Time,
    /// No tick is before this one.
    least: Time,
    /// The tick being filled, where events say what time it is.
    open: Gathered,
    /// How many events of that one are in the journal.
    written: usize,
    /// What is to be told once everything up to a place was submitted.
    batches: VecDeque<(u64, Told)>,
    /// How far sources were read, as of what was submitted.
    read: BTreeMap<String, Place>,
    ticket: Ticket,
    /// How far the clock had come with what was submitted.
    submitted_clock: Time,
}

#[derive(Debug)]
enum Told {
    Ticket(Ticket),
    Read(ReadTo),
}

impl Gathering {
    /// Goes on from what was kept.
    pub(super) fn new(duplicates: Duplicates, meta: &Meta) -> Gathering {
        Gathering {
            duplicates,
            arrival: meta.arrival,
            now: meta.clock,
            least: 0,
            open: Gathered::default(),
            written: 0,
            batches: VecDeque::new(),
            read: meta.read.clone(),
            ticket: 0,
            submitted_clock: meta.clock,
        }
    }

    /// Takes up a tick of the journal; gives its events with their places, and their fingerprints.
    pub(super) fn again(&mut self, tick: JournalTick) -> Gathered {
        // Whatever was known of a tick being filled is part of this one.
        self.arrival -= std::mem::take(&mut self.open).events.len() as u64;
        self.written = 0;
        let mut gathered = Gathered { tick: tick.tick, clock: tick.clock, ..Gathered::default() };
        for event in tick.events {
            let fingerprint = fingerprint(&event);
            // The journal has no copies: this only remembers.
            self.duplicates.is_new(fingerprint, tick.clock);
            self.arrival += 1;
            gathered.fingerprints.push((fingerprint, self.duplicates.generation().0));
            gathered.events.push((self.arrival, event));
        }
        self.now = self.now.max(tick.clock);
        self.submitted_clock = self.now;
        self.read.extend(tick.read);
        self.least = self.least.max(tick.tick + 1);
        gathered
    }

    /// Takes up what the journal knows of a tick that was being filled: it goes on being filled.
    pub(super) fn again_open(&mut self, part: JournalTick) {
        for (place, event) in (part.first..).zip(part.events) {
            // It may be written down more than once.
            if place <= self.arrival {
                continue;
            }
            let fingerprint = fingerprint(&event);
            self.duplicates.is_new(fingerprint, part.clock);
            self.arrival = place;
            self.open.fingerprints.push((fingerprint, self.duplicates.generation().0));
            self.open.events.push((place, event));
        }
        self.now = self.now.max(part.clock);
        self.open.tick = self.open.tick.max(part.tick).max(self.least);
        self.written = self.open.events.len();
    }

    /// Events of the tick being filled that are not in the journal, or all of them, with the tick and its clock.
    pub(super) fn open_events(&self, all: bool) -> (Time, Time, &[(u64, Event)]) {
        let from = if all { 0 } else { self.written };
        (self.open_tick(), self.now, self.open.events.get(from..).unwrap_or_default())
    }

    /// Whether the journal knows of events of the tick being filled.
    pub(super) fn is_open_known(&self) -> bool {
        self.written > 0
    }

    /// All events of the tick being filled are in the journal.
    pub(super) fn note_written(&mut self) {
        self.written = self.open.events.len();
    }

    /// No tick is before this one.
    pub(super) fn begin_at(&mut self, least: Time) {
        self.least = self.least.max(least);
    }

    /// A tick was taken by something else: what is being filled comes in a later one.
    pub(super) fn make_way(&mut self, least: Time) {
        self.begin_at(least);
        if !self.open.events.is_empty() {
            self.open.tick = self.open.tick.max(least);
        }
    }

    /// Events so far.
    pub(super) fn arrival(&self) -> u64 {
        self.arrival
    }

    /// Events that were submitted.
    pub(super) fn submitted(&self) -> u64 {
        self.arrival - self.open.events.len() as u64
    }

    /// How far the clock had come with the last event.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// How far the clock had come with what was submitted.
    pub(super) fn submitted_clock(&self) -> Time {
        self.submitted_clock
    }

    /// The tick being filled; events of it may still come.
    pub(super) fn open_tick(&self) -> Time {
        self.open.tick.max(self.least)
    }

    /// How far sources were read, as of what was submitted.
    pub(super) fn read(&self) -> &BTreeMap<String, Place> {
        &self.read
    }

    /// The generation of copies, and when the next one begins.
    pub(super) fn generation(&self) -> (u64, Time) {
        self.duplicates.generation()
    }

    /// Takes events up; gives the ticks that are complete.
    pub(super) fn take(&mut self, drained: Drained, ticks: Ticks<'_>) -> Vec<Gathered> {
        let Drained { events, ticket, read, .. } = drained;
        let (mut complete, mut read) = (Vec::new(), read.into_iter().peekable());
        for (index, (came, event)) in events.into_iter().enumerate() {
            let (now, tick) = match ticks {
                Ticks::At(tick) => (tick, tick),
                Ticks::ByEvents(clock) => {
                    let now = self.now.max(event.time);
                    (now, clock.tick_of(now).max(self.least))
                }
            };
            let fingerprint = fingerprint(&event);
            // A copy changes nothing, and moves no clock.
            if self.duplicates.is_new(fingerprint, now) {
                if tick > self.open.tick && !self.open.events.is_empty() {
                    complete.push(self.complete());
                }
                (self.now, self.open.tick) = (now, tick);
                self.arrival += 1;
                self.open.arrivals.add(fingerprint, came);
                self.open.fingerprints.push((fingerprint, self.duplicates.generation().0));
                self.open.events.push((self.arrival, event));
            } else {
                self.open.copies += 1;
            }
            while let Some((_, read)) = read.next_if(|(after, _)| *after <= index + 1) {
                self.batches.push_back((self.arrival, Told::Read(read)));
            }
        }
        self.batches.push_back((self.arrival, Told::Ticket(ticket)));
        if let Ticks::At(tick) = ticks {
            (self.now, self.open.tick) = (self.now.max(tick), tick);
            complete.push(self.complete());
        }
        complete
    }

    /// The tick being filled, at the end of all input.
    pub(super) fn close(&mut self) -> Option<Gathered> {
        (!self.open.events.is_empty()).then(|| self.complete())
    }

    fn complete(&mut self) -> Gathered {
        let mut complete = std::mem::take(&mut self.open);
        self.written = 0;
        complete.clock = self.now;
        self.submitted_clock = self.now;
        while self.batches.front().is_some_and(|(place, _)| *place <= self.arrival) {
            let Some((_, told)) = self.batches.pop_front() else { break };
            match told {
                Told::Ticket(ticket) => self.ticket = ticket,
                Told::Read(ReadTo { source, place }) => {
                    self.read.insert(source.to_string(), place);
                    complete.read.push((source.to_string(), place));
                }
            }
        }
        complete.ticket = self.ticket;
        complete
    }
}
