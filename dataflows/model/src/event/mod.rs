//! Events as they are understood: one value per accepted CloudEvent.
//!
//! Invariant: an [`Event`] has passed every check of the contract; nothing behind decoding looks at
//! raw input again. Times are milliseconds since 1970, cut (not rounded) to the millisecond.

use crate::key::{Brand, EventRef, Handle, ItemId, LocationId, Text};
use crate::time::{Duration, Time};
use crate::value::{Money, Number, Rssi, Value};
use serde::{Deserialize, Serialize};

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
mod bodies;
mod decode;
mod encode;
mod json;
mod kind;
mod lines;
pub mod refusal;

pub use decode::{Decoded, decode, decode_array, decode_binary};
pub use encode::{encode, encode_into};
pub use kind::Kind;
pub use lines::{Lines, Record};
pub use refusal::Refusal;

/// One accepted event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Event {
    /// What identifies it.
    pub reference: EventRef,
    /// The brand it belongs to.
    pub brand: Brand,
    /// When it happened, by its own clock.
    pub time: Time,
    /// What happened.
    pub body: Body,
}

/// One article in an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// The article.
    pub item: ItemId,
    /// How many; `None` where the event gave no number (1, or the whole line of a removal).
    pub quantity: Option<u32>,
    /// Price of one.
    pub price: Option<Money>,
    /// Category, as in GA4's `item_category`.
    pub category: Option<Text>,
    /// Size, colour: as in GA4's `item_variant`.
    pub variant: Option<Text>,
}

/// What happened. Kinds that name a person carry the handle they were seen under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Body {
    /// Something a person did or that was noticed of a person.
    Person {
        /// The handle it was seen under.
        handle: Handle,
        /// What it was.
        act: Act,
    },
    /// `stock.level`: so many are there.
    StockLevel {
        /// Where.
        location: LocationId,
        /// Of what.
        item: ItemId,
        /// How many; may be negative where the books say so.
        quantity: i64,
    },
    /// `stock.delta`: so many came or went.
    StockDelta {
        /// Where.
        location: LocationId,
        /// Of what.
        item: ItemId,
        /// Change, either sign.
        delta: i64,
    },
    /// `catalog.item`; what is absent stays as it was.
    CatalogItem {
        /// The article.
        item: ItemId,
        /// Its name.
        name: Option<Text>,
        /// Its category.
        category: Option<Text>,
        /// Its price now.
        price: Option<Money>,
        /// Its regular price.
        list_price: Option<Money>,
        /// No longer sold.
        discontinued: Option<bool>,
    },
    /// `catalog.location`.
    CatalogLocation {
        /// The place.
        location: LocationId,
        /// Its name.
        name: Option<Text>,
        /// Shop or warehouse.
        kind: LocationKind,
        /// Degrees north and east, where known.
        position: Option<Position>,
        /// IANA time zone, checked to exist.
        tz: Option<Text>,
    },
    /// `catalog.zone`: which beacons (or access points, or read points) are in a zone.
    CatalogZone {
        /// The shop.
        location: LocationId,
        /// The zone.
        zone: Text,
        /// Ids of what senses there.
        beacons: Vec<Text>,
        /// Its name.
        name: Option<Text>,
    },
    /// `catalog.shelf`: which articles stand in a zone; replaces that zone's list.
    CatalogShelf {
        /// The shop.
        location: LocationId,
        /// The zone.
        zone: Text,
        /// The articles.
        items: Vec<ItemId>,
    },
}

/// What a person did, or what was noticed of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Act {
    /// `web.view_item`.
    View(Vec<Line>),
    /// `web.add_to_cart`.
    AddToCart(Vec<Line>),
    /// `web.remove_from_cart`; a line without quantity removes the whole line.
    RemoveFromCart(Vec<Line>),
    /// `web.add_to_wishlist`.
    AddToWishlist(Vec<Line>),
    /// `web.remove_from_wishlist`.
    RemoveFromWishlist(Vec<Line>),
    /// `web.begin_checkout`.
    BeginCheckout(Vec<Line>),
    /// `web.purchase` or `store.purchase`.
    Purchase(Purchase),
    /// `web.refund`.
    Refund(Purchase),
    /// `web.search`.
    Search(Option<Text>),
    /// `web.login`, with the handle it links to where given.
    Login(Option<Handle>),
    /// `store.enter`.
    Enter(LocationId),
    /// `store.leave`.
    Leave(LocationId),
    /// `store.check_in`.
    CheckIn(LocationId),
    /// `store.try_item`.
    TryItem(LocationId, Vec<Line>),
    /// `store.assist`, with the staff member where given.
    Assist(LocationId, Vec<Line>, Option<Text>),
    /// `store.offer_request`.
    OfferRequest {
        /// The request's own id.
        request: Text,
        /// The shop.
        location: LocationId,
        /// Who asks.
        staff: Text,
        /// Which rule's offer.
        rule: Text,
        /// For which articles.
        items: Vec<Line>,
    },
    /// `store.offer_decision`.
    OfferDecision {
        /// The request decided on.
        request: Text,
        /// Granted or refused.
        approved: bool,
        /// Who decided.
        staff: Text,
    },
    /// `sensor.beacon` or `sensor.wifi`: something that senses, by its id (MAC in lower case, or
    /// `uuid/major/minor`), heard the person's device.
    Reading(Text, Rssi),
    /// `sensor.rfid`: a tag passed a read point.
    Rfid {
        /// The tag.
        epc: Text,
        /// The read point, listed among a zone's beacons.
        read_point: Text,
    },
    /// `sensor.geo`: a position, with its accuracy in metres where given.
    Geo(Position, Option<Number>),
    /// `crm.profile`: attributes set, or deleted (`None`).
    Profile(Vec<(Text, Option<Value>)>),
    /// `crm.link`.
    Link(Handle),
    /// `crm.unlink`.
    Unlink(Handle),
    /// `crm.consent`.
    Consent {
        /// The channel it is about; all where absent.
        channel: Option<Text>,
        /// The category it is about; all where absent.
        category: Option<Text>,
        /// Granted or refused.
        granted: bool,
    },
    /// `crm.forget`.
    Forget,
    /// `push.*`: what became of an offer.
    Push(PushOutcome, Text),
}

/// A purchase or its refund.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Purchase {
    /// The order or till receipt; empty where a till gave none.
    pub transaction: Text,
    /// What was bought.
    pub items: Vec<Line>,
    /// Total, where given.
    pub value: Option<Money>,
    /// Where, for a till or a click-and-collect order.
    pub location: Option<LocationId>,
    /// Whether a till recorded it.
    pub at_till: bool,
}

/// Degrees north and east, in millionths: 11 cm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Millionths of a degree north.
    pub lat: i32,
    /// Millionths of a degree east.
    pub lon: i32,
}

/// Shop or warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LocationKind {
    /// Customers come here.
    Store,
    /// They do not.
    Warehouse,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PushOutcome {
    /// It arrived.
    Delivered,
    /// It was looked at.
    Opened,
    /// Its link was followed.
    Clicked,
    /// Its coupon was used.
    Redeemed,
    /// It did not arrive.
    Failed,
}

/// Limits of what is taken in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one event, structured mode; more is refused unread.
    pub event_bytes: usize,
    /// Items of one event.
    pub items: usize,
    /// Levels of nesting in `data`.
    pub depth: usize,
    /// How far ahead of the wall clock an event time may be.
    pub ahead: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { event_bytes: 256 * 1024, items: 1000, depth: 32, ahead: Duration::from_secs(300) }
    }
}
