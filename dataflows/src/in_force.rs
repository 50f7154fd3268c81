//! Rules as they are looked at: with the rates of their offers, and with what the catalogue says of the places they name.
//!
//! Purpose: `history` and, in rules about the stock of one place, `location`. Invariant: a function of the rules, of the rates
//! in force and of the catalogue; a rule without a place that asks for no rates is just the rule. Cost: a handful of rows; a
//! change of a place that a rule names looks at each situation of that rule's kind again, as an edit of the rule does.

use crate::by_key::by_key;
use crate::counted::Rows;
use crate::joined::joined;
use crate::learning::Published;
use crate::rows::{Derived, Proposal, Situation};
use differential_dataflow::VecCollection;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Place, Subject};
use shopbell_model::key::{Brand, LocationId, Text};
use shopbell_model::learning::{Learning, Rates, channel_of};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::view::{CustomerView, HistoryView};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Broadcast;

/// What is in force of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InForce {
    /// The rule.
    pub rule: Shared<Rule>,
    /// What it proposes.
    pub proposal: Shared<Proposal>,
    /// Its rates by brand; sorted. Of a rule that does not ask for them none.
    pub rates: Shared<Vec<(Brand, Shared<Rates>)>>,
    /// The place it names, as the catalogue of each brand knows it; sorted.
    pub places: Shared<Vec<Shared<Place>>>,
}

impl InForce {
    fn new(
        rule: Shared<Rule>,
        rates: Shared<Vec<(Brand, Shared<Rates>)>>,
        places: Vec<Shared<Place>>,
    ) -> InForce {
        let proposal = Shared::new(Proposal::of(&rule));
        InForce { rule, proposal, rates, places: Shared::new(places) }
    }

    /// What a score of the rule sees of its history.
    pub(crate) fn history(&self, customer: &CustomerView, learning: &Learning) -> HistoryView {
        let InForce { rule, rates, .. } = self;
        if rates.is_empty() {
            return learning.nothing();
        }
        let brand = customer.person.brand();
        let Ok(at) = rates.binary_search_by(|(known, _)| known.cmp(&brand)) else {
            return learning.nothing();
        };
        let Some((_, rates)) = rates.get(at) else { return learning.nothing() };
        rates.look(&learning.segment_of(customer), channel_of(&rule.offer.channels, customer))
    }

    /// The place a situation is about: its own, or the one the rule names.
    pub(crate) fn place_in<'a>(&'a self, situation: &'a Situation) -> Option<Cow<'a, Shared<Place>>> {
        if let Some(place) = &situation.place {
            return Some(Cow::Borrowed(place));
        }
        let named = self.rule.when.stock_location()?;
        let location = LocationId::new(&situation.customer.person.brand(), named);
        let known = self.places.binary_search_by(|place| place.location.cmp(&location)).ok();
        let known = known.and_then(|at| self.places.get(at));
        Some(known.map_or_else(|| Cow::Owned(Shared::new(Place::unknown(location))), Cow::Borrowed))
    }
}

impl From<Shared<Rule>> for InForce {
    /// The rule without rates, in a catalogue without places.
    fn from(rule: Shared<Rule>) -> InForce {
        InForce::new(rule, Shared::new(Vec::new()), Vec::new())
    }
}

/// What rules are put together from, by their id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Rates(Brand, Shared<Rates>),
    Place(Shared<Place>),
    Rule(Shared<Rule>),
}

/// Rules with their rates, where any are learned, and with the places they name.
pub(crate) fn in_force<'scope>(
    rules: VecCollection<'scope, Time, Shared<Rule>>,
    published: Option<VecCollection<'scope, Time, Published>>,
    inventory: VecCollection<'scope, Time, (Subject, Derived)>,
) -> VecCollection<'scope, Time, InForce> {
    let places = inventory.flat_map(|(_, known)| match known {
        Derived::Place(place) => Some((Text::from(place.location.as_str()), place)),
        _ => None,
    });
    let naming = rules.clone().flat_map(|rule| {
        let location = rule.when.stock_location().cloned();
        location.map(|location| (location, rule.id.clone()))
    });
    let places = joined(places, naming, "Places of rules", |_, place, rule| {
        Some((rule.clone(), Part::Place(place.clone())))
    });
    let mut parts = rules.map(|rule| (rule.id.clone(), Part::Rule(rule))).concat(places);
    if let Some(published) = published {
        parts = parts.concat(published.map(|((brand, rule), rates)| (rule, Part::Rates(brand, rates))));
    }
    by_key(parts, "Rules in force", |_, parts, found| {
        let rates = parts.iter().filter_map(|(part, _)| match part {
            Part::Rates(brand, rates) => Some((brand.clone(), rates.clone())),
            Part::Place(_) | Part::Rule(_) => None,
        });
        let rates = Shared::new(rates.collect::<Vec<_>>());
        for (part, _) in parts {
            let Part::Rule(rule) = part else { continue };
            // Under one id another role may name another place.
            let places = parts.iter().filter_map(|(part, _)| match part {
                Part::Place(place) if named(rule) == Some(place.location.as_str()) => Some(place.clone()),
                _ => None,
            });
            let asked = if rule.asks_for_history() { rates.clone() } else { Shared::new(Vec::new()) };
            found.push(InForce::new(rule.clone(), asked, places.collect()));
        }
    })
    .map(|(_, rule)| rule)
}

fn named(rule: &Rule) -> Option<&str> {
    rule.when.stock_location().map(Text::as_str)
}

/// Rules in force that are more than the rule, with that: for whoever is asked what would come of them.
#[derive(Clone, Debug, Default)]
pub struct RulesInForce(Rc<RefCell<Rows<InForce>>>);

impl RulesInForce {
    /// The rule with its rates and places.
    pub(crate) fn of(&self, rule: &Shared<Rule>) -> InForce {
        let known = self.0.borrow().present().find(|known| known.rule == *rule).cloned();
        known.unwrap_or_else(|| InForce::from(rule.clone()))
    }
}

/// Notes which rules are in force, once their tick is complete.
pub(crate) fn noted(in_force: VecCollection<'_, Time, InForce>) -> RulesInForce {
    let known = RulesInForce::default();
    let noted = Rc::clone(&known.0);
    let mut waiting: BTreeMap<Time, Vec<(InForce, isize)>> = BTreeMap::new();
    let more = in_force.filter(|rule| !rule.rates.is_empty() || !rule.places.is_empty());
    more.inner.broadcast().sink(Pipeline, "Rules to be asked for", move |(changes, frontier)| {
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
