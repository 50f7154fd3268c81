use super::*;
use crate::samples::{handle, person, rule};
use shopbell_model::facts::{Moment, Past};
use shopbell_model::key::EventRef;
use shopbell_model::rules::When;
use shopbell_model::time::Time;
use shopbell_model::value::Value;

fn said(name: &str, value: Option<&str>, time: Time) -> Shared<Attribute> {
    let value = value.map(|value| Value::Text(Text::from(value)));
    Shared::new(Attribute { name: Text::from(name), at: Moment { time, arrival: time }, value })
}

fn change(time: Time, what: Changed) -> Change {
    let event = EventRef { source: Text::from("crm"), id: Text::from(time.to_string()) };
    Change { at: Moment { time, arrival: time }, event, what }
}

fn tier(time: Time, value: Option<&str>) -> Change {
    change(time, Changed::Said(vec![said("tier", value, time)]))
}

fn bought(time: Time, orders: u64, units: i128) -> Change {
    change(time, Changed::Bought(Shared::new(Totals { orders, spend: units * 10_000, last_order: None })))
}

fn past(base: Option<Base>, changes: Vec<Change>) -> PersonFact {
    PersonFact::Past(Shared::new(Past { base: base.map(Box::new), changes }))
}

/// Each stay in the segment: when and under which handle it began, and whether it is over.
fn stays(segment: &str, facts: &[(&str, PersonFact)]) -> Vec<(Option<(Time, String)>, bool)> {
    let named: Vec<_> = facts.iter().map(|(name, fact)| (handle(name), fact)).collect();
    let borrowed: Vec<(&Handle, &PersonFact)> = named.iter().map(|(handle, fact)| (handle, *fact)).collect();
    let rule = rule("r", &format!("when = 'segment_entered'\nsegment = '{segment}'"), "");
    let When::SegmentEntered { segment } = &rule.when else { panic!("another situation") };
    let Some(course) = course(&person(), &borrowed) else { return Vec::new() };
    let entry = |step: &Step| (step.time, step.handle.to_string());
    course.stays(segment).iter().map(|stay| (stay.entry.map(entry), stay.left.is_some())).collect()
}

fn at(time: Time, name: &str) -> Option<(Time, String)> {
    Some((time, name.to_owned()))
}

const GOLD: &str = "customer.tier == \"gold\"";

#[test]
fn a_segment_is_entered_left_and_entered_again() {
    let changes = vec![tier(1, Some("gold")), tier(2, Some("gold")), tier(3, None), tier(4, Some("gold"))];
    assert_eq!(
        stays(GOLD, &[("card:1", past(None, changes))]),
        [(at(1, "card:1"), true), (at(4, "card:1"), false)]
    );
    assert_eq!(stays(GOLD, &[]), []);
    let silver = past(None, vec![tier(1, Some("silver"))]);
    assert_eq!(stays(GOLD, &[("card:1", silver)]), []);
}

#[test]
fn the_changes_of_all_handles_are_one_course() {
    let card = past(None, vec![tier(1, Some("gold")), tier(5, Some("gold"))]);
    let phone = past(None, vec![tier(3, Some("silver"))]);
    // The repeat under the card is an entry, as the phone said something else before.
    assert_eq!(
        stays(GOLD, &[("card:1", card.clone()), ("phone:1", phone)]),
        [(at(1, "card:1"), true), (at(5, "card:1"), false)]
    );
    assert_eq!(stays(GOLD, &[("card:1", card)]), [(at(1, "card:1"), false)]);
    let spends = [
        ("card:1", past(None, vec![bought(1, 1, 20), bought(7, 0, -15)])),
        ("phone:1", past(None, vec![bought(4, 1, 20)])),
    ];
    assert_eq!(stays("customer.lifetime_spend > 30", &spends), [(at(4, "phone:1"), true)]);
    assert_eq!(stays("customer.orders == 2", &spends), [(at(4, "phone:1"), false)]);
}

#[test]
fn what_is_long_known_is_no_entry() {
    let known = |value| Base { attributes: vec![said("tier", Some(value), 1)], totals: Totals::default() };
    let repeat = || vec![tier(5, Some("gold"))];
    assert_eq!(stays(GOLD, &[("card:1", past(Some(known("gold")), repeat()))]), [(None, false)]);
    assert_eq!(stays(GOLD, &[("card:1", past(Some(known("silver")), repeat()))]), [(at(5, "card:1"), false)]);
    // A handle without a row of its own: its profile is long known.
    let others = [
        ("card:1", past(None, repeat())),
        ("phone:1", PersonFact::Attribute(said("tier", Some("gold"), 2))),
        ("phone:1", PersonFact::Totals(Shared::new(Totals { orders: 3, ..Totals::default() }))),
    ];
    assert_eq!(stays(GOLD, &others), [(None, false)]);
    assert_eq!(stays("customer.orders == 3", &others), [(None, false)]);
    // One with a row: what its profile says now is the end of the row, not its beginning.
    let own =
        [("card:1", past(None, repeat())), ("card:1", PersonFact::Attribute(said("tier", Some("gold"), 5)))];
    assert_eq!(stays(GOLD, &own), [(at(5, "card:1"), false)]);
}

#[test]
fn nothing_known_is_in_no_segment() {
    let first = [("card:1", past(None, vec![tier(1, Some("gold")), bought(2, 1, 5)]))];
    assert_eq!(stays("customer.orders == 0", &first), [(at(1, "card:1"), true)]);
    assert_eq!(stays("!has(customer.vip)", &first), [(at(1, "card:1"), false)]);
    // A deletion is known too, and so is a refund of nothing.
    assert_eq!(
        stays("!has(customer.vip)", &[("card:1", past(None, vec![tier(1, None)]))]),
        [(at(1, "card:1"), false)]
    );
    let refund = past(None, vec![bought(1, 0, 0), bought(2, 0, 0)]);
    assert_eq!(stays("customer.orders == 0", &[("card:1", refund)]), [(at(1, "card:1"), false)]);
    let base = past(Some(Base::default()), vec![tier(1, None)]);
    assert_eq!(stays("customer.orders == 0", &[("card:1", base)]), [(None, false)]);
}

#[test]
fn of_two_words_the_later_counts_wherever_it_is_kept() {
    // More than a handle keeps: its last word is in its base, and later than the other's change.
    let base = Base { attributes: vec![said("tier", Some("gold"), 8)], totals: Totals::default() };
    let bot = past(Some(base), vec![bought(9, 1, 1)]);
    assert_eq!(
        stays(GOLD, &[("card:1", bot), ("phone:1", past(None, vec![tier(5, Some("silver"))]))]),
        [(None, false)]
    );
}
