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
use crate::stored::FORMAT;
use sha2::{Digest, Sha256};
use shopbell_dataflows::demand::Demand;
use shopbell_model::time::Time;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long nothing may go on while something is under way and nobody has anything to do.
const STALL: Duration = Duration::from_secs(5);
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
        "{} {FORMAT} {:?} {:?} {:?} {:?} {:?} {}",
        env!("CARGO_PKG_VERSION"),
        config.presence,
        config.identity,
        config.policy,
        config.retention,
        config.learning,
        config.output.suppressed,
    );
    Sha256::digest(agreed.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Around<'_> {
    /// Begins a life with the members, where there are any.
    pub(super) fn company(
        &self,
        demand: &Demand,
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
            demand: demand.clone(),
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

/// Since when nothing goes on, and where it stands.
struct Stall {
    completed: Time,
    since: Instant,
}

impl Stall {
    /// Whether it has lasted too long. A worker that is busy, however long, is no stall.
    fn lasts_at(&mut self, now: Instant, completed: Time, submitted: Time, quiet: u64) -> bool {
        if completed != self.completed || completed >= submitted || quiet < QUIET {
            *self = Stall { completed, since: now };
        }
        now.duration_since(self.since) >= STALL
    }
}

/// Watches a dataflow of several processes, on a thread of its own: where a connection between two members is dead,
/// every process is well, and still nothing goes on.
pub(super) fn watch_for_stalls(board: &Arc<Board>, control: Control) -> Result<(), RunError> {
    let weak = Arc::downgrade(board);
    let watch = move || {
        let mut stall = Stall { completed: 0, since: Instant::now() };
        while let Some(board) = weak.upgrade().filter(|board| !board.has_ended()) {
            if stall.lasts_at(Instant::now(), board.completed(), board.submitted(), board.quiet()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_idle_workers_with_something_under_way_are_a_stall() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut stall = Stall { completed: 0, since: start };
        // Nothing under way; then something, that goes on; then a long time of work; then silence.
        assert!(!stall.lasts_at(at(60), 100, 100, 99));
        assert!(!stall.lasts_at(at(70), 110, 120, 99));
        assert!(!stall.lasts_at(at(80), 110, 120, QUIET - 1));
        assert!(!stall.lasts_at(at(84), 110, 120, QUIET));
        assert!(stall.lasts_at(at(85), 110, 120, QUIET + 5));
        assert!(!stall.lasts_at(at(86), 111, 120, QUIET + 10));
    }

    #[test]
    fn what_processes_must_agree_on_shows_in_the_digest() {
        let read = |text: &str| {
            settings_digest(&Config::parse(text, std::path::Path::new("test.toml")).unwrap_or_default())
        };
        let plain = read("");
        assert_eq!(plain, read("[http]\nlisten = \"off\"\n[cluster]\nsecret = \"env:OTHER\"\n"));
        for text in [
            "[presence]\nwindow = 3",
            "[identity]\nmax_links = 3",
            "[policy]\nmin_score = 3",
            "[channels]\nsms = \"mobile\"",
            "[retention]\nviews = \"3d\"",
            "[output]\nsuppressed = true",
        ] {
            assert_ne!(plain, read(text), "{text}");
        }
    }
}
