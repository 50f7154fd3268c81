//! Rules that change while a job runs: who asks for it, what came of it, what is in force.
//!
//! The shadow set is one that is only looked at: `report` says what would be otherwise.
//! Invariant: rules are read whole, compiled with all their errors at once, and come into force together at one tick;
//! where anything is wrong with them, those in force stay, and what is wrong can be asked for. Cost: nothing until
//! somebody asks.

mod shadow;

pub use shadow::ShadowReport;

use crate::journal::JournalError;
use crate::metrics::Metrics;
use crate::rule_files::{self, RuleFilesError, Wrong};
use crate::runtime::Board;
use crate::stored::{RuleTexts, RuleVersions, Ruling};
use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::Serialize;
use shopbell_model::rules::{Rule, load};
use shopbell_model::shared::Shared;
use shopbell_model::time::format_rfc3339;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::oneshot;

/// What a change came to, by rule id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Rules that were not there.
    pub added: Vec<String>,
    /// Rules that mean something else than before.
    pub changed: Vec<String>,
    /// Rules that are there no more.
    pub removed: Vec<String>,
    /// How many stay as they were.
    pub unchanged: usize,
}

impl Change {
    /// From some rules to others.
    pub fn between(before: &[Shared<Rule>], after: &[Shared<Rule>]) -> Change {
        let versions = |rules| versions(rules).into_iter().collect::<BTreeMap<String, String>>();
        let (before, after) = (versions(before), versions(after));
        let mut change = Change::default();
        for (id, version) in &after {
            match before.get(id) {
                None => change.added.push(id.clone()),
                Some(old) if old != version => change.changed.push(id.clone()),
                Some(_) => change.unchanged += 1,
            }
        }
        change.removed = before.into_keys().filter(|id| !after.contains_key(id)).collect();
        change
    }

    /// Whether everything stays as it was.
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Ids and versions of rules, in their order.
pub fn versions(rules: &[Shared<Rule>]) -> RuleVersions {
    rules.iter().map(|rule| (rule.id.to_string(), rule.version.to_string())).collect()
}

/// Why rules did not come into force.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// They cannot be read.
    #[error(transparent)]
    Files(#[from] RuleFilesError),
    /// They are wrong.
    #[error("the rules are wrong in {} places; those in force stay", errors.len())]
    Rules {
        /// Each error with its place and hint.
        errors: Vec<String>,
    },
    /// They ask for facts that the running dataflow leaves out, and nothing is kept to build another one from.
    #[error(
        "the rules ask for facts that no rule in force asks for, and the job keeps no state to begin anew from"
    )]
    NeedsState,
    /// There is no shadow set.
    #[error("there is no shadow set to put into force")]
    NoShadow,
    /// There were no other rules before.
    #[error("no other rules were in force before")]
    NothingBefore,
    /// The job is ending.
    #[error("the job is stopping")]
    Stopping,
    /// The change cannot be written down, which ends the job.
    #[error("the change is in force, and cannot be written down: {0}")]
    NotKept(JournalError),
}

impl ReloadError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ReloadError::Files(error) => error.code(),
            ReloadError::Rules { .. } => "rules-wrong",
            ReloadError::NeedsState => "rules-need-state",
            ReloadError::NoShadow => "no-shadow",
            ReloadError::NothingBefore => "no-rules-before",
            ReloadError::Stopping => "engine-stopping",
            ReloadError::NotKept(_) => "rules-not-kept",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ReloadError::Files(error) => error.hint(),
            ReloadError::Rules { .. } => {
                "put them right; `shopbell check` names everything with line and hint"
            }
            ReloadError::NeedsState => "add `[state]` to the configuration, or start the job again",
            ReloadError::NoShadow => "PUT it to /v1/rules/shadow, or start with --shadow",
            ReloadError::NothingBefore => "the rules are those that the job began with",
            ReloadError::Stopping => "the next start reads them",
            ReloadError::NotKept(_) => {
                "see to the disk of `[state]` and start the job again; then look at GET /v1/rules"
            }
        }
    }

    /// What is wrong with rule files. One that cannot be read keeps its own name where nothing else is wrong.
    fn of_files(mut wrong: Vec<Wrong>) -> ReloadError {
        match wrong.pop() {
            Some(Wrong::File(error)) if wrong.is_empty() => error.into(),
            last => {
                let errors = wrong.iter().chain(&last).map(ToString::to_string).collect();
                ReloadError::Rules { errors }
            }
        }
    }

    /// Everything that is wrong, a line each.
    pub fn errors(&self) -> &[String] {
        match self {
            ReloadError::Rules { errors } => errors,
            _ => &[],
        }
    }
}

/// What came of somebody's asking.
pub type Outcome = Result<Change, Arc<ReloadError>>;

/// Rules that are to come into force, or to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names and texts of their files.
    pub texts: RuleTexts,
    /// What they say.
    pub rules: Vec<Shared<Rule>>,
}

/// Reads a folder of rules.
pub fn read(folder: &Path) -> Result<Wanted, ReloadError> {
    let (set, texts) = rule_files::load(&rule_files::files(folder)?).map_err(ReloadError::of_files)?;
    Ok(Wanted { rules: crate::replay::shared_rules(&set), texts })
}

/// Compiles the texts of rule files.
pub fn compile(texts: RuleTexts) -> Result<Wanted, ReloadError> {
    let set = load(&texts)
        .map_err(|errors| ReloadError::Rules { errors: errors.iter().map(ToString::to_string).collect() })?;
    Ok(Wanted { rules: crate::replay::shared_rules(&set), texts })
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub enum Ask {
    /// To put the rules of the folder into force.
    Reload,
    /// To look at what would be otherwise under these.
    Shadow(RuleTexts),
    /// The same, under those of a folder.
    ShadowFolder(PathBuf),
    /// To look at nothing any more.
    NoShadow,
    /// To put the shadow set into force.
    Promote,
    /// To put the rules into force that were before.
    Rollback,
}

/// How things are, for whoever asks.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Rules in force, by id.
    pub rules: Vec<RuleStatus>,
    /// Since when; absent where they are those of the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How often they changed since the start.
    pub changes: u64,
    /// They were promoted or rolled back to, and are not those of the folder; as long as nobody changes that, they stay.
    pub beside_folder: bool,
    /// Whether there are others to roll back to.
    pub can_roll_back: bool,
    /// Why those on disk are not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorStatus>,
    /// Why those of the shadow set's folder are not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_error: Option<ErrorStatus>,
}

/// A rule in force.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStatus {
    /// Its id.
    pub id: String,
    /// Its version: changes with its meaning.
    pub version: String,
}

/// Why rules are not in force.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorStatus {
    /// Stable name.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
    /// Everything that is wrong, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// When it was found.
    pub at: String,
}

impl ErrorStatus {
    fn of(error: &ReloadError, now: u64) -> ErrorStatus {
        ErrorStatus {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
            errors: error.errors().to_vec(),
            at: format_rfc3339(now),
        }
    }
}

struct State {
    in_force: Wanted,
    /// What was in force before.
    before: Option<RuleTexts>,
    /// What the folder said when they were put into force beside it.
    beside: Option<RuleVersions>,
    since: Option<u64>,
    changes: u64,
    error: Option<ErrorStatus>,
    /// The same of the shadow set's folder.
    shadow_error: Option<ErrorStatus>,
    /// The shadow set, and since when it is one.
    shadow: Option<(Wanted, u64)>,
    board: Option<Arc<Board>>,
}

type Asked = (Ask, oneshot::Sender<Outcome>);

struct Inside {
    folder: PathBuf,
    /// Where the shadow set is, if it is in a folder.
    shadow_folder: Option<PathBuf>,
    state: Mutex<State>,
    asked: Sender<Asked>,
    asks: Receiver<Asked>,
    metrics: Metrics,
}

/// Shared by everybody who has to do with it. Clones are the same.
#[derive(Clone)]
pub struct Reloads(Arc<Inside>);

impl Reloads {
    /// For the rules of a folder; those are in force. The shadow set may be in another one.
    pub fn new(
        folder: PathBuf,
        shadow_folder: Option<PathBuf>,
        in_force: Wanted,
        metrics: Metrics,
    ) -> Reloads {
        let (asked, asks) = unbounded();
        let state = Mutex::new(State {
            in_force,
            before: None,
            beside: None,
            since: None,
            changes: 0,
            error: None,
            shadow_error: None,
            shadow: None,
            board: None,
        });
        Reloads(Arc::new(Inside { folder, shadow_folder, state, asked, asks, metrics }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every step leaves it whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in force as the job begins to run.
    pub fn begin_with(&self, ruling: &Ruling, rules: &[Shared<Rule>]) {
        let mut state = self.state();
        state.in_force = Wanted { texts: ruling.texts.clone(), rules: rules.to_vec() };
        state.before.clone_from(&ruling.before);
        state.beside.clone_from(&ruling.beside);
    }

    /// The dataflow that says from now on what would be otherwise.
    pub fn looks_at(&self, board: &Arc<Board>) {
        self.state().board = Some(Arc::clone(board));
    }

    /// Where the rules are.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Where the shadow set is, if it is in a folder.
    pub fn shadow_folder(&self) -> Option<PathBuf> {
        self.0.shadow_folder.clone()
    }

    /// The shadow set.
    pub fn shadow(&self) -> Option<Wanted> {
        self.state().shadow.as_ref().map(|(wanted, _)| wanted.clone())
    }

    /// What was in force before.
    pub fn before(&self) -> Option<RuleTexts> {
        self.state().before.clone()
    }

    /// Asks for something; the answer comes when it is done, or is not to be.
    pub fn ask(&self, ask: Ask) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        // Nobody hears it only where the job is ending: then the answer never comes.
        let _ = self.0.asked.send((ask, answer));
        answered
    }

    /// Where it is heard who asks.
    pub fn asks(&self) -> &Receiver<Asked> {
        &self.0.asks
    }

    /// What it would be to put these into force.
    pub fn change_to(&self, rules: &[Shared<Rule>]) -> Change {
        Change::between(&self.state().in_force.rules, rules)
    }

    /// That nothing changes.
    pub fn no_change(&self) -> Change {
        Change { unchanged: self.state().in_force.rules.len(), ..Change::default() }
    }

    /// What the folder said when other rules were put into force beside it, where they are.
    pub fn beside(&self) -> Option<RuleVersions> {
        self.state().beside.clone()
    }

    /// Rules came into force, or those that are became those of the folder.
    pub fn note_in_force(&self, now: u64, wanted: Wanted, beside: Option<RuleVersions>) {
        let mut state = self.state();
        state.beside = beside;
        let is_change = !Change::between(&state.in_force.rules, &wanted.rules).is_none();
        let before = std::mem::replace(&mut state.in_force, wanted);
        if !is_change {
            return;
        }
        state.before = Some(before.texts);
        state.since = Some(now);
        state.changes += 1;
        self.0.metrics.reload("applied");
    }

    /// Notes what came of reading the folder.
    pub fn note_reload(&self, now: u64, came: &Result<Change, ReloadError>) {
        let error = came.as_ref().err().map(|error| ErrorStatus::of(error, now));
        if error.is_some() {
            self.0.metrics.reload("refused");
        }
        self.state().error = error;
    }

    /// Notes whether the folder of the shadow set could be read.
    pub fn note_shadow_error(&self, now: u64, error: Option<&ReloadError>) {
        self.state().shadow_error = error.map(|error| ErrorStatus::of(error, now));
    }

    /// There is a shadow set, or none any more.
    pub fn note_shadow(&self, now: u64, shadow: Option<Wanted>) {
        self.state().shadow = shadow.map(|wanted| (wanted, now));
    }

    /// How things are.
    pub fn status(&self) -> Status {
        let state = self.state();
        let of =
            |rule: &Shared<Rule>| RuleStatus { id: rule.id.to_string(), version: rule.version.to_string() };
        let mut rules: Vec<RuleStatus> = state.in_force.rules.iter().map(of).collect();
        rules.sort_by(|one, other| one.id.cmp(&other.id));
        let since = state.since.map(format_rfc3339);
        let (error, shadow_error) = (state.error.clone(), state.shadow_error.clone());
        let (beside_folder, can_roll_back) = (state.beside.is_some(), state.before.is_some());
        Status { rules, since, changes: state.changes, beside_folder, can_roll_back, error, shadow_error }
    }

    /// What would be otherwise under the shadow set; none where there is none.
    pub fn report(&self) -> Option<ShadowReport> {
        let state = self.state();
        let (shadow, since) = state.shadow.as_ref()?;
        let tally = state.board.as_ref().map(|board| board.shadowed()).unwrap_or_default();
        let change = Change::between(&state.in_force.rules, &shadow.rules);
        Some(ShadowReport::new(*since, change, &tally))
    }
}
