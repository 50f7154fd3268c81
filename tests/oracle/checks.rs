//! The oracle and its tools, checked against themselves.

use super::compare::{difference, job, lines, rows, smallest};
use super::config::DAY;
use super::decide::{What, offer_id};
use super::engine::{Engine, Job};
use super::event::Event;
use super::generate::Random;
use super::interest::End;
use super::policies::held_out;
use super::random::replay_of;
use super::replay::{Replay, Ticks, answer};
use super::rule_sets::{RuleSet, rule_sets};
use super::rules::When::{self, SegmentEntered};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn set(name: &str) -> RuleSet {
    rule_sets().into_iter().find(|set| set.name == name).expect("a set of that name")
}

/// An engine that reads the rules otherwise than they are meant.
struct Faulty(fn(&mut Replay), Replay);

impl Engine for Faulty {
    fn replay(&self, job: &Job) -> Result<Vec<String>, String> {
        let mut replay = Replay { events: job.events.clone(), ..self.1.clone() };
        (self.0)(&mut replay);
        Ok(lines(&answer(&replay, Ticks::Due)))
    }
}

#[test]
fn offer_ids_are_sha_256_of_brand_rule_and_episode() {
    // printf 'acme\x1fidle\x1fcart|card:1|1000' | sha256sum
    assert_eq!(offer_id("acme", "idle", "cart|card:1|1000"), "8c19a3d41ca15121cf1b40738633a14e");
    // printf '\x1fidle\x1fcart|card:1|1000' | sha256sum
    assert_eq!(offer_id("", "idle", "cart|card:1|1000"), "0ee874882544ddda4673adfcf98c4d5c");
    assert!(End::Bought < End::Removed, "bought if any was bought");
}

#[test]
fn hold_out_goes_by_the_first_eight_bytes_of_a_hash() {
    // printf '\x1fhold-out\x1fcard:1' | sha256sum; the first 16 digits modulo 100
    assert!(!held_out("", "card:1", 3) && held_out("", "card:1", 4));
    assert!(!held_out("acme", "card:1", 5) && held_out("acme", "card:1", 6));
}

#[test]
fn rows_survive_being_printed_and_read() {
    let answer = answer(&replay_of(3, &set("presence")), Ticks::Due);
    assert!(answer.len() > 2);
    assert_eq!(rows(&lines(&answer)), Ok(answer));
}

#[test]
fn a_faulty_engine_is_found_and_its_script_made_small() {
    type Fault = (&'static str, fn(&mut Replay));
    let faults: [Fault; 17] = [
        ("presence", |r| r.config.presence.exit_after += 1),
        ("presence", |r| r.config.presence.leave_after -= 1),
        ("presence", |r| r.config.presence.strongest = false),
        ("every_zone", |r| r.config.presence.window = 1),
        ("policies", |r| r.config.policy.cooldown = None),
        ("policies", |r| r.config.policy.cap = Some((4, 600_000))),
        ("identity", |r| r.config.identity.max_links = 3),
        ("stock", |r| r.config.views_kept += 1000),
        ("attention", |r| r.config.activity_kept -= 1),
        ("attention", |r| {
            for when in r.rules.iter_mut().map(|rule| &mut rule.when) {
                match when {
                    When::BrowseAbandoned { within, .. } => *within -= 1,
                    When::Nearby { within, .. } => *within += 5,
                    When::Requested { approval } => *approval = true,
                    _ => {}
                }
            }
        }),
        ("segments", |r| {
            let SegmentEntered { segment } = r.rules[0].when.clone() else { return };
            r.rules[3].when = SegmentEntered { segment };
        }),
        ("pools", |r| r.rules[0].units = Some(3)),
        ("pools", |r| r.rules[2].back = &["expired", "withdrawn"]),
        ("pools", |r| r.rules[3].back = &["expired", "withdrawn"]),
        ("days", |r| r.rules[0].budget = r.rules[0].budget.map(|(budget, cost)| (budget, cost - 1))),
        ("places", |r| r.config.policy.hold = None),
        ("places", |r| r.rules.iter_mut().for_each(|rule| rule.replaceable = false)),
    ];
    for (name, fault) in faults {
        let set = set(name);
        let found = (1..400)
            .map(|seed| replay_of(seed, &set))
            .find(|replay| difference(replay, &Faulty(fault, replay.clone()), 1).is_some());
        let replay = found.unwrap_or_else(|| panic!("no script shows the fault in {name}"));
        let with = |events: &[String]| Replay { events: events.to_vec(), ..replay.clone() };
        let fails =
            |events: &[String]| difference(&with(events), &Faulty(fault, replay.clone()), 1).is_some();
        let small = smallest(&replay.events, fails);
        println!("{name}: {} events, {} after making small", replay.events.len(), small.len());
        assert!(small.len() < replay.events.len() && fails(&small));
    }
}

#[test]
fn smallest_keeps_only_what_is_needed() {
    let events: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let needed = |kept: &[String]| ["17", "61"].iter().all(|n| kept.contains(&(*n).to_owned()));
    assert_eq!(smallest(&events, needed), ["17", "61"]);
}

/// Moments that the oracle passes over must not matter.
#[test]
fn ticks_at_which_nothing_is_due_change_nothing() {
    for (seed, set) in rule_sets().iter().enumerate().filter(|(_, set)| !set.shape.jumps) {
        let mut replay = replay_of(seed as u64 + 1, set);
        replay.grid = 1000;
        replay.events.truncate(60);
        replay.until = Some(replay.last_moment().div_ceil(1000) * 1000 + 60_000);
        let (some, all) = (answer(&replay, Ticks::Due), answer(&replay, Ticks::Every));
        assert_eq!(some, all, "{}: {}", set.name, replay.events.join("\n"));
    }
}

/// With no two events at one time and no limit to lateness, only the order of times counts.
#[test]
fn order_of_arrival_does_not_matter() {
    let mut random = Random(7);
    let mut made = 0;
    for (seed, mut set) in rule_sets().into_iter().enumerate() {
        (set.shape.weeks, set.shape.months) = (false, false);
        let mut replay = replay_of(seed as u64 + 40, &set);
        replay.events.truncate(120);
        // One tick takes everything in, so that only the final state is asked for. Scripts begin where one of ten
        // days does; some jump past midnight, where two ticks of a day would forget who is who in different ones.
        replay.grid = 10 * DAY;
        replay.config.presence.lateness = 2000 * DAY;
        // Copies, positions and lists of beacons do go by arrival.
        let mut ids = BTreeSet::new();
        replay
            .events
            .retain(|line| ids.insert(Event::read(0, line).reference) && !line.contains("sensor.geo"));
        let spread = |(place, line): (usize, &String)| {
            let mut json: Value = serde_json::from_str(line).expect("JSON");
            let time = Event::read(0, line).time + place as u64;
            json["time"] =
                jiff::Timestamp::from_millisecond(time as i64).expect("a moment").to_string().into();
            json.to_string()
        };
        let spread: Vec<String> = replay.events.iter().enumerate().map(spread).collect();
        let (zones, mut others): (Vec<_>, Vec<_>) =
            spread.into_iter().partition(|line| line.contains("catalog.zone"));
        let in_order = |others: &[String]| Replay { events: [&zones[..], others].concat(), ..replay.clone() };
        let first = answer(&in_order(&others), Ticks::Due);
        made += first.len();
        for _ in 0..5 {
            for place in (1..others.len()).rev() {
                others.swap(place, random.below(place as u64 + 1) as usize);
            }
            assert_eq!(answer(&in_order(&others), Ticks::Due), first, "{}: {}", set.name, others.join("\n"));
        }
    }
    assert!(made > 20, "only {made} offers");
}

/// Whether the scripts are any good: every rule and every reason must come up.
#[test]
fn scripts_reach_every_rule_and_every_reason() {
    let sets = rule_sets();
    let rules = sets.iter().flat_map(|set| set.rules.iter().map(|rule| format!("{} {}", set.name, rule.id)));
    let reasons = [
        "bought",
        "removed",
        "left",
        "out_of_stock",
        "price",
        "rule",
        "unlinked",
        "consent",
        "forgotten",
        "late_event",
        "superseded",
    ];
    let mut missing: BTreeSet<String> = rules.chain(reasons.map(str::to_owned)).collect();
    for seed in 0..5000 {
        let set = &sets[seed as usize % sets.len()];
        // Sets of which everything has been seen are done.
        let done = missing.iter().all(|key| key.contains(' ') && !key.starts_with(&format!("{} ", set.name)));
        for row in if done { Vec::new() } else { answer(&replay_of(seed, set), Ticks::Due) } {
            missing.remove(&match row.what {
                What::Made { rule, .. } => format!("{} {rule}", set.name),
                What::Withdrawn { reason } => reason,
            });
        }
        if missing.is_empty() {
            println!("all seen after {seed} scripts");
            return;
        }
    }
    panic!("never came up: {missing:?}");
}

/// Whether random scripts try what is special about segments.
#[test]
fn scripts_enter_segments_again_and_leave_them() {
    let set = set("segments");
    let (mut entries, mut reasons) = (BTreeMap::new(), BTreeMap::new());
    for seed in 1..41 {
        for row in answer(&replay_of(seed, &set), Ticks::Due) {
            match row.what {
                What::Made { rule, episode, person, .. } => {
                    entries.entry((seed, rule, person)).or_insert_with(BTreeSet::new).insert(episode);
                }
                What::Withdrawn { reason } => *reasons.entry(reason).or_insert(0) += 1,
            }
        }
    }
    let again = entries.values().filter(|episodes| episodes.len() > 1).count();
    println!("{} entered, {again} more than once; taken back: {reasons:?}", entries.len());
    assert!(entries.len() > 100 && again > 20);
    for (reason, least) in [("left", 50), ("late_event", 10), ("rule", 3), ("forgotten", 3)] {
        assert!(reasons.get(reason).is_some_and(|times| *times >= least), "{reason}: {reasons:?}");
    }
}

#[test]
fn jobs_carry_rules_and_configuration_as_toml() {
    for set in rule_sets() {
        let replay =
            Replay { events: Vec::new(), rules: set.rules, config: set.config, grid: 1, until: None };
        let job = job(&replay, 2);
        let config: toml::Table = job.config.parse().expect("the configuration is TOML");
        assert!(
            ["presence", "identity", "retention", "policy"].iter().all(|table| config.contains_key(*table))
        );
        let rules: toml::Table = job.rules[0].1.parse().expect("the rules are TOML");
        assert_eq!(rules["rule"].as_table().map(toml::Table::len), Some(replay.rules.len()));
    }
}
