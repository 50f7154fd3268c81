//! Public data through the engine's own fold, interests and identity, against the references.
//!
//! Each test prints its counts; docs/real-data.md tells them, and how to see them again.

mod carts;
mod orders;
mod records;
mod walks;

use super::folder;
use shopbell::import::{Format, ImportOptions, import};
use shopbell_dataflows::demand::Demand;
use shopbell_dataflows::fold::{Changes, Content, Fold, FoldSettings, parts};
use shopbell_dataflows::identity::Word;
use shopbell_model::event::{Decoded, Event, Limits, decode};
use shopbell_model::facts::{Moment, PersonFact, Subject, SubjectFact};
use shopbell_model::key::Handle;
use shopbell_model::settings::{Presence, Retention};
use shopbell_model::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A wall clock after all the sets: 2026-01-01T00:00:00Z.
const LATER: u64 = 1_767_225_600_000;

fn events(format: Format, files: &[PathBuf], options: &ImportOptions) -> Vec<Event> {
    let mut lines = Vec::new();
    import(format, files, &mut lines, options).unwrap();
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let decoded = lines.map(|line| match decode(line, LATER, &Limits::default()) {
        Ok(Decoded::Event(event)) => event,
        other => panic!("{other:?}"),
    });
    decoded.collect()
}

/// Settings that forget nothing.
fn settings(presence: Presence) -> FoldSettings {
    let ever = Duration::LIMIT;
    let retention = Retention {
        views: ever,
        visits: ever,
        carts: ever,
        wishlists: ever,
        purchases: ever,
        ..Retention::default()
    };
    FoldSettings { presence, retention, demand: Demand::everything() }
}

type PersonRow = (Handle, Option<PersonFact>);

/// Folds that share the work, and the facts that stand.
struct World {
    folds: Vec<Fold>,
    persons: BTreeMap<PersonRow, isize>,
    subjects: BTreeMap<(Subject, SubjectFact), isize>,
    /// The last word on each pair of handles that says they are one person; nothing here unlinks.
    links: BTreeMap<(Handle, Handle), Moment>,
    arrival: u64,
    clock: u64,
}

impl World {
    fn new(settings: &FoldSettings, folds: usize) -> Self {
        World {
            folds: (0..folds).map(|_| Fold::new(settings)).collect(),
            persons: BTreeMap::new(),
            subjects: BTreeMap::new(),
            links: BTreeMap::new(),
            arrival: 0,
            clock: 0,
        }
    }

    /// One tick of a millisecond; `tell` gets the differences of persons' facts with their tick.
    fn tick(&mut self, time: u64, events: &[Event], tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        self.until(time - 1, tell);
        self.clock = time;
        let (mut out, peers) = (Changes::default(), self.folds.len());
        for event in events {
            self.arrival += 1;
            let (folds, links) = (&mut self.folds, &mut self.links);
            parts(event.clone(), self.arrival, peers, |part| {
                if let Content::Word(Word::Link { low, high, at, linked: true }) = &part.content {
                    let last = links.entry((low.clone(), high.clone())).or_insert(*at);
                    *last = (*last).max(*at);
                }
                folds[(part.shard % peers as u64) as usize].apply(part, &mut out);
            });
        }
        self.folds.iter_mut().for_each(|fold| fold.advance(time, &mut out));
        self.note(time, out, tell);
    }

    /// Lets time pass: what ends by itself ends in its own tick.
    fn until(&mut self, time: u64, tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        loop {
            let due = self.folds.iter_mut().filter_map(Fold::next_due).min();
            let Some(due) = due.filter(|due| *due <= time) else { break };
            let mut out = Changes::default();
            self.folds.iter_mut().for_each(|fold| fold.advance(due, &mut out));
            self.note(due, out, tell);
        }
    }

    fn note(&mut self, tick: u64, out: Changes, tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        for (row, diff) in out.persons {
            tell(tick, &row, diff);
            add(&mut self.persons, row, diff);
        }
        out.subjects.into_iter().for_each(|(row, diff)| add(&mut self.subjects, row, diff));
    }

    /// All of them, in ticks of a millisecond.
    fn take(&mut self, events: &[Event], tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        for tick in events.chunk_by(|one, other| one.time == other.time) {
            self.tick(tick[0].time, tick, tell);
        }
    }

    fn dropped_facts(&mut self) -> u64 {
        self.folds.iter_mut().map(|fold| fold.take_counts().dropped_facts).sum()
    }
}

fn add<K: Ord>(rows: &mut BTreeMap<K, isize>, row: K, diff: isize) {
    let sum = rows.get(&row).copied().unwrap_or(0) + diff;
    if sum == 0 {
        rows.remove(&row)
    } else {
        rows.insert(row, sum)
    };
}
