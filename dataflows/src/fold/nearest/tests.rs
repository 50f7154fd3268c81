//! The nearest shop against a search from the beginning after each step.

use super::*;
use proptest::prelude::*;
use shopbell_model::event::LocationKind;
use shopbell_model::key::{Brand, EventRef, Text};

const KEEP: Duration = Duration(1_000_000);

/// The handles' newest positions, what stands for them, and places.
struct World {
    all: AllNearest,
    places: Places,
    timers: Wheel<Timer>,
    rows: usize,
    told: Vec<(Handle, Shared<Nearest>)>,
}

fn handle(who: usize) -> Handle {
    Handle::new(&Brand::default(), ["phone:1", "phone:2"][who])
}

fn place(number: usize) -> LocationId {
    LocationId::new(&Brand::default(), ["s1", "s2", "s3"][number])
}

fn spot((lat, lon): (i32, i32)) -> Position {
    Position { lat: 48_000_000 + lat * 1000, lon: 11_000_000 + lon * 1000 }
}

/// As docs/semantics.md has it, of places that are less than half the world apart.
fn distance(shop: Position, person: Position) -> i128 {
    let apart = |a: i32, b: i32| i128::from(a - b).abs();
    let x = i128::from(shop.lat / 1000);
    let c = 1_000_000 * (32_400_000_000 - 4 * x * x) / (32_400_000_000 + x * x);
    let north = apart(shop.lat, person.lat) * 111_195 / 1000;
    let east = apart(shop.lon, person.lon) * 111_195 * c / 1_000_000_000;
    north * north + east * east
}

impl World {
    fn new() -> Self {
        let (all, places) = (AllNearest::new(KEEP, true), Places::default());
        World { all, places, timers: Wheel::default(), rows: 0, told: Vec::new() }
    }

    fn took(&mut self, out: Changes) {
        self.rows += out.persons.len();
        for ((handle, fact), diff) in out.persons {
            let Some(PersonFact::Nearest(nearest)) = fact else { panic!("{fact:?}") };
            let row = (handle, nearest);
            if diff < 0 {
                let at = self.told.iter().position(|told| *told == row).expect("what is taken back was told");
                self.told.remove(at);
            } else {
                self.told.push(row);
            }
        }
    }

    fn see(&mut self, who: usize, at: Moment, position: Position) -> bool {
        let event = EventRef { source: Text::default(), id: Text::default() };
        let (seen, mut out) = (Seen { position, accuracy: None, at, event }, Changes::default());
        let new = self.all.see(&handle(who), &seen, &self.places, &mut self.timers, &mut out);
        self.took(out);
        new
    }

    fn put(&mut self, number: usize, at: Moment, position: Option<Position>, kind: LocationKind) {
        if self.places.put(place(number), position, kind, at) {
            let mut out = Changes::default();
            for (handle, nearest) in self.all.moved(&place(number), &self.places) {
                self.all.tell(&handle, nearest, &mut out);
            }
            self.took(out);
        }
    }

    fn advance(&mut self, now: Time) {
        let (mut out, mut due) = (Changes::default(), Vec::new());
        while self.timers.pop(now, usize::MAX, &mut due).is_some() {
            for (timer, _) in due.drain(..) {
                let Timer::Nearest(handle) = timer else { panic!("{timer:?}") };
                self.all.expire(&handle, now, &mut self.timers, &mut out);
            }
        }
        self.took(out);
    }

    fn known(&self, who: usize) -> Option<(LocationId, Moment)> {
        let of_handle: Vec<_> = self.told.iter().filter(|(known, _)| *known == handle(who)).collect();
        assert!(of_handle.len() < 2, "{of_handle:?}");
        of_handle.first().map(|(_, nearest)| (nearest.location.clone(), nearest.since))
    }
}

/// What was said of a place last.
#[derive(Clone, Copy, Default)]
struct Known {
    position: Option<(Position, Time)>,
    kind: Option<(LocationKind, Time)>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn is_the_least_distance_to_the_newest_position(
        steps in prop::collection::vec((0u8..5, 0usize..3, -2i32..3, -2i32..3, 0u64..4, any::<bool>()), 1..60),
    ) {
        let (mut world, mut clock) = (World::new(), 10_000_000);
        let mut sites = [Known::default(); 3];
        let mut newest: [Option<(Position, Moment)>; 2] = [None; 2];
        let mut expected: [Option<(LocationId, Moment)>; 2] = [None, None];
        for (arrival, (what, number, lat, lon, passed, late)) in steps.into_iter().enumerate() {
            clock += [0, 1000, KEEP.0 / 3, KEEP.0][passed as usize];
            let time = if late { clock - 2000 } else { clock };
            let (at, position) = (Moment { time, arrival: arrival as u64 }, spot((lat, lon)));
            let who = number % 2;
            match what {
                0 => {
                    let kind = if lat < 0 { LocationKind::Warehouse } else { LocationKind::Store };
                    let said = (lon != 2).then_some(position);
                    world.put(number, at, said, kind);
                    let site = &mut sites[number];
                    if let Some(said) = said.filter(|_| site.position.is_none_or(|(_, last)| last <= time)) {
                        site.position = Some((said, time));
                    }
                    if site.kind.is_none_or(|(_, last)| last <= time) {
                        site.kind = Some((kind, time));
                    }
                }
                _ => {
                    let new = newest[who].is_none_or(|(_, last)| last.time <= time);
                    prop_assert_eq!(world.see(who, at, position), new);
                    if new {
                        newest[who] = Some((position, at));
                    }
                }
            }
            for who in 0..2 {
                let nearest = newest[who].and_then(|(position, _)| {
                    let shops = (0..3).filter_map(|number| {
                        let Known { position: Some((shop, _)), kind: Some((LocationKind::Store, _)) } = sites[number] else {
                            return None;
                        };
                        Some((distance(shop, position), place(number)))
                    });
                    shops.min().map(|(_, place)| place)
                });
                if expected[who].as_ref().map(|(place, _)| place) != nearest.as_ref() {
                    expected[who] = nearest.zip(newest[who].map(|(_, at)| at));
                }
            }
            world.advance(clock);
            for who in 0..2 {
                if newest[who].is_some_and(|(_, at)| at.time + KEEP.0 < clock) {
                    (newest[who], expected[who]) = (None, None);
                }
                prop_assert_eq!(world.known(who), expected[who].clone());
            }
        }
        world.advance(clock + KEEP.0 + 1);
        prop_assert!(world.told.is_empty() && world.all.by_handle.is_empty() && world.timers.is_empty());
    }
}

#[test]
fn whoever_stays_near_the_same_shop_changes_nothing() {
    let mut world = World::new();
    let at = |step: u64| Moment { time: 10_000_000 + step * 1000, arrival: step };
    world.put(0, at(0), Some(spot((0, 0))), LocationKind::Store);
    world.put(1, at(0), Some(spot((2, 0))), LocationKind::Store);
    for step in 1..1000 {
        world.see(0, at(step), Position { lat: 48_000_000 + (step % 999) as i32, lon: 11_000_000 });
    }
    assert_eq!((world.rows, world.known(0)), (1, Some((place(0), at(1)))));
    // Half way: the first by id. A little further on it is the other.
    world.see(0, at(1000), spot((1, 0)));
    assert_eq!(world.known(0), Some((place(0), at(1))));
    world.see(0, at(1001), Position { lat: 48_001_001, lon: 11_000_000 });
    assert_eq!(world.known(0), Some((place(1), at(1001))));
    // The same said again of a place changes nothing; that it is a warehouse does.
    let rows = world.rows;
    world.put(1, at(1002), Some(spot((2, 0))), LocationKind::Store);
    assert_eq!(world.rows, rows);
    world.put(1, at(1003), None, LocationKind::Warehouse);
    assert_eq!(world.known(0), Some((place(0), at(1001))));
}

#[test]
fn nothing_is_kept_where_nobody_asks() {
    let mut world = World { all: AllNearest::new(KEEP, false), ..World::new() };
    let at = Moment { time: 10_000_000, arrival: 1 };
    world.put(0, at, Some(spot((0, 0))), LocationKind::Store);
    assert!(world.see(0, at, spot((0, 0))) && world.all.by_handle.is_empty() && world.timers.is_empty());
}
