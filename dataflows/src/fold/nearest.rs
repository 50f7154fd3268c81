//! Which shop somebody is nearest to, by the newest position.
//!
//! Invariant: of each handle the newest position is known and the shop nearest to it, as the catalogue has places now;
//! since when that is so is the position that the handle had when it became so. A handle that stays where it is, however
//! often it says so, changes nothing.
//! Cost: a comparison for each place, by latitude alone for most; where a place moves, one for each handle that has a
//! position. Nothing where no rule asks.

use super::history::end_of;
use super::nearby::{Places, Seen};
use super::{Changes, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::event::Position;
use shopbell_model::facts::{Moment, Nearest, PersonFact};
use shopbell_model::key::{Handle, LocationId};
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};

/// What is kept of one handle.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Whereabouts {
    position: Position,
    at: Moment,
    told: Option<Shared<Nearest>>,
    /// When the timer is set to; 0 for not at all.
    #[serde(skip)]
    wakes: Time,
}

/// Positions by handle.
#[derive(Debug)]
pub(super) struct AllNearest {
    by_handle: FxHashMap<Handle, Whereabouts>,
    keep: Duration,
    /// Whether a rule asks.
    asked: bool,
}

impl AllNearest {
    pub(super) fn new(keep: Duration, asked: bool) -> Self {
        AllNearest { by_handle: FxHashMap::default(), keep, asked }
    }

    /// Takes in a position. One from before the newest of its handle changes nothing; false is returned for it.
    pub(super) fn see(
        &mut self,
        handle: &Handle,
        seen: &Seen,
        places: &Places,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) -> bool {
        if !self.asked {
            return true;
        }
        let (position, at) = (seen.position, seen.at);
        if let Some(known) = self.by_handle.get_mut(handle) {
            if at.time < known.at.time {
                return false;
            }
            (known.position, known.at) = (position, at);
        } else {
            self.by_handle.insert(handle.clone(), Whereabouts { position, at, told: None, wakes: 0 });
        }
        let nearest = places.nearest(&handle.brand(), position).cloned();
        self.tell(handle, nearest, out);
        self.wake(handle, timers);
        true
    }

    /// Handles that another place is nearest to now that this one was put, moved or taken out, and which.
    pub(super) fn moved(&self, place: &LocationId, places: &Places) -> Vec<(Handle, Option<LocationId>)> {
        let brand = place.brand();
        let changed = self.by_handle.iter().filter(|(handle, _)| handle.brand() == brand);
        let changed = changed.filter_map(|(handle, known)| {
            let told = known.told.as_ref().map(|told| &told.location);
            let nearest = match told {
                Some(told) if told != place => places.nearer(told, place, known.position),
                _ => places.nearest(&brand, known.position),
            };
            (nearest != told).then(|| (handle.clone(), nearest.cloned()))
        });
        changed.collect()
    }

    /// Makes the fact of a handle that of the place nearest to it.
    pub(super) fn tell(&mut self, handle: &Handle, nearest: Option<LocationId>, out: &mut Changes) {
        let Some(known) = self.by_handle.get_mut(handle) else { return };
        if known.told.as_ref().map(|told| &told.location) == nearest.as_ref() {
            return;
        }
        if let Some(before) = known.told.take() {
            out.person(handle, PersonFact::Nearest(before), -1);
        }
        if let Some(location) = nearest {
            let nearest = Shared::new(Nearest { location, since: known.at });
            out.person(handle, PersonFact::Nearest(nearest.clone()), 1);
            known.told = Some(nearest);
        }
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Whereabouts> {
        self.by_handle.get(handle)
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        known: Whereabouts,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        if let Some(told) = &known.told {
            out.person(handle, PersonFact::Nearest(told.clone()), 1);
        }
        self.by_handle.insert(handle.clone(), known);
        self.wake(handle, timers);
    }

    /// Drops what is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(known) = self.by_handle.remove(handle) else { return };
        if known.wakes != 0 {
            timers.update(known.wakes, Timer::Nearest(handle.clone()), -1);
        }
        if let Some(told) = known.told {
            out.person(handle, PersonFact::Nearest(told), -1);
        }
    }

    /// Drops a position that is too old.
    pub(super) fn expire(
        &mut self,
        handle: &Handle,
        now: Time,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let Some(known) = self.by_handle.get_mut(handle) else { return };
        known.wakes = 0;
        if end_of(known.at.time, self.keep) <= now {
            self.forget(handle, timers, out);
        } else {
            self.wake(handle, timers);
        }
    }

    /// Sets the timer, where there is none. One that comes too early looks again.
    fn wake(&mut self, handle: &Handle, timers: &mut Wheel<Timer>) {
        let Some(known) = self.by_handle.get_mut(handle).filter(|known| known.wakes == 0) else { return };
        known.wakes = end_of(known.at.time, self.keep);
        timers.update(known.wakes, Timer::Nearest(handle.clone()), 1);
    }
}

#[cfg(test)]
mod tests;
