//! Zone visits from one handle's readings.
//!
//! Invariant: after any number of readings in order of time, the visits are those of
//! docs/semantics.md; nothing but the readings and the settings matters.
//! Cost: a scan of the zones heard within `exit_after`, a handful.

use serde::{Deserialize, Serialize};
use shopbell_model::facts::Moment;
use shopbell_model::key::EventRef;
use shopbell_model::settings::{Presence, PresenceMode};
use shopbell_model::time::Time;
use shopbell_model::value::Rssi;

/// One reading of a sensor in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When.
    pub at: Moment,
    /// In which zone.
    pub zone: u32,
    /// How strong.
    pub rssi: Rssi,
    /// The event.
    pub event: EventRef,
}

/// A visit that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Where.
    pub zone: u32,
    /// When it began.
    pub start: Moment,
    /// The event of the first reading.
    pub event: EventRef,
    /// The last reading that continued it.
    pub last: Time,
}

/// What was heard of a zone lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Level {
    zone: u32,
    recent: Vec<(Time, i16)>,
}

/// The state between two readings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    open: Vec<Open>,
    levels: Vec<Level>,
}

/// A mean, kept as a fraction so that it compares exactly.
#[derive(Clone, Copy, Debug)]
struct Mean {
    sum: i64,
    count: i64,
}

impl Mean {
    fn reaches(self, rssi: Rssi) -> bool {
        self.sum >= i64::from(rssi.0) * self.count
    }

    fn exceeds(self, other: Mean) -> bool {
        self.sum * other.count > other.sum * self.count
    }
}

impl Level {
    fn mean(&self) -> Mean {
        Mean {
            sum: self.recent.iter().map(|(_, rssi)| i64::from(*rssi)).sum(),
            count: self.recent.len().max(1) as i64,
        }
    }
}

impl Machine {
    /// Takes in the next reading in order of time; visits that end with it go to `ended`.
    pub fn hear(&mut self, reading: &Reading, presence: &Presence, ended: &mut Vec<Open>) {
        let now = reading.at.time;
        self.end_before(now, presence, ended);
        let level = self.level(reading, presence);
        if let Some(open) = self.open.iter_mut().find(|open| open.zone == reading.zone) {
            if level.reaches(presence.exit_rssi) {
                open.last = now;
            }
            return;
        }
        if !level.reaches(presence.enter_rssi) {
            return;
        }
        if presence.mode == PresenceMode::Strongest
            && let Some(current) = self.open.first()
        {
            let louder = self
                .levels
                .iter()
                .find(|known| known.zone == current.zone)
                .is_none_or(|known| level.exceeds(known.mean()));
            if !louder {
                return;
            }
            ended.append(&mut self.open);
        }
        self.open.push(Open {
            zone: reading.zone,
            start: reading.at,
            event: reading.event.clone(),
            last: now,
        });
    }

    /// Ends visits that nothing continued until strictly before `now`: a reading at the very moment
    /// is in time.
    fn end_before(&mut self, now: Time, presence: &Presence, ended: &mut Vec<Open>) {
        ended.extend(self.open.extract_if(.., |open| open.last.saturating_add(presence.exit_after.0) < now));
    }

    /// Ends visits that nothing continued until `now`, all readings up to `now` being known.
    pub fn end_at(&mut self, now: Time, presence: &Presence, ended: &mut Vec<Open>) {
        ended.extend(self.open.extract_if(.., |open| open.last.saturating_add(presence.exit_after.0) <= now));
    }

    /// Visits that go on.
    pub fn open(&self) -> &[Open] {
        &self.open
    }

    /// When the first of them ends if nothing continues it.
    pub fn next_end(&self, presence: &Presence) -> Option<Time> {
        self.open.iter().map(|open| open.last.saturating_add(presence.exit_after.0)).min()
    }

    fn level(&mut self, reading: &Reading, presence: &Presence) -> Mean {
        let oldest = reading.at.time.saturating_sub(presence.exit_after.0);
        let own = (reading.at.time, reading.rssi.0);
        // A zone whose last reading is too old has no level any more, unless a visit there goes on.
        let open = &self.open;
        self.levels.retain(|level| {
            level.zone == reading.zone
                || level.recent.last().is_some_and(|(time, _)| *time >= oldest)
                || open.iter().any(|open| open.zone == level.zone)
        });
        let index = match self.levels.iter().position(|level| level.zone == reading.zone) {
            Some(index) => index,
            None => {
                self.levels.push(Level { zone: reading.zone, recent: Vec::with_capacity(1) });
                self.levels.len() - 1
            }
        };
        let Some(level) = self.levels.get_mut(index) else { return Mean { sum: own.1.into(), count: 1 } };
        level.recent.retain(|(time, _)| *time >= oldest);
        level.recent.push(own);
        let window = usize::from(presence.window.max(1));
        if level.recent.len() > window {
            level.recent.drain(..level.recent.len() - window);
        }
        level.mean()
    }
}
