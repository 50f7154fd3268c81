//! The last word on each pair of handles: what was said last by event time holds.
//!
//! Invariant: a pair that was never spoken of, or was forgotten, is not here. Cost: one entry a pair; the
//! handles that a handle is apart from are found without looking at all pairs.

use rustc_hash::{FxHashMap, FxHashSet};
use shopbell_model::facts::{Link, Moment};
use shopbell_model::key::Handle;

/// Two handles, the lesser one first.
type Pair = (Handle, Handle);

/// The last word on each pair of handles.
#[derive(Debug, Default)]
pub(super) struct Links {
    pairs: FxHashMap<Pair, (Moment, bool)>,
    /// Handles of which it was said last that they are not one person, both ways.
    apart: FxHashMap<Handle, FxHashSet<Handle>>,
    /// Pairs whose last word changed since they were last kept; none where nothing is kept.
    touched: Option<FxHashSet<Pair>>,
}

impl Links {
    /// Notes from now on which pairs change.
    pub(super) fn keep_track(&mut self) {
        self.touched.get_or_insert_default();
    }

    /// Takes a word on a pair, and reports what it changes.
    pub(super) fn say(&mut self, pair: Pair, at: Moment, linked: bool, mut report: impl FnMut(Link, isize)) {
        let (low, high) = &pair;
        let link = |at| Link { at, low: low.clone(), high: high.clone() };
        let before = self.pairs.get(&pair).copied();
        if before.is_some_and(|(last, _)| last > at) {
            return;
        }
        if let Some((last, true)) = before {
            report(link(last), -1);
        }
        if linked {
            report(link(at), 1);
        }
        for (here, there) in [(low, high), (high, low)] {
            if !linked {
                self.apart.entry(here.clone()).or_default().insert(there.clone());
            } else if before.is_some_and(|(_, linked)| !linked) {
                self.rejoin(here, there);
            }
        }
        if let Some(touched) = &mut self.touched {
            touched.insert(pair.clone());
        }
        self.pairs.insert(pair, (at, linked));
    }

    /// Handles of which it was said last that `handle` is not one person with them.
    pub(super) fn apart_from(&self, handle: &Handle) -> impl Iterator<Item = &Handle> {
        self.apart.get(handle).into_iter().flatten()
    }

    /// Forgets what was said of a pair; gives the link, where it was one.
    pub(super) fn forget(&mut self, one: &Handle, other: &Handle) -> Option<Link> {
        let (low, high) = if one < other { (one, other) } else { (other, one) };
        let pair = (low.clone(), high.clone());
        let (at, linked) = self.pairs.remove(&pair)?;
        if !linked {
            self.rejoin(low, high);
            self.rejoin(high, low);
        }
        let link = Link { at, low: low.clone(), high: high.clone() };
        if let Some(touched) = &mut self.touched {
            touched.insert(pair);
        }
        linked.then_some(link)
    }

    fn rejoin(&mut self, here: &Handle, there: &Handle) {
        if let Some(apart) = self.apart.get_mut(here) {
            apart.remove(there);
            if apart.is_empty() {
                self.apart.remove(here);
            }
        }
    }

    /// Gives the pairs that changed since the last call, with the last word on each.
    pub(super) fn keep(&mut self, mut give: impl FnMut(Pair, Option<(Moment, bool)>)) {
        let touched = self.touched.as_mut().map(std::mem::take).unwrap_or_default();
        for pair in touched {
            let said = self.pairs.get(&pair).copied();
            give(pair, said);
        }
    }
}
