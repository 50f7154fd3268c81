//! Sets about carts, places and stock.

use super::super::config::{Config, DAY, MINUTE, Presence};
use super::super::generate::Shape;
use super::super::rules::{Rule, When};
use super::RuleSet;
use super::words::{
    A_STORE, ALL, BY_LINES, BY_PIECES, BY_PRICE, DEAR, EARLY, FREQUENT, FULL_CART, GOLD, GOLD_OR_DEAR,
    IN_TOKYO, LARGE, LONG, NONE, NOT_CARTED, SAVED, SAVED_OR_SEEN, SEVERAL, SMALL_OR_UNSAID, SPORT, VIEWED,
    cart, zone,
};

pub(super) fn carts() -> RuleSet {
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
    let shape = Shape { cart: 12, stock: 1, identity: 2, profile: 2, ..Shape::PLAIN };
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

pub(super) fn presence() -> RuleSet {
    let shape = Shape { cart: 5, presence: 8, stock: 1, identity: 2, profile: 1, ..Shape::PLAIN };
    RuleSet { name: "presence", rules: presence_rules(), config: Config::default(), shape }
}

pub(super) fn every_zone() -> RuleSet {
    let base = Config::default();
    let presence = Presence {
        exit_after: 20_000,
        window: 2,
        strongest: false,
        leave_after: 2 * MINUTE,
        lateness: 5_000,
        ..base.presence
    };
    let shape = Shape { cart: 4, presence: 10, stock: 1, identity: 1, profile: 1, ..Shape::PLAIN };
    RuleSet { name: "every_zone", rules: presence_rules(), config: Config { presence, ..base }, shape }
}

pub(super) fn stock() -> RuleSet {
    let low = |at_most, location| When::RunningLow { interest: SAVED, at_most, location };
    let rules = vec![
        Rule::new("back", When::BackInStock { interest: ALL, location: None }),
        Rule {
            condition: Some(NOT_CARTED),
            ..Rule::new("back_here", When::BackInStock { interest: ALL, location: Some("s1") })
        },
        Rule { score: BY_PRICE, ..Rule::new("few", low(2, None)) },
        Rule::new("few_here", low(1, Some("s1"))),
        Rule { condition: Some(IN_TOKYO), ..Rule::new("few_in_tokyo", low(3, Some("s1"))) },
        Rule {
            condition: Some(A_STORE),
            ..Rule::new("back_there", When::BackInStock { interest: ALL, location: Some("s2") })
        },
        Rule::new("cheaper", When::PriceDropped { interest: SAVED, by_percent: 10 }),
        Rule {
            condition: Some(DEAR),
            ..Rule::new("seen_cheaper", When::PriceDropped { interest: VIEWED, by_percent: 50 })
        },
        Rule { condition: Some(DEAR), ..Rule::new("receipt", When::Purchased { within: MINUTE }) },
    ];
    let shape = Shape { cart: 6, stock: 9, identity: 1, ..Shape::PLAIN };
    let config = Config { views_kept: 10 * MINUTE, ..Config::default() };
    RuleSet { name: "stock", rules, config, shape }
}

/// Articles of which the catalogue says little, and events this and that.
pub(super) fn unlisted() -> RuleSet {
    let rules = vec![
        Rule { score: BY_PRICE, ..Rule::new("line_idle", cart(10_000, true, false)) },
        Rule {
            condition: Some(LARGE),
            score: BY_PRICE,
            ..Rule::new("large_idle", cart(MINUTE, true, false))
        },
        Rule { condition: Some(FULL_CART), ..Rule::new("full_cart", cart(20_000, false, false)) },
        Rule {
            condition: Some(SPORT),
            ..Rule::new("sport_left", When::StoreLeft { min_dwell: 0, after: 0, interest: ALL })
        },
        Rule { condition: Some(SMALL_OR_UNSAID), score: BY_PRICE, ..Rule::new("seen", zone(0, VIEWED)) },
        Rule { condition: Some(DEAR), ..Rule::new("receipt", When::Purchased { within: 2 * MINUTE }) },
        Rule { condition: Some(LARGE), ..Rule::new("large_receipt", When::Purchased { within: MINUTE }) },
        Rule {
            condition: Some(DEAR),
            ..Rule::new("back", When::BackInStock { interest: ALL, location: None })
        },
    ];
    let shape = Shape { cart: 12, presence: 4, stock: 2, identity: 2, unlisted: true, ..Shape::PLAIN };
    let config = Config { views_kept: 10 * MINUTE, ..Config::default() };
    RuleSet { name: "unlisted", rules, config, shape }
}

/// Situations with spans as long as in practice, on scripts with jumps.
pub(super) fn defaults() -> RuleSet {
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
        jumps: true,
        ..Shape::PLAIN
    };
    let base = Config::default();
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet { name: "defaults", rules, config: Config { presence, ..base }, shape }
}
