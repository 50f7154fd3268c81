//! Spans, moments and time zones as text in expressions.
//!
//! Invariant: milliseconds in 64 bits, either sign; spans up to ten years either way
//! ([`Duration::LIMIT`]), moments of the years −9999 to 9999. What does not fit is no value.

use crate::time::Duration;
use std::fmt::Write as _;

const UNITS: [(&str, i64); 5] = [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];

/// Milliseconds of `10m`, `1h30m`, `1.5h`, `-30s`, `7d`: CEL's spans, days besides.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let (unit, scale) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        total = total.checked_add(scaled(number, *scale)?)?;
        rest = behind.get(unit.len()..)?;
    }
    let limit = i64::try_from(Duration::LIMIT.0).ok()?;
    (total <= limit).then_some(sign * total)
}

/// A decimal number times `scale`, where the product is whole.
fn scaled(number: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.is_empty() {
        return whole.parse::<i64>().ok()?.checked_mul(scale);
    }
    let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= 9)?;
    let tens = 10_i64.pow(places);
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let product = whole.checked_mul(tens)?.checked_add(fraction.parse().ok()?)?.checked_mul(scale)?;
    (product % tens == 0).then_some(product / tens)
}

/// Milliseconds since 1970 of an RFC 3339 time, cut to the millisecond.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond())
}

/// A span as [`parse_duration`] reads it: `1d2h`, `10m12s345ms`, `0s`.
pub(super) fn print_duration(milliseconds: i64) -> String {
    let mut text = String::new();
    if milliseconds < 0 {
        text.push('-');
    }
    let mut rest = milliseconds.unsigned_abs();
    for (scale, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")] {
        if rest >= scale {
            // Writing to a string does not fail.
            let _ = write!(text, "{}{unit}", rest / scale);
            rest %= scale;
        }
    }
    if milliseconds == 0 { "0s".to_owned() } else { text }
}

/// A moment as RFC 3339 in UTC; `None` outside the years it can name.
pub(super) fn print_timestamp(milliseconds: i64) -> Option<String> {
    Some(jiff::Timestamp::from_millisecond(milliseconds).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_whole_milliseconds_within_ten_years() {
        for (text, expected) in [
            ("10m", Some(600_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5h", Some(5_400_000)),
            (".5s", Some(500)),
            ("-30s", Some(-30_000)),
            ("7d", Some(604_800_000)),
            ("250ms", Some(250)),
            ("3650d", Some(315_360_000_000)),
            ("3651d", None),
            ("0.0001s", None),
            ("10", None),
            ("m", None),
            ("", None),
            ("-", None),
            ("1us", None),
            ("10 m", None),
            ("99999999999999999999d", None),
            ("1.2.3s", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn moments_need_an_offset() {
        assert_eq!(parse_timestamp("2026-11-11T00:00:00+01:00"), Some(1_794_351_600_000));
        assert_eq!(parse_timestamp("2026-11-11T00:00:00"), None);
        assert_eq!(print_timestamp(1_794_351_600_000).as_deref(), Some("2026-11-10T23:00:00Z"));
        assert_eq!(print_timestamp(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn a_printed_span_is_read_back(span in -315_360_000_000_i64..=315_360_000_000) {
            prop_assert_eq!(parse_duration(&print_duration(span)), Some(span));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.hmsd e]{0,30}") {
            let _ = parse_duration(&text);
            let _ = parse_timestamp(&text);
        }
    }
}
