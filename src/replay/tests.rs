//! The end of a replay between two points of the grid.

use super::*;

/// Replays within a bound: what went wrong here once was that it never ended.
fn replayed(rules: &str, config: &str, events: &[(&str, &str)]) -> Vec<serde_json::Value> {
    let event = |(number, (time, text)): (usize, &(&str, &str))| {
        format!(
            r#"{{"specversion":"1.0","source":"t","id":"{number}","time":"2026-01-05T10:00:0{time}Z",{text}}}"#
        )
    };
    let job = InMemory {
        events: events.iter().enumerate().map(event).collect(),
        rules: vec![("test.toml".to_owned(), rules.to_owned())],
        config: config.to_owned(),
        workers: 2,
        tick_ms: 1000,
        until: None,
    };
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(in_memory(&job).unwrap()));
    let lines = told.recv_timeout(std::time::Duration::from_secs(60)).expect("the replay never ends");
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_deadline_between_the_last_event_and_its_tick_does_not_fire_nor_hold_the_end_up() {
    let rules = "[rule.c]\nwhen = \"cart_abandoned\"\nidle = \"500ms\"\n\
                 [rule.c.offer]\ntitle = \"x\"\nchannels = [\"associate\"]\n";
    let add = r#""type":"web.add_to_cart","subject":"card:1","data":{"items":[{"item_id":"a"}]}"#;
    let view = r#""type":"web.view_item","subject":"card:2","data":{"items":[{"item_id":"a"}]}"#;
    assert!(replayed(rules, "", &[("0.300", add)]).is_empty());
    assert!(replayed(rules, "", &[("0.300", add), ("0.799", view)]).is_empty());
    assert_eq!(replayed(rules, "", &[("0.300", add), ("0.800", view)]).len(), 1);
}

#[test]
fn an_objection_that_ends_there_does_neither() {
    let rules = "[rule.w]\nwhen = \"checked_in\"\n[rule.w.offer]\ntitle = \"x\"\nvalid = \"1h\"\n\
                 channels = [\"associate\"]\n";
    let config = "[policy]\ncooldown = \"1500ms\"\n";
    let check_in = r#""type":"store.check_in","subject":"card:1","data":{"location":"s"}"#;
    // The first is sent in the tick of second 1; the second may be from 2.5 on, whose tick is second 3.
    let made = |end| {
        let other = r#""type":"store.check_in","subject":"card:2","data":{"location":"s"}"#;
        replayed(rules, config, &[("0.300", check_in), ("0.400", check_in), (end, other)]).len()
    };
    assert_eq!((made("2.400"), made("2.600")), (2, 3));
}

#[test]
fn an_outcome_reaches_an_offer_of_its_own_brand_only() {
    let rules = "[rule.c]\nwhen = \"cart_abandoned\"\nidle = \"500ms\"\n\
                 [rule.c.offer]\ntitle = \"x\"\nchannels = [\"associate\"]\n";
    let event = |kind: &str, brand: &str, who: &str, data: &str| {
        format!(r#""type":"{kind}","brand":"{brand}","subject":"card:{who}","data":{data}"#)
    };
    let items = r#"{"items":[{"item_id":"a"}],"transaction_id":"t"}"#;
    let add = event("web.add_to_cart", "one", "1", items);
    let buy = event("web.purchase", "one", "1", items);
    let made = replayed(rules, "", &[("0.000", &add), ("1.000", &buy.replace("card:1", "card:2"))]);
    let id = made[0]["data"]["offer_id"].as_str().unwrap();
    let withdrawn = |brand: &str| {
        let redeem = event("push.redeemed", brand, "9", &format!(r#"{{"offer_id":"{id}"}}"#));
        let events: [(&str, &str); 3] = [("0.000", &add), ("2.000", &redeem), ("4.000", &buy)];
        replayed(rules, "", &events).len() == 2
    };
    assert!(!withdrawn("one"), "redeemed, whoever says so");
    assert!(withdrawn("two"), "another brand's affair");
}
