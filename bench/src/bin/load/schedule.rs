//! When each event is due, and which events have been handed over.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The fixed timetable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    start: Instant,
    rate: f64,
}

impl Schedule {
    pub(crate) fn new(start: Instant, rate: f64) -> Self {
        Schedule { start, rate }
    }

    /// When event `index` is due.
    pub(crate) fn due(&self, index: u64) -> Instant {
        self.start + Duration::from_secs_f64(index as f64 / self.rate)
    }

    /// How many events are due by `now`.
    pub(crate) fn due_by(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_secs_f64();
        (elapsed * self.rate).floor() as u64 + 1
    }
}

/// The place of every event that was sent, by [`crate::event::key`], for the listener.
#[derive(Default)]
pub(crate) struct Ledger {
    places: Mutex<HashMap<u64, u64>>,
    schedule: OnceLock<Schedule>,
}

impl Ledger {
    pub(crate) fn begin(&self, schedule: Schedule) {
        // The first one stands; there is only one.
        let _ = self.schedule.set(schedule);
    }

    /// Notes events; of two copies the first counts, since the second changes nothing.
    pub(crate) fn note(&self, events: impl Iterator<Item = (u64, u64)>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, index) in events {
            places.entry(key).or_insert(index);
        }
    }

    /// When the latest of these events was due; `None` where none was sent from here.
    pub(crate) fn latest_due(&self, keys: impl Iterator<Item = u64>) -> Option<Instant> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = keys.filter_map(|key| places.get(&key)).max()?;
        Some(self.schedule.get()?.due(*latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_cause_counts_and_of_two_copies_the_first() {
        let ledger = Ledger::default();
        let start = Instant::now();
        ledger.begin(Schedule::new(start, 100.0));
        ledger.note([(7, 10), (8, 20), (7, 90)].into_iter());
        let due = |keys: &[u64]| {
            let latest = ledger.latest_due(keys.iter().copied())?;
            Some((latest - start).as_millis())
        };
        assert_eq!(due(&[7]), Some(100));
        assert_eq!(due(&[8, 7, 9]), Some(200));
        assert_eq!(due(&[9]), None);
    }

    #[test]
    fn the_first_event_is_due_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 1000.0);
        assert_eq!(schedule.due_by(start), 1);
        assert_eq!(schedule.due_by(start + Duration::from_micros(9_500)), 10);
        assert_eq!(schedule.due(9), start + Duration::from_millis(9));
    }
}
