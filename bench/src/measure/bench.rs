//! A command that measures: the programs it starts, the folder it works in, the report it ends with.
//!
//! Invariant: a folder that was not named is removed at the end, of a failed measurement too.

use super::beside;
use super::error::MeasureError;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Programs that are given; those that are not stand beside this one.
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a> {
    /// The engine.
    pub shopbell: Option<&'a Path>,
    /// The load generator.
    pub load: Option<&'a Path>,
}

/// What every measurement needs.
#[derive(Debug)]
pub struct Bench<Arguments> {
    /// The engine.
    pub shopbell: PathBuf,
    /// The load generator.
    pub load: PathBuf,
    /// What was asked for.
    pub arguments: Arguments,
    name: &'static str,
    folder: PathBuf,
    passes: bool,
}

/// Measures, writes the report to `out` or standard output, and says on standard error what went wrong.
pub fn run(
    name: &'static str,
    out: Option<&Path>,
    measure: impl FnOnce() -> Result<String, MeasureError>,
) -> ExitCode {
    let written = measure().and_then(|report| match out {
        Some(path) => std::fs::write(path, report).map_err(MeasureError::io("write", path)),
        None => {
            let wrote = std::io::stdout().write_all(report.as_bytes());
            wrote.map_err(MeasureError::io("write", Path::new("standard output")))
        }
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{name}: {error} [{}]\n  {}", error.code(), error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}

impl<Arguments> Bench<Arguments> {
    /// For the command `name`, in a folder that stays, or one of its own.
    ///
    /// # Errors
    /// Where a program is not there, or the folder cannot be made.
    pub fn new(
        name: &'static str,
        programs: Programs<'_>,
        folder: Option<&Path>,
        arguments: Arguments,
    ) -> Result<Self, MeasureError> {
        let (shopbell, load) = (beside("shopbell", programs.shopbell)?, beside("load", programs.load)?);
        let own = || std::env::temp_dir().join(format!("shopbell-{name}-{}", std::process::id()));
        let passes = folder.is_none();
        let folder = folder.map_or_else(own, Path::to_path_buf);
        std::fs::create_dir_all(&folder).map_err(MeasureError::io("make", &folder))?;
        Ok(Bench { shopbell, load, arguments, name, folder, passes })
    }

    /// A file or folder of the measurement.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Tells what goes on; the report is for the end.
    pub fn tell(&self, what: &str) {
        // Nothing is lost when standard error is closed.
        let _ = writeln!(std::io::stderr(), "{}: {what}", self.name);
    }

    /// Writes a file, and the folder it is in.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, MeasureError> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(MeasureError::io("make", folder))?;
        }
        std::fs::write(&path, text).map_err(MeasureError::io("write", &path))?;
        Ok(path)
    }

    /// Makes a mall as a file. One that is there already is made again.
    ///
    /// # Errors
    /// Where the engine does not make it.
    pub fn mall(&self, name: &str, customers: u64, events: u64, seed: u64) -> Result<PathBuf, MeasureError> {
        let path = self.path(name);
        let made = Command::new(&self.shopbell)
            .args(["generate", "--customers", &customers.to_string(), "--events", &events.to_string()])
            .args(["--seed", &seed.to_string(), "--out"])
            .arg(&path)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(MeasureError::io("start", &self.shopbell))?;
        if made.success() {
            Ok(path)
        } else {
            Err(MeasureError::Process { what: "the mall was not made", log: made.to_string() })
        }
    }
}

impl<Arguments> Drop for Bench<Arguments> {
    fn drop(&mut self) {
        if self.passes {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
