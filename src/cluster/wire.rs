//! What head and members say to each other over a link.
//!
//! Invariant: both ends run the same version, which they make sure of before a life begins; so the encoding may change
//! with any version. Cost: what a copy of the content costs.

use crate::runtime::Batch;
use serde::{Deserialize, Serialize};
use shopbell_dataflows::demand::Demand;
use shopbell_dataflows::explain::Question;
use shopbell_model::time::Time;

/// What a member needs to know of a life of the dataflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The generation of the job.
    pub generation: u64,
    /// Which life of the dataflow in it.
    pub life: u64,
    /// Worker threads of each process.
    pub workers: usize,
    /// Milliseconds between ticks.
    pub grid: u64,
    /// Batches of ticks that may be unfinished.
    pub unfinished: usize,
    /// What the rules ask for.
    pub demand: Demand,
    /// Stands for all settings that both must have.
    pub settings: String,
    /// Whether rows are to be kept.
    pub keep: bool,
    /// The tick of what is restored.
    pub restored_at: Time,
}

/// A row of a checkpoint: key and value, as they are stored.
pub type RestoredRow = (Vec<u8>, Vec<u8>);

/// From the head to a member.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToMember {
    /// A life begins; what is restored comes next.
    Begin(Begin),
    /// Rows for a worker, by its number among all.
    Restored(usize, Vec<RestoredRow>),
    /// That was all: begin.
    Start,
    /// The share of each worker of that member.
    Batches(Vec<Batch>),
    /// A question to the member's workers, and its number.
    Ask(u64, Question),
    /// Nothing that is due later than this fires.
    StopAt(Time),
    /// The life ends.
    End,
    /// The job ends in good order.
    Bye,
}

/// How the workers of a member are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// Numbers of each of them.
    pub workers: Vec<WorkerPulse>,
}

/// How a worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerPulse {
    /// What the fold could not use: unknown beacons, readings too late, facts dropped.
    pub folded: [u64; 3],
    /// What identity stops: shared handles, links beyond the cap.
    pub identified: [usize; 2],
    /// Rows that wait for their time.
    pub waiting: usize,
    /// When the next of them is due.
    pub next: Option<Time>,
    /// How often in a row it had nothing to do.
    pub quiet: u64,
}

/// A row that is to be kept: bucket, key, value.
pub type KeptRow = (u8, Vec<u8>, Option<Vec<u8>>);

/// From a member to the head.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToHead {
    /// Its workers are there.
    Ready,
    /// Numbers of its workers.
    Pulse(Pulse),
    /// Rows that a worker keeps as of a tick, and whether these are the last of them.
    Kept {
        /// Which worker, among all.
        worker: usize,
        /// As of which tick.
        tick: Time,
        /// Some of the rows.
        rows: Vec<KeptRow>,
        /// Whether there are no more.
        last: bool,
    },
    /// What its workers say of the question of that number: an `Option<Reply>` in JSON.
    Answer(u64, Vec<u8>),
    /// Its workers have ended as they were told.
    Ended,
    /// It was told to stop by whoever runs it.
    Leaving,
    /// It cannot go on.
    Failed(String),
}
