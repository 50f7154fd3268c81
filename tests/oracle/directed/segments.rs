//! Conditions over a person that come true, cease to hold, and come true again.

use super::*;
use crate::oracle::config::DAY;
use crate::oracle::rules::{Condition, When};

const GOLD: Condition = ("customer.tier == \"gold\"", |view| view.customer_is("tier", "gold"));
const SPENDER: Condition = ("customer.lifetime_spend > 30", |view| {
    view.customer_number("lifetime_spend").is_some_and(|spend| spend > 30.0)
});
const NO_ORDER: Condition =
    ("customer.orders == 0", |view| view.customer_number("orders").is_some_and(|orders| orders == 0.0));

fn entered(id: &'static str, segment: Condition) -> Rule {
    Rule { valid: 30 * DAY, ..Rule::new(id, When::SegmentEntered { segment }) }
}

case!(
    entered_left_and_entered_again,
    Case::new(
        vec![entered("gold", GOLD)],
        "12:00:00",
        // Saying it again is no entry, nor is another attribute.
        "10:00:00 cookie:1 profile {\"tier\":\"gold\"}
         10:05:00 cookie:1 profile {\"visits\":3}
         10:10:00 cookie:1 profile {\"tier\":null}
         10:20:00 cookie:1 profile {\"tier\":\"gold\"}
         10:30:00 cookie:1 profile {\"tier\":\"gold\"}
         10:40:00 cookie:2 profile {\"tier\":\"silver\"}",
        "10:00:00 made gold cookie:1 web 50 - segment|cookie:1|{10:00:00}
         10:10:00 withdrawn gold left
         10:20:00 made gold cookie:1 web 50 - segment|cookie:1|{10:20:00}"
    )
);

case!(
    late_events_move_entries_and_show_that_there_was_none,
    Case::new(
        vec![entered("gold", GOLD), entered("spender", SPENDER)],
        "12:00:00",
        "10:00:00 cookie:1 profile {\"tier\":\"gold\"}
         10:00:00 cookie:2 buy t1 A =20
         10:10:00 cookie:2 buy t2 A =20
         10:15:00 cookie:3 view A
         09:50:00 cookie:1 profile {\"tier\":\"gold\"}
         09:00:00 cookie:2 refund t0 A =15
         10:20:00 cookie:2 buy t3 A =10",
        // Of cookie:2: 5 at 10:00, 25 at 10:10, 35 at 10:20.
        "10:00:00 made gold cookie:1 web 50 - segment|cookie:1|{10:00:00}
         10:10:00 made spender cookie:2 web 50 - segment|cookie:2|{10:10:00}
         10:15:00 withdrawn gold late_event
         10:15:00 made gold cookie:1 web 50 - segment|cookie:1|{09:50:00}
         10:15:00 withdrawn spender late_event
         10:20:00 made spender cookie:2 web 50 - segment|cookie:2|{10:20:00}"
    )
);

case!(
    handles_enter_together_and_leave_when_they_part,
    Case::new(
        vec![entered("gold", GOLD), entered("spender", SPENDER)],
        "12:00:00",
        // The phone said something else since, but not of who it is; the two spent enough together.
        "10:00:00 cookie:1 profile {\"tier\":\"gold\"}
         10:10:00 phone:1 profile {\"tier\":\"silver\"}
         10:10:00 phone:2 buy t1 A =20
         10:11:00 cookie:2 till s1 t2 A =20
         10:20:00 cookie:1 link phone:1
         10:20:00 cookie:2 link phone:2
         10:30:00 cookie:1 unlink phone:1
         10:30:00 cookie:2 unlink phone:2",
        "10:00:00 made gold cookie:1 web 50 - segment|cookie:1|{10:00:00}
         10:20:00 withdrawn gold left
         10:20:00 made spender phone:2 web 50 - segment|cookie:2|{10:11:00}
         10:30:00 withdrawn spender late_event"
    )
);

case!(
    the_first_thing_known_enters_what_asks_for_nothing,
    Case::new(
        vec![entered("newcomer", NO_ORDER)],
        "12:00:00",
        "10:00:00 cookie:1 view A
         10:05:00 cookie:1 profile {\"visits\":1}
         10:10:00 cookie:1 buy t1 A
         10:10:00 cookie:2 buy t2 A
         10:20:00 cookie:2 profile {\"visits\":1}",
        "10:05:00 made newcomer cookie:1 web 50 - segment|cookie:1|{10:05:00}
         10:10:00 withdrawn newcomer left"
    )
);

case!(
    a_reason_for_thirty_days_and_known_for_one_more,
    Case::new(
        vec![entered("gold", GOLD)],
        "900:00:00",
        // 720 hours to the moment, and a millisecond more. Who was gold all the time enters nothing by saying it again.
        "10:00:00 cookie:1 profile {\"tier\":\"gold\"}
         10:00:00 cookie:2 profile {\"tier\":\"gold\"}
         10:00:00 device:1 profile {\"tier\":\"gold\"}
         10:00:00 cookie:3 profile {\"tier\":\"gold\"}
         400:00:00 cookie:3 profile {\"visits\":3}
         730:00:00 cookie:1 profile {\"tier\":\"silver\"}
         730:00:00.001 cookie:2 profile {\"tier\":\"silver\"}
         800:00:00 cookie:2 profile {\"tier\":\"gold\"}
         800:00:00 cookie:3 profile {\"tier\":\"gold\"}
         800:00:00 device:1 profile {\"tier\":\"gold\"}
         800:00:00 phone:1 link device:1
         801:00:00 phone:1 profile {\"tier\":\"gold\"}",
        "10:00:00 made gold cookie:1 web 50 - segment|cookie:1|{10:00:00}
         10:00:00 made gold cookie:2 web 50 - segment|cookie:2|{10:00:00}
         10:00:00 made gold cookie:3 web 50 - segment|cookie:3|{10:00:00}
         10:00:00 made gold device:1 push 50 - segment|device:1|{10:00:00}
         730:00:00 withdrawn gold left
         800:00:00 made gold cookie:2 web 50 - segment|cookie:2|{800:00:00}"
    )
);

case!(
    who_is_forgotten_enters_anew,
    Case::new(
        vec![entered("gold", GOLD), entered("newcomer", NO_ORDER)],
        "12:00:00",
        "10:00:00 cookie:1 buy t1 A
         10:00:00 cookie:1 profile {\"tier\":\"gold\"}
         10:10:00 cookie:1 forget
         10:20:00 cookie:1 profile {\"tier\":\"gold\"}",
        "10:00:00 made gold cookie:1 web 50 - segment|cookie:1|{10:00:00}
         10:10:00 withdrawn gold forgotten
         10:20:00 made gold cookie:1 web 50 - segment|cookie:1|{10:20:00}
         10:20:00 made newcomer cookie:1 web 50 - segment|cookie:1|{10:20:00}"
    )
);

case!(
    the_condition_of_the_rule_is_another_matter,
    Case::new(
        vec![Rule {
            condition: Some(("cart.lines > 0", |view| view.cart_lines > 0)),
            ..entered("gold", GOLD)
        }],
        "12:00:00",
        "10:00:00 cookie:1 profile {\"tier\":\"gold\"}
         10:10:00 cookie:1 add A
         10:20:00 cookie:1 remove A",
        "10:10:00 made gold cookie:1 web 50 - segment|cookie:1|{10:00:00}
         10:20:00 withdrawn gold rule"
    )
);
