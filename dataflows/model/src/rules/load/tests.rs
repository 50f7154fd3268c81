use super::*;
use crate::rules::samples::{Sample, load_one};
use crate::rules::{Interests, Piece, When};
use proptest::prelude::*;

/// A rule with these lines before its offer, which stands in the last two.
fn rule_of(lines: &str) -> String {
    format!("[rule.a]\n{lines}\n[rule.a.offer]\ntitle = \"t\"\n")
}

/// Each bad file with the place and code of every error in it.
#[test]
fn what_is_wrong_is_found_in_its_line_and_column() {
    let cart = |line: &str| rule_of(&format!("when = \"cart_abandoned\"\n{line}"));
    let zone = |line: &str| rule_of(&format!("when = \"zone_entered\"\n{line}"));
    let offer = |line: &str| format!("[rule.a]\nwhen = \"checked_in\"\n[rule.a.offer]\n{line}\n");
    let titled = |line: &str| offer(&format!("title = \"t\"\n{line}"));
    let policy = |line: &str| cart(&format!("[rule.a.policy]\n{line}"));
    let long_name = format!("[rule.{}]\nwhen = \"checked_in\"\noffer = {{ title = \"t\" }}", "x".repeat(129));
    let cases: Vec<(String, &str)> = vec![
        // Not TOML, not a rule file.
        ("[rule.a".into(), "1:8 toml.syntax"),
        ("[rule.a]\nwhen = checked_in\n".into(), "2:8 toml.syntax"),
        ("[rule.a]\nwhen = 'checked_in'\nwhen = 'checked_in'\n".into(), "3:1 toml.syntax"),
        ("[rules.a]\nwhen = 'checked_in'".into(), "1:2 key.unknown"),
        ("rule = 3".into(), "1:8 value.type"),
        ("[rule]\na = 3".into(), "2:5 value.type"),
        ("test = 3".into(), "1:8 value.type"),
        (long_name, "1:7 rule.name"),
        ("[rule.\"\"]\nwhen = 'checked_in'\noffer = { title = 't' }".into(), "1:7 rule.name"),
        // Situations.
        (rule_of("priority = 1"), "1:7 key.missing"),
        (rule_of("when = 'cart_abandonned'"), "2:8 when.unknown"),
        (rule_of("when = 3"), "2:8 value.type"),
        (rule_of("when = 'nearby'\nwithin = '3m'"), "3:10 value.type"),
        (rule_of("when = 'nearby'\nwithin = 50001"), "3:10 value.invalid"),
        (rule_of("when = 'nearby'\ndwell = '3m'"), "1:7 key.missing, 3:1 key.misplaced"),
        // Parameters.
        (rule_of("when = 'lapsed'"), "1:7 key.missing"),
        (rule_of("when = 'lapsed'\nidle = '59s'"), "3:8 value.duration"),
        (rule_of("when = 'segment_entered'"), "1:7 key.missing"),
        (rule_of("when = 'segment_entered'\nsegment = 3"), "3:11 value.type"),
        (rule_of("when = 'segment_entered'\nsegment = '1 + 2'"), "3:12 expression.result"),
        (
            rule_of("when = 'segment_entered'\nsegment = 'customer.vip && item.stock > 1 && cart.lines > 1'"),
            "3:28 expression.not_in_segment, 3:46 expression.not_in_segment",
        ),
        (
            rule_of(
                "when = 'segment_entered'\nsegment = 'has(visit.start) && customer.since == string(now)'",
            ),
            "3:16 expression.not_in_segment, 3:57 expression.not_in_segment",
        ),
        (
            rule_of("when = 'segment_entered'\nsegment = 'history.offers > 1 || location.id == customer.id'"),
            "3:12 expression.not_in_segment, 3:34 expression.not_in_segment, 3:49 expression.not_in_segment",
        ),
        (
            rule_of(
                "when = 'segment_entered'\nsegment = 'has(customer.days_since_last_order) || customer.visits_30d > 1'",
            ),
            "3:16 expression.not_in_segment, 3:60 expression.not_in_segment",
        ),
        (
            rule_of("when = 'segment_entered'\nsegment = 'customer.vip'\nwhere = 'item.stock > 1'"),
            "4:10 expression.not_available",
        ),
        (
            rule_of("when = 'browse_abandoned'\nmin_views = 0\nwithin = '0s'"),
            "1:7 key.missing, 3:13 value.invalid, 4:10 value.duration",
        ),
        (rule_of("when = 'requested'\napproval = 'yes'"), "3:12 value.type"),
        (cart("idel = '30m'"), "3:1 key.unknown"),
        (cart("dwell = '30m'"), "3:1 key.misplaced"),
        (cart("idle = 30"), "3:8 value.type"),
        (cart("idle = '30'"), "3:8 value.duration"),
        (cart("idle = '0s'"), "3:8 value.duration"),
        (cart("idle = '11000d'"), "3:8 value.duration"),
        (cart("per = 'items'"), "3:7 value.unknown"),
        (cart("idle_from = 'first'"), "3:13 value.unknown"),
        (zone("interest = 'cart'"), "3:12 value.type"),
        (zone("interest = []"), "3:12 interest.empty"),
        (zone("interest = ['cart', 'wish_list']"), "3:21 value.unknown"),
        (zone("in_stock = 'yes'"), "3:12 value.type"),
        (zone("zones = []"), "3:9 value.invalid"),
        (zone("zones = ['a', '/b']"), "3:9 value.invalid"),
        (zone("zones = ['a', 'a']"), "3:15 value.invalid"),
        (zone("zones = ['a', 3]"), "3:15 value.type"),
        (rule_of("when = 'running_low'"), "1:7 key.missing"),
        (rule_of("when = 'running_low'\nat_most = 0"), "3:11 value.invalid"),
        (rule_of("when = 'running_low'\nat_most = 2.5"), "3:11 value.type"),
        (rule_of("when = 'price_dropped'"), "1:7 key.missing"),
        (rule_of("when = 'price_dropped'\nby_percent = 0"), "3:14 value.invalid"),
        (rule_of("when = 'price_dropped'\nby_percent = 100.1"), "3:14 value.invalid"),
        (rule_of("when = 'price_dropped'\nby_percent = nan"), "3:14 value.invalid"),
        (rule_of("when = 'price_dropped'\nby_percent = '10%'"), "3:14 value.type"),
        (rule_of("when = 'back_in_stock'\ninterest = ['none']"), "3:13 interest.none"),
        (rule_of("when = 'back_in_stock'\nlocation = ''"), "3:12 value.invalid"),
        (rule_of("when = 'purchased'\nwithin = '0s'"), "3:10 value.duration"),
        // Keys of every rule.
        (cart("enabled = 'no'"), "3:11 value.type"),
        (cart("priority = 3000000000"), "3:12 value.invalid"),
        (cart("brand = ''"), "3:9 value.invalid"),
        (cart("from = 2026-11-11"), "3:8 value.time"),
        (cart("from = 2026-11-11T00:00:00"), "3:8 value.time"),
        (cart("until = 'tomorrow'"), "3:9 value.time"),
        (cart("until = 1969-12-31T00:00:00Z"), "3:9 value.time"),
        (cart("from = 2026-11-11T01:00:00+01:00\nuntil = '2026-11-11T00:00:00Z'"), "4:9 rule.period"),
        (cart("score = 101"), "3:9 value.invalid"),
        (cart("score = 0.5"), "3:9 value.type"),
        (cart("score = true"), "3:9 value.type"),
        (cart("where = true"), "3:9 value.type"),
        // Offers.
        ("[rule.a]\nwhen = 'checked_in'".into(), "1:7 key.missing"),
        ("[rule.a]\nwhen = 'checked_in'\noffer = 't'".into(), "3:9 value.type"),
        (offer("body = 'b'"), "3:9 key.missing"),
        (offer("title = ' '"), "4:9 value.invalid"),
        (offer("title = 3"), "4:9 value.type"),
        (titled("boddy = 'b'"), "5:1 key.unknown"),
        (titled("valid = '31d'"), "5:9 value.duration"),
        (titled("valid = '0s'"), "5:9 value.duration"),
        (titled("channels = []"), "5:12 value.invalid"),
        (titled("channels = ['sms', 'sms']"), "5:20 value.invalid"),
        (titled("units = -1"), "5:9 value.invalid"),
        (titled("units_back = 'expired'"), "5:14 value.type"),
        (titled("units_back = ['expired', 'used']"), "5:26 value.unknown"),
        (titled("replaceable = 1"), "5:15 value.type"),
        // Budgets.
        (titled("budget = 'x'"), "3:9 key.missing, 5:10 budget.unknown"),
        (titled("cost = 5"), "3:9 key.missing"),
        (titled("budget = 'x'\ncost = -5\n[budget.x]\namount = 1"), "6:8 value.invalid"),
        (titled("budget = 'y'\ncost = 5\n[budget.x]\namount = 1"), "5:10 budget.unknown"),
        ("[budget.x]\nper = 'day'".into(), "1:9 key.missing"),
        ("[budget.x]\namount = '5'".into(), "2:10 value.type"),
        ("[budget.x]\namount = 1e12".into(), "2:10 value.invalid"),
        ("[budget.x]\namount = 5\nper = 'week'".into(), "3:7 value.unknown"),
        ("[budget.x]\namount = 5\nper = 'day'\ntz = 'Mars'".into(), "4:6 value.invalid"),
        ("[budget.x]\namount = 5\ntz = 'UTC'".into(), "3:6 value.invalid"),
        ("[budget]\nx = 5".into(), "2:5 value.type"),
        (titled("coupon = \"a\\nb\""), "5:10 value.invalid"),
        // Policies.
        (policy("cooldown = '3 days'"), "4:12 value.duration"),
        (policy("cap = '3 a week'"), "4:7 value.invalid"),
        (policy("cap = '0 per 7d'"), "4:7 value.invalid"),
        (policy("cap = 3"), "4:7 value.type"),
        (policy("cap = { count = 3 }"), "4:7 key.missing"),
        (policy("cap = { count = 3, within = '7d', per = 1 }"), "4:35 key.unknown"),
        (policy("categories = ['a']"), "4:1 key.unknown"),
        // Expressions in their strings.
        (cart("where = \"itm.price > 1\""), "3:10 expression.unknown_name"),
        (cart("where = 'item.nam == \"ä\"'"), "3:15 expression.unknown_field"),
        (cart("where = \"'ä' == item.nam\""), "3:22 expression.unknown_field"),
        (cart("where = \"'\\u00e4' == item.nam\""), "3:27 expression.unknown_field"),
        (cart("where = \"\\\"a\\\" == item.nam\""), "3:24 expression.unknown_field"),
        (cart("where = '''\nitem.stock > 1\n  && item.nam == 'x'\n'''"), "5:11 expression.unknown_field"),
        (
            cart("where = '''\r\nitem.stock > 1\r\n  && item.nam == 'x'\r\n'''"),
            "5:11 expression.unknown_field",
        ),
        (
            cart("where = \"\"\"\n  item.stock > 1 \\\n    && item.nam == 'x'\\\n \"\"\""),
            "5:13 expression.unknown_field",
        ),
        (cart("where = 'visit.dwell > duration(\"1m\")'"), "3:10 expression.not_available"),
        (cart("where = 'history.accept_rate > 5'"), "3:10 expression.only_in_score"),
        (cart("where = 'has(history.offers)'"), "3:14 expression.only_in_score"),
        (offer("title = \"{{ history.offers }}\""), "4:13 expression.only_in_score"),
        (cart("score = 'history.rate'"), "3:18 expression.unknown_field"),
        (cart("where = 'location.id == \"x\"'"), "3:10 expression.not_available"),
        (zone("interest = ['cart', 'none']\nwhere = 'item.in_cart'"), "4:10 expression.not_available"),
        (rule_of("when = 'checked_in'\nwhere = 'item.stock > 1'"), "3:10 expression.not_available"),
        (rule_of("when = 'checked_in'\nwhere = 'visit.zone == \"x\"'"), "3:10 expression.not_available"),
        (rule_of("when = 'store_left'\nwhere = 'visit.zone == \"x\"'"), "3:10 expression.not_available"),
        (rule_of("when = 'back_in_stock'\nwhere = 'location.id == \"x\"'"), "3:10 expression.not_available"),
        (
            cart("score = '50 + item.nam - itm.x'"),
            "3:20 expression.unknown_field, 3:26 expression.unknown_name",
        ),
        (cart("score = 'item.in_cart + 1'"), "3:10 expression.result"),
        (offer("title = 'Hi {{ customer }}'"), "4:16 expression.not_a_value"),
        (offer("title = \"ä\\t{{ item.name }}\""), "4:16 expression.not_available"),
        (offer("title = 'Hi {{ customer.name'"), "4:13 template.unbalanced"),
        (titled("body = 'Hi }}'"), "5:12 template.unbalanced"),
        // Several at once.
        (
            "[rule.a]\nwhen = 'cart_abandoned'\nidle = '3'\nscore = 'x'\n[rule.b]\nwhen = 'x'\n".into(),
            "1:7 key.missing, 3:8 value.duration, 4:10 expression.unknown_name, 5:7 key.missing, 6:8 when.unknown",
        ),
    ];
    assert!(cases.len() >= 40);
    for (text, expected) in cases {
        let errors = load_one(&text).expect_err(&text);
        let found: Vec<String> =
            errors.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.code())).collect();
        assert_eq!(found.join(", "), expected, "{text}\n{errors:#?}");
        for error in &errors {
            assert!(error.to_string().starts_with("a.toml:"), "{error}");
            assert!(!error.hint().is_empty(), "{error}");
        }
    }
}

/// What each situation lets a condition see.
#[test]
fn objects_exist_where_the_contract_has_them() {
    for (lines, expected) in [
        ("when = 'cart_abandoned'", "item"),
        ("when = 'cart_abandoned'\nper = 'item'", "item"),
        ("when = 'zone_entered'", "item visit zone location"),
        ("when = 'zone_entered'\ninterest = ['none']", "visit zone location"),
        ("when = 'store_left'", "item visit location"),
        ("when = 'store_left'\ninterest = ['none', 'cart']", "visit location"),
        ("when = 'checked_in'", "visit location"),
        ("when = 'back_in_stock'", "item"),
        ("when = 'back_in_stock'\nlocation = 'x'", "item location"),
        ("when = 'running_low'\nat_most = 3", "item"),
        ("when = 'running_low'\nat_most = 3\nlocation = 'x'", "item location"),
        ("when = 'price_dropped'\nby_percent = 10", "item"),
        ("when = 'purchased'", "item location"),
    ] {
        let sees = |path: &str| load_one(&rule_of(&format!("{lines}\nwhere = 'has({path})'"))).is_ok();
        let found: Vec<&str> = [
            ("item", "item.price"),
            ("visit", "visit.dwell"),
            ("zone", "visit.zone"),
            ("location", "location.id"),
        ]
        .into_iter()
        .filter(|(_, path)| sees(path))
        .map(|(name, _)| name)
        .collect();
        assert_eq!(found.join(" "), expected, "{lines}");
        assert!(sees("customer.anything") && sees("cart.value"), "{lines}");
    }
}

#[test]
fn hints_name_what_was_meant() {
    for (lines, expected) in [
        ("when = 'cart_abandonned'", "did you mean `cart_abandoned`?"),
        ("when = 'cart_abandoned'\nidel = '3m'", "did you mean `idle`?"),
        ("when = 'cart_abandoned'\ndwell = '3m'", "it belongs to zone_entered"),
        ("when = 'zone_entered'\ninterest = ['wish_list']", "did you mean `wishlist`?"),
        ("when = 'cart_abandoned'\nwhere = 'item.prize > 1'", "did you mean `item.price`?"),
        ("when = 'checked_in'\nwhere = 'item.price > 1'", "use customer, cart, visit, location, now"),
        (
            "when = 'back_in_stock'\nwhere = 'location.id == \"x\"'",
            "name the rule's `location`, then it can be used",
        ),
        ("when = 'cart_abandoned'\nvhen = 1", "did you mean `when`?"),
    ] {
        let errors = load_one(&rule_of(lines)).expect_err(lines);
        assert_eq!(errors[0].hint(), expected, "{lines}");
    }
}

#[test]
fn limits_hold() {
    let errors = load_one(&" ".repeat(limits::FILE_BYTES + 1)).unwrap_err();
    assert_eq!((errors[0].code(), errors[0].line, errors[0].column), ("file.too_large", 1, 1));
    assert!(load_one(&" ".repeat(limits::FILE_BYTES)).is_ok());

    let rules = |count: usize, from: usize| -> String {
        (from..from + count).map(|n| format!("[rule.r{n}]\nwhen='checked_in'\noffer.title='t'\n")).collect()
    };
    let half = limits::RULES / 2;
    let files = |rest: usize| [("a".to_owned(), rules(half, 0)), ("b".to_owned(), rules(rest, half))];
    assert_eq!(load(&files(half)).unwrap().rules.len(), limits::RULES);
    let errors = load(&files(half + 1)).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].code(), errors[0].file.as_str()), ("rule.too_many", "b"));

    let score = vec!["1"; limits::SCORE_TERMS + 1].join("+");
    let errors = load_one(&rule_of(&format!("when = 'checked_in'\nscore = '{score}'"))).unwrap_err();
    assert_eq!(errors[0].code(), "expression.too_many_terms");
    let long = "x".repeat(limits::EXPRESSION_BYTES + 1);
    let errors = load_one(&rule_of(&format!("when = 'checked_in'\nwhere = '{long}'"))).unwrap_err();
    assert_eq!(errors[0].code(), "expression.too_long");
}

#[test]
fn names_are_unique_over_all_files() {
    let rule = rule_of("when = 'checked_in'");
    let errors =
        load(&[("a.toml".to_owned(), format!("\n{rule}")), ("b.toml".to_owned(), rule)]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].code(), errors[0].file.as_str()), ("rule.duplicate", "b.toml"));
    assert_eq!(errors[0].problem.to_string(), "the rule `a` stands in a.toml (line 2) already");
}

#[test]
fn budgets_may_stand_in_any_file_and_change_the_version_of_rules_that_name_them() {
    let rule = rule_of("when = 'checked_in'") + "units = 0\nbudget = 'b'\ncost = 2.5\n";
    let with = |budget: &str| {
        let budgets = format!("{budget}\n[budget.idle]\namount = 1\n");
        load(&[("a.toml".to_owned(), rule.clone()), ("b.toml".to_owned(), budgets)]).unwrap()
    };
    let set = with("[budget.b]\namount = 5000.25\nper = 'day'\ntz = 'Asia/Shanghai'");
    let offer = &set.rules[0].offer;
    let day_in = Some(Text::from("Asia/Shanghai"));
    let budget = crate::pool::Budget { name: Text::from("b"), amount: 50_002_500, day_in };
    assert_eq!((offer.units, offer.spends()), (Some(0), Some((&budget, 25_000))));
    assert_eq!(set.idle_budgets, ["idle"]);
    let other = with("[budget.b]\namount = 5000.25\nper = 'day'");
    assert_eq!(other.rules[0].offer.budget.as_ref().unwrap().day_in.as_deref(), Some("UTC"));
    assert_ne!(other.rules[0].version, set.rules[0].version);

    let twice = "[budget.b]\namount = 1\n".to_owned();
    let errors = load(&[("a.toml".to_owned(), twice.clone()), ("b.toml".to_owned(), twice)]).unwrap_err();
    assert_eq!((errors.len(), errors[0].code()), (1, "budget.duplicate"));
    assert_eq!(errors[0].problem.to_string(), "the budget `b` stands in a.toml (line 1) already");
    let unknown = load(&[
        ("a.toml".to_owned(), rule.clone()),
        ("b.toml".to_owned(), "[budget.bb]\namount = 1".to_owned()),
    ]);
    assert_eq!(unknown.unwrap_err()[0].hint(), "did you mean `bb`?");
}

const FULL: &str = r#"
# What Eva hears at the shelf.
[rule.at-the-shelf]
when = "zone_entered"
dwell = "30s"
interest = ["wishlist", "viewed"]
in_stock = false
zones = ["berlin-1/diving", "hiking"]
where = "customer.vip && item.price < 100"
score = "40 + (item.stock < 5 ? 20 : 0)"
priority = -3
brand = "acme"
from = 2026-11-01T00:00:00+01:00
until = "2026-12-01T00:00:00Z"
[rule.at-the-shelf.offer]
title = "{{ item.name }} is here"
body = "for {{ item.price }}"
coupon = "DIVE20"
valid = "2h"
channels = ["app", "sms"]
units = 500
[rule.at-the-shelf.policy]
category = "marketing"
cooldown = "1d"
cap = "3 per 7d"

[[test]]
name = "nobody is there"
given = []
expect = []
"#;

#[test]
fn a_full_rule_says_what_was_written() {
    let set = load_one(FULL).unwrap();
    let rule = &set.rules[0];
    assert_eq!(rule.id, "at-the-shelf");
    assert_eq!(rule.brand, Some(Brand::new("acme")));
    let expected = When::ZoneEntered {
        dwell: Duration::from_secs(30),
        interest: Interests { wishlist: true, viewed: true, ..Interests::default() },
        in_stock: false,
        zones: vec![Text::from("berlin-1/diving"), Text::from("hiking")],
    };
    assert_eq!(rule.when, expected);
    assert_eq!(
        (rule.priority, rule.from, rule.until),
        (-3, Some(1_793_487_600_000), Some(1_796_083_200_000))
    );
    let sample = Sample::eva();
    assert!(rule.passes(&sample.view()));
    assert_eq!(rule.score(&sample.view()).score, 60);
    assert_eq!(rule.offer.title.render(&sample.view()), "Tauchmaske „Blau“ is here");
    assert_eq!(rule.offer.body.render(&sample.view()), "for 79.90");
    assert_eq!(rule.offer.coupon.as_deref(), Some("DIVE20"));
    assert_eq!((rule.offer.valid, rule.offer.units), (Duration::from_secs(7200), Some(500)));
    assert_eq!(rule.offer.channels, ["app", "sms"]);
    let policy = RulePolicy {
        category: Some(Text::from("marketing")),
        cooldown: Some(Duration::from_secs(86_400)),
        cap: Some(Cap { count: 3, within: Duration::from_secs(7 * 86_400) }),
    };
    assert_eq!(rule.policy, policy);
    let test = &set.tests[0];
    assert_eq!((test.file.as_str(), test.line, test.name.as_str()), ("a.toml", 27, "nobody is there"));
    assert_eq!(test.rules, ["at-the-shelf"]);
}

#[test]
fn defaults_are_those_of_the_contract() {
    let when = |lines: &str| load_one(&rule_of(lines)).unwrap().rules[0].when.clone();
    let both = Interests { cart: true, wishlist: true, ..Interests::default() };
    let minutes = |n: u64| Duration::from_secs(60 * n);
    assert_eq!(
        when("when = 'cart_abandoned'"),
        When::CartAbandoned { idle: minutes(30), per_item: false, from_first_add: false }
    );
    assert_eq!(
        when("when = 'cart_abandoned'\nper = 'item'\nidle_from = 'first_add'\nidle = '250ms'"),
        When::CartAbandoned { idle: Duration(250), per_item: true, from_first_add: true }
    );
    assert_eq!(
        when("when = 'zone_entered'"),
        When::ZoneEntered { dwell: Duration(0), interest: both, in_stock: true, zones: vec![] }
    );
    assert_eq!(
        when("when = 'store_left'"),
        When::StoreLeft { min_dwell: minutes(10), after: minutes(2), interest: both }
    );
    assert_eq!(when("when = 'checked_in'"), When::CheckedIn);
    assert_eq!(when("when = 'back_in_stock'"), When::BackInStock { interest: both, location: None });
    assert_eq!(
        when("when = 'running_low'\nat_most = 3\nlocation = 'x'"),
        When::RunningLow { interest: both, at_most: 3, location: Some(Text::from("x")) }
    );
    for (percent, points) in [("10", 1000), ("12.5", 1250), ("0.01", 1), ("100", 10_000)] {
        assert_eq!(
            when(&format!("when = 'price_dropped'\nby_percent = {percent}")),
            When::PriceDropped { interest: both, by_basis_points: points }
        );
    }
    let (idle, within) = (minutes(180), minutes(24 * 60));
    assert_eq!(when("when = 'lapsed'\nidle = '3h'"), When::Lapsed { idle });
    let When::SegmentEntered { segment } = when("when = 'segment_entered'\nsegment = 'customer.orders > 2'")
    else {
        panic!("another situation");
    };
    assert_eq!(segment.to_string(), "customer.orders > 2");
    assert_eq!(
        when("when = 'browse_abandoned'\nidle = '3h'"),
        When::BrowseAbandoned { idle, min_views: 2, within }
    );
    assert_eq!(when("when = 'nearby'\nwithin = 300"), When::Nearby { within: 300, location: None });
    assert_eq!(when("when = 'requested'"), When::Requested { approval: true });
    assert_eq!(when("when = 'purchased'"), When::Purchased { within: minutes(5) });
    let set = load_one(&rule_of("when = 'checked_in'")).unwrap();
    let offer = &set.rules[0].offer;
    assert_eq!(offer.valid, minutes(24 * 60));
    assert_eq!((offer.body.0.len(), offer.channels.len(), offer.units), (0, 0, None));
    assert_eq!(offer.title.0, [Piece::Text(Text::from("t"))]);
    assert_eq!(set.rules[0].policy, RulePolicy::default());
    let capped = rule_of("when = 'checked_in'\npolicy.cap = { within = '7d', count = 3 }");
    let cap = Cap { count: 3, within: minutes(7 * 24 * 60) };
    assert_eq!(load_one(&capped).unwrap().rules[0].policy.cap, Some(cap));
}

#[test]
fn rules_are_sorted_and_the_disabled_counted() {
    let rule = |id: &str, enabled: bool| {
        format!("[rule.{id}]\nwhen = 'checked_in'\nenabled = {enabled}\noffer = {{ title = 't' }}\n")
    };
    let files = [("x".to_owned(), rule("c", true) + &rule("b", false)), ("y".to_owned(), rule("a", true))];
    let set = load(&files).unwrap();
    assert_eq!(set.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(set.disabled.len(), 1);
    assert_eq!(load(&[]).unwrap(), RuleSet::default());
    // What is disabled is checked all the same.
    assert!(load_one("[rule.a]\nwhen = 'x'\nenabled = false").is_err());
}

#[test]
fn the_version_follows_the_meaning_alone() {
    let version = |text: &str| load_one(text).unwrap().rules[0].version.clone();
    let plain = version(FULL);
    assert_eq!(plain.len(), 12);
    assert!(plain.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)));
    for (old, new) in [
        ("# What Eva hears", "# Something else"),
        ("customer.vip && item.price < 100", "  customer.vip\\n && (item.price<100) // cheap"),
        ("40 + (item.stock", "40+( item.stock"),
        ("dwell = \"30s\"", "dwell = '30000ms'"),
        ("\"2h\"", "'120m'"),
        ("[\"berlin-1/diving\", \"hiking\"]", "[\"hiking\", \"berlin-1/diving\"]"),
    ] {
        let changed = FULL.replace(old, new);
        assert_ne!(changed, FULL, "{old}");
        assert_eq!(version(&changed), plain, "{new}");
    }
    for (old, new) in [
        ("< 100", "< 101"),
        ("40 +", "41 +"),
        ("is here", "is there"),
        ("\"30s\"", "\"31s\""),
        ("at-the-shelf", "at-the-door"),
        ("DIVE20", "DIVE21"),
        ("3 per 7d", "3 per 8d"),
        ("priority = -3", "priority = 3"),
        ("acme", "other"),
    ] {
        assert_ne!(version(&FULL.replace(old, new)), plain, "{new}");
    }
}

/// The version is part of what was sent: it must not change with a new release.
#[test]
fn the_version_is_stable() {
    let set = load_one(&rule_of("when = 'checked_in'\nwhere = 'customer.vip'")).unwrap();
    assert_eq!(set.rules[0].version, "64e6e8a45fa3");
}

#[test]
fn a_rule_survives_being_written_and_read() {
    let rule = load_one(FULL).unwrap().rules[0].clone();
    let text = serde_json::to_string(&rule).unwrap();
    assert_eq!(serde_json::from_str::<Arc<Rule>>(&text).unwrap(), rule);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Any text is rules or errors; every error has a place in the file.
    #[test]
    fn any_text_is_loaded_or_refused(text in prop_oneof![
        ".{0,200}",
        "[-a-z\\[\\].='\"{}0-9\n ä]{0,200}",
        prop::collection::vec(prop::sample::select(FULL.split_inclusive(['\n', ' ']).collect::<Vec<_>>()), 0..60)
            .prop_map(|parts| parts.concat()),
    ]) {
        if let Err(errors) = load_one(&text) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                let line = text.split('\n').nth(error.line - 1);
                prop_assert!(line.is_some_and(|line| error.column <= line.chars().count() + 1), "{error}");
            }
        }
    }

    /// A file with one piece replaced: mostly rules with something wrong inside.
    #[test]
    fn a_damaged_file_is_loaded_or_refused(at in 0..FULL.len(), cut in 0_usize..20, new in "[-a-z.='\"{}0-9+&ä]{0,6}") {
        let start = (0..=at).rev().find(|at| FULL.is_char_boundary(*at)).unwrap();
        let end = (at + cut..FULL.len()).find(|at| FULL.is_char_boundary(*at)).unwrap_or(FULL.len());
        let text = format!("{}{new}{}", &FULL[..start], &FULL[end..]);
        let _ = load_one(&text);
    }

    /// Parameters written out are the parameters read.
    #[test]
    fn what_is_written_is_read(
        idle in 1_u64..Duration::LIMIT.0, per_item: bool, from_first_add: bool, priority: i32,
    ) {
        let idle = Duration(idle);
        let text = rule_of(&format!(
            "when = 'cart_abandoned'\nidle = '{idle}'\nper = '{}'\nidle_from = '{}'\npriority = {priority}",
            if per_item { "item" } else { "cart" },
            if from_first_add { "first_add" } else { "last_activity" },
        ));
        let set = load_one(&text).unwrap();
        prop_assert_eq!(&set.rules[0].when, &When::CartAbandoned { idle, per_item, from_first_add });
        prop_assert_eq!(set.rules[0].priority, priority);
    }
}
