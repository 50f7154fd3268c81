//! How what is known of a person came about, over all its handles: what segments are entered by.
//!
//! Invariant: the steps are those changes after which what is known is another, and the first of all; after the
//! last of them the customer is what is known now. Repeats of what is known change nothing here, so that nothing
//! is computed again because of them. Cost: the changes of a person are gone through whenever a fact of it changes;
//! an answer evaluates the condition once for each step.

use crate::rows::{Course, Step};
use shopbell_model::facts::{Attribute, Base, Change, Changed, PersonFact, Totals};
use shopbell_model::key::{Handle, Person, Text};
use shopbell_model::rules::expr::Expr;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::view::CustomerView;
use std::collections::{BTreeMap, BTreeSet};

/// What is known, while changes are gone through.
#[derive(Default)]
struct State<'a> {
    attributes: BTreeMap<&'a Text, &'a Shared<Attribute>>,
    totals: Totals,
    /// Whether anything was ever known.
    known: bool,
}

impl<'a> State<'a> {
    /// Takes up an attribute, where nothing newer is known of it; whether that changes its value.
    fn say(&mut self, said: &'a Shared<Attribute>) -> bool {
        self.known = true;
        match self.attributes.get_mut(&said.name) {
            Some(known) if known.at > said.at => false,
            Some(known) => std::mem::replace(known, said).value != said.value,
            None => {
                self.attributes.insert(&said.name, said);
                said.value.is_some()
            }
        }
    }

    fn buy(&mut self, more: &Totals) {
        self.known = true;
        self.totals.add(more);
    }
}

/// The course of a person; none where nothing changed in the time that is kept.
pub(crate) fn course(person: &Person, facts: &[(&Handle, &PersonFact)]) -> Option<Course> {
    let (mut state, mut changes): (State<'_>, Vec<(&Change, &Handle)>) = Default::default();
    let mut with_past: BTreeSet<&Handle> = BTreeSet::new();
    for (handle, fact) in facts {
        let PersonFact::Past(past) = fact else { continue };
        with_past.insert(handle);
        changes.extend(past.changes.iter().map(|change| (change, *handle)));
        if let Some(base) = &past.base {
            let Base { attributes, totals } = &**base;
            for said in attributes {
                state.say(said);
            }
            state.buy(totals);
        }
    }
    if changes.is_empty() {
        return None;
    }
    // Of a handle that changed nothing since, all that is known was known before.
    for (handle, fact) in facts {
        match fact {
            PersonFact::Attribute(said) if !with_past.contains(handle) => {
                state.say(said);
            }
            PersonFact::Totals(totals) if !with_past.contains(handle) => state.buy(totals),
            _ => {}
        }
    }
    let named = |(name, said): (&&Text, &&Shared<Attribute>)| Some(((*name).clone(), said.value.clone()?));
    let attributes = state.attributes.iter().filter_map(named).collect();
    let base = CustomerView { attributes, totals: state.totals.clone(), ..CustomerView::of(person.clone()) };
    let known = state.known;
    changes.sort_unstable_by_key(|(change, _)| change.at);
    let mut steps = Vec::with_capacity(changes.len());
    for (place, (change, handle)) in changes.into_iter().enumerate() {
        let mut step = Step {
            time: change.at.time,
            handle: handle.clone(),
            event: change.event.clone(),
            sets: Vec::new(),
            bought: Totals::default(),
        };
        match &change.what {
            Changed::Said(attributes) => {
                let news = attributes.iter().filter(|said| state.say(said));
                step.sets = news.map(|said| (said.name.clone(), said.value.clone())).collect();
            }
            Changed::Bought(more) => {
                state.buy(more);
                step.bought = (**more).clone();
            }
        }
        let changes = !step.sets.is_empty() || step.bought.orders > 0 || step.bought.spend != 0;
        if changes || (place == 0 && !known) {
            steps.push(step);
        }
    }
    Some(Course { known, base, steps })
}

/// A time in which a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay<'a> {
    /// The step that it began with; none where it goes back beyond what is kept.
    pub(crate) entry: Option<&'a Step>,
    /// When the condition no longer held, where that is so.
    pub(crate) left: Option<Time>,
}

impl Course {
    /// The times in which the condition holds, oldest first; only the last of them may go on.
    pub(crate) fn stays(&self, segment: &Expr) -> Vec<Stay<'_>> {
        let (mut customer, mut stays) = (self.base.clone(), Vec::new());
        let mut holds = self.known && segment.holds_of(&customer);
        if holds {
            stays.push(Stay { entry: None, left: None });
        }
        for step in &self.steps {
            step.sets.iter().for_each(|(name, value)| customer.set(name, value.as_ref()));
            customer.totals.add(&step.bought);
            let held = std::mem::replace(&mut holds, segment.holds_of(&customer));
            if holds && !held {
                stays.push(Stay { entry: Some(step), left: None });
            } else if held
                && !holds
                && let Some(last) = stays.last_mut()
            {
                last.left = Some(step.time);
            }
        }
        stays
    }
}

#[cfg(test)]
mod tests;
