//! [`Event`] to CloudEvents JSON: for generators, demos, tests and imports.
//!
//! Invariant: for every event that decoding can give, `decode(encode(event)) == event`.
//! Cost: one string, appended to; no tree of JSON values.

use super::{Act, Body, Event, Kind, Line, LocationKind, Position, Purchase, PushOutcome};
use crate::key::{LocationId, Text};
use crate::time::format_rfc3339;
use crate::value::{Money, Number, Value};
use std::fmt::{Display, Write};

impl Body {
    /// The type it is sent as. A reading is sent as `sensor.beacon`, whatever it came in as.
    pub fn kind(&self) -> Kind {
        match self {
            Body::Person { act, .. } => act.kind(),
            Body::StockLevel { .. } => Kind::StockLevel,
            Body::StockDelta { .. } => Kind::StockDelta,
            Body::CatalogItem { .. } => Kind::CatalogItem,
            Body::CatalogLocation { .. } => Kind::CatalogLocation,
            Body::CatalogZone { .. } => Kind::CatalogZone,
            Body::CatalogShelf { .. } => Kind::CatalogShelf,
        }
    }
}

impl Act {
    /// The type it is sent as. A reading is sent as `sensor.beacon`, whatever it came in as.
    pub fn kind(&self) -> Kind {
        match self {
            Act::View(_) => Kind::ViewItem,
            Act::AddToCart(_) => Kind::AddToCart,
            Act::RemoveFromCart(_) => Kind::RemoveFromCart,
            Act::AddToWishlist(_) => Kind::AddToWishlist,
            Act::RemoveFromWishlist(_) => Kind::RemoveFromWishlist,
            Act::BeginCheckout(_) => Kind::BeginCheckout,
            Act::Purchase(purchase) if purchase.at_till => Kind::StorePurchase,
            Act::Purchase(_) => Kind::WebPurchase,
            Act::Refund(_) => Kind::Refund,
            Act::Search(_) => Kind::Search,
            Act::Login(_) => Kind::Login,
            Act::Enter(_) => Kind::Enter,
            Act::Leave(_) => Kind::Leave,
            Act::CheckIn(_) => Kind::CheckIn,
            Act::TryItem(..) => Kind::TryItem,
            Act::Assist(..) => Kind::Assist,
            Act::OfferRequest { .. } => Kind::OfferRequest,
            Act::OfferDecision { .. } => Kind::OfferDecision,
            Act::Reading(..) => Kind::Beacon,
            Act::Rfid { .. } => Kind::Rfid,
            Act::Geo(..) => Kind::Geo,
            Act::Profile(_) => Kind::Profile,
            Act::Link(_) => Kind::Link,
            Act::Unlink(_) => Kind::Unlink,
            Act::Consent { .. } => Kind::Consent,
            Act::Forget => Kind::Forget,
            Act::Push(PushOutcome::Delivered, _) => Kind::PushDelivered,
            Act::Push(PushOutcome::Opened, _) => Kind::PushOpened,
            Act::Push(PushOutcome::Clicked, _) => Kind::PushClicked,
            Act::Push(PushOutcome::Redeemed, _) => Kind::PushRedeemed,
            Act::Push(PushOutcome::Failed, _) => Kind::PushFailed,
        }
    }
}

/// One event as one line of JSON, without the line's end.
pub fn encode(event: &Event) -> String {
    let mut out = String::with_capacity(320);
    encode_into(event, &mut out);
    out
}

/// Appends what [`encode`] gives.
pub fn encode_into(event: &Event, out: &mut String) {
    let mut object = Object::open(out);
    object.text("specversion", "1.0");
    object.text("id", &event.reference.id);
    object.text("source", &event.reference.source);
    object.text("type", event.body.kind().as_str());
    if let Body::Person { handle, .. } = &event.body {
        object.text("subject", handle.as_str());
    }
    object.text("time", &format_rfc3339(event.time));
    if !event.brand.as_str().is_empty() {
        object.text("brand", event.brand.as_str());
    }
    if !matches!(event.body, Body::Person { act: Act::Forget, .. }) {
        object.nested("data", |data| match &event.body {
            Body::Person { act, .. } => write_act(data, act),
            thing => write_thing(data, thing),
        });
    }
    object.close();
}

fn write_act(data: &mut Object<'_>, act: &Act) {
    match act {
        Act::View(items)
        | Act::AddToCart(items)
        | Act::RemoveFromCart(items)
        | Act::AddToWishlist(items)
        | Act::RemoveFromWishlist(items)
        | Act::BeginCheckout(items) => data.lines(items),
        Act::Purchase(purchase) | Act::Refund(purchase) => write_purchase(data, purchase),
        Act::Search(query) => data.optional("query", query.as_ref()),
        Act::Login(with) => data.optional("with", with.as_ref()),
        Act::Enter(location) | Act::Leave(location) | Act::CheckIn(location) => data.place(location),
        Act::TryItem(location, items) => {
            data.place(location);
            data.lines(items);
        }
        Act::Assist(location, items, staff) => {
            data.place(location);
            data.lines(items);
            data.optional("staff", staff.as_ref());
        }
        Act::OfferRequest { request, location, staff, rule, items } => {
            data.text("request_id", request);
            data.place(location);
            data.text("staff", staff);
            data.text("rule", rule);
            data.lines(items);
        }
        Act::OfferDecision { request, approved, staff } => {
            data.text("request_id", request);
            data.plain("approved", approved);
            data.text("staff", staff);
        }
        Act::Reading(sensor, rssi) => {
            data.text("beacon", sensor);
            data.float("rssi", f64::from(rssi.0) / 100.0);
        }
        Act::Rfid { epc, read_point } => {
            data.text("epc", epc);
            data.text("read_point", read_point);
        }
        Act::Geo(position, accuracy) => {
            data.position(*position);
            if let Some(Number(metres)) = accuracy {
                data.float("accuracy_m", *metres);
            }
        }
        Act::Profile(attributes) => data.nested("attributes", |object| {
            for (name, value) in attributes {
                object.value(name, value.as_ref());
            }
        }),
        Act::Link(with) | Act::Unlink(with) => data.text("with", with.as_str()),
        Act::Consent { channel, category, granted } => {
            data.optional("channel", channel.as_ref());
            data.optional("category", category.as_ref());
            data.plain("granted", granted);
        }
        Act::Forget => {}
        Act::Push(_, offer) => data.text("offer_id", offer),
    }
}

fn write_purchase(data: &mut Object<'_>, purchase: &Purchase) {
    if let Some(location) = &purchase.location {
        data.place(location);
    }
    data.text("transaction_id", &purchase.transaction);
    data.money("value", purchase.value);
    data.lines(&purchase.items);
}

fn write_thing(data: &mut Object<'_>, thing: &Body) {
    match thing {
        Body::Person { .. } => {}
        Body::StockLevel { location, item, quantity } => {
            data.place(location);
            data.text("item_id", item.as_str());
            data.plain("quantity", quantity);
        }
        Body::StockDelta { location, item, delta } => {
            data.place(location);
            data.text("item_id", item.as_str());
            data.plain("delta", delta);
        }
        Body::CatalogItem { item, name, category, price, list_price, discontinued } => {
            data.text("item_id", item.as_str());
            data.optional("name", name.as_ref());
            data.optional("category", category.as_ref());
            data.money("price", *price);
            data.money("list_price", *list_price);
            if let Some(discontinued) = discontinued {
                data.plain("discontinued", discontinued);
            }
        }
        Body::CatalogLocation { location, name, kind, position, tz } => {
            data.place(location);
            data.optional("name", name.as_ref());
            data.text(
                "kind",
                match kind {
                    LocationKind::Store => "store",
                    LocationKind::Warehouse => "warehouse",
                },
            );
            if let Some(position) = position {
                data.position(*position);
            }
            data.optional("tz", tz.as_ref());
        }
        Body::CatalogZone { location, zone, beacons, name } => {
            data.place(location);
            data.text("zone", zone);
            data.array("beacons", beacons.iter(), |out, beacon| quote(out, beacon));
            data.optional("name", name.as_ref());
        }
        Body::CatalogShelf { location, zone, items } => {
            data.place(location);
            data.text("zone", zone);
            data.array("items", items.iter(), |out, item| {
                let mut object = Object::open(out);
                object.text("item_id", item.as_str());
                object.close();
            });
        }
    }
}

/// An object being written: puts the commas. Writing to a string cannot fail.
struct Object<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Object { out, first: true }
    }

    fn close(self) {
        self.out.push('}');
    }

    fn key(&mut self, name: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        quote(self.out, name);
        self.out.push(':');
        self.out
    }

    fn text(&mut self, name: &str, text: &str) {
        quote(self.key(name), text);
    }

    fn optional(&mut self, name: &str, text: Option<&impl AsText>) {
        if let Some(text) = text {
            self.text(name, text.as_text());
        }
    }

    /// Integers and truth values.
    fn plain(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.key(name), "{value}");
    }

    /// The shortest digits that read back to the same number.
    fn float(&mut self, name: &str, number: f64) {
        let _ = write!(self.key(name), "{number:?}");
    }

    fn money(&mut self, name: &str, money: Option<Money>) {
        if let Some(money) = money {
            self.plain(name, money);
        }
    }

    fn value(&mut self, name: &str, value: Option<&Value>) {
        match value {
            None => self.plain(name, "null"),
            Some(Value::Bool(flag)) => self.plain(name, flag),
            Some(Value::Int(whole)) => self.plain(name, whole),
            Some(Value::Number(Number(number))) => self.float(name, *number),
            Some(Value::Text(text)) => self.text(name, text),
        }
    }

    fn place(&mut self, location: &LocationId) {
        self.text("location", location.as_str());
    }

    fn position(&mut self, position: Position) {
        self.float("lat", f64::from(position.lat) / 1e6);
        self.float("lon", f64::from(position.lon) / 1e6);
    }

    fn nested(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let mut object = Object::open(self.key(name));
        fill(&mut object);
        object.close();
    }

    fn array<T>(&mut self, name: &str, all: impl Iterator<Item = T>, one: impl Fn(&mut String, T)) {
        let out = self.key(name);
        out.push('[');
        for (index, value) in all.enumerate() {
            if index > 0 {
                out.push(',');
            }
            one(out, value);
        }
        out.push(']');
    }

    fn lines(&mut self, lines: &[Line]) {
        self.array("items", lines.iter(), |out, line| {
            let mut object = Object::open(out);
            object.text("item_id", line.item.as_str());
            if let Some(quantity) = line.quantity {
                object.plain("quantity", quantity);
            }
            object.money("price", line.price);
            object.optional("item_category", line.category.as_ref());
            object.optional("item_variant", line.variant.as_ref());
            object.close();
        });
    }
}

trait AsText {
    fn as_text(&self) -> &str;
}

impl AsText for Text {
    fn as_text(&self) -> &str {
        self
    }
}

impl AsText for crate::key::Handle {
    fn as_text(&self) -> &str {
        self.as_str()
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
