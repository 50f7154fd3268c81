//! When somebody did anything at all, in as few rows as the rules can tell apart.
//!
//! Purpose: a person's pauses. Activity is kept in stretches: what follows within [`LEAST_PAUSE`] belongs to
//! the same one. To the graphs go stretches between pauses as long as the shortest that a rule asks for, the
//! last of them without its end until that pause has passed: of all that is done in between nothing is told.
//! Invariant: what is told is a function of the stretches, of that shortest pause and of whether the
//! last one was over; a rule that asks for a pause finds its beginning among their ends.
//! Cost: two numbers moved for what continues the newest stretch; a handle keeps at most [`MOST`].

use super::history::end_of;
use super::{Changes, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::event::{Act, PushOutcome};
use shopbell_model::facts::{Active, Moment, PersonFact};
use shopbell_model::key::{EventRef, Handle};
use shopbell_model::rules::LEAST_PAUSE;
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};

/// Stretches that a handle keeps; beyond that the shortest pauses are forgotten.
const MOST: usize = 64;

/// Whether the person did that itself.
pub(super) fn is_own(act: &Act) -> bool {
    match act {
        Act::View(_)
        | Act::AddToCart(_)
        | Act::RemoveFromCart(_)
        | Act::AddToWishlist(_)
        | Act::RemoveFromWishlist(_)
        | Act::BeginCheckout(_)
        | Act::Purchase(_)
        | Act::Refund(_)
        | Act::Search(_)
        | Act::Login(_)
        | Act::Enter(_)
        | Act::Leave(_)
        | Act::CheckIn(_)
        | Act::TryItem(..)
        | Act::Assist(..)
        | Act::Reading(..)
        | Act::Rfid { .. }
        | Act::Geo(..)
        | Act::Push(PushOutcome::Opened | PushOutcome::Clicked | PushOutcome::Redeemed, _) => true,
        Act::OfferRequest { .. }
        | Act::OfferDecision { .. }
        | Act::Profile(_)
        | Act::Link(_)
        | Act::Unlink(_)
        | Act::Consent { .. }
        | Act::Forget
        | Act::Push(PushOutcome::Delivered | PushOutcome::Failed, _) => false,
    }
}

/// Activity without a pause longer than [`LEAST_PAUSE`].
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stretch {
    first: Time,
    last: Moment,
    event: EventRef,
}

/// What is kept of one handle.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Activity {
    /// By time.
    stretches: Vec<Stretch>,
    /// Whether the last of them may go on.
    open: bool,
    /// The facts that stand for them.
    #[serde(skip)]
    told: Vec<Shared<Active>>,
    /// When the timer is set to; 0 for not at all.
    #[serde(skip)]
    wakes: Time,
}

/// Activity by handle.
#[derive(Debug)]
pub(super) struct Activities {
    by_handle: FxHashMap<Handle, Activity>,
    /// The shortest pause that a rule asks for, if one does.
    pause: Option<Duration>,
    keep: Duration,
}

impl Activities {
    pub(super) fn new(pause: Option<Duration>, keep: Duration) -> Self {
        Activities { by_handle: FxHashMap::default(), pause, keep }
    }

    /// Takes in that the person did something.
    pub(super) fn act(
        &mut self,
        handle: &Handle,
        at: Moment,
        event: &EventRef,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let Some(known) = self.by_handle.get_mut(handle) else {
            let mut activity = Activity::default();
            activity.put(at, event);
            self.tell(handle, activity, timers, out);
            return;
        };
        let goes_on = |last: &&mut Stretch| {
            last.last.time <= at.time && at.time <= last.last.time.saturating_add(LEAST_PAUSE.0)
        };
        match known.stretches.last_mut().filter(goes_on) {
            Some(last) if known.open => {
                if last.last.time < at.time {
                    (last.last, last.event) = (at, event.clone());
                }
            }
            _ => {
                let mut activity = std::mem::take(known);
                activity.put(at, event);
                self.tell(handle, activity, timers, out);
            }
        }
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Activity> {
        self.by_handle.get(handle)
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        activity: Activity,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        self.tell(handle, activity, timers, out);
    }

    /// Drops all that is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(activity) = self.by_handle.remove(handle) else { return };
        if activity.wakes != 0 {
            timers.update(activity.wakes, Timer::Activity(handle.clone()), -1);
        }
        activity.told.into_iter().for_each(|told| out.person(handle, PersonFact::Active(told), -1));
    }

    /// Ends the stretch that nothing continued, and drops those whose time is over.
    pub(super) fn expire(&mut self, handle: Handle, now: Time, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(mut activity) = self.by_handle.remove(&handle) else { return };
        activity.wakes = 0;
        activity.stretches.retain(|stretch| end_of(stretch.last.time, self.keep) > now);
        let over =
            |last: &Stretch| self.pause.is_some_and(|pause| last.last.time.saturating_add(pause.0) <= now);
        activity.open &= !activity.stretches.last().is_none_or(over);
        self.tell(&handle, activity, timers, out);
    }

    /// Makes the facts those of the stretches as they are now, and sets the timer to what comes next.
    fn tell(
        &mut self,
        handle: &Handle,
        mut activity: Activity,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let told = self.pause.map_or_else(Vec::new, |pause| activity.between(pause));
        activity.told.retain(|known| {
            let kept = told.contains(known);
            if !kept {
                out.person(handle, PersonFact::Active(known.clone()), -1);
            }
            kept
        });
        for active in told {
            if !activity.told.iter().any(|known| **known == active) {
                let active = Shared::new(active);
                out.person(handle, PersonFact::Active(active.clone()), 1);
                activity.told.push(active);
            }
        }
        let Some(oldest) = activity.stretches.first() else { return };
        let kept = end_of(oldest.last.time, self.keep);
        let last = activity.stretches.last().filter(|_| activity.open);
        let ends = last.zip(self.pause).map(|(last, pause)| last.last.time.saturating_add(pause.0));
        let next = ends.map_or(kept, |ends| ends.min(kept));
        // A timer that comes too early looks again; only one that would come too late is moved.
        if activity.wakes == 0 || next < activity.wakes {
            if activity.wakes != 0 {
                timers.update(activity.wakes, Timer::Activity(handle.clone()), -1);
            }
            activity.wakes = next;
            timers.update(next, Timer::Activity(handle.clone()), 1);
        }
        self.by_handle.insert(handle.clone(), activity);
    }
}

impl Activity {
    /// Puts something done in its place.
    fn put(&mut self, at: Moment, event: &EventRef) {
        let place = self.stretches.partition_point(|known| known.last.time < at.time);
        let newest = self.stretches.last().is_none_or(|last| last.last.time < at.time);
        let within = self.stretches.get(place).is_some_and(|known| known.first <= at.time);
        if !within {
            self.stretches.insert(place, Stretch { first: at.time, last: at, event: event.clone() });
        }
        self.open |= newest;
        self.stretches.dedup_by(|next, known| {
            let joins = next.first <= known.last.time.saturating_add(LEAST_PAUSE.0);
            if joins {
                (known.last, known.event) = (next.last, next.event.clone());
            }
            joins
        });
        if self.stretches.len() > MOST {
            let pauses = self.stretches.windows(2).map(|pair| match pair {
                [known, next] => next.first - known.last.time,
                _ => Time::MAX,
            });
            if let Some((shortest, _)) = pauses.enumerate().min_by_key(|(_, pause)| *pause) {
                let known = self.stretches.remove(shortest);
                if let Some(next) = self.stretches.get_mut(shortest) {
                    next.first = known.first;
                }
            }
        }
    }

    /// Stretches between pauses longer than `pause`, which is [`LEAST_PAUSE`] or longer.
    fn between(&self, pause: Duration) -> Vec<Active> {
        let mut found: Vec<Active> = Vec::new();
        for stretch in &self.stretches {
            let end = Some((stretch.last, stretch.event.clone()));
            let joins = |known: &&mut Active| {
                known
                    .last
                    .as_ref()
                    .is_some_and(|(last, _)| stretch.first <= last.time.saturating_add(pause.0))
            };
            match found.last_mut().filter(joins) {
                Some(known) => known.last = end,
                None => found.push(Active { first: stretch.first, last: end }),
            }
        }
        if let Some(last) = found.last_mut().filter(|_| self.open) {
            last.last = None;
        }
        found
    }
}

#[cfg(test)]
mod tests;
