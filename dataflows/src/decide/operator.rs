//! Decisions as an operator: grounds by person in, messages and facts of the ledger out.
//!
//! Invariant: a person is decided about at a tick exactly when one of its grounds changed in it, or an
//! objection ended; all grounds of the tick are there by then. The state is the grounds themselves.
//! Cost: the grounds of each person that changed.

use super::agenda::{Agenda, Pending};
use super::memory::Memory;
use super::{Arrival, Ground, Grounds, decide, why};
use crate::allot::Ask;
use crate::clock::Clock;
use crate::counted::Rows;
use crate::explain::Desk;
use crate::in_force::RulesInForce;
use crate::shards::shard_of;
use crate::wheel::Wheel;
use differential_dataflow::{AsCollection, VecCollection};
use rustc_hash::FxHashMap;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Handle, Person, Text};
use shopbell_model::learning::Learning;
use shopbell_model::offer::Message;
use shopbell_model::policy::Policy;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Broadcast;
use timely::progress::frontier::MutableAntichain;

/// What decisions need to know beforehand.
#[derive(Clone, Debug, Default)]
pub struct DecideSettings {
    /// Contact policy for all rules.
    pub policy: Policy,
    /// Whether suppressed candidates go out as `offer.suppressed`.
    pub report_suppressed: bool,
    /// Whether any rule needs a part of what there is only so much of.
    pub pools: bool,
    /// How persons are told apart into segments.
    pub learning: Learning,
}

/// The versions of rules that are in force.
#[derive(Debug, Default)]
pub struct Versions {
    rules: FxHashMap<Text, Rows<Shared<Rule>>>,
}

impl Versions {
    /// A rule came into force (+1) or ceased to be (−1).
    pub fn update(&mut self, rule: &Shared<Rule>, diff: isize) {
        let versions = self.rules.entry(rule.id.clone()).or_default();
        versions.add(rule.clone(), diff);
        if versions.is_empty() {
            self.rules.remove(&rule.id);
        }
    }

    /// The rules in force, by id.
    pub fn rules(&self) -> Vec<&Shared<Rule>> {
        let mut rules: Vec<&Shared<Rule>> = self.rules.values().flat_map(Rows::present).collect();
        rules.sort_by_key(|rule| (&rule.id, &rule.version));
        rules
    }

    /// The rule of that id that is in force.
    pub fn of(&self, rule: &Text) -> Option<&Shared<Rule>> {
        self.rules.get(rule)?.present().next()
    }

    /// That version of the rule, where it is in force.
    pub fn version(&self, rule: &Text, version: &Text) -> Option<&Shared<Rule>> {
        self.rules.get(rule)?.present().find(|rule| rule.version == *version)
    }

    /// Whether that version of the rule is in force.
    pub fn in_force(&self, rule: &Text, version: &Text) -> bool {
        self.version(rule, version).is_some()
    }
}

/// What decisions give.
pub struct Decided<'scope> {
    /// What goes out.
    pub messages: Stream<'scope, Time, Vec<Message>>,
    /// What becomes a fact of the ledger, at the tick of the decision.
    pub facts: VecCollection<'scope, Time, (Handle, PersonFact)>,
    /// What is asked for, from the tick of the decision on.
    pub asks: VecCollection<'scope, Time, Ask>,
}

/// Decides about every person whose grounds change. What is known of them can be asked at `desk`, which also needs
/// what is known of rules in force. `report` is told the next time at which an objection ends.
pub fn decisions<'scope>(
    grounds: VecCollection<'scope, Time, (Person, Ground)>,
    rules: VecCollection<'scope, Time, Shared<Rule>>,
    settings: DecideSettings,
    clock: Clock,
    (desk, known): (&Desk, RulesInForce),
    mut report: impl FnMut(Option<Time>) + 'static,
) -> Decided<'scope> {
    let mut builder = OperatorBuilder::new("Decide".to_owned(), grounds.inner.scope());
    let by_person =
        Exchange::new(|((person, _), _, _): &((Person, Ground), Time, isize)| shard_of(person.key()));
    let mut grounds_in = builder.new_input(grounds.inner, by_person);
    let mut rules_in = builder.new_input(rules.inner.broadcast(), Pipeline);
    let (messages, messages_stream) = builder.new_output::<Vec<Message>>();
    let (facts, facts_stream) = builder.new_output::<Vec<((Handle, PersonFact), Time, isize)>>();
    let (asks, asks_stream) = builder.new_output::<Vec<(Ask, Time, isize)>>();
    let mut messages = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(messages);
    let mut facts = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(facts);
    let mut asks = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(asks);
    let memory = Rc::new(RefCell::new(Memory::default()));
    {
        let (memory, settings) = (Rc::clone(&memory), settings.clone());
        desk.seat(move |question| why::answer(&memory.borrow(), &settings, &known, question));
    }
    builder.build(move |_| {
        let mut agenda = Agenda::new(settings.pools);
        let mut wakes: Wheel<Person> = Wheel::default();
        move |frontiers| {
            let memory = &mut *memory.borrow_mut();
            grounds_in.for_each(|capability, updates| {
                for (row, time, diff) in updates.drain(..) {
                    agenda.note(row, time, diff, &capability, |person| {
                        memory.persons.get(person).is_some_and(|state| state.lively > 0)
                    });
                }
            });
            rules_in.for_each(|capability, updates| {
                for (rule, time, diff) in updates.drain(..) {
                    agenda.note_rule((rule, diff), time, &capability);
                }
            });
            let first = |input: &MutableAntichain<Time>| input.frontier().first().copied();
            let frontier = frontiers.iter().map(first).try_fold(Time::MAX, |a, b| b.map(|b| a.min(b)));
            // At the empty frontier the job ends; nothing is decided because of that.
            let Some(frontier) = frontier else {
                agenda = Agenda::new(settings.pools);
                return;
            };
            let (mut messages, mut facts, mut asks) =
                (messages.activate(), facts.activate(), asks.activate());
            loop {
                let next_pending = agenda.next().filter(|tick| *tick < frontier);
                let next_wake = wakes.next_due().and_then(|due| clock.fires_before(due, frontier));
                let Some(tick) = next_pending.into_iter().chain(next_wake).min() else { break };
                let Pending { grounds, rules, commits } = agenda.take(tick);
                let commits = commits || next_wake == Some(tick);
                let Some(to_messages) = &agenda.to_messages else { break };
                let to_facts = agenda.to_facts.as_ref().filter(|_| commits);
                let mut messages = messages.session(to_messages);
                let mut facts = to_facts.map(|to_facts| facts.session(to_facts));
                let last = clock.tick_before(tick);
                let mut arrival = Arrival::after(last);
                let to_asks = agenda.to_asks.as_ref().filter(|_| commits);
                let mut asks = to_asks.map(|to_asks| asks.session(to_asks));
                for (rule, diff) in rules {
                    memory.versions.update(&rule, diff);
                    // Those of the beginning come before there is anything.
                    if diff > 0 && tick > Time::MIN {
                        arrival.note(&rule);
                    }
                }
                let mut touched = Vec::new();
                let mut stood: FxHashMap<Person, BTreeSet<Text>> = FxHashMap::default();
                for ((person, ground), diff) in grounds {
                    if !arrival.is_none() && !stood.contains_key(&person) {
                        stood.insert(person.clone(), memory.candidates(&person, last));
                    }
                    if memory.update(&person, ground, diff) {
                        touched.push(person);
                    }
                }
                let mut woken = Vec::new();
                let now = clock.until(tick);
                while wakes.pop(now, usize::MAX, &mut woken).is_some() {
                    for (person, _) in woken.drain(..) {
                        if let Some(state) = memory.persons.get_mut(&person) {
                            state.wake = None;
                            if !std::mem::replace(&mut state.touched, true) {
                                touched.push(person);
                            }
                        }
                    }
                }
                for person in touched {
                    let Some(state) = memory.persons.get_mut(&person) else { continue };
                    state.touched = false;
                    let known = Grounds::new(state.present());
                    let before = state.wake;
                    let mut wake = if facts.is_some() { None } else { before };
                    let (mut asked, mut decided) = (Vec::new(), Vec::new());
                    if let Some(facts) = facts.as_mut().filter(|_| !known.is_idle()) {
                        if !arrival.is_none() {
                            // Of whom nothing changed, what stands is what stood.
                            let before = stood.remove(&person);
                            arrival.stood(before.unwrap_or_else(|| state.candidates(last)));
                        }
                        let versions = &memory.versions;
                        let (at, settings) = ((tick, now), &settings);
                        let decision = decide(at, &person, &known, versions, &arrival, settings);
                        messages.give_iterator(decision.messages.into_iter());
                        // Nobody can ask before a later tick is complete, where it is a fact already.
                        if tick.saturating_add(1) >= frontier {
                            decided.clone_from(&decision.facts);
                        }
                        facts.give_iterator(decision.facts.into_iter().map(|fact| (fact, tick, 1)));
                        (wake, asked) = (decision.wake, decision.asks);
                    }
                    if let Some(asks) = &mut asks {
                        state.ask(asked, |ask, diff| asks.give((ask, tick, diff)));
                    }
                    if wake != before {
                        before.into_iter().for_each(|due| wakes.update(due, person.clone(), -1));
                        wake.into_iter().for_each(|due| wakes.update(due, person.clone(), 1));
                    }
                    let is_empty = state.grounds.is_empty();
                    memory.note(tick, &person, &decided);
                    if is_empty {
                        memory.persons.remove(&person);
                    } else if let Some(state) = memory.persons.get_mut(&person) {
                        state.wake = wake;
                    }
                }
                drop((messages, facts, asks));
            }
            let next_wake = wakes.next_due().filter(|due| clock.comes_to(*due)).map(|due| clock.tick_of(due));
            agenda.hold(next_wake);
            memory.complete(frontier, clock.until(frontier.saturating_sub(1)));
            report(wakes.next_due());
        }
    });
    Decided {
        messages: messages_stream,
        facts: facts_stream.as_collection(),
        asks: asks_stream.as_collection(),
    }
}

#[cfg(test)]
mod tests;
