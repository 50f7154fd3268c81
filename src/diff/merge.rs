//! Two outputs, merged by tick.
//!
//! Invariant: every tick of either side is seen once, in order of time, with the messages of both. Cost: a few ticks
//! of the faster side wait for the slower one.

use super::{Both, Side};
use crate::sink::{Message, Sink, SinkError, TickOutput};
use crossbeam_channel::{Receiver, Sender, bounded};
use shopbell_model::time::Time;

/// Ticks of one side that may wait for the other.
const WAITING: usize = 256;

/// Where a replay delivers to.
pub(super) struct Lane(Sender<TickOutput>);

/// A lane, and its other end.
pub(super) fn lane() -> (Lane, Receiver<TickOutput>) {
    let (sender, receiver) = bounded(WAITING);
    (Lane(sender), receiver)
}

impl Sink for Lane {
    fn name(&self) -> &str {
        "comparison"
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        let closed = |_| SinkError::ClosedPipe { name: self.name().to_owned() };
        self.0.send(output.clone()).map_err(closed)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Gives `see` the messages of both sides tick by tick, until both ended.
pub(super) fn merge<E>(
    old: Receiver<TickOutput>,
    new: Receiver<TickOutput>,
    mut see: impl FnMut(Time, Both<Vec<Message>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut heads = Both { old: old.recv().ok(), new: new.recv().ok() };
    loop {
        let ticks = [&heads.old, &heads.new].into_iter().flatten().map(|output| output.tick);
        let Some(tick) = ticks.min() else { return Ok(()) };
        let mut both = Both::default();
        for (side, lane) in [(Side::Old, &old), (Side::New, &new)] {
            let head = heads.side(side);
            if let Some(output) = head.take_if(|output| output.tick == tick) {
                *both.side(side) = output.messages;
                *head = lane.recv().ok();
            }
        }
        see(tick, both)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_once_in_order_with_both_sides() {
        let message = |text: &str| Message {
            key: String::new(),
            offer_id: text.to_owned(),
            kind: crate::sink::MessageKind::Made,
            channel: String::new(),
            valid_until: None,
            forgotten: false,
            json: "".into(),
        };
        let (mut old, old_out) = lane();
        let (mut new, new_out) = lane();
        for (lane, ticks) in [(&mut old, vec![1, 3, 4]), (&mut new, vec![2, 3, 9])] {
            for tick in ticks {
                let messages = vec![message(&tick.to_string())];
                lane.deliver(&TickOutput { tick, messages }).unwrap();
            }
        }
        drop((old, new));
        let mut seen = Vec::new();
        merge(old_out, new_out, |tick, both| {
            seen.push((tick, both.old.len(), both.new.len()));
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(seen, [(1, 1, 0), (2, 0, 1), (3, 1, 1), (4, 1, 0), (9, 0, 1)]);
    }
}
