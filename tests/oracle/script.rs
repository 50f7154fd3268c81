//! Scripts in a shorthand that fits on a line: `10:00:00 card:1 add mask*2`, turned into CloudEvents.
//!
//! A line is `TIME SUBJECT VERB ARGUMENTS… [#id]`. Hours may exceed 23 for the days that follow.
//! The subject is a handle, `-` for stock and catalogue, and has `brand/` before it where there is a
//! brand. `#id` sets the event's id (else its place in the log). Times are of Monday, 2025-03-03 UTC.

use super::decide::offer_id;
use super::event::Time;
use serde_json::{Value, json};

/// 2025-03-03T00:00:00Z.
pub(crate) const MONDAY: Time = 1_740_960_000_000;

/// The moment of a shorthand time.
pub(crate) fn moment(text: &str) -> Time {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<u64> = clock.split(':').map(|p| p.parse().expect("hours:minutes:seconds")).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("a time is hours:minutes:seconds, not {text}") };
    let millis: u64 = format!("{fraction:0<3}").parse().expect("milliseconds");
    MONDAY + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
}

/// The shorthand time of a moment.
pub(crate) fn clock_text(time: Time) -> String {
    let (seconds, millis) = ((time - MONDAY) / 1000, (time - MONDAY) % 1000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if millis == 0 { clock } else { format!("{clock}.{millis:03}") }
}

/// A text with `{10:00:00}` written as milliseconds.
pub(crate) fn moments_in(text: &str) -> String {
    let mut parts = text.split('{');
    let mut read = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (clock, rest) = part.split_once('}').expect("a closing brace");
        read += &format!("{}{rest}", moment(clock));
    }
    read
}

/// An offer id, or that of `RULE/EPISODE`, an offer of no brand.
fn offer(word: &str) -> String {
    let named = word.split_once('/');
    named.map_or_else(|| word.to_owned(), |(rule, episode)| offer_id("", rule, &moments_in(episode)))
}

/// JSON lines of a script in shorthand; empty lines and those that begin with `//` are left out.
pub(crate) fn json_lines(script: &str) -> Vec<String> {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.enumerate().map(|(place, line)| json_line(place, line)).collect()
}

fn json_line(place: usize, line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let id = match words.last() {
        Some(word) if word.starts_with('#') => words.pop().unwrap_or_default()[1..].to_owned(),
        _ => format!("line-{place}"),
    };
    let [time, subject, verb, ref arguments @ ..] = words[..] else { panic!("too short: {line}") };
    let (kind, data) = body(verb, arguments);
    let time = jiff::Timestamp::from_millisecond(moment(time) as i64).expect("a moment of our age");
    let mut event = json!({ "specversion": "1.0", "id": id, "source": "oracle", "type": kind,
        "time": time.to_string(), "data": data });
    let (brand, handle) = subject.split_once('/').unwrap_or(("", subject));
    if !brand.is_empty() {
        event["brand"] = json!(brand);
        // A source of its own: whether copies are looked for across brands does not matter then.
        event["source"] = json!(format!("oracle-{brand}"));
    }
    if handle != "-" {
        event["subject"] = json!(handle);
    }
    event.to_string()
}

fn items(words: &[&str]) -> Value {
    let line = |word: &&str| {
        let (word, variant) = word.split_once('#').unwrap_or((word, ""));
        let (word, category) = word.split_once('~').unwrap_or((word, ""));
        let (word, price) = word.split_once('@').unwrap_or((word, ""));
        let mut line = match word.split_once('*') {
            Some((item, quantity)) => {
                json!({ "item_id": item, "quantity": quantity.parse::<i64>().expect("a quantity") })
            }
            None => json!({ "item_id": word }),
        };
        if !price.is_empty() {
            line["price"] = json!(price.parse::<f64>().expect("a price"));
        }
        if !category.is_empty() {
            line["item_category"] = json!(category);
        }
        if !variant.is_empty() {
            line["item_variant"] = json!(variant);
        }
        line
    };
    words.iter().filter(|word| !word.starts_with('=')).map(line).collect()
}

/// With the amount that `=12.50` says.
fn paid(mut data: Value, words: &[&str]) -> Value {
    if let Some(amount) = words.iter().find_map(|word| word.strip_prefix('=')) {
        data["value"] = json!(amount.parse::<f64>().expect("an amount"));
    }
    data
}

fn list(text: &str) -> Vec<&str> {
    text.split(',').filter(|part| !part.is_empty()).collect()
}

/// Type and data of one shorthand verb.
fn body(verb: &str, words: &[&str]) -> (&'static str, Value) {
    let number = |place: usize| words[place].parse::<f64>().expect("a number");
    let whole = |place: usize| words[place].parse::<i64>().expect("a whole number");
    match verb {
        "view" => ("web.view_item", json!({ "items": items(words) })),
        "add" => ("web.add_to_cart", json!({ "items": items(words) })),
        "remove" => ("web.remove_from_cart", json!({ "items": items(words) })),
        "wish" => ("web.add_to_wishlist", json!({ "items": items(words) })),
        "unwish" => ("web.remove_from_wishlist", json!({ "items": items(words) })),
        "checkout" => ("web.begin_checkout", json!({ "items": items(words) })),
        "buy" => {
            ("web.purchase", paid(json!({ "transaction_id": words[0], "items": items(&words[1..]) }), words))
        }
        "till" => (
            "store.purchase",
            paid(
                json!({ "location": words[0], "transaction_id": words[1], "items": items(&words[2..]) }),
                words,
            ),
        ),
        "refund" => {
            ("web.refund", paid(json!({ "transaction_id": words[0], "items": items(&words[1..]) }), words))
        }
        "login" => ("web.login", json!({ "with": words[0] })),
        "link" => ("crm.link", json!({ "with": words[0] })),
        "unlink" => ("crm.unlink", json!({ "with": words[0] })),
        "forget" => ("crm.forget", json!({})),
        "enter" => ("store.enter", json!({ "location": words[0] })),
        "leave" => ("store.leave", json!({ "location": words[0] })),
        "checkin" => ("store.check_in", json!({ "location": words[0] })),
        "try" => ("store.try_item", json!({ "location": words[0], "items": items(&words[1..]) })),
        "assist" => ("store.assist", json!({ "location": words[0] })),
        "beacon" => ("sensor.beacon", json!({ "beacon": words[0], "rssi": number(1) })),
        "ask" => (
            "store.offer_request",
            json!({ "request_id": words[0], "location": words[1], "staff": "amy", "rule": words[2],
                "items": items(&words[3..]) }),
        ),
        "decide" => (
            "store.offer_decision",
            json!({ "request_id": words[0], "approved": words[1] == "yes", "staff": "ben" }),
        ),
        "at" => {
            let mut data = json!({ "lat": number(0), "lon": number(1) });
            if words.len() > 2 {
                data["accuracy_m"] = json!(number(2));
            }
            ("sensor.geo", data)
        }
        "spot" => (
            "catalog.location",
            json!({ "location": words[0], "kind": "store", "lat": number(1), "lon": number(2) }),
        ),
        "profile" => {
            let attributes: Value = serde_json::from_str(&words.concat()).expect("a JSON object");
            ("crm.profile", json!({ "attributes": attributes }))
        }
        "consent" => {
            let mut data = json!({ "granted": words[0] == "yes" });
            for word in &words[1..] {
                let (name, value) = word.split_once('=').expect("channel=… or category=…");
                data[name] = json!(value);
            }
            ("crm.consent", data)
        }
        "redeem" => ("push.redeemed", json!({ "offer_id": offer(words[0]) })),
        "delivered" => ("push.delivered", json!({ "offer_id": offer(words[0]) })),
        "clicked" => ("push.clicked", json!({ "offer_id": offer(words[0]) })),
        "failed" => ("push.failed", json!({ "offer_id": offer(words[0]) })),
        "opened" => ("push.opened", json!({ "offer_id": words[0] })),
        "search" => ("web.search", json!({ "query": words.join(" ") })),
        "level" => {
            ("stock.level", json!({ "location": words[0], "item_id": words[1], "quantity": whole(2) }))
        }
        "delta" => ("stock.delta", json!({ "location": words[0], "item_id": words[1], "delta": whole(2) })),
        "price" => ("catalog.item", json!({ "item_id": words[0], "price": number(1) })),
        "category" => ("catalog.item", json!({ "item_id": words[0], "category": words[1] })),
        "store" => ("catalog.location", place(words, "store")),
        "warehouse" => ("catalog.location", place(words, "warehouse")),
        "zone" => {
            ("catalog.zone", json!({ "location": words[0], "zone": words[1], "beacons": list(words[2]) }))
        }
        "shelf" => {
            let items = words.get(2).map(|text| list(text)).unwrap_or_default();
            ("catalog.shelf", json!({ "location": words[0], "zone": words[1], "items": items }))
        }
        _ => panic!("no verb {verb}"),
    }
}

fn place(words: &[&str], kind: &str) -> Value {
    let mut data = json!({ "location": words[0], "name": words[0], "kind": kind });
    if let Some(tz) = words.get(1) {
        data["tz"] = json!(tz);
    }
    data
}
