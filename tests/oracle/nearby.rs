//! Who is near a place, from positions in order of arrival.

use super::config::Presence;
use super::event::{Act, Event, Time};
use std::collections::BTreeMap;

/// Millionths of a degree north and east.
pub(crate) type Spot = (i128, i128);

/// A handle's stay near a place.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) handle: String,
    pub(crate) location: String,
    pub(crate) start: Time,
    last: Time,
    pub(crate) ended: Option<Time>,
}

/// The square of the millimetres from `place` to `person`.
fn square(place: Spot, person: Spot) -> i128 {
    let round = 360 * 1_000_000;
    let lat = (place.0 - person.0).abs();
    let lon = (place.1 - person.1).rem_euclid(round).min((person.1 - place.1).rem_euclid(round));
    let x = place.0.abs() / 1000;
    let degrees = 180 * 180 * 1_000_000;
    let c = (degrees - 4 * x * x) * 1_000_000 / (degrees + x * x);
    let (north, east) = (lat * 111_195 / 1000, lon * c * 111_195 / 1_000_000_000);
    north.pow(2) + east.pow(2)
}

/// Whether `person` is near `place`.
pub(crate) fn near(place: Spot, person: Spot, metres: u64) -> bool {
    square(place, person) <= (i128::from(metres) * 1000).pow(2)
}

/// Of each handle the shop nearest to its newest position, and since which position (time, arrival) that is so;
/// `events` in order of arrival.
pub(crate) fn nearest(
    events: &[&Event],
    kept: Time,
    clock: Time,
) -> BTreeMap<String, (String, (Time, usize))> {
    let mut spots: BTreeMap<&String, (Time, Spot)> = BTreeMap::new();
    let mut shops: BTreeMap<&String, (Time, bool)> = BTreeMap::new();
    let mut newest: BTreeMap<&String, ((Time, usize), Spot)> = BTreeMap::new();
    let mut nearest: BTreeMap<String, (String, (Time, usize))> = BTreeMap::new();
    for event in events {
        // Too old before that tick.
        newest.retain(|_, ((time, _), _)| *time + kept >= event.before);
        nearest.retain(|handle, _| newest.contains_key(handle));
        match &event.act {
            Act::Location { location, spot, is_shop, .. } => {
                let last = |known: Option<&(Time, Spot)>| known.is_none_or(|(time, _)| *time <= event.time);
                if let Some(spot) = spot.filter(|_| last(spots.get(location))) {
                    spots.insert(location, (event.time, spot));
                }
                if shops.get(location).is_none_or(|(time, _)| *time <= event.time) {
                    shops.insert(location, (event.time, *is_shop));
                }
            }
            Act::Geo { at, .. } => {
                if newest.get(&event.handle).is_some_and(|((time, _), _)| event.time < *time) {
                    continue;
                }
                newest.insert(&event.handle, (event.order(), *at));
            }
            _ => continue,
        }
        for (handle, (order, at)) in &newest {
            let is_shop = |location: &&String| shops.get(*location).is_some_and(|(_, is_shop)| *is_shop);
            let near = spots.iter().filter(|(location, _)| is_shop(location));
            let least = near.min_by_key(|(location, (_, spot))| (square(*spot, *at), *location));
            match least.map(|(location, _)| *location) {
                None => drop(nearest.remove(*handle)),
                Some(location) if nearest.get(*handle).is_some_and(|(known, _)| known == location) => {}
                Some(location) => drop(nearest.insert((*handle).clone(), (location.clone(), *order))),
            }
        }
    }
    nearest.retain(|handle, _| newest[handle].0.0 + kept >= clock);
    nearest
}

/// Stays of all handles within so many metres of any place, as they stand at `clock`; `events` in order of arrival.
pub(crate) fn stays(events: &[&Event], metres: u64, presence: &Presence, clock: Time) -> Vec<Stay> {
    let mut spots: BTreeMap<&String, (Time, Spot)> = BTreeMap::new();
    let mut newest: BTreeMap<&String, Time> = BTreeMap::new();
    let mut stays: Vec<Stay> = Vec::new();
    for event in events {
        let (at, accuracy) = match &event.act {
            Act::Location { location, spot: Some(spot), .. } => {
                let known = spots.entry(location).or_insert((event.time, *spot));
                if known.0 <= event.time {
                    *known = (event.time, *spot);
                }
                continue;
            }
            Act::Geo { at, accuracy } => (*at, *accuracy),
            _ => continue,
        };
        let latest = newest.entry(&event.handle).or_insert(0);
        if event.time < *latest {
            continue;
        }
        *latest = event.time;
        if accuracy.is_some_and(|accuracy| accuracy > metres as f64) {
            continue;
        }
        for (location, (_, spot)) in &spots {
            let of = |stay: &&mut Stay| stay.handle == event.handle && stay.location == **location;
            let open = stays.iter_mut().filter(of).find(|stay| stay.ended.is_none());
            let open = open.and_then(|stay| {
                let silent = stay.last + presence.leave_after;
                stay.ended = (silent < event.time).then_some(silent);
                stay.ended.is_none().then_some(stay)
            });
            match (open, near(*spot, at, metres)) {
                (Some(stay), true) => stay.last = event.time,
                (Some(stay), false) => stay.ended = Some(event.time),
                (None, true) => stays.push(Stay {
                    handle: event.handle.clone(),
                    location: (*location).clone(),
                    start: event.time,
                    last: event.time,
                    ended: None,
                }),
                (None, false) => {}
            }
        }
    }
    for stay in stays.iter_mut().filter(|stay| stay.ended.is_none()) {
        let silent = stay.last + presence.leave_after;
        stay.ended = (silent <= clock).then_some(silent);
    }
    stays
}

#[test]
fn near_is_as_far_as_it_should_be() {
    let munich = (48_137_100, 11_575_400);
    // A thousandth of a degree is 111.195 m to the north; to the east, at 48 degrees, 74.3 m.
    assert!(near(munich, (48_138_100, 11_575_400), 112) && !near(munich, (48_138_100, 11_575_400), 111));
    assert!(near(munich, (48_137_100, 11_576_400), 75) && !near(munich, (48_137_100, 11_576_400), 74));
    // Over the date line.
    assert!(
        near((0, 179_999_500), (0, -179_999_500), 112) && !near((0, 179_999_500), (0, -179_999_500), 111)
    );
}
