//! An inspection as tables.
//!
//! Invariant: columns are aligned by characters, and colour is laid around whole cells; the stream takes it out
//! where it is no terminal. Cost: none to speak of.

use crate::run::inspect::{
    CheckpointReport, Inspection, JournalReport, MetaReport, Problem, Restart, RunKind,
};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

const HEADING: Style = Style::new().bold();
const NAME: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Tells all of it.
pub(super) fn tell(out: &mut dyn Write, seen: &Inspection) -> io::Result<()> {
    writeln!(out, "{}\n", seen.folder)?;
    if !seen.checkpoints.is_empty() {
        overview(out, seen)?;
    }
    for checkpoint in &seen.checkpoints {
        details(out, checkpoint)?;
    }
    for name in &seen.unnamed {
        entry(out, "unnamed", &format!("{name}: left by a crash, or being written"))?;
    }
    let journal = seen.journal.as_ref();
    entry(out, "journal", &journal.map_or_else(|| "none".to_owned(), journal_line))?;
    entry(out, "fallback", &fallback_line(seen))?;
    entry(out, "restart", &restart_line(&seen.restart))?;
    // What is wrong with the journal is why a restart fails: it is told here.
    seen.restart.error.iter().try_for_each(|error| problem(out, error))
}

/// One line a checkpoint.
fn overview(out: &mut dyn Write, seen: &Inspection) -> io::Result<()> {
    let head =
        ["checkpoint", "tick", "ms", "rows", "deletions", "bytes", "base", "differences", "shares with"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(seen.checkpoints.iter().map(|checkpoint| {
        let bases = checkpoint.runs.iter().filter(|run| run.kind == RunKind::Base).count();
        vec![
            checkpoint.number.to_string(),
            checkpoint.time.clone().unwrap_or_else(|| "-".to_owned()),
            checkpoint.tick.map_or_else(|| "-".to_owned(), |tick| tick.to_string()),
            checkpoint.rows.to_string(),
            checkpoint.deletions.to_string(),
            checkpoint.bytes.to_string(),
            bases.to_string(),
            (checkpoint.runs.len() - bases).to_string(),
            numbers(&checkpoint.shares_files_with),
        ]
    }));
    let mut lines = aligned(&rows).into_iter();
    if let Some(head) = lines.next() {
        writeln!(out, "{HEADING}{head}  state{HEADING:#}")?;
    }
    for (line, checkpoint) in lines.zip(&seen.checkpoints) {
        let (style, state) = if checkpoint.good { (GOOD, "good") } else { (BAD, "bad") };
        writeln!(out, "{line}  {style}{state}{style:#}")?;
    }
    let count = count(seen.checkpoints.len() as u64, "checkpoint");
    writeln!(out, "{count}, {} bytes of runs, shared ones once\n", seen.bytes)
}

/// What is in a checkpoint.
fn details(out: &mut dyn Write, checkpoint: &CheckpointReport) -> io::Result<()> {
    writeln!(out, "{HEADING}checkpoint {}{HEADING:#}", checkpoint.number)?;
    if let Some(meta) = &checkpoint.meta {
        meta_lines(out, meta)?;
    }
    if !checkpoint.runs.is_empty() {
        let head = ["  run", "tick", "ms", "rows", "deletions", "bytes", "kind", "shared with"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(checkpoint.runs.iter().map(|run| {
            vec![
                run.run.to_string(),
                run.time.clone(),
                run.tick.to_string(),
                run.rows.to_string(),
                run.deletions.to_string(),
                run.bytes.to_string(),
                if run.kind == RunKind::Base { "base" } else { "difference" }.to_owned(),
                numbers(&run.shared_with),
            ]
        }));
        for (index, line) in aligned(&rows).iter().enumerate() {
            let style = if index == 0 { NAME } else { Style::new() };
            writeln!(out, "{style}{}{style:#}", line.trim_end())?;
        }
    }
    if let Some(error) = &checkpoint.error {
        problem(out, error)?;
    }
    writeln!(out)
}

fn meta_lines(out: &mut dyn Write, meta: &MetaReport) -> io::Result<()> {
    let MetaReport { sequence, events, clock_time, clock_kind, grid, .. } = meta;
    let events = count(*events, "event");
    entry(out, "  so far", &format!("{events}, up to record {sequence} of the journal"))?;
    entry(out, "  clock", &format!("{clock_time} ({clock_kind}), ticks of {grid} ms"))?;
    for (source, position) in &meta.read {
        let is_file = !source.starts_with("kafka:");
        let position = if is_file { count(*position, "byte") } else { format!("offset {position}") };
        entry(out, "  read", &format!("{source}: {position}"))?;
    }
    for (sink, at) in &meta.output {
        entry(
            out,
            "  output",
            &format!("{sink}: {}", count(*at, if sink == "file" { "byte" } else { "message" })),
        )?;
    }
    let rules: Vec<String> = meta.rules.iter().map(|(id, version)| format!("{id}@{version}")).collect();
    entry(out, "  rules", &if rules.is_empty() { "none".to_owned() } else { rules.join(" ") })
}

fn journal_line(journal: &JournalReport) -> String {
    let held = format!("{} in {}", count(journal.bytes, "byte"), count(journal.segments as u64, "segment"));
    let records = match (journal.first, journal.last, &journal.from_time, &journal.to_time) {
        (Some(first), Some(last), Some(from), Some(to)) => {
            format!("{}, {first} to {last}, ticks {from} to {to}", count(journal.records, "record"))
        }
        _ => count(0, "record"),
    };
    let damaged = if journal.error.is_some() { "damaged; good are the first " } else { "" };
    format!("{damaged}{records}; {held}")
}

fn fallback_line(seen: &Inspection) -> String {
    match (seen.fallback, seen.restart.checkpoint) {
        (Some(fallback), Some(used)) => {
            format!("checkpoint {fallback} shares no file with checkpoint {used}")
        }
        (None, Some(_)) => "none: a job removes nothing from its journal until there is one".to_owned(),
        _ => "none: no checkpoint is good".to_owned(),
    }
}

fn restart_line(restart: &Restart) -> String {
    let used = match restart.checkpoint {
        Some(number) => format!("checkpoint {number}"),
        None => "no checkpoint".to_owned(),
    };
    match (&restart.error, restart.records) {
        (Some(_), _) => format!("fails; it would use {used}"),
        (None, Some(records)) => {
            format!("uses {used} and does {} of the journal again", count(records, "record"))
        }
        (None, None) => format!("uses {used}; how much it does again says a journal that is not here"),
    }
}

fn problem(out: &mut dyn Write, Problem { code, message, hint }: &Problem) -> io::Result<()> {
    writeln!(out, "  {BAD}error[{code}]{BAD:#}: {message}\n    hint: {hint}")
}

fn entry(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{NAME}{name:<10}{NAME:#}  {text}")
}

fn numbers(numbers: &[u64]) -> String {
    if numbers.is_empty() {
        return "-".to_owned();
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Cells as lines, each column as wide as its widest cell, two spaces between; to the right, as most are numbers.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}
