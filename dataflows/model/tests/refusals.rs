//! Bad events, each with the code of its refusal, and good ones between them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use shopbell_model::event::{Decoded, Limits, Lines, Refusal, decode, decode_array, decode_binary};
use shopbell_model::key::HandleError;
use std::collections::BTreeSet;

const ROWS: &str = include_str!("refusals.tsv");
/// 2026-11-22T12:00:00Z, as the rows assume.
const NOW: u64 = 1_795_348_800_000;
const GOOD: &str = r#"{"specversion":"1.0","id":"g1","source":"test","type":"web.view_item","subject":"card:1","time":"2026-11-22T11:59:00Z","data":{"items":[{"item_id":"mask"}]}}"#;

struct Row {
    name: &'static str,
    code: &'static str,
    raw: Vec<u8>,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let [name, code, text] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        Row { name, code, raw: bytes(text) }
    };
    ROWS.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// `%HH` is a byte, `%(N*TEXT)` is TEXT, N times.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut raw = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        if let Some(part) = part.strip_prefix('(') {
            let (times, rest) = part.split_once('*').unwrap();
            let (repeated, rest) = rest.split_once(')').unwrap();
            raw.extend(repeated.repeat(times.parse().unwrap()).as_bytes());
            raw.extend(rest.as_bytes());
        } else {
            raw.push(u8::from_str_radix(&part[..2], 16).unwrap());
            raw.extend(&part.as_bytes()[2..]);
        }
    }
    raw
}

fn code(raw: &[u8]) -> &'static str {
    match decode(raw, NOW, &Limits::default()) {
        Err(refusal) => refusal.code(),
        Ok(Decoded::Event(_)) => "accepted",
        Ok(Decoded::UnknownType(_)) => "unknown type",
    }
}

#[test]
fn every_bad_event_is_refused_for_its_own_reason() {
    let wrong: Vec<_> = rows()
        .iter()
        .filter(|row| code(&row.raw) != row.code)
        .map(|row| format!("{}: expected {}, got {}", row.name, row.code, code(&row.raw)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_events_between_bad_ones_are_unharmed() {
    let rows = rows();
    let mut file = Vec::new();
    for row in &rows {
        file.extend([GOOD.as_bytes(), b"\n", &row.raw, b"\n"].concat());
    }
    let limits = Limits::default();
    let (mut lines, mut good, mut bad) = (Lines::new(file.as_slice(), limits.event_bytes), 0, 0);
    while let Some(record) = lines.next_record().unwrap() {
        match record.refusal.map_or_else(|| decode(record.bytes, NOW, &limits), Err) {
            Ok(Decoded::Event(event)) => {
                assert_eq!(event.reference.id, "g1");
                good += 1;
            }
            Ok(Decoded::UnknownType(name)) => panic!("{name}"),
            Err(_) => bad += 1,
        }
    }
    let blank = rows.iter().filter(|row| row.raw.trim_ascii().is_empty()).count();
    assert_eq!((good, bad), (rows.len(), rows.len() - blank));
}

#[test]
fn every_refusal_is_met() {
    let met: BTreeSet<_> = rows().iter().map(|row| row.code).collect();
    // These two cannot come from one event in structured mode.
    let header = decode_binary([("ce_id", &b"\xff"[..])], b"", NOW, &Limits::default());
    let others = BTreeSet::from([header.unwrap_err().code(), decode_array(b"{}").unwrap_err().code()]);
    let all: BTreeSet<_> = Refusal::CODES.iter().chain(HandleError::CODES).copied().collect();
    assert_eq!(all.len(), Refusal::CODES.len() + HandleError::CODES.len(), "a code stands for two refusals");
    assert_eq!(met.union(&others).copied().collect::<BTreeSet<_>>(), all);
}

#[test]
fn refusals_speak_to_people() {
    for row in rows() {
        let refusal = decode(&row.raw, NOW, &Limits::default()).unwrap_err();
        let (message, hint) = (refusal.to_string(), refusal.hint());
        assert!(!message.is_empty() && message.len() < 400, "{}: {message}", row.name);
        assert!(!message.starts_with(char::is_uppercase) && !hint.is_empty(), "{}: {message}", row.name);
    }
}

#[test]
fn a_bad_event_stays_bad_with_more_around_it() {
    for row in rows() {
        let spaced = [b" \r\n\t", row.raw.as_slice(), b" \r\n"].concat();
        assert_eq!(code(&spaced), row.code, "{}", row.name);
    }
}
