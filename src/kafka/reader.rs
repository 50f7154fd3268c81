//! The thread that reads topics: takes records out of their partitions, decodes them, hands events over.
//!
//! Invariant: with the clock of events, partitions are merged by (event time, topic, partition) as far as each
//! partition has something or is at its end, so that the same history gives the same order every time; with the wall
//! clock, as they come. A batch is handed over with how far each partition was read, after what was refused in it is
//! put aside. Cost: one thread; it waits where the engine is behind.

use super::Surroundings;
use super::client::{Context, Remote};
use super::error::Error;
use super::lane::{Item, Lane, Looked, What};
use super::letters::Letters;
use super::positions::{Begin, begins, out_of_range, watermarks};
use crate::config::kafka::KafkaSource;
use crate::source::{Decode, Intake, ReadTo, SourceError};
use crate::stored::Place;
use prometheus_client::metrics::counter::Counter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use shopbell_model::event::Event;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Events handed over at once.
const BATCH: usize = 4096;
/// The longest wait in which a stop is not seen.
const BLINK: Duration = Duration::from_millis(50);

/// What a reader needs.
pub struct Input<'a> {
    /// The brokers.
    pub remote: &'a Remote,
    /// The topics.
    pub source: &'a KafkaSource,
    /// How far they were read.
    pub read: &'a BTreeMap<String, Place>,
    /// Whether partitions are merged by event time.
    pub by_time: bool,
    /// Bytes of an event at most.
    pub limit: usize,
    /// From bytes to events.
    pub decoder: Arc<dyn Decode>,
    /// For what is refused.
    pub letters: Letters,
    /// Where events go.
    pub intake: Intake,
    /// The job.
    pub around: Surroundings,
}

/// Reads topics.
pub struct Reader {
    remote: Remote,
    consumer: Arc<BaseConsumer<Context>>,
    lanes: Vec<Lane>,
    by_time: bool,
    limit: usize,
    decoder: Arc<dyn Decode>,
    letters: Letters,
    intake: Intake,
    around: Surroundings,
    bell: Arc<Bell>,
    /// How far partitions were read since the last batch that was handed over.
    read: BTreeMap<usize, Place>,
    accepted: Counter,
}

/// Rings when something came.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ring.notify_one();
    }

    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ring.wait_timeout_while(rung, BLINK, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

impl Reader {
    /// Finds out where to begin. Waits for a broker.
    pub fn open(input: Input<'_>) -> Result<Reader, Error> {
        let Input { remote, source, read, around, .. } = input;
        let begins = begins(remote, source, read, &around)?;
        let consumer = Arc::new(remote.consumer(Context::new(&around.metrics))?);
        let bell = Arc::new(Bell::default());
        let mut reader = Reader {
            remote: remote.clone(),
            consumer,
            lanes: Vec::with_capacity(begins.len()),
            by_time: input.by_time,
            limit: input.limit,
            decoder: input.decoder,
            letters: input.letters,
            intake: input.intake,
            accepted: around.metrics.source_events("kafka"),
            around,
            bell,
            read: BTreeMap::new(),
        };
        reader.assign(begins, source.until_end)?;
        Ok(reader)
    }

    fn assign(&mut self, begins: Vec<Begin>, until_end: bool) -> Result<(), Error> {
        let setup = |error: rdkafka::error::KafkaError| Error::Setup { reason: error.to_string() };
        // A queue that was split off before stays so: nothing of it ever comes out of the consumer's own.
        for (index, begin) in begins.into_iter().enumerate() {
            let (topic, partition) = (begin.topic.clone(), begin.partition);
            self.consumer.context().read_to(&topic, partition, begin.position);
            // The first batch says of every partition where it began.
            let mark = begin.before.unwrap_or(0);
            self.read.insert(index, Place { position: begin.position, mark });
            let Some(queue) = self.consumer.split_partition_queue(&topic, partition) else {
                return Err(Error::UnknownTopic { topic });
            };
            let mut lane = Lane::new(begin, queue, until_end);
            let bell = Arc::clone(&self.bell);
            lane.call(move || bell.ring());
            self.lanes.push(lane);
        }
        let mut list = TopicPartitionList::new();
        for lane in &self.lanes {
            let offset = Offset::Offset(lane.first_offset());
            list.add_partition_offset(&lane.begin.topic, lane.begin.partition, offset).map_err(setup)?;
        }
        self.consumer.assign(&list).map_err(setup)
    }

    /// Reads until the job stops, or, where that is wanted, to the end. Says whether it was read to its end.
    pub fn run(mut self) -> Result<bool, SourceError> {
        loop {
            if (self.around.stopping)() {
                return Ok(false);
            }
            self.look()?;
            let handed_over = match self.batch()? {
                Some(events) => self.hand_over(events)?,
                None => {
                    if self.lanes.iter().all(Lane::is_done) {
                        tracing::info!(events = self.accepted.get(), "kafka: read to its end");
                        return Ok(true);
                    }
                    self.bell.wait();
                    true
                }
            };
            if !handed_over {
                return Ok(false);
            }
        }
    }

    /// Takes out what came; serves what the consumer itself has to tell.
    fn look(&mut self) -> Result<(), SourceError> {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            self.consumer.context().trouble(&error.to_string());
        }
        for index in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(index) else { break };
            match lane.look(&*self.decoder, self.limit)? {
                Looked::Enough => {}
                Looked::Trouble(what) => self.consumer.context().trouble(&what),
                Looked::OutOfRange => return Err(self.out_of_range(index).into()),
            }
        }
        Ok(())
    }

    /// Why offsets are not there any more.
    fn out_of_range(&self, index: usize) -> Error {
        let Some(lane) = self.lanes.get(index) else { return Error::Fault("no such partition".to_owned()) };
        let position = self.read.get(&index).map_or(lane.begin.position, |place| place.position);
        let found = self.remote.asking(self.consumer.context().as_ref().clone(), false).and_then(|asking| {
            let (topic, partition) = (&lane.begin.topic, lane.begin.partition);
            watermarks(&self.remote, &asking, topic, partition, &self.around)
        });
        match found {
            Ok((low, high)) => out_of_range(&lane.begin.name, position, low, high),
            Err(error) => error,
        }
    }

    /// The next events, in order; none where nothing is there.
    fn batch(&mut self) -> Result<Option<Vec<Event>>, SourceError> {
        let (mut events, mut any) = (Vec::new(), false);
        while events.len() < BATCH {
            let Some((index, item)) = self.next() else { break };
            any = true;
            self.read.insert(index, item.place);
            match item.what {
                What::Event(event) => events.push(event),
                What::Tombstone => self.around.metrics.skip("tombstone"),
                What::Unknown => {
                    self.around.metrics.unknown_types.inc();
                }
                What::Refused(letter) => self.letters.take(&letter)?,
            }
        }
        Ok(any.then_some(events))
    }

    /// The next record, and of which partition.
    fn next(&mut self) -> Option<(usize, Item)> {
        if self.by_time && self.lanes.iter().any(Lane::is_open) {
            return None;
        }
        let times =
            self.lanes.iter().enumerate().filter_map(|(index, lane)| Some((lane.next_time()?, index)));
        // With the wall clock any order will do, and this one is fair enough.
        let (_, index) = times.min()?;
        Some((index, self.lanes.get_mut(index)?.next()?))
    }

    /// Hands events over, and how far partitions were read with them; says whether they were taken.
    fn hand_over(&mut self, events: Vec<Event>) -> Result<bool, SourceError> {
        self.letters.flush()?;
        for (index, place) in &self.read {
            if let Some(lane) = self.lanes.get(*index) {
                self.consumer.context().read_to(&lane.begin.topic, lane.begin.partition, place.position);
            }
        }
        if events.is_empty() {
            // Positions go with the next events.
            return Ok(true);
        }
        let count = events.len() as u64;
        let named = |(index, place): (&usize, &Place)| {
            let source = Arc::clone(&self.lanes.get(*index)?.begin.name);
            Some(ReadTo { source, place: *place })
        };
        let read = self.read.iter().filter_map(named).collect();
        if self.intake.submit_waiting(events, read).is_err() {
            // The job is stopping: what was not accepted is read by the next one.
            return Ok(false);
        }
        self.read.clear();
        self.accepted.inc_by(count);
        Ok(true)
    }

    /// Reads on a thread of its own; `ended` is told what it came to.
    pub fn start(
        self,
        ended: impl FnOnce(Result<bool, SourceError>) + Send + 'static,
    ) -> std::io::Result<Running> {
        let thread = std::thread::Builder::new().name("shopbell-kafka".to_owned());
        Ok(Running(thread.spawn(move || ended(self.run()))?))
    }
}

/// The thread that reads.
pub struct Running(std::thread::JoinHandle<()>);

impl Running {
    /// Waits for its end, but not long: a client may hang on a broker that is away.
    pub fn join(self) {
        let begun = Instant::now();
        while !self.0.is_finished() && begun.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
