//! Why a live job could not start, or had to end.

use crate::checkpoint;
use crate::cluster::ClusterError;
use crate::config::SecretError;
use crate::journal::JournalError;
use crate::runtime::EngineError;
use crate::sink::SinkError;
use crate::source::SourceError;
use crate::stored::StoredError;
use std::net::SocketAddr;
use thiserror::Error;

/// Why a job failed.
#[derive(Debug, Error)]
pub enum RunError {
    /// A source or the dead letters.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A secret of a sink.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Other processes.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// What is stored.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// What the state says of itself: its beginning, or a checkpoint besides rows.
    #[error("the state does not say of itself what it should: {reason}")]
    Meta {
        /// What is wrong.
        reason: String,
    },
    /// It was written by another version.
    #[error("the state has format {found}, this version reads {known}")]
    Format {
        /// The version of the state.
        found: u16,
        /// The version of this program.
        known: u16,
    },
    /// Records are missing between checkpoint and journal.
    #[error("the journal begins with record {first}, but record {needed} is needed")]
    Gap {
        /// The record that is needed first.
        needed: u64,
        /// The one that is there.
        first: u64,
    },
    /// The state was kept under other settings.
    #[error("the state was kept with {what} `{kept}`, the configuration has `{wanted}`")]
    Settings {
        /// Which setting.
        what: &'static str,
        /// Its value then.
        kept: String,
        /// Its value now.
        wanted: String,
    },
    /// A message that is not JSON.
    #[error("an offer cannot be written as json: {0}")]
    Render(#[from] serde_json::Error),
    /// The address of the HTTP server.
    #[error("http cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// A thread, a signal handler or the like.
    #[error("{what} cannot be started: {error}")]
    System {
        /// What was to be started.
        what: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// The thread that delivers offers.
    #[error("the delivery of offers ended unexpectedly; see the messages before this one")]
    DeliveryLost,
}

impl RunError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            RunError::Source(error) => error.code(),
            RunError::Sink(error) => error.code(),
            RunError::Secret(error) => error.code(),
            RunError::Engine(error) => error.code(),
            RunError::Cluster(error) => error.code(),
            RunError::Journal(error) => error.code(),
            RunError::Checkpoint(error) => error.code(),
            RunError::Stored(error) => error.code(),
            RunError::Meta { .. } => "state-meta",
            RunError::Format { .. } => "state-format",
            RunError::Gap { .. } => "state-gap",
            RunError::Settings { .. } => "state-settings",
            RunError::Render(_) => "render",
            RunError::Listen { .. } => "http-listen",
            RunError::System { .. } => "system",
            RunError::DeliveryLost => "delivery-lost",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            RunError::Source(error) => error.hint().to_owned(),
            RunError::Sink(error) => error.hint().to_owned(),
            RunError::Secret(error) => error.hint(),
            RunError::Cluster(error) => error.hint().to_owned(),
            RunError::Journal(error) => error.hint().to_owned(),
            RunError::Checkpoint(error) => error.hint().to_owned(),
            RunError::Stored(_) | RunError::Meta { .. } | RunError::Format { .. } | RunError::Gap { .. } => {
                "start with the version that wrote the state, restore the folder of `[state]` from a copy, or \
                 remove it to begin anew"
                    .to_owned()
            }
            RunError::Settings { .. } => {
                "set it as it was, or remove the folder of `[state]` to begin anew".to_owned()
            }
            RunError::Engine(_) | RunError::Render(_) | RunError::DeliveryLost => {
                "report this with the messages before it; starting again is safe".to_owned()
            }
            RunError::Listen { .. } => {
                "choose a free address of this machine in `[http] listen` or with --listen".to_owned()
            }
            RunError::System { .. } => "raise the limits of the process (ulimit)".to_owned(),
        }
    }

    /// Whether whoever started the job can put it right in the configuration or around it.
    pub fn is_setup(&self) -> bool {
        if let RunError::Source(SourceError::Kafka(error)) | RunError::Sink(SinkError::Kafka(error)) = self {
            return error.is_setup();
        }
        if let RunError::Cluster(error) = self {
            return error.is_setup();
        }
        matches!(
            self,
            RunError::Source(SourceError::Open { .. } | SourceError::Folder { .. })
                | RunError::Sink(
                    SinkError::Open { .. }
                        | SinkError::Secret { .. }
                        | SinkError::PrivateAddress { .. }
                        | SinkError::Setup { .. }
                )
                | RunError::Secret(_)
                | RunError::Settings { .. }
                | RunError::Format { .. }
                | RunError::Journal(JournalError::UnknownVersion { .. })
                | RunError::Checkpoint(checkpoint::Error::UnknownVersion { .. })
                | RunError::Listen { .. }
        )
    }
}
