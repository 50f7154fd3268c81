//! Offers to a webhook receiver, as in Standard Webhooks.
//!
//! Each message is one POST of its CloudEvent with `webhook-id` (the offer id, or `<offer id>.withdrawn`:
//! the same at each attempt, so that a receiver can tell copies), `webhook-timestamp` and
//! `webhook-signature`. Delivery is at least once. What is not delivered is in an outbox; where
//! state is kept its rows are part of every checkpoint, so that what waits outlives the process.
//!
//! Invariant: delivering never waits for a receiver. Each receiver has a bounded outbox of its own; what does
//! not fit, or is given up, failed: it is kept where state is, and dropped otherwise, and counted. Messages of one
//! person keep their order: they are in one lane, and a lane goes on only when its message was delivered or failed.
//! Cost: one task a lane; a message is copied once into the outbox and once per attempt.

mod address;
mod desk;
mod outbox;
mod receiver;
mod retry;
mod signature;
#[cfg(test)]
mod tests;

pub use desk::{OfferTime, Unclaimed, UnixSeconds, WebhookStatus, Webhooks};
pub use outbox::{Condition, OutboxRow, OutboxValue};

use super::{Message, MessageKind, Sink, SinkError, TickOutput};
use crate::config::{Secret, Webhook};
use crate::metrics::Metrics;
use desk::{Desk, LANES};
use outbox::Bounds;
use receiver::Receiver;
use retry::{Outcome, Patience, Verdict};
use shopbell_model::key::Text;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long [`Sink::flush`] waits for what is under way.
const GRACE: Duration = Duration::from_secs(5);
/// The same where nothing was delivered meanwhile, and what waits is kept for the next start.
const GRACE_OF_SILENCE: Duration = Duration::from_secs(1);

/// What a receiver's sink works with.
pub struct Surroundings<'a> {
    /// Where lanes run.
    pub runtime: &'a Handle,
    /// What is counted.
    pub metrics: &'a Metrics,
    /// Where its outbox is to be found.
    pub webhooks: &'a Webhooks,
    /// The wall clock.
    pub clock: UnixSeconds,
    /// By which offers end.
    pub time: OfferTime,
    /// What the last checkpoint has of it; absent where no state is kept.
    pub kept: Option<Vec<(u64, OutboxValue)>>,
    /// Called after each answer of 2xx, before it is noted: a moment that tests crash at.
    pub answered: Arc<dyn Fn() + Send + Sync>,
}

/// Sends messages to one receiver.
pub struct WebhookSink {
    lanes: Arc<Lanes>,
    channels: Option<Vec<Text>>,
    max_queue: usize,
    overflowing: bool,
    tasks: Vec<JoinHandle<()>>,
}

/// What the lanes of a receiver share.
struct Lanes {
    receiver: Receiver,
    desk: Arc<Desk>,
    patience: Patience,
    jitter: RandomState,
    refusal_told: AtomicBool,
    /// Whether what is not delivered outlives the process.
    durable: bool,
    /// From here on nothing more is sent, so that the last checkpoint knows all that was.
    closed: AtomicBool,
    answered: Arc<dyn Fn() + Send + Sync>,
}

impl WebhookSink {
    /// Starts sending: first what was kept, then what is delivered.
    pub fn start(settings: &Webhook, secret: &Secret, around: Surroundings<'_>) -> Result<Self, SinkError> {
        let patience = Patience::new(Duration::from_millis(settings.retry_for.0));
        Self::start_with(settings, secret, around, patience)
    }

    fn start_with(
        settings: &Webhook,
        secret: &Secret,
        around: Surroundings<'_>,
        patience: Patience,
    ) -> Result<Self, SinkError> {
        let Surroundings { runtime, metrics, webhooks, clock, time, kept, answered } = around;
        let receiver = Receiver::new(settings, secret, clock)?;
        let durable = kept.is_some();
        let bounds = Bounds { waiting: settings.max_queue, failed: durable.then_some(settings.max_failed) };
        let kept = kept.unwrap_or_default();
        let desk = Desk::new(&settings.name, true, bounds, kept, metrics, (clock, time));
        let (waiting, failed) = desk.with(|outbox| (outbox.waiting(), outbox.failed()));
        if webhooks.put(&desk) && waiting + failed > 0 {
            tracing::info!(webhook = settings.name, waiting, failed, "messages were kept");
        }
        let lanes = Arc::new(Lanes {
            receiver,
            desk,
            patience,
            jitter: RandomState::new(),
            refusal_told: AtomicBool::new(false),
            durable,
            closed: AtomicBool::new(false),
            answered,
        });
        let tasks = (0..LANES).map(|lane| runtime.spawn(Arc::clone(&lanes).run(lane))).collect();
        let (channels, max_queue) = (settings.channels.clone(), settings.max_queue);
        Ok(WebhookSink { lanes, channels, max_queue, overflowing: false, tasks })
    }

    /// Messages that wait or are under way.
    pub fn waiting(&self) -> usize {
        self.lanes.desk.with(|outbox| outbox.waiting())
    }

    /// Waits for what is under way, within bounds. Gives how many messages are left.
    fn wait_for_delivery(&self) -> usize {
        let began = std::time::Instant::now();
        let (mut before, mut silent_since) = (self.waiting(), began);
        while before > 0 && began.elapsed() < GRACE {
            if self.lanes.durable && silent_since.elapsed() >= GRACE_OF_SILENCE {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
            let waiting = self.waiting();
            if waiting < before {
                (before, silent_since) = (waiting, std::time::Instant::now());
            }
        }
        self.waiting()
    }

    fn wants(&self, message: &Message) -> bool {
        let wanted = |channels: &Vec<Text>| channels.iter().any(|channel| *channel == message.channel);
        message.kind != MessageKind::Suppressed && self.channels.as_ref().is_none_or(wanted)
    }
}

impl Sink for WebhookSink {
    fn name(&self) -> &str {
        &self.lanes.desk.name
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        let wanted = output.messages.iter().filter(|message| self.wants(message));
        let overflowed = self.lanes.desk.add(output.tick, wanted);
        let (webhook, max_queue) = (self.name(), self.max_queue);
        if overflowed > 0 && !self.overflowing {
            tracing::warn!(webhook, max_queue, kept = self.lanes.durable, "queue full: offers fail");
            self.overflowing = true;
        } else if overflowed == 0 && self.overflowing && self.waiting() <= max_queue / 2 {
            tracing::info!(webhook, "queue has room again");
            self.overflowing = false;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.lanes.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        let waiting = self.wait_for_delivery();
        if !self.lanes.durable && waiting > 0 {
            return Err(SinkError::Undelivered { name: self.name().to_owned(), waiting });
        }
        self.lanes.closed.store(self.lanes.durable, Ordering::Release);
        if waiting > 0 {
            tracing::info!(webhook = self.name(), waiting, "messages wait for the next start");
        }
        Ok(())
    }

    fn outbox_rows(&mut self, up_to: u64) -> Vec<OutboxRow> {
        self.lanes.desk.changes(up_to)
    }
}

impl Drop for WebhookSink {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Lanes {
    /// A lane: one message after the other, the oldest first.
    async fn run(self: Arc<Self>, lane: usize) {
        loop {
            match self.desk.with(|outbox| outbox.first(lane)) {
                Some(number) => self.see_through(number).await,
                None => self.rest(lane).await,
            }
        }
    }

    /// Waits until there is something for the lane.
    async fn rest(&self, lane: usize) {
        match self.desk.bells.get(lane) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Tries until the message is delivered or given up, or no longer wanted.
    async fn see_through(&self, number: u64) {
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            self.receiver.wait_for_pause().await;
            let Some(message) = self.desk.with(|outbox| outbox.waits(number)) else { return };
            if self.closed.load(Ordering::Acquire) {
                return std::future::pending().await;
            }
            attempt += 1;
            let outcome = self.receiver.attempt(&message).await;
            let verdict = self.patience.judge(outcome, attempt, began.elapsed());
            let (webhook, offer) = (self.desk.name.as_str(), message.offer_id.as_str());
            if verdict != Verdict::Delivered {
                self.missed(outcome);
                tracing::debug!(webhook, offer, attempt, %outcome, "not delivered");
            }
            match verdict {
                Verdict::Delivered => {
                    (self.answered)();
                    self.desk.metrics.delivered.inc();
                    self.desk.with(|outbox| outbox.delivered(number));
                    return;
                }
                Verdict::Again { within } => tokio::time::sleep(self.part_of(within)).await,
                Verdict::Pause { pause, within } => {
                    self.receiver.pause(pause);
                    tokio::time::sleep(self.part_of(within)).await;
                }
                Verdict::GiveUp => {
                    self.desk.give_up(number);
                    tracing::warn!(webhook, offer, attempt, %outcome, kept = self.durable, "given up");
                    return;
                }
                Verdict::End => {
                    self.desk.disable();
                    tracing::error!(webhook, kept = self.durable, "receiver is gone (410): it is disabled");
                    return;
                }
            }
        }
    }

    fn missed(&self, outcome: Outcome) {
        self.desk.missed(outcome.to_string());
        if outcome == Outcome::RefusedAddress {
            self.desk.metrics.refused.inc();
            if !self.refusal_told.swap(true, Ordering::AcqRel) {
                let webhook = self.desk.name.as_str();
                tracing::error!(webhook, "the receiver's address is private: not connected to");
            }
        }
    }

    /// A random part of a span, from none to all of it ("full jitter").
    fn part_of(&self, span: Duration) -> Duration {
        let random = self.jitter.hash_one(Instant::now()) >> 11;
        span.mul_f64(random as f64 / (1_u64 << 53) as f64)
    }
}
