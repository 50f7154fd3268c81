//! Identity: which handles are one person.
//!
//! Purpose: connected components over links, with unlinking, shared handles that link nobody, and a
//! cap on the handles of a person. Invariant: the persons are a function of the set of links alone (see
//! docs/semantics.md), however it came about. Cost: a changed link costs its own component, which the
//! two limits keep small; links of a brand are kept on one worker.
//!
//! Not an iteration in the graph: the cap takes links in order of time, which label propagation
//! cannot express, and a component of a few handles is found again in microseconds.

mod links;
mod operator;
mod registry;

pub use operator::words_of;
pub(crate) use operator::{ForgottenHandles, Identified, LinkRows, Words, identity, shard_of_brand};
pub use registry::Word;

use rustc_hash::{FxHashMap, FxHashSet};
use shopbell_model::facts::{Link, Moment};
use shopbell_model::key::{Handle, Person};
use shopbell_model::settings::Identity;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A handle's person, where the person is not named by the handle itself.
pub type Renaming = (Handle, Person);

/// Alarms: what the limits stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityCounts {
    /// Handles with too many links to mean anything.
    pub shared_handles: usize,
    /// Links not followed because the person would have too many handles.
    pub capped_links: usize,
}

/// All links of some brands, and the persons that follow.
#[derive(Debug)]
pub struct Persons {
    limits: Identity,
    links: FxHashMap<Handle, BTreeMap<Handle, Moment>>,
    /// Persons of handles that are not named by themselves.
    renamed: FxHashMap<Handle, Person>,
    /// Handles whose person may have changed.
    touched: BTreeSet<Handle>,
    capped: FxHashSet<(Handle, Handle)>,
    shared: usize,
}

impl Persons {
    /// Nobody is linked yet.
    pub fn new(limits: Identity) -> Self {
        Persons {
            limits,
            links: FxHashMap::default(),
            renamed: FxHashMap::default(),
            touched: BTreeSet::new(),
            capped: FxHashSet::default(),
            shared: 0,
        }
    }

    /// Adds or takes away a link; [`Persons::settle`] says what follows.
    pub fn update(&mut self, link: &Link, diff: isize) {
        self.capped.remove(&(link.low.clone(), link.high.clone()));
        for (here, there) in [(&link.low, &link.high), (&link.high, &link.low)] {
            let before = self.is_shared(here);
            let links = self.links.entry(here.clone()).or_default();
            if diff > 0 {
                links.insert(there.clone(), link.at);
            } else if links.get(there) == Some(&link.at) {
                links.remove(there);
            }
            let after = self.is_shared(here);
            self.touched.insert(here.clone());
            if before != after {
                self.shared = if after { self.shared + 1 } else { self.shared - 1 };
                for there in self.links.get(here).into_iter().flat_map(BTreeMap::keys) {
                    self.touched.insert(there.clone());
                    // Where it counts again, the component says whether the cap stops it.
                    let (low, high) = if here < there { (here, there) } else { (there, here) };
                    self.capped.remove(&(low.clone(), high.clone()));
                }
            }
            if self.links.get(here).is_some_and(BTreeMap::is_empty) {
                self.links.remove(here);
            }
        }
    }

    fn is_shared(&self, handle: &Handle) -> bool {
        self.links.get(handle).is_some_and(|links| links.len() > self.limits.max_links as usize)
    }

    /// Whether a handle links nobody: it is linked with too many, or blocked.
    pub fn joins_nobody(&self, handle: &Handle) -> bool {
        self.is_shared(handle) || self.limits.blocks(handle)
    }

    /// Recomputes the components of what was touched and reports every handle whose person changed:
    /// −1 with the old person, +1 with the new one.
    pub fn settle(&mut self, mut report: impl FnMut(Renaming, isize)) {
        let mut seeds = std::mem::take(&mut self.touched);
        while let Some(seed) = seeds.pop_first() {
            let (members, links) = self.component(&seed);
            for member in &members {
                seeds.remove(member);
            }
            self.name(&members, &links, &mut report);
        }
    }

    /// All handles of a handle's person, as of the last settling.
    pub fn handles_of(&self, handle: &Handle) -> Vec<Handle> {
        let (mut members, _) = self.component(handle);
        members.retain(|member| self.person_of(member) == self.person_of(handle));
        members
    }

    /// Handles that a handle is linked with, whether that counts or not.
    pub fn linked_with(&self, handle: &Handle) -> impl Iterator<Item = &Handle> {
        self.links.get(handle).into_iter().flat_map(BTreeMap::keys)
    }

    /// The links between the handles of a handle's person, with the time of each, as of the last settling.
    pub fn links_of(&self, handle: &Handle) -> Vec<(Time, Handle, Handle)> {
        let (_, mut links) = self.component(handle);
        let person = self.person_of(handle);
        links.retain(|(_, low, high)| self.person_of(low) == person && self.person_of(high) == person);
        links
    }

    /// The person of a handle, as of the last settling.
    pub fn person_of(&self, handle: &Handle) -> Person {
        self.renamed.get(handle).cloned().unwrap_or_else(|| Person::named_by(handle))
    }

    /// The handles that can be reached from `seed` over links that count, and those links.
    fn component(&self, seed: &Handle) -> (Vec<Handle>, Vec<(Time, Handle, Handle)>) {
        let mut members = vec![seed.clone()];
        let mut links = Vec::new();
        if self.joins_nobody(seed) {
            return (members, links);
        }
        let mut known: FxHashSet<Handle> = members.iter().cloned().collect();
        let mut next = 0;
        while let Some(here) = members.get(next).cloned() {
            next += 1;
            for (there, at) in self.links.get(&here).into_iter().flatten() {
                if self.joins_nobody(there) {
                    continue;
                }
                if here < *there {
                    links.push((at.time, here.clone(), there.clone()));
                }
                if known.insert(there.clone()) {
                    members.push(there.clone());
                }
            }
        }
        links.sort_unstable();
        (members, links)
    }

    /// Joins the members link by link, as long as a person stays within the cap, and names them.
    fn name(
        &mut self,
        members: &[Handle],
        links: &[(Time, Handle, Handle)],
        report: &mut impl FnMut(Renaming, isize),
    ) {
        let index: FxHashMap<&Handle, usize> = members.iter().enumerate().map(|(i, h)| (h, i)).collect();
        let mut sets = Sets::new(members.len());
        for (_, low, high) in links {
            let (Some(low_index), Some(high_index)) = (index.get(low), index.get(high)) else { continue };
            let joined = sets.join(*low_index, *high_index, self.limits.max_handles as usize);
            let pair = (low.clone(), high.clone());
            if joined {
                self.capped.remove(&pair);
            } else {
                self.capped.insert(pair);
            }
        }
        let mut names: FxHashMap<usize, &Handle> = FxHashMap::default();
        for (i, member) in members.iter().enumerate() {
            let name = names.entry(sets.find(i)).or_insert(member);
            if (member.rank(), member.as_str()) < (name.rank(), name.as_str()) {
                *name = member;
            }
        }
        for (i, member) in members.iter().enumerate() {
            let Some(name) = names.get(&sets.find(i)) else { continue };
            let own = Person::named_by(member);
            let new = Person::named_by(name);
            let old = self.renamed.get(member).unwrap_or(&own);
            if *old == new {
                continue;
            }
            report((member.clone(), old.clone()), -1);
            report((member.clone(), new.clone()), 1);
            if new == own {
                self.renamed.remove(member);
            } else {
                self.renamed.insert(member.clone(), new);
            }
        }
    }

    /// What the limits stop now.
    pub fn counts(&self) -> IdentityCounts {
        IdentityCounts { shared_handles: self.shared, capped_links: self.capped.len() }
    }
}

/// Disjoint sets of numbers, with their sizes.
struct Sets {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Sets {
    fn new(count: usize) -> Self {
        Sets { parent: (0..count).collect(), size: vec![1; count] }
    }

    fn find(&mut self, mut member: usize) -> usize {
        while let Some(&parent) = self.parent.get(member) {
            if parent == member {
                break;
            }
            let above = self.parent.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parent.get_mut(member) {
                *slot = above;
            }
            member = above;
        }
        member
    }

    /// Joins two sets unless the union had more than `cap` members; whether they are one now.
    fn join(&mut self, a: usize, b: usize, cap: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return true;
        }
        let size_of = |sets: &Self, set: usize| sets.size.get(set).copied().unwrap_or(1);
        let (size_a, size_b) = (size_of(self, a), size_of(self, b));
        if size_a + size_b > cap {
            return false;
        }
        let (small, large) = if size_a < size_b { (a, b) } else { (b, a) };
        if let Some(parent) = self.parent.get_mut(small) {
            *parent = large;
        }
        if let Some(size) = self.size.get_mut(large) {
            *size = size_a + size_b;
        }
        true
    }
}

#[cfg(test)]
mod tests;
