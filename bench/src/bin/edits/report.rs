//! The report, in Markdown, as it lies under `bench/results`.

use crate::{Bench, Edit, Reloads};
use shopbell_bench::measure::latency::Latency;
use shopbell_bench::measure::origin;
use std::fmt::Write;
use std::time::Duration;

/// Everything that was measured.
pub(crate) struct Report {
    pub(crate) alone: Vec<Edit>,
    pub(crate) beside: Vec<Edit>,
    pub(crate) before: Latency,
    pub(crate) during: Latency,
    pub(crate) reloading: Latency,
    pub(crate) reloads: Reloads,
    pub(crate) peak: u64,
}

fn milliseconds(span: Duration) -> u128 {
    span.as_millis()
}

impl Report {
    pub(crate) fn text(&self, bench: &Bench) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, bench);
        text
    }

    fn write(&self, text: &mut String, bench: &Bench) -> std::fmt::Result {
        let arguments = &bench.arguments;
        writeln!(text, "# Edits of rules over {} customers\n", arguments.customers)?;
        writeln!(
            text,
            "{}; {}; {}; {} workers, {} `[state]`; `edits {}`. One run, so compare within it.\n",
            origin::now(),
            origin::machine(),
            origin::build(&bench.shopbell),
            arguments.workers,
            if arguments.no_state { "without" } else { "with" },
            origin::arguments()
        )?;
        writeln!(
            text,
            "A threshold moves so that the answers of a fifth do. From the word to read the rules until they are in force, and until\n\
             the last answer is in the output file:\n"
        )?;
        writeln!(
            text,
            "| beside | what | answers | in force after, ms | all moved after, ms |\n|---|---|---|---|---|"
        )?;
        let load = format!("{} events/s", arguments.rate);
        for (beside, edits) in [("nothing", &self.alone), (&load, &self.beside)] {
            for Edit { what, moved, in_force, all } in edits {
                let (in_force, all) = (milliseconds(*in_force), milliseconds(*all));
                writeln!(text, "| {beside} | {what} | {moved} | {in_force} | {all} |")?;
            }
        }
        writeln!(
            text,
            "\nOffers of another rule, from event to offer, at {} events/s for {} s each:\n",
            arguments.rate, arguments.seconds
        )?;
        writeln!(text, "| meanwhile | p50, ms | p99, ms | p99.9, ms | offers |\n|---|---|---|---|---|")?;
        let reloads =
            format!("{} changes, {} broken or torn files", self.reloads.applied, self.reloads.refused);
        for (what, latency) in
            [("nothing", self.before), ("the edits above", self.during), (&reloads, self.reloading)]
        {
            let Latency { quantiles: [p50, p99, p999], offers, .. } = latency;
            writeln!(text, "| {what} | {p50:.2} | {p99:.1} | {p999:.1} | {offers} |")?;
        }
        writeln!(text, "\nPeak memory {:.2} GB.", self.peak as f64 / 1e9)
    }
}
