//! Which worker has the rows of a key.
//!
//! Invariant: the same for a key in every process and after every restart.

use rustc_hash::FxHasher;
use shopbell_model::key::{Handle, ZoneId};
use std::hash::{Hash, Hasher};

/// The shard of a key; workers share them out by remainder.
pub(crate) fn shard_of<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    // The bits below place a key in the worker's own hash maps: were they those that chose the worker,
    // half of each map would stay empty.
    hasher.finish() >> 24
}

/// The shard of a pair of handles, the lesser one first.
pub(crate) fn shard_of_link(low: &Handle, high: &Handle) -> u64 {
    shard_of(low.key()) ^ shard_of(high.key()).rotate_left(1)
}

/// The shard of what stands in a zone.
pub(crate) fn shard_of_shelf(zone: &ZoneId) -> u64 {
    shard_of(zone.location.key()) ^ shard_of(&zone.zone).rotate_left(1)
}

/// Buckets that shards fall into: what is kept of a key is found by its bucket, and workers share out the
/// buckets by remainder, so that another number of workers finds it too.
pub(crate) const BUCKETS: u64 = 256;

/// The bucket of a shard.
pub(crate) fn bucket_of(shard: u64) -> u8 {
    (shard % BUCKETS) as u8
}
