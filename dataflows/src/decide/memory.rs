//! What the operator of decisions knows: the grounds of each person, the rules in force, where each offer is.
//!
//! Invariant: the index names the person under which an offer that was sent is kept now. What was decided and is
//! not a fact of the ledger yet is here too, so that whoever asks is told of it.
//! Cost: besides the grounds some 60 bytes an offer for the index: a number of 16 bytes and a key.

use super::agenda::is_lively;
use super::{Ground, Grounds, Versions};
use crate::allot::Ask;
use crate::counted::Rows;
use rustc_hash::FxHashMap;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Handle, Person, Text};
use shopbell_model::time::Time;
use std::collections::BTreeSet;

/// One person's grounds, and when to look at them again.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) grounds: Rows<Ground>,
    /// How many of them something can be decided about.
    pub(super) lively: usize,
    pub(super) wake: Option<Time>,
    /// Something of it changed in the tick at hand.
    pub(super) touched: bool,
    /// What it asks for; sorted.
    asks: Vec<Ask>,
}

impl State {
    fn update(&mut self, ground: Ground, diff: isize) {
        let lively = is_lively(&ground);
        let before = self.grounds.len();
        self.grounds.add(ground, diff);
        if lively {
            self.lively = self.lively + self.grounds.len() - before;
        }
    }

    /// Asks for these instead of those before; `give` is told what changes.
    pub(super) fn ask(&mut self, asks: Vec<Ask>, mut give: impl FnMut(Ask, isize)) {
        self.asks.iter().filter(|ask| !asks.contains(ask)).for_each(|ask| give(ask.clone(), -1));
        asks.iter().filter(|ask| !self.asks.contains(ask)).for_each(|ask| give(ask.clone(), 1));
        self.asks = asks;
    }

    /// The offers that there are candidates for whose rule is not over at that time.
    pub(super) fn candidates(&self, at: Time) -> BTreeSet<Text> {
        let offer = |ground: &Ground| match ground {
            Ground::Candidate(candidate) if candidate.rule.until.is_none_or(|until| at < until) => {
                Some(candidate.offer_id.clone())
            }
            _ => None,
        };
        self.present().filter_map(offer).collect()
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Ground> {
        self.grounds.present()
    }
}

/// What one worker knows.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) persons: FxHashMap<Person, State>,
    pub(super) versions: Versions,
    /// The person under which each offer is kept.
    offers: FxHashMap<u128, Person>,
    /// What was decided in the last tick, with that tick.
    fresh: Vec<(Time, Person, Ground)>,
    /// How far the clock has come.
    pub(super) as_of: Time,
}

/// An offer's id as a number, where it is one of ours.
fn number(offer_id: &str) -> Option<u128> {
    (offer_id.len() == 32).then(|| u128::from_str_radix(offer_id, 16).ok()).flatten()
}

impl Memory {
    /// A ground of a person came or went; whether it is the first of the person's in this tick.
    pub(super) fn update(&mut self, person: &Person, ground: Ground, diff: isize) -> bool {
        if let Ground::Fact(_, PersonFact::Sent(sent)) = &ground
            && let Some(number) = number(&sent.offer_id)
        {
            if diff > 0 {
                self.offers.insert(number, person.clone());
            } else if self.offers.get(&number) == Some(person) {
                // Where it is another one's already it stays that one's.
                self.offers.remove(&number);
            }
        }
        let state = match self.persons.get_mut(person) {
            Some(state) => state,
            None => self.persons.entry(person.clone()).or_default(),
        };
        state.update(ground, diff);
        !std::mem::replace(&mut state.touched, true)
    }

    /// The same of a person.
    pub(super) fn candidates(&self, person: &Person, at: Time) -> BTreeSet<Text> {
        self.persons.get(person).map(|state| state.candidates(at)).unwrap_or_default()
    }

    /// Notes what was decided in a tick, until the ledger says so.
    pub(super) fn note(&mut self, tick: Time, person: &Person, facts: &[(Handle, PersonFact)]) {
        let grounds = facts.iter().map(|(handle, fact)| Ground::Fact(handle.clone(), fact.clone()));
        self.fresh.extend(grounds.map(|ground| (tick, person.clone(), ground)));
    }

    /// Everything before `frontier` has been decided.
    pub(super) fn complete(&mut self, frontier: Time, as_of: Time) {
        self.fresh.retain(|(tick, ..)| tick.saturating_add(1) >= frontier);
        self.as_of = as_of;
    }

    /// The person under which an offer is kept, and whether it is known.
    pub(super) fn person_of_offer(&self, offer_id: &str) -> Option<&Person> {
        let is_it = |ground: &Ground| matches!(ground, Ground::Fact(_, PersonFact::Sent(sent)) if sent.offer_id == offer_id);
        let fresh = || self.fresh.iter().find(|(_, _, ground)| is_it(ground)).map(|(_, person, _)| person);
        self.offers.get(&number(offer_id)?).or_else(fresh)
    }

    /// What is known of a person, unless it is being forgotten.
    pub(super) fn grounds_of(&self, person: &Person) -> Option<Grounds<'_>> {
        let state = self.persons.get(person)?;
        let fresh = self.fresh.iter().filter(|(_, of, _)| of == person).map(|(_, _, ground)| ground);
        let grounds = Grounds::new(state.present().chain(fresh));
        (!grounds.forgotten).then_some(grounds)
    }
}
