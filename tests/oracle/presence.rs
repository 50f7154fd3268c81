//! Who is where: zone visits from readings, shop visits from every sign of a person.

use super::config::Presence;
use super::event::{Act, Event, Time};
use std::collections::{BTreeMap, BTreeSet};

type Zone = (String, String);

/// A handle's stay in a zone; `first` is its first reading's place in the order of facts.
#[derive(Clone, Debug)]
pub(crate) struct ZoneVisit {
    pub(crate) handle: String,
    pub(crate) location: String,
    pub(crate) zone: String,
    pub(crate) first: (Time, usize),
    /// Last reading that continued it.
    pub(crate) last: Time,
    pub(crate) ended: Option<Time>,
}

/// A person's stay in a shop.
#[derive(Clone, Debug)]
pub(crate) struct ShopVisit {
    pub(crate) location: String,
    pub(crate) anchor: String,
    pub(crate) start: Time,
    last: Time,
    /// When it ended, and how long the person stayed.
    pub(crate) ended: Option<(Time, Time)>,
    /// Zone visits that began in it, by index.
    zones: Vec<usize>,
    /// The first of the signs, of any kind, that lead to it one after another.
    pub(crate) since: Time,
}

struct Reading {
    order: (Time, usize),
    zone: Zone,
    rssi: i64,
}

/// Mean of readings as a fraction, so that it compares exactly.
#[derive(Clone, Copy)]
struct Level {
    sum: i64,
    count: i64,
}

impl Level {
    fn at_least(self, threshold: i64) -> bool {
        self.sum >= threshold * self.count
    }
    fn above(self, other: Level) -> bool {
        self.sum * other.count > other.sum * self.count
    }
}

/// Readings that count, by handle in order of (time, arrival). `events` are in order of arrival.
fn readings(events: &[&Event], presence: &Presence) -> BTreeMap<String, Vec<Reading>> {
    let mut lists: BTreeMap<Zone, (Time, &Vec<String>)> = BTreeMap::new();
    let mut counted: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    for event in events {
        match &event.act {
            Act::Zone { location, zone, beacons } => {
                let list = lists.entry((location.clone(), zone.clone())).or_insert((0, beacons));
                if event.time >= list.0 {
                    *list = (event.time, beacons);
                }
            }
            Act::Reading { beacon, rssi } => {
                let Some(zone) =
                    lists.iter().find(|(_, (_, list))| list.contains(beacon)).map(|(zone, _)| zone)
                else {
                    continue;
                };
                let of_handle = counted.entry(event.handle.clone()).or_default();
                let newest = of_handle.iter().map(|r| r.order.0).max().unwrap_or(0);
                if event.time + presence.lateness >= newest {
                    of_handle.push(Reading { order: event.order(), zone: zone.clone(), rssi: *rssi });
                }
            }
            _ => {}
        }
    }
    counted.values_mut().for_each(|of_handle| of_handle.sort_by_key(|reading| reading.order));
    counted
}

/// All zone visits of all handles, as they stand at `clock`.
pub(crate) fn zone_visits(events: &[&Event], presence: &Presence, clock: Time) -> Vec<ZoneVisit> {
    let mut visits = Vec::new();
    for (handle, readings) in readings(events, presence) {
        let zones: BTreeSet<&Zone> = readings.iter().map(|reading| &reading.zone).collect();
        if presence.strongest {
            visits.extend(visits_of(&handle, &readings, |_| true, presence, clock));
        } else {
            for zone in zones {
                visits.extend(visits_of(&handle, &readings, |other| other == zone, presence, clock));
            }
        }
    }
    visits
}

/// Visits of a handle among the zones that `counts` lets through, one at a time.
fn visits_of(
    handle: &str,
    readings: &[Reading],
    counts: impl Fn(&Zone) -> bool,
    presence: &Presence,
    clock: Time,
) -> Vec<ZoneVisit> {
    let mut visits: Vec<ZoneVisit> = Vec::new();
    // Latest level of the zone of the open visit, which is the last of `visits`.
    let mut open: Option<Level> = None;
    for (place, reading) in readings.iter().enumerate().filter(|(_, reading)| counts(&reading.zone)) {
        let (time, level) = (reading.order.0, level(readings, place, presence));
        if let Some(visit) =
            visits.last_mut().filter(|visit| open.is_some() && visit.last + presence.exit_after < time)
        {
            visit.ended = Some(visit.last + presence.exit_after);
            open = None;
        }
        let enters = level.at_least(presence.enter);
        match (visits.last_mut(), open) {
            (Some(visit), Some(_))
                if (&visit.location, &visit.zone) == (&reading.zone.0, &reading.zone.1) =>
            {
                open = Some(level);
                if level.at_least(presence.exit) {
                    visit.last = time;
                }
                continue;
            }
            (Some(visit), Some(current)) if enters && level.above(current) => visit.ended = Some(time),
            (_, None) if enters => {}
            _ => continue,
        }
        open = Some(level);
        let (location, zone) = reading.zone.clone();
        let first = reading.order;
        visits.push(ZoneVisit { handle: handle.to_owned(), location, zone, first, last: time, ended: None });
    }
    if let Some(visit) =
        visits.last_mut().filter(|visit| open.is_some() && visit.last + presence.exit_after <= clock)
    {
        visit.ended = Some(visit.last + presence.exit_after);
    }
    visits
}

/// Level of a reading's zone at that reading.
fn level(readings: &[Reading], place: usize, presence: &Presence) -> Level {
    let at = &readings[place];
    let recent = readings[..=place]
        .iter()
        .rev()
        .filter(|r| r.zone == at.zone && r.order.0 + presence.exit_after >= at.order.0);
    let window: Vec<i64> = recent.take(presence.window).map(|r| r.rssi).collect();
    Level { sum: window.iter().sum(), count: window.len() as i64 }
}

/// What a sign does to a shop visit.
enum Sign {
    Begins,
    Continues,
    /// A zone visit, by index, begins here.
    Zone(usize),
    Leaves,
}

/// All shop visits of a person, from its events (in order of (time, arrival)) and all zone visits.
pub(crate) fn shop_visits(
    events: &[&Event],
    zones: &[ZoneVisit],
    handles: &BTreeSet<String>,
    presence: &Presence,
    clock: Time,
) -> Vec<ShopVisit> {
    let mut signs: Vec<((Time, usize), &str, &str, Sign)> = Vec::new();
    for event in events {
        let (location, sign) = match &event.act {
            Act::Enter(location) | Act::CheckIn(location) => (location, Sign::Begins),
            Act::Sign(location) | Act::Purchase { location: Some(location), .. } => {
                (location, Sign::Continues)
            }
            Act::Leave(location) => (location, Sign::Leaves),
            _ => continue,
        };
        signs.push((event.order(), location, &event.handle, sign));
    }
    for (index, visit) in zones.iter().enumerate().filter(|(_, visit)| handles.contains(&visit.handle)) {
        signs.push((visit.first, &visit.location, &visit.handle, Sign::Zone(index)));
    }
    signs.retain(|(order, _, _, sign)| match sign {
        Sign::Zone(index) => {
            zones[*index].ended.is_none() || zones[*index].last + presence.visits_kept >= clock
        }
        _ => order.0 + presence.visits_kept >= clock,
    });
    signs.sort_by_key(|(order, _, _, _)| *order);

    let mut visits: Vec<ShopVisit> = Vec::new();
    // The same, but begun by any sign.
    let mut runs: Vec<ShopVisit> = Vec::new();
    for ((time, _), location, handle, sign) in signs {
        let since = {
            let open = runs.iter_mut().find(|run| run.location == location && run.ended.is_none());
            let open = open.and_then(|run| {
                run.last = run.last_sign(zones, time);
                run.end_by_silence(presence, time.saturating_sub(1));
                run.ended.is_none().then_some(run)
            });
            let zone = if let Sign::Zone(index) = sign { vec![index] } else { Vec::new() };
            match (open, &sign) {
                (Some(run), Sign::Leaves) => run.ended = Some((time, 0)),
                (None, Sign::Leaves) => {}
                (Some(run), _) => {
                    run.last = time;
                    run.zones.extend(zone);
                }
                (None, _) => runs.push(ShopVisit::new(location, handle, time, zone, time)),
            }
            runs.iter().rfind(|run| run.location == location).map_or(time, |run| run.start)
        };
        let open = visits.iter_mut().find(|visit| visit.location == location && visit.ended.is_none());
        let open = open.and_then(|visit| {
            visit.last = visit.last_sign(zones, time);
            visit.end_by_silence(presence, time.saturating_sub(1));
            visit.ended.is_none().then_some(visit)
        });
        match (open, sign) {
            (Some(visit), Sign::Leaves) => visit.ended = Some((time, time - visit.start)),
            (Some(visit), sign) => {
                visit.last = time;
                if let Sign::Zone(index) = sign {
                    visit.zones.push(index);
                }
            }
            (None, Sign::Begins) => visits.push(ShopVisit::new(location, handle, time, Vec::new(), since)),
            (None, Sign::Zone(index)) => {
                visits.push(ShopVisit::new(location, handle, time, vec![index], since))
            }
            (None, _) => {}
        }
    }
    for visit in visits.iter_mut().filter(|visit| visit.ended.is_none()) {
        visit.last = visit.last_sign(zones, clock);
        visit.end_by_silence(presence, clock);
    }
    visits
}

impl ShopVisit {
    fn new(location: &str, anchor: &str, start: Time, zones: Vec<usize>, since: Time) -> Self {
        ShopVisit {
            location: location.to_owned(),
            anchor: anchor.to_owned(),
            start,
            last: start,
            ended: None,
            zones,
            since,
        }
    }

    /// The last sign up to `time`: an event, or a zone visit that lasted until then.
    fn last_sign(&self, zones: &[ZoneVisit], time: Time) -> Time {
        let until = |zone: &ZoneVisit| if zone.ended.is_none() { time } else { zone.last.min(time) };
        let of_zones = self.zones.iter().filter_map(|index| zones.get(*index)).map(until).max();
        of_zones.unwrap_or(0).max(self.last)
    }

    /// Ends the visit if silence has lasted for `leave_after` at `time`.
    fn end_by_silence(&mut self, presence: &Presence, time: Time) {
        let end = self.last + presence.leave_after;
        if end <= time {
            self.ended = Some((end, self.last - self.start));
        }
    }

    /// When it will have ended if nothing more is seen.
    pub(crate) fn end_at_the_latest(&self, presence: &Presence) -> Time {
        self.ended.map_or(self.last + presence.leave_after, |(end, _)| end)
    }
}
