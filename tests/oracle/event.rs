//! Events as the oracle reads them: straight from JSON lines, with types of its own.
//!
//! Invariant: nothing here uses the engine's decoding; only well-formed events come in (scripts are
//! generated), an unknown type becomes [`Act::Other`].

use super::nearby::Spot;
use serde_json::Value;

/// Milliseconds since 1970.
pub(crate) type Time = u64;

/// One event; `seq` is its place in the log, so `(time, seq)` is the order of facts.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) seq: usize,
    pub(crate) reference: (String, String),
    pub(crate) brand: String,
    pub(crate) time: Time,
    /// The grid point before the tick that takes it in.
    pub(crate) before: Time,
    /// Empty for stock and catalogue.
    pub(crate) handle: String,
    /// Whether the person did it.
    pub(crate) own: bool,
    /// Where it says that the person was: `in SHOP` or `on CHANNEL`.
    pub(crate) noticed: Option<String>,
    /// What it says of articles, a line each.
    pub(crate) said: Vec<Said>,
    pub(crate) act: Act,
}

/// What a line of an event says of an article; the price in ten-thousandths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) item: String,
    pub(crate) price: Option<i64>,
    pub(crate) category: Option<String>,
    pub(crate) variant: Option<String>,
}

impl Said {
    /// Takes what another line says in the place of what this one does, or, within one event, the greater of both.
    pub(crate) fn take(&mut self, other: &Said, same_event: bool) {
        fn of<T: Ord + Clone>(known: &mut Option<T>, said: &Option<T>, same_event: bool) {
            if said.is_some() && !(same_event && *known > *said) {
                known.clone_from(said);
            }
        }
        of(&mut self.price, &other.price, same_event);
        of(&mut self.category, &other.category, same_event);
        of(&mut self.variant, &other.variant, same_event);
    }
}

/// An item of an event with its quantity, where given.
pub(crate) type Line = (String, Option<i64>);

/// What happened, as far as any situation depends on it.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    View(Vec<Line>),
    Add(Vec<Line>),
    Remove(Vec<Line>),
    Wish(Vec<Line>),
    Unwish(Vec<Line>),
    Checkout(Vec<Line>),
    Purchase {
        transaction: String,
        items: Vec<Line>,
        location: Option<String>,
        amount: i64,
    },
    Refund {
        amount: i64,
    },
    Enter(String),
    CheckIn(String),
    Leave(String),
    /// `store.try_item` and `store.assist`: signs that keep a shop visit going.
    Sign(String),
    Request {
        id: String,
        location: String,
        rule: String,
        items: Vec<Line>,
    },
    Decision {
        id: String,
        approved: bool,
    },
    Geo {
        at: Spot,
        accuracy: Option<f64>,
    },
    Reading {
        beacon: String,
        rssi: i64,
    },
    Profile(Vec<(String, Value)>),
    Link(String),
    Unlink(String),
    Consent {
        channel: Option<String>,
        category: Option<String>,
        granted: bool,
    },
    Redeemed(String),
    /// It reached somebody: delivered or opened.
    Reached(String),
    Clicked(String),
    Failed(String),
    Forget,
    Level {
        location: String,
        item: String,
        quantity: i64,
    },
    Delta {
        location: String,
        item: String,
        delta: i64,
    },
    Item {
        item: String,
        price: Option<i64>,
        category: Option<String>,
    },
    Location {
        location: String,
        tz: Option<String>,
        spot: Option<Spot>,
        is_shop: bool,
    },
    Zone {
        location: String,
        zone: String,
        beacons: Vec<String>,
    },
    Shelf {
        location: String,
        zone: String,
        items: Vec<String>,
    },
    Other,
}

impl Event {
    /// Reads the JSON line at place `seq` of the log.
    pub(crate) fn read(seq: usize, line: &str) -> Event {
        let json: Value = serde_json::from_str(line).expect("scripts hold JSON lines");
        let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
        let time: jiff::Timestamp = text("time").parse().expect("scripts hold RFC 3339 times");
        Event {
            seq,
            reference: (text("source"), text("id")),
            brand: text("brand"),
            time: time.as_millisecond() as Time,
            before: 0,
            handle: text("subject"),
            own: !text("subject").is_empty() && is_own(&text("type")),
            said: said(&text("type"), &json["data"]),
            noticed: noticed(&text("type"), &text("subject"), &json["data"]),
            act: act(&text("type"), &json["data"]),
        }
    }

    /// Place among the facts.
    pub(crate) fn order(&self) -> (Time, usize) {
        (self.time, self.seq)
    }
}

/// Whether events of that type are activity of the person they name.
fn is_own(kind: &str) -> bool {
    let of_others =
        ["push.delivered", "push.failed", "store.offer_request", "store.offer_decision"].contains(&kind);
    !kind.starts_with("crm.") && !of_others
}

fn said(kind: &str, data: &Value) -> Vec<Said> {
    let kinds = [
        "web.view_item",
        "web.add_to_cart",
        "web.remove_from_cart",
        "web.add_to_wishlist",
        "web.remove_from_wishlist",
        "web.begin_checkout",
        "web.purchase",
        "store.purchase",
        "store.offer_request",
    ];
    let items = data["items"].as_array().filter(|_| kinds.contains(&kind));
    let said = |i: &Value| {
        Some(Said {
            item: i["item_id"].as_str()?.to_owned(),
            price: i["price"].as_f64().map(|units| (units * 10_000.0).round() as i64),
            category: i["item_category"].as_str().map(str::to_owned),
            variant: i["item_variant"].as_str().map(str::to_owned),
        })
    };
    items.into_iter().flatten().filter_map(said).collect()
}

fn noticed(kind: &str, handle: &str, data: &Value) -> Option<String> {
    let channel = || handle.split_once(':').map(|(kind, _)| format!("on {kind}"));
    match kind {
        "store.enter" | "store.leave" | "store.check_in" | "store.try_item" | "store.assist"
        | "store.purchase" => Some(format!("in {}", data["location"].as_str()?)),
        "push.opened" | "push.clicked" | "push.redeemed" => channel(),
        other => other.starts_with("web.").then(channel)?,
    }
}

/// What was paid, in ten-thousandths: said as a whole, or else as far as items have a price.
fn amount(data: &Value) -> i64 {
    let money = |value: &Value| value.as_f64().map(|units| (units * 10_000.0).round() as i64);
    let items = data["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_items =
        items.iter().filter_map(|i| Some(money(&i["price"])? * i["quantity"].as_i64().unwrap_or(1)));
    money(&data["value"]).unwrap_or_else(|| of_items.sum())
}

fn act(kind: &str, data: &Value) -> Act {
    let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
    let maybe = |field: &str| data[field].as_str().map(str::to_owned);
    let whole = |field: &str| data[field].as_i64().unwrap_or_default();
    let texts = |field: &str| -> Vec<String> {
        let list = data[field].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let items = || -> Vec<Line> {
        let list = data["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .map(|i| (i["item_id"].as_str().unwrap_or_default().to_owned(), i["quantity"].as_i64()))
            .collect()
    };
    let location = || text("location");
    let millionths = |field: &str| data[field].as_f64().map(|degrees| (degrees * 1e6).round() as i128);
    let spot = || millionths("lat").zip(millionths("lon"));
    match kind {
        "web.view_item" => Act::View(items()),
        "web.add_to_cart" => Act::Add(items()),
        "web.remove_from_cart" => Act::Remove(items()),
        "web.add_to_wishlist" => Act::Wish(items()),
        "web.remove_from_wishlist" => Act::Unwish(items()),
        "web.begin_checkout" => Act::Checkout(items()),
        "web.purchase" | "store.purchase" => {
            let (transaction, location) = (text("transaction_id"), maybe("location"));
            Act::Purchase { transaction, items: items(), location, amount: amount(data) }
        }
        "web.refund" => Act::Refund { amount: amount(data) },
        "store.enter" => Act::Enter(location()),
        "store.check_in" => Act::CheckIn(location()),
        "store.leave" => Act::Leave(location()),
        "store.try_item" | "store.assist" => Act::Sign(location()),
        "sensor.geo" => Act::Geo { at: spot().expect("a position"), accuracy: data["accuracy_m"].as_f64() },
        "store.offer_request" => {
            Act::Request { id: text("request_id"), location: location(), rule: text("rule"), items: items() }
        }
        "store.offer_decision" => {
            Act::Decision { id: text("request_id"), approved: data["approved"] == true }
        }
        // Hundredths of a dBm, so that means of two compare exactly.
        "sensor.beacon" => Act::Reading {
            beacon: text("beacon"),
            rssi: (data["rssi"].as_f64().unwrap_or_default() * 100.0).round() as i64,
        },
        "crm.profile" => {
            let map = data["attributes"].as_object().cloned().unwrap_or_default();
            Act::Profile(map.into_iter().collect())
        }
        "crm.link" => Act::Link(text("with")),
        "web.login" if data["with"].is_string() => Act::Link(text("with")),
        "crm.unlink" => Act::Unlink(text("with")),
        "crm.consent" => Act::Consent {
            channel: maybe("channel"),
            category: maybe("category"),
            granted: data["granted"] == true,
        },
        "crm.forget" => Act::Forget,
        "push.delivered" | "push.opened" => Act::Reached(text("offer_id")),
        "push.redeemed" => Act::Redeemed(text("offer_id")),
        "push.clicked" => Act::Clicked(text("offer_id")),
        "push.failed" => Act::Failed(text("offer_id")),
        "stock.level" => {
            Act::Level { location: location(), item: text("item_id"), quantity: whole("quantity") }
        }
        "stock.delta" => Act::Delta { location: location(), item: text("item_id"), delta: whole("delta") },
        "catalog.item" => Act::Item {
            item: text("item_id"),
            // Ten-thousandths of the currency's unit.
            price: data["price"].as_f64().map(|price| (price * 10_000.0).round() as i64),
            category: maybe("category"),
        },
        "catalog.location" => {
            let is_shop = text("kind") != "warehouse";
            Act::Location { location: location(), tz: maybe("tz"), spot: spot(), is_shop }
        }
        "catalog.zone" => Act::Zone { location: location(), zone: text("zone"), beacons: texts("beacons") },
        "catalog.shelf" => Act::Shelf { location: location(), zone: text("zone"), items: texts("items") },
        _ => Act::Other,
    }
}
