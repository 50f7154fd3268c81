//! What can be wrong with a configuration, and where.
//!
//! Invariant: a message never repeats the value of a secret.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// One problem of a configuration, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 where the whole file is meant.
    pub column: usize,
    /// What is wrong.
    pub problem: Problem,
}

impl ConfigError {
    /// Stable name of the problem.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        self.problem.hint()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.file, self.problem);
        }
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The file could not be read.
    #[error("the file cannot be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// Not TOML.
    #[error("not valid toml: {reason}")]
    Syntax {
        /// What the parser said.
        reason: String,
    },
    /// A key that means nothing here.
    #[error("unknown key `{key}` in {section}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it stands in.
        section: String,
        /// The known key that looks most like it.
        similar: Option<&'static str>,
        /// All that are known there.
        known: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("`{key}` is {found}, not {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What was found.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// A text that does not parse.
    #[error("`{key}` = \"{value}\" is not {expected}")]
    Invalid {
        /// The key.
        key: String,
        /// The text.
        value: String,
        /// What is needed.
        expected: &'static str,
    },
    /// A number beyond its limits.
    #[error("`{key}` = {value} is not within {min} to {max}")]
    OutOfRange {
        /// The key.
        key: String,
        /// The number as written.
        value: String,
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A key that must be there.
    #[error("`{key}` is missing in {section}")]
    Missing {
        /// The key.
        key: &'static str,
        /// The table.
        section: String,
    },
    /// The same thing said twice.
    #[error("`{key}` names \"{value}\" twice")]
    Twice {
        /// The key.
        key: String,
        /// What is there twice.
        value: String,
    },
    /// Two keys that lead to the same file, of which one at least is written to.
    #[error("`{key}` is the same file as `{other}`: {}", path.display())]
    SameFile {
        /// The key of what is written.
        key: &'static str,
        /// The other key.
        other: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A secret that stands in the file itself.
    #[error("`{key}` holds a secret itself instead of saying where it is")]
    LiteralSecret {
        /// The key.
        key: String,
    },
    /// A table that cannot be without another one.
    #[error("{section} needs {needed}")]
    Needs {
        /// The table, or a value of it.
        section: &'static str,
        /// What it needs.
        needed: &'static str,
    },
    /// A key that means nothing beside the others.
    #[error("`{key}` is given, but {why}")]
    OutOfPlace {
        /// The key.
        key: &'static str,
        /// Why it means nothing.
        why: &'static str,
    },
    /// Events, offers or a password would go to another machine for everybody to read.
    #[error("the way to the broker {broker} is not encrypted")]
    NotEncrypted {
        /// The broker.
        broker: String,
    },
    /// This build cannot do it.
    #[error("`security` = \"{value}\" is not part of this build")]
    NotBuilt {
        /// What was asked for.
        value: String,
    },
    /// A visit would end at a level that starts one.
    #[error("`exit_rssi` is above `enter_rssi`")]
    ExitAboveEnter,
    /// A policy looks further back than the ledger goes.
    #[error("`ledger` keeps offers for {ledger}, but {policy} looks back {needed}")]
    LedgerTooShort {
        /// What the ledger keeps.
        ledger: String,
        /// The policy.
        policy: String,
        /// How far it looks back.
        needed: String,
    },
    /// What was taken up by a purchase would count as refused once the purchase is gone.
    #[error(
        "`purchases` keeps them for {purchases}, but offers that may have led to them are counted for {ledger}"
    )]
    PurchasesTooShort {
        /// How long purchases are kept.
        purchases: String,
        /// How long the ledger is.
        ledger: String,
    },
}

impl Problem {
    /// Stable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::Unreadable { .. } => "config-unreadable",
            Problem::Syntax { .. } => "config-syntax",
            Problem::UnknownKey { .. } => "config-unknown-key",
            Problem::WrongType { .. } => "config-wrong-type",
            Problem::Invalid { .. } => "config-invalid-value",
            Problem::OutOfRange { .. } => "config-out-of-range",
            Problem::Missing { .. } => "config-missing-key",
            Problem::Twice { .. } => "config-twice",
            Problem::SameFile { .. } => "config-same-file",
            Problem::LiteralSecret { .. } => "config-literal-secret",
            Problem::Needs { .. } => "config-needs",
            Problem::OutOfPlace { .. } => "config-out-of-place",
            Problem::NotEncrypted { .. } => "config-not-encrypted",
            Problem::NotBuilt { .. } => "config-not-built",
            Problem::ExitAboveEnter => "config-exit-above-enter",
            Problem::LedgerTooShort { .. } => "config-ledger-too-short",
            Problem::PurchasesTooShort { .. } => "config-purchases-too-short",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Problem::Unreadable { .. } => "check the path and who may read it".into(),
            Problem::Syntax { .. } => "correct the line; text stands in double quotes".into(),
            Problem::UnknownKey { similar: Some(key), .. } => format!("did you mean `{key}`?"),
            Problem::UnknownKey { known, .. } if known.is_empty() => "remove it".into(),
            Problem::UnknownKey { known, .. } => format!("known here: {}", known.join(", ")),
            Problem::WrongType { expected, .. } | Problem::Invalid { expected, .. } => {
                format!("write {expected}")
            }
            Problem::OutOfRange { min, max, .. } => format!("choose a number from {min} to {max}"),
            Problem::Missing { key, .. } => format!("add a line `{key} = …`"),
            Problem::Twice { .. } => "remove or rename one of them".into(),
            Problem::SameFile { .. } => "choose another file to write to".into(),
            Problem::LiteralSecret { .. } => {
                "write \"env:NAME\" or \"file:PATH\", and change the secret: it has been in a file".into()
            }
            Problem::Needs { needed, .. } => format!("add {needed}"),
            Problem::OutOfPlace { .. } => "remove it, or set what it belongs to".into(),
            Problem::NotEncrypted { .. } => {
                "set `security` to \"ssl\" or \"sasl_ssl\"; or `allow_plaintext = true` if that network is trusted"
                    .into()
            }
            Problem::NotBuilt { .. } => {
                "build with `cargo build --release --features kafka-tls`, which needs the headers of OpenSSL \
                 (libssl-dev) and pkg-config"
                    .into()
            }
            Problem::ExitAboveEnter => "choose an `exit_rssi` some 5 dBm below `enter_rssi`".into(),
            Problem::LedgerTooShort { needed, .. } => {
                format!("set `[retention] ledger` to \"{needed}\" or longer")
            }
            Problem::PurchasesTooShort { ledger, .. } => {
                format!("set `[retention] purchases` to \"{ledger}\" or longer, or `ledger` shorter")
            }
        }
    }
}
