//! The worker threads of this process, alone or as part of a cluster.
//!
//! Invariant: every process has as many threads as every other; the first worker of all is on process 0. Cost: a
//! thread each, and two for each other process.

use super::EngineError;
use super::board::Board;
use super::questions::{Asked, Asker, Elsewhere};
use super::worker::{Batch, Work, run_worker};
use crate::cluster::{Link, Sockets};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::thread::{JoinHandle, Thread};
use timely::WorkerConfig;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::{AllocatorBuilder, Hooks, WorkerGuards};

/// Which of all workers are here.
#[derive(Debug, Default)]
pub(super) struct Crew {
    /// Threads of this process.
    pub(super) threads: usize,
    /// Connections to the other processes; none where there are none.
    pub(super) sockets: Sockets,
}

impl Crew {
    /// Which process this is.
    pub(super) fn process(&self) -> usize {
        self.sockets.iter().position(Option::is_none).unwrap_or(0)
    }

    /// The number of the first worker here among all.
    pub(super) fn first(&self) -> usize {
        self.process() * self.threads
    }

    /// How many workers there are in all.
    pub(super) fn peers(&self) -> usize {
        self.threads * self.sockets.len().max(1)
    }
}

/// The threads, as whoever feeds them sees them.
pub(super) struct Workers {
    pub(super) senders: Vec<Sender<Batch>>,
    askers: Vec<Sender<Asked>>,
    threads: Vec<Thread>,
    main: JoinHandle<Result<(), EngineError>>,
}

/// Where each worker gets its batches; at most so many wait.
pub(super) fn queues(threads: usize, waiting: usize) -> (Vec<Sender<Batch>>, Vec<Option<Receiver<Batch>>>) {
    (0..threads).map(|_| bounded(waiting)).map(|(sender, receiver)| (sender, Some(receiver))).unzip()
}

impl Workers {
    /// Starts them; returns when each has built its graph. `ready` is what they say it over.
    pub(super) fn start(
        crew: Crew,
        work: Arc<Work>,
        (senders, askers): (Vec<Sender<Batch>>, Vec<Sender<Asked>>),
        ready: &Receiver<(usize, Thread)>,
    ) -> Result<Workers, EngineError> {
        let (count, first) = (crew.threads, crew.first());
        let ended = Arc::clone(&work.board);
        let main = std::thread::Builder::new()
            .name("shopbell-workers".to_owned())
            .spawn(move || {
                let _told = Told(ended);
                let guards = execute(crew, work).map_err(EngineError::Start)?;
                let lost = |end: Result<(), String>| end.map_err(|_| EngineError::WorkerLost);
                guards.join().into_iter().try_for_each(lost)
            })
            .map_err(|error| EngineError::Start(error.to_string()))?;
        let mut threads = vec![None; count];
        for _ in 0..count {
            let (index, thread) = ready.recv().map_err(|_| EngineError::WorkerLost)?;
            if let Some(slot) = threads.get_mut::<usize>(index - first) {
                *slot = Some(thread);
            }
        }
        Ok(Workers { senders, askers, threads: threads.into_iter().flatten().collect(), main })
    }

    /// Gives each its batch.
    pub(super) fn give(&self, batches: impl Iterator<Item = Batch>) -> Result<(), EngineError> {
        for (sender, batch) in self.senders.iter().zip(batches) {
            sender.send(batch).map_err(|_| EngineError::WorkerLost)?;
        }
        self.threads.iter().for_each(Thread::unpark);
        Ok(())
    }

    /// Who asks them, and the workers of members.
    pub(super) fn asker(&self, members: Vec<Link>, elsewhere: Elsewhere) -> Asker {
        let workers = self.askers.iter().cloned().zip(self.threads.iter().cloned());
        Asker::new(workers.collect(), members, elsewhere)
    }

    /// Ends them and waits for that.
    pub(super) fn stop(mut self) -> Result<(), EngineError> {
        self.senders.clear();
        self.threads.iter().for_each(Thread::unpark);
        self.main.join().unwrap_or(Err(EngineError::WorkerLost))
    }
}

/// Says that the workers have ended, however they did.
struct Told(Arc<Board>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn execute(crew: Crew, work: Arc<Work>) -> Result<WorkerGuards<()>, String> {
    let run = move |worker: &mut timely::worker::Worker| run_worker(worker, &work);
    if crew.sockets.len() < 2 {
        return timely::execute(timely::Config::process(crew.threads), run);
    }
    let (process, hooks) = (crew.process(), Hooks::default());
    let here = ProcessBuilder::new_typed_vector(crew.threads, hooks.refill.clone(), hooks.spill.clone());
    let (builders, guard) =
        initialize_networking_from_sockets(here, crew.sockets, process, crew.threads, hooks)
            .map_err(|error| error.to_string())?;
    let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    timely::execute::execute_from(builders, Box::new(guard), WorkerConfig::default(), run)
}
