//! SIGINT and SIGTERM: the first one finishes the job, the second one ends the process at once.

use super::RunError;
use super::control::Control;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of a process that was told twice.
const CUT_OFF: i32 = 3;

/// Watches from now on.
pub(super) fn watch(runtime: &Runtime, control: Control) -> Result<(), RunError> {
    let cannot = |error| RunError::System { what: "the handler of signals", error };
    // Handlers are registered with the runtime they are made in.
    let _inside = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    runtime.spawn(async move {
        let mut told = false;
        loop {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            if told {
                tracing::warn!(signal = name, "second signal: ending at once");
                std::process::exit(CUT_OFF);
            }
            told = true;
            tracing::info!(signal = name, "told to stop; a second signal ends at once");
            control.stop();
        }
    });
    Ok(())
}
