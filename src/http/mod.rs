//! HTTP: events in, offers out as they are made, and how the process is.
//!
//! | route | what |
//! |---|---|
//! | `POST /v1/events` | events: one object, an array, or JSON Lines; all are taken or none |
//! | `GET /v1/offers` | server-sent events; `?person=` and `?channel=` narrow it |
//! | `GET /v1/offers/{id}/why` | why an offer was made, and what became of it |
//! | `GET /v1/persons/{handle}` | what is known of a person, and why no rule makes an offer; `?brand=` |
//! | `GET /v1/rules` and below | rules in force, and to change them; a shadow set that is only looked at |
//! | `GET /v1/webhooks` and below | what receivers are still to get, and two commands |
//! | `GET /metrics` | OpenMetrics text |
//! | `GET /healthz` | the process is alive |
//! | `GET /readyz` | the engine runs and is not behind |
//!
//! Invariant: whatever a client sends or does not send, memory is bounded (connections, bodies in
//! flight, streams) and no thread waits for it. Every error is `{code, message, hint}` in JSON, every
//! answer carries `x-request-id`. Routes that show what is personal, or change what is in force (why, persons, rules,
//! webhooks), ask for a token where one is set; the others are open: the default address is the machine's own, and what is
//! reachable from elsewhere belongs behind a proxy.

mod admin;
mod error;
mod events;
mod explain;
mod offers;
mod rules;
mod server;
mod status;
mod webhooks;

pub use error::ApiError;
pub use server::serve;
pub use status::{Phase, Readiness};

use crate::config;
use crate::config::{ClockKind, Secret};
use crate::explain::Inquiries;
use crate::metrics::Metrics;
use crate::reload::Reloads;
use crate::sink::{Broadcast, Webhooks};
use crate::source::{Acknowledged, Decode, Intake};
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// What the routes work with. Clones share everything.
#[derive(Clone)]
pub struct Edge {
    /// Where accepted events go.
    pub intake: Intake,
    /// When they are kept.
    pub acknowledged: Acknowledged,
    /// From bytes to events.
    pub decoder: Arc<dyn Decode>,
    /// Where offers come from.
    pub offers: Broadcast,
    /// What receivers are still to get.
    pub webhooks: Webhooks,
    /// Rules in force, and who asks for others.
    pub reloads: Reloads,
    /// Whether the engine runs.
    pub readiness: Readiness,
    /// Who knows why.
    pub inquiries: Inquiries,
    /// What moves time on.
    pub clock: ClockKind,
    /// What is counted.
    pub metrics: Metrics,
    /// Limits.
    pub settings: config::Http,
    /// What operators show; their routes are open where absent.
    pub admin: Option<Secret>,
}

/// All routes. More can be merged in before it is served.
pub fn router(edge: &Edge) -> Router {
    let route_metrics = edge.metrics.clone();
    let desk = explain::Desk::new(edge);
    let of_operators = Router::new()
        .route("/v1/offers/{id}/why", get(explain::why).with_state(desk.clone()))
        .route("/v1/persons/{handle}", get(explain::person).with_state(desk))
        .route("/v1/webhooks", get(webhooks::list).with_state(edge.webhooks.clone()))
        .route("/v1/webhooks/{name}/replay", post(webhooks::replay).with_state(edge.webhooks.clone()))
        .route("/v1/webhooks/{name}/drop", post(webhooks::drop_all).with_state(edge.webhooks.clone()))
        .route("/v1/rules", get(rules::list).with_state(edge.reloads.clone()))
        .route("/v1/rules/reload", post(rules::reload).with_state(edge.reloads.clone()))
        .route("/v1/rules/rollback", post(rules::rollback).with_state(edge.reloads.clone()))
        .route("/v1/rules/shadow", rules::shadow(edge.reloads.clone()))
        .route("/v1/rules/shadow/promote", post(rules::promote).with_state(edge.reloads.clone()))
        .route_layer(axum::middleware::from_fn_with_state(edge.admin.clone(), admin::guard));
    Router::new()
        .route("/v1/events", post(events::take).with_state(events::Taker::new(edge)))
        .route("/v1/offers", get(offers::listen).with_state(edge.offers.clone()))
        .merge(of_operators)
        .route("/metrics", get(status::metrics))
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::ready))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .with_state(edge.clone())
        .layer(axum::middleware::from_fn_with_state(route_metrics, error::identify))
}
