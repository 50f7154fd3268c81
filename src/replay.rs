//! `replay`: events from files through the whole engine, by their own clock.
//!
//! Purpose: history, tests and what-if. Invariant: the output is a function of the log, the rules, the
//! configuration and the grid; neither the number of workers nor the speed of the machine matters.
//! How: a thread reads, as many threads as workers decode, this one puts events into ticks, workers run
//! the dataflow. Cost: bounded queues between them.

#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::intake::{CloudEventsJson, DecodedChunk, Outcome, Sequencer};
use crate::output::render_all;
use crate::runtime::{Asker, Engine, EngineError, Job, Tick, settings};
use crate::sink::{JsonLines as JsonLinesSink, Sink, SinkError, TickOutput};
use crate::source::{Chunk, DeadLetter, DeadLetters, Decode, JsonLines, Progress, Source, SourceError};
use crossbeam_channel::{Receiver, Sender, bounded};
use shopbell_model::offer::Message;
use shopbell_model::rules::{Rule, RuleSet};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Events after which a batch of ticks is handed to the workers. Large, because workers wait for each
/// other in every batch: a quarter of it costs a fifth of the throughput.
const BATCH_EVENTS: usize = 32_768;
/// Ticks after which it is.
const BATCH_TICKS: usize = 256;
/// Batches that may be unfinished.
const UNFINISHED: usize = 4;

/// What a replay needs besides events.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// The rules.
    pub rules: Vec<Shared<Rule>>,
    /// Worker threads.
    pub workers: usize,
    /// Milliseconds of the clock that make a tick.
    pub grid: u64,
    /// Where the clock goes on to after the last event.
    pub until: Option<Time>,
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Events taken in.
    pub events: u64,
    /// Second copies.
    pub copies: u64,
    /// Events of unknown types.
    pub unknown: u64,
    /// Records that are not events.
    pub refused: u64,
    /// Ticks with events.
    pub ticks: u64,
    /// Offers made.
    pub made: u64,
    /// Offers withdrawn.
    pub withdrawn: u64,
    /// The clock at the end.
    pub clock: Time,
}

/// Why a replay failed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// A source or the dead letters.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A message that is not JSON.
    #[error("an offer cannot be written as JSON: {0}")]
    Render(#[from] serde_json::Error),
}

/// What of rules reaches further than what is kept, a line each.
pub fn too_far<'a>(rules: impl IntoIterator<Item = &'a Shared<Rule>>, config: &Config) -> Vec<String> {
    let of = |rule: &'a Shared<Rule>| rule.too_far(&config.retention, config.presence.leave_after);
    rules.into_iter().flat_map(of).map(|found| found.to_string()).collect()
}

/// The enabled rules of a set, ready for the graph.
pub fn shared_rules(set: &RuleSet) -> Vec<Shared<Rule>> {
    set.rules.iter().map(|rule| Shared::new((**rule).clone())).collect()
}

/// Replays all sources, one after the other.
pub fn replay(
    plan: Plan,
    sources: Vec<Box<dyn Source>>,
    decoder: Arc<dyn Decode>,
    sink: Box<dyn Sink>,
    dead_letters: &mut DeadLetters,
    progress: impl FnMut(u64),
) -> Result<Outcomes, ReplayError> {
    Ok(replay_and_ask(plan, sources, decoder, sink, dead_letters, progress, |_| ())?.0)
}

/// The same, and at the end, when everything is decided, `ask` may ask the workers.
pub fn replay_and_ask<A>(
    plan: Plan,
    sources: Vec<Box<dyn Source>>,
    decoder: Arc<dyn Decode>,
    sink: Box<dyn Sink>,
    dead_letters: &mut DeadLetters,
    mut progress: impl FnMut(u64),
    ask: impl FnOnce(&Asker) -> A,
) -> Result<(Outcomes, A), ReplayError> {
    let delivery = Arc::new(Mutex::new(Delivery { sink, made: 0, withdrawn: 0, error: None }));
    let job = Job {
        workers: plan.workers,
        grid: plan.grid,
        unfinished: UNFINISHED,
        settings: settings(&plan.config, &plan.rules),
        rules: plan.rules,
        keep: None,
        restored: Vec::new(),
    };
    let deliver = Arc::clone(&delivery);
    let engine = Engine::start(job, move |tick, messages| {
        deliver.lock().unwrap_or_else(PoisonError::into_inner).deliver(tick, &messages);
    })?;
    let mut sequencer = Sequencer::new(engine.clock().clone(), plan.config.retention.duplicates);
    let mut feeder = Feeder { engine, ticks: Vec::new(), events: 0, outcomes: Outcomes::default() };
    let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
    std::thread::scope(|threads| {
        let chunks = decode_all(threads, sources, decoder, plan.workers);
        for decoded in in_order(chunks) {
            let (source, decoded) = decoded?;
            let name = names.get(source).map_or("", String::as_str);
            for outcome in decoded.outcomes {
                match outcome {
                    Outcome::Event(fingerprint, event) => {
                        if let Some(tick) = sequencer.take(fingerprint, event) {
                            feeder.add(tick)?;
                        }
                    }
                    Outcome::Unknown => feeder.outcomes.unknown += 1,
                    Outcome::Refused(position, refused, raw) => {
                        feeder.outcomes.refused += 1;
                        let (refused, raw) = (&refused, raw.as_slice());
                        dead_letters.take(&DeadLetter { source: name, position, refused, raw })?;
                    }
                }
            }
            progress(sequencer.taken());
            failed(&delivery)?;
        }
        Ok::<(), ReplayError>(())
    })?;
    dead_letters.flush()?;
    feeder.finish(&mut sequencer, plan.until)?;
    let Feeder { engine, mut outcomes, .. } = feeder;
    let answer = ask(engine.asker());
    engine.stop()?;
    failed(&delivery)?;
    let mut delivery = delivery.lock().unwrap_or_else(PoisonError::into_inner);
    delivery.sink.flush()?;
    outcomes.events = sequencer.taken();
    outcomes.copies = sequencer.copies();
    outcomes.clock = sequencer.now();
    (outcomes.made, outcomes.withdrawn) = (delivery.made, delivery.withdrawn);
    Ok((outcomes, answer))
}

/// Takes complete ticks to the sink; the first error stays.
struct Delivery {
    sink: Box<dyn Sink>,
    made: u64,
    withdrawn: u64,
    error: Option<ReplayError>,
}

impl Delivery {
    fn deliver(&mut self, tick: Time, messages: &[Message]) {
        if self.error.is_some() {
            return;
        }
        self.error = self.try_deliver(tick, messages).err();
    }

    fn try_deliver(&mut self, tick: Time, messages: &[Message]) -> Result<(), ReplayError> {
        let messages = render_all(messages)?;
        let count = |kind| messages.iter().filter(|message| message.kind == kind).count() as u64;
        self.made += count(crate::sink::MessageKind::Made);
        self.withdrawn += count(crate::sink::MessageKind::Withdrawn);
        Ok(self.sink.deliver(&TickOutput { tick, messages })?)
    }
}

fn failed(delivery: &Mutex<Delivery>) -> Result<(), ReplayError> {
    delivery.lock().unwrap_or_else(PoisonError::into_inner).error.take().map_or(Ok(()), Err)
}

/// Collects ticks into batches.
struct Feeder {
    engine: Engine,
    ticks: Vec<Tick>,
    events: usize,
    outcomes: Outcomes,
}

impl Feeder {
    fn add(&mut self, tick: Tick) -> Result<(), ReplayError> {
        // Ticks before this one are complete; it is itself once the next one begins.
        let full = self.events >= BATCH_EVENTS || self.ticks.len() >= BATCH_TICKS;
        if full {
            self.hand_over(tick.time)?;
        }
        self.outcomes.ticks += 1;
        self.events += tick.events.len();
        self.ticks.push(tick);
        Ok(())
    }

    fn hand_over(&mut self, until: Time) -> Result<(), ReplayError> {
        self.events = 0;
        Ok(self.engine.submit(std::mem::take(&mut self.ticks), until)?)
    }

    fn finish(&mut self, sequencer: &mut Sequencer, until: Option<Time>) -> Result<(), ReplayError> {
        let clock = self.engine.clock().clone();
        let last = sequencer.last();
        let end = sequencer.now().max(until.unwrap_or(0));
        // Everything before the last tick is complete before the clock is stopped within it.
        let last_time = last.as_ref().map_or(clock.tick_of(end), |tick| tick.time);
        self.hand_over(last_time)?;
        self.engine.wait_for(last_time)?;
        clock.stop_at(end);
        if let Some(tick) = last {
            self.outcomes.ticks += 1;
            self.ticks.push(tick);
        }
        sequencer.advance(end);
        let after = clock.tick_of(end) + 1;
        self.hand_over(after)?;
        Ok(self.engine.wait_for(after)?)
    }
}

/// A chunk's number, its source and what it holds, or why reading failed.
type Numbered<T> = (u64, Result<(usize, T), SourceError>);

/// Reads on one thread and decodes on others; chunks come out in any order.
fn decode_all<'scope>(
    threads: &'scope std::thread::Scope<'scope, '_>,
    sources: Vec<Box<dyn Source>>,
    decoder: Arc<dyn Decode>,
    workers: usize,
) -> Receiver<Numbered<DecodedChunk>> {
    let (chunks_in, chunks) = bounded::<Numbered<Chunk>>(workers * 2);
    let (decoded_in, decoded) = bounded(workers * 2);
    threads.spawn(move || read_all(sources, &chunks_in));
    for _ in 0..workers {
        let (chunks, decoded, decoder) = (chunks.clone(), decoded_in.clone(), Arc::clone(&decoder));
        threads.spawn(move || {
            for (number, chunk) in chunks {
                let result = chunk.map(|(source, chunk)| (source, DecodedChunk::decode(&chunk, &*decoder)));
                if decoded.send((number, result)).is_err() {
                    return;
                }
            }
        });
    }
    decoded
}

fn read_all(sources: Vec<Box<dyn Source>>, chunks: &Sender<Numbered<Chunk>>) {
    let mut number = 0;
    for (index, mut source) in sources.into_iter().enumerate() {
        loop {
            let mut chunk = Chunk::default();
            let read = source.read(&mut chunk);
            let ended = !matches!(read, Ok(Progress::More));
            let failed = read.is_err();
            let message = (number, read.map(|_| (index, chunk)));
            number += 1;
            // Nobody listens any more where the replay failed.
            if chunks.send(message).is_err() || failed {
                return;
            }
            if ended {
                break;
            }
        }
    }
}

/// Chunks in the order of their numbers.
fn in_order<T>(chunks: Receiver<Numbered<T>>) -> impl Iterator<Item = Result<(usize, T), SourceError>> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    std::iter::from_fn(move || {
        loop {
            if let Some(chunk) = early.remove(&next) {
                next += 1;
                return Some(chunk);
            }
            let (number, chunk) = chunks.recv().ok()?;
            early.insert(number, chunk);
        }
    })
}

/// A replay of events, rules and configuration given as text: for tests.
#[derive(Clone, Debug)]
pub struct InMemory {
    /// One event a line, in log order.
    pub events: Vec<String>,
    /// Rule files: name and text.
    pub rules: Vec<(String, String)>,
    /// The configuration file's text.
    pub config: String,
    /// Worker threads.
    pub workers: usize,
    /// Milliseconds of the clock that make a tick.
    pub tick_ms: u64,
    /// Where the clock goes on to after the last event.
    pub until: Option<Time>,
}

/// Replays in memory; gives the lines that come out.
pub fn in_memory(job: &InMemory) -> Result<Vec<String>, String> {
    Ok(in_memory_and_ask(job, |_| ())?.0)
}

/// The same, and what `ask` hears of the workers at the end.
pub fn in_memory_and_ask<A>(
    job: &InMemory,
    ask: impl FnOnce(&Asker) -> A,
) -> Result<(Vec<String>, A), String> {
    let config = Config::parse(&job.config, std::path::Path::new("test.toml"))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let set = shopbell_model::rules::load(&job.rules)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let text = job.events.join("\n");
    let source = JsonLines::new("memory", std::io::Cursor::new(text), config.limits.event_bytes);
    let decoder = CloudEventsJson { wall_clock: crate::wall_clock, limits: config.limits };
    let lines = Lines::default();
    let plan =
        Plan { config, rules: shared_rules(&set), workers: job.workers, grid: job.tick_ms, until: job.until };
    let mut dead_letters = DeadLetters::new(None, crate::metrics::Metrics::new());
    let sink: Box<dyn Sink> = Box::new(JsonLinesSink::new(
        "memory",
        Box::new(lines.clone()),
        crate::sink::json_lines::Flush::WhenFull,
    ));
    let (sources, decoder): (Vec<Box<dyn Source>>, _) = (vec![Box::new(source)], Arc::new(decoder));
    let (_, answer) = replay_and_ask(plan, sources, decoder, sink, &mut dead_letters, |_| {}, ask)
        .map_err(|error| error.to_string())?;
    let bytes = std::mem::take(&mut *lines.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect(), answer))
}

/// Bytes that are written to from elsewhere.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
