//! Rules ⋈ situations: which rule applies to whom, since when, with which score.
//!
//! Invariant: after each tick the candidates are those that each rule in force finds in each situation of its kind; a
//! candidate is a function of one rule and one situation. A fact changes the candidates of its situation, and a rule
//! edit only those that come out otherwise: who matches before and after it in the same way is not touched. The tests hold it
//! against both sides joined from scratch.
//! Cost: of a changed situation, one look of each rule of its kind; of an edit, two looks at each situation of the rule's
//! kind, and a candidate for each that moves. Situations are kept where their person is decided about.

mod lack;
mod look;

pub(crate) use lack::{Lack, Listener};
pub(crate) use look::{Draft, look, price_drops};

use crate::by_key::differences;
use crate::counted::Rows;
use crate::in_force::InForce;
use crate::rows::{Candidate, Finding, SceneKind, Situation};
use crate::shards::shard_of;
use crate::ticks::Ticks;
use differential_dataflow::{AsCollection, VecCollection};
use rustc_hash::FxHashMap;
use shopbell_model::key::{ItemId, Person, Text};
use shopbell_model::learning::Learning;
use shopbell_model::rules::Role;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Broadcast;

/// A change of either side.
enum Change {
    Rule(InForce, isize),
    Situation(Person, Shared<Situation>, isize),
}

/// Rules and situations of one kind.
#[derive(Default)]
struct Kind {
    rules: Rows<InForce>,
    situations: FxHashMap<Person, Rows<Shared<Situation>>>,
}

/// Candidates of all rules, with due time and end.
pub fn matching<'scope>(
    findings: VecCollection<'scope, Time, (Person, Finding)>,
    rules: VecCollection<'scope, Time, InForce>,
    learning: Learning,
) -> VecCollection<'scope, Time, (Person, Shared<Candidate>)> {
    let situations = findings.flat_map(|(person, finding)| match finding {
        Finding::Stands(situation) => Some((person, situation)),
        Finding::Background(_) => None,
    });
    let by_person = Exchange::new(|((person, _), _, _): &((Person, Shared<Situation>), Time, isize)| {
        shard_of(person.key())
    });
    situations
        .inner
        .binary_frontier::<_, CapacityContainerBuilder<Vec<_>>, _, _, _, _>(
            rules.inner.broadcast(),
            by_person,
            Pipeline,
            "Matching",
            move |_, _| {
                let mut ticks: Ticks<Change> = Ticks::default();
                let mut kinds: FxHashMap<SceneKind, Kind> = FxHashMap::default();
                move |(situations, of_situations), (rules, of_rules), output| {
                    let port = output.output_index();
                    situations.for_each(|capability, changes| {
                        for ((person, situation), time, diff) in changes.drain(..) {
                            let change = Change::Situation(person, situation, diff);
                            ticks.note(time, change, || capability.delayed(&time, port));
                        }
                    });
                    rules.for_each(|capability, changes| {
                        for (rule, time, diff) in changes.drain(..) {
                            ticks.note(time, Change::Rule(rule, diff), || capability.delayed(&time, port));
                        }
                    });
                    let frontiers = [of_situations.frontier(), of_rules.frontier()];
                    let frontier = frontiers.iter().flat_map(|one| one.iter().copied()).min();
                    let Some((capability, complete)) = ticks.complete(frontier) else { return };
                    let mut session = output.session(&capability);
                    for (tick, changes) in complete {
                        turn(&mut kinds, changes, &learning, &mut |person, candidate, diff| {
                            session.give(((person, candidate), tick, diff));
                        });
                    }
                }
            },
        )
        .as_collection()
}

/// Takes the changes of a tick: rules over the situations there were, then situations under the rules there are.
fn turn(
    kinds: &mut FxHashMap<SceneKind, Kind>,
    changes: Vec<Change>,
    learning: &Learning,
    give: &mut impl FnMut(Person, Shared<Candidate>, isize),
) {
    let mut edited: BTreeMap<SceneKind, Vec<(InForce, isize)>> = BTreeMap::new();
    let mut moved = Vec::new();
    for change in changes {
        match change {
            Change::Rule(rule, diff) => {
                edited.entry(SceneKind::of(&rule.rule.when)).or_default().push((rule, diff))
            }
            Change::Situation(person, situation, diff) => moved.push((person, situation, diff)),
        }
    }
    for (kind, edits) in edited {
        kinds.entry(kind).or_default().edit(edits, learning, give);
    }
    for (person, situation, diff) in moved {
        kinds.entry(situation.kind()).or_default().change(person, situation, diff, learning, give);
    }
}

impl Kind {
    /// Other rules come into force.
    fn edit(
        &mut self,
        edits: Vec<(InForce, isize)>,
        learning: &Learning,
        give: &mut impl FnMut(Person, Shared<Candidate>, isize),
    ) {
        let mut pairs: BTreeMap<(Text, Role), Edit> = BTreeMap::new();
        let key = |rule: &InForce| (rule.rule.id.clone(), rule.rule.role);
        let looks = |rules: &Rows<InForce>| rules.present().cloned().collect::<Vec<_>>();
        for rule in looks(&self.rules) {
            pairs.entry(key(&rule)).or_default().old.push(rule);
        }
        edits.into_iter().for_each(|(rule, diff)| self.rules.add(rule, diff));
        for rule in looks(&self.rules) {
            pairs.entry(key(&rule)).or_default().new.push(rule);
        }
        pairs.retain(|_, edit| edit.old != edit.new);
        for (person, situations) in &self.situations {
            for (situation, count) in situations.iter() {
                for edit in pairs.values() {
                    edit.moves(person, situation, learning, |candidate, diff| {
                        give(person.clone(), candidate, diff * count);
                    });
                }
            }
        }
    }

    /// A situation of a person came or went.
    fn change(
        &mut self,
        person: Person,
        situation: Shared<Situation>,
        diff: isize,
        learning: &Learning,
        give: &mut impl FnMut(Person, Shared<Candidate>, isize),
    ) {
        for rule in self.rules.present() {
            look(&person, &situation, rule, learning, &mut |draft: Draft<'_>| {
                give(person.clone(), Shared::new(draft.candidate()), diff);
            });
        }
        if let Some(situations) = self.situations.get_mut(&person) {
            situations.add(situation, diff);
            if situations.is_empty() {
                self.situations.remove(&person);
            }
        } else {
            let mut situations = Rows::default();
            situations.add(situation, diff);
            self.situations.insert(person, situations);
        }
    }
}

/// What is in force under one id in one role, before and after.
#[derive(Default)]
struct Edit {
    old: Vec<InForce>,
    new: Vec<InForce>,
}

/// What tells the candidates apart that rules with the same proposal and places find in one situation.
type Outline = (Time, u8, Vec<(Text, i64)>, Vec<ItemId>);

impl Edit {
    /// Gives the candidates that are gone, and those that are new.
    fn moves(
        &self,
        person: &Person,
        situation: &Shared<Situation>,
        learning: &Learning,
        give: impl FnMut(Shared<Candidate>, isize),
    ) {
        if let ([old], [new]) = (&self.old[..], &self.new[..])
            && old.proposal == new.proposal
            && old.places == new.places
        {
            let outlines = |rule: &InForce| {
                let mut outlines: Vec<Outline> = Vec::new();
                look(person, situation, rule, learning, &mut |draft: Draft<'_>| {
                    outlines.push(draft.outline())
                });
                outlines
            };
            if outlines(old) == outlines(new) {
                return;
            }
        }
        let candidates = |rules: &[InForce]| {
            let mut candidates = Vec::new();
            for rule in rules {
                look(person, situation, rule, learning, &mut |draft: Draft<'_>| {
                    candidates.push(Shared::new(draft.candidate()));
                });
            }
            candidates.sort_unstable();
            candidates
        };
        differences(&candidates(&self.old), &candidates(&self.new), give);
    }
}

#[cfg(test)]
mod tests;
