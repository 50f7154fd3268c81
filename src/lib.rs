//! The engine around the dataflow: configuration, sources, sinks, HTTP, metrics and commands.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod checkpoint;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod diff;
mod durable;
pub mod explain;
pub mod http;
pub mod import;
pub mod intake;
pub mod journal;
pub mod kafka;
pub mod metrics;
pub mod output;
pub mod progress;
pub mod prove;
pub mod reload;
pub mod replay;
pub mod rule_files;
pub mod run;
pub mod runtime;
pub mod same_file;
pub mod sink;
pub mod source;
pub mod stored;

/// The wall clock, in milliseconds since 1970. Read at the edge and handed in.
pub fn wall_clock() -> shopbell_model::time::Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
