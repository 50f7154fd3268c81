//! Rules that change while a job runs: who asks for it, what came of it, what is in force.
//!
//! Invariant: rules are read whole, compiled with all their errors at once, and come into force together at one tick;
//! where anything is wrong with them, those in force stay, and what is wrong can be asked for. Cost: nothing until
//! somebody asks.

use crate::metrics::Metrics;
use crate::rule_files::{self, RuleFilesError};
use crate::stored::{RuleTexts, RuleVersions};
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
    /// The job is ending.
    #[error("the job is stopping")]
    Stopping,
}

impl ReloadError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ReloadError::Files(error) => error.code(),
            ReloadError::Rules { .. } => "rules-wrong",
            ReloadError::NeedsState => "rules-need-state",
            ReloadError::Stopping => "engine-stopping",
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
            ReloadError::Stopping => "the next start reads them",
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

/// Rules that are to come into force.
pub struct Wanted {
    /// Names and texts of their files.
    pub texts: RuleTexts,
    /// What they say.
    pub rules: Vec<Shared<Rule>>,
}

/// Reads a folder of rules.
pub fn read(folder: &Path) -> Result<Wanted, ReloadError> {
    let texts = rule_files::texts(&rule_files::files(folder)?)?;
    let set = load(&texts)
        .map_err(|errors| ReloadError::Rules { errors: errors.iter().map(ToString::to_string).collect() })?;
    Ok(Wanted { rules: crate::replay::shared_rules(&set), texts })
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
    /// Why those on disk are not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorStatus>,
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

struct State {
    in_force: Vec<Shared<Rule>>,
    since: Option<u64>,
    changes: u64,
    error: Option<ErrorStatus>,
}

struct Inside {
    folder: PathBuf,
    state: Mutex<State>,
    asked: Sender<oneshot::Sender<Outcome>>,
    asks: Receiver<oneshot::Sender<Outcome>>,
    metrics: Metrics,
}

/// Shared by everybody who has to do with it. Clones are the same.
#[derive(Clone)]
pub struct Reloads(Arc<Inside>);

impl Reloads {
    /// For the rules of a folder; those are in force.
    pub fn new(folder: PathBuf, in_force: Vec<Shared<Rule>>, metrics: Metrics) -> Reloads {
        let (asked, asks) = unbounded();
        let state = Mutex::new(State { in_force, since: None, changes: 0, error: None });
        Reloads(Arc::new(Inside { folder, state, asked, asks, metrics }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every step leaves it whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are in force as the job begins to run.
    pub fn begin_with(&self, rules: &[Shared<Rule>]) {
        self.state().in_force = rules.to_vec();
    }

    /// Where the rules are.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Asks for the rules on disk; the answer comes when they are in force, or are not to be.
    pub fn ask(&self) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        // Nobody hears it only where the job is ending: then the answer never comes.
        let _ = self.0.asked.send(answer);
        answered
    }

    /// Where it is heard who asks.
    pub fn asks(&self) -> &Receiver<oneshot::Sender<Outcome>> {
        &self.0.asks
    }

    /// What it would be to put these into force.
    pub fn change_to(&self, rules: &[Shared<Rule>]) -> Change {
        Change::between(&self.state().in_force, rules)
    }

    /// Notes what came of a change.
    pub fn note(&self, now: u64, came: &Result<(Vec<Shared<Rule>>, Change), Arc<ReloadError>>) {
        let mut state = self.state();
        match came {
            Ok((rules, change)) => {
                state.error = None;
                if !change.is_none() {
                    state.in_force = rules.clone();
                    state.since = Some(now);
                    state.changes += 1;
                    self.0.metrics.reload("applied");
                }
            }
            Err(error) => {
                self.0.metrics.reload("refused");
                state.error = Some(ErrorStatus {
                    code: error.code(),
                    message: error.to_string(),
                    hint: error.hint(),
                    errors: error.errors().to_vec(),
                    at: format_rfc3339(now),
                });
            }
        }
    }

    /// How things are.
    pub fn status(&self) -> Status {
        let state = self.state();
        let of =
            |rule: &Shared<Rule>| RuleStatus { id: rule.id.to_string(), version: rule.version.to_string() };
        let mut rules: Vec<RuleStatus> = state.in_force.iter().map(of).collect();
        rules.sort_by(|one, other| one.id.cmp(&other.id));
        let since = state.since.map(format_rfc3339);
        Status { rules, since, changes: state.changes, error: state.error.clone() }
    }
}
