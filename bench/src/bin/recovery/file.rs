//! The same file with and without `[state]`, in turn.

use crate::Bench;
use crate::error::MeasureError;
use crate::job::{Job, Wanted};
use crate::material::{Clock, Config, mall};
use std::time::Duration;

/// Of one of the two: how long each run took, and the most memory of any.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) seconds: Vec<f64>,
    pub(crate) peak: u64,
}

/// What came out.
#[derive(Default)]
pub(crate) struct File {
    pub(crate) without: Runs,
    pub(crate) with: Runs,
}

pub(crate) fn measure(bench: &Bench) -> Result<File, MeasureError> {
    let arguments = &bench.arguments;
    let events = mall(bench, "file.jsonl", arguments.customers / 10, arguments.file_events)?;
    let (mut file, mut offers) = (File::default(), None);
    for pair in 1..=arguments.pairs {
        for state in [false, true] {
            bench.tell(&format!(
                "run {pair} over the file, {} [state]",
                if state { "with" } else { "without" }
            ));
            let config =
                Config { events: Some((&events, Clock::Events)), http: false, state }.write(bench)?;
            let mut job = Job::start(
                &bench.shopbell,
                &Wanted { config: &config, rules: bench.arguments.rules("rules"), workers: 2 },
            )?;
            let took: Duration = job.ends()?;
            let runs = if state { &mut file.with } else { &mut file.without };
            runs.seconds.push(took.as_secs_f64());
            runs.peak = runs.peak.max(job.peak);
            let path = bench.path("offers.jsonl");
            let said = std::fs::read(&path).map_err(MeasureError::io("read", &path))?;
            if *offers.get_or_insert_with(|| said.clone()) != said {
                return Err(MeasureError::Void("two runs over one file made other offers".to_owned()));
            }
        }
    }
    Ok(file)
}
