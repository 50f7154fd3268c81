//! Carts left behind, receipts, and the clock.

use super::super::config::MINUTE;
use super::super::rule_sets::words::{BY_PRICE, LARGE};
use super::super::rules::{Rule, Score, When};
use super::{Case, case};

fn cart(id: &'static str, idle: u64, per_item: bool, first_add: bool) -> Rule {
    Rule::new(id, When::CartAbandoned { idle, per_item, first_add })
}

/// Whole cart, a minute after the last activity.
fn idle() -> Rule {
    cart("idle", MINUTE, false, false)
}

case!(
    an_event_at_the_due_time_is_in_time,
    Case::new(
        vec![idle()],
        "10:05:00",
        // A: bought at the very moment. B: a moment later.
        "10:00:00 cookie:1 add A
         10:00:00 cookie:2 add B
         10:01:00 cookie:1 buy t1 A
         10:01:00.001 cookie:2 buy t2 B",
        "10:01:00 made idle cookie:2 web 50 B cart|cookie:2|{10:00:00}|{10:00:00}
         10:01:00.001 withdrawn idle bought"
    )
);

case!(
    the_clock_stops_with_the_input,
    Case::new(vec![idle()], "", "10:00:00 cookie:1 add A\n10:00:59.999 cookie:2 view A", "")
);

case!(
    what_is_due_as_the_clock_stops_fires,
    Case::new(
        vec![idle()],
        "",
        "10:00:00 cookie:1 add A\n10:01:00 cookie:2 view A",
        "10:01:00 made idle cookie:1 web 50 A"
    )
);

case!(
    until_moves_the_clock_on,
    Case::new(
        vec![idle()],
        "10:01:00",
        "10:00:00 cookie:1 add A\n10:00:00.001 cookie:2 add B",
        "10:01:00 made idle cookie:1 web 50 A"
    )
);

case!(
    ticks_lie_on_a_grid,
    Case {
        grid: 10_000,
        ..Case::new(
            vec![idle()],
            "10:02:00",
            // Due 10:01:03, so decided at 10:01:10; the purchase of 10:01:09 falls on that tick.
            "10:00:03 cookie:1 add A
             10:00:04 cookie:2 add B
             10:01:09 cookie:1 buy t1 A
             10:01:11 cookie:2 buy t2 B",
            "10:01:10 made idle cookie:2 web 50 B cart|cookie:2|{10:00:04}|{10:00:04}
             10:01:20 withdrawn idle bought"
        )
    }
);

case!(
    each_idle_period_of_a_line_is_an_episode,
    Case::new(
        vec![cart("line", MINUTE, true, false)],
        "10:10:00",
        // The add of 10:01:00 comes exactly a minute after the first: no idle period before it.
        "10:00:00 cookie:1 add A
         10:01:00 cookie:1 add A
         10:03:00 cookie:1 remove A*1
         10:05:00 cookie:1 remove A",
        "10:02:00 made line cookie:1 web 50 A line|cookie:1|A|{10:00:00}|{10:01:00}
         10:04:00 made line cookie:1 web 50 A line|cookie:1|A|{10:00:00}|{10:03:00}
         10:05:00 withdrawn line removed
         10:05:00 withdrawn line removed"
    )
);

case!(
    from_the_first_add_activity_does_not_count,
    Case::new(
        vec![cart("line", MINUTE, true, true), cart("cart", 2 * MINUTE, false, true)],
        "10:10:00",
        "10:00:00 cookie:1 add A
         10:00:30 cookie:1 add A B
         10:01:00 cookie:1 checkout
         10:01:30 cookie:1 remove A*2
         10:03:00 cookie:1 add A",
        "10:01:00 made line cookie:1 web 50 A line|cookie:1|A|{10:00:00}
         10:01:30 withdrawn line removed
         10:01:30 made line cookie:1 web 50 B line|cookie:1|B|{10:00:30}
         10:02:00 made cart cookie:1 web 50 B cart|cookie:1|{10:00:00}
         10:04:00 made line cookie:1 web 50 A line|cookie:1|A|{10:03:00}"
    )
);

case!(
    a_line_that_ends_is_activity_of_the_cart_that_goes_on,
    Case::new(
        vec![idle()],
        "10:10:00",
        "10:00:00 cookie:1 add A B
         10:00:50 cookie:1 remove A
         10:01:20 cookie:1 checkout A
         10:05:00 cookie:1 buy t1 B",
        // A checkout of what is not in the cart is no activity.
        "10:01:50 made idle cookie:1 web 50 B cart|cookie:1|{10:00:00}|{10:00:50}
         10:05:00 withdrawn idle bought"
    )
);

case!(
    the_second_copy_changes_nothing,
    Case::new(
        vec![idle()],
        "10:05:00",
        "10:00:00 cookie:1 add A #1
         10:00:10 cookie:1 remove A #1
         10:00:20 cookie:1 add B #1",
        "10:01:00 made idle cookie:1 web 50 A cart|cookie:1|{10:00:00}|{10:00:00}"
    )
);

case!(
    a_late_event_repairs_what_follows_from_it,
    Case::new(
        vec![idle(), cart("line", MINUTE, true, true)],
        "10:10:00",
        // At 10:02 it is learnt that A was added at 09:59:30 already: line and cart began there.
        "10:00:00 cookie:1 add A
         10:02:00 cookie:2 view A
         09:59:30 cookie:1 add A",
        "10:01:00 made idle cookie:1 web 50 A cart|cookie:1|{10:00:00}|{10:00:00}
         10:01:00 made line cookie:1 web 50 A line|cookie:1|A|{10:00:00}
         10:02:00 withdrawn idle late_event
         10:02:00 withdrawn line late_event
         10:02:00 made idle cookie:1 web 50 A cart|cookie:1|{09:59:30}|{10:00:00}
         10:02:00 made line cookie:1 web 50 A line|cookie:1|A|{09:59:30}"
    )
);

case!(
    only_items_that_pass_are_offered_best_first,
    Case::new(
        vec![Rule {
            condition: Some(("item.price > 20", |v| v.of_item(|i| i.price.is_some_and(|p| p > 20.0)))),
            score: ("item.price + cart.lines", |v| {
                v.item.as_ref().and_then(|i| i.price).unwrap_or(0.0) + v.cart_lines as f64
            }),
            ..idle()
        }],
        "10:20:00",
        "09:00:00 - price A 20
         09:00:00 - price B 30
         09:00:00 - price C 40.4
         09:00:00 - price E 30
         10:00:00 cookie:1 add A B C D E
         10:02:00 - price C 19
         10:03:00 - price B 19
         10:04:00 - price E 20",
        // 5 lines; 40.4 + 5 rounds to 45; D has no price. As long as one item passes, the offer stands.
        "10:01:00 made idle cookie:1 web 45 C,B,E
         10:04:00 withdrawn idle rule"
    )
);

case!(
    a_receipt_is_good_for_suggestions_for_a_while,
    Case::new(
        vec![Rule::new("receipt", When::Purchased { within: 5 * MINUTE })],
        "10:30:00",
        // The second receipt is known only after its five minutes.
        "10:00:00 card:1 till s1 t1 A B
         10:00:00 cookie:1 view A
         10:00:00 cookie:1 link card:1
         10:10:00 cookie:2 view A
         10:04:00 cookie:1 buy t2 C
         10:06:00 cookie:1 buy t3 C",
        "10:00:00 made receipt card:1 web 50 A,B purchase|card:1|t1|{10:00:00}
         10:10:00 made receipt card:1 web 50 C purchase|cookie:1|t3|{10:06:00}"
    )
);

const BY_PIECES: Score =
    ("10 * item.quantity", |view| 10.0 * view.item.as_ref().map_or(0, |item| item.quantity) as f64);

case!(
    an_article_that_an_event_lists_twice_is_one_with_all_its_pieces,
    Case::new(
        vec![
            Rule { score: BY_PIECES, ..Rule::new("receipt", When::Purchased { within: MINUTE }) },
            Rule { score: BY_PIECES, ..Rule::new("given", When::Requested { approval: false }) },
            Rule { score: BY_PIECES, ..cart("line", MINUTE, true, true) },
            Rule {
                condition: Some(("item.quantity == 1", |v| v.of_item(|item| item.quantity == 1))),
                ..Rule::new("single", When::Purchased { within: MINUTE })
            },
        ],
        "10:20:00",
        // None of the lines with A says 3. What is put on the wish list or viewed twice is one wish, and one view.
        "10:00:00 cookie:1 buy t1 A*2 B A@5
         10:01:00 cookie:2 ask r1 s1 given C A*2~sport C*3 A
         10:02:00 cookie:3 add D B D*4@20 D~sport
         10:02:30 cookie:3 remove D*2 B*1 D*1@20
         10:03:30 cookie:4 add A A*2
         10:03:40 cookie:4 remove A*1 A
         10:04:00 cookie:5 wish A A@5
         10:04:10 cookie:5 unwish A
         10:05:00 cookie:6 till s1 t2 A*2 A*3",
        "10:00:00 made receipt cookie:1 web 30 A,B
         10:00:00 made single cookie:1 web 50 B
         10:01:00 made given cookie:2 web 40 C,A
         10:03:00 made line cookie:3 web 30 D
         10:05:00 made receipt cookie:6 web 50 A"
    )
);

case!(
    what_events_said_of_an_article_last_counts_each_field_by_itself,
    Case::new(
        vec![
            Rule { score: BY_PRICE, ..cart("line", MINUTE, true, false) },
            Rule { condition: Some(LARGE), ..cart("large", 2 * MINUTE, true, false) },
            Rule { score: BY_PRICE, ..Rule::new("receipt", When::Purchased { within: MINUTE }) },
        ],
        "10:30:00",
        // What is put into the cart again without a price still has one; of what is listed twice the greatest counts; views say
        // nothing of what is in the cart, and what ended says nothing more; a receipt says what it says.
        "10:00:00 cookie:1 add X@20#L
         10:00:10 cookie:1 add X
         10:05:00 cookie:2 add Y@30#S Y@40
         10:05:10 cookie:2 view Y@35#L
         10:10:00 cookie:3 view Z@50
         10:10:10 cookie:3 buy t1 Z
         10:10:20 cookie:3 add Z
         10:15:00 cookie:4 add X@60
         10:15:10 cookie:4 buy t2 X@10 X@15",
        "10:01:10 made line cookie:1 web 20 X
         10:02:10 made large cookie:1 web 50 X
         10:06:00 made line cookie:2 web 40 Y
         10:10:10 made receipt cookie:3 web 0 Z
         10:11:20 made line cookie:3 web 0 Z
         10:15:10 made receipt cookie:4 web 15 X"
    )
);
