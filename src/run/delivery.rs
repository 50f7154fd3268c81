//! Complete ticks out to the sinks, on a thread of its own.
//!
//! Invariant: ticks are delivered in order, each to every sink, and counted when they were; where a journal is
//! kept, no tick before everything it follows from is durable. The
//! dataflow waits only where the bounded queue before this thread is full; that is back-pressure. After
//! a sink failed nothing more is delivered, but the queue is still emptied, so that nobody waits.
//! Cost: rendering, and one hand-over a tick with messages.

use super::RunError;
use super::control::Control;
use super::fault::Faults;
use super::keeper::Notice;
use super::under_way::Arrivals;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::output::render_all;
use crate::sink::{MessageKind, Position, Sink, SinkError, TickOutput};
use crate::stored::outbox_row;
use crossbeam_channel::{Receiver, Sender, bounded};
use shopbell_model::offer::{Message, News};
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Ticks that may wait for the sinks.
const QUEUE: usize = 64;

/// What the thread gets.
pub(super) enum Parcel {
    /// A tick's result.
    Tick(Complete),
    /// It is to be known how much was delivered up to this tick. Said before any later one comes.
    Want(Time),
    /// Everything up to this tick went before; it is to be kept.
    Mark(Time),
    /// The end is near: what sinks still hold is to be handed over before the last mark.
    Flush,
}

/// A tick's result.
pub(super) struct Complete {
    pub(super) tick: Time,
    pub(super) messages: Vec<Message>,
    pub(super) arrivals: Arrivals,
    /// The record of the journal that must be durable before.
    pub(super) sequence: u64,
}

/// Where what was kept is, and who is told of it.
pub(super) struct Safe {
    pub(super) journal: Arc<Journal>,
    pub(super) keeper: Sender<Notice>,
    pub(super) faults: Faults,
}

/// What was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) made: u64,
    pub(super) withdrawn: u64,
}

impl Delivered {
    /// Both together.
    pub(super) fn and(self, other: Delivered) -> Delivered {
        Delivered { made: self.made + other.made, withdrawn: self.withdrawn + other.withdrawn }
    }
}

/// The thread.
pub(super) struct Delivery(JoinHandle<Delivered>);

impl Delivery {
    /// Starts it. It ends, after flushing the sinks, when the sender is dropped.
    pub(super) fn start(
        sinks: Vec<Box<dyn Sink>>,
        metrics: Metrics,
        safe: Option<Safe>,
        control: Control,
    ) -> Result<(Sender<Parcel>, Delivery), RunError> {
        let (sender, ticks) = bounded(QUEUE);
        let mut courier =
            Courier { sinks, metrics, safe, wanted: BTreeMap::new(), delivered: Delivered::default() };
        let thread = std::thread::Builder::new()
            .name("shopbell-delivery".to_owned())
            .spawn(move || courier.run(&ticks, &control))
            .map_err(|error| RunError::System { what: "the delivery of offers", error })?;
        Ok((sender, Delivery(thread)))
    }

    /// Waits for its end.
    pub(super) fn join(self) -> Result<Delivered, RunError> {
        self.0.join().map_err(|_| RunError::DeliveryLost)
    }
}

impl Safe {
    fn fault(&self, moment: &str) -> Result<(), RunError> {
        self.faults.at(moment).map_err(|error| RunError::System { what: "the delivery of offers", error })
    }
}

struct Courier {
    sinks: Vec<Box<dyn Sink>>,
    metrics: Metrics,
    safe: Option<Safe>,
    /// Ticks of checkpoints, with how much was delivered up to them once a later one came.
    wanted: BTreeMap<Time, Option<Positions>>,
    delivered: Delivered,
}

/// How much sinks were given that can be gone on with.
pub(super) type Positions = BTreeMap<String, Position>;

impl Courier {
    fn run(&mut self, parcels: &Receiver<Parcel>, control: &Control) -> Delivered {
        let mut failed = false;
        for parcel in parcels {
            if failed {
                continue;
            }
            let done = match parcel {
                Parcel::Tick(complete) => self.deliver(complete),
                Parcel::Want(tick) => {
                    self.wanted.insert(tick, None);
                    Ok(())
                }
                Parcel::Mark(tick) => self.keep(tick),
                Parcel::Flush => self.flush(),
            };
            let done = done.and_then(|()| if parcels.is_empty() { self.settle() } else { Ok(()) });
            if let Err(error) = done {
                failed = true;
                control.fail(error);
            }
        }
        if !failed && let Err(error) = self.flush() {
            control.fail(error);
        }
        self.delivered
    }

    fn deliver(&mut self, complete: Complete) -> Result<(), RunError> {
        let Complete { tick, messages: news, mut arrivals, sequence } = complete;
        if let Some(safe) = &self.safe {
            safe.journal.wait_durable(sequence)?;
            safe.fault("released")?;
        }
        let positions = self.positions();
        for (_, known) in self.wanted.range_mut(..tick).filter(|(_, known)| known.is_none()) {
            *known = Some(positions.clone());
        }
        let messages = render_all(&news)?;
        let output = TickOutput { tick, messages };
        for sink in &mut self.sinks {
            sink.deliver(&output)?;
        }
        self.safe.iter().try_for_each(|safe| safe.fault("delivered"))?;
        for kind in [MessageKind::Made, MessageKind::Withdrawn, MessageKind::Suppressed] {
            let count = output.messages.iter().filter(|message| message.kind == kind).count() as u64;
            if count > 0 {
                self.metrics.offers(kind.as_str(), count);
            }
            match kind {
                MessageKind::Made => self.delivered.made += count,
                MessageKind::Withdrawn => self.delivered.withdrawn += count,
                MessageKind::Suppressed => {}
            }
        }
        for message in &news {
            match &message.news {
                News::Made(made) => {
                    if let Some(came) = arrivals.newest(&message.brand, &made.events) {
                        self.metrics.event_to_offer.observe(came.elapsed());
                    }
                }
                News::Withdrawn(reason, _) => self.metrics.withdrawal(reason.as_str()),
                News::Suppressed { .. } => {}
            }
        }
        Ok(())
    }

    fn positions(&self) -> Positions {
        self.sinks.iter().filter_map(|sink| sink.position()).map(|(end, at)| (end.to_owned(), at)).collect()
    }

    /// Makes what was delivered outlive the machine, and tells the keeper.
    fn keep(&mut self, tick: Time) -> Result<(), RunError> {
        self.sinks.iter_mut().try_for_each(|sink| sink.keep())?;
        let output = self.wanted.remove(&tick).flatten().unwrap_or_else(|| self.positions());
        if let Some(safe) = &self.safe {
            let mut rows = Vec::new();
            for sink in &mut self.sinks {
                for (number, value) in sink.outbox_rows(tick) {
                    rows.push(outbox_row(sink.name(), number, value.as_ref())?);
                }
            }
            // The keeper is gone only where it failed, which ends the job.
            let _ = safe.keeper.send(Notice::Delivered { tick, output, rows });
        }
        Ok(())
    }

    /// Nothing waits behind what was delivered.
    fn settle(&mut self) -> Result<(), RunError> {
        Ok(self.sinks.iter_mut().try_for_each(|sink| sink.settle())?)
    }

    /// What cannot be handed over in time is told, and does not make the end of the job a failure.
    fn flush(&mut self) -> Result<(), RunError> {
        for sink in &mut self.sinks {
            match sink.flush() {
                Err(error @ SinkError::Undelivered { .. }) => {
                    tracing::error!(code = error.code(), hint = error.hint(), "{error}");
                }
                flushed => flushed?,
            }
        }
        Ok(())
    }
}
