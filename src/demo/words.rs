//! Events in the words of somebody who tells them.
//!
//! Invariant: every kind of event has a sentence; names come from the catalogue and the story, and
//! fall back to ids.

use super::story::Story;
use shopbell_model::event::{Act, Body, Event, Line, Position, PushOutcome};
use shopbell_model::key::{Handle, ItemId, LocationId, Text};
use shopbell_model::value::Value;
use std::collections::BTreeMap;

/// What things and people are called.
#[derive(Debug)]
pub(super) struct Names<'a> {
    story: &'a Story,
    items: BTreeMap<ItemId, Text>,
    locations: BTreeMap<LocationId, Text>,
}

impl<'a> Names<'a> {
    pub(super) fn new(story: &'a Story) -> Self {
        Names { story, items: BTreeMap::new(), locations: BTreeMap::new() }
    }

    /// Learns names from the catalogue.
    pub(super) fn learn(&mut self, event: &Event) {
        match &event.body {
            Body::CatalogItem { item, name: Some(name), .. } => {
                self.items.insert(item.clone(), name.clone());
            }
            Body::CatalogLocation { location, name: Some(name), .. } => {
                self.locations.insert(location.clone(), name.clone());
            }
            _ => {}
        }
    }

    pub(super) fn who<'b>(&'b self, handle: &'b str) -> &'b str {
        self.story.names.get(handle).map_or(handle, String::as_str)
    }

    pub(super) fn item<'b>(&'b self, item: &'b ItemId) -> &'b str {
        self.items.get(item).map_or(item.as_str(), Text::as_str)
    }

    pub(super) fn location<'b>(&'b self, location: &'b LocationId) -> &'b str {
        self.locations.get(location).map_or(location.as_str(), Text::as_str)
    }

    fn lines(&self, lines: &[Line]) -> String {
        let one = |line: &Line| match line.quantity {
            Some(quantity) if quantity != 1 => format!("{quantity} × {}", self.item(&line.item)),
            _ => self.item(&line.item).to_owned(),
        };
        list(lines.iter().map(one))
    }

    /// What happened, in one sentence.
    pub(super) fn sentence(&self, event: &Event) -> String {
        match &event.body {
            Body::Person { handle, act } => {
                format!("{} {}", self.who(handle.as_str()), self.act(handle, act))
            }
            Body::StockLevel { location, item, quantity } => {
                format!("stock: {} {} in {}", quantity, self.item(item), self.location(location))
            }
            Body::StockDelta { location, item, delta } => {
                let delta = minus(&format!("{delta:+}"));
                format!("stock: {delta} {} in {}", self.item(item), self.location(location))
            }
            Body::CatalogItem { item, price: Some(price), .. } => {
                format!("catalogue: {} for {price}", self.item(item))
            }
            Body::CatalogItem { item, .. } => format!("catalogue: {}", self.item(item)),
            Body::CatalogLocation { location, .. } => {
                format!("catalogue: the place {}", self.location(location))
            }
            Body::CatalogZone { location, zone, beacons, .. } => {
                format!("catalogue: {zone} in {} has {} beacons", self.location(location), beacons.len())
            }
            Body::CatalogShelf { location, zone, items } => {
                let items = list(items.iter().map(|item| self.item(item).to_owned()));
                format!("catalogue: on {zone} in {} stand {items}", self.location(location))
            }
        }
    }

    fn act(&self, handle: &Handle, act: &Act) -> String {
        match act {
            Act::View(lines) => format!("looks at {}", self.lines(lines)),
            Act::AddToCart(lines) => format!("puts {} into the cart", self.lines(lines)),
            Act::RemoveFromCart(lines) => format!("takes {} out of the cart", self.lines(lines)),
            Act::AddToWishlist(lines) => format!("saves {}", self.lines(lines)),
            Act::RemoveFromWishlist(lines) => format!("no longer saves {}", self.lines(lines)),
            Act::BeginCheckout(_) => "goes to the checkout".to_owned(),
            Act::Purchase(purchase) => {
                let place = match &purchase.location {
                    Some(location) if purchase.at_till => {
                        format!(" at a till in {}", self.location(location))
                    }
                    Some(location) => format!(", to be fetched in {}", self.location(location)),
                    None if purchase.at_till => " at a till".to_owned(),
                    None => " online".to_owned(),
                };
                let value = purchase.value.map_or(String::new(), |value| format!(" for {value}"));
                format!("buys {}{place}{value}", self.lines(&purchase.items))
            }
            Act::Refund(purchase) => format!("gives {} back", self.lines(&purchase.items)),
            Act::Search(Some(query)) => format!("searches \"{query}\""),
            Act::Search(None) => "searches".to_owned(),
            Act::Login(Some(with)) => format!("logs in as {} ({with})", self.who(with.as_str())),
            Act::Login(None) => "logs in".to_owned(),
            Act::Enter(location) => format!("enters {}", self.location(location)),
            Act::Leave(location) => format!("leaves {}", self.location(location)),
            Act::CheckIn(location) => format!("checks in at {}", self.location(location)),
            Act::TryItem(_, lines) => format!("tries {} on", self.lines(lines)),
            Act::Assist(_, lines, staff) => {
                let staff = staff.as_deref().unwrap_or("an associate");
                format!("talks with {staff} about {}", self.lines(lines))
            }
            Act::OfferRequest { staff, rule, items, .. } => {
                format!("is to get an extra offer: {staff} asks for {rule} on {}", self.lines(items))
            }
            Act::OfferDecision { approved, staff, .. } => {
                format!("{}, says {staff}", if *approved { "may have it" } else { "may not have it" })
            }
            Act::Reading(beacon, rssi) => format!("is heard by {beacon}, {} dBm", dbm(rssi.0)),
            Act::Rfid { read_point, .. } => format!("passes the read point {read_point}"),
            Act::Geo(Position { lat, lon }, _) => {
                let degrees = |millionths: i32| f64::from(millionths) / 1e6;
                format!("is at {:.4}° N, {:.4}° E", degrees(*lat), degrees(*lon))
            }
            Act::Profile(attributes) => {
                let one = |(name, value): &(Text, Option<Value>)| match value {
                    Some(Value::Bool(flag)) => format!("{name} {flag}"),
                    Some(Value::Int(number)) => format!("{name} {number}"),
                    Some(Value::Number(number)) => format!("{name} {}", number.0),
                    Some(Value::Text(text)) => format!("{name} {text}"),
                    None => format!("no {name}"),
                };
                format!("is known: {}", list(attributes.iter().map(one)))
            }
            Act::Link(with) => format!("is {} ({handle} and {with} are linked)", self.who(with.as_str())),
            Act::Unlink(with) => format!("is not {} ({handle} and {with} part)", self.who(with.as_str())),
            Act::Consent { channel, category, granted } => {
                let verb = if *granted { "wants" } else { "does not want" };
                let what = category.as_deref().unwrap_or("offers");
                let way = channel.as_deref().map_or(String::new(), |channel| format!(" on {channel}"));
                format!("{verb} {what}{way}")
            }
            Act::Forget => "asks to be forgotten".to_owned(),
            Act::Push(outcome, _) => match outcome {
                PushOutcome::Delivered => "got an offer".to_owned(),
                PushOutcome::Opened => "opens an offer".to_owned(),
                PushOutcome::Clicked => "follows an offer's link".to_owned(),
                PushOutcome::Redeemed => "redeems an offer".to_owned(),
                PushOutcome::Failed => "could not be reached with an offer".to_owned(),
            },
        }
    }
}

/// Hundredths of a dBm.
pub(super) fn dbm(hundredths: i16) -> String {
    minus(&(f64::from(hundredths) / 100.0).to_string())
}

/// A number with a real minus sign.
fn minus(number: &str) -> String {
    number.replace('-', "−")
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}
