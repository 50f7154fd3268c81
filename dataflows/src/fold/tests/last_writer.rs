//! Last-writer facts: what was said last by event time holds, whatever came first.

use super::*;
use proptest::prelude::*;
use shopbell_model::event::{LocationKind, Position};
use shopbell_model::facts::{Attribute, Consent};
use shopbell_model::shared::Shared;
use shopbell_model::value::{Money, Value};
use std::collections::BTreeSet;

/// One of some things that can be said, `value` being what is said.
fn said(time: Time, what: u8, value: i64) -> Event {
    let name = Text::from(format!("{value}"));
    let some = |text: &Text| (value % 3 != 0).then(|| text.clone());
    let profile = |name: &str| {
        let value = (value % 4 != 0).then_some(Value::Int(value));
        act(time, "card:1", Act::Profile(vec![(Text::from(name), value)]))
    };
    let consent = |channel: Option<&str>, category: Option<&str>| {
        let [channel, category] = [channel, category].map(|scope| scope.map(Text::from));
        act(time, "card:1", Act::Consent { channel, category, granted: value % 2 == 0 })
    };
    match what {
        0 => profile("tz"),
        1 => profile("vip"),
        2 => consent(None, None),
        3 => consent(Some("sms"), None),
        4 => consent(Some("sms"), Some("promo")),
        5 => event(
            time,
            Body::CatalogItem {
                item: item("x"),
                name: some(&name),
                category: (value % 2 == 0).then(|| name.clone()),
                price: (value % 5 != 0).then_some(Money(value / 2)),
                list_price: (value % 7 == 0).then_some(Money(value)),
                discontinued: (value % 4 == 0).then_some(value % 8 == 0),
            },
        ),
        6 => event(
            time,
            Body::CatalogLocation {
                location: location("s"),
                name: some(&name),
                kind: if value % 2 == 0 { LocationKind::Store } else { LocationKind::Warehouse },
                position: (value % 5 == 0).then_some(Position { lat: value as i32, lon: 0 }),
                tz: (value % 4 == 0).then(|| name.clone()),
            },
        ),
        _ => event(
            time,
            Body::CatalogShelf {
                location: location("s"),
                zone: Text::from("z"),
                items: (0..5).filter(|bit| value >> bit & 1 == 1).map(|bit| item(&bit.to_string())).collect(),
            },
        ),
    }
}

/// Facts without the place in the log, in which runs differ; in an order that does not know it either.
fn facts(world: &World) -> Vec<Fact> {
    let without = |fact: &Fact| match fact {
        Fact::Person(handle, PersonFact::Attribute(fact)) => {
            let at = Moment { arrival: 0, ..fact.at };
            let fact = Attribute { at, name: fact.name.clone(), value: fact.value.clone() };
            Fact::Person(handle.clone(), PersonFact::Attribute(Shared::new(fact)))
        }
        Fact::Person(handle, PersonFact::Consent(fact)) => {
            let Consent { channel, category, granted, at } = (**fact).clone();
            let at = Moment { arrival: 0, ..at };
            let fact = Consent { channel, category, granted, at };
            Fact::Person(handle.clone(), PersonFact::Consent(Shared::new(fact)))
        }
        other => other.clone(),
    };
    world.facts.keys().map(without).collect::<BTreeSet<_>>().into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_order_of_arrival_gives_the_same_facts(
        all in prop::collection::vec((0u8..8, 0i64..64), 1..60)
            .prop_map(|all| all.into_iter().enumerate().collect::<Vec<_>>())
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let (ordered, shuffled) = all;
        let run = |all: &[(usize, (u8, i64))]| {
            let mut world = World::one();
            for (time, (what, value)) in all {
                world.tick(START + 1000, [said(START + *time as Time, *what, *value)]);
            }
            facts(&world)
        };
        prop_assert_eq!(run(&ordered), run(&shuffled));
    }
}

#[test]
fn of_what_was_said_at_the_same_time_the_later_in_the_log_holds() {
    let mut world = World::one();
    world.tick(START + 1, [said(START + 1, 0, 1), said(START + 1, 0, 2), said(START, 0, 3)]);
    let [PersonFact::Attribute(known)] = world.persons()[..] else { panic!("{:?}", world.facts) };
    assert_eq!((&known.value, known.at), (&Some(Value::Int(2)), Moment { time: START + 1, arrival: 2 }));
}

#[test]
fn a_deleted_attribute_is_a_fact_without_a_value() {
    let mut world = World::one();
    world.tick(START + 1, [said(START + 1, 0, 1), said(START + 2, 0, 4)]);
    let [PersonFact::Attribute(known)] = world.persons()[..] else { panic!("{:?}", world.facts) };
    assert_eq!(known.value, None);
}

#[test]
fn prices_are_in_order_of_time_and_repeats_merged() {
    let mut world = World::one();
    let price = |time, amount| {
        let body = Body::CatalogItem {
            item: item("x"),
            name: None,
            category: None,
            price: Some(Money(amount)),
            list_price: None,
            discontinued: None,
        };
        event(START + time, body)
    };
    world.tick(START + 9, [price(1, 10), price(5, 10), price(8, 7)]);
    let prices = |world: &World| match world.subjects()[..] {
        [SubjectFact::Catalogue(known)] => known.prices.clone(),
        _ => panic!("{:?}", world.facts),
    };
    assert_eq!(prices(&world), [(START + 1, Money(10)), (START + 8, Money(7))]);
    // A late price that parts them.
    world.tick(START + 9, [price(3, 12)]);
    let expected = [(1, 10), (3, 12), (5, 10), (8, 7)].map(|(time, amount)| (START + time, Money(amount)));
    assert_eq!(prices(&world), expected);
}
