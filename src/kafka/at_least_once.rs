//! Offers to a topic, each at least once: without transactions, so sooner there.
//!
//! Invariant: a checkpoint counts as delivered only when every message before it was acknowledged by all replicas; what
//! came after it is said again after a restart. Messages keep their order and are not doubled while the process lives.
//! Cost: none but the sending; librdkafka holds at most 64 MiB, then the job waits.

use super::client::{Context, Remote};
use super::error::Error;
use super::transaction::{Outgoing, record};
use super::{LAST_PATIENCE, Surroundings};
use crate::config::kafka::KafkaOutput;
use crate::sink::{Sink, SinkError, TickOutput};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, Producer};
use std::time::{Duration, Instant};

/// The sink.
pub struct AtLeastOnce {
    name: String,
    topic: String,
    remote: Remote,
    producer: BaseProducer<Context>,
    around: Surroundings,
    /// Since when the job is to stop and a broker is waited for.
    stopping: Option<Instant>,
}

impl AtLeastOnce {
    /// The topic must be there. Waits for a broker.
    pub fn open(remote: &Remote, output: &KafkaOutput, around: &Surroundings) -> Result<AtLeastOnce, Error> {
        let context = Context::new(&around.metrics);
        let asking = remote.asking(context.clone(), true)?;
        remote.partitions(&asking, &output.topic, around)?;
        Ok(AtLeastOnce {
            name: format!("kafka topic {}", output.topic),
            topic: output.topic.clone(),
            remote: remote.clone(),
            producer: remote.producer(context, None)?,
            around: around.clone(),
            stopping: None,
        })
    }

    /// Whether there is still hope: a message that was given up, or a broker that stays away at the end, is none.
    fn check(&mut self) -> Result<(), Error> {
        let undelivered = |reason: String| Error::Undelivered { topic: self.topic.clone(), reason };
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            return Err(undelivered(format!("{code}: {reason}")));
        }
        if let Some(code) = self.producer.context().take_undelivered() {
            return Err(undelivered(code.to_string()));
        }
        let since = (self.around.stopping)().then(|| *self.stopping.get_or_insert_with(Instant::now));
        match since.filter(|since| since.elapsed() >= LAST_PATIENCE) {
            Some(_) => Err(self.remote.unreachable(self.producer.context(), "messages wait")),
            None => Ok(()),
        }
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), Error> {
        let topic = self.topic.clone();
        loop {
            match self.producer.send(record(&topic, message)) {
                Ok(()) => {
                    self.stopping = None;
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(Code::QueueFull), _)) => {
                    self.producer.poll(Duration::from_millis(50));
                    self.check()?;
                }
                Err((error, _)) => return Err(Error::Undelivered { topic, reason: error.to_string() }),
            }
        }
    }

    fn all_delivered(&mut self) -> Result<(), Error> {
        self.stopping = None;
        while self.producer.flush(Duration::from_millis(500)).is_err() {
            self.check()?;
        }
        self.stopping = None;
        self.check()
    }
}

impl Sink for AtLeastOnce {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        for message in &output.messages {
            self.send(&Outgoing { key: message.key.clone(), json: message.json.clone() })?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(self.all_delivered()?)
    }

    fn settle(&mut self) -> Result<(), SinkError> {
        self.producer.poll(Duration::ZERO);
        Ok(self.check()?)
    }

    fn keep(&mut self) -> Result<(), SinkError> {
        Ok(self.all_delivered()?)
    }
}
