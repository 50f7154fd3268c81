//! Which rules were in force when: a job that starts again goes on under those of its checkpoint, comes to each change
//! that the journal tells of in its own tick, and only then to the rules that are wanted now.
//!
//! Invariant: what was decided before a change is decided again under the rules before it, so that it comes out as it
//! did; and one dataflow serves all of them. Cost: the journal is looked through once for changes, without being decoded.

use super::RunError;
use super::kept::Kept;
use crate::replay::shared_rules;
use crate::stored::{Entry, RuleTexts, RuleVersions, Ruling, holds_rules, journal_rules, read_entry};
use shopbell_dataflows::demand::Demand;
use shopbell_model::rules::{Rule, load};
use shopbell_model::shared::Shared;

/// Where a job begins: the rules, the place in the journal, and what the dataflow is to be built for.
pub(super) struct Chapter {
    /// What is in force there.
    pub(super) ruling: Ruling,
    pub(super) rules: Vec<Shared<Rule>>,
    /// The first record that is to be done again.
    pub(super) from: u64,
    /// What these rules, those of every change after them, and those that may come next ask for.
    pub(super) demand: Demand,
}

/// The chapter that what was kept belongs to. Where nothing was kept, the journal begins with the rules wanted.
pub(super) fn chapter(kept: &Kept, wanted: &RuleTexts, also: &[Shared<Rule>]) -> Result<Chapter, RunError> {
    let (mut from, mut ruling) = (kept.meta.sequence + 1, kept.meta.ruling.clone());
    let mut changes = Vec::new();
    let mut shadow = kept.meta.shadow.clone();
    for record in kept.journal.read(from)? {
        let record = record?;
        if holds_rules(&record.payload) {
            match read_entry(&record.payload)? {
                Entry::Rules(ruling) => changes.push((record.sequence, ruling)),
                Entry::Shadow(other) => shadow = other,
                Entry::Tick(_) | Entry::Open(_) => {}
            }
        }
    }
    if kept.restored_at.is_none() && changes.is_empty() {
        let first = Ruling { texts: wanted.clone(), ..Ruling::default() };
        let sequence = kept.journal.append(kept.journal.last().tick, &journal_rules(&first)?)?;
        kept.journal.wait_durable(sequence)?;
        changes.push((sequence, first));
    }
    if kept.restored_at.is_none()
        && let Some((_, first)) = changes.first().filter(|(sequence, _)| *sequence == from)
    {
        ruling.clone_from(first);
        from += 1;
        changes.remove(0);
    }
    let rules = parse(&ruling.texts)?;
    let mut all = rules.clone();
    all.extend_from_slice(also);
    for (_, ruling) in &changes {
        all.extend(parse(&ruling.texts)?);
    }
    // Where they are wrong by now, that is told when they are to be looked at.
    all.extend(shadow.and_then(|shadow| parse(&shadow.texts).ok()).unwrap_or_default());
    let demand = Demand::of(all.iter().map(|rule| &**rule));
    Ok(Chapter { ruling, rules, from, demand })
}

/// What a folder says, to rules in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FolderSays {
    /// What it said when they came from it, or were put into force beside it.
    NothingNew,
    /// By now what was put into force beside it.
    TheSame,
    /// Other rules, which are to come into force.
    Others,
}

/// What the rules of the folder are to those in force.
pub(super) fn folder_says(in_force: &Ruling, folder: &RuleTexts) -> Result<FolderSays, RunError> {
    let (wanted, known) = (versions(folder)?, versions(&in_force.texts)?);
    Ok(match &in_force.beside {
        None if known == wanted => FolderSays::NothingNew,
        Some(_) if known == wanted => FolderSays::TheSame,
        Some(beside) if *beside == wanted => FolderSays::NothingNew,
        _ => FolderSays::Others,
    })
}

pub(super) fn parse(texts: &RuleTexts) -> Result<Vec<Shared<Rule>>, RunError> {
    let set = load(texts).map_err(|errors| RunError::Meta {
        reason: errors.first().map_or_else(String::new, ToString::to_string),
    })?;
    Ok(shared_rules(&set))
}

/// What tells rules apart: their versions change with their meaning, not with comments.
pub(super) fn versions(texts: &RuleTexts) -> Result<RuleVersions, RunError> {
    Ok(crate::reload::versions(&parse(texts)?))
}
