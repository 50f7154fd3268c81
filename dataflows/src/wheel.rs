//! Rows that wait for their time.
//!
//! Invariant: a row is popped at its due time with the sum of its changes, and never when that sum
//! is zero. Cost: inserting and cancelling touch one hash map, however many rows wait; only the
//! slot of about a second that comes next is kept in order of time.

use rustc_hash::FxHashMap;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::hash::Hash;

/// Bits of a due time within a slot: 1,024 ms.
const SLOT_BITS: u32 = 10;

/// Waiting rows by due time.
#[derive(Debug)]
pub struct Wheel<R> {
    /// Slots ahead of `opened`, unordered within.
    far: BTreeMap<u64, FxHashMap<(Time, R), isize>>,
    /// Due times within opened slots.
    near: BTreeMap<Time, FxHashMap<R, isize>>,
    /// Slots before this one are in `near`.
    opened: u64,
    waiting: usize,
}

impl<R> Default for Wheel<R> {
    fn default() -> Self {
        Wheel { far: BTreeMap::new(), near: BTreeMap::new(), opened: 0, waiting: 0 }
    }
}

impl<R: Hash + Eq + Clone> Wheel<R> {
    /// Adds `diff` to the row that is due at `due`; the row is gone where the sum is zero.
    pub fn update(&mut self, due: Time, row: R, diff: isize) {
        let slot = due >> SLOT_BITS;
        if slot < self.opened {
            let rows = self.near.entry(due).or_default();
            self.waiting = adjust(rows, row, diff, self.waiting);
            if rows.is_empty() {
                self.near.remove(&due);
            }
        } else {
            let rows = self.far.entry(slot).or_default();
            self.waiting = adjust(rows, (due, row), diff, self.waiting);
            if rows.is_empty() {
                self.far.remove(&slot);
            }
        }
    }

    /// The earliest due time of a waiting row.
    pub fn next_due(&mut self) -> Option<Time> {
        while self.near.is_empty() {
            let (slot, rows) = self.far.pop_first()?;
            self.opened = slot + 1;
            for ((due, row), diff) in rows {
                self.near.entry(due).or_default().insert(row, diff);
            }
        }
        self.near.first_key_value().map(|(due, _)| *due)
    }

    /// Takes up to `most` rows of the earliest due time, if that is at or before `now`.
    pub fn pop(&mut self, now: Time, most: usize, into: &mut Vec<(R, isize)>) -> Option<Time> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let rows = self.near.get_mut(&due)?;
        if rows.len() <= most {
            self.waiting -= rows.len();
            into.extend(self.near.remove(&due)?);
        } else {
            let chosen: Vec<R> = rows.keys().take(most).cloned().collect();
            self.waiting -= chosen.len();
            into.extend(chosen.into_iter().filter_map(|row| rows.remove_entry(&row)));
        }
        Some(due)
    }

    /// How many rows wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}

/// Adds to a row's sum and drops it at zero; returns the new number of waiting rows.
fn adjust<K: Hash + Eq>(rows: &mut FxHashMap<K, isize>, key: K, diff: isize, waiting: usize) -> usize {
    use std::collections::hash_map::Entry;
    match rows.entry(key) {
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += diff;
            if *entry.get() == 0 {
                entry.remove();
                return waiting - 1;
            }
            waiting
        }
        Entry::Vacant(entry) => {
            entry.insert(diff);
            waiting + 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(wheel: &mut Wheel<u32>, now: Time, most: usize) -> Vec<(Time, u32, isize)> {
        let mut popped = Vec::new();
        let mut rows = Vec::new();
        while let Some(due) = wheel.pop(now, most, &mut rows) {
            popped.extend(rows.drain(..).map(|(row, diff)| (due, row, diff)));
        }
        popped.sort_unstable();
        popped
    }

    proptest! {
        /// A sorted list of what is left to wait gives the same rows at the same times.
        #[test]
        fn agrees_with_a_sorted_list(
            steps in prop::collection::vec((0u64..20_000, 0u32..8, -1isize..=1, 0u64..3_000), 1..200),
            most in 1usize..4,
        ) {
            let mut wheel = Wheel::default();
            let mut list: BTreeMap<(Time, u32), isize> = BTreeMap::new();
            let mut now = 0;
            for (due, row, diff, pause) in steps {
                if diff != 0 {
                    wheel.update(due, row, diff);
                    *list.entry((due, row)).or_default() += diff;
                    list.retain(|_, diff| *diff != 0);
                }
                prop_assert_eq!(wheel.len(), list.len());
                now += pause;
                let rest = list.split_off(&(now + 1, 0));
                let expected: Vec<_> = list.into_iter().map(|((due, row), diff)| (due, row, diff)).collect();
                list = rest;
                prop_assert_eq!(drain(&mut wheel, now, most), expected);
            }
        }
    }

    #[test]
    fn a_cancelled_row_is_never_seen() {
        let mut wheel = Wheel::default();
        wheel.update(5_000, 1, 1);
        wheel.update(5_000, 1, -1);
        assert!(wheel.is_empty());
        assert_eq!(drain(&mut wheel, 10_000, 8), vec![]);
    }
}
