//! Errors of HTTP as JSON, and the id of each request.

use crate::metrics::Metrics;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// An error as a client sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ApiError {
    #[serde(skip)]
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: String,
    /// Seconds after which it is worth another try.
    #[serde(skip)]
    pub(super) retry_after: Option<u32>,
    /// The events that were refused.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) events: Box<[RefusedEvent]>,
    /// Everything that is wrong, a line each, where there is more than one thing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) errors: Box<[String]>,
    /// Refused events that are not listed, where there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<u32>,
}

/// One event of a body that was refused.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RefusedEvent {
    /// Its place among the events of the body, from 0.
    pub(super) index: usize,
    /// Its line, from 1, where the body has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    pub(super) code: &'static str,
    pub(super) reason: String,
    pub(super) hint: String,
}

impl ApiError {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (message, hint) = (message.into(), hint.into());
        let (events, errors) = (Box::default(), Box::default());
        ApiError { status, code, message, hint, retry_after: None, events, errors, left_out: None }
    }

    pub(super) fn with_errors(mut self, errors: &[String]) -> Self {
        self.errors = errors.into();
        self
    }

    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// The code of an answer, for metrics.
#[derive(Clone, Copy)]
struct Code(&'static str);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, retry_after) = (self.status, self.code, self.retry_after);
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(Code(code));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) async fn not_found() -> ApiError {
    let hint = "routes: POST /v1/events, GET /v1/offers, GET /v1/offers/{id}/why, GET /v1/persons/{handle}, GET /v1/webhooks, GET /v1/rules, /metrics, /healthz, /readyz";
    ApiError::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this path", hint)
}

pub(super) async fn wrong_method() -> ApiError {
    let hint = "see the Allow header of this answer";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "this path does not take this method", hint)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives each request an id (the client's own, where it is a sensible one), and counts errors.
pub(super) async fn identify(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let sensible =
        |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    let id = request.headers().get(REQUEST_ID).filter(sensible).cloned().or_else(fresh_id);
    let mut response = next.run(request).await;
    if let Some(Code(code)) = response.extensions().get::<Code>() {
        metrics.refused_request(code);
        let id = id.as_ref().and_then(|id| id.to_str().ok());
        tracing::debug!(request = id, code, status = response.status().as_u16(), "request refused");
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A number that no other request of this process has, behind one of the process.
fn fresh_id() -> Option<HeaderValue> {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| std::hash::RandomState::new().hash_one(std::process::id()));
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{process:016x}-{count}")).ok()
}
