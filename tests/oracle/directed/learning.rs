//! Accept rates: when offers count as what, and from when on scores see it.
//!
//! Ids of offers: `printf '\x1fRULE\x1fEPISODE' | sha256sum`, the first 32 digits.

use super::super::config::{Config, Learning, MINUTE, Policy};
use super::super::rules::{Rule, Score, When};
use super::{Case, case};

const RATE: Score = ("history.accept_rate / 100", |view| (view.history.0 / 100) as f64);
const BOTH: Score = ("10 * history.offers + history.accept_rate / 1000", |view| {
    (10 * view.history.1 + view.history.0 / 1000) as f64
});

/// Every ten minutes.
fn learning(start_rate: u64, weight: u64) -> Config {
    let learning = Learning { every: 10 * MINUTE, segment: None, start_rate, weight };
    Config { learning: Some(learning), ..Config::default() }
}

fn hello(valid: u64, score: Score) -> Rule {
    Rule { channels: vec!["associate"], valid, score, ..Rule::new("hello", When::CheckedIn) }
}

fn idle(valid: u64) -> Rule {
    let when = When::CartAbandoned { idle: MINUTE, per_item: true, first_add: true };
    Rule { channels: vec!["associate"], valid, score: BOTH, ..Rule::new("idle", when) }
}

case!(
    refused_when_it_is_over_and_seen_a_period_after_it_was_counted,
    Case {
        config: learning(5000, 2),
        ..Case::new(
            vec![hello(10 * MINUTE, RATE)],
            "11:10:00",
            // The first holds until 10:10:00, so at that moment it is not over yet: it is counted at
            // 10:20 and seen from 10:30 on, when 0 of 1 makes 10000 / 3 = 3333, seen as 3325. Those of
            // 10:29:59.999 (over at 10:40) and 10:30:00 (over after it) are counted at 10:40 and 10:50:
            // 0 of 2 makes 2500 from 10:50 on, 0 of 3 makes 2000 from 11:00 on.
            "10:00:00 card:1 checkin s1
             10:29:59.999 card:2 checkin s1
             10:30:00 card:3 checkin s1
             10:49:59 card:4 checkin s1
             10:50:00 card:5 checkin s1
             11:00:00 card:6 checkin s1",
            "10:00:00 made hello card:1 associate 50 -
             10:29:59.999 made hello card:2 associate 50 -
             10:30:00 made hello card:3 associate 33 -
             10:49:59 made hello card:4 associate 33 -
             10:50:00 made hello card:5 associate 25 -
             11:00:00 made hello card:6 associate 20 -"
        )
    }
);

case!(
    without_learning_the_rate_is_five_percent_of_nothing,
    Case::new(
        vec![hello(MINUTE, BOTH), Rule { id: "rate", ..hello(MINUTE, RATE) }],
        "12:00:00",
        "10:00:00 card:1 checkin s1
         11:30:00 card:2 checkin s1",
        "10:00:00 made hello card:1 associate 0 -
         10:00:00 made rate card:1 associate 5 -
         11:30:00 made hello card:2 associate 0 -
         11:30:00 made rate card:2 associate 5 -"
    )
);

case!(
    what_counts_as_taken_up_as_refused_and_as_neither,
    Case {
        config: learning(1000, 1),
        ..Case::new(
            vec![idle(10 * MINUTE)],
            "10:30:00",
            // Offers of 10:01:00, until 10:11:00. Taken up: 1 (bought), 2 (redeemed), 6 (bought at the
            // last moment), 8 (clicked), 9 (redeemed, though it was reported as failed). Refused: 5, 7 (bought
            // a millisecond late), 12 (bought something else). Neither: 3 (removed, and bought after), 4
            // (failed, and bought). At 10:10 of these 1, 2, 8, 9 are known: 4 of 4, (40000 + 1000) / 5 = 8200, seen
            // from 10:20 on. At 10:20: 5 of 8, (50000 + 1000) / 9 = 5666, seen as 5675 from 10:30 on.
            "10:00:00 card:1 add A
             10:00:00 card:2 add A
             10:00:00 card:3 add A
             10:00:00 card:4 add A
             10:00:00 card:5 add A
             10:00:00 card:6 add A
             10:00:00 card:7 add A
             10:00:00 card:8 add A
             10:00:00 card:9 add A
             10:00:00 card:12 add A
             10:02:00 card:4 failed de1e17e6e783f4f21a5ed0a02e7c59b6
             10:02:00 card:9 failed d4a916f22e157ba25d31f3c4b4d88df9
             10:05:00 card:1 buy t1 B A
             10:05:00 device:2 redeem dc23bb079d06822e7ee7cff52e5a855b
             10:05:00 card:3 remove A
             10:06:00 card:3 buy t3 A
             10:06:00 card:4 buy t4 A
             10:06:00 card:8 clicked c8ba03143ec671616dbecec78b3afcd3
             10:06:00 card:9 redeem d4a916f22e157ba25d31f3c4b4d88df9
             10:06:00 card:12 buy t12 B
             10:11:00 card:6 till s1 t6 A
             10:11:00.001 card:7 buy t7 A
             10:18:59.999 card:10 add A
             10:19:00 card:11 add A
             10:29:00 card:13 add A",
            "10:01:00 made idle card:1 associate 1 A
             10:01:00 made idle card:2 associate 1 A
             10:01:00 made idle card:3 associate 1 A
             10:01:00 made idle card:4 associate 1 A
             10:01:00 made idle card:5 associate 1 A
             10:01:00 made idle card:6 associate 1 A
             10:01:00 made idle card:7 associate 1 A
             10:01:00 made idle card:8 associate 1 A
             10:01:00 made idle card:9 associate 1 A
             10:01:00 made idle card:12 associate 1 A
             10:05:00 withdrawn idle bought
             10:05:00 withdrawn idle removed
             10:06:00 withdrawn idle bought
             10:11:00 withdrawn idle bought
             10:19:59.999 made idle card:10 associate 1 A
             10:20:00 made idle card:11 associate 48 A
             10:30:00 made idle card:13 associate 85 A"
        )
    }
);

case!(
    what_is_bought_before_the_offer_was_sent_does_not_count,
    Case {
        config: learning(1000, 1),
        ..Case::new(
            vec![idle(10 * MINUTE)],
            "10:30:00",
            // The purchases of 10:01:00 (its own tick decides nothing more) and 10:00:30 come late. Of 1 the
            // line had ended before the offer: withdrawn, neither. Of 2 likewise: bought at the tick in which it was
            // sent, not after it. Refused: 3. From 10:30 on 0 of 1 is seen: 500.
            "10:00:00 card:1 add A
             10:00:00 card:2 add A
             10:00:00 card:3 add A
             10:01:30 card:4 view A
             10:00:30 card:1 buy t1 A
             10:01:00 card:2 buy t2 A
             10:29:00 card:5 add A",
            "10:01:00 made idle card:1 associate 1 A
             10:01:00 made idle card:2 associate 1 A
             10:01:00 made idle card:3 associate 1 A
             10:01:30 withdrawn idle bought
             10:01:30 withdrawn idle bought
             10:30:00 made idle card:5 associate 10 A"
        )
    }
);

case!(
    what_is_learned_late_changes_what_was_counted,
    Case {
        config: learning(1000, 1),
        ..Case::new(
            vec![idle(10 * MINUTE)],
            "11:00:00",
            // Refused at 10:20: 0 of 1, 500, from 10:30 on. At 10:25 it turns out that it was bought at
            // 10:05 by another handle of hers: 1 of 1, 5500, from 10:40 on. That handle is parted from her at
            // 10:35, which is seen from 10:50 on: refused again (and 5, of 10:30, not over yet).
            "10:00:00 card:1 add A
             10:25:00 card:9 view B
             10:05:00 phone:1 buy t1 A
             10:25:00 card:1 link phone:1
             10:29:00 card:5 add A
             10:35:00 card:1 unlink phone:1
             10:39:00 card:6 add A
             10:49:00 card:7 add A",
            "10:01:00 made idle card:1 associate 1 A
             10:30:00 made idle card:5 associate 10 A
             10:40:00 made idle card:6 associate 15 A
             10:50:00 made idle card:7 associate 10 A"
        )
    }
);

case!(
    segments_and_channels_begin_with_what_is_next_more_general,
    Case {
        config: Config {
            learning: Some(Learning {
                every: 10 * MINUTE,
                segment: Some("tier"),
                start_rate: 2000,
                weight: 2
            }),
            ..Config::default()
        },
        ..Case::new(
            vec![Rule { channels: vec!["associate", "sms"], ..hello(MINUTE, RATE) }],
            "10:21:00",
            // The rule, 1 of 3: (10000 + 4000) / 5 = 2800. Gold, 1 of 2: (10000 + 5600) / 4 = 3900; of that
            // associate, 1 of 1: (10000 + 7800) / 3 = 5933, seen as 5925; sms, 0 of 1: 7800 / 3 = 2600. Silver, 0 of 1:
            // 5600 / 3 = 1866; associate, 0 of 1: 3732 / 3 = 1244, seen as 1250; sms, never: 1866, seen as 1875.
            // Card 1 is silver by the time it clicks: what counts is what it was.
            "10:00:00 card:1 profile {\"tier\":\"gold\"}
             10:00:00 phone:2 profile {\"tier\":\"gold\",\"preferred_channel\":\"sms\"}
             10:00:00 card:3 profile {\"tier\":\"silver\"}
             10:00:00 card:1 checkin s1
             10:00:00 phone:2 checkin s1
             10:00:00 card:3 checkin s1
             10:01:00 card:1 profile {\"tier\":\"silver\"}
             10:01:00 card:1 clicked 9e762570b619c99d1e540511a4607207
             10:20:00 card:4 profile {\"tier\":\"gold\"}
             10:20:00 phone:5 profile {\"tier\":\"gold\",\"preferred_channel\":\"sms\"}
             10:20:00 card:6 profile {\"tier\":\"silver\"}
             10:20:00 card:8 profile {\"tier\":\"gold\",\"preferred_channel\":\"web\"}
             10:20:00 phone:9 profile {\"tier\":\"silver\",\"preferred_channel\":\"sms\"}
             10:20:00 card:4 checkin s1
             10:20:00 phone:5 checkin s1
             10:20:00 card:6 checkin s1
             10:20:00 card:7 checkin s1
             10:20:00 card:8 checkin s1
             10:20:00 phone:9 checkin s1",
            "10:00:00 made hello card:1 associate 20 -
             10:00:00 made hello phone:2 sms 20 -
             10:00:00 made hello card:3 associate 20 -
             10:20:00 made hello card:4 associate 59 -
             10:20:00 made hello phone:5 sms 26 -
             10:20:00 made hello card:6 associate 12 -
             10:20:00 made hello card:7 associate 28 -
             10:20:00 made hello card:8 associate 59 -
             10:20:00 made hello phone:9 sms 18 -"
        )
    }
);

case!(
    brands_learn_apart,
    Case {
        config: learning(1000, 1),
        ..Case::new(
            vec![hello(MINUTE, BOTH)],
            "10:21:00",
            "10:00:00 acme/card:1 checkin s1
             10:00:00 acme/card:2 checkin s1
             10:00:00 card:1 checkin s1
             10:20:00 card:3 checkin s1
             10:20:00 acme/card:3 checkin s1",
            "10:00:00 made hello card:1 associate 1 -
             10:00:00 made hello card:2 associate 1 -
             10:00:00 made hello card:1 associate 1 -
             10:20:00 made hello card:3 associate 10 -
             10:20:00 made hello card:3 associate 20 -"
        )
    }
);

case!(
    who_is_forgotten_at_the_moment_of_counting_does_not_count,
    Case {
        config: learning(1000, 1),
        ..Case::new(
            vec![hello(MINUTE, BOTH)],
            "10:21:00",
            "10:00:00 card:1 checkin s1
             10:00:00 card:2 checkin s1
             10:10:00 card:1 forget
             10:20:00 card:3 checkin s1",
            "10:00:00 made hello card:1 associate 1 -
             10:00:00 made hello card:2 associate 1 -
             10:20:00 made hello card:3 associate 10 -"
        )
    }
);

case!(
    moments_are_whole_ticks_apart,
    Case {
        grid: 10_000,
        config: Config {
            learning: Some(Learning { every: 45_000, segment: None, start_rate: 5000, weight: 2 }),
            ..Config::default()
        },
        ..Case::new(
            vec![hello(10_000, RATE)],
            "10:02:00",
            // 45 s are 50 s: counted at 10:00:50 (10:00:00 is a moment, too), seen from 10:01:40 on.
            "10:00:00 card:1 checkin s1
             10:01:30 card:2 checkin s1
             10:01:31 card:3 checkin s1",
            "10:00:00 made hello card:1 associate 50 -
             10:01:30 made hello card:2 associate 50 -
             10:01:40 made hello card:3 associate 33 -"
        )
    }
);

case!(
    what_was_kept_back_goes_out_when_the_rate_has_risen,
    Case {
        config: Config { policy: Policy { min_score: 40, ..Policy::default() }, ..learning(5000, 2) },
        ..Case::new(
            vec![hello(MINUTE, RATE)],
            "11:00:00",
            // 0 of 1 from 10:20 on: 33 is too little. The click of 10:26 is counted at 10:30, seen from
            // 10:40 on, a tick in which nothing else happens: (10000 + 10000) / 3 = 6666, seen as 6675.
            "10:00:00 card:1 checkin s1
             10:25:00 card:2 checkin s1
             10:26:00 card:1 clicked 9e762570b619c99d1e540511a4607207
             10:27:00 card:9 view A",
            "10:00:00 made hello card:1 associate 50 -
             10:40:00 made hello card:2 associate 66 -"
        )
    }
);

case!(
    the_clock_may_stop_before_a_rate_comes_into_force,
    Case {
        grid: 10_000,
        config: Config { policy: Policy { min_score: 40, ..Policy::default() }, ..learning(5000, 2) },
        ..Case::new(
            vec![hello(MINUTE, RATE)],
            // The same, but the clock ends five seconds before, in the tick of 10:40:00.
            "10:39:55",
            "10:00:00 card:1 checkin s1
             10:25:00 card:2 checkin s1
             10:26:00 card:1 clicked 9e762570b619c99d1e540511a4607207
             10:39:55 card:9 view A",
            "10:00:00 made hello card:1 associate 50 -"
        )
    }
);
