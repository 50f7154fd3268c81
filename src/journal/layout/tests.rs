//! The bytes of format version 1, which may never change.

use super::*;

/// Computed by another program, with a CRC bit by bit.
const HEADER: &str = "5342454c4c53454701000700000000000000cff6857c";
const RECORD: &str = "0400000008070605040302010068e5cf8b01000062656c6cd402d9b1";
const SLOT: &str = "5342454c4c44555201000500000000000000030000000000000007000000000000000100000001000000090000000000000087d6120000000000859314eb";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mark() -> Mark {
    Mark { first: 3, segment: 7, length: 0x1_0000_0001, last: Position { sequence: 9, tick: 1_234_567 } }
}

fn record() -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(&mut bytes, Position { sequence: 0x0102_0304_0506_0708, tick: 1_700_000_000_000 }, b"bell");
    bytes
}

#[test]
fn version_1_is_written_as_ever() {
    assert_eq!(hex(&encode_header(7)), HEADER);
    assert_eq!(hex(&record()), RECORD);
    assert_eq!(hex(&encode_slot(5, &mark())), SLOT);
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(decode_header(&encode_header(7)), Ok(7));
    assert_eq!(decode_slot(&encode_slot(5, &mark())), Ok((5, mark())));
    let bytes = record();
    let prefix = bytes.first_chunk::<PREFIX_BYTES>().unwrap();
    let read = decode_prefix(prefix).unwrap();
    assert_eq!((read.length, read.position.sequence), (4, 0x0102_0304_0506_0708));
    assert_eq!(read.position.tick, 1_700_000_000_000);
    assert_eq!(check_record(prefix, b"bell", *bytes.last_chunk().unwrap()), Ok(()));
    assert_eq!((bytes.len(), encode_header(7).len() as u64), (record_bytes(4), HEADER_BYTES));
}

#[test]
fn another_version_is_told_from_damage() {
    for encoded in [encode_header(7), encode_slot(5, &mark())] {
        let mut other = encoded.clone();
        other[8] = 2;
        let decode = |bytes: &[u8]| {
            if bytes.len() == SLOT_BYTES { decode_slot(bytes).map(|_| 0) } else { decode_header(bytes) }
        };
        assert!(matches!(decode(&other), Err(Flaw::Checksum { .. })));
        let covered = other.len() - CRC_BYTES;
        let crc = crc32c::crc32c(&other[..covered]);
        other[covered..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decode(&other), Err(Flaw::Version { got: 2 }));
    }
}

#[test]
fn sequences_out_of_range_are_no_headers() {
    for first in [0, MOST_SEQUENCE, u64::MAX] {
        assert_eq!(decode_header(&encode_header(first)), Err(Flaw::Sequence { expected: 1, got: first }));
    }
}
