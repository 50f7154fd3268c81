//! Local time of persons and places.
//!
//! Invariant: a function of the moment and the zone's name; the zone database is part of the
//! program, so that two machines agree. An unknown zone reads as UTC. Cost: a look-up of the zone by name, cached.

use crate::policy::QuietHours;
use crate::time::Time;
use jiff::{Timestamp, tz::TimeZone};

const MINUTE: u64 = 60_000;

/// Whether there is a time zone of that name.
pub fn is_time_zone(tz: &str) -> bool {
    TimeZone::get(tz).is_ok()
}

/// The minute of the local day, 0 to 1439.
pub fn minute_of_day(tz: &str, at: Time) -> u16 {
    let offset = offset_seconds(tz, at);
    let local = (at / 1000) as i64 + offset;
    (local.rem_euclid(86_400) / 60) as u16
}

/// Seconds by which local time is ahead of UTC.
fn offset_seconds(tz: &str, at: Time) -> i64 {
    let Ok(zone) = TimeZone::get(tz) else { return 0 };
    let Ok(moment) = Timestamp::from_millisecond(at.min(i64::MAX as u64) as i64) else { return 0 };
    zone.to_offset(moment).seconds().into()
}

/// When quiet hours that `at` falls into are over; `None` where it does not.
pub fn quiet_until(hours: QuietHours, tz: &str, at: Time) -> Option<Time> {
    if !hours.covers(minute_of_day(tz, at)) {
        return None;
    }
    // Minute by minute, because a change to or from summer time may fall into the night.
    let first = at - at % MINUTE;
    (1..=2 * 1440)
        .map(|minutes| first + minutes * MINUTE)
        .find(|moment| !hours.covers(minute_of_day(tz, *moment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_local() {
        let hours = QuietHours::parse("21:00-08:00").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond() as Time;
        assert_eq!(quiet_until(hours, "UTC", at("2026-01-05T20:59:59.999Z")), None);
        assert_eq!(quiet_until(hours, "UTC", at("2026-01-05T21:00:00Z")), Some(at("2026-01-06T08:00:00Z")));
        assert_eq!(
            quiet_until(hours, "Asia/Shanghai", at("2026-01-05T13:30:00Z")),
            Some(at("2026-01-06T00:00:00Z"))
        );
        assert_eq!(quiet_until(hours, "Asia/Shanghai", at("2026-01-06T00:00:00Z")), None);
        // Clocks go forward in this night: it is an hour shorter.
        assert_eq!(
            quiet_until(hours, "Europe/Berlin", at("2026-03-28T20:00:00Z")),
            Some(at("2026-03-29T06:00:00Z"))
        );
    }
}
