//! The report, in Markdown, as it lies under `bench/results`.

use crate::Bench;
use crate::file::{File, Runs};
use crate::live::{Live, QUANTILES};
use crate::restart::Restart;
use shopbell_bench::rfc3339::Rfc3339;
use std::fmt::Write;
use std::process::Command;
use std::time::SystemTime;

/// Everything that was measured.
pub(crate) struct Report {
    pub(crate) restarts: [Restart; 2],
    pub(crate) file: File,
    pub(crate) live: Option<Live>,
}

const MEGABYTE: f64 = 1e6;

impl Report {
    pub(crate) fn text(&self, bench: &Bench) -> String {
        let mut text = head(bench);
        // Writing to a string cannot fail.
        for restart in &self.restarts {
            let _ = write_restart(restart, &mut text);
        }
        let _ = self.write_file(&mut text, bench);
        if let Some(live) = &self.live {
            let _ = write_live(live, &mut text, bench);
        }
        text
    }

    fn write_file(&self, text: &mut String, bench: &Bench) -> std::fmt::Result {
        let events = bench.arguments.file_events;
        let File { without, with } = &self.file;
        writeln!(text, "## {events} events of {} customers from a file\n", bench.arguments.customers / 10)?;
        writeln!(
            text,
            "By the clock of events, `bench/rules`, 2 workers, a checkpoint every {} ms; each pair in turn, the same offers.\n",
            bench.arguments.checkpoint_ms
        )?;
        writeln!(text, "| | seconds | median | events/s | peak memory |\n|---|---|---|---|---|")?;
        for (name, runs) in [("without `[state]`", without), ("with", with)] {
            let Runs { seconds, peak } = runs;
            let middle = median(seconds.iter().copied());
            writeln!(
                text,
                "| {name} | {} | {middle:.2} | {:.0} | {:.2} GB |",
                joined(seconds.iter().copied()),
                events as f64 / middle,
                *peak as f64 / 1e9
            )?;
        }
        let ratio = median(with.seconds.iter().copied()) / median(without.seconds.iter().copied());
        writeln!(
            text,
            "| ratio | | {ratio:.2} | {:.2} | {:.2} |\n",
            1.0 / ratio,
            with.peak as f64 / without.peak as f64
        )
    }
}

fn write_restart(restart: &Restart, text: &mut String) -> std::fmt::Result {
    let Restart { whose, events, facts, known, sizes, starts } = restart;
    writeln!(text, "## The state of {whose}, killed and taken up\n")?;
    writeln!(
        text,
        "{events} events read, SIGKILL after the last checkpoint: {facts} rows of facts and {known} of events that are known; on\n\
         disk {:.1} MB of checkpoints, {:.1} MB of journal, {:.3} MB of manifests.\n",
        sizes.runs as f64 / MEGABYTE,
        sizes.journal as f64 / MEGABYTE,
        sizes.manifests as f64 / MEGABYTE
    )?;
    writeln!(text, "| workers | rows read after | ready after | peak memory |\n|---|---|---|---|")?;
    for start in starts {
        writeln!(
            text,
            "| {} | {:.2} s | {:.2} s | {:.2} GB |",
            start.workers,
            start.rows_read.as_secs_f64(),
            start.ready.as_secs_f64(),
            start.peak as f64 / 1e9
        )?;
    }
    writeln!(text)
}

fn write_live(live: &Live, text: &mut String, bench: &Bench) -> std::fmt::Result {
    writeln!(text, "## Live over HTTP, {} events/s\n", bench.arguments.rate)?;
    writeln!(
        text,
        "{} events in each run, all answered 202, {} offers made in the last one; `bench/rules-latency`, open loop, each pair\n\
         in turn. Milliseconds from when the causing event was due to be sent to its offer.\n",
        live.events, live.offers
    )?;
    writeln!(text, "| | {} |\n|---|---|---|---|", QUANTILES.join(" | "))?;
    let column = |runs: &[[f64; 3]], quantile: usize| -> Vec<f64> {
        runs.iter().filter_map(|run| run.get(quantile).copied()).collect()
    };
    for (name, runs) in [("without `[state]`", &live.without), ("with", &live.with)] {
        let cells: Vec<String> =
            (0..QUANTILES.len()).map(|quantile| joined(column(runs, quantile))).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | "))?;
    }
    let ratio = |quantile| median(column(&live.with, quantile)) / median(column(&live.without, quantile));
    let cells: Vec<String> = (0..QUANTILES.len()).map(|quantile| format!("{:.2}", ratio(quantile))).collect();
    writeln!(text, "| ratio of medians | {} |", cells.join(" | "))
}

/// What was measured where, and how to do it again.
fn head(bench: &Bench) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut time = Vec::new();
    Rfc3339::default().write(u64::try_from(now.as_millis()).unwrap_or_default(), &mut time);
    let time = String::from_utf8_lossy(&time).into_owned();
    let command: Vec<String> = std::env::args().skip(1).collect();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let version = said(Command::new(&bench.shopbell).arg("--version"));
    format!(
        "# Recovery, and what `[state]` costs, {}\n\n{}; {version}, a {build} build of commit `{}`. The command:\n\n    \
         recovery {}\n\n",
        time.get(..10).unwrap_or_default(),
        machine(),
        said(Command::new("git").args(["describe", "--always", "--dirty"])),
        command.join(" ")
    )
}

/// What a command says; what has no answer is unknown.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.ok().filter(|said| !said.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Cores, processor and memory.
fn machine() -> String {
    let of = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = of("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let memory = of("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    format!("{cores} cores of {processor}, memory {memory}")
}

fn joined(values: impl IntoIterator<Item = f64>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| format!("{value:.2}")).collect();
    values.join(" · ")
}

/// The middle one, or the mean of the two in the middle. NaN of none.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(values.len().saturating_sub(1) / 2), at(values.len() / 2))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median([7.0]), 7.0);
        assert!(median([]).is_nan());
    }
}
