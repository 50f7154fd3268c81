//! The oracle: the whole engine computed again, naively, from the complete list of events.
//!
//! Written from `docs/semantics.md` and the contract alone; it shares no code with the engine. Kinds of
//! test held here:
//! - `directed`: short scripts with offers written down by hand. They pin the semantics, and are put
//!   both to the oracle and to the engine.
//! - `random`: generated scripts; engine and oracle must agree, with 1, 2 and 4 workers. A script that
//!   does not agree is made small before it is printed.
//! - `restart`: the same scripts by engines that are stopped on the way, each going on with what the last kept.
//! - `ledger`: reasons that last longer than what was said is remembered;
//! - `customers`: fields of customers that follow from what they did, over weeks;
//! - `retention`: what falls out of what is kept, while events come late on both sides of it;
//! - `explained`: on the same scripts, what the engine tells of persons and offers is what it did;
//! - `checks`: the oracle against itself (ticks that do not matter, order of arrival) and the tools of
//!   this folder (a faulty engine is found, scripts reach every situation and reason).
//!
//! `script` says in what shorthand scripts are written; `engine` is the only place that knows the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod checks;
mod compare;
mod config;
mod customers;
mod decide;
mod directed;
mod edits;
mod engine;
mod event;
mod explained;
mod forget;
mod generate;
mod interest;
mod kept;
mod learning;
mod ledger;
mod nearby;
mod persons;
mod policies;
mod pools;
mod presence;
mod random;
mod replay;
mod restart;
mod retention;
mod rule_sets;
mod rules;
mod script;
mod situations;
mod stock;
mod withdraw;
mod world;
