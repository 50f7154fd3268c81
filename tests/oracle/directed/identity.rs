//! Persons coming together and falling apart.

use super::super::config::{Config, Identity, MINUTE};
use super::super::rules::{Kinds, Rule, When};
use super::{Case, case};

fn on_shelf() -> Rule {
    let interest = Kinds(&["cart", "wishlist"]);
    Rule {
        channels: vec!["push", "web"],
        ..Rule::new("on_shelf", When::ZoneEntered { dwell: 0, interest, in_stock: true, zones: &[] })
    }
}

fn idle() -> Rule {
    let when = When::CartAbandoned { idle: MINUTE, per_item: false, first_add: false };
    Rule { channels: vec!["associate"], ..Rule::new("idle", when) }
}

case!(
    merging_two_halves_makes_the_offer_and_unlinking_withdraws_it,
    Case::new(
        vec![on_shelf()],
        "10:20:00",
        // The cart is the cookie's, the visit the device's.
        "09:00:00 - zone s1 z1 b1
         09:00:00 - shelf s1 z1 A,B
         09:00:00 - level s1 A 1
         10:00:00 cookie:1 add A B
         10:05:00 device:1 beacon b1 -60
         10:05:02 device:1 login cookie:1
         10:05:05 cookie:1 unlink device:1",
        "10:05:02 made on_shelf device:1 push 50 A zone|device:1|s1|z1|{10:05:00}
         10:05:05 withdrawn on_shelf unlinked"
    )
);

case!(
    a_link_taken_back_in_its_own_tick_never_was,
    Case::new(
        vec![on_shelf()],
        "10:20:00",
        "09:00:00 - zone s1 z1 b1
         09:00:00 - shelf s1 z1 A
         09:00:00 - level s1 A 1
         10:00:00 cookie:1 add A
         10:05:00 device:1 login cookie:1
         10:05:00 cookie:1 unlink device:1
         10:05:02 device:1 beacon b1 -60",
        ""
    )
);

case!(
    a_person_is_named_by_the_handle_that_lasts_longest,
    Case::new(
        vec![idle()],
        "10:20:00",
        // card < wechat < any other < device < cookie; a loyalty number is "any other".
        "10:00:00 cookie:1 add A
         10:00:10 cookie:1 link loyalty:7
         10:00:10 device:9 link cookie:1
         10:02:00 wechat:3 link loyalty:7
         10:02:00 wechat:3 add B",
        "10:01:00 made idle loyalty:7 associate 50 A cart|cookie:1|{10:00:00}|{10:00:00}
         10:03:00 made idle wechat:3 associate 50 A,B cart|cookie:1|{10:00:00}|{10:02:00}"
    )
);

case!(
    merging_carts_moves_their_beginning,
    Case::new(
        vec![idle()],
        "10:20:00",
        // The card's cart of 10:01 becomes part of the cookie's of 10:00:30: the old offer has no reason
        // any more, and that of the joint cart takes its place.
        "10:00:30 cookie:1 add A
         10:01:00 card:1 add B
         10:03:00 card:1 link cookie:1",
        "10:01:30 made idle cookie:1 associate 50 A cart|cookie:1|{10:00:30}|{10:00:30}
         10:02:00 made idle card:1 associate 50 B cart|card:1|{10:01:00}|{10:01:00}
         10:03:00 withdrawn idle late_event
         10:03:00 withdrawn idle late_event
         10:03:00 made idle card:1 associate 50 A,B cart|cookie:1|{10:00:30}|{10:01:00}"
    )
);

case!(
    the_latest_word_on_a_pair_holds,
    Case::new(
        vec![idle()],
        "10:20:00",
        // The link of 10:00:05 arrives after, but is older than, the unlink of 10:00:10.
        "10:00:00 cookie:1 add A
         10:00:10 card:1 unlink cookie:1
         10:00:05 cookie:1 link card:1",
        "10:01:00 made idle cookie:1 associate 50 A"
    )
);

case!(
    shared_and_blocked_handles_link_nobody,
    Case {
        config: Config {
            identity: Identity { max_links: 2, max_handles: 3, blocked: vec!["device:kiosk"] },
            ..Config::default()
        },
        ..Case::new(
            vec![idle()],
            "10:20:00",
            // till: three links, so shared. kiosk: blocked. cookie:4 would be the fourth of its set.
            "10:00:00 device:till link card:1
             10:00:00 device:till link card:2
             10:00:00 device:till link card:3
             10:00:00 device:kiosk link card:4
             10:00:01 card:5 link cookie:5
             10:00:02 cookie:5 link device:5
             10:00:03 cookie:4 link device:5
             10:00:10 device:till add A
             10:00:11 device:kiosk add A
             10:00:12 device:5 add A
             10:00:13 cookie:4 add A
             10:05:00 card:3 unlink device:till",
            "10:01:10 made idle device:till associate 50 A
             10:01:11 made idle device:kiosk associate 50 A
             10:01:12 made idle card:5 associate 50 A
             10:01:13 made idle cookie:4 associate 50 A"
        )
    }
);

case!(
    brands_never_meet,
    Case::new(
        vec![idle()],
        "10:20:00",
        "10:00:00 acme/cookie:1 add A
         10:00:00 cookie:1 add B
         10:00:30 acme/cookie:1 link card:1
         10:00:40 cookie:1 buy t1 A B",
        "10:01:00 made idle card:1 associate 50 A"
    )
);
