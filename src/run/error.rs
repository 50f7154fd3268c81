//! Why a live job could not start, or had to end.

use crate::config::SecretError;
use crate::runtime::EngineError;
use crate::sink::SinkError;
use crate::source::SourceError;
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
        matches!(
            self,
            RunError::Source(SourceError::Open { .. })
                | RunError::Sink(
                    SinkError::Open { .. }
                        | SinkError::Secret { .. }
                        | SinkError::PrivateAddress { .. }
                        | SinkError::Setup { .. }
                )
                | RunError::Secret(_)
                | RunError::Listen { .. }
        )
    }
}
