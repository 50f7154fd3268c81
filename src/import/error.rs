//! What can go wrong in an import, and what to do about it.

use std::path::PathBuf;
use thiserror::Error;

/// Why an import stopped. A public set is imported as a whole or not at all.
#[derive(Debug, Error)]
pub enum ImportError {
    /// No format of that name.
    #[error("there is no import format called {name:?}")]
    UnknownFormat {
        /// The name that was given.
        name: String,
    },
    /// A file or folder could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is no CSV with a header.
    #[error("{} is not a CSV file with a header: {error}", path.display())]
    NotCsv {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: csv::Error,
    },
    /// A table that the format cannot do without was not among the files.
    #[error("no file has the columns of the {table} table ({columns})")]
    MissingTable {
        /// The table.
        table: &'static str,
        /// The columns by which it is recognised.
        columns: String,
    },
    /// A table lacks a column.
    #[error("{} has no column {column:?}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A field cannot be understood.
    #[error("{}, line {line}: {column} is {value:?}, not {expected}", path.display())]
    BadField {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1 with the header.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// The set contradicts itself.
    #[error("{what}")]
    Inconsistent {
        /// How.
        what: String,
    },
    /// The events could not be written.
    #[error("cannot write events: {0}")]
    Write(#[from] std::io::Error),
    /// An event could not be put into JSON.
    #[error("cannot write an event as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

impl ImportError {
    /// A stable name for scripts and documentation.
    pub const fn code(&self) -> &'static str {
        match self {
            ImportError::UnknownFormat { .. } => "import-unknown-format",
            ImportError::Read { .. } => "import-read",
            ImportError::NotCsv { .. } => "import-not-csv",
            ImportError::MissingTable { .. } => "import-missing-table",
            ImportError::MissingColumn { .. } => "import-missing-column",
            ImportError::BadField { .. } => "import-bad-field",
            ImportError::Inconsistent { .. } => "import-inconsistent",
            ImportError::Write(_) => "import-write",
            ImportError::Encode(_) => "import-encode",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            ImportError::UnknownFormat { .. } => "use one of snowplow, ibeacon-csv, online-retail",
            ImportError::Read { .. } => "check that the path exists and may be read",
            ImportError::NotCsv { .. } => {
                "give comma-separated UTF-8 files whose first line names the columns"
            }
            ImportError::MissingTable { .. } => "give all files of the set, or the folder they are in",
            ImportError::MissingColumn { .. } => "use the set as published; see the format's documentation",
            ImportError::BadField { .. } => "correct or remove that line and import again",
            ImportError::Inconsistent { .. } => "use the files of one set together, unmodified",
            ImportError::Write(_) => "check the free space and the permissions of the output",
            ImportError::Encode(_) => "report this with the file that caused it",
        }
    }
}
