//! The head's side of a cluster: gathers members, begins lives of the dataflow with them.
//!
//! Invariant: a generation has all its members from the beginning; the first one that is lost, or says that it cannot
//! go on, is told as a failure, and ends the generation. Cost: a link each.

use super::door::Door;
use super::handshake::Purpose;
use super::mesh::form;
use super::wire::{Begin, RestoredRow, ToHead, ToMember};
use super::{ClusterError, Link, Place, Sockets};
use crossbeam_channel::{Receiver, Sender, never, unbounded};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often it is looked whether to give up, and told who is missing.
const LOOK: Duration = Duration::from_millis(200);
const TELL: Duration = Duration::from_secs(10);

/// How long a last word may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Rows in one message to a member.
const ROWS: usize = 4096;

/// What the head hears besides what belongs to a life.
pub enum Word {
    /// A member was told to stop by whoever runs it.
    Leaving(usize),
    /// A member is gone or cannot go on.
    Lost(ClusterError),
}

/// Where what members say of a life goes.
type Ear = Arc<Mutex<Option<Sender<(usize, ToHead)>>>>;

/// The head of a cluster.
pub struct Head {
    door: Door,
    runtime: Handle,
    generation: u64,
    life: u64,
    links: Vec<Link>,
    ear: Ear,
    /// A member is gone or cannot go on.
    lost: Arc<AtomicBool>,
}

/// One life of the dataflow, as its engine needs it.
pub struct LifeOf {
    /// The mesh.
    pub sockets: Sockets,
    /// The links to the members, from process 1 on.
    pub(crate) links: Vec<Link>,
    /// What members say.
    pub said: Receiver<(usize, ToHead)>,
}

impl Default for LifeOf {
    fn default() -> Self {
        LifeOf { sockets: Vec::new(), links: Vec::new(), said: never() }
    }
}

impl Head {
    /// Waits until every member is there, or `give_up` says so: then there is no head. `word` is told what must end
    /// the job. `generation` is greater than that of any job before.
    pub fn gather(
        place: &Place,
        runtime: &Handle,
        generation: u64,
        give_up: impl Fn() -> bool,
        word: impl Fn(Word) + Send + Sync + 'static,
    ) -> Result<Option<Head>, ClusterError> {
        let door = Door::open(place, runtime)?;
        let members = 1..place.processes();
        door.expect_links(members.clone().map(|member| member as u32));
        let (ear, lost) = (Ear::default(), Arc::new(AtomicBool::new(false)));
        let is_lost = Arc::clone(&lost);
        let word = Arc::new(move |heard| {
            if matches!(heard, Word::Lost(_)) {
                is_lost.store(true, Ordering::Release);
            }
            word(heard);
        });
        let mut links: BTreeMap<usize, Link> = BTreeMap::new();
        let mut told = Instant::now();
        while links.len() < members.len() {
            if give_up() {
                return Ok(None);
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                let missing: Vec<_> = members.clone().filter(|member| !links.contains_key(member)).collect();
                tracing::info!(?missing, "waiting for processes");
            }
            let Some(visitor) = door.next(Instant::now() + LOOK) else { continue };
            if visitor.purpose == Purpose::Link {
                let link = listen(visitor.from, visitor.stream, &ear, &word)?;
                links.insert(visitor.from, link);
            }
        }
        tracing::info!(generation, processes = place.processes(), "all processes are there");
        let links = links.into_values().collect();
        Ok(Some(Head { door, runtime: runtime.clone(), generation, life: 0, links, ear, lost }))
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.links.len() + 1
    }

    /// Begins a life: tells every member, gives its workers what is restored, and connects everybody. `begin` is
    /// completed with generation and life; `restored` gives the rows of a worker.
    pub fn begin<E: From<ClusterError>>(
        &mut self,
        begin: Begin,
        mut restored: impl FnMut(usize, &mut dyn FnMut(RestoredRow) -> Result<(), E>) -> Result<(), E>,
    ) -> Result<LifeOf, E> {
        self.life += 1;
        let begin = Begin { generation: self.generation, life: self.life, ..begin };
        let (sender, said) = unbounded();
        *self.ear.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        for (index, link) in self.links.iter().enumerate() {
            let process = index + 1;
            let tell = |message: &ToMember| {
                link.send(message).map_err(|reason| E::from(ClusterError::Lost { process, reason }))
            };
            tell(&ToMember::Begin(begin.clone()))?;
            for worker in process * begin.workers..(process + 1) * begin.workers {
                let mut rows = Vec::new();
                restored(worker, &mut |row| {
                    rows.push(row);
                    if rows.len() < ROWS {
                        return Ok(());
                    }
                    tell(&ToMember::Restored(worker, std::mem::take(&mut rows)))
                })?;
                tell(&ToMember::Restored(worker, rows))?;
            }
            tell(&ToMember::Start)?;
        }
        let in_vain = || self.lost.load(Ordering::Acquire);
        let sockets = form(&self.door, &self.runtime, self.generation, self.life, in_vain)?;
        Ok(LifeOf { sockets, links: self.links.clone(), said })
    }

    /// Ends the job in good order: members end, too.
    pub fn dismiss(self) {
        for link in self.links {
            link.close();
            // Who is gone already needs no word.
            let _ = link.send(&ToMember::Bye);
            link.finish(FAREWELL);
        }
    }
}

fn listen(
    process: usize,
    stream: std::net::TcpStream,
    ear: &Ear,
    word: &Arc<impl Fn(Word) + Send + Sync + 'static>,
) -> Result<Link, ClusterError> {
    let (ear, heard_word, lost_word) = (Arc::clone(ear), Arc::clone(word), Arc::clone(word));
    let heard = move |message: ToHead| match message {
        ToHead::Leaving => heard_word(Word::Leaving(process)),
        ToHead::Failed(reason) => heard_word(Word::Lost(ClusterError::Failed { process, reason })),
        message => {
            let ear = ear.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody listens between two lives, and nothing is said then.
            let _ = ear.as_ref().map(|ear| ear.send((process, message)));
        }
    };
    let lost = move |reason| lost_word(Word::Lost(ClusterError::Lost { process, reason }));
    Link::start(stream, heard, lost)
        .map_err(|error| ClusterError::System { what: "starting a link", reason: error.to_string() })
}
