//! The clock of a live job: the wall clock, never going back.
//!
//! Invariant: it never shows less than before, and never stands still: where the wall clock is set
//! back, it goes on at half speed until the wall clock has caught up, so that deadlines are late by
//! less than the step, instead of by all of it. It is never ahead of the wall clock but then.
//! Cost: two system clocks read a call.

use shopbell_model::time::Time;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock.
#[derive(Debug)]
pub(super) struct LiveClock {
    /// When both clocks agreed last.
    agreed: (Duration, Instant),
}

impl LiveClock {
    pub(super) fn start() -> Self {
        LiveClock { agreed: (wall_clock(), Instant::now()) }
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&mut self) -> Time {
        self.read(wall_clock(), Instant::now()).as_millis() as Time
    }

    /// How long it is until that time; nothing where it has come.
    pub(super) fn until(&mut self, time: Time) -> Duration {
        Duration::from_millis(time).saturating_sub(self.read(wall_clock(), Instant::now()))
    }

    fn read(&mut self, wall: Duration, at: Instant) -> Duration {
        let slowest = self.agreed.0 + at.saturating_duration_since(self.agreed.1) / 2;
        if wall < slowest {
            return slowest;
        }
        self.agreed = (wall, at);
        wall
    }
}

fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_back_it_goes_on_slowly_until_the_wall_clock_has_caught_up() {
        let start = Instant::now();
        let mut clock = LiveClock { agreed: (Duration::from_secs(100), start) };
        let mut read = |wall, elapsed| {
            clock.read(Duration::from_secs(wall), start + Duration::from_secs(elapsed)).as_secs()
        };
        assert_eq!(read(101, 1), 101);
        // Set back by 41 seconds at second 1.
        assert_eq!(read(61, 2), 101);
        assert_eq!(read(100, 41), 121);
        assert_eq!(read(141, 82), 141);
        assert_eq!(read(150, 91), 150);
        // Set forward it follows at once.
        assert_eq!(read(1000, 92), 1000);
    }
}
