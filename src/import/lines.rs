//! Events on their way out: encoded at once, sorted by time at the end.
//!
//! Invariant: events of one moment leave in the order in which they were pushed.

use super::{ImportError, ImportReport};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Number;
use std::io::Write;

/// What an importer says of one event.
pub(super) struct Draft<'a, D> {
    pub(super) source: &'a str,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) subject: Option<&'a str>,
    pub(super) time: Timestamp,
    pub(super) data: D,
}

#[derive(Serialize)]
struct Envelope<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: String,
    data: D,
}

/// An article in an event, as in GA4.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Item {
    pub(super) item_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_category: Option<String>,
}

struct Line {
    time: Timestamp,
    kind: &'static str,
    json: Vec<u8>,
}

/// Encoded events, not yet in order.
#[derive(Default)]
pub(super) struct EventLines {
    lines: Vec<Line>,
}

impl EventLines {
    pub(super) fn push<D: Serialize>(&mut self, draft: Draft<'_, D>) -> Result<(), ImportError> {
        let json = serde_json::to_vec(&Envelope {
            specversion: "1.0",
            id: &draft.id,
            source: draft.source,
            kind: draft.kind,
            subject: draft.subject,
            time: draft.time.to_string(),
            data: draft.data,
        })?;
        self.lines.push(Line { time: draft.time, kind: draft.kind, json });
        Ok(())
    }

    pub(super) fn write(mut self, out: &mut dyn Write, report: &mut ImportReport) -> Result<(), ImportError> {
        // Stable: the order of pushing decides within a moment.
        self.lines.sort_by_key(|line| line.time);
        for mut line in self.lines {
            line.json.push(b'\n');
            out.write_all(&line.json)?;
            report.events += 1;
            *report.by_type.entry(line.kind).or_default() += 1;
        }
        out.flush()?;
        Ok(())
    }
}
