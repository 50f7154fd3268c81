//! Changes that wait until their tick is complete.
//!
//! Invariant: a tick's changes come out once, all together, in order of ticks. Nothing is held for
//! ticks without any: an operator with it may stand in a loop, where one that held its frontier would
//! let time advance by a millisecond a round.

use shopbell_model::time::Time;
use std::collections::BTreeMap;
use timely::dataflow::operators::Capability;

/// What came for ticks that are not complete yet, with the right to answer in them.
#[derive(Debug)]
pub(crate) struct Ticks<C> {
    waiting: BTreeMap<Time, (Vec<C>, Capability<Time>)>,
}

impl<C> Default for Ticks<C> {
    fn default() -> Self {
        Ticks { waiting: BTreeMap::new() }
    }
}

impl<C> Ticks<C> {
    /// Notes what came for a tick; `capability` is asked for once a tick.
    pub(crate) fn note(&mut self, tick: Time, change: C, capability: impl FnOnce() -> Capability<Time>) {
        self.waiting.entry(tick).or_insert_with(|| (Vec::new(), capability())).0.push(change);
    }

    /// The earliest complete tick. At the empty frontier the job ends: what is not complete by then
    /// never will be, and is dropped.
    pub(crate) fn next(
        &mut self,
        frontier: Option<Time>,
    ) -> Option<(Time, Vec<C>, Capability<Time>)> {
        let Some(frontier) = frontier else {
            self.waiting.clear();
            return None;
        };
        let entry = self.waiting.first_entry().filter(|entry| *entry.key() < frontier)?;
        let (tick, (changes, capability)) = entry.remove_entry();
        Some((tick, changes, capability))
    }
}
