use super::*;
use crate::key::{Brand, Handle, Person};
use proptest::prelude::*;

fn text(text: &str) -> Text {
    Text::from(text)
}

fn counts(accepted: u64, answered: u64) -> Counts {
    Counts { accepted, answered }
}

fn by_tier(weight: u32) -> Learning {
    Learning { segment: Some(text("tier")), start_rate: 2000, weight, ..Learning::default() }
}

fn seen(accept_rate: u32, offers: u64) -> HistoryView {
    HistoryView { accept_rate, offers }
}

#[test]
fn a_rate_lies_between_what_was_seen_and_what_was_expected() {
    for (accepted, answered, prior, weight, rate) in [
        (0, 0, 500, 50, 500),
        (0, 1, 5000, 2, 3333),
        (1, 1, 5000, 2, 6666),
        (5, 8, 1000, 1, 5666),
        (50, 100, 0, 0, 5000),
        (0, 0, 700, 0, 700),
        (9, 3, 0, 0, 10_000),
        (u64::MAX, u64::MAX, 0, u32::MAX, 9_999),
    ] {
        assert_eq!(counts(accepted, answered).rate(prior, weight), rate, "{accepted} of {answered}");
    }
}

#[test]
fn what_is_published_moves_in_steps() {
    let steps = [(0, 0), (12, 0), (13, 25), (3333, 3325), (9_999, 10_000), (10_000, 10_000)];
    assert_eq!(steps.map(|(rate, _)| (rate, stepped(rate))), steps);
    let digits = [(0, 0), (99, 99), (100, 100), (129, 120), (12_999, 12_000), (u64::MAX, 18 * 10u64.pow(18))];
    assert_eq!(digits.map(|(number, _)| (number, first_digits(number))), digits);
}

#[test]
fn rates_go_from_the_rule_to_the_segment_to_the_channel() {
    let cells = Cells::from([
        ((text("gold"), text("associate")), counts(1, 1)),
        ((text("gold"), text("sms")), counts(0, 1)),
        ((text("silver"), text("associate")), counts(0, 1)),
    ]);
    // The figures of the directed script.
    let rates = Rates::of(&cells, &by_tier(2));
    assert_eq!(rates.whole, seen(2800, 3));
    let cases = [
        ("gold", None, seen(3900, 2)),
        ("gold", Some("associate"), seen(5925, 1)),
        ("gold", Some("sms"), seen(2600, 1)),
        ("gold", Some("push"), seen(3900, 0)),
        ("silver", Some("associate"), seen(1250, 1)),
        ("bronze", Some("sms"), seen(2800, 0)),
        ("bronze", None, seen(2800, 0)),
    ];
    for (segment, channel, expected) in cases {
        let channel = channel.map(text);
        assert_eq!(rates.look(&text(segment), channel.as_ref()), expected, "{segment} {channel:?}");
    }
    // Nobody is told apart: the segment is everybody, and is not weighed a second time.
    let together = Learning { segment: None, ..by_tier(2) };
    let cells = Cells::from([((text(""), text("sms")), counts(1, 3))]);
    assert_eq!(Rates::of(&cells, &together).look(&text(""), None), seen(2800, 3));
    assert_eq!(Rates::of(&cells, &by_tier(2)).look(&text(""), None), seen(3125, 3));
}

#[test]
fn only_so_many_segments_and_channels_have_rates_of_their_own() {
    let name = |number: usize| text(&format!("s{number:03}"));
    let cell = |number: usize| ((name(number), text("sms")), counts(0, if number == 40 { 9 } else { 2 }));
    let rates = Rates::of(&(0..=40).map(cell).collect(), &by_tier(1));
    assert_eq!(rates.segments.len(), MOST);
    let known = |number| rates.look(&name(number), None).offers;
    assert_eq!((known(0), known(30), known(31), known(39), known(40)), (2, 2, 0, 0, 9));
    let channels = (0..=40).map(|number| ((text("gold"), name(number)), counts(0, 2)));
    let rates = Rates::of(&channels.collect(), &by_tier(1));
    assert_eq!(rates.look(&text("gold"), Some(&name(31))).offers, 2);
    assert_eq!(rates.look(&text("gold"), Some(&name(32))).offers, 0);
    assert_eq!(rates.look(&text("gold"), None).offers, 82, "those count with the segment");
}

fn customer(attributes: &[(&str, Value)]) -> CustomerView {
    let person = Person::named_by(&Handle::new(&Brand::default(), "card:1"));
    let mut attributes: Vec<(Text, Value)> =
        attributes.iter().map(|(name, value)| (text(name), value.clone())).collect();
    attributes.sort();
    CustomerView { attributes, ..CustomerView::of(person) }
}

#[test]
fn a_segment_is_the_value_of_an_attribute_as_text() {
    let long = "x".repeat(SEGMENT_BYTES);
    let cases = [
        (Value::Text(text("gold")), "gold"),
        (Value::Bool(true), "true"),
        (Value::Int(12), "12"),
        (Value::Number(crate::value::Number(4.5)), "4.5"),
        (Value::Text(text(&long)), long.as_str()),
        (Value::Text(text(&format!("{long}x"))), ""),
    ];
    for (value, expected) in cases {
        assert_eq!(by_tier(1).segment_of(&customer(&[("tier", value.clone())])), expected, "{value:?}");
    }
    let gold = customer(&[("tier", Value::Text(text("gold")))]);
    assert_eq!(Learning::default().segment_of(&gold), "");
    assert_eq!(by_tier(1).segment_of(&customer(&[("age", Value::Int(3))])), "");
}

#[test]
fn the_channel_looked_at_is_the_preferred_one_of_those_listed() {
    let listed = [text("sms"), text("push")];
    let prefers = |channel: &str| customer(&[("preferred_channel", Value::Text(text(channel)))]);
    for (listed, customer, expected) in [
        (&listed[..], prefers("push"), Some("push")),
        (&listed[..], prefers("email"), Some("sms")),
        (&listed[..], customer(&[]), Some("sms")),
        (&listed[..], customer(&[("preferred_channel", Value::Int(1))]), Some("sms")),
        (&listed[..1], prefers("sms"), None),
        (&[], prefers("sms"), None),
    ] {
        assert_eq!(channel_of(listed, &customer).map(Text::as_str), expected);
    }
}

#[test]
fn moments_are_whole_ticks_apart() {
    let every = |millis| Learning { every: Duration(millis), ..Learning::default() };
    assert_eq!(
        (every(45_000).period(10_000), every(45_000).period(1), every(1).period(0)),
        (50_000, 45_000, 1)
    );
    assert_eq!(
        (moment_from(0, 10), moment_from(1, 10), moment_from(10, 10), moment_from(7, 0)),
        (0, 10, 10, 7)
    );
}

proptest! {
    /// Whatever was counted, every rate is one, and between the greatest and the least of what it is made of.
    #[test]
    fn rates_are_rates(
        cells in prop::collection::btree_map(("[a-c]{0,1}", "[x-z]"), (any::<u64>(), any::<u64>()), 0..9),
        start_rate in 0..=WHOLE,
        weight in 1..1000u32,
        told_apart: bool,
    ) {
        let learning = Learning { start_rate, weight, segment: told_apart.then(|| text("tier")), ..Learning::default() };
        let cells: Cells = cells
            .into_iter()
            .map(|((segment, channel), (a, n))| ((text(&segment), text(&channel)), counts(a.min(n), n)))
            .collect();
        let rates = Rates::of(&cells, &learning);
        for segment in ["", "a", "b", "c", "d"] {
            for channel in [None, Some(text("x")), Some(text("w"))] {
                let view = rates.look(&text(segment), channel.as_ref());
                prop_assert!(view.accept_rate <= WHOLE && view.accept_rate.is_multiple_of(STEP));
            }
        }
        if cells.values().all(|counts| counts.accepted == 0) {
            prop_assert!(rates.whole.accept_rate <= stepped(start_rate));
        }
    }
}
