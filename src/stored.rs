//! What is stored as bytes: rows of facts and of outboxes, ticks of the journal. The only place that knows how.
//!
//! Invariant: what one version wrote, that version reads; [`FORMAT`] is part of every file, and another one is
//! refused by name. The encoding is bincode 1.3.3: unmaintained (RUSTSEC-2025-0141), but small, done, and
//! what timely itself exchanges rows with. Cost: about what a copy of the row costs.

use crate::sink::webhook::OutboxValue;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shopbell_dataflows::kept::{KeptKey, KeptValue, KeptValueRef};
use shopbell_model::event::Event;
use shopbell_model::time::Time;
use thiserror::Error;

/// The version of everything below. It changes whenever a golden file of the tests has to.
pub const FORMAT: u16 = 5;

/// First byte of a key: a row of facts.
const FACT: u8 = 0;
/// First byte of a key: an event that was taken in.
const COPY: u8 = 1;
/// First byte of a key: what a receiver is still to get. Its name follows, then the number in eight bytes.
const OUTBOX: u8 = 2;
/// Outboxes are few and wanted whole: their rows stand in the bucket that everybody reads.
const OUTBOX_BUCKET: u8 = 0;

/// Bytes that are not what they should be.
#[derive(Debug, Error)]
#[error("{what} cannot be read back: {reason}")]
pub struct StoredError {
    /// Of what.
    pub what: &'static str,
    /// Why not.
    pub reason: String,
}

impl StoredError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        "stored-unreadable"
    }

    fn of(what: &'static str) -> impl Fn(bincode::Error) -> StoredError {
        move |error| StoredError { what, reason: error.to_string() }
    }
}

/// Something as bytes, as it is stored here and sent between processes.
pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, StoredError> {
    bincode::serialize(value).map_err(StoredError::of(what))
}

/// Something from bytes.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, StoredError> {
    bincode::deserialize(bytes).map_err(StoredError::of(what))
}

/// A row as it is stored.
pub type StoredRow = crate::checkpoint::Row;

/// A row read back.
#[derive(Debug)]
pub enum Row {
    /// Facts.
    Fact(KeptKey, KeptValue),
    /// The fingerprint of an event that was taken in, and the generation of those remembered with it.
    Copy(u128, u64),
    /// What a receiver is still to get: its name, the number, what it is.
    Outbox(String, u64, OutboxValue),
}

/// A row of facts.
pub fn fact_row(key: &KeptKey, value: Option<KeptValueRef<'_>>) -> Result<StoredRow, StoredError> {
    let mut bytes = vec![FACT];
    bincode::serialize_into(&mut bytes, key).map_err(StoredError::of("a key"))?;
    let value = value.map(|value| encode("facts", &value)).transpose()?;
    Ok(StoredRow { bucket: key.bucket(), key: bytes, value })
}

/// A row for an event that was taken in.
pub fn copy_row(fingerprint: u128, generation: u64) -> StoredRow {
    let bytes = fingerprint.to_be_bytes();
    let key = std::iter::once(COPY).chain(bytes).collect();
    StoredRow { bucket: bytes[0], key, value: Some(generation.to_le_bytes().to_vec()) }
}

/// A row of a receiver's outbox.
pub fn outbox_row(
    receiver: &str,
    number: u64,
    value: Option<&OutboxValue>,
) -> Result<StoredRow, StoredError> {
    let key = [&[OUTBOX], receiver.as_bytes(), &number.to_be_bytes()].concat();
    let value = value.map(|value| encode("an outbox", value)).transpose()?;
    Ok(StoredRow { bucket: OUTBOX_BUCKET, key, value })
}

/// Whether a stored row is about a copy of a generation before `oldest`, which nobody asks about any more.
pub fn is_forgotten_copy(key: &[u8], value: &[u8], oldest: u64) -> bool {
    let generation = <[u8; 8]>::try_from(value).map(u64::from_le_bytes);
    key.first() == Some(&COPY) && generation.is_ok_and(|generation| generation < oldest)
}

/// Reads a row back.
pub fn read_row(key: &[u8], value: &[u8]) -> Result<Row, StoredError> {
    let wrong = |reason: &str| StoredError { what: "a row", reason: reason.to_owned() };
    match key.split_first() {
        Some((&FACT, rest)) => {
            let key = decode("a key", rest)?;
            Ok(Row::Fact(key, decode("facts", value)?))
        }
        Some((&COPY, rest)) => {
            let fingerprint = rest.try_into().map(u128::from_be_bytes);
            let generation = value.try_into().map(u64::from_le_bytes);
            let (Ok(fingerprint), Ok(generation)) = (fingerprint, generation) else {
                return Err(wrong("a fingerprint of another length"));
            };
            Ok(Row::Copy(fingerprint, generation))
        }
        Some((&OUTBOX, rest)) => {
            let parts = rest
                .split_last_chunk()
                .and_then(|(name, number)| Some((std::str::from_utf8(name).ok()?, number)));
            let Some((receiver, number)) = parts else {
                return Err(wrong("a receiver without a name or number"));
            };
            let value = decode("an outbox", value)?;
            Ok(Row::Outbox(receiver.to_owned(), u64::from_be_bytes(*number), value))
        }
        _ => Err(wrong("an unknown kind of key")),
    }
}

/// Rule files: name and text.
pub type RuleTexts = Vec<(String, String)>;

/// Rules by id, with the version of each: what tells one set from another.
pub type RuleVersions = Vec<(String, String)>;

/// Rules in force, and how they came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What their files say.
    pub texts: RuleTexts,
    /// What was in force before, to which a rollback leads.
    pub before: Option<RuleTexts>,
    /// Where they were put into force beside the folder of rules: what that said then. As long as it says the same,
    /// these stay.
    pub beside: Option<RuleVersions>,
}

/// Rules that are only looked at, until somebody says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowSet {
    /// What their files say.
    pub texts: RuleTexts,
    /// Since when.
    pub since: Time,
}

/// A record of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Entry {
    /// What came in with one tick.
    Tick(JournalTick),
    /// The rules that are in force from here on.
    Rules(Ruling),
    /// The rules that are only looked at from here on; none where absent.
    Shadow(Option<ShadowSet>),
    /// Events of a tick that is still being filled. The tick itself comes later, with all of them.
    Open(JournalTick),
}

/// The same, where it is.
#[derive(Serialize)]
enum EntryRef<'a> {
    Tick(JournalTickRef<'a>),
    Rules(&'a Ruling),
    Shadow(Option<&'a ShadowSet>),
    Open(JournalTickRef<'a>),
}

/// How far a source was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bytes of a file, the next offset of a partition.
    pub position: u64,
    /// A digest of the last record before it, where the source can look at that one again; else 0.
    pub mark: u64,
}

/// What came in with one tick.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JournalTick {
    /// The tick.
    pub tick: Time,
    /// How far the clock had come.
    pub clock: Time,
    /// The place in the log of the first event.
    pub first: u64,
    /// The events, copies left out.
    pub events: Vec<Event>,
    /// Which sources were read how far, by name.
    pub read: Vec<(String, Place)>,
}

/// The same, where it is.
#[derive(Serialize)]
struct JournalTickRef<'a> {
    tick: Time,
    clock: Time,
    first: u64,
    events: EventsRef<'a>,
    read: &'a [(String, Place)],
}

/// Events with their places, written without them: they follow one another.
struct EventsRef<'a>(&'a [(u64, Event)]);

impl Serialize for EventsRef<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, event)| event))
    }
}

/// A tick for the journal. Its events are those of consecutive places.
pub fn journal_tick(
    tick: Time,
    clock: Time,
    events: &[(u64, Event)],
    read: &[(String, Place)],
) -> Result<Vec<u8>, StoredError> {
    let first = events.first().map_or(0, |(place, _)| *place);
    let tick = JournalTickRef { tick, clock, first, events: EventsRef(events), read };
    encode("a tick", &EntryRef::Tick(tick))
}

/// Events for the journal, of a tick that is still being filled. They are those of consecutive places.
pub fn journal_open(tick: Time, clock: Time, events: &[(u64, Event)]) -> Result<Vec<u8>, StoredError> {
    let first = events.first().map_or(0, |(place, _)| *place);
    let tick = JournalTickRef { tick, clock, first, events: EventsRef(events), read: &[] };
    encode("an open tick", &EntryRef::Open(tick))
}

/// Rules for the journal.
pub fn journal_rules(rules: &Ruling) -> Result<Vec<u8>, StoredError> {
    encode("rules", &EntryRef::Rules(rules))
}

/// A shadow set for the journal, or that there is none any more.
pub fn journal_shadow(shadow: Option<&ShadowSet>) -> Result<Vec<u8>, StoredError> {
    encode("a shadow set", &EntryRef::Shadow(shadow))
}

/// Whether a record of the journal holds rules, in force or looked at; cheaper than reading it.
pub fn holds_rules(bytes: &[u8]) -> bool {
    [1u32, 2].iter().any(|kind| bytes.starts_with(&kind.to_le_bytes()))
}

/// Reads a record of the journal back.
pub fn read_entry(bytes: &[u8]) -> Result<Entry, StoredError> {
    decode("a record of the journal", bytes)
}

#[cfg(test)]
mod tests;
