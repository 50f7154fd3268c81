//! The outboxes of a job: where lanes, the delivery and whoever commands over HTTP meet.
//!
//! Invariant: an outbox is changed under its lock, and what metrics say of it is set under the same. A receiver of
//! which something was kept, and which is no longer configured, has an outbox too, so that it can be told of and
//! dropped. Cost: one lock a step of a message; nobody waits while holding it.

use super::outbox::{Added, Bounds, Outbox, OutboxRow, OutboxValue};
use super::{Message, Sink, SinkError, TickOutput};
use crate::metrics::{Metrics, WebhookMetrics};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Messages under way at once to one receiver.
pub(super) const LANES: usize = 8;

/// Wall clock in seconds since 1970: passed in, so that tests can hold it.
pub type UnixSeconds = fn() -> u64;

/// Milliseconds since 1970 by which offers end; 0 where only ticks tell the time.
pub type OfferTime = fn() -> u64;

/// How one receiver is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookStatus {
    /// Its name.
    pub name: String,
    /// Whether it stands in the configuration.
    pub configured: bool,
    /// Messages that wait, those under way included.
    pub waiting: usize,
    /// Messages that failed and are kept.
    pub failed: usize,
    /// Whether nothing is sent to it.
    pub disabled: bool,
    /// Since when, in RFC 3339.
    pub disabled_since: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When, in RFC 3339.
    pub last_error_at: Option<String>,
}

/// The outbox of one receiver, shared.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) name: String,
    configured: bool,
    outbox: Mutex<Outbox>,
    /// Rung when a lane has something to do again.
    pub(super) bells: [Notify; LANES],
    pub(super) metrics: WebhookMetrics,
    clock: UnixSeconds,
    time: OfferTime,
}

impl Desk {
    pub(super) fn new(
        name: &str,
        configured: bool,
        bounds: Bounds,
        kept: Vec<(u64, OutboxValue)>,
        metrics: &Metrics,
        (clock, time): (UnixSeconds, OfferTime),
    ) -> Arc<Desk> {
        let mut outbox = Outbox::new(LANES, bounds);
        outbox.restore(kept);
        let desk = Desk {
            name: name.to_owned(),
            configured,
            outbox: Mutex::new(outbox),
            bells: Default::default(),
            metrics: metrics.webhook(name),
            clock,
            time,
        };
        desk.with(|_| ());
        Arc::new(desk)
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        // Every step leaves it whole.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the outbox, and tells the metrics.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Outbox) -> R) -> R {
        let mut outbox = self.lock();
        let done = act(&mut outbox);
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.waiting.set(gauge(outbox.waiting()));
        self.metrics.failed.set(gauge(outbox.failed()));
        self.metrics.disabled.set(outbox.condition().disabled_since.is_some().into());
        self.metrics.dropped.inc_by(outbox.take_dropped());
        done
    }

    /// Takes messages of a tick; says how many did not fit.
    pub(super) fn add<'a>(&self, tick: u64, messages: impl Iterator<Item = &'a Message>) -> u64 {
        let mut overflowed = 0;
        let lanes = self.with(|outbox| {
            let mut lanes = [false; LANES];
            for message in messages {
                match outbox.add(tick, Arc::new(message.clone())) {
                    Added::Waits(lane) => lanes.iter_mut().skip(lane).take(1).for_each(|lane| *lane = true),
                    Added::Overflowed => overflowed += 1,
                    Added::Disabled => {
                        self.metrics.given_up.inc();
                    }
                }
            }
            lanes
        });
        self.bells.iter().zip(lanes).filter(|(_, rung)| *rung).for_each(|(bell, _)| bell.notify_one());
        self.metrics.overflowed.inc_by(overflowed);
        overflowed
    }

    /// An attempt went wrong.
    pub(super) fn missed(&self, error: String) {
        self.metrics.failures.inc();
        self.with(|outbox| outbox.missed((self.clock)(), error));
    }

    /// A message was given up.
    pub(super) fn give_up(&self, number: u64) {
        self.metrics.given_up.inc();
        self.with(|outbox| outbox.give_up(number));
    }

    /// The receiver wants no more.
    pub(super) fn disable(&self) {
        let failed = self.with(|outbox| outbox.disable((self.clock)()));
        self.metrics.given_up.inc_by(failed as u64);
    }

    /// Rows that changed, as of a tick.
    pub(super) fn changes(&self, up_to: u64) -> Vec<OutboxRow> {
        self.with(|outbox| {
            outbox.expire((self.time)());
            outbox.changes(up_to)
        })
    }

    fn replay(&self) -> usize {
        let again = self.with(|outbox| outbox.replay((self.time)()));
        self.bells.iter().for_each(Notify::notify_one);
        again
    }

    fn drop_all(&self) -> usize {
        self.with(|outbox| {
            let dropped = outbox.clear();
            if !self.configured {
                outbox.close();
            }
            dropped
        })
    }

    fn status(&self) -> WebhookStatus {
        let outbox = self.lock();
        let time = |seconds: u64| shopbell_model::time::format_rfc3339(seconds.saturating_mul(1000));
        let condition = outbox.condition();
        WebhookStatus {
            name: self.name.clone(),
            configured: self.configured,
            waiting: outbox.waiting(),
            failed: outbox.failed(),
            disabled: condition.disabled_since.is_some(),
            disabled_since: condition.disabled_since.map(time),
            last_error: condition.last_error.as_ref().map(|(_, error)| error.clone()),
            last_error_at: condition.last_error.as_ref().map(|(at, _)| time(*at)),
        }
    }
}

/// All receivers of a job, for those who ask and command. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(Arc<Mutex<BTreeMap<String, Arc<Desk>>>>);

impl Webhooks {
    fn desks(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Desk>>> {
        // Entries are whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a receiver's outbox in; says whether it is the first of that name.
    pub(super) fn put(&self, desk: &Arc<Desk>) -> bool {
        self.desks().insert(desk.name.clone(), Arc::clone(desk)).is_none()
    }

    /// How each receiver is, by name.
    pub fn list(&self) -> Vec<WebhookStatus> {
        self.desks().values().map(|desk| desk.status()).collect()
    }

    /// Lets what failed wait again and enables the receiver. Gives how many messages wait again; none where there
    /// is no such receiver.
    pub fn replay(&self, name: &str) -> Option<usize> {
        let desk = self.desks().get(name).map(Arc::clone)?;
        Some(desk.replay())
    }

    /// Drops all messages of a receiver, and the receiver too where it is not configured. Gives how many messages
    /// that were; none where there is no such receiver.
    pub fn drop_all(&self, name: &str) -> Option<usize> {
        let mut desks = self.desks();
        let desk = desks.get(name).map(Arc::clone)?;
        if !desk.configured {
            desks.remove(name);
        }
        Some(desk.drop_all())
    }
}

/// Holds what was kept of a receiver that is no longer configured.
#[derive(Debug)]
pub struct Unclaimed(Arc<Desk>);

impl Unclaimed {
    /// Keeps it, and says so the first time.
    pub fn new(name: &str, kept: Vec<(u64, OutboxValue)>, webhooks: &Webhooks, metrics: &Metrics) -> Self {
        let bounds = Bounds { waiting: usize::MAX, failed: Some(usize::MAX) };
        let desk = Desk::new(name, false, bounds, kept, metrics, (|| 0, || 0));
        let WebhookStatus { waiting, failed, .. } = desk.status();
        if webhooks.put(&desk) && waiting + failed > 0 {
            tracing::warn!(
                webhook = name,
                waiting,
                failed,
                "messages are kept for a receiver that is not configured; `shopbell webhooks drop` drops them"
            );
        }
        Unclaimed(desk)
    }
}

impl Sink for Unclaimed {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn deliver(&mut self, _: &TickOutput) -> Result<(), SinkError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn outbox_rows(&mut self, up_to: u64) -> Vec<OutboxRow> {
        self.0.with(|outbox| outbox.changes(up_to))
    }
}
