//! All messages of a tick in one place and in order.
//!
//! Invariant: a tick's messages are handed over once, sorted, when no more can come.

use shopbell_model::offer::Message;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;

/// Brings messages to the first worker and hands over complete ticks. The stream that comes out is
/// empty; its frontier says which ticks were handed over.
pub(crate) fn gather<'scope>(
    messages: Stream<'scope, Time, Vec<Message>>,
    mut deliver: impl FnMut(Time, Vec<Message>) + 'static,
) -> Stream<'scope, Time, Vec<()>> {
    let to_first = Exchange::new(|_: &Message| 0);
    messages.unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
        to_first,
        "Gather",
        move |held, _| {
            let mut held = Some(held);
            let mut waiting: BTreeMap<Time, Vec<Message>> = BTreeMap::new();
            move |(input, frontier), _| {
                input.for_each(|_, messages| {
                    for message in messages.drain(..) {
                        waiting.entry(message.tick).or_default().push(message);
                    }
                });
                let (Some(frontier), Some(capability)) =
                    (frontier.frontier().first().copied(), held.as_mut())
                else {
                    held = None;
                    return;
                };
                while let Some(entry) = waiting.first_entry().filter(|entry| *entry.key() < frontier) {
                    let (tick, mut messages) = entry.remove_entry();
                    messages.sort_unstable();
                    deliver(tick, messages);
                }
                capability.downgrade(&frontier);
            }
        },
    )
}
