//! Rows that wait until the clock reaches them.
//!
//! Invariant: a row that is due at `d` comes out at the tick of `d`, or at its own time where that is
//! later, and so does its retraction: a row taken back before it is due is never seen.
//! Cost: one hash-map entry a waiting row, whatever their number; ten million rows due at once come
//! out in portions.

use crate::clock::Clock;
use crate::wheel::Wheel;
use differential_dataflow::{AsCollection, Data, VecCollection};
use shopbell_model::time::Time;
use std::hash::Hash;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

/// Rows released at most before other operators have their turn.
const PORTION: usize = 65_536;

/// What a waiting place reports: rows that wait, and when the next is due.
pub type Waiting = (usize, Option<Time>);

/// Delays each row to the tick of its due time.
///
/// Between ticks only the capability of the next due tick is held: this operator may stand in a loop,
/// and one that held its frontier there would let time advance by a millisecond a round.
pub fn when_due<'scope, D: Data + Hash>(
    rows: VecCollection<'scope, Time, (D, Time)>,
    clock: Clock,
    name: &str,
    mut report: impl FnMut(Waiting) + 'static,
) -> VecCollection<'scope, Time, D> {
    let scope = rows.inner.scope();
    rows.inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(Pipeline, name, move |_, info| {
            let activator = scope.activator_for(info.address);
            let mut held: Option<Capability<Time>> = None;
            let mut wheel: Wheel<D> = Wheel::default();
            let mut portion = Vec::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| {
                    let Some(capability) = capability.retain_least(output.output_index()) else { return };
                    let mut earliest = Time::MAX;
                    let mut session = output.session(&capability);
                    for ((row, due), time, diff) in updates.drain(..) {
                        if clock.fires_before(due, time.saturating_add(1)).is_some() {
                            session.give((row, time, diff));
                        } else {
                            earliest = earliest.min(clock.tick_of(due).max(time));
                            wheel.update(due, row, diff);
                        }
                    }
                    if earliest < held.as_ref().map_or(Time::MAX, |held| *held.time()) {
                        held = Some(capability.delayed(&earliest));
                    }
                });
                // At the empty frontier the job ends; what still waits must not come true by that.
                let frontier = frontier.frontier().first().copied();
                let (Some(frontier), Some(capability)) = (frontier, held.as_mut()) else {
                    held = None;
                    return;
                };
                let mut left = PORTION;
                let mut session = output.session(&*capability);
                while let Some(due) = wheel.next_due()
                    && left > 0
                    && clock.fires_before(due, frontier).is_some()
                {
                    let tick = clock.tick_of(due).max(*capability.time());
                    wheel.pop(due, left, &mut portion);
                    left -= portion.len().min(left);
                    session.give_iterator(portion.drain(..).map(|(row, diff)| (row, tick, diff)));
                }
                drop(session);
                if left == 0 {
                    activator.activate();
                }
                match wheel.next_due().filter(|due| clock.comes_to(*due)) {
                    Some(due) => capability.downgrade(&clock.tick_of(due).max(*capability.time())),
                    None => held = None,
                }
                report((wheel.len(), wheel.next_due()));
            }
        })
        .as_collection()
}

#[cfg(test)]
mod tests;
