//! Integration tests: one binary, so that the engine is linked once.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod real_data;
