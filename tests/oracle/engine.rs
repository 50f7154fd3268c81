//! The engine as the oracle sees it: JSON lines in, CloudEvents lines out. Nothing else of the engine
//! is known in this folder.

use super::event::Time;

/// What the engine is asked to replay.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// JSON lines in the order of the log.
    pub(crate) events: Vec<String>,
    /// File name and text.
    pub(crate) rules: Vec<(String, String)>,
    /// TOML text.
    pub(crate) config: String,
    pub(crate) workers: usize,
    pub(crate) tick_ms: Time,
    pub(crate) until: Option<Time>,
}

/// Something that answers a job with `offer.made` and `offer.withdrawn` lines.
pub(crate) trait Engine {
    /// The lines in order, or what went wrong.
    fn replay(&self, job: &Job) -> Result<Vec<String>, String>;
}

/// The engine under test.
pub(crate) struct Shopbell;

impl Engine for Shopbell {
    fn replay(&self, job: &Job) -> Result<Vec<String>, String> {
        shopbell::replay::in_memory(&shopbell::replay::InMemory {
            events: job.events.clone(),
            rules: job.rules.clone(),
            config: job.config.clone(),
            workers: job.workers,
            tick_ms: job.tick_ms,
            until: job.until,
        })
    }
}
