//! One attempt at a receiver: the request, its signature, what the answer says.
//!
//! Invariant: redirects are not followed, proxies not used, private addresses not connected to unless allowed; a
//! receiver that asks to be left alone is, by all lanes. Cost: the message is copied once an attempt.

use super::address::{GuardedResolver, PrivateAddress, is_public};
use super::retry::{Outcome, retry_after};
use super::signature::Signer;
use super::{Message, MessageKind, SinkError, UnixSeconds};
use crate::config::{Secret, Webhook};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Of an answer's body, so much is read to be able to use the connection again.
const ANSWER_BYTES: usize = 64 * 1024;

/// Where messages go, shared by its lanes.
pub(super) struct Receiver {
    url: Url,
    allow_private: bool,
    client: Client,
    signer: Signer,
    clock: UnixSeconds,
    /// Until when the receiver asked to be left alone.
    paused: Mutex<Option<Instant>>,
}

impl Receiver {
    pub(super) fn new(settings: &Webhook, secret: &Secret, clock: UnixSeconds) -> Result<Self, SinkError> {
        let name = settings.name.clone();
        let setup = |reason: String| SinkError::Setup { name: name.clone(), reason };
        let url = Url::parse(&settings.url).map_err(|error| setup(error.to_string()))?;
        let signer = Signer::new(secret).ok_or_else(|| SinkError::Secret { name: name.clone() })?;
        if let Some(address) = private_literal(&url).filter(|_| !settings.allow_private) {
            return Err(SinkError::PrivateAddress { name, address });
        }
        // An error says that one was chosen before: that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("shopbell/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .timeout(Duration::from_millis(settings.timeout.0))
            .dns_resolver(GuardedResolver { allow_private: settings.allow_private })
            .build()
            .map_err(|error| setup(error.to_string()))?;
        let (allow_private, paused) = (settings.allow_private, Mutex::new(None));
        Ok(Receiver { url, allow_private, client, signer, clock, paused })
    }

    pub(super) async fn attempt(&self, message: &Message) -> Outcome {
        if private_literal(&self.url).is_some() && !self.allow_private {
            return Outcome::RefusedAddress;
        }
        let id = match message.kind {
            MessageKind::Withdrawn => format!("{}.withdrawn", message.offer_id),
            MessageKind::Made | MessageKind::Suppressed => message.offer_id.clone(),
        };
        let now = (self.clock)();
        let signature = self.signer.sign(&id, now, message.json.as_bytes());
        let answer = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature)
            .body(message.json.to_string())
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let wish = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after = wish.and_then(|wish| retry_after(wish, now));
                read_away(answer).await;
                Outcome::Status { status, retry_after }
            }
            Err(error) if is_private(&error) => Outcome::RefusedAddress,
            Err(_) => Outcome::Unreachable,
        }
    }

    /// Nobody sends anything for that span.
    pub(super) fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |old| old.max(until)));
    }

    pub(super) async fn wait_for_pause(&self) {
        loop {
            let until = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }
}

/// The private address that stands in the URL itself.
fn private_literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    (!is_public(address)).then_some(address)
}

fn is_private(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<PrivateAddress>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reads the rest of a short answer, so that its connection can be used again.
async fn read_away(mut answer: Response) {
    let mut read = 0;
    while let (true, Ok(Some(part))) = (read < ANSWER_BYTES, answer.chunk().await) {
        read += part.len();
    }
}
