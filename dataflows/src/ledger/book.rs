//! What stands in one worker's part of the ledger, by handle: for the day it is to be forgotten.
//!
//! Invariant: every row that was noted and is younger than the retention is here; [`Book::forget`] leaves
//! none that names a forgotten handle. Cost: a fact, two handles and two times a row, and a search of the
//! handle's own rows when one of them is too old.

use super::{Row, Since, span};
use rustc_hash::FxHashMap;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Handle, Person};
use shopbell_model::settings::Retention;
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Rows by handle.
#[derive(Debug)]
pub(super) struct Book {
    retention: Retention,
    rows: FxHashMap<Handle, Vec<(PersonFact, Time)>>,
    /// Handles that an offer names besides its own, with those under which the offer stands.
    named: FxHashMap<Handle, BTreeSet<Handle>>,
    /// Rows kept for so long, in order of time.
    ages: BTreeMap<Duration, VecDeque<(Time, Handle)>>,
}

impl Book {
    /// A book that begins with some rows.
    pub(super) fn new(retention: Retention, begin: &[Since]) -> Book {
        let (rows, named, ages) = (FxHashMap::default(), FxHashMap::default(), BTreeMap::new());
        let mut book = Book { retention, rows, named, ages };
        let mut begin: Vec<&Since> = begin.iter().collect();
        begin.sort_by_key(|(_, since)| *since);
        begin.into_iter().for_each(|(row, since)| book.note(row, *since));
        book
    }

    /// Notes a row that is a fact since then; rows come in order of time.
    pub(super) fn note(&mut self, (handle, fact): &Row, since: Time) {
        for other in foreign(handle, fact) {
            self.named.entry(other).or_default().insert(handle.clone());
        }
        self.rows.entry(handle.clone()).or_default().push((fact.clone(), since));
        self.ages.entry(span(fact, &self.retention)).or_default().push_back((since, handle.clone()));
        self.drop_old(since);
    }

    fn drop_old(&mut self, now: Time) {
        let is_old = |since: Time, span: Duration| since.saturating_add(span.0) <= now;
        let mut handles = Vec::new();
        for (span, ages) in &mut self.ages {
            let old = ages.partition_point(|(since, _)| is_old(*since, *span));
            handles.extend(ages.drain(..old).map(|(_, handle)| handle));
        }
        for handle in handles {
            let Some(rows) = self.rows.get_mut(&handle) else { continue };
            let retention = &self.retention;
            let gone: Vec<_> =
                rows.extract_if(.., |(fact, since)| is_old(*since, span(fact, retention))).collect();
            self.unname(&handle, gone.iter().map(|(fact, _)| fact));
        }
    }

    /// After rows of `handle` went: whom none of the others names is not named by it.
    fn unname<'a>(&mut self, handle: &Handle, gone: impl Iterator<Item = &'a PersonFact>) {
        let rows = self.rows.get(handle).map(Vec::as_slice).unwrap_or_default();
        for other in gone.flat_map(|fact| foreign(handle, fact)) {
            let named = rows.iter().any(|(fact, _)| foreign(handle, fact).any(|name| name == other));
            if let Some(by) = self.named.get_mut(&other).filter(|_| !named) {
                by.remove(handle);
                if by.is_empty() {
                    self.named.remove(&other);
                }
            }
        }
        if rows.is_empty() {
            self.rows.remove(handle);
        }
    }

    /// Forgets handles: gives their rows with −1, and those that name them with −1 as they were and with +1
    /// as they are without.
    pub(super) fn forget(&mut self, handles: &BTreeSet<Handle>, mut give: impl FnMut(Since, isize)) {
        for handle in handles {
            let rows = self.rows.remove(handle).unwrap_or_default();
            self.unname(handle, rows.iter().map(|(fact, _)| fact));
            rows.into_iter().for_each(|(fact, since)| give(((handle.clone(), fact), since), -1));
        }
        let by: BTreeSet<Handle> =
            handles.iter().filter_map(|handle| self.named.remove(handle)).flatten().collect();
        for handle in by {
            for (fact, since) in self.rows.get_mut(&handle).into_iter().flatten() {
                if let Some(without) = without(fact, handles) {
                    let with = std::mem::replace(fact, without.clone());
                    give(((handle.clone(), with), *since), -1);
                    give(((handle.clone(), without), *since), 1);
                }
            }
        }
    }
}

/// Handles that a row names besides its own: those of its evidence (each event's is among them), and the one that
/// named the person it was made for.
fn foreign<'a>(handle: &'a Handle, fact: &'a PersonFact) -> impl Iterator<Item = Handle> + use<'a> {
    let sent = match fact {
        PersonFact::Sent(sent) => Some(sent),
        _ => None,
    };
    let named =
        sent.into_iter().flat_map(|sent| sent.episode.handles.iter().cloned().chain([sent.person.handle()]));
    named.filter(move |other| other != handle)
}

/// The fact without some handles and their events, where it names them. A person that a forgotten handle named is named by the one
/// that the offer stands under.
fn without(fact: &PersonFact, handles: &BTreeSet<Handle>) -> Option<PersonFact> {
    let PersonFact::Sent(sent) = fact else { return None };
    let misnamed = handles.contains(&sent.person.handle());
    if !misnamed && !sent.episode.handles.iter().any(|handle| handles.contains(handle)) {
        return None;
    }
    let mut sent = (**sent).clone();
    sent.episode.handles.retain(|handle| !handles.contains(handle));
    sent.because.events.retain(|evidence| !handles.contains(&evidence.handle));
    if misnamed {
        sent.person = Person::named_by(&sent.episode.anchor);
    }
    Some(PersonFact::Sent(Shared::new(sent)))
}

#[cfg(test)]
mod tests;
