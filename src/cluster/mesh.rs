//! Connections between all processes, for one life of the dataflow.
//!
//! Invariant: each process calls those before it and waits for those after it, all of the same generation and life;
//! either every connection is there in time, or none is used. Cost: some round trips.

use super::door::Door;
use super::handshake::{Broken, Hello, Purpose, Verdict, call};
use super::{ClusterError, Place, Sockets};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long all processes have to find one another once they all know of the life.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(3);
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether to give up.
const LOOK: Duration = Duration::from_millis(100);
/// What was sent must arrive within this time, or the connection is dead.
const UNANSWERED: Duration = Duration::from_secs(6);

/// Forms the mesh of a life, unless `give_up` says that it is in vain.
pub(super) fn form(
    door: &Door,
    runtime: &Handle,
    generation: u64,
    life: u64,
    give_up: impl Fn() -> bool,
) -> Result<Sockets, ClusterError> {
    let place = door.place();
    let deadline = Instant::now() + PATIENCE;
    let mut sockets: Sockets = place.hosts.iter().map(|_| None).collect();
    door.expect_mesh(generation, life, (place.process + 1..place.processes()).map(|other| other as u32));
    for other in 0..place.process {
        let stream = dial(place, runtime, other, Purpose::Mesh, (generation, life), deadline, &give_up)?;
        keep(&mut sockets, other, stream);
    }
    while let Some(missing) = missing(&sockets, place.process) {
        let Some(visitor) = door.next(deadline.min(Instant::now() + LOOK)) else {
            if give_up() || Instant::now() >= deadline {
                return Err(ClusterError::Mesh { seconds: PATIENCE.as_secs(), missing });
            }
            continue;
        };
        if visitor.purpose == Purpose::Mesh {
            keep(&mut sockets, visitor.from, visitor.stream);
        }
    }
    for socket in sockets.iter().flatten() {
        watch(socket).map_err(|error| ClusterError::System {
            what: "setting up a connection",
            reason: error.to_string(),
        })?;
    }
    Ok(sockets)
}

fn keep(sockets: &mut Sockets, other: usize, stream: TcpStream) {
    if let Some(socket) = sockets.get_mut(other) {
        *socket = Some(stream);
    }
}

/// The processes whose connections are missing, in words; none where all are there.
fn missing(sockets: &Sockets, me: usize) -> Option<String> {
    let missing = sockets.iter().enumerate().filter(|(other, socket)| socket.is_none() && *other != me);
    let names: Vec<String> = missing.map(|(other, _)| format!("process {other}")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// A dead connection is to end, whether something is under way on it or not.
fn watch(socket: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let alive = TcpKeepalive::new().with_time(Duration::from_secs(2)).with_interval(Duration::from_secs(2));
    socket.set_tcp_keepalive(&alive)?;
    socket.set_tcp_user_timeout(Some(UNANSWERED))
}

/// Calls another process until it lets this one in, it will never do so, the time is over, or `give_up` says so.
pub(super) fn dial(
    place: &Place,
    runtime: &Handle,
    other: usize,
    purpose: Purpose,
    (generation, life): (u64, u64),
    deadline: Instant,
    give_up: impl Fn() -> bool,
) -> Result<TcpStream, ClusterError> {
    let address = place.hosts.get(other).cloned().unwrap_or_default();
    let hello = Hello {
        processes: place.processes() as u32,
        from: place.process as u32,
        to: other as u32,
        purpose,
        generation,
        life,
    };
    let mut unheard = "not called yet".to_owned();
    loop {
        let called =
            runtime.block_on(async { tokio::time::timeout(CALL, dial_once(&address, &hello, place)).await });
        let verdict = match called {
            Ok(Ok((stream, Verdict::Welcome))) => {
                return stream.map_err(|error| ClusterError::System {
                    what: "setting up a connection",
                    reason: error.to_string(),
                });
            }
            Ok(Ok((_, verdict))) => Some(verdict),
            Ok(Err(Broken::Secret)) => return Err(ClusterError::Secret { process: other, address }),
            Ok(Err(Broken::Random(reason))) => {
                return Err(ClusterError::System { what: "drawing random numbers", reason });
            }
            Ok(Err(Broken::Io(error))) => {
                unheard = error.to_string();
                None
            }
            Ok(Err(Broken::Stranger)) => {
                unheard = "something else answers there".to_owned();
                None
            }
            Err(_) => {
                unheard = "no answer".to_owned();
                None
            }
        };
        if let Some(verdict) = verdict {
            unheard = verdict.reason().to_owned();
        }
        if let Some(verdict) = verdict.filter(|verdict| *verdict != Verdict::NotNow) {
            return Err(ClusterError::Refused { process: other, address, reason: verdict.reason() });
        }
        if give_up() || Instant::now() >= deadline {
            let missing = format!("process {other} at {address} ({unheard})");
            return Err(ClusterError::Mesh { seconds: PATIENCE.as_secs(), missing });
        }
        std::thread::sleep(PAUSE);
    }
}

type Dialled = (io::Result<TcpStream>, Verdict);

async fn dial_once(address: &str, hello: &Hello, place: &Place) -> Result<Dialled, Broken> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let verdict = call(&mut stream, hello, &place.secret).await?;
    let stream = stream.into_std().and_then(|stream| stream.set_nonblocking(false).map(|()| stream));
    Ok((stream, verdict))
}
