//! Zone visits from beacon readings, by the contract's words.
//!
//! A visit of a zone starts with the first reading at or above `enter` while the device is not in
//! that zone. It ends `exit_after` after the last reading of that zone at or above `exit`; a reading
//! exactly `exit_after` later still continues it, a later one starts anew.
//! - [`Mode::All`]: zones know nothing of each other.
//! - [`Mode::Strongest`]: a device is in one zone at a time. A reading at or above `enter` of another
//!   zone takes over if it is strictly stronger than the latest reading (of any strength) of the
//!   zone the device is in; the old visit ends at that moment.
//!
//! Readings are averaged over one, that is, not at all.

use std::collections::{BTreeMap, BTreeSet};

/// One reading: when (ms), which device, which beacon, how strong (dBm).
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) time: u64,
    pub(crate) device: String,
    pub(crate) beacon: String,
    pub(crate) rssi: i32,
}

/// Whether a device can be in several zones at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Strongest,
    All,
}

/// The thresholds of presence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presence {
    pub(crate) enter: i32,
    pub(crate) exit: i32,
    pub(crate) exit_after: u64,
    pub(crate) mode: Mode,
}

impl Presence {
    /// With the exit threshold at the entry threshold.
    pub(crate) fn new(enter: i32, exit_after: u64, mode: Mode) -> Self {
        Presence { enter, exit: enter, exit_after, mode }
    }
}

/// Device, zone, start, end. The end of a visit that the readings leave open is where it ends if
/// nothing more comes: after the last moment of a replay, where its clock stops.
pub(crate) type Visit = (String, String, u64, u64);

#[derive(Clone, Copy)]
struct Open {
    start: u64,
    /// The last reading at or above `exit`.
    last: u64,
    /// The strength of the latest reading, whatever it was.
    latest: i32,
}

/// All visits, sorted. `readings` are in time order; those of unknown beacons are not counted.
pub(crate) fn zone_visits(
    readings: &[Reading],
    zone_of_beacon: &BTreeMap<String, String>,
    presence: Presence,
) -> Vec<Visit> {
    let mut visits = Vec::new();
    let devices: BTreeSet<&str> = readings.iter().map(|reading| reading.device.as_str()).collect();
    for device in devices {
        let own = readings.iter().filter(|reading| reading.device == device);
        let mut open: BTreeMap<&str, Open> = BTreeMap::new();
        let mut close = |zone: &str, start, end| {
            visits.push((device.to_owned(), zone.to_owned(), start, end));
        };
        for Reading { time, beacon, rssi, .. } in own {
            let Some(zone) = zone_of_beacon.get(beacon) else { continue };
            open.retain(|zone, visit| {
                let over = *time > visit.last + presence.exit_after;
                if over {
                    close(zone, visit.start, visit.last + presence.exit_after);
                }
                !over
            });
            if let Some(visit) = open.get_mut(zone.as_str()) {
                visit.latest = *rssi;
                if *rssi >= presence.exit {
                    visit.last = *time;
                }
                continue;
            }
            if *rssi < presence.enter {
                continue;
            }
            if presence.mode == Mode::Strongest {
                if open.values().any(|current| *rssi <= current.latest) {
                    continue;
                }
                for (left, visit) in std::mem::take(&mut open) {
                    close(left, visit.start, *time);
                }
            }
            open.insert(zone, Open { start: *time, last: *time, latest: *rssi });
        }
        for (zone, visit) in open {
            close(zone, visit.start, visit.last + presence.exit_after);
        }
    }
    visits.sort();
    visits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(mode: Mode, exit: i32, readings: &[(u64, &str, i32)]) -> Vec<(String, u64, u64)> {
        let readings: Vec<Reading> = readings
            .iter()
            .map(|(time, beacon, rssi)| Reading {
                time: *time,
                device: "d".to_owned(),
                beacon: (*beacon).to_owned(),
                rssi: *rssi,
            })
            .collect();
        let zones = [("a1", "A"), ("a2", "A"), ("b1", "B")]
            .map(|(beacon, zone)| (beacon.to_owned(), zone.to_owned()))
            .into();
        zone_visits(&readings, &zones, Presence { exit, ..Presence::new(-75, 100, mode) })
            .into_iter()
            .map(|(_, zone, start, end)| (zone, start, end))
            .collect()
    }

    fn visit(zone: &str, start: u64, end: u64) -> (String, u64, u64) {
        (zone.to_owned(), start, end)
    }

    #[test]
    fn exactly_the_span_later_continues_and_one_more_starts_anew() {
        let one = visits(Mode::Strongest, -75, &[(0, "a1", -75), (100, "a2", -75)]);
        assert_eq!(one, [visit("A", 0, 200)]);
        let two = visits(Mode::Strongest, -75, &[(0, "a1", -75), (101, "a1", -75)]);
        assert_eq!(two, [visit("A", 0, 100), visit("A", 101, 201)]);
    }

    #[test]
    fn a_weaker_exit_threshold_holds_a_visit_but_starts_none() {
        let held = visits(Mode::Strongest, -85, &[(0, "a1", -80), (10, "a1", -70), (90, "a1", -85)]);
        assert_eq!(held, [visit("A", 10, 190)]);
    }

    #[test]
    fn only_a_strictly_stronger_zone_takes_over() {
        let readings = [(0, "a1", -70), (10, "b1", -70), (20, "b1", -69), (30, "a1", -60)];
        let strongest = visits(Mode::Strongest, -75, &readings);
        assert_eq!(strongest, [visit("A", 0, 20), visit("A", 30, 130), visit("B", 20, 30)]);
        let all = visits(Mode::All, -75, &readings);
        assert_eq!(all, [visit("A", 0, 130), visit("B", 10, 120)]);
    }

    #[test]
    fn the_latest_reading_counts_even_where_it_is_weak() {
        let readings = [(0, "a1", -60), (10, "a1", -90), (20, "b1", -75)];
        assert_eq!(visits(Mode::Strongest, -75, &readings), [visit("A", 0, 20), visit("B", 20, 120)]);
    }
}
