//! Who is near a place, by position.
//!
//! Purpose: of a hundred positions one or two begin or end a stay; only those leave the fold.
//! Invariant: the stays are those of docs/semantics.md: a function of the positions of a handle that came in
//! order, of where places were known to be when each came, and of the clock. Whole numbers only.
//! Cost: a comparison for each place and each distance that a rule asks for; a handle keeps at most [`MOST`].

use super::history::end_of;
use super::{Changes, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::event::{LocationKind, Position};
use shopbell_model::facts::{Moment, Near, PersonFact};
use shopbell_model::key::{Brand, EventRef, Handle, LocationId};
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};
use shopbell_model::value::Number;
use std::collections::BTreeMap;

/// Stays that a handle keeps; beyond that the oldest go first.
const MOST: usize = 100;

/// Where places are, and of what kind. Every worker has all of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Places {
    places: FxHashMap<Brand, BTreeMap<LocationId, Site>>,
}

/// Of one place what was said last, and when.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Site {
    position: Option<(Position, Moment)>,
    kind: Option<(LocationKind, Moment)>,
}

/// A position as it comes in.
pub(super) struct Seen {
    pub(super) position: Position,
    pub(super) accuracy: Option<Number>,
    pub(super) at: Moment,
    pub(super) event: EventRef,
}

/// A stay near a place.
#[derive(Debug, Serialize, Deserialize)]
struct Stay {
    location: LocationId,
    within: u32,
    start: Moment,
    event: EventRef,
    /// The last position that was near.
    last: Time,
    /// When it ended, where it did.
    ended: Option<Time>,
    /// Whether it ended by silence alone: a position that comes late may continue it.
    silent: bool,
    told: Option<Shared<Near>>,
}

/// What is kept of one handle.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Stays {
    newest: Time,
    stays: Vec<Stay>,
    /// When the timer is set to; 0 for not at all.
    wakes: Time,
}

/// Stays by handle.
#[derive(Debug)]
pub(super) struct Nearby {
    pub(super) places: Places,
    by_handle: FxHashMap<Handle, Stays>,
    /// Distances that rules ask for, in metres.
    radii: Vec<u32>,
    leave_after: Duration,
    keep: Duration,
}

/// Whether two positions are at most `within` metres apart: see docs/semantics.md. `a` is that of the place.
pub(super) fn is_near(a: Position, b: Position, within: u32) -> bool {
    let limit = i128::from(within) * 1000;
    north_of(a, b) <= limit && squared_distance(a, b) <= limit * limit
}

const MM_IN_THOUSAND: i128 = 111_195;

/// Millimetres from the one latitude to the other.
fn north_of(a: Position, b: Position) -> i128 {
    i128::from((i64::from(a.lat) - i64::from(b.lat)).abs()) * MM_IN_THOUSAND / 1000
}

/// The square of the distance in millimetres. `a` is the position of the place.
fn squared_distance(a: Position, b: Position) -> i128 {
    const AROUND: i64 = 360_000_000;
    let north = north_of(a, b);
    let east = (i64::from(a.lon) - i64::from(b.lon)).abs() % AROUND;
    let east = i128::from(east.min(AROUND - east));
    let x = i128::from(a.lat.unsigned_abs() / 1000);
    let millionths = 1_000_000 * (32_400_000_000 - 4 * x * x) / (32_400_000_000 + x * x);
    let east = east * MM_IN_THOUSAND * millionths / 1_000_000_000;
    north * north + east * east
}

impl Site {
    /// Where customers come to.
    fn shop(&self) -> Option<Position> {
        let is_shop = self.kind.is_none_or(|(kind, _)| kind == LocationKind::Store);
        self.position.filter(|_| is_shop).map(|(position, _)| position)
    }
}

impl Places {
    /// Notes what is said of a place; the latest word holds. Whether that changed something.
    pub(super) fn put(
        &mut self,
        location: LocationId,
        position: Option<Position>,
        kind: LocationKind,
        at: Moment,
    ) -> bool {
        let site = self.places.entry(location.brand()).or_default().entry(location).or_default();
        let (was, shop) = (site.position.map(|(position, _)| position), site.shop());
        if let Some(position) = position
            && site.position.is_none_or(|(_, last)| last <= at)
        {
            site.position = Some((position, at));
        }
        if site.kind.is_none_or(|(_, last)| last <= at) {
            site.kind = Some((kind, at));
        }
        (was, shop) != (site.position.map(|(position, _)| position), site.shop())
    }

    /// Places of a brand that have a position.
    fn of(&self, brand: &Brand) -> impl Iterator<Item = (&LocationId, Position)> {
        let sites = self.places.get(brand).into_iter().flatten();
        sites.filter_map(|(location, site)| Some((location, site.position?.0)))
    }

    /// The shop nearest to a position; of several the first by id.
    pub(super) fn nearest(&self, brand: &Brand, position: Position) -> Option<&LocationId> {
        let mut best: Option<(i128, &LocationId)> = None;
        for (location, site) in self.places.get(brand).into_iter().flatten() {
            let Some(shop) = site.shop() else { continue };
            let north = north_of(shop, position);
            if best.is_some_and(|(least, _)| north * north >= least) {
                continue;
            }
            let distance = squared_distance(shop, position);
            if best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, location));
            }
        }
        best.map(|(_, location)| location)
    }

    /// Of a shop and another place the one that is nearer to a position.
    pub(super) fn nearer<'a>(
        &self,
        shop: &'a LocationId,
        other: &'a LocationId,
        position: Position,
    ) -> Option<&'a LocationId> {
        let sites = self.places.get(&shop.brand());
        let rank = |location: &'a LocationId| {
            let shop = sites?.get(location)?.shop()?;
            Some((squared_distance(shop, position), location))
        };
        rank(shop).into_iter().chain(rank(other)).min().map(|(_, location)| location)
    }
}

impl Nearby {
    pub(super) fn new(radii: Vec<u32>, leave_after: Duration, keep: Duration) -> Self {
        Nearby { places: Places::default(), by_handle: FxHashMap::default(), radii, leave_after, keep }
    }

    /// Takes in a position. One from before the newest of its handle changes nothing; false is returned for it.
    pub(super) fn see(
        &mut self,
        handle: Handle,
        seen: &Seen,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) -> bool {
        if self.radii.is_empty() {
            return true;
        }
        let now = seen.at.time;
        let mut stays = self.by_handle.remove(&handle).unwrap_or_default();
        if now < stays.newest {
            self.by_handle.insert(handle, stays);
            return false;
        }
        stays.newest = now;
        let brand = handle.brand();
        for within in &self.radii {
            if seen.accuracy.is_some_and(|accuracy| accuracy.0 > f64::from(*within)) {
                continue;
            }
            for (location, position) in self.places.of(&brand) {
                let near = is_near(position, seen.position, *within);
                stays.step(location, *within, near, seen, self.leave_after);
            }
        }
        self.settle(handle, stays, 0, timers, out);
        true
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Stays> {
        self.by_handle.get(handle)
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        stays: Stays,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let told = stays.stays.iter().filter_map(|stay| stay.told.clone());
        told.for_each(|told| out.person(handle, PersonFact::Near(told), 1));
        if stays.wakes != 0 {
            timers.update(stays.wakes, Timer::Nearby(handle.clone()), 1);
        }
        self.by_handle.insert(handle.clone(), stays);
    }

    /// Drops all that is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(stays) = self.by_handle.remove(handle) else { return };
        if stays.wakes != 0 {
            timers.update(stays.wakes, Timer::Nearby(handle.clone()), -1);
        }
        let told = stays.stays.into_iter().filter_map(|stay| stay.told);
        told.for_each(|told| out.person(handle, PersonFact::Near(told), -1));
    }

    /// Ends stays that nothing continued, and drops those whose time is over.
    pub(super) fn expire(&mut self, handle: Handle, now: Time, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(mut stays) = self.by_handle.remove(&handle) else { return };
        stays.wakes = 0;
        for stay in stays.stays.iter_mut().filter(|stay| stay.ended.is_none()) {
            let end = stay.last.saturating_add(self.leave_after.0);
            if end <= now {
                (stay.ended, stay.silent) = (Some(end), true);
            }
        }
        self.settle(handle, stays, now, timers, out);
    }

    /// Makes the facts those of the stays as they are, and sets the timer to what comes next.
    fn settle(
        &mut self,
        handle: Handle,
        mut stays: Stays,
        now: Time,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let (keep, leave_after) = (self.keep, self.leave_after.0);
        let over = |stay: &Stay| stay.ended.is_some_and(|ended| end_of(ended, keep) <= now);
        let excess = stays.stays.len().saturating_sub(MOST);
        let mut place = 0;
        stays.stays.retain_mut(|stay| {
            let kept = place >= excess && !over(stay);
            place += 1;
            let same = stay.told.as_ref().is_some_and(|told| told.last.is_some() == stay.ended.is_some());
            if !(kept && same) {
                if let Some(told) = stay.told.take() {
                    out.person(&handle, PersonFact::Near(told), -1);
                }
                if kept {
                    let near = Shared::new(stay.near());
                    out.person(&handle, PersonFact::Near(near.clone()), 1);
                    stay.told = Some(near);
                }
            }
            kept
        });
        let gone = end_of(stays.newest, keep);
        if gone <= now && stays.stays.is_empty() {
            return;
        }
        let next = stays.stays.iter().map(|stay| match stay.ended {
            Some(ended) => end_of(ended, keep),
            None => stay.last.saturating_add(leave_after),
        });
        let next = next.min().unwrap_or(gone);
        // A timer that comes too early looks again; only one that would come too late is moved.
        if stays.wakes == 0 || next < stays.wakes {
            if stays.wakes != 0 {
                timers.update(stays.wakes, Timer::Nearby(handle.clone()), -1);
            }
            stays.wakes = next;
            timers.update(next, Timer::Nearby(handle.clone()), 1);
        }
        self.by_handle.insert(handle, stays);
    }
}

impl Stays {
    /// What a position that counts says of one place.
    fn step(&mut self, location: &LocationId, within: u32, near: bool, seen: &Seen, leave_after: Duration) {
        let now = seen.at.time;
        let here = |stay: &&mut Stay| stay.within == within && stay.location == *location;
        // Silence ends a stay once it is over, wherever the clock was when this came.
        let goes_on = |stay: &&mut Stay| {
            (stay.ended.is_none() || stay.silent) && now <= stay.last.saturating_add(leave_after.0)
        };
        match (self.stays.iter_mut().rev().find(here), near) {
            (Some(stay), true) if goes_on(&stay) => {
                (stay.last, stay.ended, stay.silent) = (now, None, false);
            }
            (Some(stay), false) if goes_on(&stay) => (stay.ended, stay.silent) = (Some(now), false),
            (stay, near) => {
                if let Some(stay) = stay.filter(|stay| stay.ended.is_none()) {
                    stay.ended = Some(stay.last.saturating_add(leave_after.0));
                }
                if near {
                    self.stays.push(Stay {
                        location: location.clone(),
                        within,
                        start: seen.at,
                        event: seen.event.clone(),
                        last: now,
                        ended: None,
                        silent: false,
                        told: None,
                    });
                }
            }
        }
    }
}

impl Stay {
    fn near(&self) -> Near {
        let Stay { location, within, start, event, ended, .. } = self;
        let (location, event) = (location.clone(), event.clone());
        Near { location, within: *within, start: *start, last: ended.map(|_| self.last), event }
    }
}

#[cfg(test)]
mod tests;
