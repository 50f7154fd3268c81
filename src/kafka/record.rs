//! A record of a topic as an event in structured JSON: the one form that decoding knows.
//!
//! Invariant: binary mode gives the bytes of the structured event with the same attributes and data, and nothing in
//! headers or value can add an attribute: names are ours, values are escaped, and data is exactly one JSON value.
//! Cost: none for structured records; a copy of the value for binary ones.

use crate::source::Refused;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Attributes that events are decoded from.
const ATTRIBUTES: [&str; 7] = ["specversion", "id", "source", "type", "subject", "time", "brand"];

/// A header: name and value.
pub(super) type Header<'a> = (&'a str, Option<&'a [u8]>);

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// Nothing: a key is deleted.
    Tombstone,
    /// An event in structured JSON, still to be decoded.
    Event(Cow<'a, [u8]>),
}

/// What a record holds. `limit` bounds the bytes that are looked at: a longer value is passed on as it is, to be
/// refused as too large.
pub(super) fn content<'a>(
    headers: &[Header<'_>],
    value: Option<&'a [u8]>,
    limit: usize,
) -> Result<Content<'a>, Refused> {
    let Some(value) = value else { return Ok(Content::Tombstone) };
    let kind = one(headers, "content-type")?.map(media_type);
    let structured = kind.as_deref().is_some_and(|kind| kind.starts_with("application/cloudevents"));
    let binary = !structured && headers.iter().any(|(name, _)| name.starts_with("ce_"));
    match kind.as_deref() {
        Some("application/cloudevents+json") => {}
        Some(kind) if structured || (binary && !is_json(kind)) => {
            let reason = format!("the content-type is {kind:?}");
            return Err(refused("kafka-content-type", reason, "send events, or their data, as JSON"));
        }
        _ => {}
    }
    if !binary || value.len() > limit {
        return Ok(Content::Event(Cow::Borrowed(value)));
    }
    Ok(Content::Event(Cow::Owned(joined(headers, value)?)))
}

/// A binary event as a structured one.
fn joined(headers: &[Header<'_>], value: &[u8]) -> Result<Vec<u8>, Refused> {
    let data = value.trim_ascii();
    if !data.is_empty() && serde_json::from_slice::<IgnoredAny>(data).is_err() {
        let hint = "with ce_ headers the value is the event's data alone: one JSON value";
        return Err(refused("kafka-data", "the value is not one JSON value".to_owned(), hint));
    }
    let mut event = Vec::with_capacity(data.len() + 256);
    event.push(b'{');
    for attribute in ATTRIBUTES {
        let Some(text) = one(headers, &format!("ce_{attribute}"))? else { continue };
        if event.len() > 1 {
            event.push(b',');
        }
        let quoted = serde_json::to_string(text).unwrap_or_default();
        event.extend_from_slice(format!("\"{attribute}\":{quoted}").as_bytes());
    }
    if !data.is_empty() {
        if event.len() > 1 {
            event.push(b',');
        }
        event.extend_from_slice(b"\"data\":");
        event.extend_from_slice(data);
    }
    event.push(b'}');
    Ok(event)
}

/// The text of a header, which must not be there twice.
fn one<'a>(headers: &[Header<'a>], name: &str) -> Result<Option<&'a str>, Refused> {
    let hint = "a header is there once, in UTF-8, without control characters";
    let mut found = headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| *value);
    let Some(value) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(refused("kafka-header-twice", format!("the header {name} is there twice"), hint));
    }
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    match text.filter(|text| !text.chars().any(char::is_control)) {
        Some(text) => Ok(Some(text)),
        None => Err(refused("kafka-header", format!("the header {name} is not a plain text"), hint)),
    }
}

/// Without parameters, in lower case.
fn media_type(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

pub(super) fn refused(code: &'static str, reason: String, hint: &str) -> Refused {
    Refused { code, reason, hint: hint.to_owned() }
}

/// What a record is known by: another one at its place has another mark but by chance of 1 in 2⁶⁴. Never 0.
pub(super) fn mark(offset: i64, time: Option<i64>, key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let content = crc32c::crc32c_append(crc32c::crc32c(key.unwrap_or_default()), value.unwrap_or_default());
    let length = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i64);
    let around = [offset, time.unwrap_or(-1), length(key), length(value)].map(i64::to_le_bytes).concat();
    (u64::from(content) << 32 | u64::from(crc32c::crc32c(&around))).max(1)
}

#[cfg(test)]
mod tests;
