//! Sets about who somebody is, and what is known of a customer.

use super::super::config::{Config, DAY, HOUR, Identity, MINUTE, Policy, Presence};
use super::super::generate::Shape;
use super::super::rules::{Rule, When};
use super::RuleSet;
use super::limits::mixed_rules;
use super::words::{
    AT_S1, AT_S2, BUYER, BY_LINES, BY_PIECES, BY_PRICE, BY_SPEND, BY_VISITS, EARLY, EVERYWHERE, FAVOURED,
    FIRST_ORDER, FREQUENT_BUYER, FULL_CART, GOLD, GOLD_OR_DEAR, GOLD_OR_SPENDER, NEW, NO_ORDER, NO_TIER,
    NOT_CARTED, NOT_GOLD, NOT_TODAY, OFFERED, REGULAR, SPENDER, SPORTY, browsed, cart,
};

pub(super) fn identity() -> RuleSet {
    let config = Config {
        identity: Identity { max_links: 2, max_handles: 4, blocked: Vec::new() },
        ..Config::default()
    };
    let shape =
        Shape { cart: 6, presence: 3, stock: 1, identity: 8, profile: 1, brands: true, ..Shape::PLAIN };
    RuleSet { name: "identity", rules: mixed_rules(), config, shape }
}

pub(super) fn blocked() -> RuleSet {
    let base = Config::default();
    let config = Config { identity: Identity { blocked: vec!["device:1"], ..base.identity.clone() }, ..base };
    let shape =
        Shape { cart: 6, presence: 3, stock: 1, identity: 6, profile: 1, brands: true, ..Shape::PLAIN };
    RuleSet { name: "blocked", rules: mixed_rules(), config, shape }
}

/// What people pay attention to, and when they stop; with associates who ask for them.
pub(super) fn attention() -> RuleSet {
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
        jumps: true,
        brands: true,
        service: 9,
        ..Shape::PLAIN
    };
    let base = Config::default();
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet { name: "attention", rules, config: Config { presence, activity_kept: 5 * HOUR, ..base }, shape }
}

/// Conditions that come true and cease to be, with what is said and what is bought.
pub(super) fn segments() -> RuleSet {
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
    let shape =
        Shape { cart: 10, identity: 4, profile: 12, jumps: true, months: true, brands: true, ..Shape::PLAIN };
    RuleSet { name: "segments", rules, config: Config::default(), shape }
}

/// What follows of a customer, over weeks; some of them are in the hold-out group.
pub(super) fn customers() -> RuleSet {
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
        weeks: true,
        jumps: true,
        service: 5,
        brands: true,
        ..Shape::PLAIN
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
