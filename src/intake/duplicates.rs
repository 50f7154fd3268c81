//! Second copies of events.
//!
//! Invariant: of events with the same brand, source and id within the retention, only the first
//! counts. Kept as 128-bit fingerprints in two generations: memory is that of one to two retentions.
//! Cost: two look-ups an event. Spread over many small tables, because one of four million entries takes
//! a third of a second to grow, and everything waits for it.

use rustc_hash::{FxHashSet, FxHasher};
use shopbell_model::event::Event;
use shopbell_model::key::{Brand, EventRef};
use shopbell_model::time::{Duration, Time};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What stands for an event's identity. Two different events share one with a chance of 2⁻¹²⁸, as
/// far as nobody looks for such a pair.
pub fn fingerprint(event: &Event) -> u128 {
    fingerprint_of(&event.brand, &event.reference)
}

/// The same from the parts that make it.
pub fn fingerprint_of(brand: &Brand, reference: &EventRef) -> u128 {
    let key = (brand, reference);
    // SipHash with fixed keys, so that a restart finds the same; and a second, unrelated one.
    let mut strong = DefaultHasher::new();
    let mut fast = FxHasher::default();
    key.hash(&mut strong);
    key.hash(&mut fast);
    u128::from(strong.finish()) << 64 | u128::from(fast.finish())
}

/// Tables a generation is spread over: one for each value of a fingerprint's highest byte.
const TABLES: usize = 256;

/// Fingerprints of one generation.
#[derive(Debug)]
struct Generation(Box<[FxHashSet<u128>]>);

impl Generation {
    fn new() -> Self {
        Generation((0..TABLES).map(|_| FxHashSet::default()).collect())
    }

    fn table(&mut self, fingerprint: u128) -> Option<&mut FxHashSet<u128>> {
        self.0.get_mut((fingerprint >> 120) as usize)
    }

    fn has(&mut self, fingerprint: u128) -> bool {
        self.table(fingerprint).is_some_and(|table| table.contains(&fingerprint))
    }

    fn insert(&mut self, fingerprint: u128) -> bool {
        self.table(fingerprint).is_some_and(|table| table.insert(fingerprint))
    }
}

/// Fingerprints of events that were taken in.
#[derive(Debug)]
pub struct Duplicates {
    retention: Duration,
    young: Generation,
    old: Generation,
    /// When the young become the old.
    turns: Time,
    /// How often they did.
    generation: u64,
}

impl Duplicates {
    /// Remembers each event for at least `retention`, by the clock.
    pub fn new(retention: Duration) -> Self {
        Duplicates { retention, young: Generation::new(), old: Generation::new(), turns: 0, generation: 0 }
    }

    /// The generation that new events belong to, and when the next one begins.
    pub fn generation(&self) -> (u64, Time) {
        (self.generation, self.turns)
    }

    /// Goes on where others stopped.
    pub fn restore(&mut self, generation: u64, turns: Time) {
        (self.generation, self.turns) = (generation, turns);
    }

    /// Remembers an event of that generation again, where it is still to be.
    pub fn restore_copy(&mut self, fingerprint: u128, generation: u64) {
        if generation == self.generation {
            self.young.insert(fingerprint);
        } else if generation.saturating_add(1) == self.generation {
            self.old.insert(fingerprint);
        }
    }

    /// Whether the event is new; if so, it is remembered.
    pub fn is_new(&mut self, fingerprint: u128, now: Time) -> bool {
        if now >= self.turns {
            let forgotten = now >= self.turns.saturating_add(self.retention.0);
            self.old = std::mem::replace(&mut self.young, Generation::new());
            if forgotten {
                self.old = Generation::new();
            }
            self.turns = now.saturating_add(self.retention.0);
            self.generation += 1;
        }
        !self.old.has(fingerprint) && self.young.insert(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_known_for_the_retention_and_forgotten_after_two() {
        let mut seen = Duplicates::new(Duration(100));
        assert!(seen.is_new(1, 1000));
        assert!(!seen.is_new(1, 1050));
        assert!(!seen.is_new(1, 1100));
        assert!(!seen.is_new(1, 1199));
        assert!(seen.is_new(1, 1400));
    }

    #[test]
    fn who_goes_on_remembers_both_generations() {
        let mut seen = Duplicates::new(Duration(100));
        let mut kept = Vec::new();
        for (fingerprint, now) in [(1, 1000), (2, 1150), (3, 1260)] {
            assert!(seen.is_new(fingerprint, now));
            kept.push((fingerprint, seen.generation().0));
        }
        let mut next = Duplicates::new(Duration(100));
        let (generation, turns) = seen.generation();
        next.restore(generation, turns);
        kept.into_iter().for_each(|(fingerprint, generation)| next.restore_copy(fingerprint, generation));
        for duplicates in [&mut seen, &mut next] {
            let new = [1, 2, 3].map(|fingerprint| duplicates.is_new(fingerprint, 1270));
            assert_eq!(new, [true, false, false]);
        }
    }
}
