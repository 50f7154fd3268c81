//! Any bytes: as one event, as a batch, as lines, and as the data of binary mode. Nothing panics, and
//! an event that was accepted is accepted again, unchanged, once it is encoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shopbell_model::event::{
    Decoded, Kind, Limits, Lines, Refusal, decode, decode_array, decode_binary, encode,
};

fuzz_target!(|raw: &[u8]| {
    let limits = Limits { event_bytes: 64 * 1024, ..Limits::default() };
    let decoded = decode(raw, u64::MAX, &limits);
    agree_with_serde_json(raw, &decoded);
    check(decoded, &limits);
    for event in decode_array(raw).unwrap_or_default() {
        check(decode(event, u64::MAX, &limits), &limits);
    }
    let mut lines = Lines::new(raw, 1024);
    let mut covered = 0;
    while let Ok(Some(record)) = lines.next_record() {
        assert!(record.offset >= covered && record.bytes.len() <= 1024);
        covered = record.offset + record.bytes.len() as u64;
    }
    assert_eq!(lines.offset(), raw.len() as u64);
    // The first byte names the type, the rest is its data.
    if let Some((first, payload)) = raw.split_first() {
        let kind = Kind::ALL[usize::from(*first) % Kind::ALL.len()];
        let headers = [
            ("ce_specversion", "1.0"),
            ("ce_id", "1"),
            ("ce_source", "fuzz"),
            ("ce_type", kind.as_str()),
            ("ce_subject", "card:1"),
            ("ce_time", "2026-11-22T12:00:00Z"),
        ];
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        check(decode_binary(headers, payload, u64::MAX, &limits), &limits);
    }
});

/// What decoding takes for JSON, serde_json does too, and the other way round.
fn agree_with_serde_json(raw: &[u8], decoded: &Result<Decoded, Refusal>) {
    let Ok(text) = std::str::from_utf8(raw) else { return };
    let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    match decoded {
        Err(Refusal::TooLarge { .. } | Refusal::TooDeep { .. }) => {}
        // Skipping, serde_json does not look at surrogates.
        Err(Refusal::NotJson { reason, .. }) => assert!(!theirs || reason == "lone surrogate", "{text}"),
        _ => assert!(theirs, "{text}"),
    }
}

fn check(decoded: Result<Decoded, Refusal>, limits: &Limits) {
    match decoded {
        Ok(Decoded::Event(event)) => {
            let text = encode(&event);
            // An escape may need more bytes than what it stands for.
            let limits = Limits { event_bytes: usize::MAX, ..*limits };
            match decode(text.as_bytes(), u64::MAX, &limits) {
                Ok(Decoded::Event(again)) => assert_eq!(again, event, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        Ok(Decoded::UnknownType(name)) => assert!(Kind::parse(&name).is_none()),
        Err(refusal) => assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty()),
    }
}
