//! Every byte on disk, format version 1. All integers are little endian.
//!
//! Segment header: magic 8, version u16, first sequence u64, CRC u32.
//! Record: payload length u32, sequence u64, tick u64, payload, CRC u32.
//! Slot of the mark: magic 8, version u16, counter, first sequence kept, segment, its length, last
//! sequence, last tick (u64 each), CRC u32. Each CRC-32C covers all bytes before it.
//!
//! Invariant: magic, version and the place of the CRC in a header stay the same in all versions, so that
//! another version is told from damage. Cost: nothing is allocated here but what is appended to `into`.

use super::{Flaw, Position};

/// The format that is written, and the only one that is read.
pub(super) const VERSION: u16 = 1;

const SEGMENT_MAGIC: [u8; 8] = *b"SBELLSEG";
const MARK_MAGIC: [u8; 8] = *b"SBELLDUR";

/// Bytes of a segment's header.
pub(super) const HEADER_BYTES: u64 = 22;
/// Bytes of a record before its payload.
pub(super) const PREFIX_BYTES: usize = 20;
/// Bytes of a checksum.
pub(super) const CRC_BYTES: usize = 4;
/// Bytes of a slot of the mark.
pub(super) const SLOT_BYTES: usize = 62;

/// Sequence numbers end here, so that the next one can always be computed.
const MOST_SEQUENCE: u64 = 1 << 62;

/// What is durable, as the mark says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// First sequence kept; segments that begin before it are forgotten.
    pub(super) first: u64,
    /// First sequence of the segment that is written to.
    pub(super) segment: u64,
    /// Bytes of it that are durable; 0 while the very first segment is being made.
    pub(super) length: u64,
    /// The last durable record.
    pub(super) last: Position,
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    pub(super) length: u32,
    pub(super) position: Position,
}

/// Takes integers off the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn position(&mut self) -> Option<Position> {
        Some(Position { sequence: self.u64()?, tick: self.u64()? })
    }
}

/// Checks magic, checksum and version, in this order: a changed version byte is damage, an intact one
/// of another version is not.
fn body<'a>(bytes: &'a [u8], size: usize, magic: &[u8; 8]) -> Result<Fields<'a>, Flaw> {
    let incomplete = Flaw::Incomplete { expected: size as u64, got: bytes.len() as u64 };
    let bytes = bytes.get(..size).ok_or(incomplete)?;
    let (covered, stored) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(incomplete)?;
    let mut fields = Fields(covered);
    if fields.take::<8>().as_ref() != Some(magic) {
        return Err(Flaw::Magic);
    }
    check(crc32c::crc32c(covered), *stored)?;
    match fields.u16() {
        Some(VERSION) => Ok(fields),
        got => Err(Flaw::Version { got: got.unwrap_or_default() }),
    }
}

fn check(expected: u32, stored: [u8; CRC_BYTES]) -> Result<(), Flaw> {
    let got = u32::from_le_bytes(stored);
    if expected == got { Ok(()) } else { Err(Flaw::Checksum { expected, got }) }
}

fn checked(sequence: u64) -> Result<u64, Flaw> {
    let known = (1..MOST_SEQUENCE).contains(&sequence);
    if known { Ok(sequence) } else { Err(Flaw::Sequence { expected: 1, got: sequence }) }
}

/// The header of the segment that begins with record `first`.
pub(super) fn encode_header(first: u64) -> Vec<u8> {
    let mut bytes = SEGMENT_MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(first.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

/// The first record of a segment.
pub(super) fn decode_header(bytes: &[u8]) -> Result<u64, Flaw> {
    let mut fields = body(bytes, HEADER_BYTES as usize, &SEGMENT_MAGIC)?;
    checked(fields.u64().unwrap_or_default())
}

/// Bytes of a record with a payload of `length`.
pub(super) fn record_bytes(length: usize) -> usize {
    PREFIX_BYTES.saturating_add(length).saturating_add(CRC_BYTES)
}

/// Appends a record. The caller keeps `payload` within four gigabytes.
pub(super) fn encode_record(into: &mut Vec<u8>, position: Position, payload: &[u8]) {
    let mut prefix = [0; PREFIX_BYTES];
    let fields = (payload.len() as u32).to_le_bytes().into_iter();
    let fields = fields.chain(position.sequence.to_le_bytes()).chain(position.tick.to_le_bytes());
    prefix.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&prefix), payload);
    into.extend(prefix);
    into.extend(payload);
    into.extend(crc.to_le_bytes());
}

/// Reads what stands before a payload; nothing of it is verified yet.
pub(super) fn decode_prefix(bytes: &[u8; PREFIX_BYTES]) -> Option<Prefix> {
    let mut fields = Fields(bytes);
    Some(Prefix { length: fields.u32()?, position: fields.position()? })
}

/// Checks a record's checksum.
pub(super) fn check_record(
    prefix: &[u8; PREFIX_BYTES],
    payload: &[u8],
    crc: [u8; CRC_BYTES],
) -> Result<(), Flaw> {
    check(crc32c::crc32c_append(crc32c::crc32c(prefix), payload), crc)
}

/// One slot of the mark.
pub(super) fn encode_slot(counter: u64, mark: &Mark) -> Vec<u8> {
    let mut bytes = MARK_MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    let fields = [counter, mark.first, mark.segment, mark.length, mark.last.sequence, mark.last.tick];
    fields.into_iter().for_each(|field| bytes.extend(field.to_le_bytes()));
    let crc = crc32c::crc32c(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

/// The counter of a slot, and its mark.
pub(super) fn decode_slot(bytes: &[u8]) -> Result<(u64, Mark), Flaw> {
    let mut fields = body(bytes, SLOT_BYTES, &MARK_MAGIC)?;
    let mut read = || {
        let (counter, first, segment, length) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
        Some((counter, Mark { first, segment, length, last: fields.position()? }))
    };
    let incomplete = Flaw::Incomplete { expected: SLOT_BYTES as u64, got: bytes.len() as u64 };
    let (counter, mark) = read().ok_or(incomplete)?;
    checked(mark.first)?;
    checked(mark.segment)?;
    checked(mark.last.sequence.saturating_add(1))?;
    Ok((counter, mark))
}

#[cfg(test)]
mod tests;
