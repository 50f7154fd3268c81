//! What the tests of rules look at: Eva in the diving zone.

use super::error::RuleError;
use super::fields::Scope;
use super::load::{RuleSet, load};
use crate::event::LocationKind;
use crate::key::{Brand, Handle, ItemId, LocationId, Person, Text};
use crate::time::Duration;
use crate::value::{Money, Number, Value};
use crate::view::{CartView, CustomerView, HistoryView, ItemView, LocationView, View, VisitView};

/// 2026-11-14T11:30:15.250Z, a Saturday.
pub(super) const NOON: u64 = 1_794_655_815_250;

/// All a view borrows.
pub(super) struct Sample {
    pub(super) customer: CustomerView,
    pub(super) item: ItemView,
    pub(super) cart: CartView,
    pub(super) visit: VisitView,
    pub(super) location: LocationView,
}

impl Sample {
    pub(super) fn eva() -> Self {
        let brand = Brand::default();
        let mut attributes = vec![
            (Text::from("lifetime_spend"), Value::Number(Number(5400.5))),
            (Text::from("name"), Value::Text(Text::from("Eva"))),
            (Text::from("orders"), Value::Int(12)),
            (Text::from("since"), Value::Text(Text::from("2019-03-01T00:00:00Z"))),
            (Text::from("shoe-size"), Value::Int(39)),
            (Text::from("tags"), Value::Text(Text::from("diving, new in town"))),
            (Text::from("vip"), Value::Bool(true)),
        ];
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        Sample {
            customer: CustomerView {
                attributes,
                ..CustomerView::of(Person::named_by(&Handle::new(&brand, "card:4711")))
            },
            item: ItemView {
                item: ItemId::new(&brand, "mask-7"),
                name: Some(Text::from("Tauchmaske „Blau“")),
                category: Some(Text::from("diving")),
                variant: None,
                price: Money::from_units(79.9),
                list_price: Money::from_units(99.9),
                quantity: 2,
                stock: 3,
                in_cart: true,
                in_wishlist: false,
                viewed: true,
                discontinued: false,
            },
            cart: CartView { lines: 2, quantity: 3, value: Money(2_397_000) },
            visit: VisitView {
                start: NOON - 612_345,
                dwell: Duration(612_345),
                zone: Some(Text::from("diving")),
            },
            location: LocationView {
                location: LocationId::new(&brand, "berlin-1"),
                name: Some(Text::from("Berlin Mitte")),
                kind: Some(LocationKind::Store),
                tz: Some(Text::from("Europe/Berlin")),
            },
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            customer: &self.customer,
            item: Some(&self.item),
            cart: &self.cart,
            visit: Some(&self.visit),
            location: Some(&self.location),
            history: HistoryView { accept_rate: 750, offers: 120 },
            now: NOON,
        }
    }
}

/// A situation in which everything can be seen.
pub(super) const ALL: Scope =
    Scope { situation: "zone_entered", item: true, visit: true, zone: true, location: true };

/// Loads one file named `a.toml`.
pub(super) fn load_one(text: &str) -> Result<RuleSet, Vec<RuleError>> {
    load(&[("a.toml".to_owned(), text.to_owned())])
}
