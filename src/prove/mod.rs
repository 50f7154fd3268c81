//! `[[test]]` tables of rule files, held against the real engine.
//!
//! Purpose: a change of a rule that breaks what it was for is seen before anybody gets it. Invariant: what a test
//! sees is what `replay` with `--tick 1ms` gives for its events, rules and settings; no test sees another. Cost: one
//! engine of one worker a test (some milliseconds), as many at once as there are cores.

pub mod compare;
mod stage;
pub mod tell;

pub use compare::Difference;

use crate::runtime::EngineError;
use shopbell_model::offer::Message;
use shopbell_model::rules::{Rule, RuleSet, RuleTest};
use shopbell_model::shared::Shared;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a test came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the engine said, in order.
    pub came: Vec<Message>,
    /// Where that is not what was expected; nothing where the test holds.
    pub differences: Vec<Difference>,
    /// How long it took.
    pub took: Duration,
}

/// Runs all tests of a set, several at a time; outcomes in the order of the tests.
pub fn prove(set: &RuleSet, at_once: usize) -> Result<Vec<Outcome>, EngineError> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(set.tests.len()));
    std::thread::scope(|threads| {
        for _ in 0..at_once.clamp(1, set.tests.len().max(1)) {
            threads.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(test) = set.tests.get(index) else { return };
                    let outcome = one(test, &rules_of(set, test));
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn one(test: &RuleTest, rules: &[Shared<Rule>]) -> Result<Outcome, EngineError> {
    let started = Instant::now();
    let stage::Played { came, strays } = stage::play(test, rules)?;
    let mut differences: Vec<Difference> = strays.into_iter().map(Difference::NoOffer).collect();
    differences.extend(compare::compare(test, &came));
    Ok(Outcome { came, differences, took: started.elapsed() })
}

/// The rules that a test is about; those that are not enabled, too: it says what they would do.
fn rules_of(set: &RuleSet, test: &RuleTest) -> Vec<Shared<Rule>> {
    let all = set.rules.iter().chain(&set.disabled);
    all.filter(|rule| test.rules.contains(&rule.id)).map(|rule| Shared::new((**rule).clone())).collect()
}

/// Enabled rules of which no test expects an offer.
pub fn untested(set: &RuleSet) -> Vec<&Rule> {
    let claims = set.tests.iter().flat_map(|test| &test.expect);
    let offered: BTreeSet<_> = claims
        .filter(|expected| matches!(expected.what, shopbell_model::rules::testing::What::Offer(_)))
        .map(|expected| &expected.rule)
        .collect();
    set.rules.iter().filter(|rule| !offered.contains(&rule.id)).map(|rule| &**rule).collect()
}

#[cfg(test)]
mod tests;
