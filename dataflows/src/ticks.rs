//! Changes that wait until their tick is complete.
//!
//! Invariant: a tick's changes come out once, all together, in order of ticks. One capability is held,
//! for the earliest tick that has changes, and none without: an operator with it may stand in a loop,
//! where one that held its frontier would let time advance by a millisecond a round. What is said of
//! several complete ticks goes out under the capability of the first: rows carry their own times, and
//! a message for each tick on each edge would cost more in progress traffic than the rows themselves.

use shopbell_model::time::Time;
use std::collections::BTreeMap;
use timely::dataflow::operators::Capability;

/// What came for ticks that are not complete yet, with the right to answer in them.
#[derive(Debug)]
pub(crate) struct Ticks<C> {
    waiting: BTreeMap<Time, Vec<C>>,
    held: Option<Capability<Time>>,
}

/// The right to answer in some complete ticks, and what came for each.
type Complete<C> = (Capability<Time>, BTreeMap<Time, Vec<C>>);

impl<C> Default for Ticks<C> {
    fn default() -> Self {
        Ticks { waiting: BTreeMap::new(), held: None }
    }
}

impl<C> Ticks<C> {
    /// Notes what came for a tick; `capability` gives the right to answer in it, where it is asked for.
    pub(crate) fn note(&mut self, tick: Time, change: C, capability: impl FnOnce() -> Capability<Time>) {
        self.waiting.entry(tick).or_default().push(change);
        if self.held.as_ref().is_none_or(|held| tick < *held.time()) {
            self.held = Some(capability());
        }
    }

    /// All complete ticks, in order, with the right to answer in them. At the empty frontier the job
    /// ends: what is not complete by then never will be, and is dropped.
    pub(crate) fn complete(&mut self, frontier: Option<Time>) -> Option<Complete<C>> {
        let Some(frontier) = frontier else {
            self.waiting.clear();
            self.held = None;
            return None;
        };
        let later = self.waiting.split_off(&frontier);
        let complete = std::mem::replace(&mut self.waiting, later);
        if complete.is_empty() {
            return None;
        }
        let first = self.held.take()?;
        self.held = self.waiting.first_key_value().map(|(tick, _)| first.delayed(tick));
        Some((first, complete))
    }
}
