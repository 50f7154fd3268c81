//! Offers to a topic, each once, whenever the process or a broker dies.
//!
//! Invariant: messages are counted and digested in the order in which they are decided, which is the same in every
//! life. What progress says is committed is compared and not sent again; what is not, is sent with its progress in one
//! transaction. Where the outcome of one is unknown, the producer is dropped, a new one fences it off, and progress says
//! what became of it; another job's name there ends this one. Cost: a commit whenever nothing more waits, so that it
//! gathers by itself when there is much; messages of one transaction are held until it is committed.

use super::client::{Context, Remote};
use super::error::Error;
use super::progress::{Progress, prepare};
use super::transaction::{Failed, Outgoing, open, write};
use super::{LAST_PATIENCE, PATIENCE, Surroundings};
use crate::config::kafka::KafkaOutput;
use crate::sink::{Position, Sink, SinkError, TickOutput};
use rdkafka::producer::BaseProducer;
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// What the position of this sink is kept under.
pub const KAFKA: &str = "kafka";

/// One transaction holds at most about so much.
const MESSAGES: usize = 2000;
const BYTES: usize = 4 << 20;

/// The sink.
pub struct ExactlyOnce {
    name: String,
    remote: Remote,
    output: KafkaOutput,
    around: Surroundings,
    /// One for all clients, so that what they tell is told sparsely.
    context: Context,
    life: String,
    producer: Option<BaseProducer<Context>>,
    /// What was decided so far.
    decided: Position,
    tick: u64,
    /// What is there for good.
    committed: Progress,
    waiting: Vec<Outgoing>,
    bytes: usize,
}

impl ExactlyOnce {
    /// Takes the topic over from whoever wrote before. `kept` is how far the output was at the checkpoint. Waits for a
    /// broker.
    pub fn open(
        remote: &Remote,
        output: &KafkaOutput,
        kept: Position,
        around: &Surroundings,
    ) -> Result<ExactlyOnce, Error> {
        let context = Context::new(&around.metrics);
        let asking = remote.asking(context.clone(), true)?;
        remote.partitions(&asking, &output.topic, around)?;
        prepare(remote, &asking, output, around)?;
        let mut sink = ExactlyOnce {
            name: format!("kafka topic {}", output.topic),
            remote: remote.clone(),
            output: output.clone(),
            around: around.clone(),
            context,
            life: name_of_life(),
            producer: None,
            decided: kept,
            tick: 0,
            committed: Progress::default(),
            waiting: Vec::new(),
            bytes: 0,
        };
        sink.begin()?;
        let (committed, known) = (sink.committed.count, kept.at);
        if committed < known {
            return Err(Error::OutputShorter { topic: output.topic.clone(), committed, known });
        }
        sink.compare()?;
        tracing::info!(
            committed,
            said_again = committed - known,
            "kafka: the topic of offers is gone on with"
        );
        Ok(sink)
    }

    /// Reads progress and writes our name into it.
    fn begin(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let opened = open(&self.remote, &self.output, &self.context, &self.around).and_then(
                |(producer, found)| {
                    let progress = Progress { life: self.life.clone(), ..found };
                    write(&producer, &self.output, &[], &progress, &self.around)?;
                    Ok((producer, progress))
                },
            );
            match opened {
                Ok((producer, progress)) => {
                    (self.producer, self.committed) = (Some(producer), progress);
                    return Ok(());
                }
                Err(Failed::Ends(error)) => return Err(error),
                Err(Failed::Unknown(reason)) => {
                    let context = &self.context;
                    if begun.elapsed() >= PATIENCE || (self.around.stopping)() {
                        return Err(self.remote.unreachable(context, &reason));
                    }
                    context.trouble(&reason);
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }

    /// Where what was decided meets what is committed, both must be the same.
    fn compare(&self) -> Result<(), Error> {
        let (topic, count) = (self.output.topic.clone(), self.committed.count);
        if self.decided.at == count && self.decided.digest != self.committed.digest {
            return Err(Error::Diverged { topic, count });
        }
        Ok(())
    }

    /// Commits what waits, for good.
    fn commit(&mut self) -> Result<(), Error> {
        let target = Progress {
            life: self.life.clone(),
            count: self.decided.at,
            digest: self.decided.digest,
            tick: self.tick,
        };
        let mut away = Away::default();
        while !self.waiting.is_empty() {
            let done = match &self.producer {
                Some(producer) => write(producer, &self.output, &self.waiting, &target, &self.around)
                    .map(|()| self.committed = target.clone()),
                None => self.renew(&target),
            };
            match done {
                Ok(()) => {}
                Err(Failed::Ends(error)) => return Err(error),
                Err(Failed::Unknown(reason)) => {
                    self.producer = None;
                    away.wait(&self.remote, &self.context, &self.around, &reason)?;
                }
            }
            if self.committed == target {
                self.waiting.clear();
                self.bytes = 0;
            }
        }
        Ok(())
    }

    /// A new producer, after one whose last transaction may be there or not.
    fn renew(&mut self, target: &Progress) -> Result<(), Failed> {
        let (producer, mut found) = open(&self.remote, &self.output, &self.context, &self.around)?;
        if (self.around.loses)("other-life") {
            found = Progress { life: self.life.clone(), ..self.committed.clone() };
        }
        if found.life != self.life {
            let id = self.output.transactional_id.clone();
            return Err(Failed::Ends(Error::Fenced { id }));
        }
        if found != self.committed && found != *target {
            let (topic, count) = (self.output.topic.clone(), found.count);
            return Err(Failed::Ends(Error::Diverged { topic, count }));
        }
        tracing::info!(committed = found.count, "kafka: a new producer goes on");
        (self.producer, self.committed) = (Some(producer), found);
        Ok(())
    }
}

/// A broker that is away is waited for, but not for long once the job is to stop.
#[derive(Default)]
struct Away {
    times: u32,
    stopping: Option<Instant>,
}

impl Away {
    fn wait(
        &mut self,
        remote: &Remote,
        context: &Context,
        around: &Surroundings,
        reason: &str,
    ) -> Result<(), Error> {
        context.trouble(reason);
        if (around.stopping)() && self.stopping.get_or_insert_with(Instant::now).elapsed() >= LAST_PATIENCE {
            return Err(remote.unreachable(context, reason));
        }
        std::thread::sleep(Duration::from_millis(100 << self.times.min(4)));
        self.times += 1;
        Ok(())
    }
}

/// Told apart from every other one.
fn name_of_life() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// The digest of messages with one more.
fn chained(digest: u64, key: &str, json: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(digest.to_le_bytes());
    hash.update((key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update(json);
    let mut first = [0; 8];
    first.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    u64::from_le_bytes(first)
}

impl Sink for ExactlyOnce {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        for message in &output.messages {
            let digest = chained(self.decided.digest, &message.key, &message.json);
            self.decided = Position { at: self.decided.at + 1, digest };
            if self.decided.at <= self.committed.count {
                self.compare()?;
                continue;
            }
            self.tick = output.tick;
            self.bytes += message.json.len() + message.key.len();
            self.waiting.push(Outgoing { key: message.key.clone(), json: message.json.clone() });
            if self.waiting.len() >= MESSAGES || self.bytes >= BYTES {
                self.commit()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(self.commit()?)
    }

    fn position(&self) -> Option<(&'static str, Position)> {
        Some((KAFKA, self.decided))
    }

    fn settle(&mut self) -> Result<(), SinkError> {
        Ok(self.commit()?)
    }

    fn keep(&mut self) -> Result<(), SinkError> {
        Ok(self.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_order_bytes_and_their_borders_apart() {
        let of = |messages: &[(&str, &str)]| messages.iter().fold(0, |digest, (k, j)| chained(digest, k, j));
        let whole = of(&[("a", "1"), ("b", "2")]);
        for other in
            [&[("b", "2"), ("a", "1")][..], &[("a", "1")], &[("a1", ""), ("b", "2")], &[("a", "1b2")]]
        {
            assert_ne!(of(other), whole, "{other:?}");
        }
        assert_eq!(chained(chained(0, "a", "1"), "b", "2"), whole);
    }

    #[test]
    fn lives_have_names_of_their_own() {
        let names: std::collections::BTreeSet<String> = (0..100).map(|_| name_of_life()).collect();
        assert_eq!(names.len(), 100);
    }
}
