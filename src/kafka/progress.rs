//! How far the output is: a record in a topic of its own, written in the transaction of the offers themselves.
//!
//! Invariant: it is read after every other writer of the same id was fenced off, up to the end the topic had then, so
//! that what it says can change no more but by ourselves. Cost: a read of the topic's last records; further back only
//! where jobs with other ids wrote much since.

use super::client::{Context, Remote};
use super::error::Error;
use super::{REQUEST, Surroundings};
use crate::config::kafka::KafkaOutput;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Records that are looked at first.
const LAST: i64 = 500;
/// How long a read may take: with transactions of other jobs under way it waits for their end.
const READ: Duration = Duration::from_secs(30);

/// How far the output is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Which life of which job wrote it.
    pub(super) life: String,
    /// Messages since ever.
    pub(super) count: u64,
    /// A digest of all of them.
    pub(super) digest: u64,
    /// The tick of the last one.
    pub(super) tick: u64,
}

/// Why progress was not read.
pub(super) enum Unread {
    /// It may be, later.
    Away(String),
    /// It never will be.
    Useless(Error),
}

impl From<KafkaError> for Unread {
    fn from(error: KafkaError) -> Unread {
        Unread::Away(error.to_string())
    }
}

/// Makes the topic where it is not there. Waits for a broker.
pub(super) fn prepare(
    remote: &Remote,
    asking: &BaseConsumer<Context>,
    output: &KafkaOutput,
    around: &Surroundings,
) -> Result<(), Error> {
    let topic = &output.progress;
    let useless = |reason: String| Error::Progress { topic: topic.clone(), reason };
    match remote.partitions(asking, topic, around) {
        Err(Error::UnknownTopic { .. }) => {
            remote.make_compacted(topic).map_err(|reason| useless(format!("it cannot be made: {reason}")))?;
            let begun = Instant::now();
            // What was made is known everywhere a moment later.
            while remote.partitions(asking, topic, around).is_err() {
                if begun.elapsed() > REQUEST {
                    return Err(useless("it was made, and is not there".to_owned()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        found => {
            found?;
            let policy = remote.setting_of(topic, "cleanup.policy");
            if let Some(policy) = policy.filter(|policy| !policy.contains("compact")) {
                return Err(useless(format!("its cleanup.policy is {policy}, so what it says can vanish")));
            }
        }
    }
    Ok(())
}

/// The last progress of a transactional id, after fencing.
pub(super) fn read(remote: &Remote, context: &Context, output: &KafkaOutput) -> Result<Progress, Unread> {
    let topic = output.progress.as_str();
    let all = remote.asking(context.clone(), false).map_err(Unread::Useless)?;
    let (low, high) = all.fetch_watermarks(topic, 0, REQUEST)?;
    let consumer = remote.consumer(context.clone()).map_err(Unread::Useless)?;
    let begun = Instant::now();
    // What others have under way hides what is behind it.
    while consumer.fetch_watermarks(topic, 0, REQUEST)?.1 < high {
        if begun.elapsed() > READ {
            return Err(Unread::Away(format!("a transaction of another job on {topic} does not end")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut span = LAST;
    loop {
        let from = low.max(high - span);
        if let Some(found) = last_from(&consumer, output, from, high)? {
            return Ok(found);
        }
        if from <= low {
            return Ok(Progress::default());
        }
        span = span.saturating_mul(16);
    }
}

/// The last progress at or after an offset.
fn last_from(
    consumer: &BaseConsumer<Context>,
    output: &KafkaOutput,
    from: i64,
    high: i64,
) -> Result<Option<Progress>, Unread> {
    let topic = output.progress.as_str();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(from))?;
    consumer.assign(&list)?;
    let (begun, mut last) = (Instant::now(), None);
    if from >= high {
        return Ok(None);
    }
    loop {
        if begun.elapsed() > READ {
            return Err(Unread::Away(format!("{topic} cannot be read")));
        }
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(message)) => {
                if message.key() == Some(output.transactional_id.as_bytes())
                    && let Some(value) = message.payload()
                {
                    let read = serde_json::from_slice(value);
                    last = Some(read.map_err(|error| {
                        let reason = format!("its record {} is not progress: {error}", message.offset());
                        Unread::Useless(Error::Progress { topic: topic.to_owned(), reason })
                    })?);
                }
                if message.offset() + 1 >= high {
                    break;
                }
            }
        }
    }
    consumer.unassign()?;
    Ok(last)
}
