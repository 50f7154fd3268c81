//! Malls, and configurations of jobs over them.

use crate::Bench;
use crate::error::MeasureError;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A mall as a file. One that is there already, from before, is made again.
pub(crate) fn mall(bench: &Bench, name: &str, customers: u64, events: u64) -> Result<PathBuf, MeasureError> {
    let path = bench.path(name);
    bench.tell(&format!("{events} events of {customers} customers"));
    let made = Command::new(&bench.shopbell)
        .args(["generate", "--customers", &customers.to_string(), "--events", &events.to_string()])
        .args(["--seed", &bench.arguments.seed.to_string(), "--out"])
        .arg(&path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(MeasureError::io("start", &bench.shopbell))?;
    if !made.success() {
        return Err(MeasureError::Process { what: "the mall was not made", log: made.to_string() });
    }
    Ok(path)
}

/// The first lines of a file.
pub(crate) fn head(bench: &Bench, from: &PathBuf, name: &str, lines: u64) -> Result<PathBuf, MeasureError> {
    let path = bench.path(name);
    let read = std::fs::File::open(from).map_err(MeasureError::io("read", from))?;
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(std::fs::File::create(&path)?);
        for line in BufReader::new(read).lines().take(usize::try_from(lines).unwrap_or(usize::MAX)) {
            writeln!(out, "{}", line?)?;
        }
        out.flush()
    };
    write().map_err(MeasureError::io("write", &path))?;
    Ok(path)
}

/// A job to be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Config<'a> {
    pub(crate) events: Option<&'a PathBuf>,
    pub(crate) http: bool,
    pub(crate) state: bool,
}

impl Config<'_> {
    /// Writes it, without anything of the one before.
    pub(crate) fn write(self, bench: &Bench) -> Result<PathBuf, MeasureError> {
        for old in ["state", "offers.jsonl"] {
            let old = bench.path(old);
            // There may be none.
            let _ = std::fs::remove_dir_all(&old).or_else(|_| std::fs::remove_file(&old));
        }
        let listen = if self.http { "127.0.0.1:0" } else { "off" };
        let mut text = format!("[http]\nlisten = \"{listen}\"\n[output]\nfile = \"offers.jsonl\"\n");
        if let Some(events) = self.events {
            text += &format!(
                "[engine]\nclock = \"events\"\n[source]\nfiles = [{:?}]\n",
                events.file_name().unwrap_or_default()
            );
        }
        if self.state {
            let every = bench.arguments.checkpoint_ms;
            text += &format!("[state]\nfolder = \"state\"\ncheckpoint_every = \"{every}ms\"\n");
        }
        let path = bench.path("job.toml");
        std::fs::write(&path, text).map_err(MeasureError::io("write", &path))?;
        Ok(path)
    }
}
