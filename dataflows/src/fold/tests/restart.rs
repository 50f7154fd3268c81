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
            fold.keep(|key, value| match value {
                Some(value) => {
                    let value = bincode::serialize(&KeptValueRef::Fold(value)).unwrap();
                    self.0.insert(key.clone(), value);
                }
                None => drop(self.0.remove(key)),
            });
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
    world.folds.iter_mut().for_each(Fold::keep_track);
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
