//! `diff`: the same history under two sets of rules, and what they say differently.
//!
//! Purpose: to see what a change of rules does before anybody gets it. Invariant: what each side says is what `replay`
//! gives; an offer is the same on both sides where its id is. The result is a function of events, rules, configuration
//! and grid. How: two replays at once, their outputs merged by tick. Cost: the work of two replays; some 50 bytes for
//! each offer made, some 150 more for one that differs, and the texts of a few samples a rule.

mod chart;
mod merge;
pub mod page;
mod record;
mod tally;
pub mod tell;

pub use record::{Offer, Term};
pub use tally::{Change, Counts, Sample, Tally};

use crate::replay::{Outcomes, Plan, ReplayError, replay};
use crate::source::{DeadLetters, Decode, Source};
use std::sync::Arc;
use thiserror::Error;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The rules there are.
    Old,
    /// The rules there may be.
    New,
}

/// A pair of values, one of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Under the old rules.
    pub old: T,
    /// Under the new ones.
    pub new: T,
}

impl<T> Both<T> {
    /// That of a side.
    pub fn side(&mut self, side: Side) -> &mut T {
        match side {
            Side::Old => &mut self.old,
            Side::New => &mut self.new,
        }
    }
}

/// What two replays came to.
#[derive(Debug)]
pub struct Difference {
    /// What differs.
    pub tally: Tally,
    /// What each replay counted.
    pub outcomes: Both<Outcomes>,
}

/// Why two replays could not be compared.
#[derive(Debug, Error)]
pub enum DiffError {
    /// A replay failed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A message of the engine is not what it should be.
    #[error("an offer of the engine cannot be read: {0}")]
    Message(#[from] serde_json::Error),
}

/// A plan with the sources to read; each side opens its own.
pub struct Input {
    /// Rules, configuration and grid.
    pub plan: Plan,
    /// Where the events are.
    pub sources: Vec<Box<dyn Source>>,
}

/// Replays both, and compares. `samples` of each kind are kept of a rule; `progress` is told of events of the old side.
pub fn diff(
    old: Input,
    new: Input,
    decoder: &Arc<dyn Decode>,
    samples: usize,
    progress: impl FnMut(u64) + Send,
) -> Result<Difference, DiffError> {
    let mut tally = Tally::new(samples);
    let (old_in, old_out) = merge::lane();
    let (new_in, new_out) = merge::lane();
    let run = |input: Input, lane: merge::Lane, progress: &mut (dyn FnMut(u64) + Send)| {
        // What is refused is counted; both sides read the same.
        let mut dead_letters = DeadLetters::new(None, crate::metrics::Metrics::new());
        let decoder = Arc::clone(decoder);
        replay(input.plan, input.sources, decoder, Box::new(lane), &mut dead_letters, progress)
    };
    let (old, new, merged) = std::thread::scope(|threads| {
        let mut progress = progress;
        let old = threads.spawn(move || run(old, old_in, &mut progress));
        let new = threads.spawn(move || run(new, new_in, &mut |_| {}));
        let merged = merge::merge(old_out, new_out, |tick, both| tally.tick(tick, &both));
        (old.join(), new.join(), merged)
    });
    // A thread that panicked has said so itself.
    let lost = |_| ReplayError::Engine(crate::runtime::EngineError::WorkerLost);
    merged?;
    let outcomes = Both { old: old.map_err(lost)??, new: new.map_err(lost)?? };
    tally.finish();
    Ok(Difference { tally, outcomes })
}

#[cfg(test)]
mod tests;
