//! Records that were refused, to a topic of their own and to the file of dead letters.
//!
//! Invariant: everything that was refused is delivered, each report looked at, before a position behind it is handed
//! over. Key, value and headers are those of the record; what is wrong with it and where it stood is in headers.
//! Cost: letters since the last flush are held, so that one that is too large can be sent without its value.

use super::client::{Context, Remote};
use super::error::Error;
use super::{LAST_PATIENCE, Surroundings};
use crate::source::{DeadLetter, DeadLetters, Refused, SourceError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::{Duration, Instant};

/// Values up to this size are passed on; what brokers take by default is a mebibyte with all headers.
const VALUE: usize = 900 * 1024;

/// A record that was refused.
pub(super) struct Letter {
    /// The partition, as positions name it.
    lane: String,
    topic: String,
    partition: i32,
    offset: u64,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    headers: Option<OwnedHeaders>,
    refused: Refused,
}

impl Letter {
    pub(super) fn of(message: &BorrowedMessage<'_>, lane: &str, refused: Refused) -> Letter {
        Letter {
            lane: lane.to_owned(),
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: u64::try_from(message.offset()).unwrap_or(0),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().unwrap_or_default().to_vec(),
            headers: message.headers().map(rdkafka::message::BorrowedHeaders::detach),
            refused,
        }
    }
}

/// Takes refused records.
pub struct Letters {
    file: DeadLetters,
    topic: Option<(String, BaseProducer<Context>)>,
    around: Surroundings,
    waiting: bool,
}

impl Letters {
    /// To the file, and to a topic where one is named; it must be there.
    pub fn new(
        file: DeadLetters,
        topic: Option<&str>,
        remote: &Remote,
        around: &Surroundings,
    ) -> Result<Letters, Error> {
        let producer = |name: &str| {
            let context = Context::new(&around.metrics);
            remote.partitions(&remote.asking(context.clone(), true)?, name, around)?;
            Ok((name.to_owned(), remote.producer(context, None)?))
        };
        let topic = topic.map(producer).transpose()?;
        Ok(Letters { file, topic, around: around.clone(), waiting: false })
    }

    /// Takes one.
    pub(super) fn take(&mut self, letter: &Letter) -> Result<(), SourceError> {
        self.file.take(&DeadLetter {
            source: &letter.lane,
            position: letter.offset,
            refused: &letter.refused,
            raw: &letter.value,
        })?;
        let Some((topic, producer)) = &self.topic else { return Ok(()) };
        let (partition, offset) = (letter.partition.to_string(), letter.offset.to_string());
        let Refused { code, reason, hint } = &letter.refused;
        let said: [(&str, &str); 6] = [
            ("shopbell_code", code),
            ("shopbell_reason", reason),
            ("shopbell_hint", hint),
            ("shopbell_topic", &letter.topic),
            ("shopbell_partition", &partition),
            ("shopbell_offset", &offset),
        ];
        let mut headers = letter.headers.clone().unwrap_or_default();
        for (key, value) in said {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let whole = letter.value.len() <= VALUE;
        let left_out = letter.value.len().to_string();
        if !whole {
            headers = headers.insert(Header { key: "shopbell_value_left_out", value: Some(&left_out) });
        }
        let mut record = BaseRecord::to(topic).headers(headers);
        record.key = letter.key.as_deref();
        record.payload = whole.then_some(letter.value.as_slice());
        self.waiting = true;
        let mut patience = Patience::default();
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    record = again;
                    producer.poll(Duration::from_millis(100));
                    patience.spend(producer, topic, &self.around)?;
                }
                Err((error, _)) => return Err(lost(topic, &error.to_string()).into()),
            }
        }
    }

    /// Waits until all that was taken is delivered.
    pub(super) fn flush(&mut self) -> Result<(), SourceError> {
        self.file.flush()?;
        let Some((topic, producer)) = self.topic.as_ref().filter(|_| self.waiting) else { return Ok(()) };
        let mut patience = Patience::default();
        while producer.flush(Duration::from_secs(1)).is_err() {
            patience.spend(producer, topic, &self.around)?;
        }
        if let Some(code) = producer.context().take_undelivered() {
            return Err(lost(topic, &code.to_string()).into());
        }
        self.waiting = false;
        Ok(())
    }
}

fn lost(topic: &str, reason: &str) -> Error {
    Error::DeadLetters { topic: topic.to_owned(), reason: reason.to_owned() }
}

/// A broker that is away is waited for, but not for long once the job is to stop.
#[derive(Default)]
struct Patience(Option<Instant>);

impl Patience {
    fn spend(
        &mut self,
        producer: &BaseProducer<Context>,
        topic: &str,
        around: &Surroundings,
    ) -> Result<(), Error> {
        if let Some((code, reason)) = producer.client().fatal_error() {
            return Err(lost(topic, &format!("{code}: {reason}")));
        }
        let since = (around.stopping)().then(|| *self.0.get_or_insert_with(Instant::now));
        match since.filter(|since| since.elapsed() >= LAST_PATIENCE) {
            Some(_) => Err(lost(topic, "no broker answers")),
            None => Ok(()),
        }
    }
}
