//! The report, in Markdown, as it lies under `bench/results`.

use crate::Bench;
use crate::file::{File, Runs};
use crate::live::Live;
use crate::restart::Restart;
use shopbell_bench::measure::latency::QUANTILES;
use shopbell_bench::measure::origin;
use std::fmt::Write;

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
    format!(
        "# Recovery, and what `[state]` costs, {}\n\n{}; {}. The command:\n\n    recovery {}\n\n",
        origin::now().get(..10).unwrap_or_default(),
        origin::machine(),
        origin::build(&bench.shopbell),
        origin::arguments()
    )
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
