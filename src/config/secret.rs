//! Secrets: referred to in the configuration, read when the job starts, never shown.
//!
//! Invariant: no `Debug` or `Display` of anything here prints a secret.

use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretReference {
    /// `env:NAME`: in a variable of the environment.
    Environment(String),
    /// `file:PATH`: in a file, white space around it dropped.
    File(PathBuf),
}

impl SecretReference {
    /// Parses `env:NAME` or `file:PATH`; a relative path starts from `folder`.
    pub fn parse(text: &str, folder: &Path) -> Option<Self> {
        match text.split_once(':')? {
            (_, "") => None,
            ("env", name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                Some(SecretReference::Environment(name.to_owned()))
            }
            ("file", path) => Some(SecretReference::File(folder.join(path))),
            _ => None,
        }
    }

    /// Reads the secret. `environment` looks up a variable.
    pub fn resolve(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Secret, SecretError> {
        let text = match self {
            SecretReference::Environment(name) => {
                environment(name).ok_or_else(|| SecretError::NotSet { name: name.clone() })?
            }
            SecretReference::File(path) => std::fs::read_to_string(path)
                .map_err(|error| SecretError::Unreadable { path: path.clone(), reason: error.to_string() })?,
        };
        match text.trim() {
            "" => Err(SecretError::Empty { reference: self.to_string() }),
            secret => Ok(Secret(secret.to_owned())),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretReference::Environment(name) => write!(f, "env:{name}"),
            SecretReference::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A secret in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The secret itself; for signing only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a secret could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// No such variable.
    #[error("the environment variable {name} is not set")]
    NotSet {
        /// Its name.
        name: String,
    },
    /// No such file, or not readable.
    #[error("the secret file {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Too easily guessed.
    #[error("the secret at {reference} is shorter than {least} bytes")]
    Short {
        /// Where it is.
        reference: String,
        /// How long it must be.
        least: usize,
    },
    /// Nothing in it.
    #[error("the secret at {reference} is empty")]
    Empty {
        /// Where it should be.
        reference: String,
    },
}

impl SecretError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            SecretError::NotSet { .. } => "secret-not-set",
            SecretError::Unreadable { .. } => "secret-unreadable",
            SecretError::Empty { .. } => "secret-empty",
            SecretError::Short { .. } => "secret-short",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            SecretError::NotSet { name } => format!("set {name} for the process that runs shopbell"),
            SecretError::Unreadable { .. } => "check the path and who may read it".into(),
            SecretError::Empty { .. } => "put the secret there".into(),
            SecretError::Short { .. } => "`openssl rand -base64 32` makes a good one".into(),
        }
    }
}
