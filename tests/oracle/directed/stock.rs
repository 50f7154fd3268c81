//! Stock, prices and views.

use super::super::config::{Config, MINUTE};
use super::super::rules::{Kinds, Rule, When};
use super::{Case, case};

const SAVED: Kinds = Kinds(&["cart", "wishlist"]);

fn back(id: &'static str, location: Option<&'static str>) -> Rule {
    Rule::new(id, When::BackInStock { interest: SAVED, location })
}

case!(
    what_the_catalogue_says_of_the_place_a_rule_names_counts,
    Case::new(
        vec![Rule {
            condition: Some(("location.kind == \"store\"", |view| view.location_kind == Some("store"))),
            ..back("here", Some("s1"))
        }],
        "11:00:00",
        // Nobody has to do with s1 but by the rule.
        "09:00:00 - level s1 A 0
         10:00:00 cookie:1 wish A
         10:01:00 - level s1 A 2
         10:02:00 - store s1
         10:02:00 - store s2
         10:03:00 - warehouse s1
         10:04:00 - store s1",
        "10:02:00 made here cookie:1 web 50 A back|cookie:1|A|{10:00:00}|s1|{10:01:00}
         10:03:00 withdrawn here rule"
    )
);

case!(
    plenty_is_plenty,
    Case::new(
        vec![
            Rule::new("few", When::RunningLow { interest: SAVED, at_most: 1500, location: None }),
            Rule {
                condition: Some(("item.stock > 3000", |view| view.of_item(|item| item.stock > 3000))),
                ..Rule::new("plenty", When::RunningLow { interest: SAVED, at_most: 9000, location: None })
            },
        ],
        "11:00:00",
        "10:00:00 cookie:1 wish A
         10:01:00 - level s1 A 5000
         10:02:00 - delta s1 A -2000
         10:03:00 - delta s1 A -1500",
        "10:01:00 made plenty cookie:1 web 50 A low|cookie:1|A|{10:00:00}|*|0
         10:02:00 withdrawn plenty rule
         10:03:00 made few cookie:1 web 50 A low|cookie:1|A|{10:00:00}|*|0"
    )
);

case!(
    back_in_stock_needs_a_return_after_the_interest_began,
    Case::new(
        vec![back("back", None), back("here", Some("s1"))],
        "11:00:00",
        // A returns everywhere at 10:01 (in s2) and in s1 at 10:02; out everywhere only at 10:04.
        // B came back before it was wanted; C was never known to be out.
        "09:00:00 - level s1 A 0
         09:00:00 - level s1 B 0
         09:01:00 - level s1 B 3
         10:00:00 cookie:1 wish A B C
         10:00:30 - level s1 C 3
         10:01:00 - level s2 A 2
         10:02:00 - delta s1 A 2
         10:03:00 - level s1 A -5
         10:04:00 - delta s2 A -2
         10:05:00 - delta s1 A 5
         10:06:00 - delta s1 A 1",
        "10:01:00 made back cookie:1 web 50 A back|cookie:1|A|{10:00:00}|*|{10:01:00}
         10:02:00 made here cookie:1 web 50 A back|cookie:1|A|{10:00:00}|s1|{10:02:00}
         10:03:00 withdrawn here out_of_stock
         10:04:00 withdrawn back out_of_stock
         10:06:00 made back cookie:1 web 50 A back|cookie:1|A|{10:00:00}|*|{10:06:00}
         10:06:00 made here cookie:1 web 50 A back|cookie:1|A|{10:00:00}|s1|{10:06:00}"
    )
);

case!(
    deltas_count_after_the_latest_level,
    Case::new(
        vec![Rule::new("few", When::RunningLow { interest: SAVED, at_most: 2, location: Some("s1") })],
        "11:00:00",
        // The delta of 09:59 arrives late: before the level, so it does not count. That of 10:02 leaves 2.
        "10:00:00 - level s1 A 5
         10:00:00 cookie:1 add A
         10:01:00 - level s1 B 0
         09:59:00 - delta s1 A 4
         10:02:00 - delta s1 A -3
         10:03:00 - delta s1 A -2
         10:04:00 - delta s1 A 1
         10:05:00 cookie:1 buy t1 A",
        "10:02:00 made few cookie:1 web 50 A low|cookie:1|A|{10:00:00}|s1|0
         10:03:00 withdrawn few out_of_stock
         10:04:00 made few cookie:1 web 50 A low|cookie:1|A|{10:00:00}|s1|{10:04:00}
         10:05:00 withdrawn few bought"
    )
);

case!(
    a_price_falls_against_the_one_when_the_interest_began,
    Case::new(
        vec![Rule::new("cheaper", When::PriceDropped { interest: SAVED, by_percent: 10 })],
        "11:00:00",
        // In force when A was added: 19.99; 19.99 × 0.9 = 17.991. B's first known price is its base. 17.99 and then 15 are one run.
        "09:00:00 - price A 30
         10:00:00 cookie:1 add A B
         10:00:00 - price A 19.99
         10:01:00 - price A 18
         10:02:00 - price A 17.99
         10:03:00 - price A 15
         10:04:00 - price A 25
         10:05:00 - price A 10
         10:06:00 - price B 10
         10:07:00 - price B 9
         10:08:00 cookie:1 remove A",
        "10:02:00 made cheaper cookie:1 web 50 A price|cookie:1|A|{10:00:00}|{10:02:00}
         10:04:00 withdrawn cheaper price
         10:05:00 made cheaper cookie:1 web 50 A price|cookie:1|A|{10:00:00}|{10:05:00}
         10:07:00 made cheaper cookie:1 web 50 B price|cookie:1|B|{10:00:00}|{10:07:00}
         10:08:00 withdrawn cheaper removed"
    )
);

case!(
    the_first_of_several_interests_is_the_life_of_an_item,
    Case::new(
        vec![Rule::new(
            "few",
            When::RunningLow { interest: Kinds(&["cart", "viewed"]), at_most: 2, location: None }
        )],
        "11:00:00",
        // Viewed before carted. A purchase ends both, a later view begins another life.
        "09:00:00 - level s1 A 1
         10:00:00 cookie:1 view A
         10:01:00 cookie:1 add A
         10:02:00 cookie:1 remove A
         10:03:00 cookie:1 buy t1 A
         10:04:00 cookie:1 view A",
        "10:00:00 made few cookie:1 web 50 A low|cookie:1|A|{10:00:00}|*|0
         10:03:00 withdrawn few bought
         10:04:00 made few cookie:1 web 50 A low|cookie:1|A|{10:04:00}|*|0"
    )
);

case!(
    views_grow_old,
    Case {
        config: Config { views_kept: 10 * MINUTE, ..Config::default() },
        ..Case::new(
            vec![Rule::new(
                "few",
                When::RunningLow { interest: Kinds(&["viewed"]), at_most: 2, location: None }
            )],
            "11:00:00",
            // Both views count until 10:15, so that the life is that of 10:00 all the time.
            "10:00:00 cookie:1 view A
             10:05:00 cookie:1 view A
             10:10:00 - level s1 A 1
             10:16:00 cookie:1 view A",
            "10:10:00 made few cookie:1 web 50 A low|cookie:1|A|{10:00:00}|*|0
             10:15:00.001 withdrawn few late_event
             10:16:00 made few cookie:1 web 50 A low|cookie:1|A|{10:16:00}|*|0
             10:26:00.001 withdrawn few late_event"
        )
    }
);
