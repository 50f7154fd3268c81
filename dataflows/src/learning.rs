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
use crate::counted::Rows;
use crate::rows::Proposal;
use crate::when_due::{Waiting, when_due};
use differential_dataflow::VecCollection;
use serde::{Deserialize, Serialize};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::{Bought, PersonFact};
use shopbell_model::key::{Brand, Person, Text};
use shopbell_model::learning::{Learning, Rates, channel_of, moment_from};
use shopbell_model::offer::Sent;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::view::{CustomerView, HistoryView};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Broadcast;

/// A rule as the offers of a brand know it.
pub type RuleOf = (Brand, Text);

/// An offer that was answered: its segment, its channel, and whether it was taken up.
pub(crate) type Answer = (Text, Text, bool);

/// What is in force of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InForce {
    /// The rule.
    pub rule: Shared<Rule>,
    /// What it proposes.
    pub proposal: Shared<Proposal>,
    /// Its rates by brand; sorted. Of a rule that does not ask for them none.
    pub rates: Shared<Vec<(Brand, Shared<Rates>)>>,
}

impl InForce {
    /// The rule with its rates.
    pub fn new(rule: Shared<Rule>, rates: Shared<Vec<(Brand, Shared<Rates>)>>) -> InForce {
        let proposal = Shared::new(Proposal::of(&rule));
        InForce { rule, proposal, rates }
    }
}

impl From<Shared<Rule>> for InForce {
    /// The rule without rates.
    fn from(rule: Shared<Rule>) -> InForce {
        InForce::new(rule, Shared::new(Vec::new()))
    }
}

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

/// What rules ⋈ rates is keyed by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Rates(Brand, Shared<Rates>),
    Rule(Shared<Rule>),
}

/// Rules with their rates.
pub(crate) fn in_force<'scope>(
    rules: VecCollection<'scope, Time, Shared<Rule>>,
    published: Option<VecCollection<'scope, Time, Published>>,
) -> VecCollection<'scope, Time, InForce> {
    let Some(published) = published else {
        return rules.map(InForce::from);
    };
    let rules = rules.map(|rule| (rule.id.clone(), Part::Rule(rule)));
    let rates = published.map(|((brand, rule), rates)| (rule, Part::Rates(brand, rates)));
    by_key(rules.concat(rates), "Rules in force", |_, parts, found| {
        let rates = parts.iter().filter_map(|(part, _)| match part {
            Part::Rates(brand, rates) => Some((brand.clone(), rates.clone())),
            Part::Rule(_) => None,
        });
        let rates = Shared::new(rates.collect::<Vec<_>>());
        for (part, _) in parts {
            if let Part::Rule(rule) = part {
                let asked = if rule.asks_for_history() { rates.clone() } else { Shared::new(Vec::new()) };
                found.push(InForce::new(rule.clone(), asked));
            }
        }
    })
    .map(|(_, rule)| rule)
}

/// Rules in force that have rates, with them: for whoever is asked what a score would be.
#[derive(Clone, Debug, Default)]
pub struct RatesInForce(Rc<RefCell<Rows<InForce>>>);

impl RatesInForce {
    /// The rule with its rates.
    pub(crate) fn of(&self, rule: &Shared<Rule>) -> InForce {
        let known = self.0.borrow().present().find(|known| known.rule == *rule).cloned();
        known.unwrap_or_else(|| InForce::from(rule.clone()))
    }
}

/// Notes which rates are in force, once their tick is complete.
pub(crate) fn noted(in_force: VecCollection<'_, Time, InForce>) -> RatesInForce {
    let known = RatesInForce::default();
    let noted = Rc::clone(&known.0);
    let mut waiting: BTreeMap<Time, Vec<(InForce, isize)>> = BTreeMap::new();
    let with_rates = in_force.filter(|rule| !rule.rates.is_empty());
    with_rates.inner.broadcast().sink(Pipeline, "Rates to be asked for", move |(changes, frontier)| {
        changes.for_each(|_, changes| {
            for (rule, time, diff) in changes.drain(..) {
                waiting.entry(time).or_default().push((rule, diff));
            }
        });
        let Some(frontier) = frontier.frontier().first().copied() else { return waiting.clear() };
        let later = waiting.split_off(&frontier);
        let mut noted = noted.borrow_mut();
        for (rule, diff) in std::mem::replace(&mut waiting, later).into_values().flatten() {
            noted.add(rule, diff);
        }
    });
    known
}

/// What a score of the rule sees of its history.
pub(crate) fn history(in_force: &InForce, customer: &CustomerView, learning: &Learning) -> HistoryView {
    let InForce { rule, rates, .. } = in_force;
    if rates.is_empty() {
        return learning.nothing();
    }
    let brand = customer.person.brand();
    let Ok(at) = rates.binary_search_by(|(known, _)| known.cmp(&brand)) else { return learning.nothing() };
    let Some((_, rates)) = rates.get(at) else { return learning.nothing() };
    rates.look(&learning.segment_of(customer), channel_of(&rule.offer.channels, customer))
}

#[cfg(test)]
mod tests;
