//! The engine around the dataflow: configuration, sources, sinks, HTTP and metrics.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod config;
pub mod metrics;
pub mod progress;
pub mod source;
