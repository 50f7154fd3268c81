//! `POST /v1/events`: all events of a body are taken, or none.
//!
//! Invariant: 202 says that every known event of the body waits for the engine, and is in the journal where
//! one is kept; any other answer but 503, that none does. Bodies in flight are bounded in bytes over all connections; a body that does not
//! fit, or comes while the engine is behind, is answered with 429 before it is read.
//! Cost: large bodies are decoded away from the threads that serve connections.

use super::Edge;
use super::error::{ApiError, RefusedEvent};
use crate::source::{Behind, Decode, Decoded, Refused};
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use serde_json::value::RawValue;
use shopbell_model::event::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt;

/// Refused events that one answer names.
const NAMED: usize = 1000;
/// Bodies of the greatest size that may be in flight at once.
const BODIES: usize = 16;
/// A body of more bytes is decoded on a thread for blocking work.
const INLINE_BYTES: usize = 64 * 1024;

/// What taking events needs.
#[derive(Clone)]
pub(super) struct Taker {
    edge: Edge,
    accepted: Counter,
    /// Kilobytes that bodies in flight may still take.
    room: Arc<Semaphore>,
}

impl Taker {
    pub(super) fn new(edge: &Edge) -> Self {
        let room = kilobytes(edge.settings.max_body) as usize * BODIES;
        Taker {
            edge: edge.clone(),
            accepted: edge.metrics.source_events("http"),
            room: Arc::new(Semaphore::new(room)),
        }
    }

    /// Room for a body of that length, or of the greatest where it is not said.
    fn room_for(&self, length: Option<usize>) -> Result<OwnedSemaphorePermit, ApiError> {
        let most = self.edge.settings.max_body;
        let length = length.unwrap_or(most);
        if length > most {
            return Err(too_large(most));
        }
        Arc::clone(&self.room).try_acquire_many_owned(kilobytes(length)).map_err(|_| {
            let message = "too many request bodies are on their way";
            let hint = "send it again after the time in Retry-After, or smaller bodies";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-bodies", message, hint).retry_after(1)
        })
    }
}

fn kilobytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).max(1)
}

#[derive(Serialize)]
struct Accepted {
    accepted: usize,
    unknown: usize,
}

/// The handler.
pub(super) async fn take(
    State(taker): State<Taker>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let format = Format::of(&headers)?;
    if let Some(reason) = taker.edge.intake.behind() {
        return Err(behind(reason));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse().ok());
    let _room = taker.room_for(length)?;
    let limit = Duration::from_millis(taker.edge.settings.read_timeout.0);
    let read = read(body.into_data_stream(), length.unwrap_or(0), taker.edge.settings.max_body);
    let body = tokio::time::timeout(limit, read).await.map_err(|_| {
        let message = format!("the body did not arrive within {}", taker.edge.settings.read_timeout);
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", message, "send smaller bodies")
    })??;
    let decoder = Arc::clone(&taker.edge.decoder);
    let decoded = if body.len() <= INLINE_BYTES {
        decode(&body, format, decoder.as_ref())
    } else {
        let decoding = tokio::task::spawn_blocking(move || decode(&body, format, decoder.as_ref()));
        decoding.await.unwrap_or_else(|_| {
            let message = "decoding the body failed";
            Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, "report this"))
        })
    };
    let Batch { events, unknown } = decoded?;
    let accepted = events.len();
    let ticket = taker.edge.intake.submit(events).map_err(behind)?;
    // Where a journal is kept, 202 says that they are in it.
    taker.edge.acknowledged.wait(ticket).await.map_err(|not_kept| {
        let hint = "send it again when the engine is ready: it may or may not be kept";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not-kept", not_kept.to_string(), hint)
    })?;
    taker.accepted.inc_by(accepted as u64);
    taker.edge.metrics.unknown_types.inc_by(unknown as u64);
    Ok((http::StatusCode::ACCEPTED, Json(Accepted { accepted, unknown })).into_response())
}

fn behind(reason: Behind) -> ApiError {
    let (status, seconds) = match reason {
        Behind::Full { .. } => (StatusCode::TOO_MANY_REQUESTS, 1),
        Behind::Closed => (StatusCode::SERVICE_UNAVAILABLE, 5),
    };
    ApiError::new(status, reason.code(), reason.to_string(), reason.hint()).retry_after(seconds)
}

fn too_large(most: usize) -> ApiError {
    let message = format!("the body is larger than {most} bytes");
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        message,
        "send the events in several bodies",
    )
}

/// Reads a body of at most `most` bytes.
async fn read(mut stream: BodyDataStream, length: usize, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::with_capacity(length);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| {
            let hint = "check the connection and the Content-Length";
            ApiError::new(StatusCode::BAD_REQUEST, "body-broken", "the body broke off", hint)
        })?;
        if body.len() + part.len() > most {
            return Err(too_large(most));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// How a body holds its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// One object or an array of objects, by the first byte.
    Json,
    /// One object a line.
    Lines,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let wrong = |message: String| {
            let hint = "send application/cloudevents+json, application/json or application/x-ndjson in \
                        UTF-8, not compressed";
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-content-type", message, hint))
        };
        if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return wrong("compressed bodies are not read".into());
        }
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Json) };
        let text = value.to_str().unwrap_or("?").to_ascii_lowercase();
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let charset = parts.find_map(|part| part.strip_prefix("charset="));
        if charset.is_some_and(|charset| !matches!(charset.trim_matches('"'), "utf-8" | "utf8")) {
            return wrong(format!("`{text}` is not utf-8"));
        }
        match kind {
            "application/json" | "application/cloudevents+json" | "application/cloudevents-batch+json" => {
                Ok(Format::Json)
            }
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-lines" => Ok(Format::Lines),
            _ => wrong(format!("`{text}` is not a content type of events")),
        }
    }
}

/// The good events of a body without bad ones.
#[derive(Debug)]
struct Batch {
    events: Vec<Event>,
    unknown: usize,
}

fn decode(body: &[u8], format: Format, decoder: &dyn Decode) -> Result<Batch, ApiError> {
    let mut collected = Collected::default();
    let trimmed = body.trim_ascii();
    match (format, trimmed.first()) {
        (_, None) => {
            let message = "the body holds no event";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "no-events", message, "send at least one"));
        }
        (Format::Json, Some(b'[')) => {
            let elements: Vec<&RawValue> = serde_json::from_slice(trimmed).map_err(|error| {
                let message = format!("the body is not a json array: {error}");
                let hint = "send a JSON array of events, or one event a line as application/x-ndjson";
                ApiError::new(StatusCode::BAD_REQUEST, "not-json", message, hint)
            })?;
            for element in elements {
                collected.add(None, decoder.decode(element.get().as_bytes()));
            }
        }
        (Format::Json, Some(_)) => collected.add(None, decoder.decode(trimmed)),
        (Format::Lines, Some(_)) => {
            for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
                let line = line.trim_ascii();
                if !line.is_empty() {
                    collected.add(Some(number + 1), decoder.decode(line));
                }
            }
        }
    }
    collected.finish()
}

#[derive(Default)]
struct Collected {
    events: Vec<Event>,
    unknown: usize,
    refused: Vec<RefusedEvent>,
    refused_count: usize,
    index: usize,
}

impl Collected {
    fn add(&mut self, line: Option<usize>, decoded: Result<Decoded, Refused>) {
        match decoded {
            // Behind a refusal nothing is kept any more, but everything is looked at.
            Ok(Decoded::Event(event)) if self.refused_count == 0 => self.events.push(event),
            Ok(Decoded::Event(_)) => {}
            Ok(Decoded::UnknownType(_)) => self.unknown += 1,
            Err(Refused { code, reason, hint }) => {
                self.refused_count += 1;
                if self.refused.len() < NAMED {
                    self.refused.push(RefusedEvent { index: self.index, line, code, reason, hint });
                }
            }
        }
        self.index += 1;
    }

    fn finish(self) -> Result<Batch, ApiError> {
        if self.refused_count == 0 {
            return Ok(Batch { events: self.events, unknown: self.unknown });
        }
        let message = format!("{} of {} events are refused; none was taken", self.refused_count, self.index);
        let hint = "correct or leave out the events listed, then send the body again";
        let left_out = self.refused_count - self.refused.len();
        Err(ApiError {
            events: self.refused.into(),
            left_out: u32::try_from(left_out).ok().filter(|left_out| *left_out > 0),
            ..ApiError::new(StatusCode::BAD_REQUEST, "events-refused", message, hint)
        })
    }
}
