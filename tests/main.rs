//! Integration tests: one binary, so that the engine is linked once; one folder a subject.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]
#![cfg_attr(test, allow(clippy::print_stdout, reason = "figures of real data, for `--nocapture`"))]

mod cluster;
mod commands;
mod diff;
mod http;
mod job;
mod kafka;
mod oracle;
mod real_data;
mod recovery;
mod shipped;
mod webhooks;
