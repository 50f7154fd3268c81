//! What can stop a measurement.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// Numbers that make no sense.
    #[error("numbers must be above zero, customers at least 100")]
    Arguments,
    /// A program is not there.
    #[error("{} is not there", path.display())]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file or a process.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A process did not do what it should.
    #[error("{what}: {log}")]
    Process {
        /// What it should have done.
        what: &'static str,
        /// What it said last.
        log: String,
    },
    /// What was measured is worth nothing.
    #[error("the measurement is void: {0}")]
    Void(String),
}

impl MeasureError {
    /// For `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> MeasureError {
        let path = path.to_path_buf();
        move |error| MeasureError::Io { action, path, error }
    }

    /// A stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            MeasureError::Arguments => "measure-arguments",
            MeasureError::NoProgram { .. } => "measure-no-program",
            MeasureError::Io { .. } => "measure-io",
            MeasureError::Process { .. } => "measure-process",
            MeasureError::Void(_) => "measure-void",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            MeasureError::Arguments => "see --help",
            MeasureError::NoProgram { .. } => {
                "cargo build --release -p shopbell -p shopbell-bench, or say where it is"
            }
            MeasureError::Io { .. } => "look for room on the disk, and give --folder and --rules",
            MeasureError::Process { .. } => "look at the logs with --folder, which stays",
            MeasureError::Void(_) => "report this with the command you gave",
        }
    }

    /// 2 where it was used wrongly, 3 where it failed.
    pub const fn exit_code(&self) -> u8 {
        match self {
            MeasureError::Arguments | MeasureError::NoProgram { .. } => 2,
            _ => 3,
        }
    }
}
