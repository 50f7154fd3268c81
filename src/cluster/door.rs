//! Where other processes knock.
//!
//! Invariant: whatever connects, in whatever numbers, and says nothing or nonsense, takes a task of bounded memory
//! for a bounded time and holds nobody up: where too many stand at the door, the oldest go. Who has shown the secret
//! and is waited for is handed on; everybody else is told why, or nothing. Cost: a task a connection, for the
//! time of a handshake.

use super::handshake::{Hello, Purpose, Verdict, answer};
use super::{ClusterError, Place};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::collections::{BTreeSet, VecDeque};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many may be under way.
const CALLERS: usize = 256;

/// Somebody who was let in.
pub(super) struct Visitor {
    pub(super) from: usize,
    pub(super) purpose: Purpose,
    pub(super) stream: TcpStream,
}

/// Who is waited for.
#[derive(Debug, Default)]
struct Expected {
    generation: u64,
    life: u64,
    links: BTreeSet<u32>,
    mesh: BTreeSet<u32>,
}

/// The door of a process. It is closed when this is dropped.
pub(super) struct Door {
    place: Place,
    expected: Arc<Mutex<Expected>>,
    visitors: Receiver<Visitor>,
    accepting: AbortHandle,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Door {
    /// Opens it at the address of this process.
    pub(super) fn open(place: &Place, runtime: &Handle) -> Result<Door, ClusterError> {
        let address = place.hosts.get(place.process).cloned().unwrap_or_default();
        let cannot = |error: std::io::Error| ClusterError::Listen {
            process: place.process,
            address: address.clone(),
            reason: error.to_string(),
        };
        let listener = runtime.block_on(TcpListener::bind(&address)).map_err(cannot)?;
        let expected = Arc::new(Mutex::new(Expected::default()));
        let (sender, visitors) = unbounded();
        let (at_door, known) = (place.clone(), Arc::clone(&expected));
        let accepting = runtime.spawn(accept(listener, at_door, known, sender)).abort_handle();
        Ok(Door { place: place.clone(), expected, visitors, accepting })
    }

    fn expect(&self, change: impl FnOnce(&mut Expected)) {
        change(&mut self.expected.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the links of these members.
    pub(super) fn expect_links(&self, members: impl Iterator<Item = u32>) {
        self.expect(|expected| expected.links = members.collect());
    }

    /// Waits for the connections of a life's mesh from these processes; those of any other life are refused.
    pub(super) fn expect_mesh(&self, generation: u64, life: u64, processes: impl Iterator<Item = u32>) {
        self.expect(|expected| {
            (expected.generation, expected.life) = (generation, life);
            expected.mesh = processes.collect();
        });
    }

    /// The next one who was let in, until `deadline`.
    pub(super) fn next(&self, deadline: Instant) -> Option<Visitor> {
        self.visitors.recv_deadline(deadline).ok()
    }

    /// Whose door it is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

async fn accept(
    listener: TcpListener,
    place: Place,
    expected: Arc<Mutex<Expected>>,
    visitors: Sender<Visitor>,
) {
    let mut callers: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: those at the door go within their time.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if callers.len() >= CALLERS {
            callers.retain(|caller| !caller.is_finished());
        }
        if callers.len() >= CALLERS {
            callers.pop_front().inspect(AbortHandle::abort);
        }
        let (place, expected, visitors) = (place.clone(), Arc::clone(&expected), visitors.clone());
        let caller = tokio::spawn(async move {
            // A stranger that is slow, goes away or talks nonsense is no news.
            let _ = tokio::time::timeout(PATIENCE, receive(stream, &place, &expected, &visitors)).await;
        });
        callers.push_back(caller.abort_handle());
    }
}

async fn receive(
    mut stream: tokio::net::TcpStream,
    place: &Place,
    expected: &Mutex<Expected>,
    visitors: &Sender<Visitor>,
) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let judged =
        |hello: &Hello| judge(hello, place, &mut expected.lock().unwrap_or_else(PoisonError::into_inner));
    let (hello, verdict) = answer(&mut stream, &place.secret, judged).await.ok()?;
    if verdict != Verdict::Welcome {
        tracing::debug!(from = hello.from, reason = verdict.reason(), "a process was not let in");
        return None;
    }
    let stream = stream.into_std().ok()?;
    stream.set_nonblocking(false).ok()?;
    visitors.send(Visitor { from: hello.from as usize, purpose: hello.purpose, stream }).ok()
}

/// What becomes of a caller that knows the secret. Who is welcome is not waited for any longer.
fn judge(hello: &Hello, place: &Place, expected: &mut Expected) -> Verdict {
    if hello.processes as usize != place.processes() {
        return Verdict::OtherNumber;
    }
    if hello.to as usize != place.process {
        return Verdict::OtherProcess;
    }
    let waited_for = match hello.purpose {
        Purpose::Link => &mut expected.links,
        Purpose::Mesh if (hello.generation, hello.life) < (expected.generation, expected.life) => {
            return Verdict::Stale;
        }
        // Of a life that this process has not heard of yet.
        Purpose::Mesh if (hello.generation, hello.life) != (expected.generation, expected.life) => {
            return Verdict::NotNow;
        }
        Purpose::Mesh => &mut expected.mesh,
    };
    if waited_for.remove(&hello.from) { Verdict::Welcome } else { Verdict::NotNow }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn place() -> Place {
        let hosts = vec!["a:1".into(), "b:1".into(), "c:1".into()];
        Place { process: 1, hosts, secret: Secret::new("a secret of some length") }
    }

    const HELLO: Hello =
        Hello { processes: 3, from: 2, to: 1, purpose: Purpose::Mesh, generation: 7, life: 2 };

    #[test]
    fn only_who_is_waited_for_is_let_in_and_once() {
        let fresh = || Expected { generation: 7, life: 2, links: [2].into(), mesh: [2].into() };
        let mut expected = fresh();
        assert_eq!(judge(&HELLO, &place(), &mut expected), Verdict::Welcome);
        assert_eq!(judge(&HELLO, &place(), &mut expected), Verdict::NotNow);
        let link = Hello { purpose: Purpose::Link, generation: 0, life: 0, ..HELLO };
        assert_eq!(judge(&link, &place(), &mut expected), Verdict::Welcome);
        assert_eq!(judge(&link, &place(), &mut expected), Verdict::NotNow);
        for (hello, verdict) in [
            (Hello { processes: 2, ..HELLO }, Verdict::OtherNumber),
            (Hello { to: 2, ..HELLO }, Verdict::OtherProcess),
            (Hello { generation: 6, life: 9, ..HELLO }, Verdict::Stale),
            (Hello { life: 1, ..HELLO }, Verdict::Stale),
            (Hello { life: 3, ..HELLO }, Verdict::NotNow),
            (Hello { generation: 8, ..HELLO }, Verdict::NotNow),
            (Hello { from: 0, ..HELLO }, Verdict::NotNow),
        ] {
            assert_eq!(judge(&hello, &place(), &mut fresh()), verdict, "{hello:?}");
        }
    }
}
