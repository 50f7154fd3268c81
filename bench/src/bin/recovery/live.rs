//! The same load over HTTP with and without `[state]`, in turn.

use crate::Bench;
use crate::error::MeasureError;
use crate::job::{Job, Wanted};
use crate::material::{Config, head};
use serde_json::Value;
use std::process::{Command, Stdio};

/// The quantiles that are told, by the names that `load` gives them.
pub(crate) const QUANTILES: [&str; 3] = ["p50", "p99", "p99.9"];

/// Milliseconds from an event to its offer, of each run, in the order of [`QUANTILES`].
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
            let rules = bench.rules("rules-latency");
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
            let report: Value = serde_json::from_slice(&loaded.stdout).unwrap_or_default();
            let quantiles = quantiles(&report, &mut live)?;
            (if state { &mut live.with } else { &mut live.without }).push(quantiles);
        }
    }
    Ok(live)
}

/// Reads what `load` says. A run in which something was refused is not worth a figure.
fn quantiles(report: &Value, live: &mut Live) -> Result<[f64; 3], MeasureError> {
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let (events, taken) = (number("/events"), number("/answers/202/events"));
    live.events = events.unwrap_or_default() as u64;
    live.offers = number("/offers/made").unwrap_or_default() as u64;
    if events.is_none() || events != taken {
        return Err(MeasureError::Void(format!("not every event was taken: {report}")));
    }
    let [p50, p99, p999] = QUANTILES.map(|name| number(&format!("/event_to_offer_us/{name}")));
    match (p50, p99, p999) {
        (Some(p50), Some(p99), Some(p999)) => Ok([p50, p99, p999].map(|microseconds| microseconds / 1000.0)),
        _ => Err(MeasureError::Void(format!("no offer was made: {report}"))),
    }
}
