//! Malls, and configurations of jobs over them.

use crate::Bench;
use crate::error::MeasureError;
use shopbell_bench::measure::crowd::{Crowd, rule};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// A mall as a file. One that is there already, from before, is made again.
pub(crate) fn mall(bench: &Bench, name: &str, customers: u64, events: u64) -> Result<PathBuf, MeasureError> {
    bench.tell(&format!("{events} events of {customers} customers"));
    bench.mall(name, customers, events, bench.arguments.seed)
}

/// A crowd as a file, with the folder of its rule.
pub(crate) fn crowd(bench: &Bench) -> Result<(PathBuf, PathBuf), MeasureError> {
    let (path, rules) = (bench.path("crowd.jsonl"), bench.path("crowd-rules"));
    let customers = bench.arguments.customers;
    bench.tell(&format!("{customers} customers with a cart"));
    Crowd { customers }.write(&path)?;
    bench.write("crowd-rules/dear.toml", &rule(80))?;
    Ok((path, rules))
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

/// Whose time it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Events,
    Wall,
}

/// A job to be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Config<'a> {
    pub(crate) events: Option<(&'a PathBuf, Clock)>,
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
        if let Some((events, clock)) = self.events {
            let clock = if clock == Clock::Events { "events" } else { "wall" };
            let file = events.file_name().unwrap_or_default();
            text += &format!("[engine]\nclock = \"{clock}\"\n[source]\nfiles = [{file:?}]\n");
        }
        if self.state {
            let every = bench.arguments.checkpoint_ms;
            text += &format!("[state]\nfolder = \"state\"\ncheckpoint_every = \"{every}ms\"\n");
        }
        bench.write("job.toml", &text)
    }
}
