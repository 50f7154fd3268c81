//! From events to facts.
//!
//! Purpose: the only place that deals with order, lateness, smoothing and time to live. Each event
//! changes the facts it is about; what comes out is the difference. Readings of a beacon are
//! absorbed here: of a hundred, one or two change a zone visit.
//! Invariant: facts after a tick are a function of the events up to it and of the tick; every fact
//! that was added is there until it is taken back, once.
//! Cost: hash maps, a microsecond or less an event; no fact is computed again that did not change.

mod activity;
mod catalogue;
mod days;
mod history;
mod kept;
mod machine;
mod nearby;
mod nearest;
mod operator;
mod past;
mod profile;
mod readings;
mod stock;
mod totals;

pub(crate) use history::end_of;
pub use kept::{FoldValue, FoldValueRef, Give};
pub use machine::{Machine, Reading};
pub use operator::FoldOutputs;
pub(crate) use operator::{FoldRows, fold};

use crate::demand::Demand;
use crate::identity::{Word, shard_of_brand};
use crate::kept::KeptKey;
use crate::rows::SceneKind;
use crate::shards::{bucket_of, shard_of, shard_of_shelf};
use crate::wheel::Wheel;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use shopbell_model::event::{Act, Body, Event, LocationKind, Position, PushOutcome};
use shopbell_model::facts::{Attribute, Base, Change, Changed, Moment, PersonFact, Subject, SubjectFact};
use shopbell_model::key::{EventRef, Handle, LocationId, Text, ZoneId};
use shopbell_model::settings::{Presence, Retention};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;

/// A part of an event that one worker's facts follow from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Which worker has these facts, by remainder: that of the bucket of their key.
    pub shard: u64,
    /// The event's place in the log.
    pub arrival: u64,
    /// The part.
    pub content: Content,
}

/// What a part says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Content {
    /// The event as it is.
    Event(Event),
    /// Of who is who: not for the fold.
    Word(Word),
    /// A handle exists.
    Seen(Handle),
    /// Where a place is, where that is said, and of what kind: for all workers.
    Place(LocationId, Option<Position>, LocationKind, Moment),
}

/// Everything a fold needs to know beforehand.
#[derive(Clone, Debug)]
pub struct FoldSettings {
    /// How signals become visits.
    pub presence: Presence,
    /// How long facts are kept.
    pub retention: Retention,
    /// What the rules ask for; nothing else is let through.
    pub demand: Demand,
}

/// What events could not change, by reason: for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoldCounts {
    /// Readings of something that is in no zone.
    pub unknown_beacons: u64,
    /// Readings, positions and stock changes that came too late to be put in their place.
    pub too_late: u64,
    /// Facts dropped because their handle had too many.
    pub dropped_facts: u64,
}

/// Splits an event into the parts that workers' facts follow from, for `peers` workers.
pub fn parts(event: Event, arrival: u64, peers: usize, mut give: impl FnMut(Part)) {
    let mut send = |shard, content| give(Part { shard: bucket_of(shard).into(), arrival, content });
    match &event.body {
        Body::Person { handle, act: Act::Forget } => {
            send(shard_of_brand(&event.brand), Content::Word(Word::Forget(handle.clone())));
        }
        Body::Person { handle, act } => {
            let shard = shard_of(handle.key());
            let other = match act {
                Act::Link(with) | Act::Login(Some(with)) => Some((with, true)),
                Act::Unlink(with) => Some((with, false)),
                _ => None,
            };
            let Some((with, linked)) = other else {
                return send(shard, Content::Event(event));
            };
            // A login is something the person does; a link is not.
            let subject = match act {
                Act::Login(_) => Content::Event(event.clone()),
                _ => Content::Seen(handle.clone()),
            };
            send(shard, subject);
            if with == handle {
                return;
            }
            send(shard_of(with.key()), Content::Seen(with.clone()));
            let (low, high) =
                if handle < with { (handle.clone(), with.clone()) } else { (with.clone(), handle.clone()) };
            let at = Moment { time: event.time, arrival };
            send(shard_of_brand(&event.brand), Content::Word(Word::Link { low, high, at, linked }));
        }
        Body::StockLevel { item, .. } | Body::StockDelta { item, .. } | Body::CatalogItem { item, .. } => {
            send(shard_of(item.key()), Content::Event(event));
        }
        Body::CatalogLocation { location, kind, position, .. } => {
            let at = Moment { time: event.time, arrival };
            for worker in 0..peers {
                send(worker as u64, Content::Place(location.clone(), *position, *kind, at));
            }
            let shard = shard_of(location.key());
            send(shard, Content::Event(event));
        }
        Body::CatalogShelf { location, zone, .. } => {
            let zone = ZoneId { location: location.clone(), zone: zone.clone() };
            let shard = shard_of_shelf(&zone);
            send(shard, Content::Event(event));
        }
        Body::CatalogZone { .. } => {
            for worker in 1..peers {
                send(worker as u64, Content::Event(event.clone()));
            }
            send(0, Content::Event(event));
        }
    }
}

/// Differences of facts, all of one tick.
#[derive(Debug, Default)]
pub struct Changes {
    /// Of persons, by handle. `None`: the handle itself exists.
    pub persons: Vec<((Handle, Option<PersonFact>), isize)>,
    /// Of articles and places.
    pub subjects: Vec<((Subject, SubjectFact), isize)>,
}

impl Changes {
    fn person(&mut self, handle: &Handle, fact: PersonFact, diff: isize) {
        self.persons.push(((handle.clone(), Some(fact)), diff));
    }

    fn subject(&mut self, subject: Subject, fact: SubjectFact, diff: isize) {
        self.subjects.push(((subject, fact), diff));
    }
}

/// What waits for time to pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Timer {
    /// Facts of this handle come to the end of their time.
    History(Handle),
    /// A zone visit of this handle ends unless a reading continued it.
    Presence(Handle),
    /// A stay near a place ends unless a position continued it.
    Nearby(Handle),
    /// A change of what is known of this handle's customer is old.
    Past(Handle),
    /// Activity of this handle paused long enough, unless something continued it.
    Activity(Handle),
    /// The oldest day of this handle comes to the end of its time.
    Days(Handle),
    /// The newest position of this handle grows too old.
    Nearest(Handle),
}

/// The facts of one worker's keys.
#[derive(Debug)]
pub struct Fold {
    seen: FxHashSet<Handle>,
    histories: history::Histories,
    activities: activity::Activities,
    days: days::Days,
    profiles: profile::Profiles,
    totals: totals::AllTotals,
    pasts: past::Pasts,
    readings: readings::Readings,
    nearby: nearby::Nearby,
    nearest: nearest::AllNearest,
    stock: stock::Stocks,
    catalogue: catalogue::CatalogueFacts,
    timers: Wheel<Timer>,
    counts: FoldCounts,
    /// Keys whose facts are to be kept; none where nothing is kept.
    track: Option<kept::Track>,
}

impl Fold {
    /// A fold that knows nothing yet.
    pub fn new(settings: &FoldSettings) -> Self {
        Fold {
            seen: FxHashSet::default(),
            histories: history::Histories::new(settings.retention.clone()),
            activities: activity::Activities::new(settings.demand.pause(), settings.retention.activity),
            days: days::Days::new(settings.retention.days, settings.demand.noticed()),
            profiles: profile::Profiles::default(),
            totals: totals::AllTotals::default(),
            pasts: past::Pasts::new(settings.retention.segments, settings.demand.scene(SceneKind::Segment)),
            readings: readings::Readings::new(settings.presence.clone(), settings.retention.visits),
            nearby: nearby::Nearby::new(
                settings.demand.radii().to_vec(),
                settings.presence.leave_after,
                settings.retention.visits,
            ),
            nearest: nearest::AllNearest::new(settings.retention.visits, settings.demand.nearest()),
            stock: stock::Stocks::new(settings.demand.stock_detail()),
            catalogue: catalogue::CatalogueFacts::default(),
            timers: Wheel::default(),
            counts: FoldCounts::default(),
            track: None,
        }
    }

    /// Takes in one part; parts of a tick come in order of arrival.
    pub fn apply(&mut self, part: Part, out: &mut Changes) {
        match part.content {
            Content::Seen(handle) => self.see(&handle, out),
            Content::Place(location, position, kind, at) => {
                self.touch(|| KeptKey::Zones);
                if self.nearby.places.put(location.clone(), position, kind, at) {
                    for (handle, nearest) in self.nearest.moved(&location, &self.nearby.places) {
                        self.touch(|| KeptKey::Handle(handle.clone()));
                        self.nearest.tell(&handle, nearest, out);
                    }
                }
            }
            // Identity takes those.
            Content::Word(_) => {}
            Content::Event(event) => self.event(event, part.arrival, out),
        }
    }

    fn see(&mut self, handle: &Handle, out: &mut Changes) {
        self.touch(|| KeptKey::Handle(handle.clone()));
        if !self.seen.contains(handle) {
            self.seen.insert(handle.clone());
            out.persons.push(((handle.clone(), None), 1));
        }
    }

    fn event(&mut self, event: Event, arrival: u64, out: &mut Changes) {
        let at = Moment { time: event.time, arrival };
        match event.body {
            Body::Person { handle, act } => {
                self.see(&handle, out);
                self.act(handle, at, act, event.reference, out);
            }
            Body::StockLevel { location, item, quantity } => {
                self.touch(|| KeptKey::Stock(item.clone()));
                self.stock.level(item, location, at, quantity, &mut self.counts, out);
            }
            Body::StockDelta { location, item, delta } => {
                self.touch(|| KeptKey::Stock(item.clone()));
                self.stock.delta(item, location, at, delta, &mut self.counts, out);
            }
            Body::CatalogZone { location, zone, beacons, .. } => {
                self.touch(|| KeptKey::Zones);
                self.readings.zone(&event.brand, location, zone, beacons, at);
            }
            body => {
                match &body {
                    Body::CatalogItem { item, .. } => self.touch(|| KeptKey::Article(item.clone())),
                    Body::CatalogLocation { location, .. } => self.touch(|| KeptKey::Place(location.clone())),
                    Body::CatalogShelf { location, zone, .. } => {
                        let zone = ZoneId { location: location.clone(), zone: zone.clone() };
                        self.touch(|| KeptKey::Shelf(zone));
                    }
                    _ => {}
                }
                self.catalogue.apply(body, at, out);
            }
        }
    }

    fn act(&mut self, handle: Handle, at: Moment, act: Act, event: EventRef, out: &mut Changes) {
        if activity::is_own(&act) {
            self.activities.act(&handle, at, &event, &mut self.timers, out);
        }
        if let Some(place) = days::noticed_by(&act) {
            let parts = (&mut self.timers, &mut self.counts);
            self.days.note(&handle, at.time, place, days::Notice::Acted, parts, out);
        }
        let bought = match &act {
            Act::Purchase(purchase) => Some(totals::of_purchase(at.time, purchase)),
            Act::Refund(refund) => Some(totals::of_refund(refund)),
            _ => None,
        };
        if let Some(bought) = bought {
            let what = Changed::Bought(Shared::new(bought.clone()));
            self.change(&handle, Change { at, event: event.clone(), what }, out);
            self.totals.add(&handle, &bought, out);
        }
        match act {
            Act::Reading(beacon, rssi) => {
                self.hear(handle, readings::Heard { beacon, rssi, at, event }, out);
            }
            Act::Rfid { read_point, .. } => {
                let (beacon, rssi) = (Text::from(read_point.to_lowercase()), shopbell_model::value::Rssi(0));
                self.hear(handle, readings::Heard { beacon, rssi, at, event }, out);
            }
            Act::Geo(position, accuracy) => {
                let seen = nearby::Seen { position, accuracy, at, event };
                let timers = &mut self.timers;
                let near = self.nearest.see(&handle, &seen, &self.nearby.places, timers, out);
                if !(self.nearby.see(handle, &seen, timers, out) && near) {
                    self.counts.too_late += 1;
                }
            }
            Act::Profile(attributes) => {
                let said = |(name, value)| Shared::new(Attribute { name, at, value });
                let said: Vec<_> = attributes.into_iter().map(said).collect();
                if !said.is_empty() {
                    self.change(&handle, Change { at, event, what: Changed::Said(said.clone()) }, out);
                }
                self.profiles.attributes(handle, said, out);
            }
            Act::Consent { channel, category, granted } => {
                self.profiles.consent(handle, at, (channel, category), granted, out);
            }
            act => {
                let counts = &mut self.counts;
                self.histories.act(&handle, at, act, event, &mut self.timers, counts, out);
            }
        }
    }

    /// Keeps that what is known of a customer changes; before it does.
    fn change(&mut self, handle: &Handle, change: Change, out: &mut Changes) {
        let (profiles, totals) = (&self.profiles, &self.totals);
        let before = || {
            let (attributes, totals) = (profiles.attributes_of(handle), totals.of(handle));
            (!attributes.is_empty() || totals.is_some()).then(|| Base {
                attributes: attributes.to_vec(),
                totals: totals.cloned().unwrap_or_default(),
            })
        };
        self.pasts.change(handle, change, before, &mut self.timers, out);
    }

    fn hear(&mut self, handle: Handle, heard: readings::Heard, out: &mut Changes) {
        let (histories, timers) = (&mut self.histories, &mut self.timers);
        let starts = self.readings.hear(handle.clone(), heard, histories, timers, &mut self.counts, out);
        for (start, zone, notice) in starts {
            if let Some(zone) = self.readings.zones().zone(zone) {
                let parts = (&mut *timers, &mut self.counts);
                self.days.note(&handle, start.time, Some(&zone.location), notice, parts, out);
            }
        }
    }

    /// Forgets a handle, after all events of a tick and all that ended with it. `out` takes what changes in that
    /// tick: what the handle reported of offers counts for its own person alone, and that person is marked; `later`
    /// takes what is gone from the next tick on. A handle that was never seen changes nothing.
    pub fn forget(&mut self, handle: &Handle, out: &mut Changes, later: &mut Changes) {
        if !self.seen.contains(handle) {
            return;
        }
        self.touch(|| KeptKey::Handle(handle.clone()));
        self.seen.remove(handle);
        later.persons.push(((handle.clone(), None), -1));
        let (timers, first) = (&mut self.timers, later.persons.len());
        self.histories.forget(handle, timers, later);
        self.activities.forget(handle, timers, later);
        self.days.forget(handle, timers, later);
        self.profiles.forget(handle, later);
        self.totals.forget(handle, later);
        self.pasts.forget(handle, timers, later);
        self.readings.forget(handle, timers, later);
        self.nearby.forget(handle, timers, later);
        self.nearest.forget(handle, timers, later);
        let mut redeemed = Vec::new();
        let outcomes =
            later.persons.extract_if(first.., |((_, fact), _)| matches!(fact, Some(PersonFact::Outcome(..))));
        for outcome in outcomes {
            if let ((_, Some(PersonFact::Outcome(offer, PushOutcome::Redeemed))), _) = &outcome {
                redeemed.push(offer.clone());
            }
            out.persons.push(outcome);
        }
        let mark = PersonFact::Forgotten(redeemed);
        out.person(handle, mark.clone(), 1);
        later.person(handle, mark, -1);
    }

    /// The earliest moment at which something ends by itself.
    pub fn next_due(&mut self) -> Option<Time> {
        self.timers.next_due()
    }

    /// Ends what ends at or before `now`, after all events of that tick.
    pub fn advance(&mut self, now: Time, out: &mut Changes) {
        let mut timers = Vec::new();
        while self.timers.pop(now, usize::MAX, &mut timers).is_some() {
            for (timer, _) in timers.drain(..) {
                let (Timer::History(handle)
                | Timer::Presence(handle)
                | Timer::Nearby(handle)
                | Timer::Past(handle)
                | Timer::Activity(handle)
                | Timer::Days(handle)
                | Timer::Nearest(handle)) = &timer;
                self.touch(|| KeptKey::Handle(handle.clone()));
                match timer {
                    Timer::History(handle) => self.histories.expire(handle, now, &mut self.timers, out),
                    Timer::Presence(handle) => {
                        self.readings.expire(handle, now, &mut self.timers, out);
                    }
                    Timer::Nearby(handle) => {
                        self.nearby.expire(handle, now, &mut self.timers, out);
                    }
                    Timer::Nearest(handle) => self.nearest.expire(&handle, now, &mut self.timers, out),
                    Timer::Days(handle) => self.days.expire(&handle, now, &mut self.timers, out),
                    Timer::Past(handle) => self.pasts.expire(&handle, now, &mut self.timers, out),
                    Timer::Activity(handle) => {
                        self.activities.expire(handle, now, &mut self.timers, out);
                    }
                }
            }
        }
    }

    /// What could not be used, since the last call.
    pub fn take_counts(&mut self) -> FoldCounts {
        std::mem::take(&mut self.counts)
    }
}

#[cfg(test)]
mod tests;
