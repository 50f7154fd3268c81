//! The hand-over of decoded events to the engine: bounded by their number, never waiting.
//!
//! Invariant: a batch is taken whole or not at all; batches come out in the order they went in, and
//! no more than `capacity` events wait (a single larger batch is taken only while nothing waits, so
//! that it can be taken at all). The moment a batch came is kept with it, for latencies.
//! Cost: one lock a batch on either side.

use crate::stored::Place;
use shopbell_model::event::Event;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Behind {
    /// Too many events wait already.
    #[error("{waiting} of at most {capacity} events wait for the engine")]
    Full {
        /// Events that wait.
        waiting: usize,
        /// How many may.
        capacity: usize,
    },
    /// The engine takes no more: it is stopping.
    #[error("the engine is stopping")]
    Closed,
}

impl Behind {
    /// Stable name of the reason.
    pub fn code(self) -> &'static str {
        match self {
            Behind::Full { .. } => "engine-behind",
            Behind::Closed => "engine-stopping",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Behind::Full { .. } => "send it again after the time in Retry-After",
            Behind::Closed => "send it again when the engine is ready",
        }
    }
}

/// The number of a batch: what was accepted, up to there.
pub type Ticket = u64;

/// How far a source was read when a batch was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadTo {
    /// Its name.
    pub source: Arc<str>,
    /// Its position.
    pub place: Place,
}

/// What was taken out.
#[derive(Debug, Default)]
pub struct Drained {
    /// The events, each with the moment it came.
    pub events: Vec<(Instant, Event)>,
    /// The last batch that was taken out whole, now or before.
    pub ticket: Ticket,
    /// How far sources were read, as of batches taken out whole: after how many of the events.
    pub read: Vec<(usize, ReadTo)>,
    /// Whether some of it cannot be read again: somebody may wait to hear that it is kept.
    pub only_here: bool,
}

#[derive(Debug)]
struct Batch {
    /// Events that still wait.
    waiting: usize,
    came: Instant,
    /// Several for a source of several parts.
    read: Vec<ReadTo>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    batches: VecDeque<Batch>,
    /// Batches taken in, and those taken out whole.
    accepted: Ticket,
    taken: Ticket,
    /// Somebody called for the engine's side since it last waited.
    woken: bool,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Something was taken out, or the intake was closed.
    drained: Condvar,
    waiting: AtomicUsize,
    closed: AtomicBool,
    capacity: usize,
}

impl Shared {
    /// A holder that panicked left whole batches only: the queue is good.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The side that hands events over. Clones share the queue.
#[derive(Clone, Debug)]
pub struct Intake(Arc<Shared>);

/// The engine's side. Dropping it closes the intake.
#[derive(Debug)]
pub struct IntakeReceiver(Arc<Shared>);

impl Intake {
    /// A hand-over where at most `capacity` events wait.
    pub fn bounded(capacity: usize) -> (Intake, IntakeReceiver) {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::default()),
            arrived: Condvar::new(),
            drained: Condvar::new(),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            capacity,
        });
        (Intake(Arc::clone(&shared)), IntakeReceiver(shared))
    }

    /// Hands a batch over, whole or not at all. Never waits for the engine.
    pub fn submit(&self, events: Vec<Event>) -> Result<Ticket, Behind> {
        let queue = self.0.queue();
        if self.0.closed.load(Ordering::Acquire) {
            return Err(Behind::Closed);
        }
        let waiting = queue.events.len();
        if waiting > 0 && waiting.saturating_add(events.len()) > self.0.capacity {
            return Err(Behind::Full { waiting, capacity: self.0.capacity });
        }
        Ok(self.put(queue, events, Vec::new()))
    }

    /// Hands a batch over, waiting for room: for what can be read later. Half of the capacity is left
    /// to those who cannot wait.
    pub fn submit_waiting(&self, events: Vec<Event>, read: Vec<ReadTo>) -> Result<Ticket, Behind> {
        let full = |queue: &mut Queue| {
            let room = self.0.capacity / 2;
            let fits = queue.events.is_empty() || queue.events.len().saturating_add(events.len()) <= room;
            !fits && !self.0.closed.load(Ordering::Acquire)
        };
        let queue = self.0.drained.wait_while(self.0.queue(), full).unwrap_or_else(PoisonError::into_inner);
        if self.0.closed.load(Ordering::Acquire) {
            return Err(Behind::Closed);
        }
        Ok(self.put(queue, events, read))
    }

    fn put(&self, mut queue: MutexGuard<'_, Queue>, events: Vec<Event>, read: Vec<ReadTo>) -> Ticket {
        if !events.is_empty() {
            queue.accepted += 1;
            queue.batches.push_back(Batch { waiting: events.len(), came: Instant::now(), read });
            queue.events.extend(events);
        }
        let ticket = queue.accepted;
        self.0.waiting.store(queue.events.len(), Ordering::Release);
        drop(queue);
        self.0.arrived.notify_one();
        ticket
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Acquire)
    }

    /// Whether a batch would be refused now, whatever its size.
    pub fn behind(&self) -> Option<Behind> {
        let (waiting, capacity) = (self.waiting(), self.0.capacity);
        if self.0.closed.load(Ordering::Acquire) {
            Some(Behind::Closed)
        } else if waiting >= capacity {
            Some(Behind::Full { waiting, capacity })
        } else {
            None
        }
    }

    /// Wakes the engine's side without handing anything over.
    pub fn wake(&self) {
        self.0.queue().woken = true;
        self.0.arrived.notify_one();
    }
}

impl IntakeReceiver {
    /// Takes at most `max` events, in order; none where nothing waits.
    pub fn drain(&mut self, max: usize) -> Vec<Event> {
        self.drain_batches(max).events.into_iter().map(|(_, event)| event).collect()
    }

    /// The same, with what is known of their batches.
    pub fn drain_batches(&mut self, max: usize) -> Drained {
        let mut queue = self.0.queue();
        let mut left = max.min(queue.events.len());
        let mut events = Vec::with_capacity(left);
        let (mut read, mut only_here) = (Vec::new(), false);
        while left > 0 {
            let Some(mut batch) = queue.batches.pop_front() else { break };
            only_here |= batch.read.is_empty();
            let count = batch.waiting.min(left);
            left -= count;
            events.extend(queue.events.drain(..count).map(|event| (batch.came, event)));
            if batch.waiting > count {
                batch.waiting -= count;
                queue.batches.push_front(batch);
            } else {
                queue.taken += 1;
                read.extend(batch.read.into_iter().map(|read| (events.len(), read)));
            }
        }
        let ticket = queue.taken;
        self.0.waiting.store(queue.events.len(), Ordering::Release);
        drop(queue);
        self.0.drained.notify_all();
        Drained { events, ticket, read, only_here }
    }

    /// Waits until something is there, [`Intake::wake`] is or was called, or the time is over; says
    /// whether something is there.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let idle = |queue: &mut Queue| queue.events.is_empty() && !queue.woken;
        let waited = self.0.arrived.wait_timeout_while(self.0.queue(), timeout, idle);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.woken = false;
        !queue.events.is_empty()
    }

    /// Takes no more from now on; what waits can still be drained.
    pub fn close(&self) {
        let queue = self.0.queue();
        self.0.closed.store(true, Ordering::Release);
        drop(queue);
        self.0.drained.notify_all();
    }
}

impl Drop for IntakeReceiver {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopbell_model::event::Body;
    use shopbell_model::key::{Brand, EventRef, ItemId, LocationId, Text};

    fn events(ids: std::ops::Range<u32>) -> Vec<Event> {
        let brand = Brand::default();
        ids.map(|id| Event {
            reference: EventRef { source: Text::from("test"), id: Text::from(id.to_string()) },
            brand: brand.clone(),
            time: 1_000_000_000_000,
            body: Body::StockDelta {
                location: LocationId::new(&brand, "l"),
                item: ItemId::new(&brand, "i"),
                delta: 1,
            },
        })
        .collect()
    }

    fn ids(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.reference.id.as_str()).collect()
    }

    #[test]
    fn batches_are_taken_whole_in_order() {
        let (intake, mut receiver) = Intake::bounded(5);
        intake.submit(events(0..3)).unwrap();
        assert_eq!(intake.submit(events(3..6)), Err(Behind::Full { waiting: 3, capacity: 5 }));
        intake.submit(events(6..8)).unwrap();
        assert_eq!(intake.behind(), Some(Behind::Full { waiting: 5, capacity: 5 }));
        assert_eq!(ids(&receiver.drain(4)), ["0", "1", "2", "6"]);
        assert_eq!(intake.behind(), None);
        assert_eq!(ids(&receiver.drain(4)), ["7"]);
        assert!(receiver.drain(4).is_empty());
    }

    #[test]
    fn a_batch_beyond_the_capacity_is_taken_when_nothing_waits() {
        let (intake, mut receiver) = Intake::bounded(2);
        intake.submit(events(0..9)).unwrap();
        assert!(intake.submit(events(9..10)).is_err());
        assert_eq!(receiver.drain(100).len(), 9);
        intake.submit(events(9..10)).unwrap();
    }

    #[test]
    fn a_closed_intake_gives_what_it_has_and_takes_no_more() {
        let (intake, mut receiver) = Intake::bounded(5);
        intake.submit(events(0..1)).unwrap();
        receiver.close();
        assert_eq!(intake.submit(events(1..2)), Err(Behind::Closed));
        assert_eq!(receiver.drain(5).len(), 1);
        drop(receiver);
        assert_eq!(intake.behind(), Some(Behind::Closed));
    }

    #[test]
    fn events_come_with_the_moment_of_their_batch() {
        let (intake, mut receiver) = Intake::bounded(100);
        let before = Instant::now();
        intake.submit(events(0..3)).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        intake.submit(events(3..5)).unwrap();
        let mut taken = receiver.drain_batches(0).events;
        assert!(taken.is_empty());
        for max in [2, 2, 9] {
            taken.extend(receiver.drain_batches(max).events);
        }
        let moments: Vec<Instant> = taken.iter().map(|(came, _)| *came).collect();
        assert_eq!(
            ids(&taken.into_iter().map(|(_, event)| event).collect::<Vec<_>>()),
            ["0", "1", "2", "3", "4"]
        );
        assert!(moments[0] >= before && moments[0] == moments[1] && moments[1] == moments[2]);
        assert!(moments[3] == moments[4] && moments[3] - moments[2] >= Duration::from_millis(5));
    }

    #[test]
    fn a_batch_counts_when_it_was_taken_out_whole() {
        let (intake, mut receiver) = Intake::bounded(100);
        let read =
            |source: &str, position| ReadTo { source: Arc::from(source), place: Place { position, mark: 1 } };
        assert_eq!(intake.submit_waiting(events(0..3), vec![read("a", 30), read("b", 2)]), Ok(1));
        assert_eq!(intake.submit(events(3..4)), Ok(2));
        assert_eq!(intake.submit_waiting(events(4..6), vec![read("a", 60)]), Ok(3));
        let whole = |drained: Drained| {
            let read: Vec<_> =
                drained.read.into_iter().map(|(after, read)| (after, read.place.position)).collect();
            (drained.events.len(), drained.ticket, read)
        };
        assert_eq!(whole(receiver.drain_batches(2)), (2, 0, vec![]));
        assert_eq!(whole(receiver.drain_batches(3)), (3, 2, vec![(1, 30), (1, 2)]));
        assert_eq!(whole(receiver.drain_batches(9)), (1, 3, vec![(1, 60)]));
        assert_eq!(whole(receiver.drain_batches(9)), (0, 3, vec![]));
    }

    #[test]
    fn who_can_wait_leaves_half_of_the_room() {
        let (intake, mut receiver) = Intake::bounded(10);
        intake.submit_waiting(events(0..5), Vec::new()).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| intake.submit_waiting(events(5..8), Vec::new()));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            intake.submit(events(8..12)).unwrap();
            assert_eq!(ids(&receiver.drain(9)).len(), 9);
            waiting.join().unwrap().unwrap();
            assert_eq!(ids(&receiver.drain(9)), ["5", "6", "7"]);
            intake.submit(events(0..6)).unwrap();
            let closed = scope.spawn(|| intake.submit_waiting(events(6..7), Vec::new()));
            std::thread::sleep(Duration::from_millis(20));
            receiver.close();
            assert_eq!(closed.join().unwrap(), Err(Behind::Closed));
        });
    }

    #[test]
    fn arrival_and_wake_end_the_wait() {
        let (intake, mut receiver) = Intake::bounded(5);
        assert!(!receiver.wait(Duration::from_millis(1)));
        let long = Duration::from_secs(60);
        let started = Instant::now();
        std::thread::scope(|scope| {
            let other = intake.clone();
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                other.submit(events(0..1)).unwrap();
            });
            assert!(receiver.wait(long));
        });
        receiver.drain(5);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                intake.wake();
            });
            assert!(!receiver.wait(long));
        });
        // A call that comes before the wait is not lost, and ends one wait only.
        intake.wake();
        assert!(!receiver.wait(long));
        assert!(started.elapsed() < long);
        let again = Instant::now();
        assert!(!receiver.wait(Duration::from_millis(30)));
        assert!(again.elapsed() >= Duration::from_millis(30));
    }
}
