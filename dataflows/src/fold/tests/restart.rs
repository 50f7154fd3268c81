//! Folds that begin with what others kept go on as if nothing had happened.

use super::partition::{Drawn, drawn_event, drawn_events};
use super::*;
use crate::kept::{KeptKey, KeptValue, KeptValueRef};
use proptest::prelude::*;

/// What was kept, by key, as bytes.
#[derive(Default)]
pub(super) struct Rows(pub(super) BTreeMap<KeptKey, Vec<u8>>);

impl Rows {
    pub(super) fn keep(&mut self, world: &mut World) {
        for fold in &mut world.folds {
            fold.hold();
            assert!(fold.keep_on(|| false));
        }
        self.take(world);
    }

    /// Takes what was given.
    fn take(&mut self, world: &World) {
        for (key, value) in world.given.borrow_mut().drain(..) {
            match value {
                Some(value) => drop(self.0.insert(key, value)),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    /// Folds that know what was kept; the facts are those they tell when they begin.
    fn begin(&self, folds: usize, arrival: u64) -> World {
        let mut world = kept_world(folds);
        world.arrival = arrival;
        let mut out = Changes::default();
        for (key, value) in &self.0 {
            for (worker, fold) in world.folds.iter_mut().enumerate() {
                if key.is_for(worker, folds) {
                    let KeptValue::Fold(value) = bincode::deserialize(value).unwrap() else { panic!() };
                    assert!(fold.restore(key.clone(), value, &mut out));
                }
            }
        }
        world.note(out);
        world
    }
}

pub(super) fn kept_world(folds: usize) -> World {
    let mut world = World::new(&settings(), folds);
    for fold in &mut world.folds {
        let given = Rc::clone(&world.given);
        fold.keep_track(Rc::new(move |key, value| {
            let value = value.map(|value| bincode::serialize(&KeptValueRef::Fold(value)).unwrap());
            given.borrow_mut().push((key.clone(), value));
        }));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn nobody_notices_a_restart(
        events in prop::collection::vec((drawn_event(), prop::option::weighted(0.2, 1usize..5), any::<bool>()), 1..120),
        tick in 1u64..60_000,
    ) {
        let mut undisturbed = World::new(&settings(), 1);
        let (mut world, mut rows) = (kept_world(2), Rows::default());
        let (events, restarts): (Vec<Drawn>, Vec<_>) =
            events.into_iter().map(|(drawn, restart, kept)| (drawn, (restart, kept))).unzip();
        let mut clock = 0;
        for ((time, event), (restart, kept)) in drawn_events(events, tick).zip(restarts) {
            clock = time;
            undisturbed.tick(clock, [event.clone()]);
            world.tick(clock, [event]);
            if kept || restart.is_some() {
                rows.keep(&mut world);
            }
            if let Some(folds) = restart {
                world = rows.begin(folds, world.arrival);
            }
            prop_assert_eq!(&undisturbed.facts, &world.facts);
        }
        for world in [&mut undisturbed, &mut world] {
            world.until(clock + 2 * DAY);
        }
        prop_assert_eq!(&undisturbed.facts, &world.facts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn rows_given_in_portions_are_those_of_the_tick_they_were_held_at(
        events in prop::collection::vec((drawn_event(), any::<bool>(), 0usize..3, prop::bool::weighted(0.1)), 1..120),
        tick in 1u64..60_000,
    ) {
        let (mut at_once, mut bit_by_bit) = (kept_world(1), kept_world(1));
        let (mut rows, mut portions) = (Rows::default(), Rows::default());
        let (events, plans): (Vec<Drawn>, Vec<_>) =
            events.into_iter().map(|(drawn, hold, portion, forget)| (drawn, (hold, portion, forget))).unzip();
        let mut is_all = true;
        for ((time, event), (hold, portion, forget)) in drawn_events(events, tick).zip(plans) {
            let handle = match &event.body {
                Body::Person { handle, .. } => Some(handle.clone()).filter(|_| forget),
                _ => None,
            };
            for world in [&mut at_once, &mut bit_by_bit] {
                world.tick(time, [event.clone()]);
                world.forget(handle.as_slice());
            }
            if !is_all {
                let mut given = 0;
                is_all = bit_by_bit.folds[0].keep_on(|| { given += 1; given > portion });
            }
            if hold && is_all {
                portions.take(&bit_by_bit);
                // Of all that were held before.
                prop_assert_eq!(&portions.0, &rows.0);
                rows.keep(&mut at_once);
                bit_by_bit.folds[0].hold();
                is_all = false;
            }
        }
        while !is_all {
            is_all = bit_by_bit.folds[0].keep_on(|| true);
        }
        portions.take(&bit_by_bit);
        prop_assert_eq!(&portions.0, &rows.0);
    }
}

#[test]
fn a_value_of_another_kind_changes_nothing() {
    let (mut world, mut out) = (kept_world(1), Changes::default());
    world.tick(START, [act(START, "card:1", Act::Profile(vec![(Text::from("a"), None)]))]);
    let mut rows = Rows::default();
    rows.keep(&mut world);
    let value = &rows.0[&KeptKey::Handle(handle("card:1"))];
    let KeptValue::Fold(value) = bincode::deserialize(value).unwrap() else { panic!() };
    assert!(!world.folds[0].restore(KeptKey::Stock(item("A")), value, &mut out));
    assert!(out.persons.is_empty() && out.subjects.is_empty());
    rows.0.clear();
    rows.keep(&mut world);
    assert!(rows.0.is_empty(), "nothing changed since");
}
