//! How a journal is kept.

use super::Probe;
use std::sync::Arc;

/// Bounds of a journal. They may change from one opening to the next.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A segment that would grow beyond this many bytes is followed by a new one. One batch of records
    /// is never divided, so a segment can be as large as `waiting_bytes`.
    pub segment_bytes: u64,
    /// Bytes that may wait to be durable before [`append`](super::Journal::append) waits. A single larger
    /// record is taken only while nothing waits.
    pub waiting_bytes: usize,
    /// Bytes of the largest payload; what claims to be larger is damage when it is read.
    pub record_bytes: u32,
    /// Whether the disk is told to keep what was written. Without, an acknowledged record outlives the
    /// process but not the machine: for tests and comparisons only.
    pub sync: bool,
    /// Asked before each change on disk: tests let it fail, count and wait.
    pub probe: Option<Arc<dyn Probe>>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            segment_bytes: 64 << 20,
            waiting_bytes: 8 << 20,
            record_bytes: 16 << 20,
            sync: true,
            probe: None,
        }
    }
}
