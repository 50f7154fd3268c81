//! Persons who ask to be forgotten.

use super::super::config::{Config, HOUR, Identity, MINUTE, Policy};
use super::super::rules::{Rule, When};
use super::{Case, case};

fn idle() -> Rule {
    let when = When::CartAbandoned { idle: MINUTE, per_item: false, first_add: false };
    Rule { channels: vec!["associate"], ..Rule::new("idle", when) }
}

fn welcome() -> Rule {
    Rule { channels: vec!["associate"], ..Rule::new("hello", When::CheckedIn) }
}

case!(
    offers_are_withdrawn_and_those_of_others_stay,
    Case::new(
        vec![idle()],
        "10:20:00",
        "10:00:00 cookie:1 add A
         10:00:00 cookie:2 add B
         10:02:00 cookie:1 forget",
        "10:01:00 made idle cookie:1 associate 50 A cart|cookie:1|{10:00:00}|{10:00:00}
         10:01:00 made idle cookie:2 associate 50 B cart|cookie:2|{10:00:00}|{10:00:00}
         10:02:00 withdrawn idle forgotten"
    )
);

case!(
    nothing_is_offered_in_the_tick_whatever_comes_behind_in_it,
    Case::new(
        vec![idle(), welcome()],
        "10:20:00",
        // The cart is due in the tick, and the card, with its check-in, belongs to the cookie in the end of it.
        "10:00:00 cookie:1 add A
         10:00:00 cookie:2 add A
         10:01:00 cookie:1 forget
         10:01:00 card:1 link cookie:1
         10:01:00 card:1 checkin s1
         10:01:00 card:2 checkin s1",
        "10:01:00 made idle cookie:2 associate 50 A
         10:01:00 made hello card:2 associate 50 -"
    )
);

case!(
    any_handle_forgets_the_whole_person_who_begins_anew,
    Case::new(
        vec![idle()],
        "10:20:00",
        // The link is forgotten too: the cookie comes back alone, and what it carried is gone.
        "10:00:00 cookie:1 add A
         10:00:00 card:1 link cookie:1
         10:00:10 device:1 login card:1
         10:02:00 device:1 forget
         10:05:00 cookie:1 add B
         10:05:00 card:1 view A",
        "10:01:00 made idle card:1 associate 50 A
         10:02:00 withdrawn idle forgotten
         10:06:00 made idle cookie:1 associate 50 B cart|cookie:1|{10:05:00}|{10:05:00}"
    )
);

case!(
    what_comes_late_after_it_is_new,
    Case::new(
        vec![idle()],
        "10:20:00",
        // The first late one is of the tick of the forgetting.
        "10:00:00 cookie:1 add A
         10:00:30 cookie:1 forget
         10:00:20 cookie:1 add C
         10:00:31 card:9 view A
         10:00:20 cookie:1 add B",
        "10:01:20 made idle cookie:1 associate 50 B cart|cookie:1|{10:00:20}|{10:00:20}"
    )
);

case!(
    caps_begin_anew_and_the_same_episode_may_come_again,
    Case {
        config: Config { policy: Policy { cap: Some((1, HOUR)), ..Policy::default() }, ..Config::default() },
        ..Case::new(
            vec![welcome()],
            "10:50:00",
            // The third check-in says the time of the first: the same episode, of which nobody knows.
            "10:00:00 card:1 checkin s1
             10:01:00 card:1 checkin s1
             10:05:00 card:1 forget
             10:10:00 card:2 view A
             10:00:00 card:1 checkin s1 #again",
            "10:00:00 made hello card:1 associate 50 - check_in|card:1|s1|{10:00:00}
             10:05:00 withdrawn hello forgotten
             10:10:00 made hello card:1 associate 50 - check_in|card:1|s1|{10:00:00}"
        )
    }
);

case!(
    a_copy_of_a_forgotten_event_changes_nothing,
    Case::new(
        vec![welcome()],
        "10:20:00",
        "10:00:00 card:1 checkin s1 #once
         10:05:00 card:1 forget
         10:10:00 card:1 checkin s1 #once
         10:11:00 card:1 forget
         10:12:00 card:7 forget",
        "10:00:00 made hello card:1 associate 50 -
         10:05:00 withdrawn hello forgotten"
    )
);

case!(
    who_was_unlinked_before_is_somebody_else,
    Case::new(
        vec![idle()],
        "10:20:00",
        "10:00:00 card:1 link cookie:1
         10:00:01 cookie:1 unlink card:1
         10:00:02 cookie:1 add A
         10:02:00 card:1 forget",
        "10:01:02 made idle cookie:1 associate 50 A"
    )
);

fn kiosks() -> Config {
    Config { identity: Identity { max_links: 2, max_handles: 64, blocked: vec![] }, ..Config::default() }
}

case!(
    a_shared_handle_is_not_forgotten_with_who_used_it_and_may_link_again,
    Case {
        config: kiosks(),
        ..Case::new(
            vec![idle()],
            "10:20:00",
            // Three links, one too many; without that of card:3 the till links the other two again.
            "10:00:00 device:till link card:1
             10:00:00 device:till link card:2
             10:00:00 device:till link card:3
             10:00:10 device:till add A
             10:00:10 card:3 add C
             10:05:00 card:3 forget
             10:06:00 card:2 add B",
            "10:01:10 made idle device:till associate 50 A cart|device:till|{10:00:10}|{10:00:10}
             10:01:10 made idle card:3 associate 50 C cart|card:3|{10:00:10}|{10:00:10}
             10:05:00 withdrawn idle forgotten
             10:07:00 made idle card:1 associate 50 A,B cart|device:till|{10:00:10}|{10:06:00}"
        )
    }
);

case!(
    forgetting_a_shared_handle_forgets_what_it_did_itself,
    Case {
        config: kiosks(),
        ..Case::new(
            vec![idle()],
            "10:20:00",
            "10:00:00 device:till link card:1
             10:00:00 device:till link card:2
             10:00:00 device:till link card:3
             10:00:10 device:till add A
             10:00:10 card:3 add C
             10:05:00 device:till forget
             10:06:00 device:till link card:3",
            "10:01:10 made idle device:till associate 50 A
             10:01:10 made idle card:3 associate 50 C
             10:05:00 withdrawn idle forgotten"
        )
    }
);

case!(
    brands_forget_apart,
    Case::new(
        vec![idle()],
        "10:20:00",
        "10:00:00 acme/cookie:1 add A
         10:00:00 cookie:1 add A
         10:02:00 acme/cookie:1 forget",
        "10:01:00 made idle cookie:1 associate 50 A
         10:01:00 made idle cookie:1 associate 50 A
         10:02:00 withdrawn idle forgotten"
    )
);
