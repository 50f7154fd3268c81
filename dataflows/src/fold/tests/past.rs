//! What was known when: against a recomputation from all events, however late they come.

use super::*;
use crate::fold::past::MOST;
use proptest::prelude::*;
use shopbell_model::event::Purchase;
use shopbell_model::facts::{Past, Totals};
use shopbell_model::value::{Money, Value};

fn said(time: Time, tier: u8) -> Event {
    let value = (tier > 0).then(|| Value::Int(tier.into()));
    act(time, "card:1", Act::Profile(vec![(Text::from("tier"), value)]))
}

fn bought(time: Time, units: i64) -> Event {
    let purchase = Purchase {
        transaction: Text::from("t"),
        items: Vec::new(),
        location: None,
        value: Some(Money(units)),
        at_till: false,
    };
    act(time, "card:1", Act::Purchase(purchase))
}

/// What is known of the past of `card:1`.
fn past_of(world: &World) -> Option<Past> {
    let facts = world.persons();
    let mut pasts = facts.iter().filter_map(|fact| match fact {
        PersonFact::Past(past) => Some((**past).clone()),
        _ => None,
    });
    let past = pasts.next();
    assert!(pasts.next().is_none());
    past
}

/// An event as it is drawn: how far behind the clock, and what it says.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    passes: Time,
    late: Time,
    what: Result<u8, i64>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let spans = prop::sample::select(vec![0, 1, HOUR, 10 * DAY, 31 * DAY - 1, 31 * DAY, 31 * DAY + 1]);
    let what = prop_oneof![(0u8..3).prop_map(Ok), (1i64..5).prop_map(Err)];
    (prop::sample::select(vec![0, 0, 1, HOUR, 10 * DAY, 31 * DAY]), spans, what)
        .prop_map(|(passes, late, what)| Drawn { passes, late, what })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn it_is_that_of_all_events_in_order(events in prop::collection::vec(drawn(), 1..40)) {
        let mut world = World::new(&settings(), 1);
        let (mut clock, mut all) = (START + 100 * DAY, Vec::new());
        for (arrival, Drawn { passes, late, what }) in (1u64..).zip(events) {
            clock += passes;
            let time = clock - late;
            all.push((Moment { time, arrival }, what));
            let event = match what {
                Ok(tier) => said(time, tier),
                Err(units) => bought(time, units),
            };
            world.tick(clock, [event]);

            all.sort_by_key(|(at, _)| *at);
            let (old, new): (Vec<_>, Vec<_>) = all.iter().partition(|(at, _)| at.time + 31 * DAY < clock);
            let past = past_of(&world);
            prop_assert_eq!(past.is_some(), !new.is_empty());
            let Some(past) = past else { continue };
            prop_assert_eq!(past.base.is_some(), !old.is_empty());
            let kept: Vec<Moment> = past.changes.iter().map(|change| change.at).collect();
            prop_assert_eq!(kept, new.iter().map(|(at, _)| *at).collect::<Vec<_>>());
            let base = past.base.unwrap_or_default();
            let units = old.iter().filter_map(|(_, what)| what.err());
            let spend: i64 = units.clone().sum();
            prop_assert_eq!((base.totals.orders, base.totals.spend), (units.count() as u64, spend.into()));
            let last = old.iter().rev().find_map(|(at, what)| what.ok().map(|tier| (*at, tier)));
            let known = base.attributes.first().map(|said| match said.value {
                Some(Value::Int(tier)) => (said.at, tier as u8),
                _ => (said.at, 0),
            });
            prop_assert_eq!(known, last);
        }
    }
}

#[test]
fn the_newest_changes_are_kept_in_whatever_order_they_come() {
    let times: Vec<Time> = (0..300).map(|n| START + (n * 7919) % 300).collect();
    let mut world = World::new(&settings(), 1);
    world.tick(START + 400, times.into_iter().map(|time| bought(time, (time - START) as i64)));
    let past = past_of(&world).unwrap();
    let expected: Vec<Time> = (300 - MOST as u64..300).map(|n| START + n).collect();
    assert_eq!(past.changes.iter().map(|change| change.at.time).collect::<Vec<_>>(), expected);
    let base = past.base.unwrap();
    let older: u64 = (0..300 - MOST as u64).sum();
    let totals = Totals { orders: 44, spend: older.into(), last_order: Some(START + 43) };
    assert_eq!(base.totals, totals);
    // Once all are old nothing is kept of it; the totals say it all.
    world.until(START + 40 * DAY);
    assert_eq!(past_of(&world), None);
    world.tick(START + 40 * DAY, [said(START + 40 * DAY, 1)]);
    let base = past_of(&world).unwrap().base.unwrap();
    assert_eq!((base.totals.orders, base.attributes.len()), (300, 0));
}

#[test]
fn nobody_is_told_where_no_rule_asks_but_it_is_kept() {
    let (mut asked, mut not_asked) = (World::new(&settings(), 1), World::one());
    for world in [&mut asked, &mut not_asked] {
        world.tick(START, [said(START, 1)]);
    }
    assert!(past_of(&asked).is_some() && past_of(&not_asked).is_none());
    assert!(not_asked.folds[0].pasts.of(&handle("card:1")).is_some());
}
