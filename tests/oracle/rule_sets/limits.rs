//! Sets in which something keeps offers back, shares them out or ranks them: policies, units and budgets, accept rates.

use super::super::config::{Config, DAY, HOUR, Learning, MINUTE, Policy, Presence};
use super::super::generate::Shape;
use super::super::rules::{Budget, Rule, When};
use super::super::script::moment;
use super::RuleSet;
use super::words::{
    ALL, BY_LINES, BY_PIECES, BY_PRICE, BY_RATE, BY_RATE_AND_NUMBER, GOLD, SAVED, cart, zone,
};

pub(super) fn mixed_rules() -> Vec<Rule> {
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

pub(super) fn policies() -> RuleSet {
    let policy = Policy {
        cap: Some((3, 10 * MINUTE)),
        channel_caps: vec![("sms", (1, 5 * MINUTE)), ("web", (2, 2 * MINUTE))],
        min_score: 20,
        cooldown: Some(MINUTE),
        channels: vec!["web", "sms", "push", "email"],
        ..Policy::default()
    };
    let shape = Shape { cart: 8, presence: 3, stock: 2, identity: 3, profile: 4, ..Shape::PLAIN };
    RuleSet { name: "policies", rules: mixed_rules(), config: Config { policy, ..Config::default() }, shape }
}

pub(super) fn quiet_hours() -> RuleSet {
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
    // By the hours of that place, whoever it is about.
    rules.push(Rule::new("few_there", When::RunningLow { interest: ALL, at_most: 3, location: Some("s1") }));
    let shape = Shape {
        cart: 6,
        presence: 3,
        stock: 1,
        identity: 3,
        profile: 6,
        hour: 20,
        jumps: true,
        ..Shape::PLAIN
    };
    let presence = Presence { visits_kept: 7 * DAY, ..base.presence.clone() };
    RuleSet { name: "quiet_hours", rules, config: Config { policy, presence, ..base }, shape }
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
pub(super) fn pools() -> RuleSet {
    let base = Config::default();
    let policy = Policy { cap: Some((2, 3 * MINUTE)), cooldown: Some(20_000), ..base.policy.clone() };
    let shape =
        Shape { cart: 10, presence: 4, stock: 2, identity: 3, profile: 2, brands: true, ..Shape::PLAIN };
    RuleSet { name: "pools", rules: pooled_rules(), config: Config { policy, ..base }, shape }
}

/// A budget for each day, quiet hours, rules that end, and long jumps.
pub(super) fn days() -> RuleSet {
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
        jumps: true,
        ..Shape::PLAIN
    };
    RuleSet { name: "days", rules, config: Config { policy, presence, ..base }, shape }
}

/// Better offers take the place of lesser ones.
pub(super) fn places() -> RuleSet {
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
    let shape = Shape { cart: 9, presence: 4, stock: 2, identity: 3, profile: 2, ..Shape::PLAIN };
    RuleSet { name: "places", rules, config: Config { policy, ..base }, shape }
}

/// Short periods and little weight, so that scores move within a script.
pub(super) fn learning() -> RuleSet {
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
    let shape = Shape { cart: 12, presence: 5, identity: 3, profile: 3, brands: true, ..Shape::PLAIN };
    RuleSet { name: "learning", rules, config: Config { policy, learning: Some(learning), ..base }, shape }
}

/// The same where persons are not told apart, and clocks jump.
pub(super) fn learning_together() -> RuleSet {
    let set = learning();
    let learning = Learning { every: 7 * MINUTE, segment: None, start_rate: 4500, weight: 1 };
    let policy = Policy { cap: Some((4, 10 * MINUTE)), ..set.config.policy.clone() };
    let shape = Shape { jumps: true, service: 0, brands: false, ..set.shape };
    let config = Config { policy, learning: Some(learning), ..set.config };
    RuleSet { name: "learning_together", config, shape, ..set }
}
