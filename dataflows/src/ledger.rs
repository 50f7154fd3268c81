//! What was said, kept as facts: the other half of the loop.
//!
//! Invariant: a commitment of tick t is a fact from t + 1 on, until its retention ends; while the
//! offer can still be withdrawn it is also watched together with its situation. Cost: two waiting rows an offer.

use crate::clock::Clock;
use crate::when_due::{Waiting, when_due};
use differential_dataflow::VecCollection;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::Handle;
use shopbell_model::time::{Duration, Time};
use timely::dataflow::Stream;

/// Facts of the ledger, each until its retention ends.
pub(crate) fn kept<'scope>(
    said: VecCollection<'scope, Time, (Handle, PersonFact)>,
    retention: Duration,
    clock: Clock,
    report: impl FnMut(Waiting) + 'static,
) -> VecCollection<'scope, Time, (Handle, PersonFact)> {
    let ended = said.clone().inner.map_at(retention);
    let ended = when_due(ended, clock, "When due: ledger", report);
    said.concat(ended.negate())
}

/// Adds to each fact the end of its retention, counted from when it became one.
trait MapAt<'scope> {
    fn map_at(self, retention: Duration) -> VecCollection<'scope, Time, ((Handle, PersonFact), Time)>;
}

impl<'scope> MapAt<'scope> for Stream<'scope, Time, Vec<((Handle, PersonFact), Time, isize)>> {
    fn map_at(self, retention: Duration) -> VecCollection<'scope, Time, ((Handle, PersonFact), Time)> {
        use differential_dataflow::AsCollection;
        use timely::dataflow::operators::vec::Map;
        self.map(move |(row, time, diff)| ((row, time.saturating_add(retention.0)), time, diff))
            .as_collection()
    }
}
