//! The events of a test, as lines or as tables.
//!
//! Invariant: both become CloudEvents and go through the decoder that every event goes through, so a test can
//! give nothing that could not arrive.

use super::shorthand::{self, Spoken};
use super::{Given, Mention, Moments, TestProblem, handle, some_entries};
use crate::event::{Act, Body, Decoded, Kind, Limits, decode};
use crate::key::{Brand, Text};
use crate::rules::limits;
use crate::rules::spelling::nearest;
use crate::rules::table::{Entry, Table};
use crate::time::{Time, format_rfc3339};
use serde_json::{Map, Value, json};
use toml::de::DeValue;

/// Keys of an event that is a table.
pub(in crate::rules) const KEYS: [&str; 4] = ["at", "who", "type", "data"];

/// All events of a test, and the rules they name.
pub(super) fn read(test: &Table<'_>, moments: &Moments, brand: &Brand) -> (Vec<Given>, Vec<Mention>) {
    let (mut given, mut mentions) = (Vec::new(), Vec::new());
    for (place, entry) in some_entries(test, "given", limits::TEST_EVENTS).into_iter().enumerate() {
        let written = match entry.value.get_ref() {
            DeValue::String(line) => line_of(entry, line, moments),
            DeValue::Table(_) => table_of(entry, moments),
            _ => entry.wrong("a line of text or a table"),
        };
        let Some(written) = written else { continue };
        let offer_of = written.offer_of.clone();
        mentions.extend(offer_of.clone().map(|rule| Mention { rule, at: entry.at(), listed: false }));
        if let Some(event) = event(entry, written, place, brand) {
            given.push(Given { line: entry.sheet.line(entry.at()), event, offer_of });
        }
    }
    (given, mentions)
}

/// An event before it is decoded.
struct Written {
    at: Time,
    who: Option<Text>,
    kind: Kind,
    data: Value,
    offer_of: Option<Text>,
}

fn line_of(entry: Entry<'_>, line: &str, moments: &Moments) -> Option<Written> {
    if line.len() > limits::TEST_LINE_BYTES {
        entry.report(TestProblem::LineTooLong { bytes: line.len() });
        return None;
    }
    match shorthand::read(line, moments) {
        Ok(Spoken { at, who, kind, data, offer_of }) => Some(Written { at, who, kind, data, offer_of }),
        Err((character, problem)) => {
            entry.sheet.report(entry.sheet.byte_in(entry.value.span(), line, character), problem);
            None
        }
    }
}

fn table_of(entry: Entry<'_>, moments: &Moments) -> Option<Written> {
    let table = entry.table("an event".to_owned(), entry.at())?;
    table.only(&KEYS);
    let at = table.required("at").and_then(|entry| moments.entry(entry));
    let kind = table.required("type").and_then(|entry| {
        let word = entry.text()?;
        let kind = Kind::parse(word);
        if kind.is_none() {
            entry.report(unknown_type(word));
        }
        kind
    });
    let who = match table.get("who") {
        None => None,
        Some(entry) => Some(handle(entry)?),
    };
    let data = match table.get("data") {
        None => Value::Null,
        Some(entry) => match entry.value.get_ref() {
            DeValue::Table(_) => json(entry.value.get_ref()),
            _ => entry.wrong("a table")?,
        },
    };
    Some(Written { at: at?, who, kind: kind?, data, offer_of: None })
}

pub(super) fn unknown_type(word: &str) -> TestProblem {
    let near = nearest(word, Kind::ALL.iter().map(|kind| kind.as_str())).map(str::to_owned);
    TestProblem::Type { word: word.chars().take(64).collect(), near }
}

/// What the decoder makes of it.
fn event(entry: Entry<'_>, written: Written, place: usize, brand: &Brand) -> Option<crate::event::Event> {
    let mut whole = json!({
        "specversion": "1.0", "id": format!("{}", place + 1), "source": "test", "type": written.kind.as_str(),
        "time": format_rfc3339(written.at), "brand": brand.as_str(), "data": written.data,
    });
    if let (Some(who), Some(object)) = (written.who, whole.as_object_mut()) {
        object.insert("subject".to_owned(), Value::String(who.to_string()));
    }
    // The clock of a test is its own: nothing in it lies ahead.
    match decode(whole.to_string().as_bytes(), written.at, &Limits::default()) {
        Ok(Decoded::Event(event)) => Some(event),
        // The type was looked up.
        Ok(Decoded::UnknownType(_)) => None,
        Err(refusal) => {
            let hint = refusal.hint().to_owned();
            entry.report(TestProblem::Event { reason: refusal.to_string(), hint });
            None
        }
    }
}

impl Given {
    /// The event with the offer it is about.
    pub fn about(&self, offer_id: &Text) -> crate::event::Event {
        let mut event = self.event.clone();
        if let Body::Person { act: Act::Push(_, offer), .. } = &mut event.body {
            *offer = offer_id.clone();
        }
        event
    }
}

/// TOML as JSON; a number that JSON cannot hold becomes text, which the decoder refuses.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.to_string()), Value::from),
        DeValue::Float(number) => {
            let float = number.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            float.map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(list) => Value::Array(list.iter().map(|one| json(one.get_ref())).collect()),
        DeValue::Table(table) => {
            let member =
                |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
                    (key.get_ref().to_string(), json(value.get_ref()))
                };
            Value::Object(table.iter().map(member).collect::<Map<_, _>>())
        }
    }
}
