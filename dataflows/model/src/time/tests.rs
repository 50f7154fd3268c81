//! The clock's text against jiff, and against itself.

use super::*;
use proptest::prelude::*;

/// The last millisecond of the year 9999.
const LAST: Time = 253_402_300_799_999;

proptest! {
    #[test]
    fn what_is_written_reads_back(time in 0..=LAST) {
        let text = format_rfc3339(time);
        prop_assert_eq!(parse_rfc3339(&text), Some(time as i64), "{}", text);
    }

    #[test]
    fn writing_agrees_with_jiff(time in 0..=LAST) {
        let theirs = jiff::Timestamp::from_millisecond(time as i64);
        // jiff ends 26 hours before the year does.
        if let Ok(theirs) = theirs {
            prop_assert_eq!(format_rfc3339(time), format!("{theirs:.3}"));
        }
    }

    #[test]
    fn reading_agrees_with_jiff(
        (year, month, day) in (0..=9998_u32, 0..=13_u32, 0..=32_u32),
        (hour, minute, second) in (0..=24_u32, 0..=60_u32, 0..=59_u32),
        fraction in "(\\.[0-9]{1,9})?",
        offset in "(Z|z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-6][0-9])",
    ) {
        let text =
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
        // Years below 1970 are cut towards the past here and towards 1970 in jiff: compare floors.
        let theirs = text.parse::<jiff::Timestamp>().ok().map(|t| t.as_nanosecond().div_euclid(1_000_000));
        prop_assert_eq!(parse_rfc3339(&text).map(i128::from), theirs, "{}", text);
    }

    #[test]
    fn any_text_is_a_time_or_none(text in "[0-9TtZz:+. -]{0,32}") {
        if let Some(moment) = parse_rfc3339(&text) {
            // What is accepted, jiff accepts.
            prop_assert!(text.parse::<jiff::Timestamp>().is_ok(), "{} {}", text, moment);
        }
    }

    #[test]
    fn spans_read_back(ms in 0..=Duration::LIMIT.0) {
        prop_assert_eq!(Duration::parse(&Duration(ms).to_string()), Some(Duration(ms)));
    }

    #[test]
    fn round_spans_read_back(number in 1..3650_u64, unit in prop::sample::select(vec!["ms", "s", "m", "h", "d"])) {
        let text = format!("{number}{unit}");
        let span = Duration::parse(&text).unwrap();
        prop_assert_eq!(Duration::parse(&span.to_string()), Some(span));
    }

    #[test]
    fn spans_grow_with_their_number(one in 0..3650_u64, other in 0..3650_u64) {
        let span = |number: u64| Duration::parse(&format!("{number}d")).unwrap();
        prop_assert_eq!(one.cmp(&other), span(one).cmp(&span(other)));
    }
}

#[test]
fn every_day_of_four_centuries_reads_back() {
    for day in 0..146_097_u64 {
        let time = day * 86_400_000;
        assert_eq!(parse_rfc3339(&format_rfc3339(time)), Some(time as i64));
    }
}

#[test]
fn times_as_the_contract_has_them() {
    let noon = Some(1_795_348_800_000);
    assert_eq!(format_rfc3339(1_795_348_800_000), "2026-11-22T12:00:00.000Z");
    for same in [
        "2026-11-22T12:00:00Z",
        "2026-11-22t12:00:00z",
        "2026-11-22T20:00:00+08:00",
        "2026-11-22T06:30:00.0-05:30",
        "2026-11-22T12:00:00.000999999999999999999Z",
        "2026-11-22T12:00:00-00:00",
    ] {
        assert_eq!(parse_rfc3339(same), noon, "{same}");
    }
    assert_eq!(parse_rfc3339("1970-01-01T00:00:00.5Z"), Some(500));
    assert_eq!(parse_rfc3339("1969-12-31T23:59:59.9999Z"), Some(-1));
    assert_eq!(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2016-12-31T23:59:59.999Z"));
    assert_eq!(parse_rfc3339("2016-12-31T23:59:60.5Z"), parse_rfc3339("2016-12-31T23:59:59.999Z"));
    assert_eq!(parse_rfc3339("2024-02-29T00:00:00Z"), Some(1_709_164_800_000));
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "2026-11-22",
        "2026-11-22T12:00:00",
        "2026-11-22 12:00:00Z",
        "2026-11-22T12:00Z",
        "2026-11-22T12:00:00.Z",
        "2026-11-22T12:00:00,5Z",
        "2026-11-22T12:00:00+0800",
        "2026-11-22T12:00:00+24:00",
        "2026-11-22T12:00:00+08:60",
        "2026-11-22T24:00:00Z",
        "2026-11-22T12:60:00Z",
        "2026-11-22T12:00:61Z",
        "2026-13-22T12:00:00Z",
        "2026-00-22T12:00:00Z",
        "2026-11-31T12:00:00Z",
        "2026-11-00T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "+02026-11-22T12:00:00Z",
        "2026-11-22T12:00:00Z ",
        " 2026-11-22T12:00:00Z",
        "２026-11-22T12:00:00Z",
        "2026-11-22T12:00:00Z[UTC]",
    ] {
        assert_eq!(parse_rfc3339(text), None, "{text}");
    }
}

#[test]
fn the_greatest_time_is_written() {
    assert_eq!(format_rfc3339(LAST), "9999-12-31T23:59:59.999Z");
    assert_eq!(format_rfc3339(Time::MAX), "584556019-04-03T14:25:51.615Z");
}

#[test]
fn what_is_no_span() {
    for text in
        ["", "10", "m", "10 m", "-10m", "+10m", "1.5h", "10M", "10w", "3651d", "99999999999999999999ms"]
    {
        assert_eq!(Duration::parse(text), None, "{text}");
    }
    assert_eq!(Duration::parse("0s").map(|span| span.to_string()).as_deref(), Some("0ms"));
    assert_eq!(Duration::parse("90s").map(|span| span.to_string()).as_deref(), Some("90s"));
    assert_eq!(Duration::parse("120s").map(|span| span.to_string()).as_deref(), Some("2m"));
}
