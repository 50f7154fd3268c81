//! A job in several processes, as its head sees it.
//!
//! Invariant: the first member that is lost, and a dataflow in which nothing goes on any more, end the job with a
//! named failure; nothing is lost by that, since everything that is kept is kept here. Cost: one look a second.

use super::RunError;
use super::control::Control;
use super::kept::share_rows;
use super::{Plan, life::Around};
use crate::checkpoint::Checkpoint;
use crate::cluster::{Begin, ClusterError, Head, LifeOf, Place, Word};
use crate::config::Config;
use crate::runtime::Board;
use crate::stored::{FORMAT, RuleTexts};
use sha2::{Digest, Sha256};
use shopbell_model::time::Time;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long nothing may go on while something is under way and nobody has anything to do.
const STALL: Duration = Duration::from_secs(8);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Looks in a row at which a worker had nothing to do, before it counts as idle.
const QUIET: u64 = 10;

/// Gathers the members. Without a head where the job was told to stop before they were all there.
pub(super) fn gather(place: &Place, runtime: &Runtime, control: &Control) -> Result<Option<Head>, RunError> {
    let (stopping, told) = (control.clone(), control.clone());
    let word = move |word| match word {
        Word::Leaving(process) => {
            tracing::info!(process, "a member was told to stop: the job stops");
            told.stop();
        }
        Word::Lost(error) => told.abandon(error.into()),
    };
    // Greater than that of any job before, as far as the clock goes.
    let generation = crate::wall_clock();
    Ok(Head::gather(place, runtime.handle(), generation, move || stopping.is_stopping(), word)?)
}

/// Stands for everything that all processes must agree on besides rules.
pub(super) fn settings_digest(config: &Config) -> String {
    let agreed = format!(
        "{} {FORMAT} {:?} {:?} {:?} {:?} {}",
        env!("CARGO_PKG_VERSION"),
        config.presence,
        config.identity,
        config.policy,
        config.retention,
        config.output.suppressed,
    );
    Sha256::digest(agreed.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Around<'_> {
    /// Begins a life with the members, where there are any.
    pub(super) fn company(
        &self,
        texts: &RuleTexts,
        checkpoint: Option<&Checkpoint>,
        restored_at: Time,
    ) -> Result<Option<LifeOf>, RunError> {
        let Some(head) = &self.head else { return Ok(None) };
        let (plan, peers) = (self.plan, self.plan.peers());
        let begin = Begin {
            generation: 0,
            life: 0,
            workers: plan.workers,
            grid: plan.config.engine.tick.0,
            unfinished: plan.config.engine.unfinished_ticks,
            texts: texts.clone(),
            settings: settings_digest(&plan.config),
            keep: plan.config.state.is_some(),
            restored_at,
        };
        let life = head.borrow_mut().begin(begin, |worker, give| match checkpoint {
            None => Ok(()),
            Some(checkpoint) => share_rows(checkpoint, worker, peers, give),
        })?;
        Ok(Some(life))
    }
}

impl Plan {
    /// Worker threads of all processes.
    pub(super) fn peers(&self) -> usize {
        self.workers * self.place.as_ref().map_or(1, Place::processes)
    }
}

/// Watches a dataflow of several processes, on a thread of its own: where a connection between two members is dead,
/// every process is well, and still nothing goes on.
pub(super) fn watch_for_stalls(
    board: &Arc<Board>,
    control: Control,
) -> Result<(), RunError> {
    let weak = Arc::downgrade(board);
    let watch = move || {
        let mut since = (0, Instant::now());
        while let Some(board) = weak.upgrade() {
            if board.has_ended() {
                return;
            }
            let completed = board.completed();
            let idle = board.quiet() >= QUIET;
            if completed != since.0 || completed >= board.submitted() || !idle {
                since = (completed, Instant::now());
            } else if since.1.elapsed() >= STALL {
                return control.abandon(ClusterError::Stalled { seconds: STALL.as_secs() }.into());
            }
            drop(board);
            std::thread::sleep(LOOK);
        }
    };
    std::thread::Builder::new()
        .name("shopbell-watchdog".to_owned())
        .spawn(watch)
        .map(drop)
        .map_err(|error| RunError::System { what: "the watchdog", error })
}
