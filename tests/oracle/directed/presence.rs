//! Zones and shops: beginnings, ends, and what lies exactly on the edge.

use super::super::config::{Config, HOUR, MINUTE, Presence};
use super::super::rules::{Kinds, Rule, When};
use super::{Case, case};

fn zone(id: &'static str, dwell: u64, interest: Kinds) -> Rule {
    let when = When::ZoneEntered { dwell, interest, in_stock: true, zones: &[] };
    Rule { channels: vec!["associate"], ..Rule::new(id, when) }
}

fn left(min_dwell: u64, after: u64) -> Rule {
    let interest = Kinds(&["cart", "wishlist"]);
    Rule { channels: vec!["associate"], ..Rule::new("left", When::StoreLeft { min_dwell, after, interest }) }
}

const NONE: Kinds = Kinds(&["none"]);
const SAVED: Kinds = Kinds(&["cart", "wishlist"]);

case!(
    a_zone_visit_ends_ten_seconds_after_its_last_reading,
    Case::new(
        vec![zone("here", 0, NONE), zone("stays", 10_000, NONE)],
        "10:05:00",
        // Enters at -70, not at -71; -75 keeps it, -76 does not. The reading at exactly 10 s keeps it too.
        // b9 is in no zone.
        "09:00:00 - zone s1 z1 b1
         10:00:00 device:1 beacon b1 -71
         10:00:01 device:1 beacon b1 -70
         10:00:11 device:1 beacon b1 -75
         10:00:12 device:1 beacon b1 -76
         10:00:13 device:1 beacon b9 -40",
        "10:00:01 made here device:1 associate 50 - zone|device:1|s1|z1|{10:00:01}
         10:00:11 made stays device:1 associate 50 - zone|device:1|s1|z1|{10:00:01}
         10:00:21 withdrawn here left
         10:00:21 withdrawn stays left"
    )
);

case!(
    what_is_left_of_a_visit_the_next_day_is_not_another_one,
    Case {
        config: Config {
            presence: Presence { visits_kept: HOUR, ..Config::default().presence },
            ..Config::default()
        },
        ..Case::new(
            vec![Rule { valid: 2 * HOUR, ..left(MINUTE, 2 * MINUTE) }],
            "13:00:00",
            // Signs are kept for an hour. The first are gone at 11:00:00.001, the check-in at 11:15:00.001; nothing rings
            // again, and nothing is taken back for that. What is bought after 10:50 is no reason to any more.
            "09:00:00 card:1 wish A
             10:00:00 card:1 enter s1
             10:08:00 card:1 try s1 A
             10:15:00 card:1 checkin s1
             10:20:00 card:1 leave s1",
            "10:22:00 made left card:1 associate 50 A left|card:1|s1|{10:00:00}"
        )
    }
);

case!(
    a_visit_that_ends_as_its_dwell_is_reached_is_over,
    Case::new(
        vec![zone("stays", 10_000, NONE)],
        "10:05:00",
        "09:00:00 - zone s1 z1 b1
         10:00:00 device:1 beacon b1 -60",
        ""
    )
);

case!(
    the_strongest_zone_wins_only_if_stronger,
    Case::new(
        vec![zone("here", 0, NONE)],
        "10:05:00",
        "09:00:00 - zone s1 z1 b1
         09:00:00 - zone s1 z2 b2
         10:00:00 device:1 beacon b1 -65
         10:00:01 device:1 beacon b2 -65
         10:00:02 device:1 beacon b2 -64
         10:00:03 device:1 beacon b1 -70",
        "10:00:00 made here device:1 associate 50 - zone|device:1|s1|z1|{10:00:00}
         10:00:02 made here device:1 associate 50 - zone|device:1|s1|z2|{10:00:02}
         10:00:02 withdrawn here left
         10:00:12 withdrawn here left"
    )
);

case!(
    all_zones_at_once_with_a_mean_of_two,
    Case {
        config: Config {
            presence: Presence { strongest: false, window: 2, ..Config::default().presence },
            ..Config::default()
        },
        ..Case::new(
            vec![zone("here", 0, NONE)],
            "10:05:00",
            // z1: -60, then (-60-90)/2 = -75, which keeps it, then (-90-90)/2. z2: -80, then (-80-60)/2 = -70.
            "09:00:00 - zone s1 z1 b1
             09:00:00 - zone s1 z2 b2
             10:00:00 device:1 beacon b1 -60
             10:00:01 device:1 beacon b1 -90
             10:00:02 device:1 beacon b1 -90
             10:00:03 device:1 beacon b2 -80
             10:00:04 device:1 beacon b2 -60",
            "10:00:00 made here device:1 associate 50 - zone|device:1|s1|z1|{10:00:00}
             10:00:04 made here device:1 associate 50 - zone|device:1|s1|z2|{10:00:04}
             10:00:11 withdrawn here left
             10:00:14 withdrawn here left"
        )
    }
);

case!(
    readings_may_be_half_a_minute_late,
    Case::new(
        vec![zone("here", 0, NONE)],
        "10:05:00",
        // Of device:1, 30 s behind counts, and is over when it is known; 31 s behind does not. The late
        // reading of device:2 joins two visits to one, so the second was none.
        "09:00:00 - zone s1 z1 b1
         10:00:00 device:2 beacon b1 -60
         10:00:18 device:2 beacon b1 -60
         10:00:19 device:2 beacon b1 -90
         10:00:09 device:2 beacon b1 -60
         10:01:00 device:1 beacon b1 -60
         10:00:29 device:1 beacon b1 -60
         10:00:30 device:1 beacon b1 -60",
        "10:00:00 made here device:2 associate 50 - zone|device:2|s1|z1|{10:00:00}
         10:00:10 withdrawn here left
         10:00:18 made here device:2 associate 50 - zone|device:2|s1|z1|{10:00:18}
         10:00:19 withdrawn here late_event
         10:01:00 made here device:1 associate 50 - zone|device:1|s1|z1|{10:01:00}
         10:01:10 withdrawn here left"
    )
);

case!(
    a_reading_as_late_as_allowed_counts,
    Case {
        config: Config {
            presence: Presence { lateness: 5_000, ..Config::default().presence },
            ..Config::default()
        },
        ..Case::new(
            vec![zone("here", 0, NONE)],
            "10:00:14",
            // device:1 was there five seconds earlier already; of device:2 that is not taken.
            "09:00:00 - zone s1 z1 b1
             10:00:05 device:1 beacon b1 -60
             10:00:05 device:2 beacon b1 -60
             10:00:00 device:1 beacon b1 -60
             09:59:59.999 device:2 beacon b1 -60
             10:00:06 device:1 beacon b1 -60",
            "10:00:05 made here device:1 associate 50 - zone|device:1|s1|z1|{10:00:00}
             10:00:05 made here device:2 associate 50 - zone|device:2|s1|z1|{10:00:05}"
        )
    }
);

case!(
    what_is_wanted_must_be_on_the_shelf_and_there,
    Case::new(
        vec![zone("here", 5_000, SAVED)],
        "10:05:00",
        "09:00:00 - zone s1 z1 b1
         09:00:00 - shelf s1 z1 A,B
         09:00:00 - level s1 A 1
         09:00:00 - level s1 C 1
         09:00:00 - level s2 B 9
         10:00:00 device:1 add A B
         10:00:00 device:1 wish C
         10:00:01 device:1 beacon b1 -60
         10:00:08 device:1 beacon b1 -60
         10:00:09 - delta s1 A -1
         10:00:10 - level s1 A 5",
        "10:00:06 made here device:1 associate 50 A
         10:00:09 withdrawn here out_of_stock"
    )
);

case!(
    left_without_buying,
    Case::new(
        vec![left(10 * MINUTE, 2 * MINUTE)],
        "12:00:00",
        // card:1 stays exactly ten minutes. card:2 a moment less. card:3 buys online exactly two minutes
        // after, card:4 a moment later. card:5 wants nothing until it is too late.
        "10:00:00 card:1 add A
         10:00:00 card:1 enter s1
         10:00:00 card:2 add A
         10:00:00 card:2 enter s1
         10:00:00 card:3 add A
         10:00:00 card:3 enter s1
         10:00:00 card:4 wish A
         10:00:00 card:4 checkin s1
         10:00:00 card:5 enter s1
         10:09:59.999 card:2 leave s1
         10:10:00 card:1 leave s1
         10:10:00 card:3 leave s1
         10:10:00 card:4 leave s1
         10:10:00 card:5 leave s1
         10:12:00 card:3 buy t1 B
         10:12:00.001 card:4 buy t2 A
         10:12:00.001 card:5 add A",
        "10:12:00 made left card:1 associate 50 A left|card:1|s1|{10:00:00}
         10:12:00 made left card:4 associate 50 A left|card:4|s1|{10:00:00}
         10:12:00.001 withdrawn left bought"
    )
);

case!(
    a_shop_visit_ends_by_silence,
    Case::new(
        vec![left(10 * MINUTE, 0)],
        "12:00:00",
        // Signs at 10:10 (exactly ten minutes after) and 10:15 continue it: stayed until 10:15, over at
        // 10:25. A sign that cannot begin a visit begins none.
        "10:00:00 card:1 add A
         10:00:00 card:1 enter s1
         10:10:00 card:1 try s1 A
         10:15:00 card:1 assist s1
         10:30:00 card:1 assist s1
         10:45:00 card:1 leave s1",
        "10:25:00 made left card:1 associate 50 A left|card:1|s1|{10:00:00}"
    )
);

case!(
    a_purchase_learnt_late_takes_the_offer_back,
    Case::new(
        vec![left(0, MINUTE)],
        "12:00:00",
        // In the visit, something else: the interest is still there.
        "10:00:00 card:1 add A
         10:00:00 card:1 enter s1
         10:05:00 card:1 leave s1
         10:20:00 card:2 view A
         10:01:00 card:1 till s1 t1 B",
        "10:06:00 made left card:1 associate 50 A
         10:20:00 withdrawn left bought"
    )
);

case!(
    zone_visits_keep_a_shop_visit_going_but_not_the_next,
    Case {
        config: Config {
            presence: Presence { leave_after: 20_000, ..Config::default().presence },
            ..Config::default()
        },
        ..Case::new(
            vec![left(0, 0)],
            "12:00:00",
            // Begun by a reading; the zone's last at 10:00:24, so over at 10:00:44. Then: entering, a zone
            // visit, leaving while it goes on, entering again: that visit ends 20 s after the entry.
            "09:00:00 - zone s1 z1 b1
             10:00:00 device:1 add A
             10:00:00 device:1 beacon b1 -60
             10:00:08 device:1 beacon b1 -60
             10:00:16 device:1 beacon b1 -60
             10:00:24 device:1 beacon b1 -60
             10:02:00 device:1 enter s1
             10:02:01 device:1 beacon b1 -60
             10:02:05 device:1 leave s1
             10:02:06 device:1 enter s1
             10:02:10 device:1 beacon b1 -60
             10:02:19 device:1 beacon b1 -60",
            "10:00:44 made left device:1 associate 50 A left|device:1|s1|{10:00:00}
             10:02:05 made left device:1 associate 50 A left|device:1|s1|{10:02:00}
             10:02:26 made left device:1 associate 50 A left|device:1|s1|{10:02:06}"
        )
    }
);

case!(
    a_check_in_is_greeted_once_the_condition_holds,
    Case::new(
        vec![Rule {
            channels: vec!["associate"],
            condition: Some(("customer.tier == \"gold\"", |view| view.customer_is("tier", "gold"))),
            ..Rule::new("welcome", When::CheckedIn)
        }],
        "11:00:00",
        "10:00:00 card:1 checkin s1
         10:01:00 card:1 profile {\"tier\":\"gold\"}
         10:02:00 card:1 profile {\"tier\":null}
         10:03:00 card:1 profile {\"tier\":\"gold\"}",
        "10:01:00 made welcome card:1 associate 50 - check_in|card:1|s1|{10:00:00}
         10:02:00 withdrawn welcome rule"
    )
);
