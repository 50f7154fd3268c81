//! The one table of fields: name, type, where available, and what it means.
//!
//! Invariant: what the compiler accepts, hints suggest and the documentation lists is this table.
//! `customer.<attribute>` is not in it: any name can be asked for.

use super::When;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of an expression, as far as it is known when a rule is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A floating-point number.
    Double,
    /// An amount: mixes with numbers, but stays exact in sums, differences and whole multiples.
    Money,
    /// Text.
    Text,
    /// A span of time.
    Duration,
    /// A moment.
    Timestamp,
    /// Known only when evaluated: an attribute.
    Dyn,
}

impl Type {
    /// Whether it takes part in arithmetic with numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Double | Type::Money | Type::Dyn)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Double => "double",
            Type::Money => "money",
            Type::Text => "string",
            Type::Duration => "duration",
            Type::Timestamp => "timestamp",
            Type::Dyn => "dyn",
        })
    }
}

/// A field by its name in expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    /// `customer.id`.
    CustomerId,
    /// `item.id`.
    ItemId,
    /// `item.name`.
    ItemName,
    /// `item.category`.
    ItemCategory,
    /// `item.variant`.
    ItemVariant,
    /// `item.price`.
    ItemPrice,
    /// `item.list_price`.
    ItemListPrice,
    /// `item.discount_percent`.
    ItemDiscountPercent,
    /// `item.quantity`.
    ItemQuantity,
    /// `item.stock`.
    ItemStock,
    /// `item.in_cart`.
    ItemInCart,
    /// `item.in_wishlist`.
    ItemInWishlist,
    /// `item.viewed`.
    ItemViewed,
    /// `item.discontinued`.
    ItemDiscontinued,
    /// `cart.lines`.
    CartLines,
    /// `cart.quantity`.
    CartQuantity,
    /// `cart.value`.
    CartValue,
    /// `visit.start`.
    VisitStart,
    /// `visit.dwell`.
    VisitDwell,
    /// `visit.zone`.
    VisitZone,
    /// `location.id`.
    LocationId,
    /// `location.name`.
    LocationName,
    /// `location.kind`.
    LocationKind,
    /// `location.tz`.
    LocationTz,
    /// `history.accept_rate`.
    HistoryAcceptRate,
    /// `history.offers`.
    HistoryOffers,
    /// `now`.
    Now,
}

/// In which situations a field exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Available {
    /// In all.
    Always,
    /// Where the situation is about an article.
    Item,
    /// Where it is about a visit.
    Visit,
    /// Where it is about the visit of a zone.
    ZoneVisit,
    /// Where it is about a place.
    Location,
    /// In scores, whatever the situation.
    Score,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Which field.
    pub field: Field,
    /// The object it belongs to; the name itself for `now`.
    pub object: &'static str,
    /// Its name in that object; empty for `now`.
    pub name: &'static str,
    /// Its type.
    pub of: Type,
    /// Where it exists.
    pub available: Available,
    /// Whether it may be missing even there.
    pub optional: bool,
    /// What it means.
    pub doc: &'static str,
}

/// Objects an expression can name.
pub const OBJECTS: [&str; 7] = ["customer", "item", "cart", "visit", "location", "history", "now"];

macro_rules! fields {
    ($($field:ident $object:literal $name:literal $of:ident $available:ident $optional:literal $doc:literal;)*) => {
        &[$(FieldInfo {
            field: Field::$field,
            object: $object,
            name: $name,
            of: Type::$of,
            available: Available::$available,
            optional: $optional,
            doc: $doc,
        }),*]
    };
}

/// All fields.
#[rustfmt::skip]
pub const FIELDS: &[FieldInfo] = fields![
    CustomerId "customer" "id" Text Always false "the person's stable key; of other names see below";
    ItemId "item" "id" Text Item false "the article's id";
    ItemName "item" "name" Text Item true "its name in the catalogue";
    ItemCategory "item" "category" Text Item true "its category: the catalogue's, or else what events said of it";
    ItemVariant "item" "variant" Text Item true "size or colour, as events said";
    ItemPrice "item" "price" Money Item true "its price now: the catalogue's, or else what events said of it";
    ItemListPrice "item" "list_price" Money Item true "its regular price";
    ItemDiscountPercent "item" "discount_percent" Double Item true "how far the price is below the list price, in percent to two places; 0 where it is not below";
    ItemQuantity "item" "quantity" Int Item false "pieces in the cart, or bought; 1 for other interests";
    ItemStock "item" "stock" Int Item false "pieces in the situation's location, or everywhere";
    ItemInCart "item" "in_cart" Bool Item false "whether it is in the person's cart";
    ItemInWishlist "item" "in_wishlist" Bool Item false "whether it is on the wish list";
    ItemViewed "item" "viewed" Bool Item false "whether the person viewed it";
    ItemDiscontinued "item" "discontinued" Bool Item false "whether it is no longer sold";
    CartLines "cart" "lines" Int Always false "different articles in the cart";
    CartQuantity "cart" "quantity" Int Always false "pieces in the cart";
    CartValue "cart" "value" Money Always false "price × quantity over the lines whose price is known";
    VisitStart "visit" "start" Timestamp Visit false "when the visit began";
    VisitDwell "visit" "dwell" Duration Visit false "its length, so far or in all";
    VisitZone "visit" "zone" Text ZoneVisit true "the zone";
    LocationId "location" "id" Text Location false "the location's id";
    LocationName "location" "name" Text Location true "its name";
    LocationKind "location" "kind" Text Location true "`store` or `warehouse`";
    LocationTz "location" "tz" Text Location true "its IANA time zone";
    HistoryAcceptRate "history" "accept_rate" Int Score false "how often offers of the rule were taken up, in basis points: 0 to 10000";
    HistoryOffers "history" "offers" Int Score false "how many offers that were answered it rests on, to two digits";
    Now "now" "" Timestamp Always false "when the situation came true";
];

impl FieldInfo {
    /// The field as it is written.
    pub fn path(&self) -> String {
        if self.name.is_empty() { self.object.to_owned() } else { format!("{}.{}", self.object, self.name) }
    }
}

/// The field of that name; `name` is empty for `now`.
pub fn find(object: &str, name: &str) -> Option<&'static FieldInfo> {
    FIELDS.iter().find(|info| info.object == object && info.name == name)
}

/// The names of an object's fields, for a hint.
pub(super) fn names(object: &str) -> String {
    let names = FIELDS.iter().filter(|info| info.object == object).map(|info| info.name);
    let attributes = (object == "customer").then_some("any attribute");
    names.chain(attributes).collect::<Vec<_>>().join(", ")
}

/// What a situation lets an expression see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The situation's name in rule files.
    pub situation: &'static str,
    /// `item`.
    pub item: bool,
    /// `visit`.
    pub visit: bool,
    /// `visit.zone`.
    pub zone: bool,
    /// `location`.
    pub location: bool,
}

impl Scope {
    /// What can be seen where a segment is entered.
    pub(super) const OF_SEGMENT: Self =
        Scope { situation: "segment_entered", item: false, visit: false, zone: false, location: false };

    /// What can be seen in `when`.
    pub fn of(when: &When) -> Self {
        let scope = |situation| Scope { situation, item: true, visit: false, zone: false, location: false };
        match when {
            When::CartAbandoned { .. } => scope("cart_abandoned"),
            When::BrowseAbandoned { .. } => scope("browse_abandoned"),
            When::ZoneEntered { interest, .. } => Scope {
                item: !interest.none,
                visit: true,
                zone: true,
                location: true,
                ..scope("zone_entered")
            },
            When::StoreLeft { interest, .. } => {
                Scope { item: !interest.none, visit: true, location: true, ..scope("store_left") }
            }
            When::CheckedIn => Scope { item: false, visit: true, location: true, ..scope("checked_in") },
            When::BackInStock { location, .. } => {
                Scope { location: location.is_some(), ..scope("back_in_stock") }
            }
            When::RunningLow { location, .. } => {
                Scope { location: location.is_some(), ..scope("running_low") }
            }
            When::PriceDropped { .. } => scope("price_dropped"),
            When::Purchased { .. } => Scope { location: true, ..scope("purchased") },
            When::Nearby { .. } => Scope { item: false, location: true, ..scope("nearby") },
            When::Requested { .. } => Scope { location: true, ..scope("requested") },
            When::Lapsed { .. } => Scope { item: false, ..scope("lapsed") },
            When::SegmentEntered { .. } => Self::OF_SEGMENT,
        }
    }

    /// Whether a field that is available so exists here.
    pub fn has(&self, available: Available) -> bool {
        match available {
            Available::Always | Available::Score => true,
            Available::Item => self.item,
            Available::Visit => self.visit,
            Available::ZoneVisit => self.zone,
            Available::Location => self.location,
        }
    }

    /// Whether any field of `object` exists here.
    pub fn has_object(&self, object: &str) -> bool {
        FIELDS.iter().any(|info| info.object == object && self.has(info.available))
    }
}
