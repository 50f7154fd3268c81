//! `/v1/webhooks`: what receivers are still to get, and two commands.
//!
//! | route | what |
//! |---|---|
//! | `GET /v1/webhooks` | each receiver: what waits, what failed, whether it is disabled, what went wrong last |
//! | `POST /v1/webhooks/{name}/replay` | what failed waits again, in its order; the receiver is enabled |
//! | `POST /v1/webhooks/{name}/drop` | everything it is still to get is dropped |
//!
//! Invariant: an answer says what was done in this process; it outlives the process with the next checkpoint.
//! Cost: one lock a receiver.

use super::error::ApiError;
use crate::sink::Webhooks;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// `GET /v1/webhooks`
pub(super) async fn list(State(webhooks): State<Webhooks>) -> Json<Value> {
    Json(json!({ "webhooks": webhooks.list() }))
}

/// `POST /v1/webhooks/{name}/replay`
pub(super) async fn replay(
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let replayed = webhooks.replay(&name).ok_or_else(|| unknown(&name))?;
    tracing::info!(webhook = name, replayed, "what failed waits again");
    Ok(Json(json!({ "name": name, "replayed": replayed })))
}

/// `POST /v1/webhooks/{name}/drop`
pub(super) async fn drop_all(
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let dropped = webhooks.drop_all(&name).ok_or_else(|| unknown(&name))?;
    tracing::warn!(webhook = name, dropped, "messages were dropped as told");
    Ok(Json(json!({ "name": name, "dropped": dropped })))
}

fn unknown(name: &str) -> ApiError {
    let message = format!("there is no webhook {name}");
    let hint = "see GET /v1/webhooks for their names";
    ApiError::new(StatusCode::NOT_FOUND, "webhook-unknown", message, hint)
}
