//! What was said stands until its person is forgotten.
//!
//! Invariant: a row is gone from the tick after the one in which its handle is forgotten. This stands in the
//! ledger's loop, and holds nothing there but for ticks in which somebody is forgotten. Every worker hears of
//! all who are: a handle's row may name others. Cost: see [`Book`].

use super::book::Book;
use super::{Facts, Row, Since};
use crate::clock::Clock;
use crate::identity::ForgottenHandles;
use crate::shards::{bucket_of, shard_of};
use differential_dataflow::{AsCollection, VecCollection};
use shopbell_model::key::Handle;
use shopbell_model::settings::Retention;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Broadcast;

/// What is said, with since when, less what is forgotten, of that and of what the ledger began with.
pub(super) fn standing<'scope>(
    said: Facts<'scope>,
    forgotten: ForgottenHandles<'scope>,
    begin: &[Since],
    retention: Retention,
    clock: Clock,
) -> VecCollection<'scope, Time, Since> {
    let mut book = Book::new(retention, begin);
    // With the worker that begins with the handle's rows: what ends and what is said anew are given by one.
    let by_handle =
        Exchange::new(|((handle, _), _, _): &(Row, Time, isize)| bucket_of(shard_of(handle.key())).into());
    let name = "Ledger: forget";
    said.inner
        .binary_frontier::<_, CapacityContainerBuilder<Vec<_>>, _, _, _, _>(
            forgotten.broadcast(),
            by_handle,
            Pipeline,
            name,
            move |_, _| {
                let mut asked: BTreeMap<Time, BTreeSet<Handle>> = BTreeMap::new();
                // The right to speak after the first of those ticks.
                let mut held: Option<Capability<Time>> = None;
                move |(said, said_until), (forgotten, forgotten_until), output| {
                    let port = output.output_index();
                    said.for_each(|capability, rows| {
                        let mut session = output.session(&capability);
                        for (row, time, diff) in rows.drain(..) {
                            book.note(&row, time);
                            session.give(((row, time), time, diff));
                        }
                    });
                    forgotten.for_each(|capability, handles| {
                        for (handle, tick) in handles.drain(..) {
                            asked.entry(tick).or_default().insert(handle);
                            let after = tick.saturating_add(1);
                            if held.as_ref().is_none_or(|held| after < *held.time()) {
                                held = Some(capability.delayed(&after, port));
                            }
                        }
                    });
                    let frontiers = [said_until.frontier(), forgotten_until.frontier()];
                    let mut frontiers = frontiers.iter().map(|one| one.first().copied());
                    let Some(frontier) = frontiers.try_fold(Time::MAX, |a, b| b.map(|b| a.min(b))) else {
                        held = None;
                        return;
                    };
                    while let Some(entry) = asked.first_entry().filter(|entry| *entry.key() < frontier)
                        && let Some(capability) = &held
                    {
                        let (tick, handles) = entry.remove_entry();
                        let gone = clock.tick_of(tick.saturating_add(1));
                        let mut session = output.session(capability);
                        book.forget(&handles, |row, diff| session.give((row, gone, diff)));
                    }
                    let next = asked.keys().next().map(|tick| tick.saturating_add(1));
                    held = held.take().zip(next).map(|(held, next)| held.delayed(&next));
                }
            },
        )
        .as_collection()
}
