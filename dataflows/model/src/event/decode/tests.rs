//! What is accepted, and how it is normalised; refusals stand in `tests/refusals.tsv`.

use super::*;
use crate::event::arbitrary::arbitrary_event;
use crate::event::{Act, LocationKind, Position, encode};
use crate::key::{ItemId, LocationId};
use crate::time::Duration;
use crate::value::{Money, Number, Rssi, Value};
use proptest::prelude::*;

/// 2026-11-22T12:00:00Z.
const NOW: Time = 1_795_348_800_000;

fn wrap(kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"1","source":"t","type":"{kind}","subject":"card:1","time":"2026-11-22T12:00:00Z","data":{data}}}"#
    )
}

fn event(text: &str) -> Event {
    match decode(text.as_bytes(), NOW, &Limits::default()) {
        Ok(Decoded::Event(event)) => event,
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str) -> Refusal {
    match decode(text.as_bytes(), NOW, &Limits::default()) {
        Err(refusal) => refusal,
        Ok(other) => panic!("{text}: {other:?}"),
    }
}

fn act(kind: &str, data: &str) -> Act {
    match event(&wrap(kind, data)).body {
        Body::Person { act, .. } => act,
        other => panic!("{other:?}"),
    }
}

fn body(kind: &str, data: &str) -> Body {
    event(&wrap(kind, data)).body
}

#[test]
fn keys_may_come_in_any_order_and_with_escapes() {
    let brand = Brand::new("acme");
    let found = event(
        " {\n\"d\\u0061ta\": {\"items\":[{\"quantity\":2.0,\"x\":[{}],\"item_id\":\"\\u006d\\ud83e\\udd3f\"}]},\
         \"brand\":\"acme\",\"time\":\"2026-11-22T20:00:00.1239+08:00\",\"other\":{\"id\":[1]},\
         \"subject\":\"card:a\\/b\",\"type\":\"web.view_item\",\"source\":\"s\",\"id\":\"i\",\"specversion\":\"1.0\"} \n",
    );
    assert_eq!(found.reference, EventRef { source: "s".into(), id: "i".into() });
    assert_eq!((found.brand, found.time), (brand.clone(), NOW + 123));
    let Body::Person { handle, act: Act::View(lines) } = found.body else { panic!() };
    assert_eq!(handle, Handle::new(&brand, "card:a/b"));
    assert_eq!((&lines[0].item, lines[0].quantity), (&ItemId::new(&brand, "m🤿"), Some(2)));
    assert_eq!((lines.len(), lines[0].price), (1, None));
}

#[test]
fn null_is_absent() {
    let data = r#"{"items":[{"item_id":"m","price":null,"quantity":null,"item_category":null}]}"#;
    let Act::View(lines) = act("web.view_item", data) else { panic!() };
    assert_eq!((lines[0].price, lines[0].quantity, &lines[0].category), (None, None, &None));
    let text = wrap("crm.forget", "null").replace("\"data\"", "\"brand\":null,\"data\"");
    assert_eq!(event(&text).brand, Brand::default());
    assert_eq!(event(&text.replace("null,", "\"\",")).brand, Brand::default());
    assert_eq!(act("web.search", "null"), Act::Search(None));
}

#[test]
fn sensors_are_in_lower_case_everywhere() {
    let uuid = r#"{"uuid":"F7826DA6-4FA2-4E98-8024-BC5B71E0893E","major":1,"minor":65535,"rssi":-67.5}"#;
    let id = Text::from("f7826da6-4fa2-4e98-8024-bc5b71e0893e/1/65535");
    assert_eq!(act("sensor.beacon", uuid), Act::Reading(id, Rssi(-6750)));
    let mac = Text::from("ac:23:3f");
    assert_eq!(
        act("sensor.beacon", r#"{"beacon":"AC:23:3F","uuid":5,"rssi":-60}"#),
        Act::Reading(mac.clone(), Rssi(-6000))
    );
    assert_eq!(act("sensor.wifi", r#"{"ap":"AC:23:3F","rssi":-60}"#), Act::Reading(mac.clone(), Rssi(-6000)));
    let rfid = Act::Rfid { epc: "E2A".into(), read_point: mac.clone() };
    assert_eq!(act("sensor.rfid", r#"{"epc":"E2A","read_point":"AC:23:3F"}"#), rfid);
    let zone = r#"{"location":"s","zone":"Z","beacons":["AC:23:3F"]}"#;
    let Body::CatalogZone { beacons, zone, .. } = body("catalog.zone", zone) else { panic!() };
    assert_eq!((beacons, zone.as_str()), (vec![mac], "Z"));
}

#[test]
fn purchases_know_their_channel() {
    let items = r#""items":[{"item_id":"m"}]"#;
    let Act::Purchase(web) =
        act("web.purchase", &format!("{{\"transaction_id\":\"t\",{items},\"value\":19.99}}"))
    else {
        panic!()
    };
    assert_eq!((web.at_till, web.value, web.location), (false, Some(Money(199_900)), None));
    let Act::Refund(refund) = act("web.refund", &format!("{{\"transaction_id\":\"t\",{items}}}")) else {
        panic!()
    };
    assert!(!refund.at_till);
    for receipt in ["", r#","transaction_id":"""#, r#","transaction_id":null"#] {
        let Act::Purchase(till) = act("store.purchase", &format!("{{\"location\":\"s\"{receipt}}}")) else {
            panic!()
        };
        assert_eq!((till.at_till, till.transaction.as_str(), till.items.len()), (true, "", 0));
        assert_eq!(till.location, Some(LocationId::new(&Brand::default(), "s")));
    }
}

#[test]
fn a_profile_is_sorted_and_typed() {
    let data = r#"{"attributes":{"z":null,"a":"x","n":1.5,"i":3.0,"big":1e300,"low":-9223372036854775808,"over":9223372036854775808,"b":false}}"#;
    let Act::Profile(attributes) = act("crm.profile", data) else { panic!() };
    let found: Vec<_> = attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(
        found,
        [
            ("a", Some(Value::Text("x".into()))),
            ("b", Some(Value::Bool(false))),
            ("big", Some(Value::Number(Number(1e300)))),
            ("i", Some(Value::Int(3))),
            ("low", Some(Value::Int(i64::MIN))),
            ("n", Some(Value::Number(Number(1.5)))),
            ("over", Some(Value::Number(Number(9_223_372_036_854_775_808.0)))),
            ("z", None),
        ]
    );
}

#[test]
fn places_have_a_zone_of_the_database() {
    let data =
        r#"{"location":"s","kind":"warehouse","lat":52.5200066,"lon":-0.0000005,"tz":"europe/berlin"}"#;
    let Body::CatalogLocation { kind, position, tz, .. } = body("catalog.location", data) else { panic!() };
    assert_eq!(kind, LocationKind::Warehouse);
    assert_eq!(position, Some(Position { lat: 52_520_007, lon: -1 }));
    assert_eq!(tz.as_deref(), Some("Europe/Berlin"));
}

#[test]
fn a_shelf_lists_ids_or_items() {
    let data = r#"{"location":"s","zone":"z","items":["m",{"item_id":"f","price":"?"}]}"#;
    let Body::CatalogShelf { items, .. } = body("catalog.shelf", data) else { panic!() };
    assert_eq!(items.iter().map(ItemId::as_str).collect::<Vec<_>>(), ["m", "f"]);
    let cleared = body("catalog.shelf", r#"{"location":"s","zone":"z","items":[]}"#);
    assert!(matches!(cleared, Body::CatalogShelf { items, .. } if items.is_empty()));
}

#[test]
fn what_is_not_read_may_be_anything() {
    let text =
        wrap("catalog.item", r#"{"item_id":"m","quantity":[],"x":1,"x":2}"#).replace("\"card:1\"", "[1]");
    assert!(matches!(event(&text).body, Body::CatalogItem { price: None, .. }));
    let forget = wrap("crm.forget", "[1,1e999]").replace("\"data\"", "\"data_base64\":1,\"data\"");
    assert!(matches!(event(&forget).body, Body::Person { act: Act::Forget, .. }));
    for content in ["application/json; charset=utf-8", "Text/JSON", "application/vnd.acme+json"] {
        event(
            &wrap("web.search", "{}")
                .replace("\"data\"", &format!("\"datacontenttype\":\"{content}\",\"data\"")),
        );
    }
}

#[test]
fn unknown_types_need_only_what_every_cloudevent_has() {
    let text = r#"{"specversion":"1.0","id":"1","source":"t","type":"web.dance","subject":5,"time":"?","brand":[],"data":{"a":1,"a":2}}"#;
    let unknown = decode(text.as_bytes(), NOW, &Limits::default());
    assert_eq!(unknown, Ok(Decoded::UnknownType("web.dance".into())));
    assert_eq!(refused(&text.replace("\"1.0\"", "\"1.1\"")).code(), "specversion-unsupported");
    assert_eq!(refused(&text.replace("\"id\"", "\"ID\"")).code(), "attribute-missing");
}

#[test]
fn limits_are_kept_to_the_last() {
    let ahead = |ms: u64| wrap("web.search", "{}").replace("12:00:00Z", &format!("12:05:00.{ms:03}Z"));
    assert_eq!(event(&ahead(0)).time, NOW + 300_000);
    assert!(matches!(refused(&ahead(1)), Refusal::TimeAhead { ahead_ms: 300_001, .. }));
    let first = wrap("web.search", "{}").replace("2026-11-22T12", "2000-01-01T00");
    assert_eq!(event(&first).time, EARLIEST);
    let handle = |bytes| wrap("web.search", "{}").replace("card:1", &format!("card:{}", "x".repeat(bytes)));
    event(&handle(256));
    assert_eq!(refused(&handle(257)).code(), "handle-value-too-long");
    let quantity = |n| wrap("web.view_item", &format!(r#"{{"items":[{{"item_id":"m","quantity":{n}}}]}}"#));
    event(&quantity(1_000_000));
    assert_eq!(refused(&quantity(1_000_001)).code(), "quantity-out-of-range");
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        wrap("web.search", &format!(r#"{{"brackets":"[[[[[[[[{{\"","x":{open}{close}}}"#))
    };
    event(&nested(32));
    assert_eq!(refused(&nested(33)), Refusal::TooDeep { limit: 32 });
    let text = wrap("web.search", "{}");
    let limits = Limits { event_bytes: text.len(), ahead: Duration(0), ..Limits::default() };
    assert!(decode(text.as_bytes(), NOW, &limits).is_ok());
    let limits = Limits { event_bytes: text.len() - 1, ..limits };
    let too_large = Refusal::TooLarge { bytes: text.len() as u64, limit: text.len() - 1 };
    assert_eq!(decode(text.as_bytes(), NOW, &limits), Err(too_large));
}

#[test]
fn refusals_say_where() {
    let line =
        |line: &str| refused(&wrap("web.view_item", &format!(r#"{{"items":[{{"item_id":"m"}},{line}]}}"#)));
    let message = |line_text: &str| line(line_text).to_string();
    assert_eq!(message(r#"{"item_id":5}"#), "data.items[1].item_id must be text, found a number");
    assert_eq!(message(r#"{"item_id":"m","price":"5"}"#), "data.items[1].price must be number, found text");
    assert_eq!(message("7"), "data.items[1] must be object, found a number");
    assert_eq!(
        message(r#"{"item_id":"m","price":1,"price":null}"#),
        "data.items[1].price is given more than once"
    );
    assert_eq!(refused("{\n \"a\": tru}").to_string(), "not json at line 2 column 7: expected a value");
    assert_eq!(
        refused("{\"a\":1,\n\"b\":\"\\n\\ud800x\"}").to_string(),
        "not json at line 2 column 8: lone surrogate"
    );
}

#[test]
fn a_batch_is_split_into_its_raw_events() {
    let parts = decode_array(b" [ {\"a\" : 1} ,2, \"x,]\" ] ").unwrap();
    assert_eq!(parts, [&b"{\"a\" : 1}"[..], b"2", b"\"x,]\""]);
    assert_eq!(decode_array(b"[]").unwrap().len(), 0);
    for (body, code) in [
        (&b"{}"[..], "not-an-array"),
        (b"[1", "not-json"),
        (b"", "not-json"),
        (b"[1] 2", "not-json"),
        (b"{", "not-json"),
        (b"[\"\xff\"]", "not-utf8"),
    ] {
        assert_eq!(decode_array(body).unwrap_err().code(), code, "{}", String::from_utf8_lossy(body));
    }
}

/// Binary mode of the structured event `text`.
fn binary(text: &str) -> Result<Decoded, Refusal> {
    // Raw: a tree of values would change the last digit of some numbers.
    let whole: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
    let mut headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
    let mut payload = Vec::new();
    for (name, value) in whole {
        match name.as_str() {
            "data" => payload = value.get().as_bytes().to_vec(),
            _ => headers.push((
                format!("ce_{name}"),
                serde_json::from_str::<String>(value.get()).unwrap().into_bytes(),
            )),
        }
    }
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    decode_binary(headers, &payload, Time::MAX, &Limits::default())
}

#[test]
fn binary_mode_refuses_as_structured_mode_does() {
    let limits = Limits::default();
    let good = wrap("web.view_item", r#"{"items":[{"item_id":"m"}]}"#);
    assert_eq!(binary(&good).unwrap(), Decoded::Event(event(&good)));
    let headers = |kind: &'static str| {
        [
            ("ce_specversion", "1.0"),
            ("ce_id", "1"),
            ("ce_source", "t"),
            ("ce_time", "2026-11-22T12:00:00Z"),
            ("ce_subject", "card:1"),
            ("traceparent", "\u{1}"),
            ("ce_type", kind),
        ]
        .map(|(name, value)| (name, value.as_bytes()))
    };
    let code = |kind, more: &[(&'static str, &'static [u8])], payload: &[u8]| {
        let headers = headers(kind).into_iter().chain(more.iter().copied());
        decode_binary(headers, payload, NOW, &limits).map_or_else(|refusal| refusal.code(), |_| "accepted")
    };
    assert_eq!(code("web.search", &[], b""), "accepted");
    assert_eq!(code("web.search", &[], b" null"), "accepted");
    assert_eq!(code("web.dance", &[], b"\xff"), "accepted");
    assert_eq!(code("crm.link", &[], b""), "data-missing");
    assert_eq!(code("crm.link", &[], b"{"), "not-json");
    assert_eq!(code("crm.link", &[], b"{\"with\":\"\\ud800\"}"), "not-json");
    assert_eq!(code("crm.link", &[], b"\xff"), "not-utf8");
    assert_eq!(code("crm.link", &[], b"[]"), "data-not-an-object");
    assert_eq!(code("crm.link", &[("ce_subject", b"\xff")], b"{}"), "header-not-utf8");
    assert_eq!(code("crm.link", &[("ce_subject", b"card")], b"{}"), "handle-without-colon");
    assert_eq!(code("crm.link", &[("Content-Type", b"text/csv")], b"{}"), "content-type");
    assert_eq!(code("crm.link", &[("ce_data", b"{}")], b""), "data-missing");
    assert_eq!(code("web.search", &[], "[".repeat(33).as_bytes()), "too-deep");
}

proptest! {
    #[test]
    fn both_modes_agree(event in arbitrary_event()) {
        prop_assert_eq!(binary(&encode(&event)), Ok(Decoded::Event(event)));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&raw, NOW, &Limits::default());
        let _ = decode_array(&raw);
    }

    #[test]
    fn a_damaged_event_is_decoded_or_refused(event in arbitrary_event(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut raw = encode(&event).into_bytes();
        let at = at.index(raw.len());
        raw[at] = byte;
        if let Ok(Decoded::Event(event)) = decode(&raw, Time::MAX, &Limits::default()) {
            let text = encode(&event);
            prop_assert_eq!(decode(text.as_bytes(), Time::MAX, &Limits::default()), Ok(Decoded::Event(event)));
        }
        raw.truncate(at);
        prop_assert_eq!(decode(&raw, Time::MAX, &Limits::default()).map_err(|refusal| refusal.code() == "not-json" || refusal.code() == "not-utf8"), Err(true));
    }
}
