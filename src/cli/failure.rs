//! What a command says when it cannot go on.

use crate::config::ConfigError;
use crate::rule_files::Wrong;
use shopbell_model::rules::RuleError;
use std::fmt::Display;
use std::process::ExitCode;

/// An error with its code, message, hint, and whose fault it is.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Found,
    Usage,
    Engine,
}

impl Failure {
    /// Something in rules, configuration or input is wrong.
    pub fn found(code: &str, message: impl Display, hint: impl Display) -> Self {
        Failure { kind: Kind::Found, text: lines(code, message, hint) }
    }

    /// Several things are; each begins with its place and has its hint below.
    pub fn all_found<E: Hinted>(errors: &[E]) -> Self {
        let text = errors.iter().map(Hinted::with_hint).collect::<Vec<_>>().join("\n");
        Failure { kind: Kind::Found, text }
    }

    /// The command was used wrongly.
    pub fn usage(code: &str, message: impl Display, hint: impl Display) -> Self {
        Failure { kind: Kind::Usage, text: lines(code, message, hint) }
    }

    /// The engine failed.
    pub fn engine(code: &str, message: impl Display, hint: impl Display) -> Self {
        Failure { kind: Kind::Engine, text: lines(code, message, hint) }
    }

    /// Says so on standard error.
    pub fn report(&self) {
        use std::io::Write;
        // There is nowhere left to say that standard error is closed.
        let _ = writeln!(anstream::stderr(), "{}", self.text);
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Found => 1,
            Kind::Usage => 2,
            Kind::Engine => 3,
        })
    }
}

/// One error of several.
pub trait Hinted: Display {
    /// What to do about it.
    fn hint(&self) -> String;

    /// The error, and below it what to do.
    fn with_hint(&self) -> String {
        hinted(self, &self.hint())
    }
}

impl Hinted for ConfigError {
    fn hint(&self) -> String {
        self.hint()
    }
}

impl Hinted for RuleError {
    fn hint(&self) -> String {
        self.hint()
    }
}

impl Hinted for Wrong {
    fn hint(&self) -> String {
        self.hint()
    }
}

fn hinted(message: impl Display, hint: &str) -> String {
    if hint.is_empty() { message.to_string() } else { format!("{message}\n  hint: {hint}") }
}

fn lines(code: &str, message: impl Display, hint: impl Display) -> String {
    hinted(format!("error[{code}]: {message}"), &hint.to_string())
}
