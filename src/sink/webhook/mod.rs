//! Offers to a webhook receiver, as in Standard Webhooks.
//!
//! Each message is one POST of its CloudEvent with `webhook-id` (the offer id, or `<offer id>.withdrawn`:
//! the same at each attempt, so that a receiver can tell copies), `webhook-timestamp` and
//! `webhook-signature`. Delivery is at least once, as long as the process lives: what waits is held in
//! memory and is lost when the process ends; a durable outbox is not part of this version.
//!
//! Invariant: delivering never waits for a receiver. Each receiver has a bounded queue of its own;
//! what does not fit is dropped and counted. Messages of one person keep their order: they are in one
//! lane, and a lane goes on only when its message was delivered or given up. Redirects are not
//! followed, proxies not used, private addresses not connected to unless allowed.
//! Cost: one task a lane; a message is copied once into the queue and once per attempt.

mod address;
mod retry;
mod signature;
#[cfg(test)]
mod tests;

use super::{Message, MessageKind, Sink, SinkError, TickOutput};
use crate::config::{Secret, Webhook};
use crate::metrics::{Metrics, WebhookMetrics};
use address::{GuardedResolver, PrivateAddress, is_public};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use retry::{Outcome, Patience, Verdict, retry_after};
use shopbell_model::key::Text;
use signature::Signer;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Messages under way at once to one receiver.
const LANES: usize = 8;
/// How long [`Sink::flush`] waits for what is under way.
const GRACE: Duration = Duration::from_secs(5);
/// Of an answer's body, so much is read to be able to use the connection again.
const ANSWER_BYTES: usize = 64 * 1024;

/// Wall clock in seconds since 1970: passed in, so that tests can hold it.
pub type UnixSeconds = fn() -> u64;

/// Sends messages to one receiver.
pub struct WebhookSink {
    receiver: Arc<Receiver>,
    lanes: Vec<mpsc::UnboundedSender<Message>>,
    tasks: Vec<JoinHandle<()>>,
}

/// One receiver, shared by its lanes.
struct Receiver {
    name: String,
    url: Url,
    allow_private: bool,
    channels: Option<Vec<Text>>,
    max_queue: usize,
    client: Client,
    signer: Signer,
    patience: Patience,
    clock: UnixSeconds,
    jitter: RandomState,
    metrics: WebhookMetrics,
    /// Messages in lanes, those under way included: the bound over all lanes.
    waiting: AtomicUsize,
    /// Until when the receiver asked to be left alone.
    paused: Mutex<Option<Instant>>,
    ended: AtomicBool,
    overflowing: AtomicBool,
    refusal_told: AtomicBool,
}

impl WebhookSink {
    /// Starts sending; the lanes run on `runtime`.
    pub fn start(
        settings: &Webhook,
        secret: &Secret,
        runtime: &Handle,
        metrics: &Metrics,
        clock: UnixSeconds,
    ) -> Result<Self, SinkError> {
        let patience = Patience::new(Duration::from_millis(settings.retry_for.0));
        Self::start_with(settings, secret, runtime, metrics, clock, patience)
    }

    fn start_with(
        settings: &Webhook,
        secret: &Secret,
        runtime: &Handle,
        metrics: &Metrics,
        clock: UnixSeconds,
        patience: Patience,
    ) -> Result<Self, SinkError> {
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
        let receiver = Arc::new(Receiver {
            name: name.clone(),
            url,
            allow_private: settings.allow_private,
            channels: settings.channels.clone(),
            max_queue: settings.max_queue,
            client,
            signer,
            patience,
            clock,
            jitter: RandomState::new(),
            metrics: metrics.webhook(&name),
            waiting: AtomicUsize::new(0),
            paused: Mutex::new(None),
            ended: AtomicBool::new(false),
            overflowing: AtomicBool::new(false),
            refusal_told: AtomicBool::new(false),
        });
        let (mut lanes, mut tasks) = (Vec::with_capacity(LANES), Vec::with_capacity(LANES));
        for _ in 0..LANES {
            let (sender, lane) = mpsc::unbounded_channel();
            lanes.push(sender);
            tasks.push(runtime.spawn(Arc::clone(&receiver).run(lane)));
        }
        Ok(WebhookSink { receiver, lanes, tasks })
    }

    /// Messages that wait or are under way.
    pub fn waiting(&self) -> usize {
        self.receiver.waiting.load(Ordering::Acquire)
    }

    fn lane(&self, key: &str) -> Option<&mpsc::UnboundedSender<Message>> {
        let mut hasher = rustc_hash::FxHasher::default();
        key.hash(&mut hasher);
        // The upper bits: the lower ones of this hash know little of a text's end.
        self.lanes.get((hasher.finish() >> 32) as usize % self.lanes.len().max(1))
    }
}

impl Sink for WebhookSink {
    fn name(&self) -> &str {
        &self.receiver.name
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        for message in output.messages.iter().filter(|message| self.receiver.wants(message)) {
            if !self.receiver.make_room() {
                continue;
            }
            let sent = self.lane(&message.key).is_some_and(|lane| lane.send(message.clone()).is_ok());
            if !sent {
                // The runtime is gone: the process ends.
                self.receiver.done();
                self.receiver.metrics.given_up.inc();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let deadline = std::time::Instant::now() + GRACE;
        while self.waiting() > 0 && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        match self.waiting() {
            0 => Ok(()),
            waiting => Err(SinkError::Undelivered { name: self.receiver.name.clone(), waiting }),
        }
    }
}

impl Drop for WebhookSink {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Receiver {
    fn wants(&self, message: &Message) -> bool {
        message.kind != MessageKind::Suppressed
            && self
                .channels
                .as_ref()
                .is_none_or(|channels| channels.iter().any(|channel| *channel == message.channel))
    }

    /// Takes a place in the queue, where there is one.
    fn make_room(&self) -> bool {
        if self.ended.load(Ordering::Acquire) {
            self.metrics.given_up.inc();
            return false;
        }
        let place = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < self.max_queue).then_some(waiting + 1)
        });
        if place.is_err() {
            self.metrics.overflowed.inc();
            if !self.overflowing.swap(true, Ordering::AcqRel) {
                tracing::warn!(webhook = self.name, max_queue = self.max_queue, "queue full: dropping");
            }
            return false;
        }
        self.metrics.waiting.inc();
        true
    }

    /// Gives a place back.
    fn done(&self) {
        let before = self.waiting.fetch_sub(1, Ordering::AcqRel);
        self.metrics.waiting.dec();
        if before <= self.max_queue / 2 && self.overflowing.swap(false, Ordering::AcqRel) {
            tracing::info!(webhook = self.name, "queue has room again");
        }
    }

    /// A lane: one message after the other.
    async fn run(self: Arc<Self>, mut lane: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = lane.recv().await {
            self.see_through(&message).await;
            self.done();
        }
    }

    /// Tries until the message is delivered or given up.
    async fn see_through(&self, message: &Message) {
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            self.wait_for_pause().await;
            if self.ended.load(Ordering::Acquire) {
                self.metrics.given_up.inc();
                return;
            }
            attempt += 1;
            let outcome = self.attempt(message).await;
            let verdict = self.patience.judge(outcome, attempt, began.elapsed());
            if verdict != Verdict::Delivered {
                self.metrics.failed.inc();
                tracing::debug!(
                    webhook = self.name,
                    offer = message.offer_id,
                    attempt,
                    ?outcome,
                    "not delivered"
                );
            }
            match verdict {
                Verdict::Delivered => {
                    self.metrics.delivered.inc();
                    return;
                }
                Verdict::Again { within } => tokio::time::sleep(self.part_of(within)).await,
                Verdict::Pause { pause, within } => {
                    self.pause(pause);
                    tokio::time::sleep(self.part_of(within)).await;
                }
                Verdict::GiveUp => {
                    self.metrics.given_up.inc();
                    tracing::warn!(
                        webhook = self.name,
                        offer = message.offer_id,
                        attempt,
                        ?outcome,
                        "given up"
                    );
                    return;
                }
                Verdict::End => {
                    self.metrics.given_up.inc();
                    self.ended.store(true, Ordering::Release);
                    tracing::error!(webhook = self.name, "receiver is gone (410): nothing is sent any more");
                    return;
                }
            }
        }
    }

    async fn attempt(&self, message: &Message) -> Outcome {
        if private_literal(&self.url).is_some() && !self.allow_private {
            return self.refused();
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
            Err(error) if is_private(&error) => self.refused(),
            Err(_) => Outcome::Unreachable,
        }
    }

    fn refused(&self) -> Outcome {
        self.metrics.refused.inc();
        if !self.refusal_told.swap(true, Ordering::AcqRel) {
            tracing::error!(webhook = self.name, "the receiver's address is private: not connected to");
        }
        Outcome::RefusedAddress
    }

    /// A random part of a span, from none to all of it ("full jitter").
    fn part_of(&self, span: Duration) -> Duration {
        let random = self.jitter.hash_one(Instant::now()) >> 11;
        span.mul_f64(random as f64 / (1_u64 << 53) as f64)
    }

    fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |old| old.max(until)));
    }

    async fn wait_for_pause(&self) {
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
