//! What is forgotten leaves nothing: later facts are those of a world in which it never came.

use super::partition::{Drawn, drawn_event, drawn_events};
use super::restart::{Rows, kept_world};
use super::*;
use crate::kept::KeptKey;
use proptest::prelude::*;

/// Whose event it is.
fn who(event: &Event) -> Option<&Handle> {
    match &event.body {
        Body::Person { handle, .. } => Some(handle),
        _ => None,
    }
}

/// Facts without who only exists: in the other world an event that links a handle was left out with it.
fn of_acts(world: &World) -> Vec<&Fact> {
    world.facts.keys().filter(|fact| !matches!(fact, Fact::Exists(_))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn facts_and_rows_are_those_of_a_world_without(
        events in prop::collection::vec(drawn_event(), 2..120),
        at in 0usize..120,
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        tick in 1u64..60_000,
    ) {
        let events: Vec<Drawn> = events;
        let mut events: Vec<(Time, Event)> = drawn_events(events, tick).collect();
        let later = events.split_off(at % events.len());
        let known: Vec<Handle> = events.iter().filter_map(|(_, event)| who(event)).cloned().collect();
        prop_assume!(!known.is_empty());
        let forgotten: Vec<Handle> = chosen.iter().map(|index| index.get(&known).clone()).collect();
        let (mut world, mut without, mut rows) = (kept_world(2), kept_world(2), Rows::default());
        let mut clock = 0;
        for (time, event) in events {
            clock = time;
            if who(&event).is_none_or(|who| !forgotten.contains(who)) {
                without.arrival = world.arrival;
                without.tick(clock, [event.clone()]);
            }
            world.tick(clock, [event]);
        }
        // Whatever was kept before.
        rows.keep(&mut world);
        world.forget(&forgotten);
        without.until(clock);
        prop_assert_eq!(of_acts(&world), of_acts(&without));
        rows.keep(&mut world);
        let names = |key: &KeptKey| matches!(key, KeptKey::Handle(handle) if forgotten.contains(handle));
        prop_assert!(!rows.0.keys().any(names));
        for (time, event) in later {
            clock = time;
            without.arrival = world.arrival;
            without.tick(clock, [event.clone()]);
            world.tick(clock, [event]);
            prop_assert_eq!(of_acts(&world), of_acts(&without));
        }
        world.until(clock + 400 * DAY);
        without.until(clock + 400 * DAY);
        prop_assert_eq!(of_acts(&world), of_acts(&without));
    }
}

#[test]
fn no_timer_names_a_forgotten_handle_in_a_later_row() {
    let mut world = kept_world(1);
    world.tick(
        START,
        [act(START, "card:1", Act::Enter(location("s"))), act(START, "card:2", Act::Enter(location("s")))],
    );
    world.forget(&[handle("card:1")]);
    let touched = |world: &mut World| {
        world.folds[0].hold();
        world.folds[0].keep_on(|| false);
        let mut given: Vec<_> =
            world.given.borrow_mut().drain(..).map(|(key, value)| (key, value.is_some())).collect();
        given.sort();
        given
    };
    let row = |text: &str, is_there| (KeptKey::Handle(handle(text)), is_there);
    assert_eq!(touched(&mut world), [row("card:1", false), row("card:2", true)]);
    world.until(START + 30 * DAY);
    assert_eq!(touched(&mut world), [row("card:2", true)]);
}

#[test]
fn the_person_is_marked_with_what_its_handle_reported_as_redeemed() {
    let mut world = World::one();
    let push = |outcome, offer: &str| act(START, "card:1", Act::Push(outcome, Text::from(offer)));
    world.tick(START, [push(PushOutcome::Redeemed, "mine"), push(PushOutcome::Opened, "other")]);
    let (mut out, mut later) = (Changes::default(), Changes::default());
    world.folds[0].forget(&handle("card:1"), &mut out, &mut later);
    let mark = PersonFact::Forgotten(vec![Text::from("mine")]);
    let fact = |fact: Option<PersonFact>, diff| ((handle("card:1"), fact), diff);
    let outcome = |offer: &str, outcome| fact(Some(PersonFact::Outcome(Text::from(offer), outcome)), -1);
    let reported = [outcome("mine", PushOutcome::Redeemed), outcome("other", PushOutcome::Opened)];
    assert_eq!(out.persons, [&reported[..], &[fact(Some(mark.clone()), 1)]].concat());
    assert_eq!(later.persons, [fact(None, -1), fact(Some(mark), -1)]);
    // Nobody is forgotten twice.
    world.folds[0].forget(&handle("card:1"), &mut out, &mut later);
    assert_eq!((out.persons.len(), later.persons.len()), (3, 2));
}
