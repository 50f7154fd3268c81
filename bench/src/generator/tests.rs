//! What the module header promises, counted on a stream of a quarter of a million lines.

use super::*;
use serde_json::Value;
use shopbell_model::event::{Decoded, Limits, decode};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

fn lines(mall: &Mall) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    generate(mall, &mut |line| {
        lines.push(line.to_vec());
        Ok::<(), Infallible>(())
    })
    .unwrap();
    lines
}

fn small() -> Mall {
    Mall { customers: 5_000, events: 250_000, ..Mall::default() }
}

fn events(mall: &Mall) -> Vec<Value> {
    lines(mall).iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap()
}

#[test]
fn a_seed_stands_for_its_bytes() {
    let mall = Mall { events: 20_000, ..small() };
    assert_eq!(lines(&mall), lines(&mall));
    assert_ne!(lines(&mall), lines(&Mall { seed: 2, ..mall.clone() }));
    // Bytes that must never change: measurements of different times are compared by them.
    let hash = lines(&mall).concat().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(format!("{hash:016x}"), "21a6f4f1aefaf831");
}

#[test]
fn every_line_is_an_event_of_the_contract() {
    let mall = small();
    let now = mall.start_ms + mall.span_ms;
    for line in lines(&mall) {
        let decoded = decode(&line, now, &Limits::default());
        assert!(matches!(decoded, Ok(Decoded::Event(_))), "{decoded:?} {}", String::from_utf8_lossy(&line));
    }
}

#[test]
fn shares_are_as_promised() {
    let events = events(&small());
    assert_eq!(events.len(), 250_000);
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
    for event in &events {
        let share = match kind(event).split_once('.').unwrap().0 {
            "sensor" | "store" => "sensed",
            "web" => "web",
            _ => "back office",
        };
        *shares.entry(share).or_default() += 100.0 / events.len() as f64;
        *kinds.entry(kind(event)).or_default() += 1.0;
    }
    for (share, percent) in [("sensed", 70.0), ("web", 25.0), ("back office", 5.0)] {
        assert!((shares[share] - percent).abs() < 0.5, "{shares:?}");
    }
    let web: f64 = kinds.iter().filter(|(kind, _)| kind.starts_with("web.")).map(|(_, count)| count).sum();
    for (kind, percent) in [
        ("web.view_item", 60.0),
        ("web.add_to_cart", 20.0),
        ("web.remove_from_cart", 5.0),
        ("web.add_to_wishlist", 5.0),
        ("web.purchase", 5.0),
    ] {
        assert!((kinds[kind] * 100.0 / web - percent).abs() < 1.0, "{kind} {kinds:?}");
    }
    for kind in ["store.enter", "store.leave", "store.check_in", "crm.link", "web.login", "stock.delta"] {
        assert!(kinds[kind] > 100.0, "{kind} {kinds:?}");
    }
}

#[test]
fn times_follow_the_stream_but_for_a_few_and_copies_are_exact() {
    let mall = small();
    let mut seen: HashMap<String, Vec<u8>> = HashMap::new();
    let (mut late, mut copies, mut latest) = (0, 0, mall.start_ms);
    let lines = lines(&mall);
    for line in &lines {
        let event: Value = serde_json::from_slice(line).unwrap();
        let id = format!("{} {}", event["source"], event["id"]);
        if let Some(first) = seen.insert(id, line.clone()) {
            assert_eq!(&first, line);
            copies += 1;
            continue;
        }
        let text = event["time"].as_str().unwrap();
        let clock: u64 = text[11..23]
            .split([':', '.'])
            .map(|part| part.parse::<u64>().unwrap())
            .zip([3_600_000, 60_000, 1000, 1])
            .map(|(n, ms)| n * ms)
            .sum();
        let time = mall.start_ms - 9 * 3_600_000 + clock;
        assert!(text.starts_with("2026-01-05T") && time + 5001 > latest, "{text}");
        late += u64::from(time < latest);
        latest = latest.max(time);
    }
    assert!(latest < mall.start_ms + mall.span_ms && latest > mall.start_ms + mall.span_ms - 1000);
    let per_mille = |count: u64| count as f64 * 1000.0 / lines.len() as f64;
    assert!((per_mille(late) - 10.0).abs() < 1.0, "{late}");
    assert!((per_mille(copies) - 5.0).abs() < 0.5, "{copies}");
}

#[test]
fn everything_named_is_in_the_catalogue_before() {
    let (mut beacons, mut items, mut shops) = (HashSet::new(), HashSet::new(), HashSet::new());
    for event in events(&small()) {
        let data = &event["data"];
        match kind(&event) {
            "catalog.zone" => beacons.extend(data["beacons"].as_array().unwrap().clone()),
            "catalog.location" => drop(shops.insert(data["location"].clone())),
            "sensor.beacon" => {
                assert!(beacons.contains(&data["beacon"]), "{event}");
                assert!((-95..=-50).contains(&data["rssi"].as_i64().unwrap()), "{event}");
            }
            "catalog.item" => drop(items.insert(data["item_id"].clone())),
            "catalog.shelf" => {
                let shelf = data["items"].as_array().unwrap();
                assert_eq!(shelf.iter().collect::<HashSet<_>>().len(), shelf.len(), "{event}");
                assert!(shelf.iter().all(|item| items.contains(item)), "{event}");
            }
            _ => {}
        }
        for item in data["items"].as_array().into_iter().flatten().filter(|item| item.is_object()) {
            assert!(items.contains(&item["item_id"]), "{event}");
        }
        if let Some(shop) = data.get("location") {
            assert!(shops.contains(shop), "{event}");
        }
    }
}

#[test]
fn nobody_is_in_two_shops_and_carts_hold_what_is_bought() {
    let mall = small();
    let mut inside: HashMap<String, String> = HashMap::new();
    let mut carts: HashMap<String, HashSet<String>> = HashMap::new();
    let mut seen = HashSet::new();
    for event in events(&mall) {
        if !seen.insert((event["source"].clone(), event["id"].clone())) {
            continue;
        }
        let Some(subject) = event["subject"].as_str().map(str::to_owned) else { continue };
        let ids = || -> Vec<String> {
            let items = event["data"]["items"].as_array().unwrap();
            items.iter().map(|item| item["item_id"].as_str().unwrap().to_owned()).collect()
        };
        match kind(&event) {
            "store.enter" => {
                let shop = event["data"]["location"].to_string();
                assert!(inside.insert(subject, shop).is_none(), "{event}");
            }
            "store.leave" => {
                assert_eq!(inside.remove(&subject), Some(event["data"]["location"].to_string()), "{event}");
            }
            "sensor.beacon" => assert!(inside.contains_key(&subject), "{event}"),
            "web.add_to_cart" => carts.entry(subject).or_default().extend(ids()),
            "web.remove_from_cart" | "web.purchase" => {
                let cart = carts.get(&subject).unwrap();
                assert!(!ids().is_empty() && ids().iter().all(|item| cart.contains(item)), "{event}");
            }
            _ => {}
        }
    }
}

#[test]
fn short_streams_have_their_length_and_huge_ones_begin_at_once() {
    for events in [0, 1, 10, 300, 1_000, 5_000] {
        for customers in [0, 1, 50] {
            let mall = Mall { events, customers, ..Mall::default() };
            assert_eq!(lines(&mall).len() as u64, events, "{customers} customers");
        }
    }
    let huge = Mall { customers: u32::MAX, events: u64::MAX / 4096, ..Mall::default() };
    let mut left = 100_000;
    let stopped = generate(&huge, &mut |_| {
        left -= 1;
        if left == 0 { Err("enough") } else { Ok(()) }
    });
    assert_eq!(stopped, Err("enough"));
}
