use super::*;
use crate::samples::rule;
use shopbell_model::facts::{Active, Near, Nearest, Noticed, Past, Totals};
use shopbell_model::key::{Brand, EventRef, LocationId, Text};
use shopbell_model::shared::Shared;

fn demand(lines: &[&str]) -> Demand {
    let rules: Vec<_> = lines.iter().map(|lines| rule("r", lines, "")).collect();
    Demand::of(rules.iter().map(|rule| &**rule))
}

#[test]
fn stock_is_as_exact_as_rules_can_tell() {
    let cases = [
        ("when = 'checked_in'", 1),
        ("when = 'running_low'\nat_most = 2", 3),
        ("when = 'running_low'\nat_most = 1500", 1501),
        ("when = 'running_low'\nat_most = 2\nwhere = 'item.stock > 0'", 1000),
        ("when = 'cart_abandoned'\nwhere = '!(item.stock > 0) || 5000 <= item.stock'", 5001),
        ("when = 'cart_abandoned'\nscore = 'item.stock < -3 ? 1 : 2'", 1000),
        ("when = 'cart_abandoned'\nscore = 'min(20, item.stock / 100)'", i64::MAX),
        ("when = 'cart_abandoned'\nwhere = 'item.stock in [1, 2]'", i64::MAX),
        ("when = 'cart_abandoned'\nwhere = 'item.stock > item.quantity'", i64::MAX),
    ];
    for (lines, detail) in cases {
        assert_eq!(demand(&[lines]).stock_detail(), detail, "{lines}");
    }
    let printed = rule("r", "when = 'cart_abandoned'", "body = '{{ item.stock }} left'");
    assert_eq!(Demand::of([&*printed]).stock_detail(), i64::MAX);
}

#[test]
fn what_covers_what() {
    let plain = demand(&["when = 'checked_in'"]);
    for (more, less) in [
        ("when = 'lapsed'\nidle = '2h'", "when = 'lapsed'\nidle = '3h'"),
        ("when = 'checked_in'\nscore = 'customer.lifetime_spend'", "when = 'checked_in'"),
        (
            "when = 'checked_in'\nwhere = 'has(customer.orders)'",
            "when = 'checked_in'\nwhere = 'customer.vip'",
        ),
        (
            "when = 'checked_in'\nscore = '10 * customer.channels_30d'",
            "when = 'checked_in'\nwhere = 'customer.hold'",
        ),
        (
            "when = 'checked_in'\nwhere = 'customer.favourite_category == \"a\"'",
            "when = 'checked_in'\nwhere = 'customer.favourite == \"a\"'",
        ),
        (
            "when = 'checked_in'\nwhere = 'has(customer.nearest_location)'",
            "when = 'checked_in'\nwhere = 'has(customer.nearest)'",
        ),
        ("when = 'checked_in'\nwhere = '!customer.hold_out'", "when = 'checked_in'"),
        ("when = 'browse_abandoned'\nidle = '2h'", "when = 'browse_abandoned'\nidle = '3h'\nmin_views = 9"),
        (
            "when = 'segment_entered'\nsegment = 'customer.vip'",
            "when = 'segment_entered'\nsegment = 'customer.tier == 1'",
        ),
        ("when = 'requested'", "when = 'requested'\napproval = false"),
    ] {
        let (more, less) = (demand(&[more]), demand(&[less]));
        assert!(more.covers(&less) && more.covers(&more), "{more:?}");
        assert!(!plain.covers(&more) && Demand::of([]).scenes.is_empty(), "{more:?}");
    }
    let (near, far) = (demand(&["when = 'nearby'\nwithin = 50"]), demand(&["when = 'nearby'\nwithin = 90"]));
    let both = demand(&["when = 'nearby'\nwithin = 90", "when = 'nearby'\nwithin = 50\nlocation = 'a'"]);
    assert!(both.covers(&near) && both.covers(&far) && !near.covers(&far) && !far.covers(&near));
    assert_eq!(both.radii(), [50, 90]);
    let (soon, late) = (demand(&["when = 'lapsed'\nidle = '2h'"]), demand(&["when = 'lapsed'\nidle = '3h'"]));
    assert!(!late.covers(&soon) && !plain.covers(&late));
    assert_eq!(soon.pause(), Duration::parse("2h"));
}

#[test]
fn facts_flow_where_a_rule_asks() {
    let event = EventRef { source: Text::default(), id: Text::default() };
    let location = LocationId::new(&Brand::default(), "s1");
    let start = shopbell_model::facts::Moment { time: 1, arrival: 1 };
    let nearest = location.clone();
    let facts = [
        PersonFact::Active(Shared::new(Active { first: 1, last: None })),
        PersonFact::Near(Shared::new(Near { location, within: 50, start, last: None, event })),
        PersonFact::Totals(Shared::new(Totals::default())),
        PersonFact::Noticed(Noticed { day: 1, location: None }),
        PersonFact::Nearest(Shared::new(Nearest { location: nearest, since: start })),
        PersonFact::Past(Shared::new(Past { base: None, changes: Vec::new() })),
    ];
    for (place, lines) in [
        "when = 'lapsed'\nidle = '2h'",
        "when = 'nearby'\nwithin = 50",
        "when = 'checked_in'\nscore = '10 + customer.days_since_last_order'",
        "when = 'checked_in'\nwhere = 'customer.visits_30d > 1'",
        "when = 'checked_in'\nscore = '\"s\" == customer.nearest_location ? 9 : 1'",
        "when = 'segment_entered'\nsegment = 'customer.vip'",
    ]
    .iter()
    .enumerate()
    {
        let demand = demand(&[lines]);
        let asked: Vec<bool> = facts.iter().map(|fact| demand.asks_for(fact)).collect();
        let facts = [
            place == 0,
            place == 1,
            place >= 2 && place != 3 && place != 4,
            place == 3,
            place == 4,
            place == 5,
        ];
        assert_eq!(asked, facts, "{lines}");
    }
}
