//! What is shipped: every file under `config/` is loaded, every key and field of rules has an example, the tests in rule files hold, and the
//! demo tells the story it promises.
//!
//! A file that nobody loads rots: a new one must be given its place in `every_file_is_loaded`. The demo's
//! offers are written down here, so that a change of rules, events or engine that changes the story is
//! seen.

mod demo;
mod deploy;
mod explain;
mod files;
mod guide;
mod proofs;
