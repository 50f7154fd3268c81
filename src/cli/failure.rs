//! What a command says when it cannot go on.

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

    /// Several things are; each line stands by itself.
    pub fn all_found<E: Display>(errors: &[E]) -> Self {
        let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
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

fn lines(code: &str, message: impl Display, hint: impl Display) -> String {
    let hint = hint.to_string();
    let hint = if hint.is_empty() { hint } else { format!("\n  hint: {hint}") };
    format!("error[{code}]: {message}{hint}")
}
