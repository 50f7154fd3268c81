//! Why processes are not, or no longer, one job.

use std::path::PathBuf;
use thiserror::Error;

/// Why a cluster failed.
#[derive(Clone, Debug, Error)]
pub enum ClusterError {
    /// The file of hosts.
    #[error("the file of hosts {}: {reason}", path.display())]
    Hosts {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Its own address.
    #[error("process {process} cannot listen on {address}: {reason}")]
    Listen {
        /// Which process.
        process: usize,
        /// The address.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The other end does not know the secret.
    #[error("process {process} at {address} does not know the secret of this cluster")]
    Secret {
        /// Which process.
        process: usize,
        /// Where it should be.
        address: String,
    },
    /// The other end will not have this process.
    #[error("process {process} at {address} refuses this one: {reason}")]
    Refused {
        /// Which process.
        process: usize,
        /// Where it is.
        address: String,
        /// Why.
        reason: &'static str,
    },
    /// The processes did not all connect in time.
    #[error("the processes did not connect to one another within {seconds} s; missing: {missing}")]
    Mesh {
        /// How long it was tried.
        seconds: u64,
        /// Who was missing.
        missing: String,
    },
    /// A process went away or stopped answering.
    #[error("process {process} is lost: {reason}")]
    Lost {
        /// Which process.
        process: usize,
        /// How that was noticed.
        reason: String,
    },
    /// A process could not go on.
    #[error("process {process} failed: {reason}")]
    Failed {
        /// Which process.
        process: usize,
        /// What it said.
        reason: String,
    },
    /// The head and a member have other settings.
    #[error("process {process} has other settings than the head")]
    Settings {
        /// Which process.
        process: usize,
    },
    /// Everybody is there, and nothing goes on.
    #[error("nothing went on for {seconds} s though ticks were under way and no worker had anything to do")]
    Stalled {
        /// For how long.
        seconds: u64,
    },
    /// No random numbers, no threads.
    #[error("{what} failed: {reason}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl ClusterError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ClusterError::Hosts { .. } => "cluster-hosts",
            ClusterError::Listen { .. } => "cluster-listen",
            ClusterError::Secret { .. } => "cluster-secret",
            ClusterError::Refused { .. } => "cluster-refused",
            ClusterError::Mesh { .. } => "cluster-mesh",
            ClusterError::Lost { .. } => "cluster-lost",
            ClusterError::Failed { .. } => "cluster-failed",
            ClusterError::Settings { .. } => "cluster-settings",
            ClusterError::Stalled { .. } => "cluster-stalled",
            ClusterError::System { .. } => "cluster-system",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ClusterError::Hosts { .. } => "one `host:port` a line, that of process 0 first",
            ClusterError::Listen { .. } => {
                "line I of the hosts must be an address of the machine of process I"
            }
            ClusterError::Secret { .. } => "give all processes the same secret, then start them again",
            ClusterError::Refused { .. } => {
                "start all processes with the same hosts, each with its own number"
            }
            ClusterError::Mesh { .. } => {
                "see that every process reaches every other one, then start all again"
            }
            ClusterError::Lost { .. } | ClusterError::Stalled { .. } | ClusterError::Failed { .. } => {
                "start all processes again: the head goes on from what it kept; a supervisor does it by itself"
            }
            ClusterError::Settings { .. } => {
                "start all processes with the same version and configuration (presence, identity, policy, \
                 channels, retention, output)"
            }
            ClusterError::System { .. } => "raise the limits of the process (ulimit)",
        }
    }

    /// Whether whoever started the process can put it right in the configuration or around it.
    pub fn is_setup(&self) -> bool {
        matches!(
            self,
            ClusterError::Hosts { .. }
                | ClusterError::Listen { .. }
                | ClusterError::Secret { .. }
                | ClusterError::Refused { .. }
                | ClusterError::Settings { .. }
        )
    }
}
