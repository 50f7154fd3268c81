//! What an offer rested on outlives the process, and goes with who is forgotten.

use super::accepted::Life;
use super::each_file;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const RULES: &str = r#"
    [rule.welcome]
    when = "checked_in"
    score = '40 + (customer.tier == "gold" ? 20 : 0)'
    [rule.welcome.offer]
    title = "Welcome"
    channels = ["associate"]

    [rule.cart]
    when = "cart_abandoned"
    idle = "100ms"
    where = 'item.quantity > 0'
    [rule.cart.offer]
    title = "Your cart waits"
    channels = ["associate"]
    valid = "1h"
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("rules")).unwrap();
    std::fs::write(path.join("rules/test.toml"), RULES).unwrap();
    let config = "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
                  [policy]\ncap = \"10 per 7d\"\n[state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n";
    std::fs::write(path.join("job.toml"), config).unwrap();
    folder
}

fn send(life: &Life, id: &str, kind: &str, who: &str, data: Value) {
    let time = shopbell_model::time::format_rfc3339(shopbell::wall_clock());
    let event = json!({ "specversion": "1.0", "id": id, "source": "test", "type": kind, "subject": who,
        "time": time, "data": data });
    let status = life.send(&format!("{event}\n"));
    assert!(status.contains("202"), "{status}");
}

/// Status and body of the answer.
fn get(life: &Life, path: &str) -> (u16, Value) {
    let answer = life.answer(&format!("GET {path}"), "");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The offers of a rule in the output, once there are as many.
fn offers(path: &Path, rule: &str, count: usize) -> Vec<String> {
    wait_for(rule, || {
        let text = std::fs::read_to_string(path.join("offers.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let made = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let made = made.filter(|line| line["type"] == "offer.made" && line["data"]["rule"] == rule);
        let ids: Vec<String> =
            made.map(|line| line["data"]["offer_id"].as_str().unwrap().to_owned()).collect();
        (ids.len() >= count).then_some(ids)
    })
}

#[test]
fn the_answer_after_a_kill_is_the_one_before_it() {
    let folder = folder();
    let path = folder.path();
    let life = Life::start(path);
    send(&life, "1", "crm.link", "card:1", json!({ "with": "cookie:1" }));
    send(&life, "2", "crm.profile", "card:1", json!({ "attributes": { "tier": "gold" } }));
    send(&life, "3", "store.check_in", "cookie:1", json!({ "location": "l" }));
    send(&life, "4", "web.add_to_cart", "card:1", json!({ "items": [{ "item_id": "x" }] }));
    let welcome = offers(path, "welcome", 1).remove(0);
    let cart = offers(path, "cart", 1).remove(0);
    send(&life, "5", "web.remove_from_cart", "card:1", json!({ "items": [{ "item_id": "x" }] }));
    let mut before = Vec::new();
    for id in [&welcome, &cart] {
        before.push(wait_for("an answer", || {
            let (status, why) = get(&life, &format!("/v1/offers/{id}/why"));
            let done = *id == welcome || why["state"] == "withdrawn";
            (status == 200 && done).then_some(why)
        }));
    }
    assert_eq!(
        before[0]["because"]["score"],
        json!([{ "term": "40", "points": 40 },
        { "term": "(customer.tier == \"gold\" ? 20 : 0)", "points": 20 }])
    );
    assert_eq!(before[1]["withdrawn"]["reason"], "removed");
    let person = get(&life, "/v1/persons/cookie:1").1;
    // Killed at once, it begins with the journal; killed later, with a checkpoint.
    let mut life = life;
    for wait in [0, 400] {
        std::thread::sleep(Duration::from_millis(wait));
        drop(life);
        life = Life::start(path);
        for (id, before) in [&welcome, &cart].into_iter().zip(&before) {
            let (status, mut after) = get(&life, &format!("/v1/offers/{id}/why"));
            assert_eq!(status, 200, "{after}");
            after["as_of"] = before["as_of"].clone();
            assert_eq!(after, *before);
        }
        let mut after = get(&life, "/v1/persons/card:1").1;
        after["as_of"] = person["as_of"].clone();
        assert_eq!(after, person);
    }
}

/// Whether any byte of a folder's files tells of a text.
fn tells(folder: &Path, text: &str) -> bool {
    let mut told = false;
    each_file(folder, &mut |_, bytes| {
        told |= bytes.windows(text.len()).any(|window| window == text.as_bytes());
    });
    told
}

#[test]
fn of_who_is_forgotten_nothing_is_told_and_no_byte_is_left() {
    const GOES: &str = "an-event-of-the-one-who-goes";
    const STAYS: &str = "an-event-of-the-one-who-stays";
    let folder = folder();
    let path = folder.path();
    let life = Life::start(path);
    // One cart of two who are one person for a while: the offer rests on what both did.
    send(&life, "1", "crm.link", "card:stays", json!({ "with": "email:goes" }));
    send(&life, STAYS, "web.add_to_cart", "card:stays", json!({ "items": [{ "item_id": "x" }] }));
    send(&life, GOES, "web.add_to_cart", "email:goes", json!({ "items": [{ "item_id": "y" }] }));
    let shared = wait_for("an offer that rests on both", || {
        let ids = offers(path, "cart", 1);
        let both = |id: &String| {
            let (_, why) = get(&life, &format!("/v1/offers/{id}/why"));
            why["because"]["events"].as_array().is_some_and(|events| events.len() == 2)
        };
        ids.into_iter().find(both)
    });
    send(&life, "2", "crm.unlink", "card:stays", json!({ "with": "email:goes" }));
    send(&life, "3", "store.check_in", "email:goes", json!({ "location": "l" }));
    let own = offers(path, "welcome", 1).remove(0);
    assert_eq!(get(&life, &format!("/v1/offers/{own}/why")).0, 200);
    let events = |why: &Value| -> Vec<String> {
        let events = why["because"]["events"].as_array().unwrap().iter();
        events.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    let state = path.join("state");
    wait_for("the state", || (tells(&state, GOES) && tells(&state, "email:goes")).then_some(()));

    send(&life, "4", "crm.forget", "email:goes", json!({}));
    wait_for("that it is forgotten", || {
        (get(&life, &format!("/v1/offers/{own}/why")).0 == 404).then_some(())
    });
    assert_eq!(get(&life, "/v1/persons/email:goes").0, 404);
    let why = wait_for("the offer of the other", || {
        let (status, why) = get(&life, &format!("/v1/offers/{shared}/why"));
        assert_eq!(status, 200, "{why}");
        (events(&why) == [STAYS]).then_some(why)
    });
    assert!(!why.to_string().contains("goes"), "{why}");
    wait_for("the erasure", || (!tells(&state, GOES) && !tells(&state, "email:goes")).then_some(()));
    assert!(tells(&state, STAYS) && tells(&state, "card:stays"));
    // Nor after a kill.
    drop(life);
    let life = Life::start(path);
    assert_eq!(get(&life, &format!("/v1/offers/{own}/why")).0, 404);
    assert_eq!(events(&get(&life, &format!("/v1/offers/{shared}/why")).1), [STAYS]);
}
