//! What may be sent, to whom, when and over which channel.

use super::super::config::{Config, HOUR, MINUTE, Policy};
use super::super::rules::{Kinds, Rule, When};
use super::super::script::moment;
use super::{Case, case};

fn welcome(id: &'static str) -> Rule {
    Rule { channels: vec!["associate"], ..Rule::new(id, When::CheckedIn) }
}

/// About the stock of s1, whoever it is about.
fn few_in_s1() -> Rule {
    let interest = Kinds(&["cart"]);
    Rule::new("few", When::RunningLow { interest, at_most: 3, location: Some("s1") })
}

/// Quiet from nine to eight, by UTC where no other time is known.
fn quiet_nights() -> Config {
    with(Policy { quiet_hours: Some((21 * 60, 8 * 60)), tz: Some("UTC"), ..Policy::default() })
}

fn with(policy: Policy) -> Config {
    Config { policy, ..Config::default() }
}

case!(
    a_cap_frees_when_the_span_has_passed,
    Case {
        config: with(Policy { cap: Some((2, HOUR)), ..Policy::default() }),
        ..Case::new(
            vec![
                Rule { score: ("40", |_| 40.0), ..welcome("low") },
                Rule { score: ("60", |_| 60.0), ..welcome("high") },
                Rule { score: ("40", |_| 40.0), priority: 1, ..welcome("middle") },
            ],
            "12:00:00",
            // Best first: high, middle (by priority), then low, when the first two are an hour old.
            "10:00:00 card:1 checkin s1
             10:00:00 card:2 view A",
            "10:00:00 made high card:1 associate 60 -
             10:00:00 made middle card:1 associate 40 -
             11:00:00 made low card:1 associate 40 -"
        )
    }
);

case!(
    a_check_in_reported_twice_is_answered_once,
    Case::new(
        vec![welcome("hello")],
        "11:00:00",
        "10:00:00 card:1 checkin s1
         10:00:00 card:1 checkin s1 #again
         10:05:00 card:2 view A",
        "10:00:00 made hello card:1 associate 50 -"
    )
);

case!(
    a_rule_rests_for_its_cooldown,
    Case {
        config: with(Policy { cooldown: Some(HOUR), ..Policy::default() }),
        ..Case::new(
            vec![Rule { cooldown: Some(10 * MINUTE), ..welcome("own") }, welcome("general")],
            "11:30:00",
            "10:00:00 card:1 checkin s1
             10:05:00 card:1 checkin s1",
            "10:00:00 made own card:1 associate 50 - check_in|card:1|s1|{10:00:00}
             10:00:00 made general card:1 associate 50 - check_in|card:1|s1|{10:00:00}
             10:10:00 made own card:1 associate 50 - check_in|card:1|s1|{10:05:00}
             11:00:00 made general card:1 associate 50 - check_in|card:1|s1|{10:05:00}"
        )
    }
);

case!(
    quiet_hours_are_those_of_the_person_or_the_place,
    Case {
        config: quiet_nights(),
        ..Case::new(
            vec![welcome("welcome")],
            "40:00:00",
            // 20:30 UTC: in Berlin (s1, UTC+1 in March) 21:30, quiet until 07:00 UTC; in New York 15:30.
            // s2 has no zone: quiet from 21:00 UTC, inclusive, to 08:00, exclusive.
            "20:00:00 - store s1 Europe/Berlin
             20:00:00 card:2 profile {\"tz\":\"America/New_York\"}
             20:30:00 card:1 checkin s1
             20:30:00 card:2 checkin s1
             20:59:59.999 card:3 checkin s2
             21:00:00 card:4 checkin s2",
            "20:30:00 made welcome card:2 associate 50 -
             20:59:59.999 made welcome card:3 associate 50 -
             31:00:00 made welcome card:1 associate 50 -
             32:00:00 made welcome card:4 associate 50 -"
        )
    }
);

case!(
    quiet_hours_are_those_of_the_place_a_rule_names,
    Case {
        config: quiet_nights(),
        ..Case::new(
            vec![few_in_s1()],
            "40:00:00",
            // 20:30 UTC is 21:30 in Berlin, where s1 is: quiet until 07:00 UTC.
            "20:00:00 - store s1 Europe/Berlin
             20:00:00 cookie:1 add A
             20:30:00 - level s1 A 2",
            "31:00:00 made few cookie:1 web 50 A low|cookie:1|A|{20:00:00}|s1|0"
        )
    }
);

case!(
    quiet_hours_of_a_place_a_rule_names_move_with_it,
    Case {
        config: quiet_nights(),
        ..Case::new(
            vec![few_in_s1()],
            "40:00:00",
            // Nothing else of the candidate changes: at 22:00 UTC it is 17:00 in New York.
            "20:00:00 - store s1 Europe/Berlin
             20:00:00 cookie:1 add A
             20:30:00 - level s1 A 2
             22:00:00 - store s1 America/New_York",
            "22:00:00 made few cookie:1 web 50 A low|cookie:1|A|{20:00:00}|s1|0"
        )
    }
);

case!(
    quiet_hours_within_a_day,
    Case {
        config: with(Policy { quiet_hours: Some((12 * 60, 13 * 60 + 30)), ..Policy::default() }),
        ..Case::new(
            vec![welcome("welcome")],
            "20:00:00",
            "11:59:59.999 card:1 checkin s1
             12:00:00 card:2 checkin s1
             13:29:59.999 card:3 checkin s1",
            "11:59:59.999 made welcome card:1 associate 50 -
             13:30:00 made welcome card:2 associate 50 -
             13:30:00 made welcome card:3 associate 50 -"
        )
    }
);

case!(
    consent_goes_by_the_most_specific_statement,
    Case::new(
        vec![
            Rule { category: Some("promo"), channels: vec!["sms", "web"], ..welcome("promo") },
            Rule { channels: vec!["sms", "web"], ..welcome("plain") },
        ],
        "11:00:00",
        // Promotion by SMS was allowed in particular; all else is refused, until the web is allowed too.
        // Refusing all again changes nothing for either, refusing the web takes one back. For cookie:6 the
        // word on the channel outweighs the later one on the category.
        "09:00:00 phone:5 link cookie:5
         09:00:00 phone:5 consent no
         09:00:00 phone:5 consent yes channel=sms category=promo
         09:00:01 phone:5 consent no category=promo
         10:00:00 phone:5 checkin s1
         10:01:00 cookie:5 consent yes channel=web
         10:02:00 phone:5 consent no
         10:03:00 phone:5 consent no channel=web
         10:04:00 cookie:6 consent yes channel=web
         10:04:01 cookie:6 consent no category=promo
         10:04:02 cookie:6 checkin s1",
        "10:00:00 made promo phone:5 sms 50 -
         10:01:00 made plain phone:5 web 50 -
         10:03:00 withdrawn plain consent
         10:04:02 made promo cookie:6 web 50 -
         10:04:02 made plain cookie:6 web 50 -"
    )
);

case!(
    the_preferred_channel_comes_first_if_it_is_among_those_of_the_rule,
    Case {
        config: with(Policy { channels: vec!["web", "sms", "wechat"], ..Policy::default() }),
        ..Case::new(
            vec![
                Rule::new("any", When::CheckedIn),
                Rule { channels: vec!["email", "sms"], ..welcome("own") }
            ],
            "11:00:00",
            // No address but the card at first: nothing can be sent. Then the phone, then the messenger.
            "10:00:00 card:1 profile {\"preferred_channel\":\"wechat\"}
             10:00:00 card:1 checkin s1
             10:01:00 card:1 link phone:1
             10:02:00 card:1 link wechat:1
             10:02:00 card:1 link cookie:1
             10:03:00 card:1 checkin s1",
            "10:01:00 made any card:1 sms 50 - check_in|card:1|s1|{10:00:00}
             10:01:00 made own card:1 sms 50 - check_in|card:1|s1|{10:00:00}
             10:03:00 made any card:1 wechat 50 - check_in|card:1|s1|{10:03:00}
             10:03:00 made own card:1 sms 50 - check_in|card:1|s1|{10:03:00}"
        )
    }
);

case!(
    a_rule_holds_from_its_beginning_to_its_end,
    Case::new(
        vec![Rule { from: Some(moment("10:01:00")), until: Some(moment("10:03:00")), ..welcome("campaign") }],
        "11:00:00",
        "10:00:00 card:1 checkin s1
         10:02:59.999 card:2 checkin s1
         10:03:00 card:3 checkin s1",
        "10:01:00 made campaign card:1 associate 50 - check_in|card:1|s1|{10:00:00}
         10:02:59.999 made campaign card:2 associate 50 - check_in|card:2|s1|{10:02:59.999}"
    )
);

case!(
    withdrawn_offers_count_and_come_only_once,
    Case {
        config: with(Policy { cap: Some((1, 10 * MINUTE)), ..Policy::default() }),
        ..Case::new(
            vec![Rule {
                condition: Some(("customer.tier == \"gold\"", |view| view.customer_is("tier", "gold"))),
                ..welcome("gold")
            }],
            "11:00:00",
            "10:00:00 card:1 profile {\"tier\":\"gold\"}
             10:00:00 card:1 checkin s1
             10:01:00 card:1 profile {\"tier\":\"silver\"}
             10:02:00 card:1 profile {\"tier\":\"gold\"}
             10:03:00 card:1 checkin s2",
            "10:00:00 made gold card:1 associate 50 - check_in|card:1|s1|{10:00:00}
             10:01:00 withdrawn gold rule
             10:10:00 made gold card:1 associate 50 - check_in|card:1|s2|{10:03:00}"
        )
    }
);

case!(
    what_is_past_its_validity_is_not_withdrawn,
    Case::new(
        vec![Rule {
            valid: MINUTE,
            channels: vec!["associate"],
            ..Rule::new("idle", When::CartAbandoned { idle: MINUTE, per_item: false, first_add: true })
        }],
        "11:00:00",
        // Valid until 10:02.
        "10:00:00 card:1 add A
         10:00:00 card:2 add A
         10:02:00 card:1 remove A
         10:02:00.001 card:2 remove A",
        "10:01:00 made idle card:1 associate 50 A
         10:01:00 made idle card:2 associate 50 A
         10:02:00 withdrawn idle removed"
    )
);
