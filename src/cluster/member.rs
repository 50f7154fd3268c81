//! A member's side of a cluster: finds the head and hears what it says.
//!
//! Invariant: what the head says comes in its order, the loss of the head last. Cost: a link.

use super::door::Door;
use super::handshake::Purpose;
use super::mesh::{dial, form};
use super::wire::ToMember;
use super::{ClusterError, Link, Place, Sockets};
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long the head is looked for before that is told, and looked for again.
const LOOK: Duration = Duration::from_secs(10);

/// A member that has found its head.
pub struct Member {
    door: Door,
    runtime: Handle,
    link: Link,
    said: Receiver<Result<ToMember, ClusterError>>,
    /// The head is gone.
    lost: Arc<AtomicBool>,
}

/// How long a last word may take.
const FAREWELL: Duration = Duration::from_millis(500);

impl Member {
    /// Looks for the head until it is there, or `give_up` says so: then there is no member.
    pub fn join(
        place: &Place,
        runtime: &Handle,
        give_up: impl Fn() -> bool,
    ) -> Result<Option<Member>, ClusterError> {
        let door = Door::open(place, runtime)?;
        let stream = loop {
            let deadline = Instant::now() + LOOK;
            match dial(place, runtime, 0, Purpose::Link, (0, 0), deadline, &give_up) {
                Ok(stream) => break stream,
                Err(ClusterError::Mesh { .. }) if give_up() => return Ok(None),
                Err(ClusterError::Mesh { missing, .. }) => tracing::info!("waiting for {missing}"),
                Err(error) => return Err(error),
            }
        };
        let (sender, said) = unbounded();
        let of_loss = sender.clone();
        // Nobody listens only where the process is ending.
        let heard = move |message| drop(sender.send(Ok(message)));
        let lost = Arc::new(AtomicBool::new(false));
        let is_lost = Arc::clone(&lost);
        let told = move |reason| {
            is_lost.store(true, Ordering::Release);
            drop(of_loss.send(Err(ClusterError::Lost { process: 0, reason })));
        };
        let link = Link::start(stream, heard, told)
            .map_err(|error| ClusterError::System { what: "starting a link", reason: error.to_string() })?;
        Ok(Some(Member { door, runtime: runtime.clone(), link, said, lost }))
    }

    /// What the head says next, if it says anything in that time.
    pub fn next(&self, within: Duration) -> Result<Option<ToMember>, ClusterError> {
        match self.said.recv_timeout(within) {
            Ok(said) => said.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(ClusterError::Lost { process: 0, reason: "its link ended".to_owned() })
            }
        }
    }

    /// Connects to everybody for a life.
    pub fn connect(&self, generation: u64, life: u64) -> Result<Sockets, ClusterError> {
        form(&self.door, &self.runtime, generation, life, || self.lost.load(Ordering::Acquire))
    }

    /// Leaves: says what waits to be said, and no end of the link is news any more.
    pub fn leave(self) {
        self.link.close();
        self.link.finish(FAREWELL);
    }

    /// Where to speak to the head.
    pub(crate) fn link(&self) -> Link {
        self.link.clone()
    }
}
