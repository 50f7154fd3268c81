//! What can go wrong with the data, and what to do about it.

use std::path::PathBuf;
use thiserror::Error;

/// Why nothing was judged.
#[derive(Debug, Error)]
pub(crate) enum RedeemersError {
    /// A file that cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file without a column that is needed.
    #[error("{path} has no column `{column}`")]
    NoColumn {
        /// Which file.
        path: PathBuf,
        /// Which column.
        column: String,
    },
    /// A value that is not what it should be.
    #[error("{path}, line {line}: `{value}` is not {expected}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is there.
        value: String,
        /// What should be.
        expected: &'static str,
    },
    /// A rule file that is not one rule.
    #[error("the rule cannot be used: {reason}")]
    Rule {
        /// Why.
        reason: String,
    },
    /// Nobody reads what is told.
    #[error("the report cannot be written: {0}")]
    Output(std::io::Error),
}

impl RedeemersError {
    /// Stable name of the error.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            RedeemersError::Unreadable { .. } => "redeemers-unreadable",
            RedeemersError::NoColumn { .. } => "redeemers-no-column",
            RedeemersError::Value { .. } => "redeemers-value",
            RedeemersError::Rule { .. } => "redeemers-rule",
            RedeemersError::Output(_) => "redeemers-output",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            RedeemersError::Unreadable { .. } => "name the folder of the data with --data",
            RedeemersError::NoColumn { .. } | RedeemersError::Value { .. } => {
                "the files are those of the Complete Journey as CSV, without quotes"
            }
            RedeemersError::Rule { .. } => "write one rule `checked_in` with a score; see docs/rules.md",
            RedeemersError::Output(_) => "look at what reads standard output",
        }
    }
}
