//! Zone visits of recorded walks: the fold's against those of the reference.

use super::super::reference::zone_visits::{self, Mode, Visit, zone_visits};
use super::{PersonRow, World, events, folder, settings};
use shopbell::import::{Format, ImportOptions};
use shopbell_model::event::{Body, Event};
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Handle, Text};
use shopbell_model::settings::{Presence, PresenceMode};
use shopbell_model::time::Duration;
use shopbell_model::value::Rssi;
use std::collections::BTreeMap;
use std::path::Path;

/// Readings of the set and the zones of its beacons, for the reference.
fn walks(folder: &Path, events: &[Event]) -> (Vec<zone_visits::Reading>, BTreeMap<String, String>) {
    let mut readings = Vec::new();
    let mut rows = csv::Reader::from_path(folder.join("beacons.csv")).unwrap();
    for row in rows.deserialize::<BTreeMap<String, String>>().map(Result::unwrap) {
        readings.push(zone_visits::Reading {
            time: row["ts_ms"].parse().unwrap(),
            device: format!("device:{}", row["trace_id"]),
            beacon: row["mac"].to_lowercase(),
            rssi: row["rssi"].parse().unwrap(),
        });
    }
    readings.sort_by_key(|reading| reading.time);
    let mut zones = BTreeMap::new();
    for event in events {
        if let Body::CatalogZone { zone, beacons, .. } = &event.body {
            zones.extend(beacons.iter().map(|beacon| (beacon.to_string(), zone.to_string())));
        }
    }
    (readings, zones)
}

/// Visits that the engine finds, each with the tick in which it was over, and how many were open still
/// when the readings ended.
fn engine_visits(events: &[Event], presence: &Presence, folds: usize) -> (Vec<Visit>, usize) {
    let mut world = World::new(&settings(presence.clone()), folds);
    let mut ends: BTreeMap<(Handle, Text, u64), u64> = BTreeMap::new();
    let mut tell = |tick: u64, (handle, fact): &PersonRow, diff: isize| {
        if let Some(PersonFact::Zone(visit)) = fact
            && visit.last.is_none()
            && diff < 0
        {
            ends.insert((handle.clone(), visit.zone.zone.clone(), visit.start.time), tick);
        }
    };
    world.take(events, &mut tell);
    let is_open =
        |(_, fact): &&PersonRow| matches!(fact, Some(PersonFact::Zone(visit)) if visit.last.is_none());
    let open = world.persons.keys().filter(is_open).count();
    world.until(world.clock + presence.exit_after.0, &mut tell);
    assert_eq!(world.persons.keys().filter(is_open).count(), 0, "silence ends every visit");
    let visit = |(handle, fact): &PersonRow| {
        let Some(PersonFact::Zone(visit)) = fact else { return None };
        let key = (handle.clone(), visit.zone.zone.clone(), visit.start.time);
        // The fact says the last reading; the visit was over at that or by silence after it.
        let end = ends[&key];
        assert!(visit.last.is_some_and(|last| last <= end && end <= last + presence.exit_after.0));
        Some((handle.to_string(), visit.zone.zone.to_string(), visit.start.time, end))
    };
    let mut visits: Vec<Visit> = world.persons.keys().filter_map(visit).collect();
    visits.sort();
    (visits, open)
}

#[test]
fn the_fold_finds_exactly_the_visits_of_the_reference() {
    let Some(folder) = folder("the_fold_finds_exactly_the_visits_of_the_reference", "mall_ibeacon_site1_F1")
    else {
        return;
    };
    let options = ImportOptions::default();
    let events = events(Format::IbeaconCsv, std::slice::from_ref(&folder), &options);
    let (readings, zones) = walks(&folder, &events);
    let clock = events.last().unwrap().time;
    let mut counted = Vec::new();
    for (enter, mode) in
        [-60, -70, -75].into_iter().flat_map(|enter| [(enter, Mode::Strongest), (enter, Mode::All)])
    {
        let reference = zone_visits(&readings, &zones, zone_visits::Presence::new(enter, 10_000, mode));
        let level = Rssi::from_dbm(f64::from(enter)).unwrap();
        let presence = Presence {
            enter_rssi: level,
            exit_rssi: level,
            exit_after: Duration::from_secs(10),
            mode: if mode == Mode::All { PresenceMode::All } else { PresenceMode::Strongest },
            ..Presence::default()
        };
        for folds in [1, 2, 4] {
            let (visits, open) = engine_visits(&events, &presence, folds);
            assert_eq!(visits, reference, "{enter} dBm, {mode:?}, {folds} folds");
            assert_eq!(open, reference.iter().filter(|(_, _, _, end)| *end > clock).count());
            if folds == 1 {
                println!("{enter} dBm {mode:?}: {} visits, {open} open when the readings end", visits.len());
                counted.push((enter, mode, visits.len(), open));
            }
        }
    }
    assert_eq!(readings.len(), 21_068);
    let expected = [
        (-60, Mode::Strongest, 141, 0),
        (-60, Mode::All, 94, 0),
        (-70, Mode::Strongest, 755, 0),
        (-70, Mode::All, 270, 0),
        (-75, Mode::Strongest, 1228, 1),
        (-75, Mode::All, 410, 3),
    ];
    assert_eq!(counted, expected);
}
