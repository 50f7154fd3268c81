//! Tests on public data, and references that tell what should come of it.
//!
//! The data lies beside the repository in `../shared/data` (or where `SHOPBELL_DATA` points) and is
//! never part of it. Where a set is absent its tests say so by name and pass.

mod engine;
mod imports;
pub(crate) mod reference;

use std::path::PathBuf;

#[allow(clippy::print_stderr, reason = "a test has no other way to say that it was skipped")]
/// The folder of a public set, or `None` after saying that `test` is skipped.
pub(crate) fn folder(test: &str, set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SHOPBELL_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = root.join(set);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {test} (no {set} in {})", root.display());
    None
}
