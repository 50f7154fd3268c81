//! Who is who, tick by tick: links said and taken back, and persons who are forgotten.
//!
//! Invariant: after a tick nothing here that is kept names a handle forgotten in it. For everybody else the
//! forgotten are gone in that very tick; they themselves stay one person until the next one, so that their
//! offers can be withdrawn from it. Cost: a person who is forgotten costs its own links.

use super::links::Links;
use super::{IdentityCounts, Persons, Renaming};
use crate::explain::{At, IdentityView, LinkView};
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Link, Moment};
use shopbell_model::key::Handle;
use shopbell_model::settings::Identity;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// What is said of who is who.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// Two handles are one person, or are not.
    Link {
        /// The lesser handle.
        low: Handle,
        /// The greater handle.
        high: Handle,
        /// When it was said.
        at: Moment,
        /// They are, or they are not.
        linked: bool,
    },
    /// The person of this handle is to be forgotten.
    Forget(Handle),
}

/// What follows from the words of a tick.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Handles whose person changes.
    pub(super) renamings: Vec<(Renaming, isize)>,
    /// Handles that are forgotten.
    pub(super) forgotten: BTreeSet<Handle>,
}

/// All words on the handles of some brands, and the persons that follow.
#[derive(Debug)]
pub(super) struct Registry {
    links: Links,
    persons: Persons,
    /// Links among handles of a forgotten person, by the tick in which they go.
    going: BTreeMap<Time, Vec<Link>>,
}

impl Registry {
    pub(super) fn new(limits: Identity) -> Registry {
        Registry { links: Links::default(), persons: Persons::new(limits), going: BTreeMap::new() }
    }

    /// Notes from now on what changes.
    pub(super) fn keep_track(&mut self) {
        self.links.keep_track();
    }

    /// Gives the pairs that changed since the last call, with the last word on each.
    pub(super) fn keep(&mut self, give: impl FnMut((Handle, Handle), Option<(Moment, bool)>)) {
        self.links.keep(give);
    }

    /// The next tick in which something changes without a word.
    pub(super) fn next(&self) -> Option<Time> {
        self.going.keys().next().copied()
    }

    /// What the limits stop now.
    pub(super) fn counts(&self) -> IdentityCounts {
        self.persons.counts()
    }

    /// Who is behind a handle, and what makes them one; nothing where it is linked with nobody.
    pub(super) fn identity_of(&self, handle: &Handle) -> Option<IdentityView> {
        self.persons.linked_with(handle).next()?;
        let links = self.persons.links_of(handle).into_iter().map(|(at, one, other)| LinkView {
            at: At(at),
            one: one.as_str().to_owned(),
            other: other.as_str().to_owned(),
        });
        let mut links: Vec<LinkView> = links.collect();
        links.sort_unstable();
        let shared = self.persons.joins_nobody(handle);
        Some(IdentityView { person: self.persons.person_of(handle), shared, links })
    }

    /// Takes the words of a tick, in any order. `next` is the tick after it.
    pub(super) fn tick(&mut self, tick: Time, words: Vec<Word>, next: Time) -> Told {
        let mut told = Told::default();
        let mut sums: BTreeMap<Link, isize> = BTreeMap::new();
        for link in self.going.remove(&tick).into_iter().flatten() {
            *sums.entry(link).or_default() -= 1;
        }
        let mut asked = BTreeSet::new();
        for word in words {
            match word {
                Word::Link { low, high, at, linked } => {
                    self.links
                        .say((low, high), at, linked, |link, diff| *sums.entry(link).or_default() += diff);
                }
                Word::Forget(handle) => {
                    asked.insert(handle);
                }
            }
        }
        // Taken away before added, so that a link that moves in time is not lost.
        for wanted in [false, true] {
            let same = |diff: isize| diff != 0 && (diff > 0) == wanted;
            for (link, diff) in sums.iter().filter(|(_, diff)| same(**diff)) {
                self.persons.update(link, *diff);
            }
        }
        self.persons.settle(|renaming, diff| told.renamings.push((renaming, diff)));
        if !asked.is_empty() {
            told.forgotten = asked.iter().flat_map(|handle| self.persons.handles_of(handle)).collect();
            self.forget(&told.forgotten, next);
            self.persons.settle(|renaming, diff| told.renamings.push((renaming, diff)));
        }
        told
    }

    fn forget(&mut self, handles: &BTreeSet<Handle>, next: Time) {
        for handle in handles {
            let others = self.persons.linked_with(handle).chain(self.links.apart_from(handle));
            let others: Vec<Handle> = others.cloned().collect();
            for other in others {
                let Some(link) = self.links.forget(handle, &other) else { continue };
                if handles.contains(&other) {
                    self.going.entry(next).or_default().push(link);
                } else {
                    self.persons.update(&link, -1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
