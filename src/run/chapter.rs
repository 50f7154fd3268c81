//! Which rules were in force when: a job that starts again with other rules goes on with the old ones up to
//! where they ended.
//!
//! Invariant: the journal says where rules changed; everything before is done again under the old ones, so that
//! it comes out as it did, and the change itself is a tick of its own. Cost: the journal is looked through once
//! for changes, without being decoded.

use super::RunError;
use super::kept::Kept;
use crate::replay::shared_rules;
use crate::stored::{Entry, RuleTexts, holds_rules, journal_rules, read_entry};
use shopbell_model::rules::{Rule, load};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;

/// A stretch of the journal under one set of rules.
pub(super) struct Chapter {
    /// The rules.
    pub(super) texts: RuleTexts,
    pub(super) rules: Vec<Shared<Rule>>,
    /// The first record that is to be done again.
    pub(super) from: u64,
    /// Where other rules come into force. None where these are still wanted.
    pub(super) next: Option<Turn>,
}

/// Where other rules come into force.
#[derive(Clone)]
pub(super) struct Turn {
    /// Their record of the journal.
    pub(super) sequence: u64,
    /// The tick, unless time has gone on already: then the next one.
    pub(super) tick: Time,
    /// What it says.
    pub(super) texts: RuleTexts,
}

/// The chapter that what was kept belongs to. Where the rules wanted now are others than the last ones, the
/// journal is told so.
pub(super) fn chapter(kept: &Kept, wanted: &RuleTexts) -> Result<Chapter, RunError> {
    let mut from = kept.meta.sequence + 1;
    let mut texts = kept.meta.rules.clone();
    let mut changes = Vec::new();
    for record in kept.journal.read(from)? {
        let record = record?;
        if holds_rules(&record.payload)
            && let Entry::Rules(rules) = read_entry(&record.payload)?
        {
            changes.push(Turn { sequence: record.sequence, tick: record.tick, texts: rules });
        }
    }
    let last = kept.journal.last().tick;
    if kept.restored_at.is_none() && changes.is_empty() {
        // Nothing was kept yet: these are the first.
        changes.push(append(kept, last, wanted)?);
    }
    let mut changes = changes.into_iter().peekable();
    if kept.restored_at.is_none()
        && let Some(first) = changes.next_if(|turn| turn.sequence == from)
    {
        (from, texts) = (first.sequence + 1, first.texts);
    }
    let mut next = changes.next();
    if next.is_none() && versions(&texts)? != versions(wanted)? {
        next = Some(append(kept, last, wanted)?);
    }
    let rules = parse(&texts)?;
    Ok(Chapter { texts, rules, from, next })
}

fn append(kept: &Kept, tick: Time, rules: &RuleTexts) -> Result<Turn, RunError> {
    let sequence = kept.journal.append(tick, &journal_rules(rules)?)?;
    kept.journal.wait_durable(sequence)?;
    Ok(Turn { sequence, tick, texts: rules.clone() })
}

pub(super) fn parse(texts: &RuleTexts) -> Result<Vec<Shared<Rule>>, RunError> {
    let set = load(texts).map_err(|errors| RunError::Meta {
        reason: errors.first().map_or_else(String::new, ToString::to_string),
    })?;
    Ok(shared_rules(&set))
}

/// What tells rules apart: their versions change with their meaning, not with comments.
pub(super) fn versions(texts: &RuleTexts) -> Result<Vec<(String, String)>, RunError> {
    let rules = parse(texts)?;
    Ok(rules.iter().map(|rule| (rule.id.to_string(), rule.version.to_string())).collect())
}
