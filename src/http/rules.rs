//! `/v1/rules`: what is in force, a word to change it, and a second set that is only looked at.
//!
//! | route | what |
//! |---|---|
//! | `GET /v1/rules` | rules in force with their versions, and why those on disk are not where they are not |
//! | `POST /v1/rules/reload` | what changed; or 422 with everything that is wrong, and nothing changed |
//! | `PUT /v1/rules/shadow` | a second set, as one rule file (TOML) or `{"files": {"name.toml": "text", …}}` |
//! | `GET /v1/rules/shadow` | what would be otherwise under it, by rule, with samples |
//! | `DELETE /v1/rules/shadow` | it is looked at no longer |
//! | `POST /v1/rules/shadow/promote` | it comes into force, at one tick |
//! | `POST /v1/rules/rollback` | what was in force before comes into force again |
//!
//! Invariant: an answer of 200 comes when the change is a tick, and with `[state]` when it is on the disk. Cost: one lock.

use super::error::ApiError;
use crate::reload::{Ask, Change, ReloadError, Reloads, ShadowReport, Status};
use crate::stored::RuleTexts;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest wait for a change.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a shadow set at most.
const MOST_BYTES: usize = 8 << 20;

/// `GET /v1/rules`
pub(super) async fn list(State(reloads): State<Reloads>) -> Json<Status> {
    Json(reloads.status())
}

/// `POST /v1/rules/reload`
pub(super) async fn reload(State(reloads): State<Reloads>) -> Result<Json<Change>, ApiError> {
    done(&reloads, Ask::Reload).await
}

/// `POST /v1/rules/rollback`
pub(super) async fn rollback(State(reloads): State<Reloads>) -> Result<Json<Change>, ApiError> {
    done(&reloads, Ask::Rollback).await
}

/// `POST /v1/rules/shadow/promote`
pub(super) async fn promote(State(reloads): State<Reloads>) -> Result<Json<Change>, ApiError> {
    done(&reloads, Ask::Promote).await
}

/// `/v1/rules/shadow`
pub(super) fn shadow<S: Clone + Send + Sync + 'static>(reloads: Reloads) -> MethodRouter<S> {
    get(report).put(cast).delete(lift).layer(DefaultBodyLimit::max(MOST_BYTES)).with_state(reloads)
}

async fn report(State(reloads): State<Reloads>) -> Result<Json<ShadowReport>, ApiError> {
    reloads.report().map(Json).ok_or_else(|| refused(&ReloadError::NoShadow))
}

async fn cast(State(reloads): State<Reloads>, body: Bytes) -> Result<Json<Change>, ApiError> {
    done(&reloads, Ask::Shadow(texts(&body)?)).await
}

async fn lift(State(reloads): State<Reloads>) -> Result<Json<Change>, ApiError> {
    done(&reloads, Ask::NoShadow).await
}

/// Several rule files in one body.
#[derive(Deserialize)]
struct Files {
    files: BTreeMap<String, String>,
}

/// A body that begins as a JSON object does is files; anything else is one file.
fn texts(body: &[u8]) -> Result<RuleTexts, ApiError> {
    let wrong = |message: String| {
        let hint = "send one rule file as it is, or {\"files\": {\"name.toml\": \"text\"}}";
        ApiError::new(StatusCode::BAD_REQUEST, "rules-body", message, hint)
    };
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        let Files { files } = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
        return Ok(files.into_iter().collect());
    }
    let text = std::str::from_utf8(body).map_err(|error| wrong(error.to_string()))?;
    Ok(vec![("shadow.toml".to_owned(), text.to_owned())])
}

async fn done(reloads: &Reloads, ask: Ask) -> Result<Json<Change>, ApiError> {
    let late = || {
        let message = "the rules are not in force yet";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "rules-pending", message, "see GET /v1/rules")
    };
    let outcome = tokio::time::timeout(PATIENCE, reloads.ask(ask)).await;
    outcome.map_err(|_| late())?.map_err(|_| late())?.map(Json).map_err(|error| refused(&error))
}

fn refused(error: &ReloadError) -> ApiError {
    let status = match error {
        ReloadError::NoShadow => StatusCode::NOT_FOUND,
        ReloadError::NothingBefore => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    ApiError::new(status, error.code(), error.to_string(), error.hint()).with_errors(error.errors())
}
