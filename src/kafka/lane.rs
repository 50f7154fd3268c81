//! One partition that is read: its queue, and what was taken out of it and is not handed over yet.
//!
//! Invariant: records leave in order of offsets; none leaves before the record ahead of the first one was found to
//! be what it was. Cost: at most [`HELD`] decoded records are held beside librdkafka's bounded queue.

use super::client::{Context, is_refusal};
use super::error::Error;
use super::letters::Letter;
use super::positions::Begin;
use super::record::{Content, Header, content, mark, refused};
use crate::source::{Decode, Decoded, Refused};
use crate::stored::Place;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use shopbell_model::event::Event;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Decoded records that are held.
const HELD: usize = 512;

/// A partition that is read.
pub(super) struct Lane {
    pub(super) begin: Begin,
    queue: PartitionQueue<Context>,
    held: VecDeque<Item>,
    /// The record before the first one, still to be found as it was.
    before: Option<u64>,
    /// It was read to its end, for now.
    at_end: bool,
    /// It was read to where it ended at the start, and is not read on.
    done: bool,
    until_end: bool,
}

/// A record that was taken out.
pub(super) struct Item {
    /// How far the partition is read with it.
    pub(super) place: Place,
    pub(super) what: What,
}

/// What a record is.
#[expect(clippy::large_enum_variant, reason = "nearly all are events")]
pub(super) enum What {
    Event(Event),
    /// A tombstone.
    Tombstone,
    /// An event of a type that is not known.
    Unknown,
    Refused(Box<Letter>),
}

/// What a look at the queue came to.
pub(super) enum Looked {
    /// Nothing more for now.
    Enough,
    /// Offsets are not there any more: whoever can ask for watermarks is to say why.
    OutOfRange,
    /// Something that may pass.
    Trouble(String),
}

impl Lane {
    pub(super) fn new(begin: Begin, queue: PartitionQueue<Context>, until_end: bool) -> Lane {
        let before = begin.before;
        let done = until_end && before.is_none() && begin.position >= begin.end;
        Lane { begin, queue, held: VecDeque::new(), before, at_end: false, done, until_end }
    }

    /// The offset to read from.
    pub(super) fn first_offset(&self) -> i64 {
        let one = u64::from(self.before.is_some());
        i64::try_from(self.begin.position - one.min(self.begin.position)).unwrap_or(i64::MAX)
    }

    /// Calls when something is there.
    pub(super) fn call(&mut self, bell: impl Fn() + Send + Sync + 'static) {
        self.queue.set_nonempty_callback(bell);
    }

    /// Takes out what is there.
    pub(super) fn look(&mut self, decoder: &dyn Decode, limit: usize) -> Result<Looked, Error> {
        while self.held.len() < HELD && !self.done {
            let Lane { queue, begin, .. } = self;
            let Some(polled) = queue.poll(Duration::ZERO) else { break };
            let message = match polled {
                Ok(message) => message,
                Err(KafkaError::PartitionEOF(_)) => {
                    self.before.map_or(Ok(()), |_| Err(compacted(begin)))?;
                    (self.at_end, self.done) = (true, self.until_end);
                    break;
                }
                Err(error) => return failed(begin, &error),
            };
            let offset = u64::try_from(message.offset()).unwrap_or(0);
            let time = message.timestamp().to_millis();
            let place = Place {
                position: offset + 1,
                mark: mark(message.offset(), time, message.key(), message.payload()),
            };
            if let Some(before) = self.before.take() {
                check(begin, before, offset, place.mark)?;
                let at_end = place.position >= begin.end;
                self.done = self.until_end && at_end;
                continue;
            }
            self.at_end = false;
            if self.until_end && offset >= begin.end {
                self.done = true;
                break;
            }
            let what = what(&message, &begin.name, decoder, limit);
            self.held.push_back(Item { place, what });
            self.done = self.until_end && offset + 1 >= self.begin.end;
        }
        Ok(Looked::Enough)
    }

    /// The event time of the next record; 0 where it is no event. None where there is none yet.
    pub(super) fn next_time(&self) -> Option<u64> {
        self.held.front().map(|item| match &item.what {
            What::Event(event) => event.time,
            _ => 0,
        })
    }

    /// Whether it may hold something earlier that is still to come.
    pub(super) fn is_open(&self) -> bool {
        self.held.is_empty() && !self.at_end && !self.done
    }

    /// Whether nothing more will come.
    pub(super) fn is_done(&self) -> bool {
        self.held.is_empty() && self.done
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<Item> {
        self.held.pop_front()
    }
}

/// The record before the first one must be what it was.
fn check(begin: &Begin, before: u64, offset: u64, mark: u64) -> Result<(), Error> {
    if offset + 1 != begin.position {
        return Err(compacted(begin));
    }
    if mark == before {
        return Ok(());
    }
    let reason = format!("the record at offset {offset} is another one");
    Err(Error::Recreated { partition: begin.name.to_string(), reason })
}

fn compacted(begin: &Begin) -> Error {
    let reason =
        format!("the record at offset {} is gone, those around it are not", begin.position.saturating_sub(1));
    Error::Compacted { topic: begin.name.to_string(), reason }
}

/// What follows from an error of a partition.
fn failed(begin: &Begin, error: &KafkaError) -> Result<Looked, Error> {
    let reason = error.to_string();
    let read = || Error::Read {
        partition: begin.name.to_string(),
        position: begin.position,
        reason: reason.clone(),
    };
    match error.rdkafka_error_code() {
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => Ok(Looked::OutOfRange),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
            Err(Error::UnknownTopic { topic: begin.topic.clone() })
        }
        Some(code) if is_refusal(code) => Err(Error::Refused { what: begin.name.to_string(), reason }),
        Some(Code::BadMessage | Code::InvalidMessage | Code::BadCompression | Code::NotImplemented) => {
            Err(read())
        }
        _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => Err(read()),
        _ => Ok(Looked::Trouble(format!("{}: {reason}", begin.name))),
    }
}

/// What a record is.
fn what(message: &BorrowedMessage<'_>, lane: &str, decoder: &dyn Decode, limit: usize) -> What {
    let decoded = headers(message).and_then(|headers| match content(&headers, message.payload(), limit)? {
        Content::Tombstone => Ok(None),
        Content::Event(bytes) => decoder.decode(&bytes).map(Some),
    });
    match decoded {
        Ok(None) => What::Tombstone,
        Ok(Some(Decoded::Event(event))) => What::Event(event),
        Ok(Some(Decoded::UnknownType(_))) => What::Unknown,
        Err(refused) => What::Refused(Box::new(Letter::of(message, lane, refused))),
    }
}

/// The headers of a record. The crate panics on a name that is not UTF-8, which anybody can send.
fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Result<Vec<Header<'a>>, Refused> {
    let Some(all) = message.headers() else { return Ok(Vec::new()) };
    let read = || all.iter().map(|header| (header.key, header.value)).collect();
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| {
        let reason = "the name of a header is not UTF-8".to_owned();
        refused("kafka-header-name", reason, "name headers in UTF-8")
    })
}
