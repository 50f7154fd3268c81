//! Records of customers with known persons: what links by shared addresses alone find of them. For
//! information: identity follows links it is given, and matches no names.

use super::{LATER, World, folder, settings};
use serde_json::Value;
use shopbell_dataflows::identity::{IdentityCounts, Persons};
use shopbell_model::event::{Act, Body, Event};
use shopbell_model::facts::Link;
use shopbell_model::key::{Brand, EventRef, Handle, Text};
use shopbell_model::settings::{Identity, Presence};
use std::collections::BTreeMap;
use std::path::Path;

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
fn shared_addresses_alone_find_few_of_the_true_pairs() {
    let Some(folder) = folder("shared_addresses_alone_find_few_of_the_true_pairs", "senzing_truthset") else {
        return;
    };
    let events = record_links(&folder.join("customers.jsonl"));
    let mut world = World::new(&settings(Presence::default()), 2);
    world.take(&events, &mut |_, _, _| {});
    let mut persons = Persons::new(Identity::default());
    for ((low, high), at) in &world.links {
        persons.update(&Link { at: *at, low: low.clone(), high: high.clone() }, 1);
    }
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
    assert_eq!((records.len(), world.links.len(), truth, found, both), (120, 66, 68, 28, 14));
    // An address of an office, in 21 records, links nobody.
    assert_eq!(persons.counts(), IdentityCounts { shared_handles: 1, capped_links: 0 });
}
