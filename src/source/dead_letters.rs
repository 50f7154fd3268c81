//! Dead letters: refused input with its place, reason and raw bytes, one JSON object a line.
//!
//! Invariant: nothing that was refused is lost without a trace: it is counted by code, and written
//! where a file was given. Raw bytes come back exactly: as text, or as base64 where not UTF-8.

use super::{Refused, SourceError};
use crate::metrics::Metrics;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// One refused record.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// The source's name.
    pub source: &'a str,
    /// Line number or offset in it.
    pub position: u64,
    /// Why it was refused.
    pub refused: &'a Refused,
    /// Its bytes.
    pub raw: &'a [u8],
}

#[derive(Serialize)]
struct Row<'a> {
    source: &'a str,
    position: u64,
    code: &'a str,
    reason: &'a str,
    hint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

/// Takes dead letters.
pub struct DeadLetters {
    writer: Option<Box<dyn Write + Send>>,
    metrics: Metrics,
    counts: BTreeMap<&'static str, u64>,
}

impl DeadLetters {
    /// Writes to `writer` where there is one, and counts in any case.
    pub fn new(writer: Option<Box<dyn Write + Send>>, metrics: Metrics) -> Self {
        DeadLetters { writer, metrics, counts: BTreeMap::new() }
    }

    /// Takes one.
    pub fn take(&mut self, letter: &DeadLetter<'_>) -> Result<(), SourceError> {
        let code = letter.refused.code;
        *self.counts.entry(code).or_insert(0) += 1;
        self.metrics.dead_letter(code);
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let text = std::str::from_utf8(letter.raw).ok();
        let row = Row {
            source: letter.source,
            position: letter.position,
            code,
            reason: &letter.refused.reason,
            hint: &letter.refused.hint,
            raw: text,
            raw_base64: text.is_none().then(|| STANDARD.encode(letter.raw)),
        };
        let failed = |error| SourceError::DeadLetters { error };
        let mut line = serde_json::to_vec(&row).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        writer.write_all(&line).map_err(failed)
    }

    /// Hands everything to the system; before positions behind it are journalled.
    pub fn flush(&mut self) -> Result<(), SourceError> {
        match &mut self.writer {
            Some(writer) => writer.flush().map_err(|error| SourceError::DeadLetters { error }),
            None => Ok(()),
        }
    }

    /// How many there were of each code.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn refused(code: &'static str) -> Refused {
        Refused { code, reason: "it \"is\" wrong".into(), hint: "right it".into() }
    }

    #[test]
    fn raw_bytes_come_back_exactly() {
        let written = Shared::default();
        let metrics = Metrics::new();
        let mut letters = DeadLetters::new(Some(Box::new(written.clone())), metrics.clone());
        let (text, bytes) = (b"{\"a\":\n".as_slice(), b"\xff\x00{".as_slice());
        for (position, raw) in [(3, text), (9, bytes)] {
            letters
                .take(&DeadLetter { source: "a.jsonl", position, refused: &refused("not-json"), raw })
                .unwrap();
        }
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let rows: Vec<serde_json::Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows[0]["raw"].as_str().unwrap().as_bytes(), text);
        assert_eq!(rows[0]["position"], 3);
        assert_eq!(rows[0]["reason"], "it \"is\" wrong");
        assert_eq!(STANDARD.decode(rows[1]["raw_base64"].as_str().unwrap()).unwrap(), bytes);
        assert!(rows[1].get("raw").is_none() && rows[0].get("raw_base64").is_none());
        assert!(metrics.text().unwrap().contains("shopbell_dead_letters_total{code=\"not-json\"} 2"));
    }

    #[test]
    fn without_a_file_they_are_counted() {
        let mut letters = DeadLetters::new(None, Metrics::new());
        for code in ["not-json", "no-id", "not-json"] {
            letters
                .take(&DeadLetter { source: "stdin", position: 1, refused: &refused(code), raw: b"" })
                .unwrap();
        }
        assert_eq!(
            letters.counts().iter().map(|(c, n)| (*c, *n)).collect::<Vec<_>>(),
            [("no-id", 1), ("not-json", 2)]
        );
        assert_eq!(letters.total(), 3);
    }
}
