//! Under which key offers go out.

use super::records::{check_in, small, values};
use super::*;
use serde_json::json;

#[test]
fn what_is_taken_back_is_where_it_was_made_though_the_person_became_another() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let (topic, offers) = (broker.topic("events", 1, &[]), broker.topic("offers", 16, &[]));
    let mut events = Vec::new();
    for person in 0..12 {
        let event = |second: usize, kind: &str, subject: &str, data: serde_json::Value| {
            json!({
                "specversion": "1.0", "id": format!("{kind}-{person}"), "source": "test", "type": kind,
                "subject": subject, "time": format!("2026-06-15T12:10:{second:02}Z"), "data": data,
            })
            .to_string()
        };
        let (phone, card) = (format!("phone:{person}"), format!("card:{person}"));
        events.push(check_in(person, &phone));
        events.push(event(person, "crm.link", &phone, json!({ "with": card })));
        events.push(event(30 + person, "crm.consent", &card, json!({ "granted": false })));
    }
    // All check in, then all are linked, then nobody wants to hear more.
    let events: Vec<String> =
        (0..3).flat_map(|phase| events.iter().skip(phase).step_by(3).cloned()).collect();
    broker.produce_lines(&topic, 0, events.iter().map(String::as_str));
    small(&topic, &offers, "until = \"end\"").succeeds();
    let records = broker.read(&offers, true);
    let said = values(&records);
    let mut became_another = 0;
    for (record, made) in records.iter().zip(&said).filter(|(_, offer)| offer["type"] == "offer.made") {
        let id = &made["data"]["offer_id"];
        let taken_back = |(_, offer): &(&Record, &serde_json::Value)| {
            offer["type"] == "offer.withdrawn" && offer["data"]["offer_id"] == *id
        };
        let (back, withdrawn) = records.iter().zip(&said).find(taken_back).unwrap();
        assert_eq!((&back.key, back.partition), (&record.key, record.partition), "{withdrawn}");
        assert!(back.offset > record.offset);
        became_another += usize::from(withdrawn["subject"] != made["subject"]);
    }
    let partitions: std::collections::BTreeSet<i32> = records.iter().map(|record| record.partition).collect();
    assert!(became_another == 12 && partitions.len() > 4, "{became_another} {partitions:?}");
}
