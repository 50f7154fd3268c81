//! A block: some 64 KiB of rows in order, the unit of reading.
//!
//! Invariant: a decoded block has as many rows as the index says, the first where the index says,
//! in strict order, all before the next block. A row is its bucket (u8), the length of its key
//! (u32), the length of its value (u32, all ones for a deleted row), the key, the value; numbers are
//! little-endian.

use super::bytes::{Bytes, length};
use super::error::Damage;
use super::index::BlockEntry;
use super::row::Row;

/// Bytes of a row beside its key and value.
pub(super) const ROW_HEAD: usize = 9;
const DELETED: u32 = u32::MAX;

/// Appends a row.
pub(super) fn encode(row: &Row, into: &mut Vec<u8>) {
    into.push(row.bucket);
    into.extend(length(row.key.len()).to_le_bytes());
    into.extend(row.value.as_ref().map_or(DELETED, |value| length(value.len())).to_le_bytes());
    into.extend(&row.key);
    into.extend(row.value.iter().flatten());
}

/// The rows of a block that `entry` describes and `next` follows.
pub(super) fn decode(
    bytes: &[u8],
    entry: &BlockEntry,
    next: Option<&BlockEntry>,
) -> Result<Vec<Row>, Damage> {
    if crc32c::crc32c(bytes) != entry.checksum {
        return Err(Damage::Checksum { part: "block" });
    }
    let damage = || Damage::Content { part: "block" };
    // The index was refused if the block could not hold that many.
    let mut rows: Vec<Row> = Vec::with_capacity(entry.rows as usize);
    let mut left = Bytes(bytes);
    while !left.is_empty() {
        let row = decode_row(&mut left).ok_or_else(damage)?;
        let before = rows.last().map(Row::place);
        if before.map_or(row.place() != entry.first.place(), |before| before >= row.place()) {
            return Err(damage());
        }
        rows.push(row);
    }
    let follows = match (rows.last(), next) {
        (Some(last), Some(next)) => last.place() < next.first.place(),
        _ => true,
    };
    if rows.len() == entry.rows as usize && follows { Ok(rows) } else { Err(damage()) }
}

/// No length is beyond the block, whose own is limited.
fn decode_row(left: &mut Bytes<'_>) -> Option<Row> {
    let (bucket, key_length, value_length) = (left.u8()?, left.u32()?, left.u32()?);
    let key = left.take(key_length as usize)?.to_vec();
    let value = match value_length {
        DELETED => None,
        length => Some(left.take(length as usize)?.to_vec()),
    };
    Some(Row { bucket, key, value })
}
