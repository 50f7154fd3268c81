//! Rows of two kinds with the same key, paired, kept up to date.
//!
//! Purpose: what differential's `join` gives where times are totally ordered, without arranging
//! either side. Invariant: after each tick the results are those of all pairs at that tick. The tests
//! hold it against `join`. Cost: of each change, the rows of the other side under its key; both sides
//! are kept. Where several joins share an arrangement differential's own is better.

use crate::counted::Rows;
use crate::shards::shard_of;
use crate::ticks::Ticks;
use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use rustc_hash::FxHashMap;
use shopbell_model::time::Time;
use std::hash::Hash;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;

/// A row of either kind.
enum Row<A, B> {
    Left(A),
    Right(B),
}

/// Gives what `pair` makes of each two rows with the same key.
pub(crate) fn joined<'scope, K, A, B, W, I>(
    left: VecCollection<'scope, Time, (K, A)>,
    right: VecCollection<'scope, Time, (K, B)>,
    name: &str,
    mut pair: impl FnMut(&K, &A, &B) -> I + 'static,
) -> VecCollection<'scope, Time, W>
where
    K: ExchangeData + Hash,
    A: ExchangeData,
    B: ExchangeData,
    W: ExchangeData,
    I: IntoIterator<Item = W>,
{
    let left_to = Exchange::new(|((key, _), _, _): &((K, A), Time, isize)| shard_of(key));
    let right_to = Exchange::new(|((key, _), _, _): &((K, B), Time, isize)| shard_of(key));
    left.inner
        .binary_frontier::<_, CapacityContainerBuilder<Vec<_>>, _, _, _, _>(
            right.inner,
            left_to,
            right_to,
            name,
            move |_, _| {
                let mut ticks: Ticks<(K, Row<A, B>, isize)> = Ticks::default();
                let mut known: FxHashMap<K, (Rows<A>, Rows<B>)> = FxHashMap::default();
                move |(left, left_frontier), (right, right_frontier), output| {
                    let port = output.output_index();
                    left.for_each(|capability, changes| {
                        for ((key, row), time, diff) in changes.drain(..) {
                            let change = (key, Row::Left(row), diff);
                            ticks.note(time, change, || capability.delayed(&time, port));
                        }
                    });
                    right.for_each(|capability, changes| {
                        for ((key, row), time, diff) in changes.drain(..) {
                            let change = (key, Row::Right(row), diff);
                            ticks.note(time, change, || capability.delayed(&time, port));
                        }
                    });
                    let frontiers = [left_frontier.frontier(), right_frontier.frontier()];
                    let frontier = frontiers.iter().flat_map(|one| one.iter().copied()).min();
                    let Some((capability, complete)) = ticks.complete(frontier) else { return };
                    let mut session = output.session(&capability);
                    for (tick, changes) in complete {
                        for (key, row, diff) in changes {
                            let (left, right) = match known.get_mut(&key) {
                                Some(rows) => rows,
                                None => known.entry(key.clone()).or_default(),
                            };
                            match row {
                                Row::Left(row) => {
                                    for (other, count) in right.iter() {
                                        let results = pair(&key, &row, other).into_iter();
                                        session
                                            .give_iterator(results.map(|given| (given, tick, diff * count)));
                                    }
                                    left.add(row, diff);
                                }
                                Row::Right(row) => {
                                    for (other, count) in left.iter() {
                                        let results = pair(&key, other, &row).into_iter();
                                        session
                                            .give_iterator(results.map(|given| (given, tick, diff * count)));
                                    }
                                    right.add(row, diff);
                                }
                            }
                            if left.is_empty() && right.is_empty() {
                                known.remove(&key);
                            }
                        }
                    }
                }
            },
        )
        .as_collection()
}

#[cfg(test)]
mod tests;
