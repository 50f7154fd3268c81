//! Where offers go: JSON Lines, clients of the offer stream, webhooks; later brokers.
//!
//! Invariant: a [`Sink`] sees a tick only when it is complete and durable, in the order of ticks, and
//! decides nothing about offers. Delivery: a JSON Lines file gets every tick once a run; stream
//! clients get what is made while they are connected; a webhook gets each message at least once, and where state
//! is kept also after a crash; see [`webhook`] for what is given up.

pub mod broadcast;
mod continued;
pub mod json_lines;
pub mod webhook;

pub use broadcast::{Broadcast, Filter, SubscribeError, Subscription};
pub use json_lines::JsonLines;
pub use webhook::{WebhookSink, Webhooks};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use webhook::OutboxRow;

/// What a message says of its offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageKind {
    /// It is made.
    Made,
    /// It is taken back.
    Withdrawn,
    /// It was not made, for a policy.
    Suppressed,
}

impl MessageKind {
    /// As a label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageKind::Made => "made",
            MessageKind::Withdrawn => "withdrawn",
            MessageKind::Suppressed => "suppressed",
        }
    }

    /// As the type of a CloudEvent.
    pub fn event_type(self) -> &'static str {
        match self {
            MessageKind::Made => "offer.made",
            MessageKind::Withdrawn => "offer.withdrawn",
            MessageKind::Suppressed => "offer.suppressed",
        }
    }
}

/// One message about one offer. Outboxes keep it in this form: a change of it is one of [`crate::stored::FORMAT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The person's stable key: messages with the same key keep their order.
    pub key: String,
    /// The offer.
    pub offer_id: String,
    /// What is said of it.
    pub kind: MessageKind,
    /// The channel it is for.
    pub channel: String,
    /// When the offer that is made ends by itself.
    pub valid_until: Option<u64>,
    /// Whether it is taken back since the person is to be forgotten.
    pub forgotten: bool,
    /// One CloudEvent in JSON, without a newline.
    pub json: Arc<str>,
}

/// All messages of a tick, in their final order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickOutput {
    /// The tick.
    pub tick: u64,
    /// Its messages.
    pub messages: Vec<Message>,
}

/// How much a sink was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bytes of a file, messages of a topic.
    pub at: u64,
    /// A digest of all of it, where the sink keeps one; else 0.
    pub digest: u64,
}

/// Takes what was decided out into the world.
pub trait Sink: Send {
    /// Its name in errors, logs and metrics.
    fn name(&self) -> &str;

    /// Takes a tick's messages. An error means that the sink is of no use any more.
    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError>;

    /// Hands over what it still holds, within a time of its own; at the end of a run.
    fn flush(&mut self) -> Result<(), SinkError>;

    /// How much was delivered, under a name that stays: for a sink that can be gone on with from there.
    fn position(&self) -> Option<(&'static str, Position)> {
        None
    }

    /// Nothing waits behind what was delivered: a sink that gathers hands over what it has.
    fn settle(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Makes what was delivered outlive the machine.
    fn keep(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// For a sink with an outbox under its name: the rows of it that changed since this was last asked, as of a tick
    /// up to which everything was delivered to it.
    fn outbox_rows(&mut self, _up_to: u64) -> Vec<OutboxRow> {
        Vec::new()
    }
}

/// Why a sink cannot go on.
#[derive(Debug, Error)]
pub enum SinkError {
    /// It could not be opened.
    #[error("the output {} cannot be opened: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Whoever read it went away.
    #[error("{name} was closed by its reader")]
    ClosedPipe {
        /// The sink.
        name: String,
    },
    /// It could not be written.
    #[error("writing to {name} failed: {error}")]
    Write {
        /// The sink.
        name: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It has less than what was delivered before.
    #[error("the output {} has {length} bytes, but {kept} were delivered before", path.display())]
    Shorter {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: u64,
        /// What was delivered.
        kept: u64,
    },
    /// It holds something else than what was delivered.
    #[error("{name} differs at byte {position} from what was delivered before")]
    Diverged {
        /// The sink.
        name: String,
        /// Where the line that differs begins.
        position: u64,
    },
    /// The end came before everything was delivered.
    #[error("webhook {name} still had {waiting} messages when the process ended")]
    Undelivered {
        /// The sink.
        name: String,
        /// How many.
        waiting: usize,
    },
    /// The signing secret is not one.
    #[error("the secret of webhook {name} is not a `whsec_` text in base64 of 24 to 64 bytes")]
    Secret {
        /// The sink.
        name: String,
    },
    /// The receiver stands in a private network, which was not allowed.
    #[error("webhook {name} points to the private address {address}")]
    PrivateAddress {
        /// The sink.
        name: String,
        /// The address.
        address: std::net::IpAddr,
    },
    /// A topic of Kafka.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::Error),
    /// The client of a webhook could not be set up.
    #[error("webhook {name} cannot be set up: {reason}")]
    Setup {
        /// The sink.
        name: String,
        /// Why.
        reason: String,
    },
}

impl SinkError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            SinkError::Open { .. } => "output-open",
            SinkError::ClosedPipe { .. } => "output-closed",
            SinkError::Write { .. } => "output-write",
            SinkError::Shorter { .. } => "output-shorter",
            SinkError::Diverged { .. } => "output-diverged",
            SinkError::Undelivered { .. } => "webhook-undelivered",
            SinkError::Secret { .. } => "webhook-secret",
            SinkError::PrivateAddress { .. } => "webhook-private-address",
            SinkError::Kafka(error) => error.code(),
            SinkError::Setup { .. } => "webhook-setup",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            SinkError::Open { .. } => "check the path and who may write there",
            SinkError::ClosedPipe { .. } => "keep the reading process running, or write to a file",
            SinkError::Write { .. } => "make room or choose another place, then start again",
            SinkError::Shorter { .. } | SinkError::Diverged { .. } => {
                "put the file back as the job left it, or move it away together with the folder of `[state]`"
            }
            SinkError::Undelivered { .. } => "see that the receiver answers before the next stop",
            SinkError::Secret { .. } => "take the secret as the receiver shows it, `whsec_` included",
            SinkError::PrivateAddress { .. } => "set `allow_private = true` if it is meant to be there",
            SinkError::Kafka(error) => error.hint(),
            SinkError::Setup { .. } => "install the system's certificates (ca-certificates)",
        }
    }
}
