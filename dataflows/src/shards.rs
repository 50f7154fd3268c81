//! Which worker has the rows of a key.
//!
//! Invariant: the same for a key in every process and after every restart.

use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// The shard of a key; workers share them out by remainder.
pub(crate) fn shard_of<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    // The bits below place a key in the worker's own hash maps: were they those that chose the worker,
    // half of each map would stay empty.
    hasher.finish() >> 24
}
