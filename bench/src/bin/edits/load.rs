//! The load beside: the mall's day at a fixed rate, and how long its offers took.

use crate::Bench;
use crate::error::MeasureError;
use shopbell_bench::measure::latency::Latency;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Events for each run, none twice. Places and shelves are made known by the first.
pub(crate) struct Load {
    parts: std::cell::RefCell<VecDeque<PathBuf>>,
}

/// How far a run is.
pub(crate) struct Time {
    began: Instant,
    whole: Duration,
}

impl Time {
    /// Waits until that part of the run is over; 1 is its end.
    pub(crate) fn reach(&self, part: f64) {
        let moment = self.began + self.whole.mul_f64(part);
        std::thread::sleep(moment.saturating_duration_since(Instant::now()));
    }
}

/// Runs that are loaded.
const RUNS: u64 = 3;

impl Load {
    /// Writes events for all runs.
    pub(crate) fn write(bench: &Bench) -> Result<Load, MeasureError> {
        let arguments = &bench.arguments;
        let each = arguments.rate * arguments.seconds;
        let customers = (arguments.customers / 10).max(100);
        let path = bench.mall("mall.jsonl", customers, each * RUNS, arguments.seed)?;
        let cut = || -> std::io::Result<VecDeque<PathBuf>> {
            let mut lines = BufReader::new(std::fs::File::open(&path)?).lines();
            let mut parts = VecDeque::new();
            for run in 0..RUNS {
                let part = bench.path(&format!("mall-{run}.jsonl"));
                let mut out = BufWriter::new(std::fs::File::create(&part)?);
                for line in lines.by_ref().take(usize::try_from(each).unwrap_or(usize::MAX)) {
                    writeln!(out, "{}", line?)?;
                }
                out.flush()?;
                parts.push_back(part);
            }
            Ok(parts)
        };
        let parts = cut().map_err(MeasureError::io("cut", &path))?;
        Ok(Load { parts: std::cell::RefCell::new(parts) })
    }

    /// Loads the engine with the next part, and does something meanwhile.
    pub(crate) fn run(
        &self,
        bench: &Bench,
        address: &str,
        meanwhile: impl FnOnce(&Time) -> Result<(), MeasureError>,
    ) -> Result<Latency, MeasureError> {
        let part = self.parts.borrow_mut().pop_front().unwrap_or_default();
        let child = Command::new(&bench.load)
            .args([
                "--rate",
                &bench.arguments.rate.to_string(),
                "--url",
                address,
                "--channel",
                "associate",
                "--events",
            ])
            .arg(&part)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(MeasureError::io("start", &bench.load))?;
        let time = Time { began: Instant::now(), whole: Duration::from_secs(bench.arguments.seconds) };
        let done = meanwhile(&time);
        let loaded = child.wait_with_output().map_err(MeasureError::io("wait for", &bench.load))?;
        done?;
        Latency::read(&loaded.stdout)
    }
}
