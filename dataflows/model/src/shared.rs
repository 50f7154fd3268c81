//! A value that many rows share.
//!
//! Invariant: equality is that of the value. The order is total and the same everywhere, but not that
//! of the value: it is that of a hash taken once, so that sorting rows seldom looks at the value.
//! Cost: a clone is a counter, a row carries sixteen bytes, a comparison mostly one of two numbers.

use rustc_hash::FxHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A shared, immutable value.
#[derive(Debug)]
pub struct Shared<T> {
    /// Beside the pointer, so that most comparisons follow none.
    hash: u64,
    value: Arc<T>,
}

impl<T: Hash> Shared<T> {
    /// Shares `value`.
    pub fn new(value: T) -> Self {
        // Seedless: the order of rows must be that of every other process and of the next start.
        let mut hasher = FxHasher::default();
        value.hash(&mut hasher);
        Shared { hash: hasher.finish(), value: Arc::new(value) }
    }
}

impl<T: Clone> Shared<T> {
    /// The value, copied where others share it.
    pub fn into_inner(self) -> T {
        Arc::unwrap_or_clone(self.value)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared { hash: self.hash, value: Arc::clone(&self.value) }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
    }
}
impl<T: Eq> Eq for Shared<T> {}
impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.hash.cmp(&other.hash).then_with(|| match Arc::ptr_eq(&self.value, &other.value) {
            true => Ordering::Equal,
            false => self.value.cmp(&other.value),
        })
    }
}
impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}
impl<'de, T: Deserialize<'de> + Hash> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Shared::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_values_are_equal_and_the_order_is_total(a: Vec<u8>, b: Vec<u8>) {
            let (x, y) = (Shared::new(a.clone()), Shared::new(b.clone()));
            prop_assert_eq!(a == b, x == y);
            prop_assert_eq!(a == b, x.cmp(&y) == Ordering::Equal);
            prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
        }
    }
}
