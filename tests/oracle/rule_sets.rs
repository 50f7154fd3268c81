//! Sets of rules with a configuration and the shape of the scripts they are tried on.

use super::config::{Config, DAY, HOUR, Identity, Learning, MINUTE, Policy, Presence};
use super::generate::Shape;
use super::rules::{Budget, Condition, Kinds, Rule, Score, View, When};
use super::script::moment;
use serde_json::Value;

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    pub(crate) name: &'static str,
    pub(crate) rules: Vec<Rule>,
    pub(crate) config: Config,
    pub(crate) shape: Shape,
}

const ALL: Kinds = Kinds(&["cart", "wishlist", "viewed"]);
const SAVED: Kinds = Kinds(&["cart", "wishlist"]);
const VIEWED: Kinds = Kinds(&["viewed"]);
const NONE: Kinds = Kinds(&["none"]);

const GOLD: Condition = ("customer.tier == \"gold\"", |view| view.customer_is("tier", "gold"));
const DEAR: Condition =
    ("item.price > 20", |view| view.of_item(|item| item.price.is_some_and(|price| price > 20.0)));
const FULL_CART: Condition = ("cart.value >= 50.0", |view| view.cart_value >= 50.0);
const LONG: Condition =
    ("visit.dwell >= duration(\"1m\")", |view| view.dwell.is_some_and(|dwell| dwell >= MINUTE));
const FREQUENT: Condition =
    ("customer.visits > 2", |view| view.customer_number("visits").is_some_and(|n| n > 2.0));
const EARLY: Condition = ("now.getMinutes() < 30", |view| view.now / MINUTE % 60 < 30);
const GOLD_OR_DEAR: Condition =
    ("customer.tier == \"gold\" || item.price > 20", |view| (GOLD.1)(view) || (DEAR.1)(view));
const SPORT: Condition =
    ("item.category == \"sport\"", |view| view.of_item(|i| i.category.as_deref() == Some("sport")));
const SAVED_OR_SEEN: Condition = ("item.in_wishlist || item.viewed && !item.in_cart", |v| {
    v.of_item(|i| i.in_wishlist || i.viewed && !i.in_cart)
});
const NOT_CARTED: Condition =
    ("!item.in_cart && item.stock > 1", |view| view.of_item(|i| !i.in_cart && i.stock > 1));

const SEVERAL: Condition = ("item.quantity > 2", |view| view.of_item(|item| item.quantity > 2));

const BUYER: Condition = ("customer.orders > 0 && customer.lifetime_spend >= 25.5", |view| {
    let at_least = |name, least| view.customer_number(name).is_some_and(|n| n >= least);
    at_least("orders", 1.0) && at_least("lifetime_spend", 25.5)
});
const SPENDER: Condition = ("customer.lifetime_spend > 30", spends_more_than_30);
const GOLD_OR_SPENDER: Condition = ("customer.tier == \"gold\" || customer.lifetime_spend > 30", |view| {
    (GOLD.1)(view) || spends_more_than_30(view)
});
const FIRST_ORDER: Condition =
    ("customer.orders == 1", |view| view.customer_number("orders").is_some_and(|n| n == 1.0));
const NO_ORDER: Condition =
    ("customer.orders < 1", |view| view.customer_number("orders").is_some_and(|n| n < 1.0));
const NO_TIER: Condition = ("!has(customer.tier)", |view| !view.customer.contains_key("tier"));
const NOT_GOLD: Condition = ("customer.tier != \"gold\"", |view| {
    view.customer.contains_key("tier") && !view.customer_is("tier", "gold")
});
const FREQUENT_BUYER: Condition =
    ("customer.visits > 2 || customer.orders * 20 > customer.lifetime_spend", |v| {
        let number = |name| v.customer_number(name).unwrap_or(0.0);
        (FREQUENT.1)(v) || number("orders") * 20.0 > number("lifetime_spend")
    });

/// Segments that an edit may name instead of another.
pub(crate) const SEGMENTS: [Condition; 3] = [GOLD_OR_SPENDER, NO_ORDER, NOT_GOLD];

fn spends_more_than_30(view: &View) -> bool {
    view.customer_number("lifetime_spend").is_some_and(|spend| spend > 30.0)
}

const NOT_TODAY: Condition =
    ("!has(customer.days_since_last_order) || customer.days_since_last_order > 0", |v| {
        v.customer_number("days_since_last_order").is_none_or(|days| days > 0.0)
    });
const BY_SPEND: Score = ("customer.lifetime_spend + customer.orders", |view| {
    view.customer_number("lifetime_spend").unwrap_or(0.0) + view.customer_number("orders").unwrap_or(0.0)
});

const BY_LINES: Score = ("20 + 2 * cart.lines + (customer.tier == \"gold\" ? 30 : 0)", |view| {
    let gold = if view.customer_is("tier", "gold") { 30.0 } else { 0.0 };
    20.0 + 2.0 * view.cart_lines as f64 + gold
});
const BY_PRICE: Score = ("item.price", |view| view.item.as_ref().and_then(|item| item.price).unwrap_or(0.0));
const BY_PIECES: Score = ("90 + 10 * cart.quantity - 5 * item.quantity", |view| {
    90.0 + 10.0 * view.cart_quantity as f64 - 5.0 * view.item.as_ref().map_or(0, |item| item.quantity) as f64
});

const BY_RATE: Score = ("history.accept_rate / 100", |view| (view.history.0 / 100) as f64);
const BY_RATE_AND_NUMBER: Score = ("history.accept_rate / 200 + 5 * history.offers", |view| {
    (view.history.0 / 200) as f64 + 5.0 * view.history.1 as f64
});

fn cart(idle: u64, per_item: bool, first_add: bool) -> When {
    When::CartAbandoned { idle, per_item, first_add }
}

fn browsed(idle: u64, min_views: usize, within: u64) -> When {
    When::BrowseAbandoned { idle, min_views, within }
}

fn zone(dwell: u64, interest: Kinds) -> When {
    When::ZoneEntered { dwell, interest, in_stock: true, zones: &[] }
}

/// All sets.
pub(crate) fn rule_sets() -> Vec<RuleSet> {
    vec![
        carts(),
        presence(),
        every_zone(),
        stock(),
        policies(),
        quiet_hours(),
        identity(),
        blocked(),
        defaults(),
        attention(),
        segments(),
        pools(),
        days(),
        places(),
        learning(),
        learning_together(),
        customers(),
    ]
}

fn carts() -> RuleSet {
    let rules = vec![
        Rule { score: BY_PIECES, ..Rule::new("cart_idle", cart(MINUTE, false, false)) },
        Rule {
            condition: Some(FULL_CART),
            score: BY_LINES,
            ..Rule::new("full_cart", cart(10_000, false, true))
        },
        Rule {
            condition: Some(GOLD_OR_DEAR),
            score: BY_PRICE,
            ..Rule::new("line_idle", cart(MINUTE, true, false))
        },
        Rule { condition: Some(EARLY), priority: 2, ..Rule::new("line_old", cart(2 * MINUTE, true, true)) },
        Rule { condition: Some(GOLD), ..Rule::new("receipt", When::Purchased { within: 5 * MINUTE }) },
        Rule {
            condition: Some(SEVERAL),
            score: BY_PIECES,
            ..Rule::new("several_idle", cart(10_000, true, true))
        },
        Rule { condition: Some(SEVERAL), ..Rule::new("several", When::Purchased { within: MINUTE }) },
    ];
    let shape = Shape {
        cart: 12,
        presence: 0,
        stock: 1,
        identity: 2,
        profile: 2,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: false,
        service: 0,
    };
    RuleSet { name: "carts", rules, config: Config::default(), shape }
}

fn presence_rules() -> Vec<Rule> {
    let here: When =
        When::ZoneEntered { dwell: 10_000, interest: ALL, in_stock: false, zones: &["s1/z2", "z1"] };
    let left = |min_dwell, after, interest| When::StoreLeft { min_dwell, after, interest };
    vec![
        Rule { score: BY_PRICE, ..Rule::new("on_shelf", zone(0, SAVED)) },
        Rule { condition: Some(DEAR), ..Rule::new("stays", zone(5_000, ALL)) },
        Rule { condition: Some(SPORT), priority: 1, ..Rule::new("either_way", here) },
        Rule { condition: Some(GOLD), ..Rule::new("greet_zone", zone(0, NONE)) },
        Rule::new("left", left(10_000, MINUTE, SAVED)),
        Rule { condition: Some(SAVED_OR_SEEN), ..Rule::new("left_seen", left(0, MINUTE, ALL)) },
        Rule { condition: Some(LONG), score: BY_LINES, ..Rule::new("left_late", left(0, 10_000, ALL)) },
        Rule { condition: Some(FREQUENT), ..Rule::new("farewell", left(0, 0, NONE)) },
        Rule { condition: Some(GOLD), ..Rule::new("welcome", When::CheckedIn) },
    ]
}

fn presence() -> RuleSet {
    let shape = Shape {
        cart: 5,
        presence: 8,
        stock: 1,
        identity: 2,
        profile: 1,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: false,
        service: 0,
    };
    RuleSet { name: "presence", rules: presence_rules(), config: Config::default(), shape }
}

fn every_zone() -> RuleSet {
    let base = Config::default();
    let presence = Presence {
        exit_after: 20_000,
        window: 2,
        strongest: false,
        leave_after: 2 * MINUTE,
        lateness: 5_000,
        ..base.presence
    };
    let shape = Shape {
        cart: 4,
        presence: 10,
        stock: 1,
        identity: 1,
        profile: 1,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: false,
        service: 0,
    };
    RuleSet { name: "every_zone", rules: presence_rules(), config: Config { presence, ..base }, shape }
}

fn stock() -> RuleSet {
    let low = |at_most, location| When::RunningLow { interest: SAVED, at_most, location };
    let rules = vec![
        Rule::new("back", When::BackInStock { interest: ALL, location: None }),
        Rule {
            condition: Some(NOT_CARTED),
            ..Rule::new("back_here", When::BackInStock { interest: ALL, location: Some("s1") })
        },
        Rule { score: BY_PRICE, ..Rule::new("few", low(2, None)) },
        Rule::new("few_here", low(1, Some("s1"))),
        Rule::new("cheaper", When::PriceDropped { interest: SAVED, by_percent: 10 }),
        Rule {
            condition: Some(DEAR),
            ..Rule::new("seen_cheaper", When::PriceDropped { interest: VIEWED, by_percent: 50 })
        },
        Rule { condition: Some(DEAR), ..Rule::new("receipt", When::Purchased { within: MINUTE }) },
    ];
    let shape = Shape {
        cart: 6,
        presence: 0,
        stock: 9,
        identity: 1,
        profile: 0,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: false,
        service: 0,
    };
    let config = Config { views_kept: 10 * MINUTE, ..Config::default() };
    RuleSet { name: "stock", rules, config, shape }
}

fn mixed_rules() -> Vec<Rule> {
    vec![
        Rule { score: BY_LINES, cap: Some((2, HOUR)), ..Rule::new("cart_idle", cart(MINUTE, false, false)) },
        Rule {
            score: BY_PRICE,
            cooldown: Some(30_000),
            channels: vec!["sms", "associate"],
            ..Rule::new("line_idle", cart(10_000, true, false))
        },
        Rule { category: Some("promo"), priority: 5, ..Rule::new("on_shelf", zone(0, ALL)) },
        Rule { category: Some("service"), ..Rule::new("welcome", When::CheckedIn) },
        Rule {
            valid: MINUTE,
            ..Rule::new("few", When::RunningLow { interest: ALL, at_most: 3, location: None })
        },
        Rule { category: Some("promo"), ..Rule::new("receipt", When::Purchased { within: 2 * MINUTE }) },
    ]
}

fn policies() -> RuleSet {
    let policy = Policy {
        cap: Some((3, 10 * MINUTE)),
        channel_caps: vec![("sms", (1, 5 * MINUTE)), ("web", (2, 2 * MINUTE))],
        min_score: 20,
        cooldown: Some(MINUTE),
        channels: vec!["web", "sms", "push", "email"],
        ..Policy::default()
    };
    let shape = Shape {
        cart: 8,
        presence: 3,
        stock: 2,
        identity: 3,
        profile: 4,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: false,
        service: 0,
    };
    RuleSet { name: "policies", rules: mixed_rules(), config: Config { policy, ..Config::default() }, shape }
}

fn quiet_hours() -> RuleSet {
    let base = Config::default();
    let policy = Policy {
        quiet_hours: Some((21 * 60, 8 * 60)),
        tz: Some("Europe/London"),
        hold_out_percent: 20,
        opt_in: true,
        ..base.policy.clone()
    };
    let mut rules = mixed_rules();
    rules[0].from = Some(moment("20:30:00"));
    rules[0].until = Some(moment("21:10:00"));
    rules[3].until = Some(moment("32:00:00"));
    let shape = Shape {
        cart: 6,
        presence: 3,
        stock: 1,
        identity: 3,
        profile: 6,
        hour: 20,
        months: false,
        jumps: true,
        weeks: false,
        brands: false,
        service: 0,
    };
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet { name: "quiet_hours", rules, config: Config { policy, presence, ..base }, shape }
}

fn identity() -> RuleSet {
    let config = Config {
        identity: Identity { max_links: 2, max_handles: 4, blocked: Vec::new() },
        ..Config::default()
    };
    let shape = Shape {
        cart: 6,
        presence: 3,
        stock: 1,
        identity: 8,
        profile: 1,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: true,
        service: 0,
    };
    RuleSet { name: "identity", rules: mixed_rules(), config, shape }
}

/// Short periods and little weight, so that scores move within a script.
fn learning() -> RuleSet {
    let rules = vec![
        Rule { score: BY_RATE, valid: MINUTE, ..Rule::new("cart_idle", cart(10_000, false, false)) },
        Rule {
            score: BY_RATE_AND_NUMBER,
            valid: 30_000,
            channels: vec!["sms", "web", "push"],
            ..Rule::new("line_idle", cart(20_000, true, true))
        },
        Rule {
            score: BY_RATE,
            valid: 30_000,
            channels: vec!["push", "associate"],
            ..Rule::new("welcome", When::CheckedIn)
        },
        Rule { score: BY_RATE_AND_NUMBER, ..Rule::new("receipt", When::Purchased { within: MINUTE }) },
        Rule { condition: Some(GOLD), valid: 10_000, ..Rule::new("on_shelf", zone(0, SAVED)) },
    ];
    let base = Config::default();
    let policy = Policy { min_score: 20, channels: vec!["web", "sms", "push"], ..base.policy.clone() };
    let learning = Learning { every: 45_000, segment: Some("tier"), start_rate: 4000, weight: 2 };
    let shape = Shape {
        cart: 12,
        presence: 5,
        stock: 0,
        identity: 3,
        profile: 3,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        service: 0,
        brands: true,
    };
    RuleSet { name: "learning", rules, config: Config { policy, learning: Some(learning), ..base }, shape }
}

/// The same where persons are not told apart, and clocks jump.
fn learning_together() -> RuleSet {
    let set = learning();
    let learning = Learning { every: 7 * MINUTE, segment: None, start_rate: 4500, weight: 1 };
    let policy = Policy { cap: Some((4, 10 * MINUTE)), ..set.config.policy.clone() };
    let shape = Shape { jumps: true, service: 0, brands: false, ..set.shape };
    let config = Config { policy, learning: Some(learning), ..set.config };
    RuleSet { name: "learning_together", config, shape, ..set }
}

fn blocked() -> RuleSet {
    let base = Config::default();
    let config = Config { identity: Identity { blocked: vec!["device:1"], ..base.identity.clone() }, ..base };
    let shape = Shape {
        cart: 6,
        presence: 3,
        stock: 1,
        identity: 6,
        profile: 1,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        brands: true,
        service: 0,
    };
    RuleSet { name: "blocked", rules: mixed_rules(), config, shape }
}

/// Situations with spans as long as in practice, on scripts with jumps.
fn defaults() -> RuleSet {
    let rules = vec![
        Rule::new("cart_idle", cart(30 * MINUTE, false, false)),
        Rule::new("left", When::StoreLeft { min_dwell: 10 * MINUTE, after: 2 * MINUTE, interest: SAVED }),
        Rule::new("back", When::BackInStock { interest: SAVED, location: None }),
        Rule::new("receipt", When::Purchased { within: 5 * MINUTE }),
    ];
    let shape = Shape {
        cart: 6,
        presence: 5,
        stock: 2,
        identity: 2,
        profile: 1,
        hour: 1,
        months: false,
        jumps: true,
        weeks: false,
        brands: false,
        service: 0,
    };
    let base = Config::default();
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet { name: "defaults", rules, config: Config { presence, ..base }, shape }
}

/// What people pay attention to, and when they stop; with associates who ask for them.
fn attention() -> RuleSet {
    let rules = vec![
        Rule { score: BY_SPEND, ..Rule::new("quiet", When::Lapsed { idle: MINUTE }) },
        Rule { condition: Some(BUYER), ..Rule::new("buyer", When::Lapsed { idle: 2 * MINUTE }) },
        Rule { condition: Some(NOT_TODAY), ..Rule::new("again", When::CheckedIn) },
        Rule { condition: Some(GOLD), ..Rule::new("quieter", When::Lapsed { idle: 5 * MINUTE }) },
        Rule { condition: Some(FULL_CART), ..Rule::new("gone", When::Lapsed { idle: 2 * HOUR }) },
        Rule { score: BY_PRICE, ..Rule::new("looked", browsed(MINUTE, 2, 10 * MINUTE)) },
        Rule::new("looked_hard", browsed(1000, 2, 2 * HOUR)),
        Rule { score: BY_LINES, ..Rule::new("near", When::Nearby { within: 70, location: None }) },
        Rule::new("near_s2", When::Nearby { within: 200, location: Some("s2") }),
        Rule { score: BY_PIECES, ..Rule::new("asked", When::Requested { approval: true }) },
        Rule { condition: Some(GOLD_OR_DEAR), ..Rule::new("given", When::Requested { approval: false }) },
        Rule { condition: Some(NOT_CARTED), ..Rule::new("looked_once", browsed(5 * MINUTE, 1, MINUTE)) },
    ];
    let shape = Shape {
        cart: 8,
        presence: 3,
        stock: 1,
        identity: 3,
        profile: 2,
        hour: 10,
        months: false,
        jumps: true,
        weeks: false,
        brands: true,
        service: 9,
    };
    let base = Config::default();
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet { name: "attention", rules, config: Config { presence, activity_kept: 5 * HOUR, ..base }, shape }
}

/// Conditions that come true and cease to be, with what is said and what is bought.
fn segments() -> RuleSet {
    let entered = |segment| When::SegmentEntered { segment };
    let rules = vec![
        Rule { score: BY_SPEND, ..Rule::new("gold", entered(GOLD)) },
        Rule { condition: Some(EARLY), valid: HOUR, ..Rule::new("spender", entered(SPENDER)) },
        Rule::new("first_order", entered(FIRST_ORDER)),
        Rule { valid: 30 * DAY, ..Rule::new("gold_or_spender", entered(GOLD_OR_SPENDER)) },
        Rule { condition: Some(FULL_CART), ..Rule::new("no_order", entered(NO_ORDER)) },
        Rule { score: BY_LINES, ..Rule::new("no_tier", entered(NO_TIER)) },
        Rule { cooldown: Some(5 * MINUTE), valid: 30 * DAY, ..Rule::new("not_gold", entered(NOT_GOLD)) },
        Rule { condition: Some(GOLD), ..Rule::new("gold_buyer", entered(FREQUENT_BUYER)) },
    ];
    let shape = Shape {
        cart: 10,
        presence: 0,
        stock: 0,
        identity: 4,
        profile: 12,
        hour: 10,
        jumps: true,
        months: true,
        weeks: false,
        brands: true,
        service: 0,
    };
    RuleSet { name: "segments", rules, config: Config::default(), shape }
}

const COUPONS: Budget = Budget { name: "coupons", amount: 12, day_in: None };
const DAILY: Budget = Budget { name: "daily", amount: 10, day_in: Some("Asia/Tokyo") };

fn pooled_rules() -> Vec<Rule> {
    let low = When::RunningLow { interest: ALL, at_most: 3, location: None };
    vec![
        Rule {
            score: BY_LINES,
            units: Some(2),
            valid: 2 * MINUTE,
            ..Rule::new("cart_idle", cart(MINUTE, false, false))
        },
        Rule {
            score: BY_PRICE,
            budget: Some((COUPONS, 5)),
            valid: MINUTE,
            ..Rule::new("line_idle", cart(10_000, true, false))
        },
        Rule {
            units: Some(1),
            priority: 5,
            back: &["expired", "withdrawn", "redeemed"],
            ..Rule::new("on_shelf", zone(0, ALL))
        },
        Rule { units: Some(1), back: &["withdrawn"], valid: MINUTE, ..Rule::new("welcome", When::CheckedIn) },
        Rule { valid: MINUTE, category: Some("promo"), ..Rule::new("few", low) },
        Rule {
            units: Some(4),
            budget: Some((COUPONS, 3)),
            score: BY_PIECES,
            ..Rule::new("receipt", When::Purchased { within: 2 * MINUTE })
        },
    ]
}

/// Units and a budget that several share, so few that most have to wait.
fn pools() -> RuleSet {
    let base = Config::default();
    let policy = Policy { cap: Some((2, 3 * MINUTE)), cooldown: Some(20_000), ..base.policy.clone() };
    let shape = Shape {
        cart: 10,
        presence: 4,
        stock: 2,
        identity: 3,
        profile: 2,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        service: 0,
        brands: true,
    };
    RuleSet { name: "pools", rules: pooled_rules(), config: Config { policy, ..base }, shape }
}

/// A budget for each day, quiet hours, rules that end, and long jumps.
fn days() -> RuleSet {
    let base = Config::default();
    let mut rules = pooled_rules();
    rules[0].budget = Some((DAILY, 5));
    rules[1].budget = Some((DAILY, 4));
    rules[1].until = Some(moment("21:10:00"));
    rules[3].budget = Some((DAILY, 0));
    rules[4].budget = Some((DAILY, 7));
    rules[5] = Rule { units: None, budget: Some((DAILY, 3)), ..rules[5].clone() };
    let policy = Policy {
        quiet_hours: Some((21 * 60, 8 * 60)),
        tz: Some("Europe/London"),
        hold: Some(5_000),
        ..base.policy.clone()
    };
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    let shape = Shape {
        cart: 10,
        presence: 2,
        stock: 2,
        identity: 3,
        profile: 3,
        hour: 19,
        months: false,
        jumps: true,
        weeks: false,
        service: 0,
        brands: false,
    };
    RuleSet { name: "days", rules, config: Config { policy, presence, ..base }, shape }
}

/// Better offers take the place of lesser ones.
fn places() -> RuleSet {
    let base = Config::default();
    let mut rules = mixed_rules();
    for rule in &mut rules {
        rule.replaceable = true;
        rule.cooldown = None;
    }
    rules[2].units = Some(2);
    rules[3].replaceable = false;
    let policy = Policy {
        hold: Some(MINUTE),
        cap: Some((3, 10 * MINUTE)),
        channel_caps: vec![("sms", (1, 5 * MINUTE))],
        ..base.policy.clone()
    };
    let shape = Shape {
        cart: 9,
        presence: 4,
        stock: 2,
        identity: 3,
        profile: 2,
        hour: 10,
        months: false,
        jumps: false,
        weeks: false,
        service: 0,
        brands: false,
    };
    RuleSet { name: "places", rules, config: Config { policy, ..base }, shape }
}

const OFFERED: Condition =
    ("!customer.hold_out", |view| view.customer.get("hold_out").and_then(Value::as_bool) == Some(false));

const REGULAR: Condition = ("customer.visits_30d >= 2", |v| number(v, "visits_30d") >= 2.0);
const NEW: Condition = ("customer.visits_30d <= 1", |v| number(v, "visits_30d") <= 1.0);
const BY_VISITS: Score = ("30 * customer.visits_30d + customer.channels_30d", |v| {
    30.0 * number(v, "visits_30d") + number(v, "channels_30d")
});
const EVERYWHERE: Condition = ("customer.channels_30d > 2", |v| number(v, "channels_30d") > 2.0);

const SPORTY: Condition =
    ("customer.favourite_category == \"sport\"", |view| view.customer_is("favourite_category", "sport"));
const FAVOURED: Condition = ("customer.favourite_category in [\"garden\", \"deep\"]", |view| {
    ["garden", "deep"].iter().any(|name| view.customer_is("favourite_category", name))
});

const AT_S1: Condition =
    ("customer.nearest_location == \"s1\"", |view| view.customer_is("nearest_location", "s1"));
const AT_S2: Condition = ("customer.nearest_location == \"s2\" || !has(customer.nearest_location)", |view| {
    view.customer_is("nearest_location", "s2") || !view.customer.contains_key("nearest_location")
});

fn number(view: &View, name: &str) -> f64 {
    view.customer_number(name).unwrap_or(f64::NAN)
}

/// What follows of a customer, over weeks; some of them are in the hold-out group.
fn customers() -> RuleSet {
    let base = Config::default();
    let rules = vec![
        Rule { condition: Some(OFFERED), valid: 2 * DAY, ..Rule::new("offered", cart(MINUTE, true, true)) },
        Rule { condition: Some(REGULAR), valid: 29 * DAY, ..Rule::new("regular", cart(MINUTE, false, true)) },
        Rule { condition: Some(NEW), score: BY_VISITS, valid: DAY, ..Rule::new("newcomer", When::CheckedIn) },
        Rule { score: BY_VISITS, ..Rule::new("receipt", When::Purchased { within: HOUR }) },
        Rule {
            condition: Some(EVERYWHERE),
            valid: 29 * DAY,
            ..Rule::new("everywhere", When::Lapsed { idle: MINUTE })
        },
        Rule { condition: Some(SPORTY), valid: DAY, ..Rule::new("sporty", When::CheckedIn) },
        Rule { condition: Some(AT_S2), valid: 8 * DAY, ..Rule::new("at_s2", cart(HOUR, false, false)) },
        Rule { condition: Some(AT_S1), valid: DAY, ..Rule::new("at_s1", When::Lapsed { idle: MINUTE }) },
        Rule { condition: Some(FAVOURED), valid: 5 * DAY, ..Rule::new("favoured", cart(HOUR, true, false)) },
    ];
    let shape = Shape {
        cart: 8,
        presence: 6,
        stock: 1,
        identity: 4,
        profile: 3,
        hour: 10,
        months: false,
        weeks: true,
        jumps: true,
        service: 5,
        brands: true,
    };
    let policy = Policy { hold_out_percent: 40, ..base.policy.clone() };
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet {
        name: "customers",
        rules,
        config: Config { policy, presence, days_kept: 31 * DAY, ..base },
        shape,
    }
}
