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

/// When quiet hours begin that `at` does not fall into.
pub fn quiet_from(hours: QuietHours, tz: &str, at: Time) -> Option<Time> {
    let first = at - at % MINUTE;
    let ahead = (i64::from(hours.start_minute) - i64::from(minute_of_day(tz, at))).rem_euclid(1440) as u64;
    let begin = first + ahead * MINUTE;
    if ahead > 0 && offset_seconds(tz, begin) == offset_seconds(tz, at) {
        return Some(begin);
    }
    // A change to or from summer time lies between.
    (1..=2 * 1440)
        .map(|minutes| first + minutes * MINUTE)
        .find(|moment| hours.covers(minute_of_day(tz, *moment)))
}

/// The local day, counted from 1970.
pub fn day(tz: &str, at: Time) -> i64 {
    ((at / 1000) as i64 + offset_seconds(tz, at)).div_euclid(86_400)
}

/// When the local day after that of `at` begins.
pub fn next_day(tz: &str, at: Time) -> Time {
    let (today, first) = (day(tz, at), at - at % MINUTE);
    let local = (at / 1000) as i64 + offset_seconds(tz, at);
    let guess = first + (1440 - local.rem_euclid(86_400) as u64 / 60) * MINUTE;
    if day(tz, guess) > today && day(tz, guess - 1) == today {
        return guess;
    }
    // A change to or from summer time lies between.
    let minutes = (1..=2 * 1440).map(|minutes| first + minutes * MINUTE);
    minutes.into_iter().find(|moment| day(tz, *moment) > today).unwrap_or(guess)
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

    #[test]
    fn quiet_hours_begin_where_minute_by_minute_they_do() {
        let naive = |hours: QuietHours, tz: &str, at: Time| {
            (1..=2 * 1440)
                .map(|minutes| at - at % MINUTE + minutes * MINUTE)
                .find(|moment| hours.covers(minute_of_day(tz, *moment)))
        };
        // Three days around the change to summer time, and three around the change from it.
        for start in ["2026-03-28T00:00:00Z", "2026-10-24T00:00:00Z"] {
            let start = start.parse::<Timestamp>().unwrap().as_millisecond() as Time;
            for tz in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"] {
                for hours in ["21:00-08:00", "02:30-03:15", "12:00-13:30"] {
                    let hours = QuietHours::parse(hours).unwrap();
                    for minute in (0..3 * 1440).step_by(7) {
                        let at = start + minute * MINUTE + 1;
                        if !hours.covers(minute_of_day(tz, at)) {
                            assert_eq!(quiet_from(hours, tz, at), naive(hours, tz, at), "{tz} {hours} {at}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn days_are_local_and_begin_when_the_one_before_ends() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond() as Time;
        assert_eq!(next_day("Asia/Shanghai", at("2026-01-05T15:59:59.999Z")), at("2026-01-05T16:00:00Z"));
        assert_eq!(next_day("Asia/Shanghai", at("2026-01-05T16:00:00Z")), at("2026-01-06T16:00:00Z"));
        // Days of 23 and of 25 hours.
        assert_eq!(next_day("Europe/Berlin", at("2026-03-28T23:00:00Z")), at("2026-03-29T22:00:00Z"));
        assert_eq!(next_day("Europe/Berlin", at("2026-10-24T22:00:00Z")), at("2026-10-25T23:00:00Z"));
        for minute in 0..3 * 1440 {
            let moment = at("2026-10-24T00:00:00Z") + minute * MINUTE + 1;
            let next = next_day("Europe/Berlin", moment);
            assert_eq!(day("Europe/Berlin", next - 1) + 1, day("Europe/Berlin", next));
            assert_eq!(day("Europe/Berlin", next - 1), day("Europe/Berlin", moment));
        }
    }
}
