//! Who went quiet, and who looked at something and left it; what associates ask for; who is near.

use super::super::config::{Config, HOUR, MINUTE, Presence};
use super::super::rules::{Rule, When};
use super::{Case, case};

fn lapsed(idle: u64) -> Rule {
    Rule::new("quiet", When::Lapsed { idle })
}

case!(
    whatever_somebody_does_breaks_the_silence,
    Case::new(
        vec![lapsed(2 * MINUTE)],
        "10:30:00",
        // Two minutes to the moment are no lapse; what the shop's system says is no activity.
        "10:00:00 cookie:1 view A
         10:02:00 cookie:1 search masks
         10:04:00 cookie:1 beacon b9 -95
         10:05:00 cookie:1 profile {\"tier\":\"gold\"}
         10:05:00 cookie:1 consent yes
         10:06:00.001 cookie:1 opened x
         10:10:00 card:9 link card:8",
        "10:06:00 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:04:00}
         10:08:00.001 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:06:00.001}"
    )
);

case!(
    a_late_activity_takes_it_back_and_coming_back_does_not,
    Case::new(
        vec![lapsed(10 * MINUTE), Rule::new("longer", When::Lapsed { idle: 20 * MINUTE })],
        "11:00:00",
        "10:00:00 cookie:1 view A
         10:15:00 cookie:1 view A
         10:16:00 cookie:1 view B
         10:05:00 cookie:1 view C
         10:36:00 cookie:1 view D",
        // Known late: something was done at 10:05, and ten minutes to the moment later again. Twenty to the
        // moment are no lapse either, by the rule that asks for them.
        "10:10:00 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:00:00}
         10:16:00 withdrawn quiet late_event
         10:26:00 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:16:00}
         10:46:00 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:36:00}
         10:56:00 made longer cookie:1 web 50 - lapsed|cookie:1|{10:36:00}"
    )
);

case!(
    all_handles_of_a_person_are_one,
    Case::new(
        vec![lapsed(10 * MINUTE)],
        "10:40:00",
        // The cookie is quiet from 10:00 on, the phone goes on until 10:21; a login is something done.
        "10:00:00 cookie:1 view A
         10:02:00 phone:1 login cookie:1
         10:11:00 phone:1 view B
         10:21:00 phone:1 view B
         10:32:00 phone:1 unlink cookie:1",
        // Parted, the cookie was quiet for long; the login stays the phone's.
        "10:31:00 made quiet phone:1 web 50 - lapsed|phone:1|{10:21:00}
         10:32:00 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:00:00}"
    )
);

case!(
    what_lies_too_far_back_does_not_count,
    Case {
        config: Config { activity_kept: HOUR, ..Config::default() },
        ..Case::new(
            vec![lapsed(30 * MINUTE), Rule::new("never", When::Lapsed { idle: 2 * HOUR })],
            "14:00:00",
            "10:00:00 cookie:1 view A",
            "10:30:00 made quiet cookie:1 web 50 - lapsed|cookie:1|{10:00:00}
             11:00:00.001 withdrawn quiet late_event"
        )
    }
);

fn browsed(idle: u64, min_views: usize, within: u64) -> Rule {
    Rule::new("looked", When::BrowseAbandoned { idle, min_views, within })
}

case!(
    looked_at_twice_and_left_alone,
    Case::new(
        vec![browsed(2 * MINUTE, 2, 10 * MINUTE)],
        "11:00:00",
        // A: ten minutes apart to the moment. B: a moment more. C: one event lists it twice.
        "10:00:00 cookie:1 view A
         10:00:00 cookie:1 view B
         10:00:00 cookie:2 view C C
         10:10:00 cookie:1 view A
         10:10:00.001 cookie:1 view B
         10:12:00.001 cookie:1 view A",
        // The third view of A comes a moment after its two minutes, and counts with the second.
        "10:12:00 made looked cookie:1 web 50 A browse|cookie:1|A|{10:10:00}
         10:14:00.001 made looked cookie:1 web 50 A browse|cookie:1|A|{10:12:00.001}"
    )
);

case!(
    a_view_at_the_due_time_is_in_time,
    Case::new(
        vec![browsed(2 * MINUTE, 2, HOUR)],
        "11:00:00",
        "10:00:00 cookie:1 view A
         10:01:00 phone:1 view A
         10:01:00 phone:1 link cookie:1
         10:03:00 cookie:1 view A",
        "10:05:00 made looked phone:1 web 50 A browse|cookie:1|A|{10:03:00}"
    )
);

case!(
    what_goes_into_the_cart_or_is_bought_was_not_left_alone,
    Case::new(
        vec![browsed(2 * MINUTE, 2, HOUR)],
        "11:00:00",
        // A: put into the cart in time. B: bought in time. C: put into the cart later, bought after that.
        // D: in the cart, views do not count; taken out, they begin anew.
        "10:00:00 cookie:1 add D
         10:00:00 cookie:1 view A B C D
         10:01:00 cookie:1 view A B C D
         10:03:00 cookie:1 add A
         10:03:00 cookie:1 buy t1 B
         10:10:00 cookie:1 add C
         10:10:00 cookie:1 remove A
         10:10:00 cookie:1 remove D
         10:20:00 cookie:1 buy t2 C
         10:30:00 cookie:1 view D
         10:31:00 cookie:1 view D
         10:40:00 cookie:1 view A",
        "10:03:00 made looked cookie:1 web 50 C browse|cookie:1|C|{10:01:00}
         10:20:00 withdrawn looked bought
         10:33:00 made looked cookie:1 web 50 D browse|cookie:1|D|{10:31:00}"
    )
);

case!(
    late_views_and_views_that_are_too_old,
    Case {
        config: Config { views_kept: 10 * MINUTE, ..Config::default() },
        ..Case::new(
            vec![browsed(2 * MINUTE, 2, HOUR)],
            "10:30:00",
            "10:00:00 cookie:1 view A
             10:01:00 cookie:1 view A
             10:04:00 cookie:2 view A
             10:02:00 cookie:1 view A",
            // Of 10:01, then of 10:02; the views are kept as long as the last of them, and then none is left.
            "10:03:00 made looked cookie:1 web 50 A browse|cookie:1|A|{10:01:00}
             10:04:00 withdrawn looked late_event
             10:04:00 made looked cookie:1 web 50 A browse|cookie:1|A|{10:02:00}
             10:12:00.001 withdrawn looked late_event"
        )
    }
);

fn asked(approval: bool) -> Rule {
    let id = if approval { "asked" } else { "given" };
    Rule::new(id, When::Requested { approval })
}

case!(
    what_is_asked_for_is_made_once_it_is_approved,
    Case::new(
        vec![asked(true), asked(false)],
        "11:00:00",
        // r1: approved, then refused. r2: another rule. r3: refused. r4: decided before it is known.
        "10:00:00 cookie:1 ask r1 s1 asked A B*2 A
         10:00:00 cookie:1 ask r2 s1 given
         10:00:00 cookie:1 ask r3 s1 asked C
         10:00:00 cookie:1 ask r5 s1 nothing C
         10:05:00 cookie:1 decide r1 yes
         10:06:00 cookie:1 decide r3 no
         10:07:00 cookie:1 decide r5 yes
         10:10:00 phone:1 decide r4 yes
         10:10:00 cookie:2 ask r4 s1 asked
         10:15:00 phone:1 link cookie:2
         10:20:00 cookie:1 decide r1 no
         10:30:00 phone:1 unlink cookie:2",
        "10:00:00 made given cookie:1 web 50 - request|cookie:1|r2|{10:00:00}
         10:05:00 made asked cookie:1 web 50 A,B request|cookie:1|r1|{10:00:00}
         10:15:00 made asked phone:1 web 50 - request|cookie:2|r4|{10:10:00}
         10:20:00 withdrawn asked removed
         10:30:00 withdrawn asked unlinked"
    )
);

case!(
    a_request_is_good_for_as_long_as_visits_are_kept,
    Case {
        config: Config {
            presence: Presence { visits_kept: 10 * MINUTE, ..Config::default().presence },
            ..Config::default()
        },
        ..Case::new(
            vec![asked(true)],
            "11:00:00",
            // At the last moment; a moment too late; what was made in time is not taken back for its age.
            "10:00:00 cookie:1 ask r1 s1 asked
             10:00:00 cookie:2 ask r2 s1 asked
             10:10:00 cookie:1 decide r1 yes
             10:10:00.001 cookie:2 decide r2 yes",
            "10:10:00 made asked cookie:1 web 50 -"
        )
    }
);

fn near(within: u64, location: Option<&'static str>) -> Rule {
    Rule::new("near", When::Nearby { within, location })
}

case!(
    near_a_place_until_farther_off_or_not_heard_of,
    Case::new(
        vec![near(200, None)],
        "11:00:00",
        // 0.0018 degrees to the north are 200.15 m. A coarse position says nothing.
        "09:00:00 - spot s1 48.1371 11.5754
         10:00:00 phone:1 at 48.1389 11.5754
         10:01:00 phone:1 at 48.1388 11.5754
         10:01:00 phone:2 at 48.1371 11.5754
         10:01:00 phone:3 at 48.1371 11.5754 200.5
         10:05:00 phone:1 at 48.1489 11.5754 900
         10:06:00 phone:1 at 48.1389 11.5754
         10:11:00 phone:2 at 48.1371 11.5754
         10:30:00 phone:2 at 48.1371 11.5754",
        // To the moment ten minutes after, the stay goes on; then it ends by silence at 10:21.
        "10:01:00 made near phone:1 sms 50 - nearby|phone:1|s1|{10:01:00}
         10:01:00 made near phone:2 sms 50 - nearby|phone:2|s1|{10:01:00}
         10:06:00 withdrawn near left
         10:21:00 withdrawn near left
         10:30:00 made near phone:2 sms 50 - nearby|phone:2|s1|{10:30:00}
         10:40:00 withdrawn near left"
    )
);

case!(
    positions_count_in_order_and_places_as_they_were_known,
    Case::new(
        vec![near(100, Some("s1"))],
        "11:00:00",
        // The first comes before the place is known. An older position changes nothing. The shop moves: only
        // who is heard of again is no longer near. A position that comes late breaks the silence after all.
        "10:00:00 phone:1 at 48.1371 11.5754
         10:00:00 - spot s1 48.1371 11.5754
         10:00:00 - spot s2 48.1371 11.5754
         10:01:00 phone:1 at 48.1371 11.5754
         10:00:30 phone:1 at 49.1371 11.5754
         10:02:00 phone:2 at 48.1371 11.5754
         10:03:00 - spot s1 48.1471 11.5754
         10:04:00 phone:2 at 48.1371 11.5754
         10:12:00 card:1 at 48.1371 11.5754
         10:10:00 phone:1 at 48.1471 11.5754
         10:13:00 card:1 view A",
        "10:01:00 made near phone:1 sms 50 - nearby|phone:1|s1|{10:01:00}
         10:02:00 made near phone:2 sms 50 - nearby|phone:2|s1|{10:02:00}
         10:04:00 withdrawn near left
         10:11:00 withdrawn near left"
    )
);

case!(
    what_somebody_bought_counts_where_the_profile_says_nothing,
    Case::new(
        vec![
            Rule {
                condition: Some(("customer.orders >= 2", |v| v
                    .customer_number("orders")
                    .is_some_and(|n| n >= 2.0))),
                score: ("customer.lifetime_spend", |v| v.customer_number("lifetime_spend").unwrap_or(0.0)),
                ..Rule::new("welcome", When::CheckedIn)
            },
            Rule {
                condition: Some(("customer.days_since_last_order == 1", |v| {
                    v.customer_number("days_since_last_order") == Some(1.0)
                })),
                ..Rule::new("yesterday", When::CheckedIn)
            },
        ],
        "59:00:00",
        // 2 * 10.50 + 9 on the cookie, 20 on the phone, 5 of it given back. A day to the moment is one day.
        "10:00:00 cookie:1 buy t1 A*2@10.5 B@9 C
         11:00:00 phone:1 till s1 t2 A@99 =20
         11:00:00 phone:1 link cookie:1
         11:30:00 cookie:1 refund t2 A@5
         12:00:00 cookie:1 checkin s1
         12:00:00 cookie:2 checkin s1
         12:00:00 cookie:3 profile {\"orders\":3,\"lifetime_spend\":77}
         13:00:00 cookie:3 buy t3 A =11
         13:00:00 cookie:3 checkin s1
         34:59:59.999 phone:1 checkin s1
         35:00:00 phone:1 checkin s1
         58:59:59.999 phone:1 checkin s1
         59:00:00 phone:1 checkin s1",
        "12:00:00 made welcome phone:1 web 45 -
         13:00:00 made welcome cookie:3 web 77 -
         34:59:59.999 made welcome phone:1 web 45 -
         35:00:00 made welcome phone:1 web 45 -
         35:00:00 made yesterday phone:1 web 50 -
         58:59:59.999 made welcome phone:1 web 45 -
         58:59:59.999 made yesterday phone:1 web 50 -
         59:00:00 made welcome phone:1 web 45 -"
    )
);
