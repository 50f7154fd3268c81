//! Logs of the process: to standard error, as text or JSON, never one per event.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` says how much; what it does not say is `info`.
pub(super) fn start(json: bool) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    // A line that nobody takes any more is lost: to complain of it on the same standard error is a panic, wherever in the
    // job it is, also where a signal is heard.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    // An error says that logging was started before: that is as good.
    let _ = if json {
        logs.json().try_init()
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
}
