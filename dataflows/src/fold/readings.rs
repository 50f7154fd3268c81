//! Zone visits by handle, robust to readings that come late.
//!
//! Invariant: the visits are those that [`Machine`] finds in the readings sorted by time, as long as
//! none is later than the `lateness` setting; such ones are dropped and counted.
//! How: a handle's readings within `lateness` of its newest are kept, for as long as visits are; a late
//! one is put in its place and they are run again from the state before them. So is one that is in order
//! for its handle but behind a clock that ended a visit by silence: it may continue that visit.
//! Cost: in order, one step of the machine.

use super::days::Notice;
use super::history::{Histories, end_of};
use super::machine::{Machine, Open, Reading};
use super::{Changes, FoldCounts, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Moment, PersonFact, ZoneVisit};
use shopbell_model::key::{Brand, EventRef, Handle, LocationId, Text, ZoneId};
use shopbell_model::settings::Presence;
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};
use shopbell_model::value::Rssi;
use std::collections::{BTreeSet, VecDeque};

/// A reading as it comes in.
pub(super) struct Heard {
    pub(super) beacon: Text,
    pub(super) rssi: Rssi,
    pub(super) at: Moment,
    pub(super) event: EventRef,
}

/// A visit that began, or did not, with its zone.
pub(super) type Start = (Moment, u32, Notice);

/// What was heard of one handle.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Tracker {
    /// The state before the readings in `recent`.
    base: Machine,
    /// Readings that a late one may still come before.
    recent: VecDeque<Reading>,
    /// The state after them.
    now: Machine,
    /// Visits that ended since `base`.
    ended: Vec<Open>,
    /// Until when `now` took the silence for the end of a visit.
    silent: Time,
    /// The facts that stand for open and recently ended visits.
    told: Vec<Shared<ZoneVisit>>,
    /// When the timer is set to; 0 for not at all.
    wakes: Time,
}

/// Zones, and who was heard in them.
#[derive(Debug)]
pub(super) struct Readings {
    presence: Presence,
    /// How long a visit that is over is kept.
    keep: Duration,
    zones: Zones,
    trackers: FxHashMap<Handle, Tracker>,
}

/// Zones by number, and what senses in them. Every worker has all of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Zones {
    zones: Vec<ZoneId>,
    numbers: FxHashMap<ZoneId, (u32, Moment)>,
    beacons: FxHashMap<(Brand, Text), (u32, Moment)>,
}

impl Readings {
    pub(super) fn new(presence: Presence, keep: Duration) -> Self {
        Readings { presence, keep, zones: Zones::default(), trackers: FxHashMap::default() }
    }

    /// Whether nobody is remembered.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.trackers.is_empty()
    }

    /// Replaces the list of what senses in a zone; a beacon is in the zone that listed it last.
    pub(super) fn zone(
        &mut self,
        brand: &Brand,
        location: LocationId,
        zone: Text,
        beacons: Vec<Text>,
        at: Moment,
    ) {
        let key = ZoneId { location, zone };
        let zones = &mut self.zones;
        let number = match zones.numbers.get_mut(&key) {
            Some((_, last)) if *last > at => return,
            Some((number, last)) => {
                *last = at;
                *number
            }
            None => {
                let number = zones.zones.len() as u32;
                zones.zones.push(key.clone());
                zones.numbers.insert(key, (number, at));
                number
            }
        };
        zones.beacons.retain(|_, (zone, _)| *zone != number);
        for beacon in beacons {
            let known = zones.beacons.entry((brand.clone(), beacon)).or_insert((number, at));
            if known.1 <= at {
                *known = (number, at);
            }
        }
    }

    /// What was heard of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Tracker> {
        self.trackers.get(handle)
    }

    /// The zones.
    pub(super) fn zones(&self) -> &Zones {
        &self.zones
    }

    /// Puts back the zones.
    pub(super) fn restore_zones(&mut self, zones: Zones) {
        self.zones = zones;
    }

    /// Puts back what was heard of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        tracker: Tracker,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        tracker.told.iter().for_each(|visit| out.person(handle, PersonFact::Zone(visit.clone()), 1));
        if tracker.wakes != 0 {
            timers.update(tracker.wakes, Timer::Presence(handle.clone()), 1);
        }
        self.trackers.insert(handle.clone(), tracker);
    }

    /// Takes in a reading. Returned are the visits that began, and those that did not, as was thought.
    pub(super) fn hear(
        &mut self,
        handle: Handle,
        heard: Heard,
        histories: &mut Histories,
        timers: &mut Wheel<Timer>,
        counts: &mut FoldCounts,
        out: &mut Changes,
    ) -> Vec<Start> {
        let Some((zone, _)) = self.zones.beacons.get(&(handle.brand(), heard.beacon)) else {
            counts.unknown_beacons += 1;
            return Vec::new();
        };
        let reading = Reading { at: heard.at, zone: *zone, rssi: heard.rssi, event: heard.event };
        let tracker = self.trackers.entry(handle.clone()).or_default();
        let newest = tracker.recent.back().map(|last| last.at);
        if newest.is_some_and(|newest| reading.at.time + self.presence.lateness.0 < newest.time) {
            counts.too_late += 1;
            return Vec::new();
        }
        let mut starts = Vec::new();
        // What comes behind the clock may continue what ended by it.
        if newest.is_none_or(|newest| newest <= reading.at) && tracker.silent < reading.at.time {
            let visits = (tracker.now.open().len(), tracker.ended.len());
            tracker.now.hear(&reading, &self.presence, &mut tracker.ended);
            let started = tracker.now.open().iter().any(|open| open.start == reading.at);
            if started {
                starts.push((reading.at, reading.zone, Notice::Began));
            }
            let ended = visits != (tracker.now.open().len(), tracker.ended.len());
            tracker.recent.push_back(reading);
            if started || ended {
                tracker.tell(&handle, &self.zones.zones, 0, self.keep, out);
            }
        } else {
            let place = tracker.recent.partition_point(|known| known.at <= reading.at);
            tracker.recent.insert(place, reading);
            let before = tracker.starts();
            tracker.now = tracker.base.clone();
            tracker.ended.clear();
            for reading in &tracker.recent {
                tracker.now.hear(reading, &self.presence, &mut tracker.ended);
            }
            tracker.silent = 0;
            let after = tracker.starts();
            let of = |(start, zone): &(Moment, u32), notice| (*start, *zone, notice);
            starts.extend(before.difference(&after).map(|one| of(one, Notice::BeganNot)));
            starts.extend(after.difference(&before).map(|one| of(one, Notice::Began)));
            tracker.tell(&handle, &self.zones.zones, 0, self.keep, out);
        }
        tracker.settle(&handle, &self.presence, histories, timers);
        tracker.wake(&handle, &self.presence, self.keep, timers);
        starts
    }

    /// Drops all that was heard of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(tracker) = self.trackers.remove(handle) else { return };
        if tracker.wakes != 0 {
            timers.update(tracker.wakes, Timer::Presence(handle.clone()), -1);
        }
        tracker.told.into_iter().for_each(|visit| out.person(handle, PersonFact::Zone(visit), -1));
    }

    /// Ends visits that nothing continued, and forgets those whose time is over.
    pub(super) fn expire(&mut self, handle: Handle, now: Time, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(tracker) = self.trackers.get_mut(&handle) else { return };
        tracker.wakes = 0;
        let ended = tracker.ended.len();
        tracker.now.end_at(now, &self.presence, &mut tracker.ended);
        if tracker.ended.len() != ended {
            tracker.silent = now;
        }
        let over = |visit: &Shared<ZoneVisit>| visit.last.is_some_and(|last| end_of(last, self.keep) <= now);
        if tracker.ended.len() != ended || tracker.told.iter().any(over) {
            tracker.tell(&handle, &self.zones.zones, now, self.keep, out);
        }
        if tracker.forgotten_at(&self.presence, self.keep) <= now {
            self.trackers.remove(&handle);
        } else {
            tracker.wake(&handle, &self.presence, self.keep, timers);
        }
    }
}

impl Zones {
    /// The zone of that number.
    pub(super) fn zone(&self, number: u32) -> Option<&ZoneId> {
        self.zones.get(number as usize)
    }
}

impl Tracker {
    /// When visits began that a reading may still change, and in which zones.
    fn starts(&self) -> BTreeSet<(Moment, u32)> {
        self.ended.iter().chain(self.now.open()).map(|open| (open.start, open.zone)).collect()
    }

    /// Makes the facts those of the visits as they are now, but for those kept long enough.
    fn tell(&mut self, handle: &Handle, zones: &[ZoneId], now: Time, keep: Duration, out: &mut Changes) {
        let visit = |open: &Open, last| {
            let zone = zones.get(open.zone as usize)?.clone();
            Some(ZoneVisit { zone, start: open.start, last, event: open.event.clone() })
        };
        let ended = self.ended.iter().filter(|open| end_of(open.last, keep) > now);
        let ended = ended.filter_map(|open| visit(open, Some(open.last)));
        let open = self.now.open().iter().filter_map(|open| visit(open, None));
        let visits: Vec<ZoneVisit> = ended.chain(open).collect();
        self.told.retain(|told| {
            let kept = visits.contains(told);
            if !kept {
                out.person(handle, PersonFact::Zone(told.clone()), -1);
            }
            kept
        });
        for visit in visits {
            if !self.told.iter().any(|told| **told == visit) {
                let visit = Shared::new(visit);
                out.person(handle, PersonFact::Zone(visit.clone()), 1);
                self.told.push(visit);
            }
        }
    }

    /// Moves readings that none can come before into the base, and what ended with them into history.
    fn settle(
        &mut self,
        handle: &Handle,
        presence: &Presence,
        histories: &mut Histories,
        timers: &mut Wheel<Timer>,
    ) {
        let newest = self.recent.back().map_or(0, |newest| newest.at.time);
        let mut ended = Vec::new();
        let settled = |first: &Reading| first.at.time.saturating_add(presence.lateness.0) < newest;
        while self.recent.front().is_some_and(settled) {
            let Some(reading) = self.recent.pop_front() else { break };
            self.base.hear(&reading, presence, &mut ended);
        }
        for open in ended {
            self.ended.retain(|known| known.start != open.start || known.zone != open.zone);
            if let Some(index) = self.told.iter().position(|told| told.start == open.start) {
                histories.zone_visit(handle, self.told.swap_remove(index), timers);
            }
        }
    }

    /// When no reading that still counts could be late any more.
    fn forgotten_at(&self, presence: &Presence, keep: Duration) -> Time {
        let newest = self.recent.back().map_or(0, |newest| newest.at.time);
        end_of(newest, keep.max(presence.exit_after))
    }

    /// Sets the timer to the next moment at which something ends.
    fn wake(&mut self, handle: &Handle, presence: &Presence, keep: Duration, timers: &mut Wheel<Timer>) {
        let over = self.told.iter().filter_map(|told| told.last).min().map(|last| end_of(last, keep));
        let ends = self.now.next_end(presence).into_iter().chain(over);
        let next = ends.fold(self.forgotten_at(presence, keep), Time::min);
        // A timer that comes too early looks again; only one that would come too late is moved.
        if self.wakes == 0 || next < self.wakes {
            if self.wakes != 0 {
                timers.update(self.wakes, Timer::Presence(handle.clone()), -1);
            }
            self.wakes = next;
            timers.update(next, Timer::Presence(handle.clone()), 1);
        }
    }
}
