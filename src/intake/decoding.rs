//! Decoding of records, chunk by chunk, on as many threads as there are workers.

use super::fingerprint;
use crate::source::{Chunk, Decode, Decoded, Refused};
use shopbell_model::event::{self, Event, Limits, decode};

/// Events in structured CloudEvents JSON.
pub struct CloudEventsJson<C> {
    /// The wall clock, in milliseconds since 1970.
    pub wall_clock: C,
    /// What is taken in at most.
    pub limits: Limits,
}

impl<C: Fn() -> u64 + Send + Sync> Decode for CloudEventsJson<C> {
    fn decode(&self, raw: &[u8]) -> Result<Decoded, Refused> {
        match decode(raw, (self.wall_clock)(), &self.limits) {
            Ok(event::Decoded::Event(event)) => Ok(Decoded::Event(event)),
            Ok(event::Decoded::UnknownType(kind)) => Ok(Decoded::UnknownType(kind)),
            Err(refusal) => Err(Refused {
                code: refusal.code(),
                reason: refusal.to_string(),
                hint: refusal.hint().to_owned(),
            }),
        }
    }
}

/// What became of one record.
#[derive(Debug)]
pub enum Outcome {
    /// An event, with what identifies it.
    Event(u128, Event),
    /// Of a type that is not known.
    Unknown,
    /// Not an event: position, reason and the record.
    Refused(u64, Refused, Vec<u8>),
}

/// The outcomes of a chunk, in the order of its records.
#[derive(Debug, Default)]
pub struct DecodedChunk {
    /// One a record.
    pub outcomes: Vec<Outcome>,
}

impl DecodedChunk {
    /// Decodes every record of a chunk.
    pub fn decode(chunk: &Chunk, decoder: &dyn Decode) -> Self {
        let outcome = |(position, raw): (u64, &[u8])| match decoder.decode(raw) {
            Ok(Decoded::Event(event)) => Outcome::Event(fingerprint(&event), event),
            Ok(Decoded::UnknownType(_)) => Outcome::Unknown,
            Err(refused) => Outcome::Refused(position, refused, raw.to_vec()),
        };
        DecodedChunk { outcomes: chunk.records().map(outcome).collect() }
    }
}
