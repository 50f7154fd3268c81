//! The same load over HTTP with and without `[state]`, in turn.

use crate::Bench;
use crate::error::MeasureError;
use crate::job::{Job, Wanted};
use crate::material::{Config, head};
use shopbell_bench::measure::latency::Latency;
use std::process::{Command, Stdio};

/// Milliseconds from an event to its offer, of each run, in the order of `QUANTILES`.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) without: Vec<[f64; 3]>,
    pub(crate) with: Vec<[f64; 3]>,
    /// Events of each run, and offers of the last one.
    pub(crate) events: u64,
    pub(crate) offers: u64,
}

pub(crate) fn measure(bench: &Bench) -> Result<Live, MeasureError> {
    let arguments = &bench.arguments;
    let lines = arguments.rate * arguments.seconds;
    let events = head(bench, &bench.path("file.jsonl"), "live.jsonl", lines)?;
    let mut live = Live::default();
    for pair in 1..=arguments.live_pairs {
        for state in [false, true] {
            bench.tell(&format!("load {pair}, {} [state]", if state { "with" } else { "without" }));
            let config = Config { events: None, http: true, state }.write(bench)?;
            let rules = bench.arguments.rules("rules-latency");
            let mut job = Job::start(&bench.shopbell, &Wanted { config: &config, rules, workers: 2 })?;
            let address = job.says("running")?.text("http");
            let loaded = Command::new(&bench.load)
                .args(["--rate", &arguments.rate.to_string(), "--url", &address, "--events"])
                .arg(&events)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output()
                .map_err(MeasureError::io("start", &bench.load))?;
            job.stop()?;
            let Latency { quantiles, events, offers } = Latency::read(&loaded.stdout)?;
            (live.events, live.offers) = (events, offers);
            (if state { &mut live.with } else { &mut live.without }).push(quantiles);
        }
    }
    Ok(live)
}
