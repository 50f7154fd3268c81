//! How what is known of each handle's customer came about.
//!
//! Purpose: the changes that a condition may have come true with, whether or not a rule asks. Invariant: what is
//! kept is a function of the events and the clock: changes that are younger than `[retention] segments`, the newest
//! [`MOST`] of them; all others are one with what was known before. A handle without a row is one of which all is
//! long known: that is what profile and totals say. Cost: some 300 bytes for a handle with one change, whose
//! attributes are those of the profile; nothing once it is old. A change moves the changes of its handle.

use super::history::end_of;
use super::{Changes, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use shopbell_model::facts::{Base, Change, Past, PersonFact};
use shopbell_model::key::Handle;
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};

/// Changes that a handle keeps; beyond that the oldest become one with what was known before.
pub(super) const MOST: usize = 256;

/// What is kept of one handle.
#[derive(Debug)]
struct Kept {
    past: Shared<Past>,
    /// When the timer is set to; 0 for not at all.
    wakes: Time,
}

/// Pasts by handle.
#[derive(Debug)]
pub(super) struct Pasts {
    by_handle: FxHashMap<Handle, Kept>,
    keep: Duration,
    /// Whether a rule asks.
    tells: bool,
}

impl Pasts {
    pub(super) fn new(keep: Duration, tells: bool) -> Self {
        Pasts { by_handle: FxHashMap::default(), keep, tells }
    }

    /// Takes in a change. `before` is what is known of the handle without it, asked for where nothing is kept.
    pub(super) fn change(
        &mut self,
        handle: &Handle,
        change: Change,
        before: impl FnOnce() -> Option<Base>,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let (mut past, wakes) = self.take(handle, out).unwrap_or_else(|| {
            let base = before().map(Box::new);
            (Past { base, changes: Vec::with_capacity(1) }, 0)
        });
        let place = past.changes.partition_point(|known| known.at < change.at);
        past.changes.insert(place, change);
        let beyond = past.changes.len().saturating_sub(MOST);
        past.merge(beyond);
        self.put(handle, past, wakes, timers, out);
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Past> {
        self.by_handle.get(handle).map(|kept| &*kept.past)
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        past: Past,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        self.put(handle, past, 0, timers, out);
    }

    /// Drops all that is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        if let Some((_, wakes)) = self.take(handle, out) {
            timers.update(wakes, Timer::Past(handle.clone()), -1);
        }
    }

    /// Makes changes that came to the end of their time one with what was known before.
    pub(super) fn expire(
        &mut self,
        handle: &Handle,
        now: Time,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let Some((mut past, _)) = self.take(handle, out) else { return };
        let old = past.changes.partition_point(|change| end_of(change.at.time, self.keep) <= now);
        past.merge(old);
        if !past.changes.is_empty() {
            self.put(handle, past, 0, timers, out);
        }
    }

    fn take(&mut self, handle: &Handle, out: &mut Changes) -> Option<(Past, Time)> {
        let Kept { past, wakes } = self.by_handle.remove(handle)?;
        if self.tells {
            out.person(handle, PersonFact::Past(past.clone()), -1);
        }
        Some((past.into_inner(), wakes))
    }

    /// Keeps what is not empty, and sets the timer to the end of its oldest change.
    fn put(
        &mut self,
        handle: &Handle,
        past: Past,
        mut wakes: Time,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let Some(oldest) = past.changes.first() else { return };
        let next = end_of(oldest.at.time, self.keep);
        // A timer that comes too early looks again; only one that would come too late is moved.
        if wakes == 0 || next < wakes {
            if wakes != 0 {
                timers.update(wakes, Timer::Past(handle.clone()), -1);
            }
            wakes = next;
            timers.update(next, Timer::Past(handle.clone()), 1);
        }
        let past = Shared::new(past);
        if self.tells {
            out.person(handle, PersonFact::Past(past.clone()), 1);
        }
        self.by_handle.insert(handle.clone(), Kept { past, wakes });
    }
}
