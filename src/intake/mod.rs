//! From raw records to ticks: decoding, duplicates, and the clock of a replay.

pub mod decoding;
pub mod duplicates;
pub mod sequencer;

pub use decoding::{CloudEventsJson, DecodedChunk, Outcome};
pub use duplicates::{Duplicates, fingerprint, fingerprint_of};
pub use sequencer::Sequencer;
