//! Public data sets as Shopbell events: one CloudEvent a line, in time order.
//!
//! Invariant: the same files give the same bytes; every row becomes the events its format's module
//! documents, or is counted in the report under the reason why it became none. What a set does not
//! say is either left out or derived as documented there, never guessed at random.
//! Cost: a set is held in memory while it is sorted (the public cuts have some ten megabytes).

pub mod error;
mod ibeacon;
mod lines;
mod online_retail;
mod polygon;
mod snowplow;
mod table;
#[cfg(test)]
mod tests;

pub use error::ImportError;
pub use table::files_of;

use lines::EventLines;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use table::Table;

/// A public format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Snowplow's e-commerce tracker: events and their context tables.
    Snowplow,
    /// iBeacon readings of walks through a mall, way points and shop outlines.
    IbeaconCsv,
    /// The UCI "Online Retail" order lines.
    OnlineRetail,
}

impl Format {
    /// Every format, in the order in which help lists them.
    pub const ALL: [Format; 3] = [Format::Snowplow, Format::IbeaconCsv, Format::OnlineRetail];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Snowplow => "snowplow",
            Format::IbeaconCsv => "ibeacon-csv",
            Format::OnlineRetail => "online-retail",
        }
    }

    /// What it reads, in one line, for help.
    pub const fn describe(self) -> &'static str {
        match self {
            Format::Snowplow => "Snowplow e-commerce events with their context tables, CSV",
            Format::IbeaconCsv => "iBeacon readings, way points and shop outlines of one floor, CSV",
            Format::OnlineRetail => "UCI Online Retail order lines, CSV",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = ImportError;

    fn from_str(text: &str) -> Result<Self, ImportError> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| ImportError::UnknownFormat { name: text.to_owned() })
    }
}

/// What can be chosen about an import.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Whether a tracker's user id becomes a `web.login` that links it to the browser (snowplow).
    pub logins: bool,
    /// Shifts the walks so that all start within this many milliseconds of the first, evenly and in
    /// their order, to get several shoppers at once (ibeacon-csv). As recorded where absent.
    pub spread: Option<u64>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions { logins: true, spread: None }
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Rows read, of all files that were understood.
    pub rows: u64,
    /// Events written.
    pub events: u64,
    /// Events written, by type.
    pub by_type: BTreeMap<&'static str, u64>,
    /// Rows that became no event of their own, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Files whose header is none of the format's.
    pub ignored: Vec<PathBuf>,
}

impl ImportReport {
    fn skip(&mut self, reason: &str) {
        *self.skipped.entry(reason.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events from {} rows", self.events, self.rows)?;
        for (kind, count) in &self.by_type {
            writeln!(f, "  {count:>9}  {kind}")?;
        }
        for (reason, count) in &self.skipped {
            writeln!(f, "  {count:>9}  rows skipped: {reason}")?;
        }
        for path in &self.ignored {
            writeln!(f, "  ignored: {}", path.display())?;
        }
        Ok(())
    }
}

/// Reads `files` (a folder stands for the `.csv` files in it) and writes their events to `out`, one a
/// line, in time order; events of the same moment stay in the order of the rows.
pub fn import(
    format: Format,
    files: &[PathBuf],
    out: &mut dyn Write,
    options: &ImportOptions,
) -> Result<ImportReport, ImportError> {
    let tables = Table::open_all(files)?;
    let mut lines = EventLines::default();
    let mut report = ImportReport::default();
    match format {
        Format::Snowplow => snowplow::import(tables, options, &mut lines, &mut report)?,
        Format::IbeaconCsv => ibeacon::import(tables, options, &mut lines, &mut report)?,
        Format::OnlineRetail => online_retail::import(tables, &mut lines, &mut report)?,
    }
    lines.write(out, &mut report)?;
    Ok(report)
}
