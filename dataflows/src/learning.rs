//! Which offers were taken up, and the rates that scores see of it.
//!
//! ```text
//! ledger, purchases, outcomes, by person ── answers ── when_due ── tally ─┐ by rule
//!                 rules ── in_force ── matching                           │
//!                              ↑                                          │
//!                              └──────────── one period later ────────────┘
//! ```
//!
//! Invariant: what is counted is a function of the facts of the moment, so a late purchase, a link or
//! somebody who is forgotten repairs it; what scores see are the counts of the moment before the last one,
//! so that the loop they stand in never makes a tick wait for another within a period.
//! Cost: a person's offers and purchases are read again when one of them changes; a rule that asks for its
//! history is matched anew at moments at which what it sees changed, others never.

mod tally;

pub use tally::Last;
pub(crate) use tally::{Began, Published, at_first, bucket, tally};

use crate::by_key::by_key;
use crate::clock::Clock;
use crate::when_due::{Waiting, when_due};
use differential_dataflow::VecCollection;
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::{Bought, PersonFact};
use shopbell_model::key::{Brand, Person, Text};
use shopbell_model::learning::{Learning, moment_from};
use shopbell_model::offer::Sent;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A rule as the offers of a brand know it.
pub type RuleOf = (Brand, Text);

/// An offer that was answered: its segment, its channel, and whether it was taken up.
pub(crate) type Answer = (Text, Text, bool);

/// Answers to offers, by rule, from the moment on at which they count.
pub(crate) fn answers<'scope>(
    facts: VecCollection<'scope, Time, (Person, PersonFact)>,
    learning: &Learning,
    clock: &Clock,
    report: impl FnMut(Waiting) + 'static,
) -> VecCollection<'scope, Time, (RuleOf, Answer)> {
    let period = learning.period(clock.grid());
    let answers = by_key(facts, "Answers", move |person, facts, found| {
        let facts: Vec<&PersonFact> = facts.iter().map(|(fact, _)| fact).collect();
        answers_of(&facts, |sent, accepted| {
            // Nobody looks at it before the next moment.
            let from = if accepted { 0 } else { moment_from(sent.ends.saturating_add(1), period) };
            let rule = (person.brand(), sent.rule.clone());
            found.push(((rule, (sent.segment.clone(), sent.channel.clone(), accepted)), from));
        });
    });
    when_due(answers.map(|(_, row)| row), clock.clone(), "When due: answers", report)
}

/// The offers of a person that were or will be answered: taken up, or refused at their end.
fn answers_of(facts: &[&PersonFact], mut give: impl FnMut(&Sent, bool)) {
    let mut bought: Vec<&Bought> = Vec::new();
    let mut withdrawn: BTreeMap<&Text, Time> = BTreeMap::new();
    let (mut heard, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for fact in facts {
        match fact {
            PersonFact::Bought(purchase) => bought.push(purchase),
            PersonFact::Withdrawn(offer, _, tick) => {
                withdrawn.insert(offer, *tick);
            }
            PersonFact::Outcome(offer, PushOutcome::Redeemed | PushOutcome::Clicked) => {
                heard.insert(offer);
            }
            PersonFact::Outcome(offer, PushOutcome::Failed) => {
                failed.insert(offer);
            }
            // Nothing of somebody who is forgotten counts, from that tick on.
            PersonFact::Forgotten(_) => return,
            _ => {}
        }
    }
    for fact in facts {
        let PersonFact::Sent(sent) = fact else { continue };
        let withdrawn = withdrawn.get(&sent.offer_id).copied();
        let last = withdrawn.unwrap_or(Time::MAX).min(sent.ends);
        let took = |purchase: &&Bought| {
            let time = purchase.at.time;
            sent.at < time
                && time <= last
                && purchase.items.iter().any(|(item, ..)| sent.items.contains(item))
        };
        if heard.contains(&sent.offer_id) {
            give(sent, true);
        } else if failed.contains(&sent.offer_id) {
            // It may never have been seen.
        } else if bought.iter().any(took) {
            give(sent, true);
        } else if withdrawn.is_none() {
            give(sent, false);
        }
    }
}

#[cfg(test)]
mod tests;
