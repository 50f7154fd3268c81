//! The grid on which moments become ticks.
//!
//! Invariant: what is due at `d` is decided at the first grid point at or after `d`, and not at all
//! while `d` lies behind the horizon (the last moment of a replay's clock).

use shopbell_model::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Grid and horizon, shared by everything in a process that waits for time to pass.
#[derive(Clone, Debug)]
pub struct Clock {
    grid: u64,
    horizon: Arc<AtomicU64>,
}

impl Clock {
    /// A clock whose ticks are multiples of `grid` milliseconds (at least 1), without a horizon.
    pub fn new(grid: u64) -> Self {
        Clock { grid: grid.max(1), horizon: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// Milliseconds from one tick to the next.
    pub fn grid(&self) -> u64 {
        self.grid
    }

    /// The tick of a moment.
    pub fn tick_of(&self, moment: Time) -> Time {
        moment.div_ceil(self.grid).saturating_mul(self.grid)
    }

    /// The last tick before a time.
    pub fn tick_before(&self, time: Time) -> Time {
        time.saturating_sub(1) / self.grid * self.grid
    }

    /// From here on nothing that is due later than `moment` fires. To be set before the tick of
    /// `moment` is closed.
    pub fn stop_at(&self, moment: Time) {
        self.horizon.store(moment, Ordering::Release);
    }

    /// How far time has come in `tick`: to it, or to the horizon.
    pub fn until(&self, tick: Time) -> Time {
        tick.min(self.horizon.load(Ordering::Acquire))
    }

    /// Whether the clock ever comes to `due`: whoever waits for a moment behind the horizon must hold
    /// nothing for it, or the last tick is never complete.
    pub fn comes_to(&self, due: Time) -> bool {
        due <= self.horizon.load(Ordering::Acquire)
    }

    /// The tick at which something due at `due` is decided, if it is at all before `frontier`.
    pub fn fires_before(&self, due: Time, frontier: Time) -> Option<Time> {
        let tick = self.tick_of(due);
        (tick < frontier && self.comes_to(due)).then_some(tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_fall_on_the_next_grid_point() {
        let clock = Clock::new(100);
        assert_eq!((clock.tick_of(1900), clock.tick_of(1901), clock.tick_of(2000)), (1900, 2000, 2000));
        assert_eq!((clock.tick_before(1901), clock.tick_before(1900), clock.tick_before(0)), (1900, 1800, 0));
        assert_eq!(clock.fires_before(1950, 2000), None);
        assert_eq!(clock.fires_before(1950, 2001), Some(2000));
        clock.stop_at(1940);
        assert_eq!(clock.fires_before(1950, 2001), None);
        assert_eq!(clock.fires_before(1940, 2001), Some(2000));
        assert!(clock.comes_to(1940) && !clock.comes_to(1941));
    }
}
