//! What an expression of a rule can see: `customer`, `item`, `cart`, `visit`, `location`, `history`, `now`.
//!
//! Invariant: a view is a function of current facts; `now` is the moment the situation came true,
//! not the wall clock, so that the same facts always give the same answer.

use crate::event::LocationKind;
use crate::facts::Totals;
use crate::key::{ItemId, LocationId, Person, Text};
use crate::time::{Duration, Time};
use crate::value::{Money, Value};
use serde::{Deserialize, Serialize};

/// `customer`: the person's attributes; any name can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerView {
    /// `customer.id`.
    pub person: Person,
    /// `customer.<name>`, sorted by name.
    pub attributes: Vec<(Text, Value)>,
    /// What was ever bought, where a rule asks.
    pub totals: Totals,
    /// Whether the person is in the hold-out group, where a rule asks.
    pub hold_out: bool,
    /// Where the person was noticed and on which days, sorted; where a rule asks.
    pub noticed: Vec<(Whereabouts, u32)>,
    /// The category of most of the articles that the person has to do with, where a rule asks and there is one.
    pub favourite_category: Option<Text>,
    /// The shop that the person is nearest to, where a rule asks and there is one.
    pub nearest_location: Option<LocationId>,
}

/// Where somebody was noticed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Whereabouts {
    /// In a shop.
    Shop(LocationId),
    /// On the channel of a handle of this kind.
    Channel(Text),
}

impl CustomerView {
    /// Somebody of whom nothing is known.
    pub fn of(person: Person) -> Self {
        CustomerView {
            person,
            attributes: Vec::new(),
            totals: Totals::default(),
            hold_out: false,
            noticed: Vec::new(),
            favourite_category: None,
            nearest_location: None,
        }
    }
}

/// `item`: the article the situation is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemView {
    /// `item.id`.
    pub item: ItemId,
    /// `item.name`, from the catalogue.
    pub name: Option<Text>,
    /// `item.category`, from the catalogue, or else from the event.
    pub category: Option<Text>,
    /// `item.variant`, from the event.
    pub variant: Option<Text>,
    /// `item.price`, from the catalogue, or else from the event.
    pub price: Option<Money>,
    /// `item.list_price`, from the catalogue.
    pub list_price: Option<Money>,
    /// `item.quantity`: in the cart, or bought; 1 for other interests.
    pub quantity: u32,
    /// `item.stock`: in the situation's location where it has one, else everywhere; as far as rules can tell.
    pub stock: i64,
    /// `item.in_cart`.
    pub in_cart: bool,
    /// `item.in_wishlist`.
    pub in_wishlist: bool,
    /// `item.viewed`.
    pub viewed: bool,
    /// `item.discontinued`.
    pub discontinued: bool,
}

/// `cart`: all lines of the person's cart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CartView {
    /// `cart.lines`: number of different articles.
    pub lines: u32,
    /// `cart.quantity`: number of pieces.
    pub quantity: u32,
    /// `cart.value`: sum of price × quantity over lines whose price is known.
    pub value: Money,
}

/// `visit`: of a zone or of a shop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VisitView {
    /// `visit.start`.
    pub start: Time,
    /// `visit.dwell`: for a visit that has ended, its length; else the time until the situation
    /// came true.
    pub dwell: Duration,
    /// `visit.zone`, for a zone visit.
    pub zone: Option<Text>,
}

/// `location`: the shop the situation is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocationView {
    /// `location.id`.
    pub location: LocationId,
    /// `location.name`.
    pub name: Option<Text>,
    /// `location.kind`: `"store"` or `"warehouse"`.
    pub kind: Option<LocationKind>,
    /// `location.tz`.
    pub tz: Option<Text>,
}

/// `history`: what became of earlier offers of the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HistoryView {
    /// `history.accept_rate`: in basis points, 0 to 10000.
    pub accept_rate: u32,
    /// `history.offers`: how many offers that were answered it rests on, to two digits.
    pub offers: u64,
}

/// All an expression can see. What is `None` does not exist in that situation; using it there is
/// refused when the rule is loaded.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `customer`.
    pub customer: &'a CustomerView,
    /// `item`.
    pub item: Option<&'a ItemView>,
    /// `cart`.
    pub cart: &'a CartView,
    /// `visit`.
    pub visit: Option<&'a VisitView>,
    /// `location`.
    pub location: Option<&'a LocationView>,
    /// `history`.
    pub history: HistoryView,
    /// `now`.
    pub now: Time,
}
