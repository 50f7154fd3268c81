//! Public data through the engine's own fold, interests and identity, against the references.
//!
//! Each test prints its counts; docs/real-data.md tells them, and how to see them again.

use super::folder;
use super::reference::carts::snowplow_carts;
use super::reference::order_totals::stock_and_purchase_totals;
use super::reference::zone_visits::{self, Mode, Visit, zone_visits};
use serde_json::Value;
use shopbell::import::{Format, ImportOptions, import};
use shopbell_dataflows::demand::Demand;
use shopbell_dataflows::fold::{Changes, Fold, FoldSettings, parts};
use shopbell_dataflows::identity::Persons;
use shopbell_dataflows::interests::derive;
use shopbell_dataflows::rows::{CartLife, Derived, End};
use shopbell_model::event::{Act, Body, Decoded, Event, Limits, decode};
use shopbell_model::facts::{Link, PersonFact, Subject, SubjectFact};
use shopbell_model::key::{Brand, EventRef, Handle, Person, Text};
use shopbell_model::settings::{Identity, Presence, PresenceMode, Retention};
use shopbell_model::shared::Shared;
use shopbell_model::time::Duration;
use shopbell_model::value::Rssi;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A wall clock after all the sets: 2026-01-01T00:00:00Z.
const LATER: u64 = 1_767_225_600_000;

fn events(format: Format, files: &[PathBuf], options: &ImportOptions) -> Vec<Event> {
    let mut lines = Vec::new();
    import(format, files, &mut lines, options).unwrap();
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let decoded = lines.map(|line| match decode(line, LATER, &Limits::default()) {
        Ok(Decoded::Event(event)) => event,
        other => panic!("{other:?}"),
    });
    decoded.collect()
}

/// Settings that forget nothing.
fn settings(presence: Presence) -> FoldSettings {
    let ever = Duration::LIMIT;
    let retention = Retention {
        views: ever,
        visits: ever,
        carts: ever,
        wishlists: ever,
        purchases: ever,
        ..Retention::default()
    };
    FoldSettings { presence, retention, demand: Demand::everything() }
}

type PersonRow = (Handle, Option<PersonFact>);

/// Folds that share the work, and the facts that stand.
struct World {
    folds: Vec<Fold>,
    persons: BTreeMap<PersonRow, isize>,
    subjects: BTreeMap<(Subject, SubjectFact), isize>,
    links: BTreeMap<Link, isize>,
    arrival: u64,
    clock: u64,
}

impl World {
    fn new(settings: &FoldSettings, folds: usize) -> Self {
        World {
            folds: (0..folds).map(|_| Fold::new(settings)).collect(),
            persons: BTreeMap::new(),
            subjects: BTreeMap::new(),
            links: BTreeMap::new(),
            arrival: 0,
            clock: 0,
        }
    }

    /// One tick of a millisecond; `tell` gets the differences of persons' facts with their tick.
    fn tick(&mut self, time: u64, events: &[Event], tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        self.until(time - 1, tell);
        self.clock = time;
        let (mut out, peers) = (Changes::default(), self.folds.len());
        for event in events {
            self.arrival += 1;
            let folds = &mut self.folds;
            parts(event.clone(), self.arrival, peers, |part| {
                folds[(part.shard % peers as u64) as usize].apply(part, &mut out);
            });
        }
        self.folds.iter_mut().for_each(|fold| fold.advance(time, &mut out));
        self.note(time, out, tell);
    }

    /// Lets time pass: what ends by itself ends in its own tick.
    fn until(&mut self, time: u64, tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        loop {
            let due = self.folds.iter_mut().filter_map(Fold::next_due).min();
            let Some(due) = due.filter(|due| *due <= time) else { break };
            let mut out = Changes::default();
            self.folds.iter_mut().for_each(|fold| fold.advance(due, &mut out));
            self.note(due, out, tell);
        }
    }

    fn note(&mut self, tick: u64, out: Changes, tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        for (row, diff) in out.persons {
            tell(tick, &row, diff);
            add(&mut self.persons, row, diff);
        }
        out.subjects.into_iter().for_each(|(row, diff)| add(&mut self.subjects, row, diff));
        out.links.into_iter().for_each(|(row, diff)| add(&mut self.links, row, diff));
    }

    /// All of them, in ticks of a millisecond.
    fn take(&mut self, events: &[Event], tell: &mut impl FnMut(u64, &PersonRow, isize)) {
        for tick in events.chunk_by(|one, other| one.time == other.time) {
            self.tick(tick[0].time, tick, tell);
        }
    }

    fn dropped_facts(&mut self) -> u64 {
        self.folds.iter_mut().map(|fold| fold.take_counts().dropped_facts).sum()
    }
}

fn add<K: Ord>(rows: &mut BTreeMap<K, isize>, row: K, diff: isize) {
    let sum = rows.get(&row).copied().unwrap_or(0) + diff;
    if sum == 0 {
        rows.remove(&row)
    } else {
        rows.insert(row, sum)
    };
}

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
    assert_eq!(counted, []);
}

/// What became of the carts with each event of a cookie, as the engine derives it.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Turn {
    created: bool,
    emptied: bool,
    transacted: bool,
}

fn carts_of(world: &World, handle: &Handle) -> Vec<Shared<CartLife>> {
    let facts: Vec<(&Handle, &PersonFact)> = world
        .persons
        .keys()
        .filter(|(owner, _)| owner == handle)
        .filter_map(|(owner, fact)| fact.as_ref().map(|fact| (owner, fact)))
        .collect();
    let mut carts = Vec::new();
    derive(&Person::named_by(handle), &facts, Duration::from_secs(600), &Demand::everything(), &mut |row| {
        if let Derived::Cart(cart) = row {
            carts.push(cart);
        }
    });
    carts
}

#[test]
fn carts_are_those_of_snowplow_but_for_named_differences() {
    let Some(folder) =
        folder("carts_are_those_of_snowplow_but_for_named_differences", "snowplow_ecommerce_fixture")
    else {
        return;
    };
    let options = ImportOptions { logins: false, ..ImportOptions::default() };
    let events = events(Format::Snowplow, &[folder.join("source")], &options);
    let expected = snowplow_carts(&folder.join("expected"));
    let mut world = World::new(&settings(Presence::default()), 1);
    let mut turns: BTreeMap<String, Turn> = BTreeMap::new();
    for event in &events {
        let Body::Person { handle, act } = &event.body else { panic!("{event:?}") };
        let before = carts_of(&world, handle);
        world.tick(event.time.max(world.clock), std::slice::from_ref(event), &mut |_, _, _| {});
        let after = carts_of(&world, handle);
        let ended =
            |carts: &[Shared<CartLife>], end| carts.iter().filter(|cart| cart.end == Some(end)).count();
        let is_cart = matches!(act, Act::AddToCart(_) | Act::RemoveFromCart(_) | Act::Purchase(_));
        if is_cart {
            let began = |cart: &Shared<CartLife>| cart.life.event == event.reference;
            let turn = Turn {
                created: after.iter().any(began),
                emptied: ended(&after, End::Removed) > ended(&before, End::Removed),
                transacted: ended(&after, End::Bought) > ended(&before, End::Bought),
            };
            turns.insert(event.reference.id.to_string(), turn);
        } else {
            assert_eq!(before.len(), after.len(), "{event:?}");
        }
    }
    let mut differ = Vec::new();
    let mut sessions: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (id, interaction) in &expected.interactions {
        let turn = &turns[id];
        let theirs = Turn {
            created: interaction.created,
            emptied: interaction.emptied,
            transacted: interaction.transacted,
        };
        let counts = sessions.entry(&interaction.session).or_default();
        counts.0 += u64::from(turn.created);
        counts.1 += u64::from(turn.transacted);
        if *turn != theirs {
            let user = &interaction.user;
            println!(
                "{} {user} {id} {}: theirs {theirs:?}, ours {turn:?}",
                interaction.time, interaction.action
            );
            differ.push((id.as_str(), theirs, turn.clone()));
        }
    }
    let mut abandoned = BTreeSet::new();
    for (id, session) in &expected.sessions {
        let (created, transacted) = sessions[id.as_str()];
        if (created > transacted) != session.abandoned {
            println!("session {id}: theirs {session:?}, ours {created} created, {transacted} transacted");
            abandoned.insert(id.as_str());
        }
    }
    println!("{} cart events, {} sessions with carts", expected.interactions.len(), expected.sessions.len());
    assert_eq!(turns.len(), expected.interactions.len());
    assert_eq!((differ.len(), abandoned.len()), (999, 999));
}

#[test]
fn stock_and_purchases_are_the_sums_of_the_file() {
    let Some(folder) = folder("stock_and_purchases_are_the_sums_of_the_file", "uci_online_retail_4w") else {
        return;
    };
    let file = folder.join("online_retail_2010-12.csv");
    let events = events(Format::OnlineRetail, std::slice::from_ref(&file), &ImportOptions::default());
    let totals = stock_and_purchase_totals(&file);
    for folds in [1, 2, 4] {
        let mut world = World::new(&settings(Presence::default()), folds);
        world.take(&events, &mut |_, _, _| {});
        assert_eq!(world.dropped_facts(), 0);
        let mut stock = BTreeMap::new();
        for (subject, fact) in world.subjects.keys() {
            if let (Subject::Item(item), SubjectFact::Stock(known)) = (subject, fact) {
                let code = item.as_str().to_owned();
                match &known.location {
                    Some(_) => assert!(stock.insert(code, known.quantity).is_none()),
                    None => assert_eq!(known.quantity, totals.stock[&code].max(0)),
                }
            }
        }
        assert_eq!(stock, totals.stock);
        let mut orders: BTreeMap<String, u64> = BTreeMap::new();
        let mut pieces: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (handle, fact) in world.persons.keys() {
            let Some(PersonFact::Bought(bought)) = fact else { continue };
            *orders.entry(handle.to_string()).or_default() += 1;
            for (item, quantity, _) in &bought.items {
                *pieces.entry((handle.to_string(), item.to_string())).or_default() += i64::from(*quantity);
            }
        }
        let told = totals.customers.iter().filter(|(_, totals)| totals.orders > 0);
        assert_eq!(orders, told.map(|(subject, totals)| (subject.clone(), totals.orders)).collect());
        assert_eq!(pieces, ordered_pieces(&file));
        if folds == 1 {
            println!(
                "{} stock codes, {} orders of {} subjects, {} pieces",
                stock.len(),
                orders.values().sum::<u64>(),
                orders.len(),
                pieces.values().sum::<i64>()
            );
        }
    }
}

/// Pieces ordered by subject and stock code, straight from the file.
fn ordered_pieces(file: &Path) -> BTreeMap<(String, String), i64> {
    let mut pieces = BTreeMap::new();
    for row in csv::Reader::from_path(file).unwrap().deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let (invoice, customer) = (&row["InvoiceNo"], &row["CustomerID"]);
        let quantity: i64 = row["Quantity"].parse().unwrap();
        let free = row["UnitPrice"].parse::<f64>().unwrap() <= 0.0;
        if invoice.starts_with('C') || quantity <= 0 || (free && customer.is_empty()) {
            continue;
        }
        let subject =
            if customer.is_empty() { format!("order:{invoice}") } else { format!("card:{customer}") };
        *pieces.entry((subject, row["StockCode"].clone())).or_default() += quantity;
    }
    pieces
}

/// Each record is a handle, linked to its e-mail addresses and phone numbers.
fn record_links(file: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    let handle = |text: String| Handle::parse(&Brand::default(), &text).unwrap();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let subject = format!("customer:{}", record["RECORD_ID"].as_str().unwrap());
        for feature in record["FEATURES"].as_array().unwrap() {
            let email =
                feature["EMAIL_ADDRESS"].as_str().map(|text| format!("email:{}", text.trim().to_lowercase()));
            let phone = feature["PHONE_NUMBER"].as_str().map(|text| {
                format!("phone:{}", text.chars().filter(char::is_ascii_digit).collect::<String>())
            });
            for with in email.into_iter().chain(phone) {
                let time = LATER + events.len() as u64;
                let body = Body::Person { handle: handle(subject.clone()), act: Act::Link(handle(with)) };
                let reference = EventRef { source: Text::from("truth"), id: Text::default() };
                events.push(Event { reference, brand: Brand::default(), time, body });
            }
        }
    }
    events
}

#[test]
fn shared_addresses_join_some_records_of_a_person_and_hardly_any_of_two() {
    let Some(folder) =
        folder("shared_addresses_join_some_records_of_a_person_and_hardly_any_of_two", "senzing_truthset")
    else {
        return;
    };
    let events = record_links(&folder.join("customers.jsonl"));
    let mut world = World::new(&settings(Presence::default()), 2);
    world.take(&events, &mut |_, _, _| {});
    let mut persons = Persons::new(Identity::default());
    world.links.keys().for_each(|link| persons.update(link, 1));
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    persons.settle(|(handle, person), diff| {
        if diff > 0 {
            names.insert(handle.to_string(), person.to_string());
        }
    });
    let mut clusters: BTreeMap<String, String> = BTreeMap::new();
    let mut rows = csv::Reader::from_path(folder.join("actual_truthset_key.csv")).unwrap();
    for row in rows.deserialize::<BTreeMap<String, String>>().map(Result::unwrap) {
        if row["DATA_SOURCE"] == "CUSTOMERS" {
            clusters.insert(format!("customer:{}", row["RECORD_ID"]), row["CLUSTER_ID"].clone());
        }
    }
    let records: Vec<&String> = clusters.keys().collect();
    let name = |record: &String| names.get(record).unwrap_or(record).clone();
    let (mut both, mut found, mut truth) = (0, 0, 0);
    for (place, one) in records.iter().enumerate() {
        for other in &records[place + 1..] {
            let same = (clusters[*one] == clusters[*other], name(one) == name(other));
            truth += u32::from(same.0);
            found += u32::from(same.1);
            both += u32::from(same.0 && same.1);
            if same.1 && !same.0 {
                println!("joined, though two persons: {one} and {other}");
            }
        }
    }
    println!("{} records, {} links, {:?}", records.len(), world.links.len(), persons.counts());
    println!("pairs: {truth} true, {found} found, {both} both");
    println!("precision {both}/{found}, recall {both}/{truth}");
    assert_eq!((records.len(), world.links.len(), truth, found, both), (0, 0, 0, 0, 0));
}
