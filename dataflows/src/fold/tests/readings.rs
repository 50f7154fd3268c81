//! Zone visits from readings that come in any order.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use shopbell_model::facts::{Noticed, ZoneVisit};
use shopbell_model::settings::PresenceMode;
use shopbell_model::time::day_of;
use shopbell_model::value::Rssi;
use std::collections::BTreeSet;

const ZONES: [&str; 3] = ["a", "b", "c"];

fn presence(mode: PresenceMode, window: u16) -> Presence {
    Presence { mode, window, ..Presence::default() }
}

fn world(presence: &Presence) -> World {
    let mut world = World::new(&FoldSettings { presence: presence.clone(), ..settings() }, 1);
    let zones = ZONES.map(|name| zone(START, name, &[name]));
    world.tick(START, zones);
    world
}

fn zone(time: Time, name: &str, beacons: &[&str]) -> Event {
    let beacons = beacons.iter().map(|beacon| Text::from(*beacon)).collect();
    event(time, Body::CatalogZone { location: location(name), zone: Text::from(name), beacons, name: None })
}

fn reading(time: Time, zone: &str, dbm: i16) -> Event {
    act(time, "device:1", Act::Reading(Text::from(zone), Rssi(dbm * 100)))
}

/// Zone, start and last reading (of an ended visit), by time.
type Visit = (String, Time, Option<Time>);

fn visits(world: &World) -> Vec<Visit> {
    let visit = |visit: &ZoneVisit| (visit.zone.zone.to_string(), visit.start.time, visit.last);
    let of_zone = |fact: &PersonFact| match fact {
        PersonFact::Zone(zone) => Some(visit(zone)),
        _ => None,
    };
    let mut visits: Vec<_> = world.persons().into_iter().filter_map(of_zone).collect();
    visits.sort_by_key(|(zone, start, _)| (*start, zone.clone()));
    visits
}

fn days(world: &World) -> BTreeSet<(u32, String)> {
    let of_day = |fact: &PersonFact| match fact {
        PersonFact::Noticed(Noticed { day, location: Some(place) }) => Some((*day, place.to_string())),
        _ => None,
    };
    world.persons().into_iter().filter_map(of_day).collect()
}

/// Readings that count, in order of time, put through a machine of their own.
struct Reference {
    presence: Presence,
    heard: Vec<Reading>,
    too_late: u64,
}

impl Reference {
    fn hear(&mut self, time: Time, arrival: u64, zone: u32, dbm: i16) {
        let newest = self.heard.iter().map(|reading| reading.at.time).max().unwrap_or(0);
        if time + self.presence.lateness.0 < newest {
            self.too_late += 1;
            return;
        }
        let event = EventRef { source: Text::default(), id: Text::default() };
        self.heard.push(Reading { at: Moment { time, arrival }, zone, rssi: Rssi(dbm * 100), event });
        self.heard.sort_by_key(|reading| reading.at);
    }

    /// Visits that are over by the readings alone, and those that are not.
    fn run(&self) -> (Machine, Vec<machine::Open>) {
        let (mut machine, mut ended) = (Machine::default(), Vec::new());
        for reading in &self.heard {
            machine.hear(reading, &self.presence, &mut ended);
        }
        (machine, ended)
    }

    /// Days and places of all visits that ever began.
    fn days(&self) -> BTreeSet<(u32, String)> {
        let (machine, ended) = self.run();
        let day = |visit: &machine::Open| (day_of(visit.start.time), ZONES[visit.zone as usize].to_owned());
        ended.iter().chain(machine.open()).map(day).collect()
    }

    fn visits(&self, clock: Time) -> Vec<Visit> {
        let (mut machine, mut ended) = self.run();
        machine.end_at(clock, &self.presence, &mut ended);
        ended.retain(|visit| visit.last + DAY >= clock);
        let ended = ended.iter().map(|visit| (visit, Some(visit.last)));
        let open = machine.open().iter().map(|visit| (visit, None));
        let named = |(visit, last): (&machine::Open, _)| {
            (ZONES[visit.zone as usize].to_owned(), visit.start.time, last)
        };
        let mut visits: Vec<Visit> = ended.chain(open).map(named).collect();
        visits.sort_by_key(|(zone, start, _)| (*start, zone.clone()));
        visits
    }
}

/// How far the clock moves: around the spans that matter, now and then a day.
fn step() -> impl Strategy<Value = Time> {
    let often =
        select(vec![0, 1, 500, 1000, 3000, 5000, 9999, 10_000, 10_001, 15_000, 30_000, 30_001, 45_000]);
    let rarely = select(vec![HOUR, DAY - 10_000, DAY, DAY + 1]);
    prop_oneof![30 => often, 1 => rarely]
}

fn late() -> impl Strategy<Value = Time> {
    let late = select(vec![1, 1000, 4000, 9000, 10_000, 11_000, 20_000, 29_999, 30_000, 30_001, 60_000]);
    prop_oneof![2 => Just(0), 1 => late]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    /// After every tick the facts are the visits of all readings that count, in order of time.
    #[test]
    fn agree_with_the_machine_on_sorted_readings(
        steps in prop::collection::vec(
            (step(), late(), 0u32..3, select(vec![-60i16, -69, -70, -71, -74, -75, -76, -90]), 0u8..8),
            1..60,
        ),
        all in any::<bool>(),
        window in 1u16..4,
        exit_after in select(vec![10_000u64, 45_000]),
    ) {
        let mode = if all { PresenceMode::All } else { PresenceMode::Strongest };
        let presence = Presence { exit_after: Duration(exit_after), ..presence(mode, window) };
        let mut world = world(&presence);
        let mut reference = Reference { presence, heard: Vec::new(), too_late: 0 };
        let mut clock = START + DAY;
        for (step, late, zone, dbm, silent) in steps {
            clock += step;
            if silent == 0 {
                world.until(clock);
            } else {
                let time = clock - late;
                world.tick(clock, [reading(time, ZONES[zone as usize], dbm)]);
                reference.hear(time, world.arrival, zone, dbm);
            }
            prop_assert_eq!(visits(&world), reference.visits(clock), "at {}", clock - START - DAY);
            prop_assert_eq!(days(&world), reference.days(), "at {}", clock - START - DAY);
        }
        prop_assert_eq!(world.counts.too_late, reference.too_late);
        // A day of silence later nothing is left to remember.
        world.until(clock + DAY + 45_001);
        prop_assert_eq!(visits(&world), vec![]);
        prop_assert!(world.folds[0].readings.is_idle());
    }
}

#[test]
fn a_visit_ends_exactly_at_exit_after_and_not_before() {
    let mut world = world(&Presence::default());
    world.tick(START + 1000, [reading(START + 1000, "a", -70)]);
    world.until(START + 10_999);
    assert_eq!(visits(&world), [("a".into(), START + 1000, None)]);
    world.tick(START + 11_000, [reading(START + 11_000, "a", -75)]);
    assert_eq!(visits(&world), [("a".into(), START + 1000, None)]);
    world.until(START + 20_999);
    assert_eq!(visits(&world), [("a".into(), START + 1000, None)]);
    world.until(START + 21_000);
    assert_eq!(visits(&world), [("a".into(), START + 1000, Some(START + 11_000))]);
}

/// The clock went on without the device, whose next reading was on its way in time.
#[test]
fn a_reading_that_was_late_for_the_clock_alone_continues_the_visit() {
    let mut world = world(&Presence::default());
    world.tick(START + 1000, [reading(START + 1000, "a", -60)]);
    world.until(START + 12_000);
    assert_eq!(visits(&world), [("a".into(), START + 1000, Some(START + 1000))]);
    world.tick(START + 12_000, [reading(START + 11_000, "a", -60)]);
    assert_eq!(visits(&world), [("a".into(), START + 1000, None)]);
}

/// However long ago a device was heard last: lateness is counted from there.
#[test]
fn lateness_is_counted_from_the_newest_reading_of_the_handle() {
    let mut world = world(&Presence::default());
    let heard = START + 100_000;
    world.tick(heard, [reading(heard, "a", -60)]);
    world.tick(heard + HOUR, [reading(heard - 30_001, "a", -60)]);
    assert_eq!(visits(&world), [("a".into(), heard, Some(heard))]);
    assert_eq!(world.counts.too_late, 1);
    world.tick(heard + HOUR, [reading(heard - 10_000, "a", -60)]);
    assert_eq!(visits(&world), [("a".into(), heard - 10_000, Some(heard))]);
    assert_eq!(world.counts.too_late, 1);
}

#[test]
fn a_visit_is_forgotten_a_day_after_its_last_reading() {
    let mut world = world(&Presence::default());
    world.tick(START + 1000, [reading(START + 1000, "a", -60)]);
    world.tick(START + 5000, [reading(START + 5000, "a", -60)]);
    world.until(START + 5000 + DAY);
    assert_eq!(visits(&world).len(), 1);
    world.until(START + 5000 + DAY + 1);
    assert_eq!(visits(&world), []);
}

#[test]
fn levels_are_means_of_the_window() {
    let mut world = world(&presence(PresenceMode::Strongest, 2));
    world.tick(START + 1000, [reading(START + 1000, "a", -80)]);
    world.tick(START + 2000, [reading(START + 2000, "a", -61)]);
    assert_eq!(visits(&world), [], "the mean is -70.5");
    world.tick(START + 3000, [reading(START + 3000, "a", -79)]);
    assert_eq!(visits(&world), [("a".into(), START + 3000, None)], "the mean is -70, the first is out");
    // Mean -79.5 does not continue it.
    world.tick(START + 4000, [reading(START + 4000, "a", -80)]);
    world.until(START + 13_000);
    assert_eq!(visits(&world), [("a".into(), START + 3000, Some(START + 3000))]);
    // Only what is older than `exit_after` leaves the mean: -80 counts still at its 10 s, not after.
    world.tick(START + 14_000, [reading(START + 14_000, "a", -60)]);
    assert_eq!(visits(&world).last().unwrap().2, None);
    world.tick(START + 24_001, [reading(START + 24_001, "a", -70)]);
    assert_eq!(visits(&world).last().unwrap(), &("a".into(), START + 24_001, None));
}

#[test]
fn the_strongest_zone_wins_only_if_strictly_stronger() {
    let readings = |world: &mut World| {
        for (after, zone, dbm) in [(1, "a", -65), (2, "b", -65), (3, "a", -80), (4, "b", -70), (5, "b", -60)]
        {
            world.tick(START + after, [reading(START + after, zone, dbm)]);
        }
    };
    let mut strongest = world(&presence(PresenceMode::Strongest, 1));
    readings(&mut strongest);
    // The zone's latest level was -80, too weak to continue and yet what has to be exceeded.
    let expected = [("a".into(), START + 1, Some(START + 1)), ("b".into(), START + 4, None)];
    assert_eq!(visits(&strongest), expected);
    let mut all = world(&presence(PresenceMode::All, 1));
    readings(&mut all);
    assert_eq!(visits(&all), [("a".into(), START + 1, None), ("b".into(), START + 2, None)]);
}

#[test]
fn what_is_in_no_zone_is_counted_and_skipped() {
    let mut world = world(&Presence::default());
    world.tick(START + 1, [reading(START + 1, "nowhere", -60)]);
    assert_eq!((visits(&world), world.counts.unknown_beacons), (vec![], 1));
    // A beacon that moves counts for its new zone from the next reading on.
    world.tick(START + 2, [zone(START + 2, "a", &["nowhere"])]);
    world.tick(START + 3, [reading(START + 3, "nowhere", -60), reading(START + 3, "a", -50)]);
    assert_eq!((visits(&world), world.counts.unknown_beacons), (vec![("a".into(), START + 3, None)], 2));
    // An older list changes nothing.
    world.tick(START + 4, [zone(START + 1, "a", &["a"])]);
    world.tick(START + 5, [reading(START + 5, "a", -50)]);
    assert_eq!(world.counts.unknown_beacons, 3);
}

#[test]
fn a_read_point_is_as_near_as_can_be() {
    let mut world = world(&Presence::default());
    let passed = Act::Rfid { epc: Text::from("e"), read_point: Text::from("A") };
    world.tick(START + 1, [act(START + 1, "device:1", passed)]);
    assert_eq!(visits(&world), [("a".into(), START + 1, None)]);
}
