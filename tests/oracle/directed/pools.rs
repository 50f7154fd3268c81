//! Units, budgets, hold, and offers that give way to better ones.

use super::super::config::{Config, HOUR, MINUTE, Policy};
use super::super::rules::{Budget, Rule, Score, When};
use super::{Case, case};

const BY_VISITS: Score = ("customer.visits", |view| view.customer_number("visits").unwrap_or(0.0));

fn on_check_in(id: &'static str) -> Rule {
    Rule { channels: vec!["associate"], ..Rule::new(id, When::CheckedIn) }
}

fn with(policy: Policy) -> Config {
    Config { policy, ..Config::default() }
}

case!(
    the_best_scored_have_the_units_and_what_comes_back_goes_to_the_next,
    Case::new(
        vec![Rule { score: BY_VISITS, units: Some(2), valid: HOUR, ..on_check_in("coupon") }],
        "12:00:00",
        // An answer comes a millisecond later. What is redeemed stays used, also after its end at 11:00:01.001; what
        // was taken back comes back in the next tick, and the third one's is over after 11:10:00.001.
        "10:00:00 card:1 profile {\"visits\":30}
         10:00:00 card:2 profile {\"visits\":60}
         10:00:00 card:3 profile {\"visits\":45}
         10:00:00 card:4 profile {\"visits\":99}
         10:00:01 card:1 checkin s1
         10:00:01 card:2 checkin s1
         10:00:01 card:3 checkin s1
         10:05:00 card:2 redeem coupon/check_in|card:2|s1|{10:00:01}
         10:10:00 card:3 consent no
         10:20:00 card:4 checkin s1",
        "10:00:01.001 made coupon card:2 associate 60 -
         10:00:01.001 made coupon card:3 associate 45 -
         10:10:00 withdrawn coupon consent
         10:10:00.001 made coupon card:1 associate 30 -
         11:10:00.002 made coupon card:4 associate 99 -"
    )
);

case!(
    on_a_grid_an_answer_comes_with_the_next_point,
    Case {
        grid: 10_000,
        ..Case::new(
            vec![Rule { score: BY_VISITS, units: Some(1), valid: MINUTE, ..on_check_in("coupon") }],
            "11:00:00",
            // Over after 10:01:20, which is known at the next point.
            "10:00:01 card:1 profile {\"visits\":30}
             10:00:01 card:2 profile {\"visits\":60}
             10:00:02 card:1 checkin s1
             10:00:09 card:2 checkin s1",
            "10:00:20 made coupon card:2 associate 60 -
             10:01:30 made coupon card:1 associate 30 -"
        )
    }
);

case!(
    a_budget_of_a_day_begins_anew_at_midnight,
    Case::new(
        vec![Rule {
            budget: Some((Budget { name: "gifts", amount: 10, day_in: Some("Asia/Shanghai") }, 4)),
            ..on_check_in("gift")
        }],
        "17:00:00",
        // Two a day; there midnight is at 16:00.
        "10:00:00 card:1 checkin s1
         10:01:00 card:2 checkin s1
         10:02:00 card:3 checkin s1",
        "10:00:00.001 made gift card:1 associate 50 -
         10:01:00.001 made gift card:2 associate 50 -
         16:00:00 made gift card:3 associate 50 -"
    )
);

case!(
    rules_share_a_budget_and_each_keeps_its_own_units,
    Case::new(
        {
            let budget = Budget { name: "gifts", amount: 10, day_in: None };
            let cheap =
                Rule { budget: Some((budget, 3)), units: Some(1), priority: 1, ..on_check_in("cheap") };
            vec![cheap, Rule { budget: Some((budget, 6)), ..on_check_in("dear") }]
        },
        "11:00:00",
        // 3 and 6 of 10 for the first. For the second there is no unit, and less than 6 in the budget.
        "10:00:00 card:1 checkin s1
         10:01:00 card:2 checkin s1",
        "10:00:00.001 made cheap card:1 associate 50 -
         10:00:00.001 made dear card:1 associate 50 -"
    )
);

case!(
    a_seat_is_free_once_it_was_taken,
    Case::new(
        vec![Rule { units: Some(1), back: &["expired", "withdrawn", "redeemed"], ..on_check_in("seat") }],
        "11:00:00",
        "10:00:00 card:1 checkin s1
         10:01:00 card:2 checkin s1
         10:02:00 card:1 redeem seat/check_in|card:1|s1|{10:00:00}",
        "10:00:00.001 made seat card:1 associate 50 -
         10:02:00 made seat card:2 associate 50 -"
    )
);

case!(
    what_never_comes_back_is_gone_when_it_is_over,
    Case::new(
        vec![
            Rule { units: Some(1), back: &[], valid: MINUTE, ..on_check_in("once") },
            Rule { units: Some(0), ..on_check_in("never") },
        ],
        "11:00:00",
        "10:00:00 card:1 checkin s1
         10:05:00 card:2 checkin s1",
        "10:00:00.001 made once card:1 associate 50 -"
    )
);

case!(
    a_lesser_one_waits_for_the_answer_to_a_better_one,
    Case {
        config: with(Policy { cap: Some((1, HOUR)), ..Policy::default() }),
        ..Case::new(
            vec![
                Rule { score: ("60", |_| 60.0), units: Some(1), ..on_check_in("coupon") },
                on_check_in("plain"),
            ],
            "11:30:00",
            "10:00:00 card:1 checkin s1
             10:01:00 card:2 checkin s1",
            "10:00:00.001 made coupon card:1 associate 60 -
             10:01:00.001 made plain card:2 associate 50 -
             11:00:00.001 made plain card:1 associate 50 -"
        )
    }
);

case!(
    one_offer_at_a_time_for_so_long,
    Case {
        config: with(Policy { hold: Some(30 * MINUTE), ..Policy::default() }),
        ..Case::new(
            vec![Rule { score: ("60", |_| 60.0), ..on_check_in("first") }, on_check_in("second")],
            "11:00:00",
            "10:00:00 card:1 checkin s1",
            "10:00:00 made first card:1 associate 60 -
             10:30:00 made second card:1 associate 50 -"
        )
    }
);

case!(
    what_is_not_delivered_gives_way_to_a_better_one_once,
    Case {
        config: with(Policy { hold: Some(HOUR), ..Policy::default() }),
        ..Case::new(
            {
                let idle = |idle| When::CartAbandoned { idle, per_item: false, first_add: true };
                let of = |id, idle_for| Rule { channels: vec!["associate"], ..Rule::new(id, idle(idle_for)) };
                vec![
                    Rule { score: ("40", |_| 40.0), replaceable: true, ..on_check_in("small") },
                    Rule { score: ("80", |_| 80.0), replaceable: true, ..of("big", MINUTE) },
                    Rule { score: ("90", |_| 90.0), ..of("huge", 2 * MINUTE) },
                ]
            },
            "11:30:00",
            // What took a place keeps it. What reached somebody stays.
            "10:00:00 card:1 checkin s1
             10:00:00 card:2 checkin s1
             10:01:00 card:1 add A
             10:01:00 card:2 add A
             10:01:30 card:2 delivered small/check_in|card:2|s1|{10:00:00}",
            "10:00:00 made small card:1 associate 40 -
             10:00:00 made small card:2 associate 40 -
             10:02:00 made big card:1 associate 80 A
             10:02:00 withdrawn small superseded
             11:00:00 made huge card:2 associate 90 A
             11:02:00 made huge card:1 associate 90 A"
        )
    }
);

case!(
    what_is_used_stays_used_when_the_ledger_has_let_go,
    Case {
        config: Config { ledger_kept: HOUR, pools_kept: 6 * HOUR, ..Config::default() },
        ..Case::new(
            vec![Rule { units: Some(1), valid: 10 * MINUTE, ..on_check_in("coupon") }],
            "20:00:00",
            // The first one's was back after its end; redeemed when the ledger had let go of it, it is used all the same.
            // The other's is so until six hours after the tick that followed it.
            "10:00:00 card:1 checkin s1
             12:00:00 card:2 checkin s1
             12:05:00 card:2 redeem coupon/check_in|card:2|s1|{12:00:00}
             13:00:00 card:1 redeem coupon/check_in|card:1|s1|{10:00:00}
             14:00:00 card:3 checkin s1",
            "10:00:00.001 made coupon card:1 associate 50 -
             12:00:00.001 made coupon card:2 associate 50 -
             18:00:00.002 made coupon card:3 associate 50 -"
        )
    }
);
