//! What programs that measure the engine as a process share.

pub mod bench;
pub mod crowd;
pub mod error;
pub mod job;
pub mod latency;
pub mod origin;

use error::MeasureError;
use std::path::{Path, PathBuf};

/// A program that is given, or stands where this one does.
pub fn beside(name: &str, given: Option<&Path>) -> Result<PathBuf, MeasureError> {
    let path = match given {
        Some(path) => path.to_path_buf(),
        None => {
            let own = std::env::current_exe().map_err(MeasureError::io("find", Path::new("this program")))?;
            own.with_file_name(name)
        }
    };
    if path.is_file() { Ok(path) } else { Err(MeasureError::NoProgram { path }) }
}
