//! What falls out of what is kept: on scripts over months, with events that come days too late, engine and oracle
//! agree. That something fell out while later things were kept, that events came late on both sides of the limit,
//! and that it decides something is counted, so that scripts that never come to it are a red test.
//!
//! `SHOPBELL_ORACLE_SCRIPTS` sets how many scripts (60, of each kind), `SHOPBELL_ORACLE_SEED` the first seed (1).

use super::compare::assert_agrees;
use super::config::{Config, DAY, HOUR, MINUTE};
use super::decide::What;
use super::engine::Shopbell;
use super::event::{Act, Event, Time};
use super::generate::Random;
use super::replay::{Replay, Ticks, answer};
use super::rule_sets::words::{
    BY_VISITS, EVERYWHERE, FAVOURED, FIRST_ORDER, FREQUENT_BUYER, GOLD, GOLD_OR_SPENDER, NEW, NO_ORDER,
    NO_TIER, NOT_GOLD, REGULAR, SAVED, SPENDER, SPORTY, browsed, cart,
};
use super::rules::{Condition, Rule, When};
use super::script::{MONDAY, clock_text, json_lines};
use super::world::NEWEST_CHANGES;
use crate::recovery::setting;
use std::collections::BTreeMap;

const HANDLES: [&str; 3] = ["cookie:1", "phone:1", "card:1"];
const STEPS: [Time; 8] = [1000, MINUTE, HOUR, DAY, 3 * DAY, 5 * DAY, 10 * DAY, 31 * DAY];

/// Events as the clock goes on by minutes or by weeks, four of ten later than they happened.
fn script(random: &mut Random, length: usize, late: &[Time], verb: fn(&mut Random) -> String) -> Vec<String> {
    // Late enough in the year that nothing comes from before its beginning.
    let (mut clock, mut lines) = (MONDAY + 100 * DAY, Vec::new());
    for place in 0..length {
        clock += random.of(&STEPS) + random.of(&[0, 0, 1]);
        let late = if random.below(10) < 4 { random.of(late) } else { 0 };
        let handle = random.of(&HANDLES);
        let words = match random.below(24) {
            0 => format!("link {}", HANDLES.iter().find(|other| **other != handle).unwrap()),
            1 => format!("unlink {}", HANDLES.iter().find(|other| **other != handle).unwrap()),
            2 if random.below(4) == 0 => "forget".to_owned(),
            _ => verb(random),
        };
        lines.push(format!("{} {handle} {words} #{place}", clock_text(clock - late)));
    }
    json_lines(&lines.join("\n"))
}

fn replay_of(random: &mut Random, events: Vec<String>, rules: Vec<Rule>, config: Config) -> Replay {
    let grid = random.of(&[1, 1000, 10_000]);
    let replay = Replay { events, rules, config, grid, until: None };
    let until = replay.last_moment() + random.of(&[0, DAY, 12 * DAY]);
    Replay { until: Some(until), ..replay }
}

fn each(mut check: impl FnMut(&str, &mut Random, usize)) {
    let first = setting("SHOPBELL_ORACLE_SEED", 1);
    for seed in first..first + setting("SHOPBELL_ORACLE_SCRIPTS", 60) {
        check(&format!("seed {seed}"), &mut Random(seed * 1000 + 7), [1, 2, 4][seed as usize % 3]);
    }
}

/// The shortest that is allowed.
const SEGMENTS_KEPT: Time = 31 * DAY;

fn change(random: &mut Random) -> String {
    match random.below(10) {
        0..=4 => {
            format!("profile {{\"tier\":{}}}", random.of(&["\"gold\"", "\"gold\"", "\"silver\"", "null"]))
        }
        5 => format!("profile {{\"visits\":{}}}", random.of(&["1", "3", "null"])),
        6 => format!("refund t1 A ={}", random.of(&[10, 20])),
        _ => format!("buy t{} A ={}", random.below(1_000_000), random.of(&[10, 20, 30])),
    }
}

/// How often changes were merged, and how events came while something was merged and something was not.
#[derive(Debug, Default)]
struct Merges {
    /// A change grew too old, and a later one of its handle was kept.
    grown_old: usize,
    /// A change came that was too old from the beginning.
    late_before: usize,
    /// A change came that was kept, and was not the latest.
    late_after: usize,
}

impl Merges {
    fn count(&mut self, replay: &Replay) {
        let mut known: BTreeMap<String, Vec<Time>> = BTreeMap::new();
        let mut clock = 0;
        for (seq, line) in replay.events.iter().enumerate() {
            let event = Event::read(seq, line);
            let before = clock;
            clock = before.max(event.time);
            let is_kept = |time: Time, clock: Time| time + SEGMENTS_KEPT >= clock;
            for times in known.values().filter(|times| times.iter().any(|time| is_kept(*time, clock))) {
                self.grown_old +=
                    times.iter().filter(|time| is_kept(**time, before) && !is_kept(**time, clock)).count();
            }
            if !matches!(event.act, Act::Profile(_) | Act::Purchase { .. } | Act::Refund { .. }) {
                continue;
            }
            let times = known.entry(event.handle).or_default();
            let (kept, merged): (Vec<Time>, Vec<Time>) =
                times.iter().partition(|time| is_kept(**time, clock));
            if !kept.is_empty() && !merged.is_empty() {
                self.late_before += usize::from(!is_kept(event.time, clock));
                let later = kept.iter().any(|time| *time > event.time);
                self.late_after += usize::from(is_kept(event.time, clock) && later);
            }
            times.push(event.time);
        }
    }
}

#[test]
fn segments_are_entered_after_what_is_long_known() {
    let entered =
        |id, segment: Condition| Rule { valid: 30 * DAY, ..Rule::new(id, When::SegmentEntered { segment }) };
    let rules = vec![
        entered("gold", GOLD),
        entered("spender", SPENDER),
        entered("first_order", FIRST_ORDER),
        entered("gold_or_spender", GOLD_OR_SPENDER),
        entered("no_order", NO_ORDER),
        entered("no_tier", NO_TIER),
        entered("not_gold", NOT_GOLD),
        entered("frequent_buyer", FREQUENT_BUYER),
    ];
    let late = [HOUR, DAY, 9 * DAY, 20 * DAY, 30 * DAY, 31 * DAY, 31 * DAY + 1, 32 * DAY, 45 * DAY, 90 * DAY];
    let (mut merges, mut said) = (Merges::default(), BTreeMap::new());
    each(|name, random, workers| {
        let length = 30 + random.below(40) as usize;
        let events = script(random, length, &late, change);
        let config = Config { segments_kept: SEGMENTS_KEPT, ..Config::default() };
        let replay = replay_of(random, events, rules.clone(), config);
        merges.count(&replay);
        for row in answer(&replay, Ticks::Due) {
            let what = match row.what {
                What::Made { .. } => "made".to_owned(),
                What::Withdrawn { reason } => reason,
            };
            *said.entry(what).or_insert(0) += 1;
        }
        assert_agrees(name, &replay, &Shopbell, workers);
    });
    println!("{merges:?}, {said:?}");
    assert!(merges.grown_old > 100 && merges.late_before > 50 && merges.late_after > 50, "{merges:?}");
    for (what, least) in [("made", 200), ("left", 50), ("late_event", 20)] {
        assert!(said.get(what).is_some_and(|times| *times >= least), "{what}: {said:?}");
    }
}

/// One handle says so much that only the newest of it is kept; what another one of the person says falls in between.
#[test]
fn segments_are_entered_by_the_newest_changes_of_a_handle() {
    let entered =
        |id, segment: Condition| Rule { valid: 30 * DAY, ..Rule::new(id, When::SegmentEntered { segment }) };
    let rules = vec![
        entered("gold", GOLD),
        entered("gold_or_spender", GOLD_OR_SPENDER),
        entered("frequent_buyer", FREQUENT_BUYER),
        entered("no_tier", NO_TIER),
    ];
    let (mut beyond, mut made) = (0, 0);
    for seed in 1..3 {
        let random = &mut Random(seed);
        let (mut clock, mut lines) = (MONDAY, vec!["00:00:00 card:1 link cookie:1".to_owned()]);
        for place in 0..330 {
            clock += random.of(&[1000, MINUTE, MINUTE, HOUR]);
            let late =
                if random.below(10) < 2 { random.of(&[MINUTE, HOUR, 60 * HOUR, 90 * HOUR]) } else { 0 };
            let handle = if random.below(10) == 0 { "card:1" } else { "cookie:1" };
            beyond += usize::from(handle == "cookie:1" && place > NEWEST_CHANGES + 40);
            lines.push(format!(
                "{} {handle} {}",
                clock_text(clock.saturating_sub(late).max(MONDAY)),
                change(random)
            ));
        }
        let events = json_lines(&lines.join("\n"));
        let replay = replay_of(random, events, rules.clone(), Config::default());
        made +=
            answer(&replay, Ticks::Due).iter().filter(|row| matches!(row.what, What::Made { .. })).count();
        assert_agrees(&format!("seed {seed}"), &replay, &Shopbell, [1, 2, 4][seed as usize % 3]);
    }
    println!("{beyond} changes beyond the newest, {made} offers");
    assert!(beyond > 30 && made > 50, "{beyond} {made}");
}

fn act(random: &mut Random) -> String {
    let item = random.of(&["A", "B", "C", "D"]);
    let item = format!("{item}{}", random.of(&["~sport", "~garden", "~deep", "", ""]));
    let shop = random.of(&["s1", "s2"]);
    match random.below(20) {
        0..=3 => format!("add {item}"),
        4 => format!("remove {item}"),
        5..=7 => format!("view {item}"),
        8..=9 => format!("wish {item}"),
        10..=11 => format!("buy t{} {item} {item}", random.below(1_000_000)),
        12..=13 => format!("till {shop} t{} {item}", random.below(1_000_000)),
        14..=15 => format!("checkin {shop}"),
        16 => format!("leave {shop}"),
        17 => "opened x".to_owned(),
        18 => format!("search {shop}"),
        _ => format!("enter {shop}"),
    }
}

/// The name of a retention, and how to keep all by it.
type Keeps = (&'static str, fn(&mut Config));

/// What a retention decides: scripts whose answer is another where nothing is too old.
fn decides(replay: &Replay, keeps_all: fn(&mut Config)) -> bool {
    let mut longer = replay.clone();
    keeps_all(&mut longer.config);
    answer(replay, Ticks::Due) != answer(&longer, Ticks::Due)
}

#[test]
fn what_is_too_old_counts_for_nothing() {
    let long = |rule: Rule| Rule { valid: 30 * DAY, ..rule };
    let when = |id, condition, when| long(Rule { condition: Some(condition), ..Rule::new(id, when) });
    let rules = vec![
        when("regular", REGULAR, cart(MINUTE, false, true)),
        when("newcomer", NEW, When::Lapsed { idle: HOUR }),
        when("everywhere", EVERYWHERE, cart(HOUR, true, true)),
        when("sporty", SPORTY, When::Lapsed { idle: MINUTE }),
        when("favoured", FAVOURED, cart(HOUR, true, false)),
        when("favoured_lately", FAVOURED, When::CheckedIn),
        long(Rule { score: BY_VISITS, ..Rule::new("receipt", When::Purchased { within: 20 * DAY }) }),
        long(Rule { score: BY_VISITS, ..Rule::new("looked", browsed(DAY, 1, 5 * DAY)) }),
        long(Rule::new("left", When::StoreLeft { min_dwell: 0, after: 12 * DAY, interest: SAVED })),
    ];
    let late = [HOUR, DAY, 4 * DAY, 9 * DAY, 10 * DAY, 10 * DAY + 1, 11 * DAY, 30 * DAY, 31 * DAY, 35 * DAY];
    let mut decided: BTreeMap<&str, usize> = BTreeMap::new();
    each(|name, random, workers| {
        let length = 30 + random.below(30) as usize;
        let events = script(random, length, &late, act);
        let mut config = Config { views_kept: 6 * DAY, purchases_kept: 10 * DAY, ..Config::default() };
        (config.carts_kept, config.wishlists_kept) = (9 * DAY, 11 * DAY);
        config.days_kept = 31 * DAY;
        config.presence.visits_kept = 20 * DAY;
        let replay = replay_of(random, events, rules.clone(), config);
        let keeps: [Keeps; 5] = [
            ("carts", |config| config.carts_kept = 3650 * DAY),
            ("wishlists", |config| config.wishlists_kept = 3650 * DAY),
            ("views", |config| config.views_kept = 3650 * DAY),
            ("purchases", |config| config.purchases_kept = 3650 * DAY),
            ("days", |config| config.days_kept = 3650 * DAY),
        ];
        for (what, keeps_all) in keeps {
            *decided.entry(what).or_default() += usize::from(decides(&replay, keeps_all));
        }
        assert_agrees(name, &replay, &Shopbell, workers);
    });
    println!("{decided:?}");
    assert!(decided.values().all(|scripts| *scripts >= 10), "{decided:?}");
}
