//! Kinds of test, one file each:
//! - `readings`: zone visits, however late readings come, against the machine on sorted readings;
//! - `stock`: levels and deltas in any order against a recomputation;
//! - `last_writer`: profile, consent and catalogue, the same facts in any order of arrival;
//! - `history`: retention, what is kept together, the most facts of a handle;
//! - `past`: changes of what is known, however late they come, against a recomputation;
//! - `partition`: 1, 2 and 4 folds give the same facts;
//! - `forget`: what is forgotten leaves nothing, in facts, rows and timers;
//! - `restart`: folds that begin with what others kept go on as if nothing had happened.
//!
//! Every test goes through [`World`], which checks after each tick that a fact is there once or not at all.

mod forget;
mod history;
mod last_writer;
mod partition;
mod past;
mod readings;
mod restart;
mod stock;

use super::*;
use crate::demand::Demand;
use shopbell_model::event::Line;
use shopbell_model::key::{Brand, ItemId, LocationId};
use shopbell_model::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const START: Time = 1_795_305_600_000;
const HOUR: Time = 3_600_000;
const DAY: Time = 24 * HOUR;

/// A fact of any kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Exists(Handle),
    Person(Handle, PersonFact),
    Subject(Subject, SubjectFact),
}

/// Some folds that share the work, and the facts that stand.
struct World {
    folds: Vec<Fold>,
    facts: BTreeMap<Fact, isize>,
    arrival: u64,
    counts: FoldCounts,
    /// Rows that the folds gave, where they do.
    given: Rc<RefCell<Vec<GivenRow>>>,
}

/// A key, and what was kept of it.
type GivenRow = (KeptKey, Option<Vec<u8>>);

impl World {
    fn new(settings: &FoldSettings, folds: usize) -> Self {
        let folds = (0..folds).map(|_| Fold::new(settings)).collect();
        let given = Rc::default();
        World { folds, facts: BTreeMap::new(), arrival: 0, counts: FoldCounts::default(), given }
    }

    /// One fold, where nobody asks what many events say together, or what was known when.
    fn one() -> Self {
        let demand = Demand::everything().of_single_events();
        World::new(&FoldSettings { demand, ..settings() }, 1)
    }

    /// One tick as the operator runs it: what ends before it, its events, what ends with it.
    fn tick(&mut self, tick: Time, events: impl IntoIterator<Item = Event>) {
        self.until(tick - 1);
        let (mut out, peers) = (Changes::default(), self.folds.len());
        for event in events {
            self.arrival += 1;
            let folds = &mut self.folds;
            parts(event, self.arrival, peers, |part| {
                folds[(part.shard % peers as u64) as usize].apply(part, &mut out);
            });
        }
        for fold in &mut self.folds {
            fold.advance(tick, &mut out);
        }
        self.note(out);
    }

    /// Forgets handles at the end of a tick; what is gone only in the next one is so at once here.
    fn forget(&mut self, handles: &[Handle]) {
        let (mut out, mut later) = (Changes::default(), Changes::default());
        for fold in &mut self.folds {
            handles.iter().for_each(|handle| fold.forget(handle, &mut out, &mut later));
        }
        self.note(out);
        self.note(later);
    }

    /// Lets time pass.
    fn until(&mut self, time: Time) {
        let mut out = Changes::default();
        for fold in &mut self.folds {
            while let Some(due) = fold.next_due().filter(|due| *due <= time) {
                fold.advance(due, &mut out);
            }
        }
        self.note(out);
    }

    fn note(&mut self, out: Changes) {
        let persons = out.persons.into_iter().map(|((handle, fact), diff)| match fact {
            Some(fact) => (Fact::Person(handle, fact), diff),
            None => (Fact::Exists(handle), diff),
        });
        let subjects = out.subjects.into_iter().map(|((key, fact), diff)| (Fact::Subject(key, fact), diff));
        for (fact, diff) in persons.chain(subjects) {
            *self.facts.entry(fact).or_default() += diff;
        }
        self.facts.retain(|fact, sum| {
            assert!(*sum == 0 || *sum == 1, "{sum} times {fact:?}");
            *sum == 1
        });
        for counts in self.folds.iter_mut().map(Fold::take_counts) {
            self.counts.unknown_beacons += counts.unknown_beacons;
            self.counts.too_late += counts.too_late;
            self.counts.dropped_facts += counts.dropped_facts;
        }
    }

    /// Facts of persons, without the handles.
    fn persons<'a>(&'a self) -> Vec<&'a PersonFact> {
        let of_person = |fact: &'a Fact| match fact {
            Fact::Person(_, fact) => Some(fact),
            _ => None,
        };
        self.facts.keys().filter_map(of_person).collect()
    }

    fn subjects<'a>(&'a self) -> Vec<&'a SubjectFact> {
        let of_subject = |fact: &'a Fact| match fact {
            Fact::Subject(_, fact) => Some(fact),
            _ => None,
        };
        self.facts.keys().filter_map(of_subject).collect()
    }
}

fn settings() -> FoldSettings {
    FoldSettings {
        presence: Presence::default(),
        retention: Retention::default(),
        demand: Demand::everything(),
    }
}

fn handle(text: &str) -> Handle {
    Handle::new(&Brand::default(), text)
}

fn item(name: &str) -> ItemId {
    ItemId::new(&Brand::default(), name)
}

fn location(name: &str) -> LocationId {
    LocationId::new(&Brand::default(), name)
}

fn event(time: Time, body: Body) -> Event {
    let reference = EventRef { source: Text::from("test"), id: Text::default() };
    Event { reference, brand: Brand::default(), time, body }
}

fn act(time: Time, who: &str, act: Act) -> Event {
    event(time, Body::Person { handle: handle(who), act })
}

fn line(name: &str, quantity: Option<u32>) -> Line {
    Line { item: item(name), quantity, price: None, category: None, variant: None }
}
