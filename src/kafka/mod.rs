//! Kafka at both ends: topics of events, a topic of offers.
//!
//! Invariant: what was read is known by the journal alone (no consumer group, no offsets kept by brokers), and what
//! was written by a progress record in the transaction of the offers themselves; so neither end can disagree with
//! the state. A topic that is not what it was (truncated, made anew, compacted) ends the job by name: nothing is
//! passed over. Cost: librdkafka's threads; one of ours that reads and decodes.

mod at_least_once;
mod client;
mod error;
mod exactly_once;
mod lane;
mod letters;
mod positions;
mod progress;
mod reader;
mod record;
mod transaction;

pub use at_least_once::AtLeastOnce;
pub use client::Remote;
pub use error::Error;
pub use exactly_once::{ExactlyOnce, KAFKA};
pub use letters::Letters;
pub use reader::{Input, Reader, Running};

use std::sync::Arc;
use std::time::Duration;

/// How long a start waits for a broker.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a job that is told to stop waits for a broker that is away.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// One request to a broker.
const REQUEST: Duration = Duration::from_secs(5);

/// What a part of the job needs to know of the job.
#[derive(Clone)]
pub struct Surroundings {
    /// Whether the job is to finish.
    pub stopping: Arc<dyn Fn() -> bool + Send + Sync>,
    /// A moment at which a test may want a fault.
    pub fault: Arc<dyn Fn(&'static str) -> std::io::Result<()> + Send + Sync>,
    /// Whether a test wants a promise switched off, to see that others would notice.
    pub loses: Arc<dyn Fn(&'static str) -> bool + Send + Sync>,
    /// Numbers for whoever looks.
    pub metrics: crate::metrics::Metrics,
}
