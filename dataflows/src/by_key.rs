//! What follows from all rows of a key, kept up to date.
//!
//! Purpose: what differential's `reduce` gives where times are totally ordered, as ours are, for a
//! fraction of its cost: no traces to merge, no histories to replay, one look at a key a tick.
//! Invariant: after each tick a key's results are `logic` of its rows at that tick; both are sets of
//! rows with their numbers. The tests hold it against `reduce` on random rows.
//! Cost: the rows of each key that changed, once a tick; a key's rows and results are kept, sorted.

use crate::shards::shard_of;
use crate::ticks::Ticks;
use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use rustc_hash::FxHashMap;
use shopbell_model::time::Time;
use std::hash::Hash;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;

/// A key's rows, each with its number, and what followed from them last.
struct State<V, W> {
    rows: Vec<(V, isize)>,
    results: Vec<W>,
    /// Its rows changed in the tick at hand.
    touched: bool,
}

impl<V: Ord, W> State<V, W> {
    fn update(&mut self, row: V, diff: isize) {
        match self.rows.binary_search_by(|(known, _)| known.cmp(&row)) {
            Ok(place) => {
                let Some((_, count)) = self.rows.get_mut(place) else { return };
                *count += diff;
                if *count == 0 {
                    self.rows.remove(place);
                }
            }
            Err(place) => {
                // By itself a first row would take the room of four.
                if self.rows.len() < 4 {
                    self.rows.reserve_exact(1);
                }
                self.rows.insert(place, (row, diff));
            }
        }
    }
}

/// Gives what `logic` makes of the rows of each key that has any.
///
/// `logic` is called with the key's rows in their order, each once whatever its number, and adds its
/// results to an empty list. It must be a function of them.
pub(crate) fn by_key<'scope, K, V, W>(
    rows: VecCollection<'scope, Time, (K, V)>,
    name: &str,
    mut logic: impl FnMut(&K, &[(V, isize)], &mut Vec<W>) + 'static,
) -> VecCollection<'scope, Time, (K, W)>
where
    K: ExchangeData + Hash,
    V: ExchangeData,
    W: ExchangeData,
{
    let to_worker = Exchange::new(|((key, _), _, _): &((K, V), Time, isize)| shard_of(key));
    rows.inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(to_worker, name, move |_, _| {
            let mut ticks: Ticks<((K, V), isize)> = Ticks::default();
            let mut states: FxHashMap<K, State<V, W>> = FxHashMap::default();
            let mut touched: Vec<K> = Vec::new();
            let mut results: Vec<W> = Vec::new();
            move |(input, frontier), output| {
                input.for_each(|capability, changes| {
                    for (row, time, diff) in changes.drain(..) {
                        let port = output.output_index();
                        ticks.note(time, (row, diff), || capability.delayed(&time, port));
                    }
                });
                let frontier = frontier.frontier().first().copied();
                let Some((capability, complete)) = ticks.complete(frontier) else { return };
                let mut session = output.session(&capability);
                for (tick, changes) in complete {
                    for ((key, row), diff) in changes {
                        let state = match states.get_mut(&key) {
                            Some(state) => state,
                            None => states.entry(key.clone()).or_insert_with(|| State {
                                rows: Vec::new(),
                                results: Vec::new(),
                                touched: false,
                            }),
                        };
                        state.update(row, diff);
                        if !std::mem::replace(&mut state.touched, true) {
                            touched.push(key);
                        }
                    }
                    for key in touched.drain(..) {
                        let Some(state) = states.get_mut(&key) else { continue };
                        state.touched = false;
                        if !state.rows.is_empty() {
                            logic(&key, &state.rows, &mut results);
                            results.sort_unstable();
                        }
                        differences(&state.results, &results, |row, diff| {
                            session.give(((key.clone(), row), tick, diff));
                        });
                        // As much room as they take, and none where nothing changed: there are millions of keys.
                        if state.results != results {
                            let mut exact = Vec::with_capacity(results.len());
                            exact.append(&mut results);
                            state.results = exact;
                        }
                        results.clear();
                        if state.rows.is_empty() {
                            states.remove(&key);
                        }
                    }
                }
            }
        })
        .as_collection()
}

/// What has to change for the sorted `old` to become the sorted `new`.
pub(crate) fn differences<W: Ord + Clone>(old: &[W], new: &[W], mut give: impl FnMut(W, isize)) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(was), Some(is)) => was.cmp(is),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return,
        };
        if order.is_le()
            && let Some(was) = old.next()
            && order.is_lt()
        {
            give(was.clone(), -1);
        }
        if order.is_ge()
            && let Some(is) = new.next()
            && order.is_gt()
        {
            give(is.clone(), 1);
        }
    }
}

#[cfg(test)]
mod tests;
