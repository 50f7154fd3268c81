//! Offers to whoever listens: the hub behind the offer stream of HTTP.
//!
//! Invariant: delivering never waits. Each client has a bounded queue of its own, filled with what
//! its filter lets through; a client whose queue is full is let go, counted, and told so. A client
//! gets what is delivered after it came, nothing before.
//! Cost: one comparison a client and message; a message is shared, not copied, between clients.

use super::{Message, Sink, SinkError, TickOutput};
use crate::metrics::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use thiserror::Error;
use tokio::sync::mpsc;

/// Messages that may wait for one client: a burst of ten thousand offers in a tick passes.
const QUEUE: usize = 16_384;

/// What a client wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this person (its key).
    pub person: Option<String>,
    /// Only for this channel.
    pub channel: Option<String>,
}

impl Filter {
    fn lets_through(&self, message: &Message) -> bool {
        self.person.as_ref().is_none_or(|person| *person == message.key)
            && self.channel.as_ref().is_none_or(|channel| *channel == message.channel)
    }
}

/// Why nobody can listen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SubscribeError {
    /// As many listen as may.
    #[error("{limit} clients listen already")]
    TooMany {
        /// How many may.
        limit: usize,
    },
    /// The process is stopping.
    #[error("the engine is stopping")]
    Closed,
}

impl SubscribeError {
    /// Stable name of the error.
    pub fn code(self) -> &'static str {
        match self {
            SubscribeError::TooMany { .. } => "too-many-streams",
            SubscribeError::Closed => "engine-stopping",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            SubscribeError::TooMany { .. } => "close one, or raise `[http] streams`",
            SubscribeError::Closed => "connect again when the engine is ready",
        }
    }
}

/// The hub. Clones share the clients.
#[derive(Clone, Debug)]
pub struct Broadcast(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    clients: Mutex<Clients>,
    limit: usize,
    queue: usize,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Clients {
    listening: Vec<Client>,
    closed: bool,
}

#[derive(Debug)]
struct Client {
    filter: Filter,
    sender: mpsc::Sender<Arc<Message>>,
    dropped: Arc<AtomicBool>,
}

impl Hub {
    /// A holder that panicked left whole clients only.
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broadcast {
    /// A hub for at most `limit` clients.
    pub fn new(limit: usize, metrics: Metrics) -> Self {
        Self::with_queue(limit, QUEUE, metrics)
    }

    /// The same with so many messages a client.
    pub fn with_queue(limit: usize, queue: usize, metrics: Metrics) -> Self {
        Broadcast(Arc::new(Hub { clients: Mutex::default(), limit, queue: queue.max(1), metrics }))
    }

    /// Listens from now on.
    pub fn subscribe(&self, filter: Filter) -> Result<Subscription, SubscribeError> {
        let mut clients = self.0.clients();
        if clients.closed {
            return Err(SubscribeError::Closed);
        }
        clients.listening.retain(|client| !client.sender.is_closed());
        if clients.listening.len() >= self.0.limit {
            return Err(SubscribeError::TooMany { limit: self.0.limit });
        }
        let (sender, receiver) = mpsc::channel(self.0.queue);
        let dropped = Arc::new(AtomicBool::new(false));
        clients.listening.push(Client { filter, sender, dropped: Arc::clone(&dropped) });
        self.0.metrics.streams.inc();
        Ok(Subscription { receiver, dropped, metrics: self.0.metrics.clone() })
    }

    /// Ends all streams after what waits in them, and takes no new ones.
    pub fn close(&self) {
        let mut clients = self.0.clients();
        clients.closed = true;
        clients.listening.clear();
    }
}

/// A client's end.
#[derive(Debug)]
pub struct Subscription {
    receiver: mpsc::Receiver<Arc<Message>>,
    dropped: Arc<AtomicBool>,
    metrics: Metrics,
}

impl Subscription {
    /// The next message; `None` when the hub closed or let the client go.
    pub async fn next(&mut self) -> Option<Arc<Message>> {
        self.receiver.recv().await
    }

    /// The same for whoever polls.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Message>>> {
        self.receiver.poll_recv(context)
    }

    /// Whether the client was let go for slowness.
    pub fn was_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.metrics.streams.dec();
    }
}

impl Sink for Broadcast {
    fn name(&self) -> &str {
        "stream"
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        let mut clients = self.0.clients();
        if clients.listening.is_empty() {
            return Ok(());
        }
        for message in &output.messages {
            let mut shared: Option<Arc<Message>> = None;
            clients.listening.retain(|client| {
                if !client.filter.lets_through(message) {
                    return true;
                }
                let message = shared.get_or_insert_with(|| Arc::new(message.clone()));
                match client.sender.try_send(Arc::clone(message)) {
                    Ok(()) => true,
                    Err(mpsc::error::TrySendError::Closed(_)) => false,
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        client.dropped.store(true, Ordering::Release);
                        self.0.metrics.streams_dropped.inc();
                        false
                    }
                }
            });
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::MessageKind;

    fn tick(rows: &[(&str, &str, &str)]) -> TickOutput {
        let message = |(key, channel, id): &(&str, &str, &str)| Message {
            key: (*key).into(),
            offer_id: (*id).into(),
            kind: MessageKind::Made,
            channel: (*channel).into(),
            valid_until: None,
            forgotten: false,
            json: "{}".into(),
        };
        TickOutput { tick: 1, messages: rows.iter().map(message).collect() }
    }

    async fn ids(subscription: &mut Subscription, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(subscription.next().await.unwrap().offer_id.clone());
        }
        ids
    }

    #[tokio::test]
    async fn everybody_hears_what_they_asked_for() {
        let mut hub = Broadcast::new(10, Metrics::new());
        hub.deliver(&tick(&[("p", "sms", "before")])).unwrap();
        let mut all = hub.subscribe(Filter::default()).unwrap();
        let mut person = hub.subscribe(Filter { person: Some("p".into()), channel: None }).unwrap();
        let mut both =
            hub.subscribe(Filter { person: Some("p".into()), channel: Some("web".into()) }).unwrap();
        hub.deliver(&tick(&[("p", "sms", "1"), ("q", "web", "2"), ("p", "web", "3")])).unwrap();
        hub.close();
        assert_eq!(ids(&mut all, 3).await, ["1", "2", "3"]);
        assert_eq!(ids(&mut person, 2).await, ["1", "3"]);
        assert_eq!(ids(&mut both, 1).await, ["3"]);
        for mut subscription in [all, person, both] {
            assert!(subscription.next().await.is_none() && !subscription.was_dropped());
        }
    }

    #[tokio::test]
    async fn a_slow_client_is_let_go_and_the_others_hear_on() {
        let metrics = Metrics::new();
        let mut hub = Broadcast::with_queue(10, 2, metrics.clone());
        let mut slow = hub.subscribe(Filter::default()).unwrap();
        let mut quick = hub.subscribe(Filter::default()).unwrap();
        for id in ["1", "2", "3", "4"] {
            hub.deliver(&tick(&[("p", "sms", id)])).unwrap();
            assert_eq!(ids(&mut quick, 1).await, [id]);
        }
        assert_eq!(ids(&mut slow, 2).await, ["1", "2"]);
        assert!(slow.next().await.is_none() && slow.was_dropped());
        assert_eq!((metrics.streams_dropped.get(), metrics.streams.get()), (1, 2));
        drop(slow);
        assert_eq!(metrics.streams.get(), 1);
    }

    #[tokio::test]
    async fn clients_are_bounded_and_leave_their_place() {
        let hub = Broadcast::new(1, Metrics::new());
        let first = hub.subscribe(Filter::default()).unwrap();
        let refused = hub.subscribe(Filter::default()).unwrap_err();
        assert_eq!(refused.code(), "too-many-streams");
        drop(first);
        hub.subscribe(Filter::default()).unwrap();
        hub.close();
        assert_eq!(hub.subscribe(Filter::default()).unwrap_err(), SubscribeError::Closed);
    }
}
