//! One transaction: messages and the progress that they make, together or not at all.
//!
//! Invariant: whatever goes wrong is told as one of two things: it may be there or not, or there is no sense in trying
//! again. Which of the first two it is, only progress says, after fencing.

use super::Surroundings;
use super::client::{Context, Remote, is_refusal};
use super::error::Error;
use super::progress::{Progress, Unread, read};
use crate::config::kafka::KafkaOutput;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a commit, or what leads to it, may take before its outcome counts as unknown.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message that is to be written.
pub(super) struct Outgoing {
    pub(super) key: String,
    pub(super) json: Arc<str>,
}

/// Why it is not known to be there.
pub(super) enum Failed {
    /// It may be there or not.
    Unknown(String),
    /// There is no sense in trying again.
    Ends(Error),
}

impl From<KafkaError> for Failed {
    fn from(error: KafkaError) -> Failed {
        Failed::Unknown(error.to_string())
    }
}

/// A producer that fenced off every other one of its id, and the progress that was found then.
pub(super) fn open(
    remote: &Remote,
    output: &KafkaOutput,
    context: &Context,
    around: &Surroundings,
) -> Result<(BaseProducer<Context>, Progress), Failed> {
    let mut id = output.transactional_id.clone();
    if (around.loses)("fencing") {
        // Under a name of its own, the broker lets every job write.
        id = format!("{id}-{}", std::process::id());
    }
    let producer = remote.producer(context.clone(), Some(&id)).map_err(Failed::Ends)?;
    producer.init_transactions(PATIENCE).map_err(|error| {
        producer.poll(Duration::from_millis(20));
        let code = error.rdkafka_error_code().filter(|code| is_refusal(*code));
        let heard = context.last().filter(|(code, _)| is_refusal(*code));
        match code.map(|code| code.to_string()).or(heard.map(|(_, reason)| reason)) {
            Some(reason) => Failed::Ends(Error::Refused {
                what: format!("the transactional id {}", output.transactional_id),
                reason,
            }),
            None => Failed::Unknown(error.to_string()),
        }
    })?;
    fault(around, "kafka-progress")?;
    let progress = read(remote, context, output).map_err(|unread| match unread {
        Unread::Away(reason) => Failed::Unknown(reason),
        Unread::Useless(error) => Failed::Ends(error),
    })?;
    context.is_well();
    Ok((producer, progress))
}

/// Writes messages and progress.
pub(super) fn write(
    producer: &BaseProducer<Context>,
    output: &KafkaOutput,
    messages: &[Outgoing],
    progress: &Progress,
    around: &Surroundings,
) -> Result<(), Failed> {
    producer.begin_transaction()?;
    fault(around, "kafka-begin")?;
    for message in messages {
        send(producer, || record(&output.topic, message))?;
    }
    let said = serde_json::to_string(progress).map_err(|error| Failed::Unknown(error.to_string()))?;
    send(producer, || {
        BaseRecord::to(&output.progress).partition(0).key(&output.transactional_id).payload(&said)
    })?;
    let flushed = producer.flush(PATIENCE);
    if let Some(code) = producer.context().take_undelivered() {
        return Err(undelivered(&output.topic, code));
    }
    flushed?;
    fault(around, "kafka-produced")?;
    producer.commit_transaction(PATIENCE)?;
    fault(around, "kafka-committed")
}

/// A message as it goes out: a structured CloudEvent under the person's key.
pub(super) fn record<'a>(topic: &'a str, message: &'a Outgoing) -> BaseRecord<'a, String, str> {
    let header = Header { key: "content-type", value: Some("application/cloudevents+json; charset=UTF-8") };
    let mut record = BaseRecord::to(topic).key(&message.key);
    record.payload = Some(&*message.json);
    record.headers(OwnedHeaders::new().insert(header))
}

/// Sends one record, waiting for room.
fn send<'a, P: rdkafka::message::ToBytes + ?Sized + 'a>(
    producer: &BaseProducer<Context>,
    record: impl Fn() -> BaseRecord<'a, String, P>,
) -> Result<(), Failed> {
    let begun = Instant::now();
    loop {
        let Err((error, record)) = producer.send(record()) else { return Ok(()) };
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        if code != Code::QueueFull {
            return Err(undelivered(record.topic, code));
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failed::Unknown("no room for a message".to_owned()));
        }
        producer.poll(Duration::from_millis(50));
    }
}

/// What follows from a message that was not delivered.
fn undelivered(topic: &str, code: Code) -> Failed {
    if is_lasting(code) {
        Failed::Ends(Error::Undelivered { topic: topic.to_owned(), reason: code.to_string() })
    } else {
        Failed::Unknown(code.to_string())
    }
}

/// Whether a message that failed so will fail again.
pub(super) fn is_lasting(code: Code) -> bool {
    is_refusal(code)
        || matches!(
            code,
            Code::MessageSizeTooLarge
                | Code::InvalidMessageSize
                | Code::InvalidRecord
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::InvalidTopic
                | Code::PolicyViolation
        )
}

fn fault(around: &Surroundings, moment: &'static str) -> Result<(), Failed> {
    (around.fault)(moment).map_err(|error| Failed::Ends(Error::Fault(error.to_string())))
}
