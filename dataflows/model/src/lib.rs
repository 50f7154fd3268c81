//! The model: ids, events, facts, rules, policy and offers, as data and total functions.
//!
//! Invariant: nothing here knows a dataflow, a thread, a clock or I/O; the same input always gives
//! the same value. Everything that crosses workers is ordered, hashed and serialisable.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod event;
pub mod facts;
pub mod key;
pub mod learning;
pub mod local_time;
pub mod offer;
pub mod policy;
pub mod pool;
pub mod rules;
pub mod settings;
pub mod shared;
pub mod time;
pub mod value;
pub mod view;
