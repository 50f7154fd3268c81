//! Ticks under way: when they began, and when their events came in.
//!
//! Invariant: an entry lives from a tick's submission to its completion; memory is that of the
//! unfinished ticks. Cost: a few bytes an event, one lock a tick on either side.

use crate::intake::fingerprint_of;
use crate::metrics::Metrics;
use rustc_hash::FxHashMap;
use shopbell_model::key::{Brand, EventRef};
use shopbell_model::time::Time;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// When the events of one tick came in, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    rows: Vec<(u128, Instant)>,
    /// Made when it is first asked for: most ticks make no offer.
    index: Option<FxHashMap<u128, Instant>>,
}

impl Arrivals {
    pub(super) fn add(&mut self, fingerprint: u128, came: Instant) {
        self.rows.push((fingerprint, came));
    }

    /// When the newest of these events came, as far as they came in this tick.
    pub(super) fn newest(&mut self, brand: &Brand, events: &[EventRef]) -> Option<Instant> {
        if self.rows.is_empty() {
            return None;
        }
        let index = self.index.get_or_insert_with(|| self.rows.iter().copied().collect());
        events.iter().filter_map(|event| index.get(&fingerprint_of(brand, event)).copied()).max()
    }
}

#[derive(Debug)]
struct UnfinishedTick {
    tick: Time,
    until: Time,
    began: Instant,
    arrivals: Arrivals,
}

/// All ticks under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    ticks: Mutex<VecDeque<UnfinishedTick>>,
    metrics: Metrics,
}

impl UnderWay {
    pub(super) fn new(metrics: Metrics) -> Self {
        UnderWay { ticks: Mutex::default(), metrics }
    }

    fn ticks(&self) -> MutexGuard<'_, VecDeque<UnfinishedTick>> {
        // Rows are whole at any time.
        self.ticks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tick is about to be submitted, with time going on to `until`.
    pub(super) fn begin(&self, tick: Time, until: Time, arrivals: Arrivals) {
        let mut ticks = self.ticks();
        ticks.push_back(UnfinishedTick { tick, until, began: Instant::now(), arrivals });
        self.metrics.unfinished_ticks.set(ticks.len() as i64);
    }

    /// The arrivals of a tick whose messages are being handed over.
    pub(super) fn arrivals_of(&self, tick: Time) -> Arrivals {
        let mut ticks = self.ticks();
        let found = ticks.iter_mut().find(|unfinished| unfinished.tick == tick);
        found.map(|unfinished| std::mem::take(&mut unfinished.arrivals)).unwrap_or_default()
    }

    /// Everything before `time` is complete.
    pub(super) fn complete(&self, time: Time) {
        let mut ticks = self.ticks();
        while let Some(done) = ticks.front().filter(|unfinished| unfinished.until <= time) {
            self.metrics.tick.observe(done.began.elapsed());
            ticks.pop_front();
        }
        self.metrics.unfinished_ticks.set(ticks.len() as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopbell_model::key::Text;
    use std::time::Duration;

    fn event(id: &str) -> EventRef {
        EventRef { source: Text::from("test"), id: Text::from(id) }
    }

    #[test]
    fn the_newest_cause_of_the_tick_counts() {
        let (brand, other) = (Brand::default(), Brand::new("other"));
        let came = Instant::now();
        let mut arrivals = Arrivals::default();
        for (age, id) in [(0, "a"), (5, "b"), (9, "c")] {
            arrivals.add(fingerprint_of(&brand, &event(id)), came + Duration::from_millis(age));
        }
        let newest = arrivals.newest(&brand, &[event("b"), event("a"), event("long ago")]);
        assert_eq!(newest, Some(came + Duration::from_millis(5)));
        assert_eq!(arrivals.newest(&brand, &[event("long ago")]), None);
        assert_eq!(arrivals.newest(&other, &[event("a")]), None);
    }

    #[test]
    fn a_tick_is_forgotten_when_it_is_complete() {
        let metrics = Metrics::new();
        let under_way = UnderWay::new(metrics.clone());
        for tick in [10, 20] {
            let mut arrivals = Arrivals::default();
            arrivals.add(tick.into(), Instant::now());
            under_way.begin(tick, tick + 1, arrivals);
        }
        assert_eq!(metrics.unfinished_ticks.get(), 2);
        under_way.complete(11);
        assert_eq!(metrics.unfinished_ticks.get(), 1);
        assert!(under_way.arrivals_of(10).rows.is_empty());
        assert_eq!(under_way.arrivals_of(20).rows.len(), 1);
        under_way.complete(20);
        assert_eq!(metrics.unfinished_ticks.get(), 1);
        under_way.complete(21);
        assert_eq!(metrics.unfinished_ticks.get(), 0);
        assert!(metrics.text().unwrap().contains("shopbell_tick_seconds_count 2"));
    }
}
