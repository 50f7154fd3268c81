use super::*;
use proptest::prelude::*;
use shopbell_model::key::Text;

const PLACE: Position = Position { lat: 48_137_100, lon: 11_575_400 };
const SECOND: Time = 1000;

fn at(north: i32, east: i32) -> Position {
    Position { lat: PLACE.lat + north, lon: PLACE.lon + east }
}

#[test]
fn distance_is_that_on_the_ground() {
    // 1000 millionths of a degree: 111.195 m north, 74.3 m east.
    for (position, metres) in [(at(1000, 0), 112), (at(-1000, 0), 112), (at(0, 1000), 75), (at(0, -1000), 75)]
    {
        assert!(is_near(PLACE, position, metres) && !is_near(PLACE, position, metres - 1), "{position:?}");
    }
    assert!(is_near(PLACE, at(1000, 1000), 134) && !is_near(PLACE, at(1000, 1000), 133));
    let (west, east) = (Position { lat: 0, lon: -179_999_500 }, Position { lat: 0, lon: 179_999_500 });
    assert!(is_near(west, east, 112) && !is_near(west, east, 111));
    let pole = Position { lat: 90_000_000, lon: 0 };
    assert!(is_near(pole, Position { lat: 90_000_000, lon: 180_000_000 }, 1));
    assert!(!is_near(
        Position { lat: i32::MIN, lon: i32::MIN },
        Position { lat: i32::MAX, lon: i32::MAX },
        50_000
    ));
}

proptest! {
    /// Against the distance on a sphere, where it can be told apart: half a percent and a millimetre.
    #[test]
    fn distance_is_close_to_that_on_a_sphere(
        lat in -60_000_000i32..60_000_000,
        lon in -179_000_000i32..179_000_000,
        north in -20_000i32..20_000,
        east in -20_000i32..20_000,
        within in 1u32..5_000,
    ) {
        let (a, b) = (Position { lat, lon }, Position { lat: lat + north, lon: lon + east });
        let radians = |millionths: i32| (f64::from(millionths) / 1e6).to_radians();
        let half = |from: i32, to: i32| ((radians(to) - radians(from)) / 2.0).sin().powi(2);
        let h = half(a.lat, b.lat) + radians(a.lat).cos() * radians(b.lat).cos() * half(a.lon, b.lon);
        let metres = 2.0 * 6_371_008.8 * h.sqrt().asin();
        let limit = f64::from(within);
        if (metres - limit).abs() > metres * 0.005 + 0.001 {
            prop_assert_eq!(is_near(a, b, within), metres < limit, "{} m", metres);
        }
    }
}

/// What stands for a stay: since when, and whether it is over.
fn stands(changes: &Changes) -> Vec<(Time, bool)> {
    let mut facts: Vec<(Shared<Near>, isize)> = Vec::new();
    for ((_, fact), diff) in &changes.persons {
        let Some(PersonFact::Near(near)) = fact else { panic!() };
        match facts.iter_mut().find(|(known, _)| known == near) {
            Some((_, sum)) => *sum += diff,
            None => facts.push((near.clone(), *diff)),
        }
    }
    assert!(facts.iter().all(|(_, sum)| (0..=1).contains(sum)), "a fact is there once");
    let there = facts.into_iter().filter(|(_, sum)| *sum == 1);
    let mut there: Vec<_> = there.map(|(near, _)| (near.start.time, near.last.is_some())).collect();
    there.sort_unstable();
    there
}

#[test]
fn of_many_positions_two_change_something_and_nothing_is_kept_for_ever() {
    let (brand, keep) = (Brand::default(), Duration(1000 * SECOND));
    let handle = Handle::new(&brand, "phone:1");
    let mut nearby = Nearby::new(vec![100], Duration(60 * SECOND), keep);
    let first = Moment { time: 0, arrival: 0 };
    nearby.places.put(LocationId::new(&brand, "s1"), Some(PLACE), LocationKind::Store, first);
    let mut timers = Wheel::default();
    let mut out = Changes::default();
    let run = |nearby: &mut Nearby, timers: &mut Wheel<Timer>, now: Time, out: &mut Changes| {
        let mut due = Vec::new();
        while timers.pop(now, usize::MAX, &mut due).is_some() {
            due.drain(..).for_each(|(timer, _)| match timer {
                Timer::Nearby(handle) => nearby.expire(handle, now, timers, out),
                _ => panic!(),
            });
        }
    };
    let begin = 100 * SECOND;
    for step in 0..100 {
        let time = begin + step * 30 * SECOND;
        let moment = Moment { time, arrival: step };
        let event = EventRef { source: Text::from("app"), id: Text::from(format!("{step}")) };
        let seen = Seen { position: at((step % 10) as i32, 0), accuracy: None, at: moment, event };
        run(&mut nearby, &mut timers, time, &mut out);
        assert!(nearby.see(handle.clone(), &seen, &mut timers, &mut out));
    }
    let last = begin + 99 * 30 * SECOND;
    assert_eq!((out.persons.len(), stands(&out)), (1, vec![(begin, false)]));
    run(&mut nearby, &mut timers, last + 60 * SECOND - 1, &mut out);
    assert_eq!(stands(&out), [(begin, false)]);
    run(&mut nearby, &mut timers, last + 60 * SECOND, &mut out);
    assert_eq!((out.persons.len(), stands(&out)), (3, vec![(begin, true)]));
    run(&mut nearby, &mut timers, last + 60 * SECOND + keep.0 + 1, &mut out);
    assert_eq!((stands(&out), nearby.by_handle.len(), timers.len()), (vec![], 0, 0));
}
