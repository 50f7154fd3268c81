//! What the measurements need: a seeded mall that produces events.
//!
//! The library is light (no dependency at all), so that the engine's own command can use it; the
//! load generator beside it is a binary behind the feature `load`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod generator;
#[cfg(feature = "load")]
pub mod measure;
pub mod rfc3339;
