//! How the process is: alive, ready, and in numbers.

use super::Edge;
use super::error::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Where the engine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// It restores its state, or has not begun.
    Starting,
    /// It takes events and makes offers.
    Running,
    /// It finishes what is under way.
    Stopping,
    /// It cannot go on.
    Failed,
}

const PHASES: [Phase; 4] = [Phase::Starting, Phase::Running, Phase::Stopping, Phase::Failed];

/// Told by the engine, asked by `/readyz`. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<AtomicU8>);

impl Default for Readiness {
    fn default() -> Self {
        Readiness(Arc::new(AtomicU8::new(Phase::Starting as u8)))
    }
}

impl Readiness {
    /// The engine is in this phase now.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }

    /// The phase it is in.
    pub fn phase(&self) -> Phase {
        let number = self.0.load(Ordering::Acquire);
        PHASES.get(usize::from(number)).copied().unwrap_or(Phase::Failed)
    }
}

/// `/healthz`
pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `/readyz`
pub(super) async fn ready(State(edge): State<Edge>) -> Result<Json<Value>, ApiError> {
    let not_ready = |code, message: String, hint| {
        Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message, hint).retry_after(1))
    };
    match edge.readiness.phase() {
        Phase::Starting => not_ready("engine-starting", "the engine is starting".into(), "wait a moment"),
        Phase::Stopping => not_ready("engine-stopping", "the engine is stopping".into(), "wait for the next"),
        Phase::Failed => not_ready("engine-failed", "the engine failed".into(), "see the process's log"),
        Phase::Running => match edge.intake.behind() {
            Some(behind) => not_ready(behind.code(), behind.to_string(), "send less, or wait"),
            None => Ok(Json(json!({ "status": "ready", "queued_events": edge.intake.waiting() }))),
        },
    }
}

/// `/metrics`
pub(super) async fn metrics(State(edge): State<Edge>) -> Result<Response, ApiError> {
    edge.metrics.queued_events.set(i64::try_from(edge.intake.waiting()).unwrap_or(i64::MAX));
    let text = edge.metrics.text().map_err(|_| {
        let message = "the metrics could not be written";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, "report this")
    })?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
