//! Who reads the folder of rules again while the job runs: when it changes, on SIGHUP, and when it is asked to.
//!
//! Invariant: a folder that is being written to is left alone until it has been quiet for a while; what was read is
//! given to the ticker whole. Cost: a look at the names and times of the files, twice a second.

use super::RunError;
use super::control::Control;
use crate::reload::{Outcome, ReloadError, Reloads, Wanted, read};
use crate::rule_files::{Look, look};
use crate::stored::RuleVersions;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_millis(500);
/// Nothing must have changed for so long: an editor may still be writing.
const QUIET: Duration = Duration::from_millis(1000);

/// Rules for the ticker, and where it says what came of them.
pub(super) struct Page {
    pub(super) wanted: Wanted,
    /// Where they are not those of the folder: what that says.
    pub(super) beside: Option<RuleVersions>,
    pub(super) answer: Sender<Result<(), ReloadError>>,
}

/// Begins to watch. `rules` are those in force.
pub(super) fn watch(reloads: Reloads, runtime: &Runtime, control: Control) -> Result<(), RunError> {
    let cannot = |error| RunError::System { what: "the watch over rules", error };
    {
        let _inside = runtime.enter();
        let (mut hangup, asked) = (signal(SignalKind::hangup()).map_err(cannot)?, reloads.clone());
        runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!("SIGHUP: reading the rules again");
                // What comes of it is told in the log.
                drop(asked.ask());
            }
        });
    }
    let mut watch = Watch { applied: None, seen: None, reloads, control };
    std::thread::Builder::new()
        .name("shopbell-rules".to_owned())
        .spawn(move || watch.run())
        .map(drop)
        .map_err(cannot)
}

struct Watch {
    reloads: Reloads,
    control: Control,
    /// How the folder looked when it was read last.
    applied: Option<Look>,
    /// How it looks now, and since when.
    seen: Option<(Look, Instant)>,
}

impl Watch {
    fn run(&mut self) {
        loop {
            match self.reloads.asks().recv_timeout(LOOK) {
                Ok(answer) => {
                    let outcome = self.reload();
                    // Whoever asked may have gone.
                    let _ = answer.send(outcome);
                }
                Err(RecvTimeoutError::Timeout) if self.control.is_stopping() => return,
                Err(RecvTimeoutError::Timeout) if self.is_changed(Instant::now()) => {
                    // What comes of it is told in the log and in the status.
                    let _ = self.reload();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether the folder looks otherwise than when it was read, and has for a while.
    fn is_changed(&mut self, now: Instant) -> bool {
        let looks = look(self.reloads.folder()).ok();
        if looks.is_none() || looks == self.applied {
            self.seen = None;
            return false;
        }
        match (&self.seen, looks) {
            (Some((seen, since)), Some(looks)) if *seen == looks => now.duration_since(*since) >= QUIET,
            (_, looks) => {
                self.seen = looks.map(|looks| (looks, now));
                false
            }
        }
    }

    fn reload(&mut self) -> Outcome {
        self.seen = None;
        let before = look(self.reloads.folder()).ok();
        let came = read(self.reloads.folder()).and_then(|wanted| self.put(wanted)).map_err(Arc::new);
        // Read while it was written to: another look is due.
        let after = look(self.reloads.folder()).ok();
        self.applied = before.filter(|before| Some(before) == after.as_ref());
        self.reloads.note(crate::wall_clock(), &came);
        match &came {
            Ok((_, change)) if change.is_none() => tracing::debug!("the rules are as they were"),
            Ok((_, change)) => tracing::info!(
                added = ?change.added,
                changed = ?change.changed,
                removed = ?change.removed,
                unchanged = change.unchanged,
                "other rules are in force"
            ),
            Err(error) => {
                let (code, hint, errors) = (error.code(), error.hint(), error.errors());
                tracing::error!(code, hint, ?errors, "the rules in force stay: {error}");
            }
        }
        came.map(|(_, change)| change)
    }

    /// Lets the ticker put rules into force.
    fn put(&self, wanted: Wanted) -> Result<(Vec<Shared<Rule>>, crate::reload::Change), ReloadError> {
        let (rules, change) = (wanted.rules.clone(), self.reloads.change_to(&wanted.rules));
        if !change.is_none() {
            let (answer, answered) = bounded(1);
            self.control.turn(Page { wanted, beside: None, answer });
            // Where the ticker is gone nobody answers.
            answered.recv().unwrap_or(Err(ReloadError::Stopping))?;
        }
        Ok((rules, change))
    }
}
