//! What can stop a measurement.

use std::path::PathBuf;
use thiserror::Error;

/// Why nothing could be measured. Refused or lost requests are results, not errors.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// Numbers that make no sense.
    #[error("rate, connections, batch and tick must be above zero, drain not below")]
    Arguments,
    /// Not an address.
    #[error("{url:?} is not an address of the form http://host:port")]
    Address {
        /// What was given.
        url: String,
    },
    /// The events cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Nobody answers.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// HTTP went wrong before the measurement began.
    #[error("{address} does not speak HTTP: {error}")]
    Http {
        /// Where.
        address: String,
        /// Why.
        error: hyper::Error,
    },
    /// No stream of offers.
    #[error("GET /v1/offers was answered with {status}")]
    Offers {
        /// How it was answered.
        status: hyper::StatusCode,
    },
    /// A request could not be put together.
    #[error("cannot build a request: {0}")]
    Request(#[from] hyper::http::Error),
    /// A histogram could not be made.
    #[error("cannot make a histogram: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// A part of the measurement broke.
    #[error("a task of the measurement failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// No threads or timers.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

impl LoadError {
    /// A stable name.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            LoadError::Arguments => "load-arguments",
            LoadError::Address { .. } => "load-address",
            LoadError::Read { .. } => "load-read",
            LoadError::Connect { .. } => "load-connect",
            LoadError::Http { .. } => "load-http",
            LoadError::Offers { .. } => "load-offers",
            LoadError::Request(_) => "load-request",
            LoadError::Histogram(_) => "load-histogram",
            LoadError::Task(_) => "load-task",
            LoadError::Runtime(_) => "load-runtime",
        }
    }

    /// What to do about it.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            LoadError::Arguments | LoadError::Address { .. } => "see --help",
            LoadError::Read { .. } => "check that the file exists and may be read",
            LoadError::Connect { .. } => "start the engine first, with its HTTP source on",
            LoadError::Http { .. } => "give the address of the engine's HTTP source, without TLS",
            LoadError::Offers { .. } => "turn on the engine's stream of offers",
            LoadError::Request(_) | LoadError::Histogram(_) | LoadError::Task(_) | LoadError::Runtime(_) => {
                "report this with the command you gave"
            }
        }
    }

    /// 2 where it was used wrongly, 3 where it failed.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            LoadError::Arguments | LoadError::Address { .. } => 2,
            _ => 3,
        }
    }
}
