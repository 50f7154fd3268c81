//! Where reading begins: what the state says of each partition, against what the brokers say.
//!
//! Invariant: a partition is read on exactly where it was read to, or the job ends by name. The record before that
//! place is read once more and compared, so that a topic that was made anew is found out.
//! Cost: two requests a partition at the start.

use super::Surroundings;
use super::client::{Context, Remote};
use super::error::Error;
use crate::config::kafka::KafkaSource;
use crate::stored::Place;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a partition is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// What its position is kept under.
    pub(super) name: Arc<str>,
    /// The next record to hand over, and the mark of the one before it, which is then read first.
    pub(super) position: u64,
    pub(super) before: Option<u64>,
    /// Where it ended at the start.
    pub(super) end: u64,
}

/// What the position of a partition is kept under.
pub(super) fn name_of(topic: &str, partition: i32) -> String {
    format!("kafka:{topic}/{partition}")
}

/// Where each partition of the topics is read from.
pub(super) fn begins(
    remote: &Remote,
    source: &KafkaSource,
    kept: &BTreeMap<String, Place>,
    around: &Surroundings,
) -> Result<Vec<Begin>, Error> {
    let context = Context::new(&around.metrics);
    let asking = remote.asking(context, true)?;
    let mut begins = Vec::new();
    for topic in &source.topics {
        let count = remote.partitions(&asking, topic, around)?;
        if remote.setting_of(topic, "cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
            let reason = "its cleanup.policy removes records of the same key".to_owned();
            return Err(Error::Compacted { topic: topic.clone(), reason });
        }
        let known = known_partitions(kept, topic);
        if let Some(gone) = known.iter().find(|partition| **partition >= count) {
            let partition = name_of(topic, *gone);
            return Err(Error::Recreated {
                partition,
                reason: format!("the topic has {count} partitions now"),
            });
        }
        for partition in 0..count {
            let name = name_of(topic, partition);
            let (low, high) = watermarks(remote, &asking, topic, partition, around)?;
            // One that is new in a topic that was read is new altogether.
            let from_end = source.from_end && known.is_empty();
            let (position, before) = begin(&name, kept.get(&name).copied(), from_end, low, high)?;
            let topic = topic.clone();
            begins.push(Begin { topic, partition, name: Arc::from(name), position, before, end: high });
        }
    }
    Ok(begins)
}

/// Partitions of a topic that the state knows.
fn known_partitions(kept: &BTreeMap<String, Place>, topic: &str) -> Vec<i32> {
    let of_topic = |name: &String| name.strip_prefix(&format!("kafka:{topic}/"))?.parse().ok();
    kept.keys().filter_map(of_topic).collect()
}

/// Where a partition begins and ends.
pub(super) fn watermarks(
    remote: &Remote,
    asking: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    around: &Surroundings,
) -> Result<(u64, u64), Error> {
    use super::REQUEST;
    let (low, high) =
        remote.patiently(asking, around, || asking.fetch_watermarks(topic, partition, REQUEST))?;
    Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0)))
}

/// The next record, and the mark of the one before it where that can be read again.
fn begin(
    name: &str,
    kept: Option<Place>,
    from_end: bool,
    low: u64,
    high: u64,
) -> Result<(u64, Option<u64>), Error> {
    let Some(Place { position, mark }) = kept else { return Ok((if from_end { high } else { low }, None)) };
    let partition = || name.to_owned();
    if high < position {
        let reason = format!("it ends at offset {high}, but was read to {position}");
        return Err(Error::Recreated { partition: partition(), reason });
    }
    if low > position {
        return Err(Error::Truncated { partition: partition(), position, low });
    }
    // Where everything that was read is forgotten, there is nothing to compare.
    let comparable = mark != 0 && position > low;
    Ok((position, comparable.then_some(mark)))
}

/// What it means that a partition cannot be read from an offset.
pub(super) fn out_of_range(name: &str, position: u64, low: u64, high: u64) -> Error {
    let partition = name.to_owned();
    if low > position {
        Error::Truncated { partition, position, low }
    } else {
        let reason = format!("it ends at offset {high}, but was read to {position}");
        Error::Recreated { partition, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_read_on_where_it_was_read_to_or_not_at_all() {
        let at = |position, mark| Some(Place { position, mark });
        let cases = [
            (None, false, 3, 9, Ok((3, None))),
            (None, true, 3, 9, Ok((9, None))),
            (at(5, 7), false, 3, 9, Ok((5, Some(7)))),
            (at(5, 7), true, 3, 9, Ok((5, Some(7)))),
            (at(5, 7), false, 4, 5, Ok((5, Some(7)))),
            (at(5, 7), false, 5, 9, Ok((5, None))),
            (at(5, 0), false, 0, 9, Ok((5, None))),
            (at(0, 7), false, 0, 0, Ok((0, None))),
            (at(5, 7), false, 6, 9, Err("kafka-truncated")),
            (at(5, 7), false, 0, 4, Err("kafka-recreated")),
        ];
        for (kept, from_end, low, high, expected) in cases {
            let found = begin("kafka:a/0", kept, from_end, low, high).map_err(|error| error.code());
            assert_eq!(found, expected, "{kept:?} {low} {high}");
        }
    }

    #[test]
    fn only_partitions_of_the_topic_itself_are_known() {
        let kept = ["kafka:a/0", "kafka:a/11", "kafka:ab/2", "kafka:a/x", "file"];
        let kept = kept.into_iter().map(|name| (name.to_owned(), Place::default())).collect();
        assert_eq!(known_partitions(&kept, "a"), [0, 11]);
    }
}
