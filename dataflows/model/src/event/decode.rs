//! CloudEvents JSON to [`Event`].
//!
//! Invariant: total: any bytes give an event, the name of a type that is not understood, or one
//! [`Refusal`]; never a panic. What is accepted does not depend on key order, and only `now` and
//! the limits are taken from outside.
//! Cost: one pass over the bytes; allocated are a list of the values' positions and what the event
//! keeps beyond 24 bytes. `examples/decode_speed.rs` measures it.
//!
//! What the contract leaves open is decided so: text attributes must not be empty or have control
//! characters; `null` is absent; an empty `brand` is none; a subject that is not needed is not
//! looked at; of an event of unknown type only `specversion`, `id`, `source` and `type` are.

use super::bodies::Data;
use super::json::{Kind as Json, Object, Tape, Value, found, object};
use super::kind::Kind;
use super::refusal::{ATTRIBUTE_BYTES, BRAND_BYTES, Refusal, excerpt, not_json};
use super::{Body, Event, Limits};
use crate::key::{Brand, EventRef, Handle, Text, has_control};
use crate::time::{EARLIEST, Time, parse_rfc3339};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What some bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An event of the contract.
    Event(Event),
    /// A CloudEvent of a type the contract does not list: to be counted and skipped.
    UnknownType(Text),
}

/// Decodes one event in structured mode: attributes and data in one JSON object. `now` is the wall
/// clock, in a replay too.
pub fn decode(raw: &[u8], now: Time, limits: &Limits) -> Result<Decoded, Refusal> {
    let text = checked_text(raw, limits)?;
    // The event itself is one level, its data the next.
    let depth = limits.depth.saturating_add(1);
    let tape = Tape::scan(text, depth).map_err(|fault| fault.refusal(text, limits.depth))?;
    let Some(whole) = tape.root().filter(|whole| whole.kind() == Json::Object) else {
        return Err(Refusal::NotAnObject { found: tape.root().map_or("null", found) });
    };
    let Object { values, duplicate } = object(whole, &ATTRIBUTES);
    if let Some(name) = duplicate {
        return Err(Refusal::DuplicateKey { path: name.to_owned() });
    }
    let [specversion, id, source, kind, subject, time, content, brand, data, base64] = values;
    let attribute = |name, value: Option<_>| Attribute { name, written: value.map(Written::Json) };
    Envelope {
        specversion: attribute("specversion", specversion),
        id: attribute("id", id),
        source: attribute("source", source),
        kind: attribute("type", kind),
        subject: attribute("subject", subject),
        time: attribute("time", time),
        content: attribute("datacontenttype", content),
        brand: attribute("brand", brand),
    }
    .decode(now, limits, || match base64 {
        Some(_) => Err(Refusal::DataBase64),
        None => Ok(data),
    })
}

/// Decodes one event in Kafka's binary mode: attributes are headers `ce_…` and `content-type`, the
/// payload is the data. Of a header that stands there twice, the last counts, as in Kafka itself.
pub fn decode_binary<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    payload: &[u8],
    now: Time,
    limits: &Limits,
) -> Result<Decoded, Refusal> {
    let mut attributes = ATTRIBUTES.map(|name| Attribute { name, written: None });
    for (header, value) in headers {
        let name = match header.strip_prefix("ce_") {
            Some("datacontenttype") => continue,
            Some(name) => name,
            None if header.eq_ignore_ascii_case("content-type") => "datacontenttype",
            None => continue,
        };
        if let Some(attribute) = attributes.iter_mut().find(|attribute| attribute.name == name) {
            let text =
                std::str::from_utf8(value).map_err(|_| Refusal::HeaderNotUtf8 { name: excerpt(header) })?;
            attribute.written = Some(Written::Plain(text));
        }
    }
    let [specversion, id, source, kind, subject, time, content, brand, _, _] = attributes;
    let envelope = Envelope { specversion, id, source, kind, subject, time, content, brand };
    // Of a type that is not understood, the payload is not looked at.
    let mut tape = None;
    envelope.decode(now, limits, || {
        let text = checked_text(payload, limits)?;
        if text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            return Ok(None);
        }
        let scanned = Tape::scan(text, limits.depth);
        let scanned = scanned.map_err(|fault| fault.refusal(text, limits.depth))?;
        let root = tape.insert(scanned).root();
        Ok(root.filter(|whole| whole.kind() != Json::Null))
    })
}

/// Splits the JSON array of a batch into the raw text of its elements; they are not looked at.
pub fn decode_array(raw: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let text = utf8(raw)?;
    // By serde_json, which steps over an event nested too deep: that is refused by itself later.
    if !text.trim_ascii_start().starts_with('[') {
        serde_json::from_str::<&RawValue>(text).map_err(|error| not_json(&error))?;
        return Err(Refusal::NotAnArray);
    }
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    Ok(elements.into_iter().map(|element| element.get().as_bytes()).collect())
}

/// What is read of an event besides unknown extensions, in the order most senders write it.
const ATTRIBUTES: [&str; 10] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "brand",
    "data",
    "data_base64",
];

enum Written<'a> {
    Json(Value<'a>),
    Plain(&'a str),
}

struct Attribute<'a> {
    name: &'static str,
    written: Option<Written<'a>>,
}

impl<'a> Attribute<'a> {
    fn text(&self) -> Result<Option<Cow<'a, str>>, Refusal> {
        match self.written {
            None => Ok(None),
            Some(Written::Plain(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(Written::Json(value)) => match value.text() {
                Some(text) => Ok(Some(text)),
                None => Err(Refusal::AttributeNotText { name: self.name, found: found(value) }),
            },
        }
    }

    fn checked(&self, text: &str, limit: usize) -> Result<(), Refusal> {
        let name = self.name;
        if text.len() > limit {
            return Err(Refusal::AttributeTooLong { name, bytes: text.len(), limit });
        }
        if has_control(text) {
            return Err(Refusal::AttributeControl { name });
        }
        Ok(())
    }

    fn needed(&self) -> Result<Cow<'a, str>, Refusal> {
        let name = self.name;
        let text = self.text()?.ok_or(Refusal::AttributeMissing { name })?;
        if text.is_empty() {
            return Err(Refusal::AttributeEmpty { name });
        }
        self.checked(&text, ATTRIBUTE_BYTES)?;
        Ok(text)
    }
}

struct Envelope<'a> {
    specversion: Attribute<'a>,
    id: Attribute<'a>,
    source: Attribute<'a>,
    kind: Attribute<'a>,
    subject: Attribute<'a>,
    time: Attribute<'a>,
    content: Attribute<'a>,
    brand: Attribute<'a>,
}

impl<'a> Envelope<'a> {
    /// `data` is asked for only once the type is known to be understood.
    fn decode(
        &self,
        now: Time,
        limits: &Limits,
        data: impl FnOnce() -> Result<Option<Value<'a>>, Refusal>,
    ) -> Result<Decoded, Refusal> {
        let version = self.specversion.text()?.ok_or(Refusal::SpecVersionMissing)?;
        if version != "1.0" {
            return Err(Refusal::SpecVersionUnsupported { found: excerpt(&version) });
        }
        let reference =
            EventRef { id: Text::from(self.id.needed()?), source: Text::from(self.source.needed()?) };
        let kind = self.kind.needed()?;
        let Some(kind) = Kind::parse(&kind) else {
            return Ok(Decoded::UnknownType(Text::from(kind)));
        };
        let brand = self.brand()?;
        let handle = if kind.is_personal() { Some(self.handle(kind, &brand)?) } else { None };
        let time = self.time(now, limits)?;
        if let Some(content) = self.content.text()?
            && !is_json(&content)
        {
            return Err(Refusal::ContentType { found: excerpt(&content) });
        }
        // Who wants to be forgotten is, whatever else the event says.
        let whole = if kind == Kind::Forget { None } else { data()? };
        let data = Data::new(kind, whole, &brand, limits)?;
        let body = match handle {
            Some(handle) => Body::Person { act: data.act(&handle)?, handle },
            None => data.thing()?,
        };
        Ok(Decoded::Event(Event { reference, brand, time, body }))
    }

    fn brand(&self) -> Result<Brand, Refusal> {
        let Some(text) = self.brand.text()? else { return Ok(Brand::default()) };
        self.brand.checked(&text, BRAND_BYTES)?;
        Ok(Brand(Text::from(text)))
    }

    fn handle(&self, kind: Kind, brand: &Brand) -> Result<Handle, Refusal> {
        let missing = Refusal::SubjectMissing { kind: kind.as_str() };
        let text = self.subject.text()?.ok_or(missing)?;
        Handle::parse(brand, &text)
            .map_err(|error| Refusal::Handle { path: self.subject.name.to_owned(), error })
    }

    fn time(&self, now: Time, limits: &Limits) -> Result<Time, Refusal> {
        let text = self.time.text()?.ok_or(Refusal::TimeMissing)?;
        let found = || excerpt(&text);
        let moment = parse_rfc3339(&text).ok_or_else(|| Refusal::TimeMalformed { found: found() })?;
        let Some(time) = Time::try_from(moment).ok().filter(|time| *time >= EARLIEST) else {
            return Err(Refusal::TimeTooEarly { found: found() });
        };
        let ahead_ms = time.saturating_sub(now);
        if ahead_ms > limits.ahead.0 {
            return Err(Refusal::TimeAhead { found: found(), ahead_ms });
        }
        Ok(time)
    }
}

/// `application/json`, `text/json` and all that end in `+json`, with or without parameters.
fn is_json(content: &str) -> bool {
    let media = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.split_once('/') {
        Some((_, subtype)) => subtype == "json" || subtype.ends_with("+json"),
        None => false,
    }
}

fn checked_text<'a>(raw: &'a [u8], limits: &Limits) -> Result<&'a str, Refusal> {
    if raw.len() > limits.event_bytes {
        return Err(Refusal::TooLarge { bytes: raw.len() as u64, limit: limits.event_bytes });
    }
    utf8(raw)
}

fn utf8(raw: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(raw).map_err(|error| Refusal::NotUtf8 { at: error.valid_up_to() })
}

#[cfg(test)]
mod tests;
