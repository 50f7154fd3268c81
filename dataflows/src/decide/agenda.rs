//! What came for ticks that are not complete yet, and where a commitment may follow from it.
//!
//! Purpose: decisions stand in a loop, through the ledger. While something may be committed to at a
//! tick no later tick can be complete, so every such tick costs a round of all workers. The right
//! to commit is therefore held for those ticks alone that may need it: ten ticks a second with offers
//! in a few of them then cost little more than one.
//! Invariant: at every tick at which a decision would commit to something, the right to is held.

use super::Ground;
use rustc_hash::FxHashMap;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::Person;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use timely::dataflow::operators::{Capability, InputCapability};

/// Whether something can be decided because of it: the other grounds only say how.
pub(super) fn is_lively(ground: &Ground) -> bool {
    matches!(ground, Ground::Candidate(_) | Ground::Fact(_, PersonFact::Sent(_)))
}

/// What may follow from a change of grounds by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// A commitment.
    Commits,
    /// A commitment, where there is a candidate or an offer.
    Sways,
    /// Nothing: it says what was decided already, or the reason of a withdrawal that something else
    /// brings about.
    Tells,
}

impl Weight {
    fn of(ground: &Ground, diff: isize) -> Self {
        match ground {
            Ground::Candidate(_) => Weight::Commits,
            Ground::Handle(_) | Ground::Fact(_, PersonFact::Consent(_)) => Weight::Sways,
            Ground::Fact(_, PersonFact::Forgotten(_)) if diff > 0 => Weight::Sways,
            Ground::Fact(_, PersonFact::Forgotten(_)) => Weight::Tells,
            // What is said of it is said in its tick.
            Ground::Fact(_, PersonFact::LetGo(..)) if diff < 0 => Weight::Tells,
            Ground::Fact(_, PersonFact::LetGo(..)) => Weight::Sways,
            // A fact of the ledger that comes to its end may let a candidate be made.
            Ground::Fact(..) if diff < 0 => Weight::Sways,
            Ground::Granted(_) if diff > 0 => Weight::Commits,
            Ground::Denied(_) if diff > 0 => Weight::Sways,
            // An answer that goes comes with another one, or its question is gone.
            Ground::Granted(_) | Ground::Denied(_) => Weight::Tells,
            Ground::Fact(..) | Ground::Background(_) => Weight::Tells,
        }
    }
}

/// What came for a tick that is not complete yet.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) grounds: Vec<((Person, Ground), isize)>,
    pub(super) rules: Vec<(Shared<Rule>, isize)>,
    /// Something may be committed to.
    pub(super) commits: bool,
}

/// What came for ticks that are not complete yet, with the right to answer.
#[derive(Default)]
pub(super) struct Agenda {
    ticks: BTreeMap<Time, Pending>,
    pub(super) to_messages: Option<Capability<Time>>,
    pub(super) to_facts: Option<Capability<Time>>,
    /// The same as for facts, where anything is asked for at all.
    pub(super) to_asks: Option<Capability<Time>>,
    asks: bool,
    /// Lively grounds on their way, by person.
    coming: FxHashMap<Person, usize>,
    /// Ticks at which a person is swayed who has nothing to be decided.
    quiet: FxHashMap<Person, Vec<Time>>,
}

impl Agenda {
    /// An empty one; `asks` says whether anything may be asked for.
    pub(super) fn new(asks: bool) -> Agenda {
        Agenda { asks, ..Agenda::default() }
    }

    /// What comes for that tick; the right to speak in it is held from now on.
    fn at(&mut self, time: Time, capability: &InputCapability<Time>) -> &mut Pending {
        if self.to_messages.as_ref().is_none_or(|held| time < *held.time()) {
            self.to_messages = Some(capability.delayed(&time, 0));
        }
        self.ticks.entry(time).or_default()
    }

    fn commit_at(&mut self, time: Time, capability: &InputCapability<Time>) {
        self.at(time, capability).commits = true;
        if self.to_facts.as_ref().is_none_or(|held| time < *held.time()) {
            self.to_facts = Some(capability.delayed(&time, 1));
            self.to_asks = self.asks.then(|| capability.delayed(&time, 2));
        }
    }

    /// Notes a change of grounds. `lively` says whether the person has something to be decided by now.
    pub(super) fn note(
        &mut self,
        (person, ground): (Person, Ground),
        time: Time,
        diff: isize,
        capability: &InputCapability<Time>,
        lively: impl FnOnce(&Person) -> bool,
    ) {
        if is_lively(&ground) {
            *self.coming.entry(person.clone()).or_default() += 1;
            // What sways the person at a later tick does so from now on.
            let swayed = self.quiet.get(&person).cloned().unwrap_or_default();
            swayed
                .into_iter()
                .filter(|later| *later >= time)
                .for_each(|later| self.commit_at(later, capability));
        }
        match Weight::of(&ground, diff) {
            Weight::Commits => self.commit_at(time, capability),
            Weight::Tells => {}
            Weight::Sways => {
                if lively(&person) || self.coming.contains_key(&person) {
                    self.commit_at(time, capability);
                } else {
                    self.quiet.entry(person.clone()).or_default().push(time);
                }
            }
        }
        self.at(time, capability).grounds.push(((person, ground), diff));
    }

    /// Notes a change of rules: it commits to nothing but through the grounds that come of it.
    pub(super) fn note_rule(
        &mut self,
        rule: (Shared<Rule>, isize),
        time: Time,
        capability: &InputCapability<Time>,
    ) {
        self.at(time, capability).rules.push(rule);
    }

    /// The earliest tick for which something came.
    pub(super) fn next(&self) -> Option<Time> {
        self.ticks.keys().next().copied()
    }

    /// Takes what came for `tick`, and forgets what was noted about it.
    pub(super) fn take(&mut self, tick: Time) -> Pending {
        let pending = self.ticks.remove(&tick).unwrap_or_default();
        for ((person, ground), _) in &pending.grounds {
            if is_lively(ground)
                && let Some(coming) = self.coming.get_mut(person)
            {
                *coming -= 1;
                if *coming == 0 {
                    self.coming.remove(person);
                }
            }
            if let Some(quiet) = self.quiet.get_mut(person) {
                quiet.retain(|later| *later != tick);
                if quiet.is_empty() {
                    self.quiet.remove(person);
                }
            }
        }
        pending
    }

    /// Holds on to what is needed for the ticks that are left, and to commit at the next wake-up.
    pub(super) fn hold(&mut self, wake: Option<Time>) {
        let next = |held: Option<Capability<Time>>, tick: Option<Time>| {
            held.zip(tick).map(|(held, tick)| held.delayed(&tick.max(*held.time())))
        };
        let pending = self.ticks.keys().next().copied();
        self.to_messages = next(self.to_messages.take(), pending.into_iter().chain(wake).min());
        let commits = self.ticks.iter().find(|(_, pending)| pending.commits).map(|(tick, _)| *tick);
        let commits = commits.into_iter().chain(wake).min();
        self.to_facts = next(self.to_facts.take(), commits);
        self.to_asks = next(self.to_asks.take(), commits);
    }
}
