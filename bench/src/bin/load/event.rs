//! One line of the input, ready to be sent at any moment.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// A line, with the place of its `time` and what identifies it. A line that is no event is sent as it
/// is: how the engine takes rubbish is part of a measurement.
#[derive(Debug)]
pub(crate) struct Event {
    line: Vec<u8>,
    time: Option<Range<usize>>,
    pub(crate) key: Option<u64>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
}

impl Event {
    pub(crate) fn new(line: Vec<u8>) -> Self {
        let (time, key) = match serde_json::from_slice::<Envelope<'_>>(&line) {
            Ok(envelope) => {
                let range = envelope.time.map(|raw| {
                    let start = raw.get().as_ptr().addr() - line.as_ptr().addr();
                    start..start + raw.get().len()
                });
                (range, Some(key(&envelope.source, &envelope.id)))
            }
            Err(_) => (None, None),
        };
        Event { line, time, key }
    }

    /// Appends the line with another time (RFC 3339, without quotes).
    pub(crate) fn write(&self, time: &[u8], out: &mut Vec<u8>) {
        let parts = self
            .time
            .as_ref()
            .and_then(|range| Some((self.line.get(..range.start)?, self.line.get(range.end..)?)));
        match parts {
            Some((before, after)) => {
                out.extend_from_slice(before);
                out.push(b'"');
                out.extend_from_slice(time);
                out.push(b'"');
                out.extend_from_slice(after);
            }
            None => out.extend_from_slice(&self.line),
        }
        out.push(b'\n');
    }
}

/// A hash of what identifies an event: FNV-1a, 64 bits; two of ten million events share one with a
/// chance of three in a million.
pub(crate) fn key(source: &str, id: &str) -> u64 {
    // A byte that UTF-8 never contains keeps ("ab", "c") and ("a", "bc") apart.
    let bytes = source.bytes().chain([0xff]).chain(id.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let mut out = Vec::new();
        Event::new(line.as_bytes().to_vec()).write(b"NOW", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_envelope_s_time_changes() {
        assert_eq!(
            rewritten(r#"{"data":{"time":"x"},"source":"s","id":"1", "time" : "old" ,"z":1}"#),
            "{\"data\":{\"time\":\"x\"},\"source\":\"s\",\"id\":\"1\", \"time\" : \"NOW\" ,\"z\":1}\n"
        );
        assert_eq!(rewritten(r#"{"source":"s","id":"1"}"#), "{\"source\":\"s\",\"id\":\"1\"}\n");
        assert_eq!(rewritten("rubbish"), "rubbish\n");
    }

    #[test]
    fn events_are_known_by_source_and_id() {
        let of = |line: &str| Event::new(line.as_bytes().to_vec()).key;
        assert_eq!(of(r#"{"source":"a\u0062","id":"c"}"#), Some(key("ab", "c")));
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_eq!(of("rubbish"), None);
    }
}
