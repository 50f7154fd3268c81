//! Lines against a plain split, over readers that give a few bytes at a time.

use super::*;
use proptest::prelude::*;
use std::io::BufReader;

type Row = (u64, u64, Vec<u8>, bool);

fn rows(reader: impl BufRead, limit: usize) -> Vec<Row> {
    let mut lines = Lines::new(reader, limit);
    let mut rows = Vec::new();
    while let Some(record) = lines.next_record().unwrap() {
        rows.push((record.line, record.offset, record.bytes.to_vec(), record.refusal.is_some()));
    }
    rows
}

/// The same by splitting the whole input.
fn expected(input: &[u8], limit: usize) -> Vec<Row> {
    let (mut rows, mut offset) = (Vec::new(), 0);
    for (index, line) in input.split(|byte| *byte == b'\n').enumerate() {
        let kept = &line[..line.len().min(limit)];
        let start = if offset == 0 && kept.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let bytes = kept[start..].trim_ascii();
        let long = line.len() > limit;
        if long || !bytes.is_empty() {
            rows.push((index as u64 + 1, offset, bytes.to_vec(), long));
        }
        offset += line.len() as u64 + 1;
    }
    rows
}

proptest! {
    #[test]
    fn lines_are_those_of_a_split(
        input in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), Just(b'a'), any::<u8>()], 0..200),
        capacity in 1..40_usize,
        limit in 0..20_usize,
    ) {
        let read = rows(BufReader::with_capacity(capacity, input.as_slice()), limit);
        prop_assert_eq!(&read, &expected(&input, limit));
        prop_assert_eq!(rows(input.as_slice(), limit), read);
    }

    #[test]
    fn resuming_goes_on(input in "[ab\n]{0,80}", capacity in 1..9_usize, after in 0..10_usize) {
        let whole = rows(input.as_bytes(), 50);
        let mut first = Lines::new(BufReader::with_capacity(capacity, input.as_bytes()), 50);
        for _ in 0..after {
            first.next_record().unwrap();
        }
        let (line, offset) = (first.line(), first.offset());
        let mut second = Lines::resumed(&input.as_bytes()[offset as usize..], 50, line, offset);
        let mut rest = Vec::new();
        while let Some(record) = second.next_record().unwrap() {
            rest.push((record.line, record.offset, record.bytes.to_vec(), record.refusal.is_some()));
        }
        prop_assert_eq!(rest, whole.into_iter().skip(after).collect::<Vec<_>>());
    }
}

#[test]
fn blank_lines_count_and_ends_may_be_of_windows() {
    let read = rows(&b"{1}\r\n\r\n  \n {2} \n{3}"[..], 100);
    let found: Vec<_> = read.iter().map(|row| (row.0, row.1, row.2.as_slice())).collect();
    assert_eq!(found, [(1, 0, &b"{1}"[..]), (4, 10, b"{2}"), (5, 16, b"{3}")]);
}

#[test]
fn a_mark_of_byte_order_is_no_content() {
    let read = rows(&b"\xef\xbb\xbf{1}\n\xef\xbb\xbf{2}"[..], 100);
    assert_eq!(read[0].2, b"{1}");
    assert_eq!(read[1].2, b"\xef\xbb\xbf{2}");
}

#[test]
fn a_line_that_is_too_long_keeps_no_more_than_the_limit() {
    let input = [vec![b'x'; 1_000_000], b"\n{2}\n".to_vec()].concat();
    let mut lines = Lines::new(BufReader::with_capacity(100, input.as_slice()), 1000);
    let record = lines.next_record().unwrap().unwrap();
    assert_eq!(record.refusal, Some(Refusal::TooLarge { bytes: 1_000_000, limit: 1000 }));
    assert_eq!(record.bytes.len(), 1000);
    assert!(lines.buffer.capacity() <= 2048, "{}", lines.buffer.capacity());
    let record = lines.next_record().unwrap().unwrap();
    assert_eq!((record.line, record.offset, record.bytes), (2, 1_000_001, &b"{2}"[..]));
    assert_eq!(lines.next_record().unwrap(), None);
    assert_eq!((lines.line(), lines.offset()), (2, 1_000_005));
}
