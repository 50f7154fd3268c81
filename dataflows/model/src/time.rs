//! Moments, spans and their text.
//!
//! Invariant: a [`Time`] counts milliseconds since 1970-01-01T00:00:00Z and never precedes it. What
//! [`format_rfc3339`] writes, [`parse_rfc3339`] reads back to the millisecond.
//! Cost: parsing a time takes some nanoseconds and no allocation.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
pub type Time = u64;

/// The first moment an event may carry: 2000-01-01T00:00:00Z.
pub const EARLIEST: Time = 946_684_800_000;

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Duration(pub u64);

impl Duration {
    /// The longest span a rule or configuration may name: ten years.
    pub const LIMIT: Duration = Duration(3_650 * 86_400_000);

    /// Whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Duration(secs * 1000)
    }

    /// Parses `250ms`, `30s`, `10m`, `48h`, `7d`: a whole number and one unit, up to
    /// [`Duration::LIMIT`].
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let span = Duration(number.parse::<u64>().ok()?.checked_mul(scale)?);
        (span <= Self::LIMIT).then_some(span)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scale, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
            if self.0 != 0 && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}ms", self.0)
    }
}

/// Milliseconds of a day.
pub const DAY: Time = 86_400_000;

/// The day of a moment in UTC, counted from 1970.
pub fn day_of(time: Time) -> u32 {
    u32::try_from(time / DAY).unwrap_or(u32::MAX)
}

/// Reads an RFC 3339 date and time with any offset, in milliseconds since 1970 (negative before).
///
/// Decided where the RFC leaves room: `T` and `Z` may be in lower case, a space instead of `T` is
/// refused; fractions of any length are cut to the millisecond, towards the past; a leap second
/// (`:60`, in any minute) is the last millisecond of its minute; the unknown offset `-00:00` is UTC.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T' | b't',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        rest @ ..,
    ] = text.as_bytes()
    else {
        return None;
    };
    let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
    let (month, day) = (two(*m0, *m1)?, two(*d0, *d1)?);
    let (hour, minute, second) = (two(*h0, *h1)?, two(*n0, *n1)?, two(*s0, *s1)?);
    let (fraction, zone) = fraction(rest)?;
    let offset = match zone {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h0, h1, b':', n0, n1] => {
            let (hours, minutes) = (two(*h0, *h1)?, two(*n0, *n1)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * 60_000;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    if !(1..=days_in(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let within_minute = if second == 60 { 59_999 } else { second * 1000 + fraction };
    let within_day = (hour * 60 + minute) * 60_000 + within_minute;
    Some(days_since_1970(year, month, day) * DAY.cast_signed() + within_day - offset)
}

/// Writes a time as RFC 3339 in UTC with milliseconds: `2026-11-22T10:00:00.000Z`. Years beyond 9999
/// get the digits they need, which is no RFC 3339 any more.
pub fn format_rfc3339(time: Time) -> String {
    let day = DAY;
    let (year, month, date) = date_of(time / day);
    let clock = time % day;
    let (hour, minute) = (clock / 3_600_000, clock / 60_000 % 60);
    let (second, ms) = (clock / 1000 % 60, clock % 1000);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Milliseconds of a fraction of a second, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at_checked(length)?;
    let [tenths, smaller @ ..] = digits else { return None };
    let hundredths = smaller.first().copied().unwrap_or(b'0');
    let thousandths = smaller.get(1).copied().unwrap_or(b'0');
    Some((two(b'0', *tenths)? * 100 + two(hundredths, thousandths)?, zone))
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

// Both conversions count years from March, so that the leap day is a year's last: then the months'
// lengths repeat every five, and (153 * month + 2) / 5 days precede a month. 719 468 days lie between
// the first of March of the year 0 and 1970.

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Year, month and day of a day since 1970.
fn date_of(day: u64) -> (u64, u64, u64) {
    const CYCLE: u64 = 146_097;
    let day = day + 719_468;
    let (cycle, rest) = (day / CYCLE, day % CYCLE);
    // Take out the leap days before it: one every 1460 days, but for the last of each century.
    let year = (rest - rest / 1460 + rest / 36_524 - rest / (CYCLE - 1)) / 365;
    let of_year = rest - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + carried, month, date)
}

#[cfg(test)]
mod tests;
