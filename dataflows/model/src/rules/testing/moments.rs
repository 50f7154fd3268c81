//! Times of a test: of its day, or so long after that day's midnight.
//!
//! Invariant: what [`Moments::text`] writes, [`Moments::parse`] reads back. Days are local ones: `+1d 10:00` is ten
//! o'clock also where the clocks were changed in the night.

use super::TestProblem;
use crate::rules::spans::{parse_duration, print_duration};
use crate::rules::table::{Entry, Table};
use crate::time::{EARLIEST, Time};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit};
use toml::de::DeValue;

/// How a test's times are read: its day, and its time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moments {
    day: Date,
    zone: TimeZone,
}

const DAY: i64 = 86_400_000;

impl Default for Moments {
    /// A Monday without a change of clocks near it, in UTC.
    fn default() -> Self {
        Moments { day: jiff::civil::date(2025, 3, 3), zone: TimeZone::UTC }
    }
}

impl Moments {
    /// The moment of a text, or `None` where it is none: `14:30`, `14:30:20.250`, `+90m`, `+2d 14:30`.
    pub fn parse(&self, text: &str) -> Option<Time> {
        let mut words = text.split_whitespace();
        let first = words.next()?;
        let (span, clock) = match first.strip_prefix('+') {
            Some(span) => (parse_duration(span).filter(|span| *span >= 0)?, words.next()),
            None => (0, Some(first)),
        };
        if words.next().is_some() {
            return None;
        }
        let clock = clock.map_or(Some(0), clock_of)?;
        let day = self.day.checked_add(Span::new().try_days(span / DAY).ok()?).ok()?;
        let time =
            jiff::civil::Time::midnight().checked_add(Span::new().try_milliseconds(clock).ok()?).ok()?;
        let moment = self.zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok()?;
        Time::try_from(moment.as_millisecond().checked_add(span % DAY)?).ok().filter(|time| *time >= EARLIEST)
    }

    /// A moment as it is written in a test.
    pub fn text(&self, time: Time) -> String {
        let Ok(moment) = Timestamp::from_millisecond(i64::try_from(time).unwrap_or(i64::MAX)) else {
            return time.to_string();
        };
        let local = self.zone.to_datetime(moment);
        let days = local.date().since((Unit::Day, self.day)).map_or(0, |span| i64::from(span.get_days()));
        let pattern = match (local.second(), local.millisecond()) {
            (0, 0) => "%H:%M",
            (_, 0) => "%H:%M:%S",
            _ => "%H:%M:%S%.3f",
        };
        let clock = local.strftime(pattern);
        match days {
            0 => clock.to_string(),
            days if days > 0 => format!("+{} {clock}", print_duration(days.saturating_mul(DAY))),
            _ => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }

    /// The moment of an entry; reports one that is none.
    pub(super) fn entry(&self, entry: Entry<'_>) -> Option<Time> {
        let text = entry.text()?;
        let time = self.parse(text);
        if time.is_none() {
            entry.report(TestProblem::Time(text.chars().take(64).collect()));
        }
        time
    }
}

/// Whether a word is meant as a time of day.
pub(super) fn is_clock(word: &str) -> bool {
    word.contains(':') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
}

/// Milliseconds since midnight of `9:30`, `09:30`, `09:30:15`, `09:30:15.250`: a fraction has one to three digits.
fn clock_of(text: &str) -> Option<i64> {
    let two = |part: &str, most: i64| {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|number| digits && *number < most)
    };
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (two(parts.next()?, 24)?, parts.next().filter(|part| part.len() == 2)?);
    let (second, milli) = match parts.next() {
        None => (0, 0),
        Some(second) => {
            let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
            let digits =
                (1..=3).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
            let milli = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
            (two(second, 60).filter(|_| second.len() == 2)?, milli)
        }
    };
    Some(((hour * 60 + two(minute, 60)?) * 60 + second) * 1000 + milli)
}

/// `day` and `tz` of a test.
pub(super) fn read(table: &Table<'_>) -> Moments {
    let mut moments = Moments::default();
    if let Some(entry) = table.get("day") {
        let text = match entry.value.get_ref() {
            DeValue::Datetime(day) => Some(day.to_string()),
            _ => entry.text().map(str::to_owned),
        };
        if let Some(text) = text {
            let day = text.parse::<Date>().ok().filter(|day| (2000..=9000).contains(&day.year()));
            match day.filter(|day| text.len() == 10 && *day > jiff::civil::date(2000, 1, 1)) {
                Some(day) => moments.day = day,
                None => entry.report(TestProblem::Day(text.chars().take(64).collect())),
            }
        }
    }
    if let Some((entry, name)) = table.get("tz").and_then(|entry| Some((entry, entry.text()?))) {
        match TimeZone::get(name) {
            Ok(zone) => moments.zone = zone,
            Err(_) => entry.report(TestProblem::TimeZone(name.chars().take(64).collect())),
        }
    }
    moments
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MONDAY: Time = 1_740_960_000_000;
    const MINUTE: Time = 60_000;

    #[test]
    fn times_are_of_the_day_or_after_its_midnight() {
        let moments = Moments::default();
        for (text, minutes) in [
            ("14:30", Some(870)),
            ("9:05", Some(545)),
            ("14:30:00.000", Some(870)),
            ("+90m", Some(90)),
            ("+1h30m", Some(90)),
            ("+2d 14:30", Some(2 * 1440 + 870)),
            ("+2d", Some(2 * 1440)),
            ("+25h", Some(25 * 60)),
            ("+0s", Some(0)),
            ("24:00", None),
            ("14:60", None),
            ("14:3", None),
            ("14", None),
            ("14:30:60", None),
            ("14:30:00.1234", None),
            ("14:30:00.0000", None),
            ("14:30:00.0001", None),
            ("14:30:00.", None),
            ("14:30:00.+1", None),
            ("-90m", None),
            ("+-90m", None),
            ("+90", None),
            ("90m", None),
            ("", None),
            ("+", None),
            ("14:30 +2d", None),
            ("+2d 14:30 x", None),
        ] {
            assert_eq!(moments.parse(text), minutes.map(|minutes| MONDAY + minutes * MINUTE), "{text}");
        }
        for (text, milli) in [("250", 250), ("25", 250), ("05", 50), ("001", 1), ("9", 900)] {
            assert_eq!(moments.parse(&format!("00:00:00.{text}")), Some(MONDAY + milli), "{text}");
        }
    }

    #[test]
    fn a_day_later_is_the_same_time_of_day() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let moments = Moments { day: jiff::civil::date(2025, 3, 29), zone };
        let ten = moments.parse("10:00").unwrap();
        // The clocks are put on in that night.
        assert_eq!(moments.parse("+1d 10:00"), Some(ten + 23 * 60 * MINUTE));
        assert_eq!(moments.text(ten + 23 * 60 * MINUTE), "+1d 10:00");
        assert_eq!(moments.text(ten - 24 * 60 * MINUTE), "2025-03-28 10:00:00");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(after in 0_u64..400 * 86_400_000) {
            let moments = Moments::default();
            let text = moments.text(MONDAY + after);
            prop_assert_eq!(moments.parse(&text), Some(MONDAY + after), "{}", text);
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.:hmsd]{0,20}( [0-9:.]{0,9})?") {
            let _ = Moments::default().parse(&text);
        }
    }
}
