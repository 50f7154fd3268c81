//! What rules of the sets ask: conditions and scores, each as text and as function, and situations in short.

use super::super::config::MINUTE;
use super::super::rules::{Condition, Kinds, Score, View, When};
use serde_json::Value;

pub(crate) const ALL: Kinds = Kinds(&["cart", "wishlist", "viewed"]);
pub(crate) const SAVED: Kinds = Kinds(&["cart", "wishlist"]);
pub(crate) const VIEWED: Kinds = Kinds(&["viewed"]);
pub(crate) const NONE: Kinds = Kinds(&["none"]);
pub(crate) const GOLD: Condition = ("customer.tier == \"gold\"", |view| view.customer_is("tier", "gold"));
pub(crate) const DEAR: Condition =
    ("item.price > 20", |view| view.of_item(|item| item.price.is_some_and(|price| price > 20.0)));
pub(crate) const LARGE: Condition =
    ("item.variant == \"L\"", |view| view.of_item(|item| item.variant.as_deref() == Some("L")));
pub(crate) const SMALL_OR_UNSAID: Condition = ("!has(item.variant) || item.variant == \"S\"", |view| {
    view.of_item(|item| item.variant.as_deref().is_none_or(|variant| variant == "S"))
});
pub(crate) const FULL_CART: Condition = ("cart.value >= 50.0", |view| view.cart_value >= 50.0);
pub(crate) const LONG: Condition =
    ("visit.dwell >= duration(\"1m\")", |view| view.dwell.is_some_and(|dwell| dwell >= MINUTE));
pub(crate) const FREQUENT: Condition =
    ("customer.visits > 2", |view| view.customer_number("visits").is_some_and(|n| n > 2.0));
pub(crate) const EARLY: Condition = ("now.getMinutes() < 30", |view| view.now / MINUTE % 60 < 30);
pub(crate) const GOLD_OR_DEAR: Condition =
    ("customer.tier == \"gold\" || item.price > 20", |view| (GOLD.1)(view) || (DEAR.1)(view));
pub(crate) const SPORT: Condition =
    ("item.category == \"sport\"", |view| view.of_item(|i| i.category.as_deref() == Some("sport")));
pub(crate) const SAVED_OR_SEEN: Condition = ("item.in_wishlist || item.viewed && !item.in_cart", |v| {
    v.of_item(|i| i.in_wishlist || i.viewed && !i.in_cart)
});
pub(crate) const NOT_CARTED: Condition =
    ("!item.in_cart && item.stock > 1", |view| view.of_item(|i| !i.in_cart && i.stock > 1));
pub(crate) const SEVERAL: Condition = ("item.quantity > 2", |view| view.of_item(|item| item.quantity > 2));
pub(crate) const BUYER: Condition = ("customer.orders > 0 && customer.lifetime_spend >= 25.5", |view| {
    let at_least = |name, least| view.customer_number(name).is_some_and(|n| n >= least);
    at_least("orders", 1.0) && at_least("lifetime_spend", 25.5)
});
pub(crate) const SPENDER: Condition = ("customer.lifetime_spend > 30", spends_more_than_30);
pub(crate) const GOLD_OR_SPENDER: Condition =
    ("customer.tier == \"gold\" || customer.lifetime_spend > 30", |view| {
        (GOLD.1)(view) || spends_more_than_30(view)
    });
pub(crate) const FIRST_ORDER: Condition =
    ("customer.orders == 1", |view| view.customer_number("orders").is_some_and(|n| n == 1.0));
pub(crate) const NO_ORDER: Condition =
    ("customer.orders < 1", |view| view.customer_number("orders").is_some_and(|n| n < 1.0));
pub(crate) const NO_TIER: Condition = ("!has(customer.tier)", |view| !view.customer.contains_key("tier"));
pub(crate) const NOT_GOLD: Condition = ("customer.tier != \"gold\"", |view| {
    view.customer.contains_key("tier") && !view.customer_is("tier", "gold")
});
pub(crate) const FREQUENT_BUYER: Condition =
    ("customer.visits > 2 || customer.orders * 20 > customer.lifetime_spend", |v| {
        let number = |name| v.customer_number(name).unwrap_or(0.0);
        (FREQUENT.1)(v) || number("orders") * 20.0 > number("lifetime_spend")
    });

/// Segments that an edit may name instead of another.
pub(crate) const SEGMENTS: [Condition; 3] = [GOLD_OR_SPENDER, NO_ORDER, NOT_GOLD];
pub(crate) const NOT_TODAY: Condition =
    ("!has(customer.days_since_last_order) || customer.days_since_last_order > 0", |v| {
        v.customer_number("days_since_last_order").is_none_or(|days| days > 0.0)
    });
pub(crate) const BY_SPEND: Score = ("customer.lifetime_spend + customer.orders", |view| {
    view.customer_number("lifetime_spend").unwrap_or(0.0) + view.customer_number("orders").unwrap_or(0.0)
});
pub(crate) const BY_LINES: Score = ("20 + 2 * cart.lines + (customer.tier == \"gold\" ? 30 : 0)", |view| {
    let gold = if view.customer_is("tier", "gold") { 30.0 } else { 0.0 };
    20.0 + 2.0 * view.cart_lines as f64 + gold
});
pub(crate) const BY_PRICE: Score =
    ("item.price", |view| view.item.as_ref().and_then(|item| item.price).unwrap_or(0.0));
pub(crate) const BY_PIECES: Score = ("90 + 10 * cart.quantity - 5 * item.quantity", |view| {
    90.0 + 10.0 * view.cart_quantity as f64 - 5.0 * view.item.as_ref().map_or(0, |item| item.quantity) as f64
});
pub(crate) const BY_RATE: Score = ("history.accept_rate / 100", |view| (view.history.0 / 100) as f64);
pub(crate) const BY_RATE_AND_NUMBER: Score = ("history.accept_rate / 200 + 5 * history.offers", |view| {
    (view.history.0 / 200) as f64 + 5.0 * view.history.1 as f64
});
pub(crate) const OFFERED: Condition =
    ("!customer.hold_out", |view| view.customer.get("hold_out").and_then(Value::as_bool) == Some(false));
pub(crate) const REGULAR: Condition = ("customer.visits_30d >= 2", |v| number(v, "visits_30d") >= 2.0);
pub(crate) const NEW: Condition = ("customer.visits_30d <= 1", |v| number(v, "visits_30d") <= 1.0);
pub(crate) const BY_VISITS: Score = ("30 * customer.visits_30d + customer.channels_30d", |v| {
    30.0 * number(v, "visits_30d") + number(v, "channels_30d")
});
pub(crate) const EVERYWHERE: Condition = ("customer.channels_30d > 2", |v| number(v, "channels_30d") > 2.0);
pub(crate) const SPORTY: Condition =
    ("customer.favourite_category == \"sport\"", |view| view.customer_is("favourite_category", "sport"));
pub(crate) const FAVOURED: Condition = ("customer.favourite_category in [\"garden\", \"deep\"]", |view| {
    ["garden", "deep"].iter().any(|name| view.customer_is("favourite_category", name))
});
pub(crate) const AT_S1: Condition =
    ("customer.nearest_location == \"s1\"", |view| view.customer_is("nearest_location", "s1"));
pub(crate) const AT_S2: Condition =
    ("customer.nearest_location == \"s2\" || !has(customer.nearest_location)", |view| {
        view.customer_is("nearest_location", "s2") || !view.customer.contains_key("nearest_location")
    });

pub(crate) const A_STORE: Condition =
    ("location.kind == \"store\"", |view| view.location_kind == Some("store"));
pub(crate) const IN_TOKYO: Condition =
    ("location.tz == \"Asia/Tokyo\"", |view| view.location_tz.as_deref() == Some("Asia/Tokyo"));

fn spends_more_than_30(view: &View) -> bool {
    view.customer_number("lifetime_spend").is_some_and(|spend| spend > 30.0)
}

pub(crate) fn number(view: &View, name: &str) -> f64 {
    view.customer_number(name).unwrap_or(f64::NAN)
}

pub(crate) fn cart(idle: u64, per_item: bool, first_add: bool) -> When {
    When::CartAbandoned { idle, per_item, first_add }
}

pub(crate) fn browsed(idle: u64, min_views: usize, within: u64) -> When {
    When::BrowseAbandoned { idle, min_views, within }
}

pub(crate) fn zone(dwell: u64, interest: Kinds) -> When {
    When::ZoneEntered { dwell, interest, in_stock: true, zones: &[] }
}
