//! The graphs: from facts to the one best offer, and its withdrawal.
//!
//! ```text
//! words ── identity ──┬ renamings                                  rules ┐
//!             forgotten └─────────┐                                        │
//! parts ─────────────── fold ┬ persons ─ persons ─┬ interests ─┬─ situations ┴ matching ─ when_due ─┐
//!                            └ subjects ─ inventory ─ surroundings ┘   └─ background ───────────────┤
//!                                                 └ consent, handles ──────────────────────────── decide ── messages
//!                                                                     ledger, by person ────────────┘ │
//!                                                                         ↑                           │
//!                                                                         └──── one tick later ───────┘
//! ```
//!
//! What there is only so much of for everybody (units of a coupon, money of a day) goes round the same loop: what
//! decide asks for, and what the ledger says is held of it, come to allot a tick later, and its answers are grounds
//! of decisions. Where no rule needs any of it that part of the graph is not built.
//!
//! The loop holds as little as can be: while something in it is under way at a tick, nothing in it can
//! go on to the next. `by_key` and `joined` are what `reduce` and `join` are, for our totally ordered
//! times; `matching` is rules ⋈ situations, where an edit is compared before and after, so that only what it changes moves.
//!
//! Answers to offers are counted beside the loop, and what scores see of them comes into matching a period
//! later: see `learning`.
//!
//! Identity stands before the fold: fold and ledger forget the handles of a person whom it names as forgotten,
//! in the tick in which that was asked for.
//!
//! Invariant: every answer is a function of the current facts and the clock; no graph reads a wall
//! clock, does I/O, or depends on the order of a hash map. Built alike on every worker.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod allot;
mod by_key;
pub mod clock;
mod counted;
mod courses;
pub mod decide;
pub mod demand;
pub mod explain;
pub mod fold;
mod gather;
pub mod identity;
pub mod in_force;
pub mod interests;
pub mod inventory;
mod joined;
pub mod kept;
mod lapses;
pub mod learning;
mod ledger;
pub mod matching;
mod offers;
pub mod persons;
pub mod presence;
pub mod rows;
#[cfg(test)]
mod samples;
mod seen;
pub mod shadow;
mod shards;
pub mod situations;
mod ticks;
pub mod wheel;
pub mod when_due;

pub use offers::{Outside, Report, Settings, offers};
