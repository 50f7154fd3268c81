//! The engine around the dataflow: configuration, sources, sinks, HTTP, metrics and commands.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod config;
pub mod import;
pub mod metrics;
pub mod progress;
pub mod sink;
pub mod source;
