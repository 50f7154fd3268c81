//! Progress of long work: a bar where standard error is a terminal, nothing elsewhere.
//!
//! Invariant: never writes to standard output, and never into a log file or a pipe. Cost: one atomic
//! addition per call; the bar redraws ten times a second at most.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Shows how far something is.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

const KNOWN: &str = "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec}, {eta} left";
const UNKNOWN: &str = "{msg} {spinner} {human_pos} {per_sec}";

impl Progress {
    /// Starts showing `what`; `total` is how much there is to do, where that is known.
    pub fn start(what: &'static str, total: Option<u64>) -> Self {
        let shown = std::io::stderr().is_terminal();
        let target =
            if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        Self::on(target, what, total)
    }

    /// The same on a target of one's own.
    pub fn on(target: ProgressDrawTarget, what: &'static str, total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, target);
        let template = if total.is_some() { KNOWN } else { UNKNOWN };
        // The templates are constants: a wrong one falls back to the plain bar, and to a red test.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()));
        bar.set_message(what);
        Progress { bar }
    }

    /// So much more is done.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// How much is done.
    pub fn position(&self) -> u64 {
        self.bar.position()
    }

    /// Runs something that writes to the terminal, with the bar out of its way.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parse() {
        for template in [KNOWN, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }

    #[test]
    fn it_counts_where_nothing_is_shown() {
        let progress = Progress::on(ProgressDrawTarget::hidden(), "reading", Some(10));
        progress.advance(3);
        progress.clone().advance(4);
        assert_eq!(progress.position(), 7);
        progress.finish();
    }
}
