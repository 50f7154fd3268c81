//! `/v1/rules`: what is in force, and a word to read the folder again.
//!
//! | route | what |
//! |---|---|
//! | `GET /v1/rules` | rules in force with their versions, and why those on disk are not where they are not |
//! | `POST /v1/rules/reload` | what changed; or 422 with everything that is wrong, and nothing changed |
//!
//! Invariant: an answer of 200 comes when the change is a tick. Cost: one lock.

use super::error::ApiError;
use crate::reload::{Change, Reloads, Status};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::time::Duration;

/// The longest wait for a change.
const PATIENCE: Duration = Duration::from_secs(60);

/// `GET /v1/rules`
pub(super) async fn list(State(reloads): State<Reloads>) -> Json<Status> {
    Json(reloads.status())
}

/// `POST /v1/rules/reload`
pub(super) async fn reload(State(reloads): State<Reloads>) -> Result<Json<Change>, ApiError> {
    let late = || {
        let message = "the rules are not in force yet";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "rules-pending", message, "see GET /v1/rules")
    };
    let outcome = tokio::time::timeout(PATIENCE, reloads.ask()).await;
    match outcome.map_err(|_| late())?.map_err(|_| late())? {
        Ok(change) => Ok(Json(change)),
        Err(error) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Err(ApiError::new(status, error.code(), error.to_string(), error.hint())
                .with_errors(error.errors()))
        }
    }
}
