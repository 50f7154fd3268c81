//! CSV files with a header, recognised by their columns rather than by their names.
//!
//! Invariant: a [`Row`] knows its file and line, so that every complaint about a field names both.

use super::ImportError;
use csv::StringRecord;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Number;
use std::path::{Path, PathBuf};

/// One file in memory.
pub(super) struct Table {
    path: PathBuf,
    header: StringRecord,
    records: Vec<StringRecord>,
}

/// One record of a table.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    record: &'a StringRecord,
    /// Counted from 1, without the header.
    pub(super) number: u64,
}

impl Table {
    /// Opens files and those of folders.
    pub(super) fn open_all(files: &[PathBuf]) -> Result<Vec<Table>, ImportError> {
        files_of(files)?.into_iter().map(Table::open).collect()
    }

    fn open(path: PathBuf) -> Result<Table, ImportError> {
        let file =
            std::fs::File::open(&path).map_err(|error| ImportError::Read { path: path.clone(), error })?;
        let mut reader = csv::Reader::from_reader(std::io::BufReader::new(file));
        let not_csv = |error| ImportError::NotCsv { path: path.clone(), error };
        let header = reader.headers().map_err(not_csv)?.clone();
        let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(not_csv)?;
        Ok(Table { path, header, records })
    }

    pub(super) fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.header.iter().any(|name| name == *column))
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.path
    }

    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().zip(1u64..).map(|(record, number)| Row { table: self, record, number })
    }
}

/// The files that are read; a folder stands for the `.csv` files directly in it, by name.
pub fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ImportError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(csv_files(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn csv_files(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let failed = |error| ImportError::Read { path: folder.to_owned(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            files.push(path);
        }
    }
    // The order of a folder's entries is the file system's own; events must not depend on it.
    files.sort();
    Ok(files)
}

impl<'a> Row<'a> {
    /// A field; empty where the row is shorter.
    pub(super) fn text(self, column: &'static str) -> Result<&'a str, ImportError> {
        match self.table.header.iter().position(|name| name == column) {
            Some(index) => Ok(self.record.get(index).unwrap_or("")),
            None => Err(ImportError::MissingColumn { path: self.table.path.clone(), column }),
        }
    }

    /// A field that must hold something.
    pub(super) fn required(self, column: &'static str) -> Result<&'a str, ImportError> {
        match self.text(column)? {
            "" => Err(self.bad(column, "empty")),
            text => Ok(text),
        }
    }

    /// A field read as something that text can be parsed to.
    pub(super) fn parse<T: std::str::FromStr>(
        self,
        column: &'static str,
        expected: &'static str,
    ) -> Result<T, ImportError> {
        self.text(column)?.parse().map_err(|_| self.bad(column, expected))
    }

    /// A moment; UTC where it carries no offset.
    pub(super) fn time(self, column: &'static str) -> Result<Timestamp, ImportError> {
        let text = self.text(column)?;
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(moment);
        }
        text.trim_end_matches(" UTC")
            .parse::<DateTime>()
            .and_then(|local| local.to_zoned(TimeZone::UTC))
            .map(|zoned| zoned.timestamp())
            .map_err(|_| self.bad(column, "a date and time"))
    }

    /// A number as it stands there, or `None` where the field is empty.
    pub(super) fn number(self, column: &'static str) -> Result<Option<Number>, ImportError> {
        match self.text(column)? {
            "" => Ok(None),
            text => serde_json::from_str(text).map(Some).map_err(|_| self.bad(column, "a number")),
        }
    }

    /// An amount in ten-thousandths, exactly.
    pub(super) fn amount(self, column: &'static str) -> Result<i64, ImportError> {
        ten_thousandths(self.text(column)?)
            .ok_or_else(|| self.bad(column, "an amount with at most four decimals"))
    }

    pub(super) fn bad(self, column: &'static str, expected: &'static str) -> ImportError {
        ImportError::BadField {
            path: self.table.path.clone(),
            line: self.record.position().map_or(self.number + 1, csv::Position::line),
            column,
            value: self.text(column).unwrap_or("").to_owned(),
            expected,
        }
    }
}

/// A decimal such as `12`, `-2.5` or `0.0001` in ten-thousandths; `None` where it has more places.
pub(super) fn ten_thousandths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 4 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let scaled: i64 = format!("{whole}{fraction:0<4}").parse().ok()?;
    Some(sign * scaled)
}
