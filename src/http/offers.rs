//! `GET /v1/offers`: offers as server-sent events, from the moment of connecting on.
//!
//! Each has the offer's id as `id`, its type as `event`, and the CloudEvent as `data`. Comments keep
//! the connection open. A client that reads too slowly is let go, with a last event `error`. There is
//! no history: `Last-Event-ID` is not looked at.

use super::error::ApiError;
use crate::sink::{Broadcast, Filter, Message, SubscribeError, Subscription};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_stream::Stream;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    person: Option<String>,
    channel: Option<String>,
}

/// The handler.
pub(super) async fn listen(
    State(offers): State<Broadcast>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(Wanted { person, channel }) = wanted.map_err(|rejection| {
        let message = rejection.body_text().to_lowercase();
        ApiError::new(StatusCode::BAD_REQUEST, "wrong-query", message, "known: person, channel")
    })?;
    let subscription = offers.subscribe(Filter { person, channel }).map_err(|refused| {
        let seconds = match refused {
            SubscribeError::TooMany { .. } => 60,
            SubscribeError::Closed => 5,
        };
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, refused.code(), refused.to_string(), refused.hint())
            .retry_after(seconds)
    })?;
    let stream = Offers { subscription, over: false };
    // Proxies that gather an answer before they pass it on would hold offers back.
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok((headers, Sse::new(stream).keep_alive(keep_alive)).into_response())
}

/// A subscription as server-sent events.
struct Offers {
    subscription: Subscription,
    over: bool,
}

impl Stream for Offers {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        match self.subscription.poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(message)) => Poll::Ready(Some(Ok(as_event(&message)))),
            Poll::Ready(None) => {
                self.over = true;
                let last = self.subscription.was_dropped().then(|| {
                    let text = r#"{"code":"too-slow","message":"offers were not read in time"}"#;
                    Ok(Event::default().event("error").data(text))
                });
                Poll::Ready(last)
            }
        }
    }
}

fn as_event(message: &Message) -> Event {
    let event = Event::default().event(message.kind.event_type()).data(&*message.json);
    // A line break here would be a panic in the response; an offer id has none.
    if message.offer_id.chars().any(char::is_control) { event } else { event.id(&message.offer_id) }
}
