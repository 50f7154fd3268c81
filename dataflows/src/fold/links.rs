//! Links between handles: for a pair, what was said last by event time holds.

use super::Changes;
use rustc_hash::FxHashMap;
use shopbell_model::facts::{Link, Moment};
use shopbell_model::key::Handle;

/// The last word on each pair of handles.
#[derive(Debug, Default)]
pub(super) struct Links {
    pairs: FxHashMap<(Handle, Handle), (Moment, bool)>,
}

impl Links {
    /// The last word on a pair.
    pub(super) fn of(&self, low: &Handle, high: &Handle) -> Option<(Moment, bool)> {
        self.pairs.get(&(low.clone(), high.clone())).copied()
    }

    pub(super) fn apply(&mut self, low: Handle, high: Handle, at: Moment, linked: bool, out: &mut Changes) {
        let link = |at| Link { at, low: low.clone(), high: high.clone() };
        let key = (low.clone(), high.clone());
        let before = self.pairs.get(&key).copied();
        if before.is_some_and(|(last, _)| last > at) {
            return;
        }
        if let Some((last, true)) = before {
            out.links.push((link(last), -1));
        }
        if linked {
            out.links.push((link(at), 1));
        }
        self.pairs.insert(key, (at, linked));
    }
}
