//! Who reads the folder of rules again while the job runs: when it changes, on SIGHUP, and when it is asked to.
//!
//! Invariant: a folder that is being written to is left alone until it has been quiet for a while; what was read is
//! given to the ticker whole; it is told as done when it is in the journal for good. Cost: a look at the names and times of the files, twice a second.

use super::RunError;
use super::control::Control;
use crate::config::Config;
use crate::journal::Promise;
use crate::reload::{Ask, Change, Outcome, ReloadError, Reloads, Wanted, compile, read, versions};
use crate::replay::too_far;
use crate::rule_files::{Look, look};
use crate::stored::RuleVersions;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_millis(500);
/// Nothing must have changed for so long: an editor may still be writing.
const QUIET: Duration = Duration::from_millis(1000);

/// What the ticker is asked for, and where it says what came of it.
pub(super) struct Page {
    pub(super) asked: Asked,
    pub(super) answer: Sender<Done>,
}

/// What came of it; and where something is kept, that this is too.
type Done = Result<Option<Promise>, ReloadError>;

/// What the ticker is asked for.
pub(super) enum Asked {
    /// To put rules into force. Where they are not those of the folder: what that says.
    Rules(Wanted, Option<RuleVersions>),
    /// To look at what would be otherwise under others, or at nothing any more. Since when, where they are to outlive
    /// the process: those of a folder are read again by the next one.
    Shadow(Option<Wanted>, Option<Time>),
}

impl Asked {
    /// The rules it is about.
    pub(super) fn rules(&self) -> &[Shared<Rule>] {
        match self {
            Asked::Rules(wanted, _) | Asked::Shadow(Some(wanted), _) => &wanted.rules,
            Asked::Shadow(None, _) => &[],
        }
    }
}

/// The rules of a folder; none where they cannot be read or are wrong.
pub(super) fn rules_of(folder: &Path) -> Vec<Shared<Rule>> {
    read(folder).map(|wanted| wanted.rules).unwrap_or_default()
}

/// Begins to watch.
pub(super) fn watch(
    reloads: Reloads,
    config: Config,
    runtime: &Runtime,
    control: Control,
) -> Result<(), RunError> {
    let cannot = |error| RunError::System { what: "the watch over rules", error };
    {
        let _inside = runtime.enter();
        let (mut hangup, asked) = (signal(SignalKind::hangup()).map_err(cannot)?, reloads.clone());
        runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!("SIGHUP: reading the rules again");
                // What comes of it is told in the log.
                drop(asked.ask(Ask::Reload));
            }
        });
    }
    let mut watch = Watch { reloads, config, control, rules: Folder::default(), shadow: Folder::default() };
    std::thread::Builder::new()
        .name("shopbell-rules".to_owned())
        .spawn(move || watch.run())
        .map(drop)
        .map_err(cannot)
}

struct Watch {
    reloads: Reloads,
    config: Config,
    control: Control,
    rules: Folder,
    shadow: Folder,
}

impl Watch {
    fn run(&mut self) {
        if let Some(folder) = self.reloads.shadow_folder() {
            // What comes of it is told in the log.
            let _ = self.answer(Ask::ShadowFolder(folder));
        }
        loop {
            match self.reloads.asks().recv_timeout(LOOK) {
                Ok((ask, answer)) => {
                    let outcome = self.answer(ask);
                    // Whoever asked may have gone.
                    let _ = answer.send(outcome);
                }
                Err(RecvTimeoutError::Timeout) if self.control.is_stopping() => return,
                Err(RecvTimeoutError::Timeout) => {
                    if self.rules.is_changed(self.reloads.folder(), Instant::now()) {
                        // What comes of it is told in the log and in the status.
                        let _ = self.answer(Ask::Reload);
                    }
                    if let Some(folder) = self.reloads.shadow_folder()
                        && self.shadow.is_changed(&folder, Instant::now())
                    {
                        let _ = self.answer(Ask::ShadowFolder(folder));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn answer(&mut self, ask: Ask) -> Outcome {
        let is_shadow = matches!(ask, Ask::Shadow(_) | Ask::ShadowFolder(_) | Ask::NoShadow);
        let came = match ask {
            Ask::Reload => self.reload(),
            Ask::Shadow(texts) => {
                compile(texts).and_then(|wanted| self.cast(wanted, Some(crate::wall_clock())))
            }
            Ask::ShadowFolder(folder) => {
                let read = self.shadow.read(&folder);
                let came = read.and_then(|wanted| self.cast(wanted, None));
                self.reloads.note_shadow_error(crate::wall_clock(), came.as_ref().err());
                came
            }
            Ask::NoShadow => self.lift(),
            Ask::Promote => self.promote(),
            Ask::Rollback => self.rollback(),
        };
        came.map_err(|error| {
            let error = Arc::new(error);
            let (code, hint, errors) = (error.code(), error.hint(), error.errors());
            let stays = if is_shadow { "the shadow set stays as it is" } else { "the rules in force stay" };
            tracing::error!(code, hint, ?errors, "{stays}: {error}");
            error
        })
    }

    /// Puts the rules of the folder into force, where it does not say what it said when others were put there beside it.
    fn reload(&mut self) -> Result<Change, ReloadError> {
        let folder = self.reloads.folder().to_owned();
        let beside = self.reloads.beside();
        let came = self.rules.read(&folder).and_then(|wanted| {
            if beside == Some(versions(&wanted.rules)) {
                return Ok(self.reloads.no_change());
            }
            self.put(wanted, None)
        });
        self.reloads.note_reload(crate::wall_clock(), &came);
        came
    }

    /// Puts the shadow set into force.
    fn promote(&mut self) -> Result<Change, ReloadError> {
        let wanted = self.reloads.shadow().ok_or(ReloadError::NoShadow)?;
        let change = self.put(wanted, Some(self.folder_says()))?;
        self.lift()?;
        Ok(change)
    }

    /// Puts the rules into force that were before.
    fn rollback(&mut self) -> Result<Change, ReloadError> {
        let wanted = compile(self.reloads.before().ok_or(ReloadError::NothingBefore)?)?;
        self.put(wanted, Some(self.folder_says()))
    }

    /// What the folder says now: as long as it says that, what is put into force beside it stays.
    fn folder_says(&self) -> RuleVersions {
        read(self.reloads.folder()).map(|wanted| versions(&wanted.rules)).unwrap_or_default()
    }

    /// Begins to look at what would be otherwise. `kept` says since when, where it is to outlive the process.
    fn cast(&mut self, wanted: Wanted, kept: Option<Time>) -> Result<Change, ReloadError> {
        let change = self.reloads.change_to(&wanted.rules);
        self.warn_of(&wanted);
        self.ask(Asked::Shadow(Some(wanted.clone()), kept))?;
        self.reloads.note_shadow(kept.unwrap_or_else(crate::wall_clock), Some(wanted));
        tracing::info!(added = ?change.added, changed = ?change.changed, removed = ?change.removed, "a shadow set is looked at");
        Ok(change)
    }

    /// Looks at it no longer.
    fn lift(&mut self) -> Result<Change, ReloadError> {
        self.ask(Asked::Shadow(None, None))?;
        self.reloads.note_shadow(crate::wall_clock(), None);
        Ok(Change::default())
    }

    /// Lets the ticker put rules into force. `beside` is what the folder says, where they are not its own.
    fn put(&self, wanted: Wanted, beside: Option<RuleVersions>) -> Result<Change, ReloadError> {
        let beside = beside.filter(|folder| *folder != versions(&wanted.rules));
        let change = self.reloads.change_to(&wanted.rules);
        if change.is_none() && beside == self.reloads.beside() {
            tracing::debug!("the rules are as they were");
            return Ok(change);
        }
        self.warn_of(&wanted);
        // That the folder says the same by now is written down as well: what it said before counts no longer.
        self.ask(Asked::Rules(wanted.clone(), beside.clone()))?;
        self.reloads.note_in_force(crate::wall_clock(), wanted, beside);
        if change.is_none() {
            return Ok(change);
        }
        tracing::info!(
            added = ?change.added,
            changed = ?change.changed,
            removed = ?change.removed,
            unchanged = change.unchanged,
            "other rules are in force"
        );
        Ok(change)
    }

    /// Says what of the rules does not do what it says.
    fn warn_of(&self, wanted: &Wanted) {
        for found in too_far(&wanted.rules, &self.config) {
            tracing::warn!("{found}");
        }
    }

    fn ask(&self, asked: Asked) -> Result<(), ReloadError> {
        let (answer, answered) = bounded(1);
        self.control.turn(Page { asked, answer });
        // Where the ticker is gone nobody answers.
        let promise = answered.recv().unwrap_or(Err(ReloadError::Stopping))?;
        // Waited for here, and not where ticks are made. A journal that fails ends the job.
        promise.map_or(Ok(()), |promise| promise.wait().map(drop).map_err(ReloadError::NotKept))
    }
}

/// A folder that is read when it changed and has been quiet for a while.
#[derive(Default)]
struct Folder {
    /// How it looked when it was read last; within that nothing where it could not be looked at.
    applied: Option<Option<Look>>,
    /// How it looks now, and since when.
    seen: Option<(Option<Look>, Instant)>,
}

impl Folder {
    /// Whether it looks otherwise than when it was read, and has for a while.
    fn is_changed(&mut self, folder: &Path, now: Instant) -> bool {
        let looks = look(folder).ok();
        if self.applied.as_ref() == Some(&looks) {
            self.seen = None;
            return false;
        }
        match &self.seen {
            Some((seen, since)) if *seen == looks => now.duration_since(*since) >= QUIET,
            _ => {
                self.seen = Some((looks, now));
                false
            }
        }
    }

    fn read(&mut self, folder: &Path) -> Result<Wanted, ReloadError> {
        self.seen = None;
        let before = look(folder).ok();
        let wanted = read(folder);
        // Read while it was written to: another look is due.
        let after = look(folder).ok();
        self.applied = (before == after).then_some(before);
        wanted
    }
}
