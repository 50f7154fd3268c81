//! Workers of other processes, as the engine on the head sees them.
//!
//! Invariant: what a member's workers are given they get in the order in which it is given, as those here do; what
//! they keep and how they are is found where the workers here put it. Cost: a copy of the events' parts as bytes.

use super::board::Board;
use super::questions::Elsewhere;
use super::worker::Batch;
use super::{EngineError, KeptRows};
use crate::checkpoint::Row;
use crate::cluster::{Link, ToHead, ToMember};
use crossbeam_channel::{Receiver, Sender, unbounded};
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long members may take to build their graphs, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// All members of a life.
pub(super) struct Members {
    links: Vec<Link>,
    /// Worker threads of each process.
    threads: usize,
    ready: Receiver<usize>,
    ended: Receiver<usize>,
}

impl Members {
    /// Listens to what members say, on a thread of its own, until the life is over.
    pub(super) fn start(
        links: Vec<Link>,
        said: Receiver<(usize, ToHead)>,
        threads: usize,
        board: Arc<Board>,
        keep: Option<Sender<KeptRows>>,
        elsewhere: Elsewhere,
    ) -> Result<Members, EngineError> {
        let ((ready_in, ready), (ended_in, ended)) = (unbounded(), unbounded());
        let mut gathered: BTreeMap<(usize, Time), Vec<Row>> = BTreeMap::new();
        let mut alive = links.len();
        let listen = move || {
            for (process, message) in said {
                match message {
                    // Nobody waits for either only where the engine has ended.
                    ToHead::Ready => {
                        let _ = ready_in.send(process);
                    }
                    ToHead::Ended => {
                        let _ = ended_in.send(process);
                        alive -= 1;
                        if alive == 0 {
                            // Nobody keeps anything any more: whoever takes rows waits to hear that.
                            return;
                        }
                    }
                    // What cannot be read says nothing: nobody waits for it for long.
                    ToHead::Answer(number, reply) => {
                        if let Ok(reply) = serde_json::from_slice(&reply) {
                            elsewhere.answered(number, reply);
                        }
                    }
                    ToHead::Pulse(pulse) => board.take_pulse(process * threads, &pulse),
                    ToHead::Kept { worker, tick, rows, last } => {
                        let of_worker = gathered.entry((worker, tick)).or_default();
                        let row = |(bucket, key, value)| Row { bucket, key, value };
                        of_worker.extend(rows.into_iter().map(row));
                        if last {
                            let rows = gathered.remove(&(worker, tick)).unwrap_or_default();
                            let kept = KeptRows { worker, tick, rows: Ok(rows) };
                            // Nobody takes it only where the job is ending.
                            let _ = keep.as_ref().map(|keep| keep.send(kept));
                        }
                    }
                    // Heard before it comes here.
                    ToHead::Leaving | ToHead::Failed(_) => {}
                }
            }
        };
        std::thread::Builder::new()
            .name("shopbell-members".to_owned())
            .spawn(listen)
            .map_err(|error| EngineError::Start(error.to_string()))?;
        Ok(Members { links, threads, ready, ended })
    }

    /// Waits until every member's workers are there.
    pub(super) fn wait_ready(&self) -> Result<(), EngineError> {
        self.wait_for(&self.ready, "did not become ready in time")
    }

    fn wait_for(&self, said: &Receiver<usize>, what: &'static str) -> Result<(), EngineError> {
        let mut missing: Vec<usize> = (1..=self.links.len()).collect();
        while let Some(process) = missing.first().copied() {
            let heard = said.recv_timeout(PATIENCE).map_err(|_| EngineError::Member { process, what })?;
            missing.retain(|process| *process != heard);
        }
        Ok(())
    }

    /// Says something to every member.
    pub(super) fn tell(&self, mut message: impl FnMut(usize) -> ToMember) -> Result<(), EngineError> {
        for (index, link) in self.links.iter().enumerate() {
            let process = index + 1;
            let lost = |_| EngineError::Member { process, what: "is lost" };
            link.send(&message(process)).map_err(lost)?;
        }
        Ok(())
    }

    /// Gives each worker its batch, those of the first member first.
    pub(super) fn give(&self, mut batches: impl Iterator<Item = Batch>) -> Result<(), EngineError> {
        self.tell(|_| ToMember::Batches(batches.by_ref().take(self.threads).collect()))
    }

    /// Waits until every member's workers have ended as they were told.
    pub(super) fn end(self) -> Result<(), EngineError> {
        self.wait_for(&self.ended, "did not end in time")
    }
}
