//! Imports of the public sets: nothing lost, nothing invented.

use super::folder;
use super::reference::carts::{amount, snowplow_carts};
use super::reference::order_totals::{CustomerTotals, OrderTotals, stock_and_purchase_totals};
use serde_json::Value;
use shopbell::import::{Format, ImportOptions, ImportReport, import};
use shopbell_model::event::{Decoded, Limits, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A wall clock after all the sets: 2026-01-01T00:00:00Z.
const LATER: u64 = 1_767_225_600_000;

fn events(format: Format, files: &[PathBuf]) -> (Vec<Value>, ImportReport) {
    let mut out = Vec::new();
    let report = import(format, files, &mut out, &ImportOptions::default()).unwrap();
    let mut again = Vec::new();
    import(format, files, &mut again, &ImportOptions::default()).unwrap();
    assert!(out == again, "the same files give the same bytes");
    let lines = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for line in lines.clone() {
        let decoded = decode(line, LATER, &Limits::default());
        assert!(matches!(decoded, Ok(Decoded::Event(_))), "{decoded:?} {}", String::from_utf8_lossy(line));
    }
    let events: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(events.len() as u64, report.events);
    let times: Vec<jiff::Timestamp> =
        events.iter().map(|event| event["time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted(), "in time order");
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "every event has an id of its own");
    (events, report)
}

fn exact(value: &Value) -> i64 {
    amount(&value.to_string()).unwrap()
}

#[test]
fn online_retail_adds_up_to_what_the_file_says() {
    let Some(folder) = folder("online_retail_adds_up_to_what_the_file_says", "uci_online_retail_4w") else {
        return;
    };
    let file = folder.join("online_retail_2010-12.csv");
    let (events, report) = events(Format::OnlineRetail, std::slice::from_ref(&file));
    let mut told = OrderTotals { rows: report.rows, ..OrderTotals::default() };
    for event in &events {
        let data = &event["data"];
        match event["type"].as_str().unwrap() {
            "stock.delta" => {
                let code = data["item_id"].as_str().unwrap().to_owned();
                *told.stock.entry(code).or_default() += data["delta"].as_i64().unwrap();
            }
            kind @ ("web.purchase" | "web.refund") => {
                let subject = event["subject"].as_str().unwrap().to_owned();
                let lines = data["items"].as_array().unwrap();
                let value: i64 =
                    lines.iter().map(|line| line["quantity"].as_i64().unwrap() * exact(&line["price"])).sum();
                assert_eq!(value, exact(&data["value"]), "{event}");
                let totals: &mut CustomerTotals = told.customers.entry(subject).or_default();
                if kind == "web.purchase" {
                    totals.orders += 1;
                    totals.bought += value;
                } else {
                    totals.refunds += 1;
                    totals.refunded += value;
                }
            }
            "catalog.item" | "catalog.location" => {}
            kind => panic!("unexpected {kind}"),
        }
    }
    assert_eq!(told, stock_and_purchase_totals(&file));
    assert_eq!(told.rows, 42_481);
    assert_eq!(report.by_type.get("stock.delta"), Some(&42_481));
}

#[test]
fn every_ibeacon_reading_and_only_heard_beacons_come_out() {
    let Some(folder) =
        folder("every_ibeacon_reading_and_only_heard_beacons_come_out", "mall_ibeacon_site1_F1")
    else {
        return;
    };
    let (events, report) = events(Format::IbeaconCsv, std::slice::from_ref(&folder));
    assert_eq!(report.by_type.get("sensor.beacon"), Some(&21_068));
    let mut zone_of: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "catalog.zone") {
        for beacon in event["data"]["beacons"].as_array().unwrap() {
            let zone = event["data"]["zone"].as_str().unwrap();
            assert!(zone_of.insert(beacon.as_str().unwrap(), zone).is_none(), "one zone a beacon");
        }
    }
    let heard: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["type"] == "sensor.beacon")
        .map(|event| event["data"]["beacon"].as_str().unwrap())
        .collect();
    assert_eq!(zone_of.keys().copied().collect::<BTreeSet<_>>(), heard);
    assert_eq!(heard.len(), 285);
}

#[test]
fn snowplow_carts_can_be_told_from_the_events() {
    let Some(folder) = folder("snowplow_carts_can_be_told_from_the_events", "snowplow_ecommerce_fixture")
    else {
        return;
    };
    let (events, _) = events(Format::Snowplow, &[folder.join("source")]);
    let expected = snowplow_carts(&folder.join("expected"));
    assert_eq!((expected.interactions.len(), expected.session_count), (67, 63));

    let mut told: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for event in &events {
        let kind = event["type"].as_str().unwrap();
        if !matches!(kind, "web.add_to_cart" | "web.remove_from_cart" | "web.purchase") {
            continue;
        }
        let data = &event["data"];
        let id = event["id"].as_str().unwrap();
        let interaction = &expected.interactions[id];
        seen.insert(id.to_owned());
        let session = data["session"].as_str().unwrap();
        assert_eq!(session, interaction.session, "{event}");
        let handle = event["subject"].as_str().unwrap();
        assert_eq!(handle.split_once(':').unwrap().1, interaction.user, "{event}");
        let prices: i64 = data["items"].as_array().unwrap().iter().map(|item| exact(&item["price"])).sum();
        let total = data.get("cart_value").map(exact);
        assert_eq!(total, interaction.total, "{event}");
        let created = kind == "web.add_to_cart" && total == Some(prices);
        let emptied = kind == "web.remove_from_cart" && total == Some(0);
        let transacted = kind == "web.purchase";
        assert_eq!(
            (created, emptied, transacted),
            (interaction.created, interaction.emptied, interaction.transacted),
            "{event}"
        );
        let counts = told.entry(session).or_default();
        counts.0 += u64::from(created);
        counts.1 += u64::from(emptied);
        counts.2 += u64::from(transacted);
    }
    assert_eq!(seen, expected.interactions.keys().cloned().collect(), "every cart interaction, no other");
    for (id, session) in &expected.sessions {
        let (created, emptied, transacted) = told[id.as_str()];
        assert_eq!((created, emptied, transacted), (session.created, session.emptied, session.transacted));
        assert_eq!(created > transacted, session.abandoned, "{id}");
    }
    assert_eq!(told.len(), expected.sessions.len());
}

#[test]
fn unknown_files_are_reported_and_missing_tables_named() {
    let Some(folder) =
        folder("unknown_files_are_reported_and_missing_tables_named", "snowplow_ecommerce_fixture")
    else {
        return;
    };
    let source = folder.join("source");
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let (_, report) = events(Format::Snowplow, std::slice::from_ref(&source));
    let ignored: Vec<String> = report.ignored.iter().map(|path| name(path)).collect();
    assert_eq!(
        ignored,
        [
            "com_snowplowanalytics_mobile_screen_1.csv",
            "com_snowplowanalytics_snowplow_ecommerce_page_1.csv",
            "com_snowplowanalytics_snowplow_web_page_1.csv",
        ]
    );
    let error =
        import(Format::OnlineRetail, &[source], &mut Vec::new(), &ImportOptions::default()).unwrap_err();
    assert_eq!(error.code(), "import-missing-table");
}
