//! iBeacon readings of walks through one mall floor, with way points and shop outlines.
//!
//! Files, by their columns: readings (`mac,rssi,…`), way points (`x_m,y_m`), outlines (`polygon_m`).
//! A walk (`trace_id`) is the device `device:<trace_id>`; a beacon is its `mac` in lower case; a
//! reading becomes one `sensor.beacon`, its id the number of its row. The floor is one location,
//! `<site>-<floor>`, its zones are the outlines (`unit_id`).
//!
//! The set says where the surveyor walked, not where the beacons hang. So a beacon's position is
//! **derived**: the mean of the walker's positions at its five strongest readings (the earlier row
//! first among equals), each interpolated linearly between the way points around it, or the nearest
//! way point outside their span. The beacon belongs to the outline that contains this position, or
//! else to the nearest one (the lesser `unit_id` among equals): surveyors walked the corridors, so it
//! is mostly the nearest. An error of a shop's width is to be expected; the derivation depends on
//! nothing but the files. A beacon heard only on walks without way points gets no zone. Outlines
//! without a beacon become no zone. Catalogue events carry the time of the first reading.
//!
//! With `spread`, walk *i* of *n* (by first reading) starts *i/n* of the span after the first one.

use super::lines::{Draft, EventLines};
use super::polygon::{Point, distance};
use super::table::{Row, Table};
use super::{ImportError, ImportOptions, ImportReport};
use jiff::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const SOURCE: &str = "mall-ibeacon";
const READINGS: [&str; 4] = ["ts_ms", "trace_id", "mac", "rssi"];
const WAY_POINTS: [&str; 4] = ["ts_ms", "trace_id", "x_m", "y_m"];
const OUTLINES: [&str; 2] = ["unit_id", "polygon_m"];
const STRONGEST: usize = 5;

struct Reading<'a> {
    time: i64,
    walk: &'a str,
    beacon: String,
    rssi: i16,
    row: Row<'a>,
}

type WayPoints<'a> = BTreeMap<&'a str, BTreeMap<i64, Point>>;

struct Unit<'a> {
    name: &'a str,
    outline: Vec<Point>,
}

pub(super) fn import(
    tables: Vec<Table>,
    options: &ImportOptions,
    lines: &mut EventLines,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let (mut readings, mut way_points, mut outlines) = (None, None, None);
    for table in tables {
        let slot = if table.has(&READINGS) {
            &mut readings
        } else if table.has(&WAY_POINTS) {
            &mut way_points
        } else if table.has(&OUTLINES) {
            &mut outlines
        } else {
            report.ignored.push(table.into_path());
            continue;
        };
        report.rows += table.len();
        if slot.replace(table).is_some() {
            return Err(ImportError::Inconsistent {
                what: "two files hold the same kind of table; one floor is imported at a time".to_owned(),
            });
        }
    }
    let missing = |table, columns: &[&str]| ImportError::MissingTable { table, columns: columns.join(", ") };
    let readings = readings.ok_or_else(|| missing("readings", &READINGS))?;
    let way_points = way_points.ok_or_else(|| missing("way points", &WAY_POINTS))?;
    let outlines = outlines.ok_or_else(|| missing("outlines", &OUTLINES))?;

    let readings = parse_readings(&readings)?;
    let way_points = parse_way_points(&way_points)?;
    let units = parse_outlines(&outlines)?;
    let Some(first) = readings.iter().min_by_key(|reading| reading.time) else {
        return Ok(());
    };
    let location = format!("{}-{}", first.row.required("site")?, first.row.required("floor")?);
    push_catalogue(lines, &location, moment(first)?, &zones(&readings, &way_points, &units), &units)?;

    let shifts = shifts(&readings, options.spread);
    for reading in &readings {
        let shift = shifts.get(reading.walk).copied().unwrap_or(0);
        lines.push(Draft {
            source: SOURCE,
            id: reading.row.number.to_string(),
            kind: "sensor.beacon",
            subject: Some(&format!("device:{}", reading.walk)),
            time: Timestamp::from_millisecond(reading.time + shift)
                .map_err(|_| reading.row.bad("ts_ms", "a time in range"))?,
            data: json!({"beacon": reading.beacon, "rssi": reading.rssi}),
        })?;
    }
    Ok(())
}

fn moment(reading: &Reading<'_>) -> Result<Timestamp, ImportError> {
    Timestamp::from_millisecond(reading.time).map_err(|_| reading.row.bad("ts_ms", "a time in range"))
}

fn parse_readings(table: &Table) -> Result<Vec<Reading<'_>>, ImportError> {
    table
        .rows()
        .map(|row| {
            Ok(Reading {
                time: row.parse("ts_ms", "milliseconds since 1970")?,
                walk: row.required("trace_id")?,
                beacon: row.required("mac")?.to_ascii_lowercase(),
                rssi: row.parse("rssi", "a signal strength in dBm")?,
                row,
            })
        })
        .collect()
}

fn parse_way_points(table: &Table) -> Result<WayPoints<'_>, ImportError> {
    let mut way_points = WayPoints::new();
    for row in table.rows() {
        let point = Point { x: row.parse("x_m", "a coordinate")?, y: row.parse("y_m", "a coordinate")? };
        way_points
            .entry(row.required("trace_id")?)
            .or_default()
            .insert(row.parse("ts_ms", "milliseconds since 1970")?, point);
    }
    Ok(way_points)
}

fn parse_outlines(table: &Table) -> Result<BTreeMap<&str, Unit<'_>>, ImportError> {
    let mut units = BTreeMap::new();
    for row in table.rows() {
        let corners: Vec<[f64; 2]> = serde_json::from_str(row.text("polygon_m")?)
            .map_err(|_| row.bad("polygon_m", "a list of [x, y]"))?;
        let outline: Vec<Point> = corners.into_iter().map(|[x, y]| Point { x, y }).collect();
        if outline.len() < 3 {
            return Err(row.bad("polygon_m", "an outline of at least three corners"));
        }
        units.insert(row.required("unit_id")?, Unit { name: row.text("name")?, outline });
    }
    Ok(units)
}

/// Where a walker was at a moment.
fn position(walk: &BTreeMap<i64, Point>, time: i64) -> Option<Point> {
    let before = walk.range(..=time).next_back();
    let after = walk.range(time..).next();
    match (before, after) {
        (Some((t0, a)), Some((t1, b))) if t1 > t0 => {
            let part = (time - t0) as f64 / (t1 - t0) as f64;
            Some(Point { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part })
        }
        (Some((_, point)), _) | (None, Some((_, point))) => Some(*point),
        (None, None) => None,
    }
}

/// The beacons of each unit, by their derived positions.
fn zones<'a>(
    readings: &[Reading<'_>],
    way_points: &WayPoints<'_>,
    units: &BTreeMap<&'a str, Unit<'_>>,
) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut heard: BTreeMap<&str, Vec<(i16, u64, Point)>> = BTreeMap::new();
    for reading in readings {
        let walk = way_points.get(reading.walk);
        if let Some(point) = walk.and_then(|walk| position(walk, reading.time)) {
            heard.entry(&reading.beacon).or_default().push((reading.rssi, reading.row.number, point));
        }
    }
    let mut zones: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (beacon, mut points) in heard {
        points.sort_by_key(|(rssi, number, _)| (-i32::from(*rssi), *number));
        points.truncate(STRONGEST);
        let count = points.len() as f64;
        let place = Point {
            x: points.iter().map(|(_, _, point)| point.x).sum::<f64>() / count,
            y: points.iter().map(|(_, _, point)| point.y).sum::<f64>() / count,
        };
        let nearest = units
            .iter()
            .map(|(id, unit)| (*id, distance(place, &unit.outline)))
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
        if let Some((id, _)) = nearest {
            zones.entry(id).or_default().insert(beacon.to_owned());
        }
    }
    zones
}

fn push_catalogue(
    lines: &mut EventLines,
    location: &str,
    time: Timestamp,
    zones: &BTreeMap<&str, BTreeSet<String>>,
    units: &BTreeMap<&str, Unit<'_>>,
) -> Result<(), ImportError> {
    lines.push(Draft {
        source: SOURCE,
        id: format!("location/{location}"),
        kind: "catalog.location",
        subject: None,
        time,
        data: json!({"location": location, "kind": "store", "tz": "Asia/Shanghai"}),
    })?;
    for (zone, beacons) in zones {
        let name = units.get(zone).map_or("", |unit| unit.name);
        lines.push(Draft {
            source: SOURCE,
            id: format!("zone/{zone}"),
            kind: "catalog.zone",
            subject: None,
            time,
            data: json!({"location": location, "zone": zone, "beacons": beacons, "name": name}),
        })?;
    }
    Ok(())
}

/// How far each walk is moved.
fn shifts<'a>(readings: &[Reading<'a>], spread: Option<u64>) -> BTreeMap<&'a str, i64> {
    let Some(spread) = spread else { return BTreeMap::new() };
    let mut starts: BTreeMap<&str, i64> = BTreeMap::new();
    for reading in readings {
        let start = starts.entry(reading.walk).or_insert(reading.time);
        *start = (*start).min(reading.time);
    }
    let mut order: Vec<(i64, &str)> = starts.into_iter().map(|(walk, start)| (start, walk)).collect();
    order.sort_unstable();
    let first = order.first().map_or(0, |(start, _)| *start);
    let count = order.len().max(1) as u64;
    let step = i64::try_from(spread / count).unwrap_or(i64::MAX / 1_000_000);
    order.into_iter().zip(0i64..).map(|((start, walk), index)| (walk, first + index * step - start)).collect()
}
