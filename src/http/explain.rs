//! `/v1/offers/{id}/why` and `/v1/persons/{handle}`: why an offer was made, and what is known of a person.
//!
//! | route | what |
//! |---|---|
//! | `GET /v1/offers/{id}/why` | rule, events, links, score, policies, what lost, what became of it |
//! | `GET /v1/persons/{handle}` | handles, profile, cart, visits, offers; of each rule why it makes no offer; `?brand=` |
//!
//! Invariant: one question is with the workers at a time; few wait, any more are answered with 429; none waits for
//! longer than a while. Cost: a thread for blocking work while it waits.

use super::error::ApiError;
use super::{Edge, Phase};
use crate::config::ClockKind;
use crate::explain::{self, Inquiries};
use crate::runtime::{AskError, Asker};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use shopbell_dataflows::explain::{OfferView, PersonView};
use shopbell_model::key::{Brand, Handle, HandleError};
use shopbell_model::time::Time;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Questions that may be on their way at once.
const QUESTIONS: usize = 16;

/// What asking needs.
#[derive(Clone)]
pub(super) struct Desk {
    edge: Edge,
    room: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(edge: &Edge) -> Self {
        Desk { edge: edge.clone(), room: Arc::new(Semaphore::new(QUESTIONS)) }
    }

    /// Asks, where there is room for another question.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Asker, Option<Time>) -> Result<Option<T>, AskError> + Send + 'static,
    ) -> Result<Option<T>, ApiError> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| {
            let message = format!("{QUESTIONS} questions are on their way already");
            let hint = "ask again after the time in Retry-After";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-questions", message, hint).retry_after(1)
        })?;
        if !matches!(self.edge.readiness.phase(), Phase::Running) {
            return Err(failed(AskError::NotRunning));
        }
        let now = (self.edge.clock == ClockKind::Wall).then(crate::wall_clock);
        let inquiries: Inquiries = self.edge.inquiries.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let _room = room;
            ask(&inquiries.asker()?, now)
        });
        asking.await.unwrap_or(Err(AskError::NotRunning)).map_err(failed)
    }
}

fn failed(error: AskError) -> ApiError {
    let hint = match error {
        AskError::NotRunning => "see /readyz",
        AskError::Late => "ask again when it is less busy",
    };
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), error.to_string(), hint).retry_after(1)
}

/// `GET /v1/offers/{id}/why`
pub(super) async fn why(
    State(desk): State<Desk>,
    Path(offer_id): Path<String>,
) -> Result<Json<OfferView>, ApiError> {
    let asked = offer_id.clone();
    let view = desk.ask(move |asker, now| explain::offer(asker, &asked, now)).await?;
    view.map(Json).ok_or_else(|| {
        let hint = "offers are known within [retention] ledger; those of forgotten persons are not";
        let message = format!("no offer {} is known", offer_id.escape_debug());
        ApiError::new(StatusCode::NOT_FOUND, "offer-unknown", message, hint)
    })
}

/// The query of a person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    #[serde(default)]
    brand: String,
}

/// `GET /v1/persons/{handle}`
pub(super) async fn person(
    State(desk): State<Desk>,
    Path(text): Path<String>,
    of: Result<Query<Of>, QueryRejection>,
) -> Result<Json<PersonView>, ApiError> {
    let Query(Of { brand }) = of.map_err(|rejection| {
        let message = rejection.body_text().to_lowercase();
        ApiError::new(StatusCode::BAD_REQUEST, "wrong-query", message, "known: brand")
    })?;
    let wrong = |error: HandleError| {
        ApiError::new(StatusCode::BAD_REQUEST, error.code(), error.to_string(), error.hint())
    };
    if brand.chars().any(char::is_control) {
        let message = "the brand has a control character";
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "wrong-query",
            message,
            "name a brand of the events",
        ));
    }
    let handle = Handle::parse(&Brand::new(&brand), &text).map_err(wrong)?;
    let asked = handle.clone();
    let view = desk.ask(move |asker, now| explain::person(asker, &asked, now)).await?;
    view.map(Json).ok_or_else(|| {
        let hint = "it was never seen, not in this brand, or was forgotten";
        let message = format!("nothing is known of {handle}");
        ApiError::new(StatusCode::NOT_FOUND, "person-unknown", message, hint)
    })
}
